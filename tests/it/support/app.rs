//! The whole program, built as `serve` builds it, with a clock that stands still and a real SMTP
//! server that can misbehave.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use doorkey::address::EmailAddress;
use doorkey::app::App;
use doorkey::clock::{Clock, SECOND};
use doorkey::config::{Config, Hidden};
use doorkey::customer::{self, NewCustomer};
use doorkey::db::Db;
use doorkey::demo::data;
use doorkey::mail::worker::Worker;
use doorkey::password::{Params, Password, PasswordHasher};
use doorkey::secret::Secret;
use doorkey::store::Store;
use doorkey::{args, web};

use super::browser::Browser;
use super::postgres::Fresh;
use super::smtp_sink::{Plan, Received, SmtpSink};

/// Which database a story is told on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// What a story changes before the program starts.
pub struct Options {
    pub database: Database,
    /// Environment variables, as an operator would set them.
    pub environment: HashMap<String, String>,
    /// What the mail server does.
    pub plan: Plan,
    /// Full-cost hashing, for stories about its cost.
    pub real_hashing: bool,
    /// Words for PostgreSQL's `CREATE DATABASE`, such as its locale.
    pub locale: &'static str,
}

impl Options {
    pub fn new(database: Database) -> Self {
        Self {
            database,
            environment: HashMap::new(),
            plan: Plan::accept(),
            real_hashing: false,
            locale: "",
        }
    }

    /// Sets a key of the configuration, such as `limits.mail_interval`.
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        let name = format!("DOORKEY_{}", key.to_uppercase().replace('.', "__"));
        self.environment.insert(name, value.to_string());
        self
    }

    /// The mail server misbehaves from the start.
    pub fn plan(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }
}

/// The running program. Its mail worker runs when the story says so: [`TestApp::deliver`].
pub struct TestApp {
    pub app: App,
    pub router: Router,
    pub worker: Worker,
    pub sink: SmtpSink,
    pub clock: Clock,
    /// Where the database and everything else of this installation lies (SQLite).
    pub folder: PathBuf,
    pub database_url: String,
    _fresh: Option<Fresh>,
}

/// The origin of the sample stores.
pub const ORIGIN: &str = "http://127.0.0.1:8080";
/// The password of everybody in the sample data.
pub const PASSWORD: &str = data::PASSWORD;

impl TestApp {
    /// The sample merchants, on a fresh database, with defaults.
    pub async fn start(database: Database) -> Self {
        Self::with(Options::new(database)).await
    }

