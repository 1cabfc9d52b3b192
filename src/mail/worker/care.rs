//! What a worker does beside sending: it says that it is there, keeps the leases of what is under
//! way, measures the queue, gives up what has had its time, and deletes what has, too.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Context, UNDER_WAY, Worker};
use crate::clock::{Micros, SECOND};
use crate::db::Result;
use crate::mail::dkim::life;
use crate::mail::outbox::{self, Leased};
use crate::mail::{domain, pulse};
use crate::password::seal;
use crate::staff::{self, recovery as staff_recovery};
use crate::{limit, numbers, recovery, registration, reminder, session, suppression, token};

/// Looks between two at what has expired.
const EXPIRED_EVERY: u64 = 4;
/// Looks between two at what can be deleted.
const TIDY_EVERY: u64 = 64;

/// When what was done last.
pub(super) struct Care {
    started_at: Micros,
    renewed_at: Micros,
    beat_at: Micros,
    looked_at: Micros,
    looks: u64,
}

impl Care {
    pub fn new(now: Micros) -> Self {
        Self { started_at: now, renewed_at: now, beat_at: 0, looked_at: 0, looks: 0 }
    }
}

impl Worker {
    /// How often leases are renewed: well before they run out.
    pub(super) fn renewal(&self) -> Duration {
        Duration::from_secs(self.context.config.mail.lease.unsigned_abs()) / 3
    }

    /// Does what it is time for.
    pub(super) async fn look_after(&self, care: &mut Care, under_way: usize) {
        let now = self.context.clock.now();
        if now - care.beat_at >= pulse::EVERY {
            self.beat(care.started_at, under_way, now).await;
            care.beat_at = now;
        }
        if now - care.looked_at >= SECOND {
            self.look(care.looks, now).await;
            (care.looks, care.looked_at) = (care.looks + 1, now);
        }
        if now - care.renewed_at >= i64::try_from(self.renewal().as_micros()).unwrap_or(i64::MAX) {
            self.renew(now).await;
            care.renewed_at = now;
        }
    }

    async fn beat(&self, started_at: Micros, under_way: usize, now: Micros) {
        let context = &self.context;
        let trouble = match &context.smtp {
            Some(_) => self.relay.trouble(),
            None => Some("no mail server is set".to_owned()),
        };
        let beat = pulse::Beat {
            id: &self.name,
            started_at,
            moved_at: context.moved_at.load(Ordering::Relaxed),
            under_way,
            trouble: trouble.as_deref(),
        };
        if let Err(error) = pulse::beat(&context.db, &beat, now).await {
            tracing::warn!(%error, "cannot say that this mail process is there");
        }
    }

    /// Keeps the leases of what is under way: a mail server may take minutes for an answer, and a
    /// mail that another worker takes up meanwhile would be sent twice.
    async fn renew(&self, now: Micros) {
        let context = &self.context;
        let until = now + context.config.mail.lease * SECOND;
        if let Err(error) = outbox::renew(&context.db, &self.name, until).await {
            tracing::warn!(%error, "cannot renew the leases of the mails under way");
        }
    }

    /// The end, in order.
    pub(super) async fn farewell(&self) {
        if let Err(error) = pulse::stopped(&self.context.db, &self.name).await {
            tracing::warn!(%error, "cannot say that this mail process has stopped");
        }
        if let Some(smtp) = &self.context.smtp {
            smtp.close().await;
        }
    }

    /// Now and then: measures the queue, ends and deletes what has had its time.
    async fn look(&self, looks: u64, now: Micros) {
        let context = &self.context;
        self.gate.sweep();
        if let Err(error) = context.stores.refresh(&context.db).await {
            tracing::warn!(%error, "cannot look for changed stores");
        }
        if let Err(error) = context.keyring.refresh(&context.db).await {
            tracing::warn!(%error, "cannot look for changed signing keys");
        }
        if let Err(error) = self.admit_staff().await {
            tracing::warn!(%error, "cannot look for staff who forgot their password");
        }
        match outbox::waiting(&context.db, now).await {
            Ok(waiting) => {
                metrics::gauge!("doorkey_mail_waiting").set(waiting.count as f64);
            }
            Err(error) => tracing::warn!(%error, "cannot look at the queue"),
        }
        if looks.is_multiple_of(EXPIRED_EVERY) {
            match self.claim_expired(now).await {
                Ok(found) => {
                    for mail in found {
                        self.deliver(mail).await;
                    }
                }
                Err(error) => tracing::warn!(%error, "cannot look for mails to give up"),
            }
        }
        if looks.is_multiple_of(TIDY_EVERY)
            && let Err(error) = tidy(context, now).await
        {
            tracing::warn!(%error, "cannot tidy up");
        }
    }

    pub(super) async fn claim_expired(&self, now: Micros) -> Result<Vec<Leased>> {
        let most = i64::try_from(UNDER_WAY).unwrap_or(i64::MAX);
        let Context { db, config, .. } = &self.context;
        outbox::claim_expired(db, &config.mail, &self.name, most, now).await
    }
}

async fn tidy(context: &Context, now: Micros) -> Result<()> {
    let db = &context.db;
    limit::tidy(db, now).await?;
    token::tidy(db, now).await?;
    session::tidy(db, now).await?;
    recovery::tidy(db, &context.config, now).await?;
    registration::tidy(db, &context.config, now).await?;
    reminder::tidy(db, now).await?;
    seal::tidy(db, &context.seals).await?;
    suppression::tidy(db, now).await?;
    staff::access::tidy(db, now).await?;
    staff_recovery::tidy(db, &context.config, now).await?;
    life::tidy(db, now).await?;
    outbox::tidy(db, now).await?;
    domain::tidy(db, now).await?;
    pulse::tidy(db, now).await?;
    numbers::fold(db, now).await
}
