//! The back office.

mod activity;
mod address;
mod contact;
mod door;
mod email;
mod forgotten;
mod help;
mod keys;
mod matrix;
mod numbers;
mod own;
mod record;
mod reminder;
mod sealed;
mod search;
mod settings;
mod staff;
mod stores;
mod timeline;
mod tutorials;
mod wording;
