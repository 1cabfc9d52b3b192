//! Sending one rendered message to the configured mail servers (RFC 5321), over a few connections
//! that are kept between mails.
//!
//! One server with its connections is a `relay`, the conversation itself is in `session`. lettre builds our messages (`mime`) but does not carry
//! them, because its connection (0.11.23) does not say which command a refusal answers, puts no time
//! limit on a reply, cannot set TCP_NODELAY, and takes what a man in the middle wrote in clear after
//! `STARTTLS` for the server's answers inside TLS.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use relay::Relay;
use reply::{Failure, printable, wire_form};

pub use auth::{Auth, TokenSource};

mod auth;
mod relay;
mod reply;
mod session;
mod target;

/// When the connection must be encrypted. A `smtps://` URL is encrypted from the first byte whatever
/// the policy. Whenever TLS is used, the certificate is verified, for the host name of the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsPolicy {
    /// No envelope, no log-in and no content without verified TLS. Never falls back.
    Required,
    /// TLS where the server offers it (a failed handshake defers the mail), otherwise in clear.
    Opportunistic,
    /// In clear: for a server on the same machine.
    None,
}

impl FromStr for TlsPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "required" => Ok(Self::Required),
            "opportunistic" => Ok(Self::Opportunistic),
            "none" => Ok(Self::None),
            _ => Err("use \"required\", \"opportunistic\" or \"none\"".to_owned()),
        }
    }
}

/// Where and how mail leaves this installation: one relay.
#[derive(Clone)]
pub struct SmtpSettings {
    /// What its settings are called, for messages: `smtp` or `smtp.backup`.
    pub key: &'static str,
    /// `smtp://[user:password@]host[:port]` or `smtps://…`; user and password percent-encoded. The
    /// port is 465 for `smtps`, otherwise 587 with a log-in and 25 without.
    pub url: String,
    /// `None` takes the default: [`TlsPolicy::Required`], or [`TlsPolicy::None`] on loopback.
    pub tls: Option<TlsPolicy>,
    /// At most this many connections at once (at least one).
    pub connections: u32,
    /// Seconds to wait for the connection and for each single reply.
    pub timeout_seconds: u64,
    /// A PEM file of certificates trusted besides the system's, for a private authority.
    pub root_certificate: Option<PathBuf>,
    /// How to log in, where the URL names a user.
    pub auth: Auth,
    /// What to log in with instead of a password.
    pub token: Option<TokenSource>,
    /// At most so many mails a second, evenly; `None`: as many as go.
    pub per_second: Option<u32>,
    /// How long it is passed by when it is down and there is a second, before one mail tries it again.
    pub pass_by: Duration,
    /// The name given in `EHLO`; without one, the address literal of our end (RFC 5321, 4.1.3).
    pub hello: Option<String>,
}

impl SmtpSettings {
    /// Settings for `url` with everything else at its default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            key: "smtp",
            url: url.into(),
            tls: None,
            connections: 8,
            timeout_seconds: 30,
            root_certificate: None,
            auth: Auth::Auto,
            token: None,
            per_second: None,
            pass_by: Duration::from_secs(30),
            hello: None,
        }
    }
}

impl fmt::Debug for SmtpSettings {
    /// Leaves out the URL, which may hold a password, and the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("tls", &self.tls)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

/// How an attempt to hand over one message ended. `reply` is the server's own answer (or what
/// happened instead of one): one printable line of at most 300 characters without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server took responsibility for the message.
    Accepted {
        /// The server's answer.
        reply: String,
    },
    /// Not now: try again later. Everything that says nothing about the recipient ends here too: no
    /// connection, a time-out, a TLS failure, a refused log-in, a refused sender.
    Deferred {
        /// The server's answer, or what went wrong.
        reply: String,
        /// Whether the server may have the message all the same: the connection was lost behind the
        /// content, before the answer.
        perhaps: bool,
        /// Whose fault it was.
        blame: Blame,
    },
    /// The server refuses this recipient or this message for good (5xx to `RCPT` or `DATA`).
    Refused {
        /// The server's answer.
        reply: String,
    },
}

/// Whose fault it was that a mail was not taken: who waits until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Our own mail server's: no connection, no TLS, no log-in. No mail would leave.
    Relay,
    /// The receiving domain's: it said "later" to this recipient or message.
    Domain,
    /// Nobody's but this mail's: its sender, its mailbox, a connection that broke.
    Mail,
}

/// The way out for mail: one relay, or a second one behind it for when the first is down or says
/// "not now".
///
/// The second is never asked once the first may have the message: the mail would arrive twice. A
/// first relay that is down is passed by for a while, so that it does not cost each mail a time-out,
/// and tried again by single mails until one gets through.
pub struct Smtp {
    first: Relay,
    backup: Option<Relay>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.backup {
            None => write!(f, "Smtp({})", self.first.place()),
            Some(backup) => write!(f, "Smtp({}, {})", self.first.place(), backup.place()),
        }
    }
}

impl Smtp {
    /// Reads the settings of one relay; connects to nothing yet.
    ///
    /// # Errors
    /// One line that names the setting and what to do, for a URL or certificate file that cannot be
    /// used, or for a log-in that would cross the network in clear. It never repeats the URL.
    pub fn new(settings: &SmtpSettings) -> Result<Self, String> {
        Ok(Self { first: Relay::new(settings)?, backup: None })
    }

