//! The application: everything that pages, workers and commands need, built by one function, for
//! the program and for its tests alike.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;
use tokio::sync::{Notify, Semaphore};
use zeroize::Zeroizing;

use crate::address::EmailAddress;
use crate::captcha::Captcha;
use crate::clock::{Clock, MINUTE, Micros};
use crate::config::{Config, Hidden, SmtpConfig};
use crate::db::{self, Db};
use crate::limit::Firsts;
use crate::locale::Language;
use crate::mail::bounce::verp::Verp;
use crate::mail::dkim::keyring::Keyring;
use crate::mail::dns::Dns;
use crate::mail::doctor;
use crate::mail::home::Home;
use crate::mail::hooks::certificate::Certificates;
use crate::mail::inbound::{self, Homeless, Inbound};
use crate::mail::outbox;
use crate::mail::probe;
use crate::mail::pulse::{self, Pulse};
use crate::mail::smtp::{Smtp, SmtpSettings, TokenSource};
use crate::mail::worker::{self, Worker};
use crate::password::seal::{NewPassword, SealKeys, Sealer};
use crate::password::{Busy, Params, Password, PasswordHasher};
use crate::recovery::{self, Crowd, Intake};
use crate::secret::{Key, Secret};
pub use crate::store::main_origin;
use crate::store::{Store, Stores};
use crate::timeline::live::Live;

/// A handle to the application; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What an [`App`] holds.
pub struct Inner {
    /// Settings.
    pub config: Arc<Config>,
    /// The database.
    pub db: Db,
    /// Time.
    pub clock: Clock,
    /// The origin of everything that is no store's own host.
    pub main_origin: Arc<str>,
    /// Keys by purpose.
    pub keys: Keys,
    /// Marks mails, so that what comes back names them.
    pub verp: Verp,
    /// Who signs Amazon's reports.
    pub certificates: Certificates,
    /// The stores, in memory.
    pub stores: Arc<Stores>,
    /// Proof of work, picture and sound.
    pub captcha: Captcha,
    /// Argon2id on a bounded pool.
    pub hasher: Arc<PasswordHasher>,
    /// Makes sealed copies of passwords; none where the configuration does not allow them.
    pub sealer: Option<Sealer>,
    /// The door for recovery requests.
    pub intake: Intake,
    /// The way out for mail; none while no mail server is configured.
    pub smtp: Option<Arc<Smtp>>,
    /// Asks name servers.
    pub dns: Dns,
    /// Woken when there is mail.
    pub wake: Arc<Notify>,
    /// News of timelines for pages that stay open.
    pub live: Live,
    /// Notes of opened links being written at once. Beyond that there are none: a flood of made-up
    /// links must not take the database from those who log in.
    pub openers: Arc<Semaphore>,
    /// When the mail worker of this process last went round; 0: never.
    pub worker_alive_at: Arc<AtomicI64>,
    /// When a mail last came to anything in it, or none was under way; 0: never.
    pub worker_moved_at: Arc<AtomicI64>,
    full: Arc<AtomicBool>,
    /// When the oldest mail that waits to be sent became due, as last looked at; 0: none does.
    oldest_due_at: AtomicI64,
    /// How the processes that send mail were doing, as last looked at.
    pulse: Mutex<Pulse>,
    crowd: Arc<Crowd>,
    /// Addresses that were typed once.
    pub firsts: Arc<Firsts>,
}

/// Keys derived from the installation's secret, one a purpose.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Names counters.
    pub counters: Key,
    /// Seals typed addresses.
    pub addresses: Key,
    /// Seals carts in return tickets.
    pub carts: Key,
    /// Binds forms to sessions.
    pub forms: Key,
    /// Ties the activity's chains.
    pub activity: Key,
    /// Seals the keys of second factors.
    pub factors: Key,
    /// Seals the keys that sign mail.
    pub dkim: Key,
    /// Marks mails that leave.
    pub bounces: Key,
}

impl Keys {
    /// Derives all of them.
    pub fn derive(secret: &Secret) -> Self {
        Self {
            counters: secret.derive("counters"),
            addresses: secret.derive("addresses"),
            carts: secret.derive("carts"),
            forms: secret.derive("forms"),
            activity: secret.derive("activity"),
            factors: secret.derive("factors"),
            dkim: secret.derive("dkim"),
            bounces: secret.derive("bounces"),
        }
    }
}

