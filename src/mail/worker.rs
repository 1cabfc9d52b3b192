//! The mail worker: leases what is due, has it made and committed, sends it, settles it with the
//! mail server's answer.
//!
//! Many mails are under way at once, and those that are made or settled at the same moment share a
//! commit. A mail is on disk as made before it is sent; killed at any point, the worker leaves a
//! lease that runs out, and the mail is made anew.

mod steps;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use steps::{Made, Make, Order, Sent, Settle};

use crate::batch::Batch;
use crate::clock::{Clock, Micros, SECOND};
use crate::config::Config;
use crate::db::{Db, Result};
use crate::mail::dkim::keyring::Keyring;
use crate::mail::dkim::life;
use crate::mail::message;
use crate::mail::mime;
use crate::mail::outbox::{self, Leased};
use crate::mail::smtp::{Outcome, Smtp};
use crate::password::PasswordHasher;
use crate::password::seal::{self, SealKeys};
use crate::recovery::Crowd;
use crate::reminder::{self, Ready};
use crate::secret::Key;
use crate::staff::{self, recovery as staff_recovery};
use crate::store::Stores;
use crate::{limit, numbers, recovery, registration, session, token, tutorial};

/// Mails that a worker holds at once. More than there are connections, so that those made or settled
/// together are many; the connections limit what is sent at once.
const UNDER_WAY: usize = 256;

/// While there is a crowd at the door, the worker takes turns this far apart: both write to the same
/// database, and a person who waits for a page goes before one who waits for a mail.
const PATIENCE: Micros = SECOND / 5;

/// How long it looks away then.
const PAUSE: Duration = Duration::from_millis(20);

/// What the worker works with.
#[derive(Clone)]
pub struct Context {
    /// Settings.
    pub config: Arc<Config>,
    /// The database.
    pub db: Db,
    /// Time.
    pub clock: Clock,
    /// The stores in whose name it writes.
    pub stores: Arc<Stores>,
    /// Opens typed addresses.
    pub addresses: Key,
    /// Names counters.
    pub counters: Key,
    /// Ties the activity's chains.
    pub activity: Key,
    /// Hashes temporary passwords, and compares sealed ones.
    pub hasher: Arc<PasswordHasher>,
    /// Opens sealed passwords.
    pub seals: SealKeys,
    /// The way out; none while no mail server is configured: then mail waits.
    pub smtp: Option<Arc<Smtp>>,
    /// Signs mail.
    pub keyring: Arc<Keyring>,
    /// Woken when there is mail.
    pub wake: Arc<Notify>,
    /// Whether many are at the door.
    pub crowd: Arc<Crowd>,
    /// When the worker last went round, for readiness.
    pub alive_at: Arc<AtomicI64>,
}

/// A mail worker. Any number of them, in any number of processes, share one queue.
#[derive(Clone)]
pub struct Worker {
    /// What its leases begin with.
    name: String,
    context: Context,
    make: Batch<Make>,
    settle: Batch<Settle>,
}

impl Worker {
    /// A worker that has not started yet.
    pub fn new(context: Context) -> Self {
        let make = Batch::spawn(context.db.clone(), Make(context.clone()));
        let settle = Batch::spawn(context.db.clone(), Settle(context.clone()));
        Self { name: crate::new_id(), context, make, settle }
    }

    /// Works until `stop` says so, then finishes what is under way.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let context = &self.context;
        let tick = Duration::from_secs(1).min(self.renewal());
        let mut under_way = JoinSet::new();
        let (mut looks, mut looked_at) = (0_u64, 0);
        let (mut renewed_at, mut claimed_at) = (context.clock.now(), 0);
        while !*stop.borrow() {
            let now = context.clock.now();
            context.alive_at.store(now, Ordering::Relaxed);
            let free = UNDER_WAY - under_way.len();
            let turn = !context.crowd.is_there(now) || now - claimed_at >= PATIENCE;
            let found = if context.smtp.is_some() && free * 2 >= UNDER_WAY && turn {
                claimed_at = now;
                self.claim(free).await
            } else {
                Vec::new()
            };
            let idle = found.is_empty();
            for mail in found {
                let worker = self.clone();
                under_way.spawn(async move { worker.deliver(mail).await });
            }
            if now - looked_at >= SECOND {
                self.look_after(looks).await;
                (looks, looked_at) = (looks + 1, now);
            }
            if now - renewed_at >= i64::try_from(self.renewal().as_micros()).unwrap_or(i64::MAX) {
                self.renew(now).await;
                renewed_at = now;
            }
            if idle || under_way.len() == UNDER_WAY {
                tokio::select! {
                    _ = stop.changed() => {}
                    () = context.wake.notified(), if turn && idle => {}
                    Some(_) = under_way.join_next() => {}
                    () = tokio::time::sleep(if turn { tick } else { tick.min(PAUSE) }) => {}
                }
            }
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
        if let Some(smtp) = &context.smtp {
            smtp.close().await;
        }
    }

