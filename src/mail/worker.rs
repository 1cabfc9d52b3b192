//! The mail worker: leases what is due, has it made and committed, sends it, settles it with the
//! mail server's answer.
//!
//! Many mails are under way at once, and those that are made or settled at the same moment share a
//! commit. A mail is on disk as made before it is sent; killed at any point, the worker leaves a
//! lease that runs out, and the mail is made anew.

mod budget;
mod care;
mod gate;
mod held;
mod make;
mod post;
mod relay;
mod route;
mod settle;
mod tell;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use gate::Gate;
use held::Held;
use make::{Hold, Make, Order};
use relay::{Admission, Relay};
use settle::{Came, Sent, Settle};

use crate::batch::Batch;
use crate::clock::{Clock, Micros, SECOND};
use crate::config::Config;
use crate::db::{Db, Result};
use crate::mail::bounce::verp::Verp;
use crate::mail::dkim::keyring::Keyring;
use crate::mail::domain::Domains;
use crate::mail::outbox::{self, Leased, Room};
use crate::mail::smtp::{Outcome, Smtp};
use crate::password::PasswordHasher;
use crate::password::seal::SealKeys;
use crate::recovery::Crowd;
use crate::reminder::{self, Ready};
use crate::secret::{Key, jitter};
use crate::staff::recovery as staff_recovery;
use crate::store::Stores;

/// Mails that a worker holds at once. More than there are connections, so that those made or settled
/// together are many; the connections limit what is sent at once.
const UNDER_WAY: usize = 256;

/// Places among them that notices, or one merchant, never have: whoever waits is taken up at once,
/// however many notices there are, and however much another merchant sends.
const KEPT_FREE: usize = UNDER_WAY / 4;

/// Claims while mails are under way are this far apart, so that each takes up many.
const BETWEEN: Micros = SECOND / 20;

/// A worker that slept waits for up to so long, at random, when it is woken. What it does for a request
/// depends on whether anybody has the address; done at once, it would fall on the requests that
/// follow, and their times would tell.
const MOMENT: Micros = SECOND / 12;

/// While there is a crowd at the door, the worker takes turns this far apart: both write to the same
/// database, and a person who waits for a page goes before one who waits for a mail.
const PATIENCE: Micros = SECOND / 5;

/// Mails that it takes up in such a turn: a full house of them would hold the database for tens of
/// milliseconds.
const IN_A_CROWD: usize = UNDER_WAY / 4;

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
    /// Marks mails, so that what comes back names them.
    pub verp: Verp,
    /// Woken when there is mail.
    pub wake: Arc<Notify>,
    /// Whether many are at the door.
    pub crowd: Arc<Crowd>,
    /// When the worker last went round, for readiness.
    pub alive_at: Arc<AtomicI64>,
    /// When a mail last came to anything, or none was under way; 0: never.
    pub moved_at: Arc<AtomicI64>,
}

/// A mail worker. Any number of them, in any number of processes, share one queue.
#[derive(Clone)]
pub struct Worker {
    /// What its leases begin with.
    name: String,
    context: Context,
    make: Batch<Make>,
    settle: Batch<Settle>,
    gate: Gate,
    held: Held,
    relay: Arc<Relay>,
    domains: Arc<Domains>,
}

impl Worker {
    /// A worker that has not started yet.
    pub fn new(context: Context) -> Self {
        let domains = Arc::new(Domains::default());
        let make = Make(context.clone(), domains.clone());
        let settle = Settle(context.clone(), domains.clone());
        Self {
            name: crate::new_id(),
            make: Batch::spawn(context.db.clone(), make),
            settle: Batch::spawn(context.db.clone(), settle),
            gate: Gate::new(context.config.smtp.connections, context.clock.clone()),
            held: Held::default(),
            relay: Arc::default(),
            domains,
            context,
        }
    }

