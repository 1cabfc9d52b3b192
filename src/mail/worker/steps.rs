//! What the worker does in transactions, many mails to a commit: making them, and settling them
//! with the mail server's answer.

use std::sync::Arc;

use super::Context;
use crate::batch::Step;
use crate::clock::{MINUTE, Micros, SECOND};
use crate::db::{Result, Tx};
use crate::limit;
use crate::mail::message::{self, Draft, Unmade};
use crate::mail::outbox::{self, End, Kind, Leased};
use crate::mail::smtp::Outcome;
use crate::reminder::Ready;
use crate::store::Store;
use crate::timeline::{self, Entry};
use crate::token;

/// A mail that is made: its tokens are on disk as digests, and here in clear until it is sent.
pub(super) struct Made {
    pub draft: Draft,
    pub store: Arc<Store>,
    pub made_at: Micros,
}

/// A mail to be made, with what had to be prepared for it.
pub(super) struct Order {
    pub mail: Leased,
    pub ready: Ready,
}

/// Makes mails, many to a commit.
pub(super) struct Make(pub Context);

impl Step for Make {
    type Item = Order;
    type Done = Option<Made>;

    async fn run(&self, tx: &mut Tx, items: &[Order]) -> Result<Vec<Option<Made>>> {
        let mut done = Vec::with_capacity(items.len());
        for order in items {
            done.push(self.one(tx, order).await?);
        }
        Ok(done)
    }
}

impl Make {
    async fn one(&self, tx: &mut Tx, Order { mail, ready }: &Order) -> Result<Option<Made>> {
        let context = &self.0;
        let now = context.clock.now();
        let Some(store) = context.stores.by_id(&mail.store_id) else {
            outbox::defer(tx, mail, "its store is not loaded yet", now + SECOND).await?;
            return Ok(None);
        };
        if mail.expires_at <= now {
            end(tx, mail, End::Expired, "given up", now).await?;
            return Ok(None);
        }
        let with = message::With {
            config: &context.config,
            addresses: &context.addresses,
            activity: &context.activity,
            ready,
        };
        let made = message::make(tx, &with, &store, mail, now).await?;
        // A reminder was told of when staff clicked the envelope.
        if made.is_ok() && mail.attempts == 0 && mail.kind != Kind::Reminder {
            write(tx, mail, now, Entry::MailQueued { mail: mail.kind.as_str() }).await?;
        }
        match made {
            Ok(_) if mail.kind.is_limited() && self.over_budget(tx, &store, now).await? => {
                token::void_try(tx, &mail.id, now, now).await?;
                let reply = "the store's mails for this hour are used up";
                outbox::defer(tx, mail, reply, now + MINUTE).await?;
                Ok(None)
            }
            Ok(draft) => Ok(Some(Made { draft, store, made_at: now })),
            Err(Unmade::Ends(outcome)) => {
                outbox::settle(tx, mail, outcome, None, now).await?;
                Ok(None)
            }
            Err(Unmade::Later) => {
                outbox::defer(tx, mail, "the record changed meanwhile", now).await?;
                Ok(None)
            }
        }
    }

    /// A store's budget for mails that anyone can trigger, counted per try.
    async fn over_budget(&self, tx: &mut Tx, store: &Store, now: Micros) -> Result<bool> {
        let most = self.0.config.limits.store_mails_per_hour;
        let limit = limit::Window { most, window: crate::clock::HOUR };
        let bucket = limit::bucket(&self.0.counters, "store-mails", &store.id);
        let standing = limit::hit(tx, &[(bucket, 1, limit)], now).await?;
        Ok(standing.first().is_some_and(|s| s.over(limit, now).is_some()))
    }
}

/// What came of sending.
pub(super) struct Sent {
    pub mail: Leased,
    pub made_at: Micros,
    pub outcome: Outcome,
}

/// Settles mails, many to a commit.
pub(super) struct Settle(pub Context);

impl Step for Settle {
    type Item = Sent;
    type Done = ();

    async fn run(&self, tx: &mut Tx, items: &[Sent]) -> Result<Vec<()>> {
        let now = self.0.clock.now();
        for sent in items {
            self.one(tx, sent, now).await?;
        }
        Ok(vec![(); items.len()])
    }
}

impl Settle {
    async fn one(&self, tx: &mut Tx, sent: &Sent, now: Micros) -> Result<()> {
        let Sent { mail, made_at, outcome } = sent;
        let kind = mail.kind.as_str();
        match outcome {
            Outcome::Accepted { reply } => {
                metrics::counter!("doorkey_mails", "kind" => kind, "outcome" => "accepted")
                    .increment(1);
                if outbox::settle(tx, mail, End::Sent, Some(reply), now).await? {
                    let entry = Entry::MailAccepted { mail: kind, reply: reply.clone() };
                    write(tx, mail, now, entry).await?;
                }
                Ok(())
            }
            Outcome::Refused { reply } => {
                token::void_try(tx, &mail.id, *made_at, now).await?;
                end(tx, mail, End::Failed, reply, now).await
            }
            Outcome::Deferred { reply, perhaps } => {
                if !perhaps {
                    token::void_try(tx, &mail.id, *made_at, now).await?;
                }
                let next_at = now + self.back_off(mail.attempts);
                if next_at >= mail.expires_at {
                    return end(tx, mail, End::Expired, reply, now).await;
                }
                metrics::counter!("doorkey_mails", "kind" => kind, "outcome" => "deferred")
                    .increment(1);
                outbox::defer(tx, mail, reply, next_at).await?;
                let reply = reply.clone();
                write(tx, mail, now, Entry::MailDeferred { mail: kind, reply, next_at }).await
            }
        }
    }

    /// Doubles from try to try, up to the longest wait.
    fn back_off(&self, attempts: i64) -> Micros {
        let config = &self.0.config.mail;
        let doublings = u32::try_from(attempts).unwrap_or(0).min(30);
        (config.retry_first * SECOND).saturating_mul(1 << doublings).min(config.retry_max * SECOND)
    }
}

/// Settles a mail that will not arrive, and says so in the timeline.
async fn end(tx: &mut Tx, mail: &Leased, end: End, reply: &str, now: Micros) -> Result<()> {
    let kind = mail.kind.as_str();
    metrics::counter!("doorkey_mails", "kind" => kind, "outcome" => "failed").increment(1);
    outbox::settle(tx, mail, end, Some(reply), now).await?;
    write(tx, mail, now, Entry::MailFailed { mail: kind, reply: reply.to_owned() }).await
}

/// A mail's customer is known to its row once the mail has been made.
async fn write(tx: &mut Tx, mail: &Leased, now: Micros, entry: Entry) -> Result<()> {
    let sql = "SELECT customer_id FROM outbox WHERE id = $1 AND customer_id IS NOT NULL";
    let Some(row) = tx.row(sql, crate::args![&mail.id]).await? else { return Ok(()) };
    let customer: String = row.get("customer_id");
    let (merchant, store) = (&mail.merchant_id, Some(&*mail.store_id));
    timeline::write_for(tx, merchant, &customer, store, now, entry).await
}
