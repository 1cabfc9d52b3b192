//! A store's pages.

pub mod account;
pub mod captcha;
pub mod gate;
pub mod links;
pub mod login;
pub mod look;
pub mod opener;
pub mod password;
pub mod recovery;
pub mod register;