impl App {
    /// Builds the application on a database whose schema is up to date.
    ///
    /// # Errors
    /// One line that says what is wrong and what to do.
    pub async fn build(
        config: Config,
        db: Db,
        clock: Clock,
        secret: &Secret,
        hashing: Params,
    ) -> Result<Self, String> {
        let config = Arc::new(config);
        let stores = Arc::new(Stores::default());
        stores.refresh(&db).await.map_err(|e| format!("cannot read the stores: {e}"))?;
        let keys = Keys::derive(secret);
        let (wake, full) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let crowd = Arc::new(Crowd::default());
        let firsts = Arc::new(Firsts::default());
        let context = recovery::Context {
            config: config.clone(),
            clock: clock.clone(),
            counters: keys.counters.clone(),
            addresses: keys.addresses.clone(),
            carts: keys.carts.clone(),
            wake: wake.clone(),
            full: full.clone(),
            crowd: crowd.clone(),
            firsts: firsts.clone(),
        };
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let threads = config.password.threads.unwrap_or(cores);
        Ok(Self(Arc::new(Inner {
            intake: Intake::open(db.clone(), context),
            captcha: Captcha::new(secret, config.captcha.difficulty),
            hasher: Arc::new(PasswordHasher::new(threads, hashing)),
            sealer: Sealer::new(&config, secret),
            certificates: Certificates::new(&config.bounce)?,
            verp: Verp::new(keys.bounces.clone(), &config.bounce),
            main_origin: main_origin(&config).into(),
            smtp: smtp(&config)?.map(Arc::new),
            dns: Dns::new(&config.dns),
            live: Live::new(db.clone(), clock.clone()),
            openers: Arc::new(Semaphore::new(2)),
            worker_alive_at: Arc::new(AtomicI64::new(0)),
            worker_moved_at: Arc::new(AtomicI64::new(0)),
            config,
            db,
            clock,
            keys,
            stores,
            wake,
            full,
            oldest_due_at: AtomicI64::new(0),
            pulse: Mutex::default(),
            crowd,
            firsts,
        })))
    }

    /// Hashes a password that is about to be set. The one way to a new password for every page.
    ///
    /// # Errors
    /// [`Busy`] when too many are waiting.
    pub async fn new_password(&self, password: Password) -> Result<NewPassword, Busy> {
        let hash = self.hasher.hash(password.clone()).await?;
        Ok(NewPassword::new(hash, password, self.sealer.as_ref()))
    }

    /// Looks whether the queue is at its bound, so that the door knows, and how long mail has been
    /// due, so that staff do. For every process that serves pages: the mail workers may be others.
    ///
    /// # Errors
    /// What the database says; then the door stays as it was.
    pub async fn look_at_queue(&self) -> db::Result<()> {
        let waiting = outbox::waiting(&self.db, self.clock.now()).await?;
        self.full.store(waiting.count >= self.config.limits.queue, Ordering::Relaxed);
        self.oldest_due_at.store(waiting.oldest_due_at.unwrap_or(0), Ordering::Relaxed);
        let pulse = pulse::read(&self.db, self.clock.now()).await?;
        *self.pulse.lock().unwrap_or_else(PoisonError::into_inner) = pulse;
        Ok(())
    }

    /// Whether it was at its bound when last looked at.
    pub fn is_queue_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// What staff should know of the mail on every page: nothing, while all is well. Says what was
    /// last looked at; asks nobody.
    pub fn mail_trouble(&self, now: Micros) -> Option<String> {
        const OPERATOR: &str = "Tell whoever runs Doorkey; no mail is lost meanwhile.";
        if self.smtp.is_none() {
            let text = "No mail server is configured: mail waits in the queue until one is.";
            return Some(format!("{text} {OPERATOR}"));
        }
        let alive_at = self.worker_alive_at.load(Ordering::Relaxed);
        if alive_at != 0 && now - alive_at > MINUTE {
            let text = "The mail worker has stopped: mail waits in the queue.";
            return Some(format!("{text} {OPERATOR}"));
        }
        // The workers may be other processes, which say in the database that they are there.
        let wrong = self.pulse.lock().unwrap_or_else(PoisonError::into_inner).wrong(now);
        if let Some(wrong) = wrong {
            return Some(format!("Mail does not leave: {wrong}. {OPERATOR}"));
        }
        // One that was never there is known by what it leaves undone.
        let due_at = self.oldest_due_at.load(Ordering::Relaxed);
        if due_at != 0 && now - due_at > MINUTE {
            let since = Language::En.moment(due_at, &TimeZone::UTC);
            let text = format!("Mail is late: the oldest has been due since {since}.");
            return Some(format!("{text} The mail worker is down or cannot keep up. {OPERATOR}"));
        }
        if self.smtp.as_ref().is_some_and(|smtp| smtp.on_backup().is_some()) {
            let text = "The first mail server is down: mail leaves through the backup relay.";
            return Some(format!("{text} {OPERATOR}"));
        }
        None
    }

