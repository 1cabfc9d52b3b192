//! Sending one rendered message to the configured mail server (RFC 5321), over a few connections
//! that are kept between mails.
//!
//! The conversation itself is in `session`. lettre builds our messages (`mime`) but does not carry
//! them, because its connection (0.11.23) does not say which command a refusal answers, puts no time
//! limit on a reply, cannot set TCP_NODELAY, and takes what a man in the middle wrote in clear after
//! `STARTTLS` for the server's answers inside TLS.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use reply::{Failure, Step, wire_form};
use session::{Server, Session};

mod reply;
mod session;
mod target;

/// How long an unused connection is kept before it is closed with `QUIT`: at least this, at most
/// twice this. Servers hang up after minutes; not leaving first is impolite and costs a retry.
const IDLE: Duration = Duration::from_secs(20);

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
            _ => Err("smtp.tls must be \"required\", \"opportunistic\" or \"none\"".to_owned()),
        }
    }
}

/// Where and how mail leaves this installation.
#[derive(Clone)]
pub struct SmtpSettings {
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
    /// The name given in `EHLO`; without one, the address literal of our end (RFC 5321, 4.1.3).
    pub hello: Option<String>,
}

impl SmtpSettings {
    /// Settings for `url` with everything else at its default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            tls: None,
            connections: 8,
            timeout_seconds: 30,
            root_certificate: None,
            hello: None,
        }
    }
}

impl fmt::Debug for SmtpSettings {
    /// Leaves out the URL, which may hold a password.
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
    },
    /// The server refuses this recipient or this message for good (5xx to `RCPT` or `DATA`).
    Refused {
        /// The server's answer.
        reply: String,
    },
}

/// The way out for mail: connects when there is something to send, keeps connections for the next.
pub struct Smtp {
    server: Server,
    slots: Semaphore,
    pool: Arc<Mutex<Pool>>,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Idle>,
    sweeping: bool,
}

struct Idle {
    session: Session,
    /// Whether the sweeper has seen it lie here before.
    stale: bool,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Smtp({})", self.server.place())
    }
}

impl Smtp {
    /// Reads the settings; connects to nothing yet.
    ///
    /// # Errors
    /// One line that names the setting and what to do, for a URL or certificate file that cannot be
    /// used, or for a log-in that would cross the network in clear. It never repeats the URL.
    pub fn new(settings: &SmtpSettings) -> Result<Self, String> {
        Ok(Self {
            server: target::server(settings)?,
            slots: Semaphore::new(settings.connections.max(1) as usize),
            pool: Arc::default(),
        })
    }

    /// Hands over one message to one recipient.
    ///
    /// `envelope_from` may be empty (the null sender of RFC 5321, 4.5.5). `raw` is a complete message
    /// of 7-bit lines, as `mime::compose` makes it; dots are stuffed and bare line ends repaired here.
    pub async fn send(&self, envelope_from: &str, envelope_to: &str, raw: &[u8]) -> Outcome {
        if !envelope_from.is_empty() && !speakable(envelope_from) {
            let reply = "the sender address cannot be used in SMTP".into();
            return Outcome::Deferred { reply, perhaps: false };
        }
        if !speakable(envelope_to) {
            return Outcome::Refused { reply: "the address cannot be used in SMTP".into() };
        }
        let Ok(_slot) = self.slots.acquire().await else {
            return Outcome::Deferred { reply: "mail is being shut down".into(), perhaps: false };
        };
        match self.hand_over(envelope_from, envelope_to, &wire_form(raw)).await {
            Ok(reply) => Outcome::Accepted { reply },
            Err(failure) if failure.is_final() => Outcome::Refused { reply: failure.text },
            Err(failure) => {
                let perhaps = failure.is_open();
                Outcome::Deferred { reply: failure.text, perhaps }
            }
        }
    }

    /// Tries what sending needs, short of a mail: connect, `EHLO`, TLS, log in, `QUIT`. Both sides of
    /// the result are one line for the operator: what was found, or what failed.
    ///
    /// # Errors
    /// When any of these steps fails, so that no mail could leave either.
    pub async fn check(&self) -> Result<String, String> {
        let session = Session::open(&self.server).await.map_err(|failure| failure.text)?;
        let found = format!("{}: {}", self.server.place(), session.describe());
        session.quit().await;
        Ok(found)
    }

    /// Closes the connections that are not in use, for an orderly end.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut lock(&self.pool).idle);
        for Idle { session, .. } in idle {
            session.quit().await;
        }
    }

    /// A kept connection may have been closed by the server meanwhile. That shows at `MAIL`, when
    /// nothing has been handed over yet, and is no reason to defer: a fresh one is tried at once.
    async fn hand_over(&self, from: &str, to: &str, wire: &[u8]) -> Result<String, Failure> {
        let kept = lock(&self.pool).idle.pop();
        if let Some(Idle { mut session, .. }) = kept {
            let result = session.deliver(from, to, wire).await;
            match &result {
                Err(failure) if failure.step == Step::Mail && failure.ends_session() => {}
                _ => return self.settle(session, result).await,
            }
        }
        let mut session = Session::open(&self.server).await?;
        let result = session.deliver(from, to, wire).await;
        self.settle(session, result).await
    }

    /// Keeps the connection for the next mail if it is in a known state, otherwise leaves.
    async fn settle(
        &self,
        mut session: Session,
        result: Result<String, Failure>,
    ) -> Result<String, Failure> {
        let reusable = match &result {
            Ok(_) => true,
            Err(failure) if failure.ends_session() || failure.step == Step::Mail => false,
            Err(_) => session.reset().await.is_ok(),
        };
        if reusable {
            self.keep(session);
        } else {
            session.leave().await;
        }
        result
    }

    fn keep(&self, session: Session) {
        let mut pool = lock(&self.pool);
        pool.idle.push(Idle { session, stale: false });
        if !std::mem::replace(&mut pool.sweeping, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.pool)));
        }
    }
}

/// Closes what has not been used for a whole period; ends when nothing is left to watch.
async fn sweep(pool: Weak<Mutex<Pool>>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(pool) = pool.upgrade() else { return };
        let (old, done) = {
            let mut pool = lock(&pool);
            let old: Vec<Idle> = pool.idle.extract_if(.., |idle| idle.stale).collect();
            pool.idle.iter_mut().for_each(|idle| idle.stale = true);
            pool.sweeping = !pool.idle.is_empty();
            (old, !pool.sweeping)
        };
        for Idle { session, .. } in old {
            session.quit().await;
        }
        if done {
            return;
        }
    }
}

/// The pool stays usable after a panic elsewhere: at worst it holds a connection too many.
fn lock(pool: &Mutex<Pool>) -> MutexGuard<'_, Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
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
