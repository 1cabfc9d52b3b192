//! The life of a pair of keys: made, published, put to use, replaced, forgotten.

use std::collections::BTreeSet;

use super::KEEP;
use super::material::{context, selector};
use crate::address::EmailAddress;
use crate::args;
use crate::clock::Micros;
use crate::db::{self, Db, Result, Tx};
use crate::secret::Key;

pub use super::material::Pair;

/// Which pair is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The first for its domain.
    First,
    /// One to take the place of the pair that signs.
    Next,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// None of the merchant's stores sends from this domain.
    NotASender,
    /// A pair signs already: it can be replaced.
    Signs,
    /// No pair signs yet: make the first.
    NothingToReplace,
    /// A pair waits already to be published and put to use.
    Waits,
    /// No pair waits to be put to use.
    NothingWaits,
}

impl Refused {
    /// The reason and what to do, as the rest of a sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NotASender => "no store of this merchant sends mail from that domain",
            Self::Signs => "keys sign for that domain already: rotate them to have new ones",
            Self::NothingToReplace => "no keys sign for that domain yet: create the first",
            Self::Waits => "new keys wait already: publish their records, then activate them",
            Self::NothingWaits => "no keys wait to be activated: create or rotate them first",
        }
    }
}

/// The domains that a merchant's stores send from, by name.
///
/// # Errors
/// What the database says.
pub async fn sender_domains(db: &Db, merchant_id: &str) -> Result<BTreeSet<String>> {
    let sql = "SELECT sender FROM store WHERE merchant_id = $1";
    Ok(domains(&db.rows(sql, args![merchant_id]).await?))
}

fn domains(senders: &[db::Row]) -> BTreeSet<String> {
    let domain = |row: &db::Row| {
        EmailAddress::parse(&row.get::<String>("sender")).map(|sender| sender.domain().to_owned())
    };
    senders.iter().filter_map(domain).collect()
}

/// Whether such a pair may be made. To be asked before the work of making one.
///
/// # Errors
/// What the database says.
pub async fn may_add(
    tx: &mut Tx,
    merchant_id: &str,
    domain: &str,
    wanted: Wanted,
) -> Result<Option<Refused>> {
    let sql = "SELECT sender FROM store WHERE merchant_id = $1";
    if !domains(&tx.rows(sql, args![merchant_id]).await?).contains(domain) {
        return Ok(Some(Refused::NotASender));
    }
    let sql = "SELECT active_at FROM dkim_key
               WHERE merchant_id = $1 AND domain = $2 AND retired_at IS NULL";
    let live = tx.rows(sql, args![merchant_id, domain]).await?;
    let signs = live.iter().any(|row| row.get::<Option<i64>>("active_at").is_some());
    let waits = live.iter().any(|row| row.get::<Option<i64>>("active_at").is_none());
    Ok(match wanted {
        _ if waits => Some(Refused::Waits),
        Wanted::First if signs => Some(Refused::Signs),
        Wanted::Next if !signs => Some(Refused::NothingToReplace),
        Wanted::First | Wanted::Next => None,
    })
}

/// Stores a fresh pair, sealed with `seal`. It signs nothing before [`activate`].
///
/// # Errors
/// What the database says.
pub async fn add(
    tx: &mut Tx,
    seal: &Key,
    (merchant_id, domain, wanted): (&str, &str, Wanted),
    pair: &Pair,
    now: Micros,
) -> Result<Option<Refused>> {
    if let Some(refused) = may_add(tx, merchant_id, domain, wanted).await? {
        return Ok(Some(refused));
    }
    let row = |key: &super::material::Material| {
        let selector = selector(&pair.name, key.algorithm);
        let sealed = seal.seal(&context(merchant_id, domain, &selector), &key.private);
        args![
            crate::new_id(),
            merchant_id,
            domain,
            &pair.name,
            selector,
            key.algorithm.as_str(),
            sealed,
            &key.public,
            now
        ]
    };
    let head = "INSERT INTO dkim_key (id, merchant_id, domain, pair, selector, algorithm,
        private_sealed, public_key, created_at) VALUES";
    match tx.many(head, pair.keys.iter().map(row).collect(), "").await {
        // Two at once on PostgreSQL: the other was faster.
        Err(error) if db::is_taken(&error) => Ok(Some(Refused::Waits)),
        done => done.map(|_| None),
    }
}

/// Puts the waiting pair to use, and retires the one that signed: nobody can sign with that again.
/// Running mail processes follow within a second. Gives the pair's name.
///
/// # Errors
/// What the database says.
pub async fn activate(
    tx: &mut Tx,
    merchant_id: &str,
    domain: &str,
    now: Micros,
) -> Result<std::result::Result<String, Refused>> {
    let retired = "UPDATE dkim_key SET retired_at = $1, private_sealed = NULL
                   WHERE merchant_id = $2 AND domain = $3
                     AND active_at IS NOT NULL AND retired_at IS NULL
                     AND EXISTS (SELECT 1 FROM dkim_key w WHERE w.merchant_id = $2
                        AND w.domain = $3 AND w.active_at IS NULL AND w.retired_at IS NULL)";
    tx.exec(retired, args![now, merchant_id, domain]).await?;
    let sql = "UPDATE dkim_key SET active_at = $1
               WHERE merchant_id = $2 AND domain = $3
                 AND active_at IS NULL AND retired_at IS NULL
               RETURNING pair";
    let Some(row) = tx.row(sql, args![now, merchant_id, domain]).await? else {
        return Ok(Err(Refused::NothingWaits));
    };
    touch(tx).await?;
    Ok(Ok(row.get("pair")))
}

/// Says to running processes that what signs has changed.
async fn touch(tx: &mut Tx) -> Result<()> {
    tx.exec("UPDATE revision SET value = value + 1 WHERE name = 'dkim'", vec![]).await?;
    Ok(())
}

/// Forgets keys whose records need not stay any longer.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    db.exec("DELETE FROM dkim_key WHERE retired_at < $1", args![now - KEEP]).await?;
    Ok(())
}
