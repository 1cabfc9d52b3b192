//! The door: requests are taken in, many to a commit, without reading any account.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::sync::Notify;

use crate::address::EmailAddress;
use crate::args;
use crate::batch::{Batch, Step};
use crate::captcha::Proof;
use crate::clock::{Clock, Micros, SECOND};
use crate::config::Config;
use crate::db::{Db, Result, Tx};
use crate::limit::{self, Firsts, Standing, Window};
use crate::locale::Language;
use crate::mail::outbox::{self, Kind, NewMail};
use crate::secret::{Digest, Key};
use crate::store::Store;

/// What the popup submits, with the return ticket.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where it was asked.
    pub store: Arc<Store>,
    /// What was typed.
    pub address: EmailAddress,
    /// The page to go back to, inside the store; may be empty.
    pub return_to: String,
    /// The value of the shop's cart cookie.
    pub cart: Option<String>,
    /// The language of the page.
    pub language: Language,
    /// Who asks: a network address.
    pub source: String,
    /// The solved captcha, not yet noted as used.
    pub proof: Proof,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// On disk. The reference is shown to whoever asked.
    Taken {
        /// To be read out on the phone.
        reference: String,
    },
    /// The captcha was used before.
    CaptchaUsed,
    /// Too many requests from this source; so many microseconds to wait.
    TooMany(Micros),
    /// The queue is full: better to refuse than to lose.
    Full,
}

/// Whether many are at the door right now, for the mail worker, which then steps back.
#[derive(Debug, Default)]
pub struct Crowd(AtomicI64);

impl Crowd {
    /// Requests that share a commit are a crowd from here on.
    const FROM: usize = 4;
    /// How long it counts as there after it was last seen.
    const LINGERS: Micros = SECOND / 20;

    fn seen(&self, people: usize, now: Micros) {
        if people >= Self::FROM {
            self.0.store(now, Ordering::Relaxed);
        }
    }

    /// Whether it was there a moment ago.
    pub fn is_there(&self, now: Micros) -> bool {
        now - self.0.load(Ordering::Relaxed) < Self::LINGERS
    }
}

/// What the door needs to know.
#[derive(Clone)]
pub struct Context {
    /// Limits and mail settings.
    pub config: Arc<Config>,
    /// Time.
    pub clock: Clock,
    /// Names counters.
    pub counters: Key,
    /// Seals typed addresses.
    pub addresses: Key,
    /// Seals carts.
    pub carts: Key,
    /// Woken when there is mail.
    pub wake: Arc<Notify>,
    /// Set while the queue is at its bound.
    pub full: Arc<AtomicBool>,
    /// Set when many come at once.
    pub crowd: Arc<Crowd>,
    /// Addresses that were typed once.
    pub firsts: Arc<Firsts>,
}

/// The door, open.
#[derive(Clone)]
pub struct Intake(Batch<Context>);

impl Intake {
    /// Opens the door.
    pub fn open(db: Db, context: Context) -> Self {
        Self(Batch::spawn(db, context))
    }

    /// Takes a request; when this returns, it is on disk.
    ///
    /// # Errors
    /// What the database says; then nothing was taken.
    pub async fn start(&self, request: Request) -> Result<Accepted> {
        self.0.submit(request).await
    }
}

impl Step for Context {
    type Item = Request;
    type Done = Accepted;

    /// Few enough that of a crowd the rest is read and answered while these are written: all at once,
    /// all would wait for the disk together, and then the disk for all of them.
    const MOST: usize = 32;

    async fn run(&self, tx: &mut Tx, items: &[Request]) -> Result<Vec<Accepted>> {
        let now = self.clock.now();
        self.crowd.seen(items.len(), now);
        if self.full.load(Ordering::Relaxed) {
            return Ok(vec![Accepted::Full; items.len()]);
        }
        let mut fates: Vec<Option<Accepted>> = vec![None; items.len()];
        self.burn_captchas(tx, items, &mut fates).await?;
        let limits = &self.config.limits;
        let source = Window::new(limits.source_requests, limits.source_window);
        let standings = self
            .count(tx, items, &fates, Counted::Source, source, now, |r| r.source.clone())
            .await?;
        for (fate, standing) in fates.iter_mut().zip(standings) {
            if let Some(wait) = standing.and_then(|s| s.over(source, now)) {
                *fate = Some(Accepted::TooMany(wait));
            }
        }
        let address = Window::new(limits.address_requests, limits.address_window);
        let standings = self
            .count(tx, items, &fates, Counted::Address, address, now, |r| {
                format!("{}\n{}", r.store.merchant_id, r.address.key())
            })
            .await?;
        self.write(tx, items, &mut fates, &standings, address, now).await?;
        self.wake.notify_one();
        Ok(fates.into_iter().flatten().collect())
    }
}

/// What is counted: of sources there are few, of addresses as many as requests.
#[derive(Clone, Copy)]
enum Counted {
    Source,
    Address,
}

