//! Browser tests: stories of customers in Chromium, against the real program with its real mail.
//!
//! Each story runs a `doorkey demo` of its own and browsers with profiles of their own. Whatever the
//! story, a browser fails it when a page asked another origin for anything, or when the console
//! told of an error or of a violated Content-Security-Policy.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod browser;
mod chromedriver;
mod demo;
mod desk;

mod account;
mod habits;
mod keyboard;
mod look;
mod mail_pictures;
mod network;
mod password_managers;
mod pictures;
mod previews;
mod record;
mod recovery;
mod sample_pages;
mod tour;
mod tour_desk;
mod tours;
mod without_script;
