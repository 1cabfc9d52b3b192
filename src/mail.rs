//! Mail: what waits ([`outbox`]), what it says ([`message`]), who sends it ([`worker`]) and how
//! ([`smtp`], [`mime`]), signed ([`dkim`]).

pub mod dkim;
pub mod message;
pub mod mime;
pub mod outbox;
pub mod smtp;
pub mod worker;
