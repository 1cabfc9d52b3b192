//! The application: everything that pages, workers and commands need, built by one function, for
//! the program and for its tests alike.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::sync::Notify;

use crate::captcha::Captcha;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, Db};
use crate::mail::outbox;
use crate::mail::smtp::{Smtp, SmtpSettings};
use crate::mail::worker::{self, Worker};
use crate::password::{Params, PasswordHasher};
use crate::recovery::{self, Crowd, Intake};
use crate::secret::{Key, Secret};
use crate::store::{self, Stores};

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
    /// The stores, in memory.
    pub stores: Arc<Stores>,
    /// Proof of work, picture and sound.
    pub captcha: Captcha,
    /// Argon2id on a bounded pool.
    pub hasher: PasswordHasher,
    /// The door for recovery requests.
    pub intake: Intake,
    /// The way out for mail; none while no mail server is configured.
    pub smtp: Option<Arc<Smtp>>,
    /// Woken when there is mail.
    pub wake: Arc<Notify>,
    /// When the mail worker of this process last went round; 0: never.
    pub worker_alive_at: Arc<AtomicI64>,
    full: Arc<AtomicBool>,
    crowd: Arc<Crowd>,
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
}

impl Keys {
    fn derive(secret: &Secret) -> Self {
        Self {
            counters: secret.derive("counters"),
            addresses: secret.derive("addresses"),
            carts: secret.derive("carts"),
            forms: secret.derive("forms"),
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
        let context = recovery::Context {
            config: config.clone(),
            clock: clock.clone(),
            counters: keys.counters.clone(),
            addresses: keys.addresses.clone(),
            carts: keys.carts.clone(),
            wake: wake.clone(),
            full: full.clone(),
            crowd: crowd.clone(),
        };
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let threads = config.password.threads.unwrap_or(cores);
        Ok(Self(Arc::new(Inner {
            intake: Intake::open(db.clone(), context),
            captcha: Captcha::new(secret, config.captcha.difficulty),
            hasher: PasswordHasher::new(threads, hashing),
            main_origin: main_origin(&config).into(),
            smtp: smtp(&config)?.map(Arc::new),
            worker_alive_at: Arc::new(AtomicI64::new(0)),
            config,
            db,
            clock,
            keys,
            stores,
            wake,
            full,
            crowd,
        })))
    }

    /// Looks whether the queue is at its bound, so that the door knows. For every process that
    /// serves pages: the mail workers may be others.
    ///
    /// # Errors
    /// What the database says; then the door stays as it was.
    pub async fn look_at_queue(&self) -> db::Result<()> {
        let waiting = outbox::waiting(&self.db, self.clock.now()).await?;
        self.full.store(waiting.count >= self.config.limits.queue, Ordering::Relaxed);
        Ok(())
    }

    /// Whether it was at its bound when last looked at.
    pub fn is_queue_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
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
            smtp: self.smtp.clone(),
            wake: self.wake.clone(),
            crowd: self.crowd.clone(),
            alive_at: self.worker_alive_at.clone(),
        })
    }
}

/// The origin of the back office, and of stores under `/s/{store}`.
pub fn main_origin(config: &Config) -> String {
    match &config.oms_url {
        Some(url) => {
            let url = store::read_base_url(url).unwrap_or_else(|| url.clone());
            store::origin_of(&url).to_owned()
        }
        None if config.listen.ip().is_unspecified() => {
            format!("http://127.0.0.1:{}", config.listen.port())
        }
        None => format!("http://{}", config.listen),
    }
}

/// The mail server of the configuration, if one is set.
///
/// # Errors
/// One line that says what is wrong with it.
pub fn smtp(config: &Config) -> Result<Option<Smtp>, String> {
    let Some(url) = &config.smtp.url else { return Ok(None) };
    let mut settings = SmtpSettings::new(url.reveal());
    settings.tls = config.smtp.tls.as_deref().map(str::parse).transpose()?;
    settings.root_certificate = config.smtp.ca_file.clone();
    settings.connections = config.smtp.connections;
    settings.timeout_seconds = config.smtp.timeout;
    Smtp::new(&settings).map(Some)
}
