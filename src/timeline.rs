//! The timeline: everything that happened to a customer's access, in order, for staff to read
//! during a call. Entries are written in the transaction of the act and hold no secret and no
//! address of ours; a mail server's answer may name one, and is masked when it is read.

pub mod live;
mod read;
mod words;

pub use read::{Line, Page, page};
pub use words::{Speaker, Tone, Words, is_like_a_token};

use serde::{Deserialize, Deserializer, Serialize};

use crate::args;
use crate::clock::Micros;
use crate::customer::Customer;
use crate::db::{Arg, Db, Result, Tx};
use crate::mail::outbox::{Kind, Leased};
use crate::store::Store;

/// One of a few words that the program itself uses. What stands in the database and is none of
/// them is read as `other`.
pub type Word = &'static str;

/// The words, beside the kinds of mail.
const WORDS: [Word; 13] = [
    "blocked",
    "held",
    "interval",
    "hour",
    "day",
    "password",
    "temporary",
    "link",
    "current",
    "customer",
    "limit",
    "bounced",
    "complained",
];

fn word<'de, D: Deserializer<'de>>(input: D) -> std::result::Result<Word, D::Error> {
    let text = String::deserialize(input)?;
    let kinds = Kind::ALL.iter().map(|kind| kind.as_str());
    Ok(kinds.chain(WORDS).find(|word| *word == text).unwrap_or("other"))
}

/// What happened. The name of the variant is the stored kind; its fields are the stored detail.
/// A new variant needs its words in `words.rs`; the compiler asks for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// The customer was added, by whom or what.
    Registered,
    /// Somebody asked for a recovery link at a store.
    RecoveryRequested {
        /// What the page showed, to be read out on the phone.
        reference: String,
    },
    /// A mail was not made, and why.
    MailWithheld {
        /// `blocked`, `held`, `interval`, `hour`, `day`, `bounced`, `complained`.
        #[serde(deserialize_with = "word")]
        reason: Word,
    },
    /// A mail was made and is on its way to the mail server.
    MailQueued {
        /// Kind of mail.
        #[serde(deserialize_with = "word")]
        mail: Word,
    },
    /// The mail server took a mail.
    MailAccepted {
        /// Kind of mail.
        #[serde(deserialize_with = "word")]
        mail: Word,
        /// The server's answer.
        reply: String,
    },
    /// The mail server did not take a mail yet.
    MailDeferred {
        /// Kind of mail.
        #[serde(deserialize_with = "word")]
        mail: Word,
        /// The server's answer.
        reply: String,
        /// When it is tried again.
        next_at: Micros,
    },
    /// A mail was given up.
    MailFailed {
        /// Kind of mail.
        #[serde(deserialize_with = "word")]
        mail: Word,
        /// The server's answer.
        reply: String,
    },
    /// Staff had a mail sent again.
    MailRetried {
        /// Kind of mail.
        #[serde(deserialize_with = "word")]
        mail: Word,
    },
    /// Staff took a mail back before it left.
    MailCancelled {
        /// Kind of mail.
        #[serde(deserialize_with = "word")]
        mail: Word,
    },
    /// A mail that the mail server had taken came back.
    MailBounced {
        /// Kind of mail.
        #[serde(deserialize_with = "word")]
        mail: Word,
        /// What the other server said.
        reply: String,
        /// Whether the address takes no mail at all.
        dead: bool,
    },
    /// A mail that the mail server had taken has not arrived yet.
    MailDelayed {
        /// Kind of mail.
        #[serde(deserialize_with = "word")]
        mail: Word,
        /// What the other server said.
        reply: String,
    },
    /// The reader called a mail spam.
    MailComplained {
        /// Kind of mail.
        #[serde(deserialize_with = "word")]
        mail: Word,
    },
    /// Staff let mail go to the address again.
    SuppressionLifted,
    /// A recovery link was opened; at most one entry for each link and kind of opener.
    LinkOpened {
        /// Whether it looked like a program that checks mail rather than like a person.
        scanner: bool,
        /// Whether the link was used or too old already.
        dead: bool,
    },
    /// The password was changed.
    PasswordChanged,
    /// Somebody logged in.
    LoggedIn {
        /// `password` or `recovery`.
        #[serde(deserialize_with = "word")]
        by: Word,
    },
    /// Somebody logged in with a temporary password, and has to choose a new one.
    TemporaryPasswordUsed,
    /// One session ended, or all of them.
    SessionEnded {
        /// Whether it was all of them.
        all: bool,
    },
    /// Staff clicked the envelope.
    ReminderQueued {
        /// What the merchant chose: `temporary`, `link`, `current`.
        #[serde(deserialize_with = "word")]
        mode: Word,
        /// What goes out, where that is known to differ.
        #[serde(deserialize_with = "word")]
        sent_mode: Word,
    },
    /// Staff clicked the envelope and nothing went out.
    ReminderRefused {
        /// Why, in plain words; no secret and no address.
        reason: String,
    },
    /// "This wasn't me" on a recovery mail.
    LinkStopped,
    /// "This wasn't me" on a notice.
    AccountFrozen,
    /// Staff closed the account.
    Blocked,
    /// Staff reopened it.
    Unblocked,
    /// A change of address was asked for.
    AddressChangeRequested,
    /// The new address was confirmed.
    AddressChanged,
    /// A change of address was undone from the old mailbox.
    AddressChangeUndone,
    /// Written by a newer version of this program.
    #[serde(other)]
    Unknown,
}

