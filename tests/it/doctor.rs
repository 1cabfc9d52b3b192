//! The doctor: what it finds out from a real name server, and where that is shown.

mod around;
mod pages;
mod probe;
mod relay;
mod room;
mod sick;
mod test_mail;
mod verdicts;

use doorkey::mail::dkim::life::{self, Pair};
use doorkey::mail::dns::Dns;
use doorkey::mail::doctor::{self, Check, Findings, Installation, Level, Topic};
use doorkey::{args, store};

use crate::support::app::Database;
use crate::support::dns::NameServer;
use crate::support::{Options, TestApp};

/// The sender domain of the sample merchant in these stories.
pub const DOMAIN: &str = "shop.test";
/// From where its mail leaves.
pub const HOST: &str = "192.0.2.10";

/// The program with a name server of its own, whose stores send from [`DOMAIN`].
pub struct Ward {
    pub test: TestApp,
    pub dns: NameServer,
}

impl Ward {
    pub async fn open(database: Database) -> Self {
        Self::with(Options::new(database).set("doctor.sending_hosts", format!("[\"{HOST}\"]")))
            .await
    }

    pub async fn with(options: Options) -> Self {
        let dns = NameServer::start().await;
        let options = options.set("dns.servers", dns.setting()).set("dns.timeout", 1);
        let test = TestApp::with(options).await;
        let ward = Self { test, dns };
        ward.send_from("hello@shop.test").await;
        ward
    }

    /// All stores of the sample merchant send from this address.
    pub async fn send_from(&self, sender: &str) {
        let app = &self.test.app;
        let merchant = &self.test.store("harbor").merchant_id;
        let sql = "UPDATE store SET sender = $1 WHERE merchant_id = $2";
        app.db.exec(sql, args![sender, merchant]).await.unwrap();
        let mut tx = app.db.begin().await.unwrap();
        store::touch(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        app.stores.refresh(&app.db).await.unwrap();
    }

    pub fn merchant(&self) -> String {
        self.test.store("harbor").merchant_id.clone()
    }

    /// Looks at a domain as the page does.
    pub async fn examine(&self, domain: &str) -> Findings {
        let app = &self.test.app;
        let dns = Dns::new(&app.config.dns);
        let installation = Installation::look(&app.config, &dns, self.test.clock.now()).await;
        let (merchant, sender) = (self.merchant(), format!("hello@{domain}"));
        doctor::examine((&app.db, &dns), &installation, &merchant, domain, &sender).await.unwrap()
    }

    /// Has mail from [`DOMAIN`] signed; gives the pair's name.
    pub async fn sign(&self, now: i64) -> String {
        let (app, merchant) = (&self.test.app, self.merchant());
        let pair = Pair::generate().await;
        let wanted = (&*merchant, DOMAIN, life::Wanted::First);
        let mut tx = app.db.begin().await.unwrap();
        let refused = life::add(&mut tx, &app.keys.dkim, wanted, &pair, now).await.unwrap();
        assert_eq!(refused, None);
        let name = life::activate(&mut tx, &merchant, DOMAIN, now).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        name
    }

    /// One check of a domain.
    pub async fn check(&self, topic: Topic) -> Check {
        of(&self.examine(DOMAIN).await, topic)
    }
}

pub fn of(findings: &Findings, topic: Topic) -> Check {
    let found = findings.checks.iter().find(|check| check.topic == topic);
    found.unwrap_or_else(|| panic!("no {topic:?} in {findings:?}")).clone()
}

/// The check has this level, and says this somewhere.
pub fn says(check: &Check, level: Level, words: &str) {
    let all = format!("{check:?}");
    assert_eq!(check.level, level, "{all}");
    assert!(all.contains(words), "{words:?} is missing in {all}");
}