    /// How often leases are renewed: well before they run out.
    fn renewal(&self) -> Duration {
        Duration::from_secs(self.context.config.mail.lease.unsigned_abs()) / 3
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

    /// Works off everything that is due now, one mail after the other. For tests and one-shot use.
    ///
    /// # Errors
    /// What the database says.
    pub async fn drain(&self) -> Result<usize> {
        self.admit_staff().await?;
        self.context.keyring.refresh(&self.context.db).await?;
        let mut done = 0;
        loop {
            let config = &self.context.config.mail;
            let now = self.context.clock.now();
            let found = outbox::claim(&self.context.db, config, &self.name, 64, now).await?;
            if found.is_empty() {
                return Ok(done);
            }
            for mail in found {
                self.deliver(mail).await;
                done += 1;
            }
        }
    }

    /// Queues the mails of staff who forgot their password: who they are is found out here.
    async fn admit_staff(&self) -> Result<()> {
        let context = &self.context;
        let keys = (&context.addresses, &context.activity);
        let now = context.clock.now();
        if staff_recovery::admit(&context.db, &context.config, keys, now).await? > 0 {
            context.wake.notify_one();
        }
        Ok(())
    }

    async fn claim(&self, most: usize) -> Vec<Leased> {
        let context = &self.context;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let now = context.clock.now();
        if !context.keyring.is_ready()
            && let Err(error) = context.keyring.refresh(&context.db).await
        {
            tracing::error!(%error, "cannot read the signing keys; trying again");
            return Vec::new();
        }
        match outbox::claim(&context.db, &context.config.mail, &self.name, most, now).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "cannot take mail from the queue; trying again");
                Vec::new()
            }
        }
    }

    /// One mail, all the way. What fails here leaves the lease to run out: nothing is lost.
    async fn deliver(&self, mail: Leased) {
        if let Err(error) = self.try_deliver(&mail).await {
            tracing::error!(%error, mail = mail.id, "a mail stays in the queue");
        }
    }

    async fn try_deliver(&self, mail: &Leased) -> Result<()> {
        let Some(ready) = self.prepare(mail).await? else { return Ok(()) };
        let order = Order { mail: mail.clone(), ready };
        let Some(made) = self.make.submit(order).await? else { return Ok(()) };
        let outcome = self.send(&made).await;
        let (outcome_name, code) = summary(&outcome);
        tracing::info!(
            mail = mail.id,
            kind = mail.kind.as_str(),
            outcome = outcome_name,
            code,
            "mail"
        );
        self.settle.submit(Sent { mail: mail.clone(), made_at: made.made_at, outcome }).await
    }

    /// What takes time and must be done before the transaction. None when there is too much to hash
    /// just now: then the mail waits for a moment.
    async fn prepare(&self, mail: &Leased) -> Result<Option<Ready>> {
        let context = &self.context;
        let now = context.clock.now();
        let Some(store) = context.stores.by_id(&mail.store_id) else {
            return Ok(Some(Ready::default()));
        };
        let tools =
            reminder::Tools { db: &context.db, hasher: &context.hasher, seals: &context.seals };
        if let Ok(ready) = reminder::prepare(&tools, &store, mail, now).await? {
            return Ok(Some(ready));
        }
        let mut tx = context.db.begin().await?;
        outbox::defer(&mut tx, mail, "too many passwords are being hashed", now + SECOND).await?;
        tx.commit().await?;
        Ok(None)
    }

    async fn send(&self, made: &Made) -> Outcome {
        if tutorial::is_practice(made.draft.to()) {
            return Outcome::Accepted { reply: tutorial::REPLY.into() };
        }
        let Some(smtp) = &self.context.smtp else {
            return Outcome::Deferred { reply: "no mail server is set".into(), perhaps: false };
        };
        let store = &made.store;
        let rendered = message::render(&made.draft, store);
        let domain = store.sender.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let raw = mime::compose(
            made.draft.sender_name(store),
            &store.sender,
            made.draft.to(),
            made.draft.language(store).code(),
            &rendered,
            domain,
            made.made_at,
        );
        let raw = match raw {
            Ok(raw) => raw,
            Err(error) => {
                let reply = format!("the mail cannot be written: {error}");
                return Outcome::Refused { reply };
            }
        };
        let domain = domain.to_lowercase();
        match self.context.keyring.sign(&store.merchant_id, &domain, raw).await {
            Ok(raw) => smtp.send(&store.sender, made.draft.to(), &raw).await,
            Err(error) => Outcome::Deferred {
                reply: format!("the mail cannot be signed: {error}"),
                perhaps: false,
            },
        }
    }

    /// Now and then: measures the queue, deletes what has had its time.
    async fn look_after(&self, looks: u64) {
        let context = &self.context;
        let now = context.clock.now();
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
        if looks.is_multiple_of(64)
            && let Err(error) = tidy(context, now).await
        {
            tracing::warn!(%error, "cannot tidy up");
        }
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
    staff::access::tidy(db, now).await?;
    staff_recovery::tidy(db, &context.config, now).await?;
    life::tidy(db, now).await?;
    outbox::tidy(db, now).await?;
    numbers::fold(db, now).await
}

/// What the log says of an outcome: its name and the reply's code. The reply itself often repeats
/// the address, which belongs in the timeline and not in a log.
fn summary(outcome: &Outcome) -> (&'static str, &str) {
    let (name, reply) = match outcome {
        Outcome::Accepted { reply } => ("accepted", reply),
        Outcome::Deferred { reply, .. } => ("deferred", reply),
        Outcome::Refused { reply } => ("refused", reply),
    };
    let code = reply.get(..3).filter(|code| code.bytes().all(|b| b.is_ascii_digit()));
    (name, code.unwrap_or("none"))
}
