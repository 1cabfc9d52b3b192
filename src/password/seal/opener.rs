//! Opening copies: in the mail process, one at a time, and never without comparing what comes out.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::destroy;
use super::envelope::{self, Bond, Envelope};
use super::file::KeyFile;
use crate::activity::{self, Act, Action, Actor};
use crate::args;
use crate::clock::Micros;
use crate::config::{Config, Hidden};
use crate::customer::Customer;
use crate::db::{self, Tx};
use crate::password::Password;
use crate::secret::Key;
use crate::store::is_safe_url;

/// Why a copy is not opened, or not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The configuration does not allow it.
    Off,
    /// Mail may leave without verified TLS.
    Clear,
    /// There is no private key that can be read.
    NoKey,
    /// The copy was sealed for another key than the one at hand.
    OtherKey,
    /// The copy is of an earlier password.
    Stale,
    /// The copy does not open for this customer: it was swapped, forged for somebody else or damaged.
    Broken,
    /// It opens, but what is in it is not the customer's password: somebody with the public key made
    /// it.
    Forged,
}

impl Refused {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Clear => "clear",
            Self::NoKey => "no_key",
            Self::OtherKey => "other_key",
            Self::Stale => "stale",
            Self::Broken => "broken",
            Self::Forged => "forged",
        }
    }

    /// In words, for staff.
    pub fn words(self) -> &'static str {
        match self {
            Self::Off => "the configuration does not allow it",
            Self::Clear => "mail may leave without verified TLS",
            Self::NoKey => "the private key is missing where mail is sent",
            Self::OtherKey => "it was sealed for another key",
            Self::Stale => "it is of an earlier password",
            Self::Broken => "it was not made for this customer, or is damaged",
            Self::Forged => "it does not hold the customer's password",
        }
    }

    /// Whether the copy itself is wrong, so that it is of no use to keep.
    fn is_void(self) -> bool {
        matches!(self, Self::OtherKey | Self::Stale | Self::Broken | Self::Forged)
    }
}

/// The way to the private key: for the mail worker alone. It holds no key; the file is read when a
/// copy is opened.
#[derive(Clone, Debug)]
pub struct SealKeys {
    path: Option<PathBuf>,
    refuses: Option<Refused>,
}

impl SealKeys {
    /// What the configuration says. Reads no file.
    pub fn new(config: &Config) -> Self {
        let refuses = if !config.reminder.allow_current {
            Some(Refused::Off)
        } else if !is_mail_verified(config) {
            Some(Refused::Clear)
        } else {
            None
        };
        Self { path: config.reminder.seal_key_path.clone(), refuses }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

/// Whether mail leaves over verified TLS, or to this very machine, whichever relay takes it.
pub fn is_mail_verified(config: &Config) -> bool {
    config.smtp.relays().all(|(_, relay)| {
        let near = |url: &Hidden| {
            let url = url::Url::parse(url.reveal().trim()).ok()?;
            Some(is_safe_url(&format!("http://{}", url.host_str()?)))
        };
        // Unset, it is required but on loopback.
        let required = matches!(relay.tls.as_deref(), None | Some("required"));
        relay.url.as_ref().is_some_and(|url| required || near(url).unwrap_or(false))
    })
}

/// What there is for a customer.
#[derive(Debug)]
pub enum Taken {
    /// A copy, still sealed.
    Copy(Sealed),
    /// None: the customer has not set a password or logged in since copies are made, or the
    /// merchant's mode is another by now.
    NoCopy,
}

/// A copy that was read with the customer as the record is now.
#[derive(Clone, Debug)]
pub struct Sealed {
    bond: Bond,
    sealed_version: i64,
    envelope: Envelope,
}

/// Reads the customer's copy, sealed as it is. The customer is the one of this very transaction: the
/// copy must fit the record as it stands now.
///
/// # Errors
/// What the database says.
pub async fn take(tx: &mut Tx, keys: &SealKeys, customer: &Customer) -> db::Result<Taken> {
    if keys.refuses == Some(Refused::Off) {
        return Ok(Taken::NoCopy);
    }
    let sql = "SELECT s.key_id, s.credential_version, s.encapped, s.ciphertext,
                  i.id AS installation_id
               FROM sealed_password s JOIN installation i ON i.one = 1
               JOIN merchant m ON m.id = s.merchant_id
               WHERE s.customer_id = $1 AND m.id = $2 AND m.reminder_mode = 'current'";
    let row = tx.row(sql, args![&customer.id, &customer.merchant_id]).await?;
    let Some(row) = row else { return Ok(Taken::NoCopy) };
    let bond = Bond {
        installation_id: row.get("installation_id"),
        key_id: row.get("key_id"),
        merchant_id: customer.merchant_id.clone(),
        customer_id: customer.id.clone(),
        email_key: customer.email_key.clone(),
        credential_version: customer.credential_version,
    };
    let envelope = Envelope { encapped: row.get("encapped"), ciphertext: row.get("ciphertext") };
    Ok(Taken::Copy(Sealed { bond, sealed_version: row.get("credential_version"), envelope }))
}

impl Sealed {
    /// Opens the copy. Whoever has the public key can make one, so that the caller must compare what
    /// comes out with the customer's hash, and say [`Refused::Forged`] if it is another.
    ///
    /// # Errors
    /// Why not; for [`refuse`].
    pub fn open(&self, keys: &SealKeys) -> Result<Password, Refused> {
        if let Some(refused) = keys.refuses {
            return Err(refused);
        }
        let key = keys.path().ok_or(Refused::NoKey)?;
        let key = KeyFile::read(key).map_err(|error| {
            tracing::error!(%error, "the private key for sealed passwords cannot be read");
            Refused::NoKey
        })?;
        if (&key.installation_id, &key.key_id) != (&self.bond.installation_id, &self.bond.key_id) {
            return Err(Refused::OtherKey);
        }
        if self.sealed_version != self.bond.credential_version {
            return Err(Refused::Stale);
        }
        envelope::open(&key.private, &self.bond, &self.envelope).ok_or(Refused::Broken)
    }
}

/// Puts a refusal into the Activity as an alert, and destroys the copy if that is what is wrong: the
/// customer's next log-in makes a good one.
///
/// # Errors
/// What the database says.
pub async fn refuse(
    tx: &mut Tx,
    activity: &Key,
    customer: &Customer,
    store_id: &str,
    refused: Refused,
    now: Micros,
) -> db::Result<()> {
    if refused.is_void() {
        destroy(tx, &customer.id).await?;
    }
    let act = Act {
        merchant_id: &customer.merchant_id,
        actor: Actor::Doorkey,
        action: Action::SealRefused,
        customer_id: Some(&customer.id),
        store_id: Some(store_id),
        source: "",
        alert: true,
        detail: json!({ "reason": refused.as_str() }),
    };
    activity::write(tx, activity, &act, now).await?;
    Ok(())
}

/// Notes that a customer's own password went out by mail: at the next log-in the customer is asked
/// to choose a new one. Nothing happens if it was changed meanwhile.
///
/// # Errors
/// What the database says.
pub async fn mailed(tx: &mut Tx, customer_id: &str, version: i64, now: Micros) -> db::Result<()> {
    tx.exec(
        "UPDATE credential SET mailed_at = $1 WHERE customer_id = $2 AND version = $3",
        args![now, customer_id, version],
    )
    .await?;
    Ok(())
}
