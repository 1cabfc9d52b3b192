//! Addresses that get no mail any more, for a mail to one came back for good or its reader called it
//! spam: writing on would cost the sender's good name, and through it other customers their mail. It
//! ends when the customer gets another address or when staff lift it.
//!
//! Whoever asks at the store's pages learns nothing of it: only the mail worker looks here.

pub mod list;

use std::collections::HashMap;

use crate::args;
use crate::clock::{DAY, Micros};
use crate::customer::{self, Customer};
use crate::db::{Result, Row, Tx};
use crate::mail::outbox::{End, Leased};
use crate::timeline::{self, Entry};

/// How long an ended suppression is remembered: longer than a report about a mail can be late.
const REMEMBERED: Micros = 90 * DAY;

/// Why an address gets no mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Mail to it came back.
    Bounced,
    /// Its reader called a mail spam.
    Complained,
}

impl Reason {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }

    /// Reads [`Reason::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Bounced, Self::Complained].into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A suppression that stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Why.
    pub reason: Reason,
    /// Since when.
    pub since: Micros,
    /// What the other side said.
    pub reply: String,
}

impl Standing {
    /// Reads `reason`, `since` and `reply`, named so by the query; `None` where they are null.
    pub fn read(row: &Row) -> Option<Self> {
        let reason = row.get::<Option<String>>("suppressed_reason")?;
        Some(Self {
            reason: Reason::parse(&reason).unwrap_or(Reason::Bounced),
            since: row.get::<Option<i64>>("suppressed_since")?,
            reply: row.get::<Option<String>>("suppressed_reply").unwrap_or_default(),
        })
    }
}

/// What stands against mail to a customer's address.
///
/// # Errors
/// What the database says.
pub async fn standing(tx: &mut Tx, customer: &Customer) -> Result<Option<Standing>> {
    Ok(standings(tx, &[customer]).await?.remove(&customer.id))
}

/// The same of many, by customer.
///
/// # Errors
/// What the database says.
pub async fn standings(tx: &mut Tx, customers: &[&Customer]) -> Result<HashMap<String, Standing>> {
    let rows = tx
        .many(
            "SELECT v.column1 AS customer, s.reason AS suppressed_reason,
                s.since AS suppressed_since, s.reply AS suppressed_reply
             FROM (VALUES",
            customers.iter().map(|c| args![&c.id, &c.merchant_id, &c.email_key]).collect(),
            ") AS v CROSS JOIN suppression s
             WHERE s.merchant_id = v.column2 AND s.email_key = v.column3 AND s.ended_at IS NULL",
        )
        .await?;
    Ok(rows.iter().filter_map(|row| Some((row.get("customer"), Standing::read(row)?))).collect())
}

/// How a notice ends that is to go to the address which the record has, and cannot: with its entry in
/// the timeline. Nothing, if it can.
///
/// # Errors
/// What the database says.
pub async fn withhold_notice(tx: &mut Tx, mail: &Leased, now: Micros) -> Result<Option<End>> {
    let Some(id) = &mail.customer_id else { return Ok(None) };
    let customer = customer::by_id(tx, &mail.merchant_id, id).await?;
    let Some(customer) = customer else { return Ok(None) };
    let Some(found) = standing(tx, &customer).await? else { return Ok(None) };
    let entry = Entry::MailWithheld { reason: found.reason.as_str() };
    timeline::write(tx, &customer, Some(&mail.store_id), now, entry).await?;
    Ok(Some(End::Suppressed))
}

/// What is to be suppressed, and why.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// Whose address: the one that the record has now.
    pub customer: &'a Customer,
    /// The mail that it is about.
    pub outbox_id: &'a str,
    /// Why.
    pub reason: Reason,
    /// What the other side said; no address, no secret.
    pub reply: &'a str,
}

/// Suppresses a customer's address. False when it is already.
///
/// # Errors
/// What the database says.
pub async fn begin(tx: &mut Tx, new: &New<'_>, now: Micros) -> Result<bool> {
    let customer = new.customer;
    let touched = tx
        .exec(
            "INSERT INTO suppression (id, merchant_id, customer_id, email_key, outbox_id, reason,
                reply, since)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (merchant_id, email_key) WHERE ended_at IS NULL DO NOTHING",
            args![
                crate::new_id(),
                &customer.merchant_id,
                &customer.id,
                &customer.email_key,
                new.outbox_id,
                new.reason.as_str(),
                new.reply,
                now
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Whether staff lifted a suppression of the customer's address after `since`: then they know better
/// than a report about an older mail.
///
/// # Errors
/// What the database says.
pub async fn was_lifted(tx: &mut Tx, customer: &Customer, since: Micros) -> Result<bool> {
    let sql = "SELECT id FROM suppression WHERE merchant_id = $1 AND email_key = $2
               AND ended_at >= $3 AND ended_by IS NOT NULL LIMIT 1";
    let args = args![&customer.merchant_id, &customer.email_key, since];
    Ok(tx.row(sql, args).await?.is_some())
}

/// The address of a record changed: what stood against the old one is over, and so is what may have
/// stood against the new one, whose mailbox has just answered.
///
/// # Errors
/// What the database says.
pub async fn address_changed(
    tx: &mut Tx,
    customer: &Customer,
    new_key: &str,
    now: Micros,
) -> Result<()> {
    let sql = "UPDATE suppression SET ended_at = $1
               WHERE merchant_id = $2 AND email_key IN ($3, $4) AND ended_at IS NULL";
    tx.exec(sql, args![now, &customer.merchant_id, &customer.email_key, new_key]).await?;
    Ok(())
}

/// Forgets what ended long ago.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &crate::db::Db, now: Micros) -> Result<()> {
    db.exec("DELETE FROM suppression WHERE ended_at < $1", args![now - REMEMBERED]).await?;
    db.exec("DELETE FROM hook_seen WHERE expires_at < $1", args![now]).await?;
    Ok(())
}