/// Writes an entry in the transaction of the act.
///
/// # Errors
/// What the database says.
pub async fn write(
    tx: &mut Tx,
    customer: &Customer,
    store_id: Option<&str>,
    at: Micros,
    entry: Entry,
) -> Result<()> {
    write_for(tx, &customer.merchant_id, &customer.id, store_id, at, entry).await
}

/// The same for what a member of staff did, called `staff` by colleagues.
///
/// # Errors
/// What the database says.
pub async fn write_by(
    tx: &mut Tx,
    customer: &Customer,
    store_id: Option<&str>,
    at: Micros,
    staff: &str,
    entry: Entry,
) -> Result<()> {
    let whose = (&*customer.merchant_id, &*customer.id);
    insert(tx, whose, store_id, at, Some(staff), &entry).await
}

/// The same where only the customer's id is at hand.
///
/// # Errors
/// What the database says.
pub async fn write_for(
    tx: &mut Tx,
    merchant_id: &str,
    customer_id: &str,
    store_id: Option<&str>,
    at: Micros,
    entry: Entry,
) -> Result<()> {
    insert(tx, (merchant_id, customer_id), store_id, at, None, &entry).await
}

/// Writes an entry that is told once, however often its act is done: `id` names the act. Outside of
/// any transaction, and without a lock when the entry is there already.
///
/// # Errors
/// What the database says.
pub async fn write_once(
    db: &Db,
    id: &str,
    (merchant_id, customer_id): (&str, &str),
    store_id: Option<&str>,
    at: Micros,
    entry: &Entry,
) -> Result<()> {
    if db.row("SELECT id FROM timeline WHERE id = $1", args![id]).await?.is_some() {
        return Ok(());
    }
    let (kind, detail) = columns(entry, None);
    db.exec(
        "INSERT INTO timeline (id, merchant_id, customer_id, store_id, at, kind, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
        args![id, merchant_id, customer_id, store_id, at, kind, detail],
    )
    .await?;
    Ok(())
}

/// Writes an entry that is told once, in the transaction of the act: `id` names the act. False when
/// it was told before.
///
/// # Errors
/// What the database says.
pub async fn write_named(
    tx: &mut Tx,
    id: &str,
    customer: &Customer,
    store_id: Option<&str>,
    at: Micros,
    entry: &Entry,
) -> Result<bool> {
    let (kind, detail) = columns(entry, None);
    let touched = tx
        .exec(
            "INSERT INTO timeline (id, merchant_id, customer_id, store_id, at, kind, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
            args![id, &customer.merchant_id, &customer.id, store_id, at, kind, detail],
        )
        .await?;
    Ok(touched == 1)
}

/// Reads the columns `kind` and `detail`.
pub fn entry(kind: &str, detail: &str) -> Entry {
    let mut detail: serde_json::Value = serde_json::from_str(detail).unwrap_or_default();
    if let Some(fields) = detail.as_object_mut() {
        fields.insert("kind".into(), kind.into());
    }
    serde_json::from_value(detail).unwrap_or(Entry::Unknown)
}

/// An entry as its columns `kind` and `detail`. The name of the member of staff who did it stands in
/// the detail, beside the entry's own fields.
pub(crate) fn columns(entry: &Entry, staff: Option<&str>) -> (String, String) {
    let mut detail = serde_json::to_value(entry).unwrap_or_default();
    let kind = detail["kind"].as_str().unwrap_or_default().to_owned();
    if let Some(fields) = detail.as_object_mut() {
        fields.remove("kind");
        if let Some(name) = staff {
            fields.insert("staff".into(), name.into());
        }
    }
    (kind, detail.to_string())
}

async fn insert(
    tx: &mut Tx,
    (merchant_id, customer_id): (&str, &str),
    store_id: Option<&str>,
    at: Micros,
    staff: Option<&str>,
    entry: &Entry,
) -> Result<()> {
    let row = row((merchant_id, customer_id), store_id, at, staff, entry);
    tx.many(INSERT, vec![row], "").await.map(drop)
}

const INSERT: &str =
    "INSERT INTO timeline (id, merchant_id, customer_id, store_id, at, kind, detail) VALUES";

fn row(
    (merchant_id, customer_id): (&str, &str),
    store_id: Option<&str>,
    at: Micros,
    staff: Option<&str>,
    entry: &Entry,
) -> Vec<Arg> {
    let (kind, detail) = columns(entry, staff);
    args![crate::new_id(), merchant_id, customer_id, store_id, at, kind, detail]
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct New<'a> {
    merchant_id: &'a str,
    customer_id: &'a str,
    store_id: &'a str,
    entry: Entry,
}

impl<'a> New<'a> {
    /// About something that happens at a store.
    pub fn at_store(store: &'a Store, customer_id: &'a str, entry: Entry) -> Self {
        Self { merchant_id: &store.merchant_id, customer_id, store_id: &store.id, entry }
    }

    /// About a mail.
    pub fn of_mail(mail: &'a Leased, customer_id: &'a str, entry: Entry) -> Self {
        Self { merchant_id: &mail.merchant_id, customer_id, store_id: &mail.store_id, entry }
    }
}

/// Writes many entries by one statement, in the transaction of their acts.
///
/// # Errors
/// What the database says.
pub async fn write_all(tx: &mut Tx, entries: &[New<'_>], at: Micros) -> Result<()> {
    let rows = entries.iter().map(|new| {
        row((new.merchant_id, new.customer_id), Some(new.store_id), at, None, &new.entry)
    });
    tx.many(INSERT, rows.collect(), "").await.map(drop)
}
