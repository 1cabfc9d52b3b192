//! Merchants: the businesses that one installation serves. Nothing crosses between them.

pub mod settings;

use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result, Tx};

/// The business.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// UUIDv7.
    pub id: String,
    /// Short name for the command line.
    pub key: String,
    /// Shown to people.
    pub name: String,
}

/// Adds a merchant.
///
/// # Errors
/// [`crate::db::is_taken`] when the key is in use.
pub async fn add(tx: &mut Tx, key: &str, name: &str, now: Micros) -> Result<Merchant> {
    let merchant = Merchant { id: crate::new_id(), key: key.into(), name: name.into() };
    tx.exec(
        "INSERT INTO merchant (id, key, name, created_at) VALUES ($1, $2, $3, $4)",
        args![&merchant.id, &merchant.key, &merchant.name, now],
    )
    .await?;
    Ok(merchant)
}

/// The merchant with this key.
///
/// # Errors
/// What the database says.
pub async fn by_key(tx: &mut Tx, key: &str) -> Result<Option<Merchant>> {
    let row = tx.row("SELECT id, key, name FROM merchant WHERE key = $1", args![key]).await?;
    Ok(row.map(|row| Merchant { id: row.get("id"), key: row.get("key"), name: row.get("name") }))
}

/// What the envelope sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A password for one use within the hour.
    Temporary,
    /// A recovery link to the home store.
    Link,
    /// The customer's own password.
    Current,
}

impl Mode {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Temporary, Self::Link, Self::Current];

    /// As stored and typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Temporary => "temporary",
            Self::Link => "link",
            Self::Current => "current",
        }
    }

    /// Reads it back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// What a merchant's envelope sends.
#[derive(Clone, Debug)]
pub struct Reminder {
    /// In which form.
    pub mode: Mode,
    /// When and by whom `current` was consented to; kept while it is on.
    pub consent: Option<(Micros, String)>,
}

/// What the merchant's envelope sends.
///
/// # Errors
/// What the database says.
pub async fn reminder(db: &Db, merchant_id: &str) -> Result<Reminder> {
    let sql = "SELECT reminder_mode, current_consent_at, current_consent_by
               FROM merchant WHERE id = $1";
    let row = db.row(sql, args![merchant_id]).await?.ok_or(crate::db::Error::RowNotFound)?;
    let consent = row.get::<Option<Micros>>("current_consent_at");
    let by: Option<String> = row.get("current_consent_by");
    let mode = Mode::parse(&row.get::<String>("reminder_mode")).unwrap_or(Mode::Temporary);
    Ok(Reminder { mode, consent: consent.zip(by) })
}

/// In which form alone.
///
/// # Errors
/// What the database says.
pub async fn reminder_mode(db: &Db, merchant_id: &str) -> Result<Mode> {
    Ok(reminder(db, merchant_id).await?.mode)
}

/// What came of choosing a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeSet {
    /// It holds; so many sealed copies were destroyed.
    Yes {
        /// 0 unless `current` was turned off.
        destroyed: i64,
    },
    /// `current` needs somebody's consent.
    NoConsent,
    /// `current` needs a key: `doorkey key create`.
    NoKey,
}

/// Chooses what the envelope sends. `current` needs the name of the administrator who consents, with
/// a second factor given; the caller sees to that, and that the configuration allows it. Turning it
/// off destroys all copies of this merchant, and the key when no merchant uses it any more.
///
/// # Errors
/// What the database says.
pub async fn set_reminder_mode(
    tx: &mut Tx,
    merchant_id: &str,
    mode: Mode,
    consent_by: Option<&str>,
    now: Micros,
) -> Result<ModeSet> {
    let consent = match (mode, consent_by) {
        (Mode::Current, None) => return Ok(ModeSet::NoConsent),
        (Mode::Current, Some(by)) => Some(by),
        _ => None,
    };
    let mut destroyed = 0;
    if consent.is_some() {
        if tx.row("SELECT id FROM seal_key", vec![]).await?.is_none() {
            return Ok(ModeSet::NoKey);
        }
        let sql = "INSERT INTO sealing (merchant_id, since) VALUES ($1, $2)
                   ON CONFLICT (merchant_id) DO NOTHING";
        tx.exec(sql, args![merchant_id, now]).await?;
    } else {
        let sql = "SELECT COUNT(*) AS n FROM sealed_password WHERE merchant_id = $1";
        destroyed = tx.row(sql, args![merchant_id]).await?.map_or(0, |row| row.get("n"));
        // The copies hang on this row, and go with it.
        let sql = "DELETE FROM sealing WHERE merchant_id = $1";
        if tx.exec(sql, args![merchant_id]).await? == 1 {
            let sql = "DELETE FROM seal_key WHERE NOT EXISTS (SELECT 1 FROM sealing)";
            tx.exec(sql, vec![]).await?;
        }
    }
    tx.exec(
        "UPDATE merchant SET reminder_mode = $1, current_consent_at = $2, current_consent_by = $3
         WHERE id = $4",
        args![mode.as_str(), consent.map(|_| now), consent.map(str::to_owned), merchant_id],
    )
    .await?;
    Ok(ModeSet::Yes { destroyed })
}
