//! What a worker does with a mail that it holds. Every statement names the lease: what another worker
//! has taken up meanwhile is not touched.

use std::collections::HashMap;

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
    minted_all(tx, &[(mail, customer_id)], now).await
}

/// The same of many.
///
/// # Errors
/// What the database says.
pub async fn minted_all(tx: &mut Tx, mails: &[(&Leased, Option<&str>)], now: Micros) -> Result<()> {
    let rows = mails.iter().map(|(mail, customer)| args![&mail.id, &mail.lease, *customer, now]);
    tx.many(
        "UPDATE outbox SET minted_at = v.column4, customer_id = v.column3 FROM (VALUES",
        rows.collect(),
        ") AS v WHERE outbox.id = v.column1 AND outbox.lease = v.column2",
    )
    .await
    .map(drop)
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
    Ok(!settle_all(tx, &[(mail, end, reply)], now).await?.is_empty())
}

/// The same of many: gives those that are settled, with their customers where there are any.
///
/// # Errors
/// What the database says.
pub async fn settle_all(
    tx: &mut Tx,
    mails: &[(&Leased, End, Option<&str>)],
    now: Micros,
) -> Result<HashMap<String, Option<String>>> {
    let of = |(mail, end, reply): &(&Leased, End, Option<&str>)| {
        args![&mail.id, &mail.lease, *reply, end.as_str(), now]
    };
    let rows = tx
        .many(
            "UPDATE outbox SET settled_at = v.column5, outcome = v.column4, reply = v.column3,
                lease = NULL, leased_until = NULL
             FROM (VALUES",
            mails.iter().map(of).collect(),
            ") AS v
             WHERE outbox.id = v.column1 AND outbox.lease = v.column2
               AND outbox.settled_at IS NULL
             RETURNING outbox.id, outbox.customer_id",
        )
        .await?;
    Ok(rows.iter().map(|row| (row.get("id"), row.get("customer_id"))).collect())
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

/// Notes whom mails are for, before they are made.
///
/// # Errors
/// What the database says.
pub async fn is_for(tx: &mut Tx, mails: &[(&Leased, &str)]) -> Result<()> {
    tx.many(
        "UPDATE outbox SET customer_id = v.column3 FROM (VALUES",
        mails.iter().map(|(mail, customer)| args![&mail.id, &mail.lease, *customer]).collect(),
        ") AS v WHERE outbox.id = v.column1 AND outbox.lease = v.column2",
    )
    .await
    .map(drop)
}

/// Where a mail goes that is made.
#[derive(Clone, Copy, Debug)]
pub struct Goes<'a> {
    /// The mail.
    pub mail: &'a Leased,
    /// The receiving domain.
    pub domain: &'a str,
    /// The recipient, by a name that tells nothing: what comes back is about the same one.
    pub recipient: &'a str,
}

/// Notes where mails go, and gives their customers where there are any.
///
/// # Errors
/// What the database says.
pub async fn goes_to(tx: &mut Tx, mails: &[Goes<'_>]) -> Result<HashMap<String, String>> {
    let of = |goes: &Goes<'_>| args![&goes.mail.id, &goes.mail.lease, goes.domain, goes.recipient];
    let rows = tx
        .many(
            "UPDATE outbox SET domain = v.column3, recipient = v.column4 FROM (VALUES",
            mails.iter().map(of).collect(),
            ") AS v WHERE outbox.id = v.column1 AND outbox.lease = v.column2
             RETURNING outbox.id, outbox.customer_id",
        )
        .await?;
    let customer = |row: &Row| Some((row.get("id"), row.get::<Option<String>>("customer_id")?));
    Ok(rows.iter().filter_map(customer).collect())
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
