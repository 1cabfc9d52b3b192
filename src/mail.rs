//! Mail: what waits ([`outbox`]), what it says ([`message`]), who sends it ([`worker`]) and how
//! ([`smtp`], [`mime`]), signed ([`dkim`]); whether it can arrive ([`doctor`], which asks [`dns`]).

pub mod dkim;
pub mod dns;
pub mod doctor;
pub mod message;
pub mod mime;
pub mod outbox;
pub mod probe;
pub mod smtp;
pub mod test_mail;
pub mod worker;