    /// The same with a second relay.
    ///
    /// # Errors
    /// As [`Smtp::new`].
    pub fn with_backup(first: &SmtpSettings, backup: &SmtpSettings) -> Result<Self, String> {
        Ok(Self { first: Relay::new(first)?, backup: Some(Relay::new(backup)?) })
    }

    /// Hands over one message to one recipient.
    ///
    /// `envelope_from` may be empty (the null sender of RFC 5321, 4.5.5). `raw` is a complete message
    /// of 7-bit lines, as `mime::compose` makes it; dots are stuffed and bare line ends repaired here.
    pub async fn send(&self, envelope_from: &str, envelope_to: &str, raw: &[u8]) -> Outcome {
        if !envelope_from.is_empty() && !speakable(envelope_from) {
            let reply = "the sender address cannot be used in SMTP".into();
            return Outcome::Deferred { reply, perhaps: false, blame: Blame::Mail };
        }
        if !speakable(envelope_to) {
            return Outcome::Refused { reply: "the address cannot be used in SMTP".into() };
        }
        let wire = wire_form(raw);
        let (mut told, mut whose) = (Vec::new(), Blame::Relay);
        for (name, relay) in self.in_turn() {
            let result = relay.send(envelope_from, envelope_to, &wire).await;
            count(name, &result);
            match result {
                Ok(reply) if name == BACKUP => {
                    let reply = format!("{reply} (through the backup relay, {})", relay.place());
                    return Outcome::Accepted { reply: printable(&reply) };
                }
                Ok(reply) => return Outcome::Accepted { reply },
                Err(failure) if failure.is_final() => {
                    return Outcome::Refused { reply: failure.text };
                }
                Err(failure) if failure.is_open() => {
                    let blame = failure.blame();
                    return Outcome::Deferred { reply: failure.text, perhaps: true, blame };
                }
                Err(failure) => {
                    // Of two relays, one that could be talked to says more than one that could not.
                    if failure.blame() != Blame::Relay {
                        whose = failure.blame();
                    }
                    told.push((name, failure.text));
                }
            }
        }
        // In the order of the settings, whichever was asked first.
        told.sort_by_key(|(name, _)| *name == BACKUP);
        let told: Vec<_> = told.into_iter().map(|(_, text)| text).collect();
        let reply = printable(&told.join("; the backup relay: "));
        Outcome::Deferred { reply, perhaps: false, blame: whose }
    }

    /// The relays, with the one to ask first in front. One that is down goes behind, not away: the
    /// other may be down as well, and this one up again.
    fn in_turn(&self) -> Vec<(&'static str, &Relay)> {
        let mut relays = vec![(FIRST, &self.first)];
        if let Some(backup) = &self.backup {
            relays.push((BACKUP, backup));
            if self.first.is_passed_by() {
                relays.reverse();
            }
        }
        relays
    }

    /// Why the first relay is passed by at the moment, if it is and there is a second.
    pub fn on_backup(&self) -> Option<String> {
        self.backup.as_ref().and_then(|_| self.first.trouble())
    }

    /// Tries what sending needs, short of a mail, with the first relay: connect, `EHLO`, TLS, log in,
    /// `QUIT`. Both sides of the result are one line for the operator: what was found, or what failed.
    ///
    /// # Errors
    /// When any of these steps fails, so that no mail could leave that way.
    pub async fn check(&self) -> Result<String, String> {
        self.first.check().await
    }

    /// The same with the second relay; `None` where there is none.
    pub async fn check_backup(&self) -> Option<Result<String, String>> {
        match &self.backup {
            Some(backup) => Some(backup.check().await),
            None => None,
        }
    }

    /// Closes the connections that are not in use, for an orderly end.
    pub async fn close(&self) {
        self.first.close().await;
        if let Some(backup) = &self.backup {
            backup.close().await;
        }
    }
}

/// The relays' names, for metrics.
const FIRST: &str = "first";
const BACKUP: &str = "backup";

fn count(relay: &'static str, result: &Result<String, Failure>) {
    let outcome = match result {
        Ok(_) => "accepted",
        Err(failure) if failure.is_final() => "refused",
        Err(failure) if failure.is_open() => "unknown",
        Err(_) => "deferred",
    };
    metrics::counter!("doorkey_relay_mails", "relay" => relay, "outcome" => outcome).increment(1);
}

/// Reads replies as a session does and gives their number, up to the first that is none: what a server
/// can write is tried out with this (`fuzz/`).
pub async fn count_replies(mut wire: &[u8]) -> usize {
    let mut count = 0;
    while reply::read_reply(&mut wire).await.is_ok() {
        count += 1;
    }
    count
}

/// Whether an address can stand between the angle brackets of a command as it is. Addresses were
/// parsed long before; this is the last line against a second command in one (row of printable
/// ASCII without space and brackets, at most 254 bytes as RFC 5321, 4.5.3.1.3 allows).
fn speakable(address: &str) -> bool {
    address.len() <= 254
        && address.contains('@')
        && address.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_between_angle_brackets_is_spoken() {
        assert!(speakable("ada@example.test"));
        for wrong in [
            "",
            "ada",
            "a b@example.test",
            "a@example.test>\r\nRCPT TO:<b@example.test",
            "a@example.test\0",
            "ä@example.test",
            &format!("{}@example.test", "a".repeat(250)),
        ] {
            assert!(!speakable(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn settings_and_sender_print_no_password() {
        let settings = SmtpSettings::new("smtps://ada:hunter2@mail.example.test");
        let smtp = Smtp::new(&settings).unwrap();
        let shown = format!("{settings:?} {smtp:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("mail.example.test:465"), "{shown}");
    }
}
