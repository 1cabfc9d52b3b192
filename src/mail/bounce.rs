//! Mail that comes back: what it says, which mail it is about, and what follows. Read downwards:
//!
//! 1. [`verp`] marks every mail that leaves, so that whatever comes back names it.
//! 2. [`read()`] finds out what a message says: a delivery report ([`dsn`]), a reader's complaint
//!    ([`arf`]), or the words of servers that write neither ([`plain`]).
//! 3. [`receive`] finds the mail by a genuine mark and has [`effect`] do what follows.
//!
//! Everything here reads what strangers wrote. A message without a genuine mark of ours is nothing,
//! whatever it says; one with a mark speaks about that mail alone.

pub mod arf;
pub mod dsn;
pub mod effect;
pub mod plain;
mod report;
pub mod status;
pub mod verp;

use crate::clock::Micros;
use crate::db::{Db, Result};
use crate::secret::Key;

pub use effect::Came;
pub use report::{Unreadable, read};
use verp::{Tag, Use, Verp};

/// Largest message that is read, in bytes. Our own mails are far smaller, and so is what returns them.
pub const LARGEST: usize = 1024 * 1024;
/// Clues to the mail that are looked at in one message.
const CLUES: usize = 32;
/// Longest clue: an address or a Message-ID with its brackets.
const LONGEST_CLUE: usize = 320;

/// What became of a mail, as far as a report says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The address takes no mail, and will take none.
    Dead,
    /// This mail will not arrive; the address may well be good: a full mailbox, a filter.
    Lost,
    /// It has not arrived yet; the server keeps trying.
    Delayed,
    /// It arrived, and its reader called it spam.
    Complaint,
    /// Nothing that matters: a vacation note, a receipt.
    Nothing,
}

/// A report in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What became of the mail.
    pub verdict: Verdict,
    /// The status code, `5.1.1` or `550`; empty where there is none.
    pub status: String,
    /// What the server said: as it came, to be cleaned before it is stored.
    pub diagnostic: String,
    /// Addresses and Message-IDs that may bear our mark.
    pub clues: Vec<String>,
}

impl Notice {
    /// A report that says nothing that matters.
    pub fn nothing() -> Self {
        Self {
            verdict: Verdict::Nothing,
            status: String::new(),
            diagnostic: String::new(),
            clues: Vec::new(),
        }
    }

    /// Adds a clue, within bounds.
    pub fn clue(&mut self, text: &str) {
        let text = text.trim();
        if self.clues.len() < CLUES && (1..=LONGEST_CLUE).contains(&text.len()) {
            self.clues.push(text.to_owned());
        }
    }
}

/// How a message came: what the mail server said of it, outside of the message.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// The envelope sender; empty for the null sender, which is what reports have (RFC 5321, 4.5.5).
    /// `None` where the way in does not tell.
    pub sender: Option<String>,
    /// The recipients.
    pub recipients: Vec<String>,
}

/// What reports are taken up with.
#[derive(Clone, Copy, Debug)]
pub struct Tools<'a> {
    /// The database.
    pub db: &'a Db,
    /// Reads marks.
    pub verp: &'a Verp,
    /// Ties the activity's chains.
    pub activity: &'a Key,
    /// Now.
    pub now: Micros,
}

/// Takes up one message. A message of ours that says nothing, and one that is not about a mail of
/// ours, are no errors: they are done with.
///
/// # Errors
/// What the database says: then nothing happened, and the message should be kept and sent again.
pub async fn receive(
    tools: &Tools<'_>,
    envelope: &Envelope,
    raw: &[u8],
) -> Result<std::result::Result<Came, Unreadable>> {
    let notice = match read(raw, envelope.sender.as_deref()) {
        Ok(notice) => notice,
        Err(unreadable) => return Ok(Err(unreadable)),
    };
    let Some(id) = find(tools.verp, &envelope.recipients, &notice) else {
        return Ok(Ok(Came::ToNothing("it is about no mail of ours")));
    };
    let mut tx = tools.db.begin().await?;
    let came = effect::take(&mut tx, tools, &id, &notice).await?;
    tx.commit().await?;
    tracing::info!(mail = id, verdict = ?notice.verdict, status = notice.status, ?came, "bounce");
    Ok(Ok(came))
}

/// The mail that a report is about: by whom it was sent to, else by the marks within. Two genuine
/// marks of different mails in one message were put together by somebody, and say nothing.
pub fn find(verp: &Verp, recipients: &[String], notice: &Notice) -> Option<String> {
    let bounce = |tag: Tag| (tag.usage == Use::Bounce).then_some(tag.id);
    let mut found = recipients
        .iter()
        .filter_map(|recipient| verp.read(recipient).and_then(bounce))
        .chain(notice.clues.iter().filter_map(|clue| verp.read_any(clue).and_then(bounce)));
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}
