//! The tests: stories through the whole program, in-process, on SQLite and on PostgreSQL, with mail
//! going over a real SMTP socket.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

mod abuse;
mod accounts;
mod bounce;
mod canary;
mod commands;
mod configuration;
mod crash;
mod doctor;
mod journey;
mod layers;
mod link;
mod mail;
mod oms;
mod pages;
mod password;
mod recipient;
mod relays;
mod secrecy;
mod sessions;
mod smtp;
mod soak;
mod token;
