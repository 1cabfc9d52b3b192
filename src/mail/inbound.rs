//! Mail that comes to us: which addresses are ours, and who takes what is sent to them. The same for
//! every way in: the LMTP listener, and `doorkey bounce` behind a mail server's pipe.

use std::sync::Arc;

use crate::address::EmailAddress;
use crate::clock::Clock;
use crate::config::BounceConfig;
use crate::db::{Db, Result};
use crate::mail::bounce::verp::{self, Use, Verp};
use crate::mail::bounce::{self, Came, Envelope, Tools, Unreadable};
use crate::mail::home::Home;
use crate::secret::Key;
use crate::store::{Store, Stores};

/// What takes in mail works with.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// The database.
    pub db: Db,
    /// Time.
    pub clock: Clock,
    /// Whose senders are ours.
    pub stores: Arc<Stores>,
    /// Reads marks.
    pub verp: Verp,
    /// Ties the activity's chains.
    pub activity: Key,
    /// Takes test mails and probes.
    pub home: Home,
}

/// Whose an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Reports about mails: the mail, where the address names it.
    Bounce(Option<String>),
    /// Test mails that come home, by the id in the address.
    Probe(String),
}

/// Why mail in a store's name cannot come home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Homeless {
    /// Nothing listens for it.
    NoListener,
    /// The address that marks are added to has no room for one.
    NoRoom,
}

impl Homeless {
    /// Why, and what to do about it.
    pub fn advice(self) -> String {
        match self {
            Self::NoListener => "there is no listener that mail could come home to: the operator can set bounce.lmtp_listen".into(),
            Self::NoRoom => format!(
                "the sender has more than {} letters before the @, so no mark can be added to it: give the store a shorter sender, or the operator can set bounce.address",
                verp::ROOM
            ),
        }
    }
}

/// Where mail about the row `id` comes home to, in a store's name.
///
/// # Errors
/// Why it cannot.
pub fn home_of(
    config: &BounceConfig,
    verp: &Verp,
    store: &Store,
    id: &str,
) -> std::result::Result<EmailAddress, Homeless> {
    config.lmtp_listen.as_ref().ok_or(Homeless::NoListener)?;
    let marked = verp.tagged(Use::Probe, verp.base(&store.sender), id);
    marked.as_deref().and_then(EmailAddress::parse).ok_or(Homeless::NoRoom)
}

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was read.
    Read(Came),
    /// It cannot be read, and never will be.
    Unreadable(Unreadable),
}

impl Inbound {
    /// Whose an address is; `None` for one that is not ours. An address without a mark is, when mails
    /// leave in its name: reports then say within which mail they are about.
    pub fn destination(&self, recipient: &str) -> Option<Destination> {
        if let Some(tag) = self.verp.read(recipient) {
            return Some(match tag.usage {
                Use::Bounce => Destination::Bounce(Some(tag.id)),
                Use::Probe => Destination::Probe(tag.id),
            });
        }
        let ours = |sender: &str| self.verp.base(sender).eq_ignore_ascii_case(recipient);
        self.stores.has_sender(ours).then_some(Destination::Bounce(None))
    }

    /// Takes a message for one recipient. What is not ours comes to nothing.
    ///
    /// # Errors
    /// What the database says: then nothing happened, and the message should be sent again.
    pub async fn take(&self, sender: Option<&str>, recipient: &str, raw: &[u8]) -> Result<Taken> {
        let now = self.clock.now();
        if let Some(Destination::Probe(id)) = self.destination(recipient) {
            self.home.take(&id, raw, now).await?;
            return Ok(Taken::Read(Came::Noted));
        }
        let envelope =
            Envelope { sender: sender.map(str::to_owned), recipients: vec![recipient.to_owned()] };
        let tools = Tools { db: &self.db, verp: &self.verp, activity: &self.activity, now };
        Ok(match bounce::receive(&tools, &envelope, raw).await? {
            Ok(came) => Taken::Read(came),
            Err(unreadable) => Taken::Unreadable(unreadable),
        })
    }
}