    /// Works until `stop` says so, then finishes what is under way.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let context = &self.context;
        let tick = Duration::from_secs(1).min(self.renewal());
        let mut under_way = JoinSet::new();
        let mut care = care::Care::new(context.clock.now());
        let mut claimed_at = 0;
        while !*stop.borrow() {
            let now = context.clock.now();
            context.alive_at.store(now, Ordering::Relaxed);
            if under_way.is_empty() {
                context.moved_at.store(now, Ordering::Relaxed);
            }
            let free = UNDER_WAY - under_way.len();
            let crowd = context.crowd.is_there(now);
            let turn = !crowd || now - claimed_at >= PATIENCE;
            let ready = free * 2 >= UNDER_WAY || (free > 0 && now - claimed_at >= BETWEEN);
            let found = if context.smtp.is_some() && turn && ready {
                claimed_at = now;
                self.claim(self.room(if crowd { free.min(IN_A_CROWD) } else { free }), now).await
            } else {
                Vec::new()
            };
            let idle = found.is_empty();
            for mail in found {
                let worker = self.clone();
                let place = self.held.take(&mail);
                under_way.spawn(async move {
                    worker.deliver(mail).await;
                    drop(place);
                });
            }
            self.look_after(&mut care, under_way.len()).await;
            if idle {
                let nap = match (turn, under_way.is_empty()) {
                    (false, _) => PAUSE,
                    (true, false) => Duration::from_micros(BETWEEN.unsigned_abs()),
                    (true, true) => tick,
                };
                tokio::select! {
                    _ = stop.changed() => {}
                    () = context.wake.notified(), if turn && ready => {
                        let moment = Duration::from_micros(jitter(MOMENT).unsigned_abs());
                        tokio::time::sleep(moment).await;
                    }
                    Some(_) = under_way.join_next() => {}
                    () = tokio::time::sleep(nap) => {}
                }
            }
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
        self.farewell().await;
    }

    /// For how many mails there is room beside those that are held.
    fn room(&self, free: usize) -> Room {
        let (notices, held) = self.held.count();
        Room {
            all: free,
            notices: (UNDER_WAY - KEPT_FREE).saturating_sub(notices),
            merchant: UNDER_WAY - KEPT_FREE,
            held,
            only_fresh: false,
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
            let now = self.context.clock.now();
            let mut found = self.try_claim(Room::of(64), now).await?;
            if found.is_empty() {
                found = self.claim_expired(now).await?;
            }
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

    async fn claim(&self, room: Room, now: Micros) -> Vec<Leased> {
        match self.try_claim(room, now).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "cannot take mail from the queue; trying again");
                Vec::new()
            }
        }
    }

    /// While the mail server is down, only what a person waits for is taken up, and once: so that the
    /// timeline tells of it. When it may be there again, one mail is.
    async fn try_claim(&self, mut room: Room, now: Micros) -> Result<Vec<Leased>> {
        let Context { db, config, keyring, .. } = &self.context;
        self.domains.refresh(db, now).await?;
        if !keyring.is_ready() {
            keyring.refresh(db).await?;
        }
        match self.relay.most(now) {
            0 => room.only_fresh = true,
            most => room.all = room.all.min(most),
        }
        outbox::claim(db, &config.mail, &self.name, room, now).await
    }

    /// One mail, all the way. What fails here leaves the lease to run out: nothing is lost.
    async fn deliver(&self, mail: Leased) {
        let admission = self.relay.admit(self.context.clock.now());
        if let Err(error) = self.try_deliver(&mail, &admission).await {
            tracing::error!(%error, mail = mail.id, "a mail stays in the queue");
        }
        if admission == Admission::Trial {
            // Said already, unless it came to no connection.
            self.relay.untried();
        }
        self.context.moved_at.store(self.context.clock.now(), Ordering::Relaxed);
    }

    async fn try_deliver(&self, mail: &Leased, admission: &Admission) -> Result<()> {
        let order = match admission {
            Admission::Shut(until, why) => {
                let hold = Hold { until: *until, why: why.clone() };
                Order { mail: mail.clone(), ready: Ready::default(), hold: Some(hold) }
            }
            Admission::Open | Admission::Trial => {
                // What the mails just before this one said of their domain counts for it.
                self.domains.refresh(&self.context.db, self.context.clock.now()).await?;
                let Some(ready) = self.prepare(mail).await? else { return Ok(()) };
                Order { mail: mail.clone(), ready, hold: None }
            }
        };
        let Some(made) = self.make.submit(order).await? else { return Ok(()) };
        let came = self.pass(mail, &made, admission).await;
        if let Came::Answer(outcome, _) = &came {
            let (outcome, code) = summary(outcome);
            tracing::info!(mail = mail.id, kind = mail.kind.as_str(), outcome, code, "mail");
        }
        self.settle.submit(Sent::new(mail, &made, came)).await
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
        let why = "too many passwords are being hashed";
        outbox::put_back(&mut tx, mail, why, now + SECOND).await?;
        tx.commit().await?;
        Ok(None)
    }
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
