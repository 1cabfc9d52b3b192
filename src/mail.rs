//! Mail: what waits ([`outbox`]), what it says ([`message`]), who sends it ([`worker`]) and how
//! ([`smtp`], [`mime`]), signed ([`dkim`]); whether it can arrive ([`doctor`], which asks [`dns`]);
//! which domains do not take it ([`domain`]), how the senders are doing ([`pulse`]), and what staff
//! do about a single one ([`retry`]); and what comes back ([`bounce`]), by which ways ([`inbound`],
//! [`lmtp`], [`hooks`]).

pub mod bounce;
pub mod dkim;
pub mod dns;
pub mod doctor;
pub mod domain;
pub mod home;
pub mod hooks;
pub mod inbound;
pub mod lmtp;
pub mod message;
pub mod mime;
pub mod outbox;
pub mod parse;
pub mod probe;
pub mod pulse;
pub mod retry;
pub mod scrub;
pub mod smtp;
pub mod test_mail;
pub mod worker;