    /// What the doctor works with.
    pub fn doctor(&self) -> doctor::Tools<'_> {
        doctor::Tools {
            config: &self.config,
            db: &self.db,
            dns: &self.dns,
            stores: &self.stores,
            activity: &self.keys.activity,
        }
    }

    /// Where mail about the row `id` comes home to, in a store's name.
    ///
    /// # Errors
    /// Why it cannot come home.
    pub fn home_address(&self, store: &Store, id: &str) -> Result<EmailAddress, Homeless> {
        inbound::home_of(&self.config.bounce, &self.verp, store, id)
    }

    /// Starts the probes that are due, and ends those whose mail is lost. Gives how many began.
    ///
    /// # Errors
    /// What the database says.
    pub async fn probe(&self, now: Micros) -> db::Result<usize> {
        let home = |store: &Store, id: &str| self.home_address(store, id);
        let tools = probe::Tools {
            config: &self.config,
            db: &self.db,
            stores: &self.stores,
            addresses: &self.keys.addresses,
            activity: &self.keys.activity,
        };
        let started = probe::round(&tools, &home, now).await?;
        if started > 0 {
            self.wake.notify_one();
        }
        Ok(started)
    }

    /// What takes in test mails and probes that come home.
    pub fn home(&self) -> Home {
        Home {
            config: self.config.clone(),
            db: self.db.clone(),
            dns: self.dns.clone(),
            stores: self.stores.clone(),
            hasher: self.hasher.clone(),
            addresses: self.keys.addresses.clone(),
            carts: self.keys.carts.clone(),
            activity: self.keys.activity.clone(),
        }
    }

    /// What takes in mail that comes back.
    pub fn inbound(&self) -> Inbound {
        Inbound {
            db: self.db.clone(),
            clock: self.clock.clone(),
            stores: self.stores.clone(),
            verp: self.verp.clone(),
            activity: self.keys.activity.clone(),
            home: self.home(),
        }
    }

    /// A mail worker for this application.
    pub fn worker(&self) -> Worker {
        Worker::new(worker::Context {
            config: self.config.clone(),
            db: self.db.clone(),
            clock: self.clock.clone(),
            stores: self.stores.clone(),
            addresses: self.keys.addresses.clone(),
            counters: self.keys.counters.clone(),
            activity: self.keys.activity.clone(),
            hasher: self.hasher.clone(),
            seals: SealKeys::new(&self.config),
            smtp: self.smtp.clone(),
            keyring: Arc::new(Keyring::new(self.keys.dkim.clone())),
            verp: self.verp.clone(),
            wake: self.wake.clone(),
            crowd: self.crowd.clone(),
            alive_at: self.worker_alive_at.clone(),
            moved_at: self.worker_moved_at.clone(),
        })
    }
}

/// The mail servers of the configuration, if one is set.
///
/// # Errors
/// One line that says what is wrong with it.
pub fn smtp(config: &Config) -> Result<Option<Smtp>, String> {
    let mut relays = config.smtp.relays().map(|(key, relay)| relay_settings(key, relay));
    let Some(first) = relays.next().transpose()?.flatten() else { return Ok(None) };
    match relays.next().transpose()?.flatten() {
        Some(backup) => Smtp::with_backup(&first, &backup).map(Some),
        None => Smtp::new(&first).map(Some),
    }
}

fn relay_settings(key: &'static str, relay: &SmtpConfig) -> Result<Option<SmtpSettings>, String> {
    let Some(url) = &relay.url else { return Ok(None) };
    let fixed = |token: &Hidden| TokenSource::Fixed(Zeroizing::new(token.reveal().to_owned()));
    Ok(Some(SmtpSettings {
        key,
        tls: relay.tls.as_deref().map(str::parse).transpose()?,
        root_certificate: relay.ca_file.clone(),
        connections: relay.connections,
        timeout_seconds: relay.timeout,
        auth: relay.auth.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
        token: relay
            .token
            .as_ref()
            .map(fixed)
            .or_else(|| relay.token_file.clone().map(TokenSource::File)),
        per_second: relay.per_second,
        ..SmtpSettings::new(url.reveal())
    }))
}
