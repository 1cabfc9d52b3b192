//! The demo: sample merchants, a sample shop, and a mailbox that catches all mail. It sees of
//! Doorkey what a foreign shop sees, and cannot be reached from `serve`.

pub mod catcher;
pub mod data;
pub mod index;
pub mod mailbox;
pub mod reminder;
pub mod shop;
pub mod signing;