impl Counted {
    fn name(self) -> &'static str {
        match self {
            Self::Source => "recovery-source",
            Self::Address => "recovery-address",
        }
    }
}

impl Context {
    /// Notes the captchas as used; of two requests with the same one, the first has it.
    async fn burn_captchas(
        &self,
        tx: &mut Tx,
        items: &[Request],
        fates: &mut [Option<Accepted>],
    ) -> Result<()> {
        let rows = items.iter().map(|r| args![r.proof.digest, r.proof.expires_at]).collect();
        let fresh = burn(tx, rows).await?;
        let mut fresh: HashSet<Digest> = fresh.into_iter().collect();
        for (request, fate) in items.iter().zip(fates) {
            if !fresh.remove(&request.proof.digest) {
                *fate = Some(Accepted::CaptchaUsed);
            }
        }
        Ok(())
    }

    /// Counts the requests that are still open under a name; each gets the standing that it would
    /// have had if it had come alone, in order.
    async fn count(
        &self,
        tx: &mut Tx,
        items: &[Request],
        fates: &[Option<Accepted>],
        what: Counted,
        limit: Window,
        now: Micros,
        whom: impl Fn(&Request) -> String,
    ) -> Result<Vec<Option<Standing>>> {
        let name = what.name();
        let names: Vec<Option<String>> = items
            .iter()
            .zip(fates)
            .map(|(r, fate)| fate.is_none().then(|| limit::bucket(&self.counters, name, &whom(r))))
            .collect();
        let mut sums: HashMap<&String, i64> = HashMap::new();
        for name in names.iter().flatten() {
            *sums.entry(name).or_default() += 1;
        }
        // Sorted, so that two processes lock the rows in the same order.
        let mut buckets: Vec<_> =
            sums.iter().map(|(name, count)| ((*name).clone(), *count, limit)).collect();
        buckets.sort_by(|a, b| a.0.cmp(&b.0));
        let standings = match what {
            Counted::Source => limit::hit(tx, &buckets, now).await?,
            Counted::Address => self.firsts.hit(tx, &buckets, now).await?,
        };
        let mut after: HashMap<&String, Standing> = buckets
            .iter()
            .zip(standings)
            .map(|((name, count, _), s)| {
                (name, Standing { hits: s.hits - count, started_at: s.started_at })
            })
            .collect();
        Ok(names
            .iter()
            .map(|name| {
                let standing = after.get_mut(name.as_ref()?)?;
                standing.hits += 1;
                Some(*standing)
            })
            .collect())
    }

    /// Writes what is to be handled. A request over its address's limit gets the same answer and is
    /// not written: the limit depends on what was typed, never on whether anybody has it.
    async fn write(
        &self,
        tx: &mut Tx,
        items: &[Request],
        fates: &mut [Option<Accepted>],
        standings: &[Option<Standing>],
        address: Window,
        now: Micros,
    ) -> Result<()> {
        let (mut rows, mut mails, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for ((request, fate), standing) in items.iter().zip(fates).zip(standings) {
            if fate.is_some() {
                continue;
            }
            let reference = crate::reference();
            *fate = Some(Accepted::Taken { reference: reference.clone() });
            if standing.is_some_and(|s| s.over(address, now).is_some()) {
                continue;
            }
            let id = crate::new_id();
            let sealed = self.addresses.seal(&id, request.address.key().as_bytes());
            let cart = request.cart.as_ref().map(|cart| self.carts.seal(&id, cart.as_bytes()));
            rows.push(args![
                &id,
                &request.store.merchant_id,
                &request.store.id,
                reference,
                sealed,
                &request.return_to,
                cart,
                request.language.code(),
                now
            ]);
            ids.push((id, &request.store));
        }
        tx.many(
            "INSERT INTO recovery (id, merchant_id, store_id, reference, address_sealed, return_to,
                cart_sealed, language, created_at) VALUES",
            rows,
            "",
        )
        .await?;
        for (id, store) in &ids {
            mails.push(NewMail {
                kind: Kind::Recovery,
                subject_id: id,
                merchant_id: &store.merchant_id,
                store_id: &store.id,
                customer_id: None,
            });
        }
        outbox::enqueue(tx, &self.config.mail, &mails, now).await.map(drop)
    }
}

/// Notes captchas as used and gives those that were not used before. Rows are (digest, expiry).
///
/// # Errors
/// What the database says.
pub(crate) async fn burn(tx: &mut Tx, rows: Vec<Vec<crate::db::Arg>>) -> Result<Vec<Digest>> {
    let rows = tx
        .many(
            "INSERT INTO captcha_used (digest, expires_at) VALUES",
            rows,
            " ON CONFLICT DO NOTHING RETURNING digest",
        )
        .await?;
    Ok(rows
        .iter()
        .filter_map(|row| row.get::<Vec<u8>>("digest").try_into().ok().map(Digest))
        .collect())
}
