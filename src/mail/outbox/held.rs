//! What a worker does with a mail that it holds. Every statement names the lease: what another worker
//! has taken up meanwhile is not touched.

use super::{End, Kind};
use crate::args;
use crate::clock::Micros;
use crate::db::{Result, Row, Tx};

/// A mail that this worker holds.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The row.
    pub id: String,
    /// What kind.
    pub kind: Kind,
    /// About which row.
    pub subject_id: String,
    /// Of which merchant.
    pub merchant_id: String,
    /// In which store's name.
    pub store_id: String,
    /// To whom, once that is known.
    pub customer_id: Option<String>,
    /// Tries before this one.
    pub attempts: i64,
    /// When it is given up.
    pub expires_at: Micros,
    /// Whether it was made before: its customer has been told of it.
    pub was_made: bool,
    /// The receiving domain, if it was made before.
    pub domain: Option<String>,
    /// What kept it from leaving last time.
    pub reply: Option<String>,
    /// Proof that the row is still ours: another worker that takes it up writes its own.
    pub lease: String,
}

/// The columns that [`read`] reads.
macro_rules! columns {
    () => {
        "id, kind, subject_id, merchant_id, store_id, customer_id, attempts, expires_at, minted_at,
         domain, reply"
    };
}
pub(super) use columns;

/// Reads a row that was just taken up; `None` for a kind that this program does not know.
pub(super) fn read(row: &Row, lease: &str) -> Option<Leased> {
    let kind: String = row.get("kind");
    let Some(kind) = Kind::parse(&kind) else {
        tracing::error!(kind, "a mail of an unknown kind waits; this program is too old for it");
        return None;
    };
    Some(Leased {
        id: row.get("id"),
        kind,
        subject_id: row.get("subject_id"),
        merchant_id: row.get("merchant_id"),
        store_id: row.get("store_id"),
        customer_id: row.get("customer_id"),
        attempts: row.get::<i64>("attempts") - 1,
        expires_at: row.get("expires_at"),
        was_made: row.get::<Option<i64>>("minted_at").is_some(),
        domain: row.get("domain"),
        reply: row.get("reply"),
        lease: lease.to_owned(),
    })
}

/// Notes that a mail was made, and for whom: what the limits count.
///
/// # Errors
/// What the database says.
pub async fn minted(
    tx: &mut Tx,
    mail: &Leased,
    customer_id: Option<&str>,
    now: Micros,
) -> Result<()> {
    tx.exec(
        "UPDATE outbox SET minted_at = $1, customer_id = $2 WHERE id = $3 AND lease = $4",
        args![now, customer_id, &mail.id, &mail.lease],
    )
    .await?;
    Ok(())
}

/// Settles a mail for good. False when another worker holds it by now.
///
/// # Errors
/// What the database says.
pub async fn settle(
    tx: &mut Tx,
    mail: &Leased,
    end: End,
    reply: Option<&str>,
    now: Micros,
) -> Result<bool> {
    let touched = tx
        .exec(
            "UPDATE outbox SET settled_at = $1, outcome = $2, reply = $3, lease = NULL,
                leased_until = NULL
             WHERE id = $4 AND lease = $5 AND settled_at IS NULL",
            args![now, end.as_str(), reply, &mail.id, &mail.lease],
        )
        .await?;
    Ok(touched == 1)
}

/// Puts a mail off that was tried, until `due_at`. False when another worker holds it by now.
///
/// # Errors
/// What the database says.
pub async fn defer(tx: &mut Tx, mail: &Leased, reply: &str, due_at: Micros) -> Result<bool> {
    let touched = tx
        .exec(
            "UPDATE outbox SET due_at = $1, reply = $2, lease = NULL, leased_until = NULL
             WHERE id = $3 AND lease = $4 AND settled_at IS NULL",
            args![due_at, reply, &mail.id, &mail.lease],
        )
        .await?;
    Ok(touched == 1)
}

/// Notes whom a mail is for, before it is made.
///
/// # Errors
/// What the database says.
pub async fn is_for(tx: &mut Tx, mail: &Leased, customer_id: &str) -> Result<()> {
    let sql = "UPDATE outbox SET customer_id = $1 WHERE id = $2 AND lease = $3";
    tx.exec(sql, args![customer_id, &mail.id, &mail.lease]).await?;
    Ok(())
}

/// Notes to which domain a mail goes.
///
/// # Errors
/// What the database says.
pub async fn goes_to(tx: &mut Tx, mail: &Leased, domain: &str) -> Result<()> {
    let sql = "UPDATE outbox SET domain = $1 WHERE id = $2 AND lease = $3";
    tx.exec(sql, args![domain, &mail.id, &mail.lease]).await?;
    Ok(())
}

/// Puts a mail back that was not tried: something kept it that is not its own fault, so this counts
/// as no try.
///
/// # Errors
/// What the database says.
pub async fn put_back(tx: &mut Tx, mail: &Leased, why: &str, due_at: Micros) -> Result<()> {
    tx.exec(
        "UPDATE outbox SET due_at = $1, reply = $2, attempts = $3, lease = NULL,
            leased_until = NULL
         WHERE id = $4 AND lease = $5 AND settled_at IS NULL",
        args![due_at, why, mail.attempts, &mail.id, &mail.lease],
    )
    .await?;
    Ok(())
}