    /// The same with other settings.
    pub async fn with(options: Options) -> Self {
        let folder = std::env::temp_dir().join(format!("doorkey-it-{}", doorkey::new_id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (database_url, fresh) = match options.database {
            Database::Sqlite => (format!("sqlite:{}", folder.join("doorkey.db").display()), None),
            Database::Postgres => {
                let fresh = super::postgres::fresh_database_with(options.locale).await;
                (fresh.url.clone(), Some(fresh))
            }
        };
        let sink = SmtpSink::start(options.plan).await;
        let mut environment = options.environment;
        environment.entry("DOORKEY_CAPTCHA__DIFFICULTY".into()).or_insert("20".into());
        environment.entry("DOORKEY_LIMITS__SOURCE_REQUESTS".into()).or_insert("1000".into());
        let mut config = Config::load(None, environment).unwrap();
        config.database_url = Hidden::new(&database_url);
        if config.smtp.url.is_none() {
            config.smtp.url = Some(Hidden::new(sink.url()));
        }
        let db = Db::connect(&database_url).await.unwrap();
        db.migrate().await.unwrap();
        let clock = Clock::fixed(Clock::System.now());
        let params = if options.real_hashing { Params::DEFAULT } else { cheap() };
        let hash = PasswordHasher::new(1, params.clone())
            .hash(Password::read(PASSWORD).unwrap())
            .await
            .unwrap();
        data::fill(&db, ORIGIN, &hash, clock.now()).await.unwrap();
        let secret = Secret::new([42; 32]);
        let app = App::build(config, db, clock.clone(), &secret, params).await.unwrap();
        let shop = doorkey::demo::shop::routes(
            web::doorkey(&app),
            doorkey::demo::shop::ShopStore::samples(),
        );
        let router = Router::from(web::entrance(&app, Some(shop), Router::new()));
        let worker = app.worker();
        Self { router, worker, sink, clock, folder, database_url, _fresh: fresh, app }
    }

    /// A browser that has been nowhere yet.
    pub fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    /// A store by its key.
    pub fn store(&self, key: &str) -> Arc<Store> {
        self.app.stores.by_key(key).unwrap()
    }

    /// Moves the clock.
    pub fn wait(&self, seconds: i64) {
        self.clock.advance(seconds * SECOND);
    }

    /// Lets the mail worker do all that is due, and gives the mails that the server took since last
    /// time, oldest first.
    pub async fn deliver(&self) -> Vec<Received> {
        self.worker.drain().await.unwrap();
        self.sink.take()
    }

    /// Mails not settled yet.
    pub async fn waiting(&self) -> i64 {
        doorkey::mail::outbox::waiting(&self.app.db, self.clock.now()).await.unwrap().count
    }

    /// Asks for a recovery link at a store and gives the one that was mailed.
    pub async fn link(&self, store: &str, email: &str) -> String {
        let answer = self.browser().forgot(store, email).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let mails = self.deliver().await;
        assert_eq!(mails.len(), 1, "one mail");
        reset_link(&mails[0])
    }

    /// One number out of the database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        self.app.db.row(sql, args![]).await.unwrap().unwrap().get("n")
    }

    /// Runs a statement against the database.
    pub async fn exec(&self, sql: &'static str) {
        assert!(self.app.db.exec(sql, args![]).await.unwrap() > 0, "{sql} touched nothing");
    }

    /// Adds a customer to a store and gives the id.
    pub async fn add_customer(&self, store: &str, email: &str, password: Option<&str>) -> String {
        let store = self.store(store);
        let email = EmailAddress::parse(email).unwrap();
        let hash = match password {
            Some(text) => Some(self.app.hasher.hash(Password::read(text).unwrap()).await.unwrap()),
            None => None,
        };
        let new = NewCustomer {
            number: None,
            email: &email,
            first_name: "Test",
            last_name: "Person",
            company: "",
            phone: "",
            language: None,
            home_store_id: &store.id,
            password_hash: hash,
        };
        let mut tx = self.app.db.begin().await.unwrap();
        let now = self.clock.now();
        let id = customer::add(&mut tx, &store.merchant_id, &new, now).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// The stored hash of a customer's password.
    pub async fn hash_of(&self, email: &str) -> Option<String> {
        let sql = "SELECT p.password_hash FROM credential p JOIN customer c ON c.id = p.customer_id
                   JOIN merchant m ON m.id = c.merchant_id
                   WHERE c.email_key = $1 AND m.key = 'harbor-goods'";
        self.app.db.row(sql, args![email]).await.unwrap().unwrap().get("password_hash")
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Argon2id as cheap as it gets: most stories are not about its cost.
pub fn cheap() -> Params {
    Params::new(8, 1, 1, None).unwrap()
}

/// The text part of a mail, decoded.
pub fn text_of(mail: &Received) -> String {
    let message = mail_parser::MessageParser::default().parse(&mail.raw[..]).unwrap();
    message.body_text(0).unwrap().replace("\r\n", "\n")
}

/// A whole mail without the long words that chance made, such as tokens and ids: any few letters may
/// stand in those.
pub fn without_chance(mail: &Received) -> String {
    let mail = mail.text();
    let apart = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
    let words = mail.split_inclusive(apart);
    words.filter(|word| word.len() < 20).collect()
}

/// The link in a mail's text part whose path ends in `page`, which stands alone on its line.
pub fn link_of(mail: &Received, page: &str) -> String {
    let wanted = format!("{page}?token=");
    text_of(mail)
        .lines()
        .find(|line| line.starts_with("http") && line.contains(&wanted))
        .unwrap_or_else(|| panic!("no {page} link on a line of its own in:\n{}", text_of(mail)))
        .to_owned()
}

/// The recovery link of a mail.
pub fn reset_link(mail: &Received) -> String {
    link_of(mail, "/reset")
}

/// The token in a link.
pub fn token_of(link: &str) -> String {
    link.split_once("token=").unwrap().1.to_owned()
}
