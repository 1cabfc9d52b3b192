//! Passwords: the same verdict wherever one is chosen, all of it hashed, and hashed well.

mod hashing;
mod policy;
mod whole;

const NEW: &str = "a brand new teapot";
const ADA: &str = "ada@example.test";
