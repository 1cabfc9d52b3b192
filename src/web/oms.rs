//! The back office (OMS): what staff see. In English, dense and calm; every page works without
//! JavaScript.

pub mod access;
pub mod account;
pub mod activity;
pub mod contact;
pub mod customers;
pub mod desk;
pub mod doctor;
pub mod email;
pub mod factor;
pub mod fields;
mod filters;
pub mod frame;
pub mod help;
pub mod keys;
pub mod login;
pub mod look;
pub mod mails;
pub mod numbers;
pub mod preview;
pub mod probe;
pub mod record;
pub mod reminder;
pub mod settings;
pub mod staff;
pub mod stores;
pub mod suppressed;
pub mod test_mail;
pub mod timeline;
pub mod tutorials;
pub mod wording;
