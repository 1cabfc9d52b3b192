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
mod previews;
mod record;
mod reminder;
mod sealed;
mod search;
mod settings;
mod several;
mod staff;
mod stores;
mod timeline;
mod told;
mod tutorials;
mod wording;
