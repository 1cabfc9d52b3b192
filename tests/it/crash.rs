//! The program, killed at every step between an accepted request and its settled mail, and started
//! again: no accepted request without its mail, no mail with a dead link, no more repeats than
//! there were interruptions.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use doorkey::address::EmailAddress;
use doorkey::args;
use doorkey::clock::Clock;
use doorkey::customer::{self, NewCustomer};
use doorkey::locale::Language;
use doorkey::store::{Access, NewStore};

use crate::support::app::{Database, reset_link};
use crate::support::both;
use crate::support::ground::Ground;
use crate::support::process::{Running, free_port, remote};
use crate::support::smtp_sink::{Fault, Plan, SmtpSink, Step};

/// Long enough to be killed in.
const STALL: Fault = Fault::Stall(Duration::from_secs(60));

/// An installation whose program comes and goes.
struct Installation {
    ground: Ground,
    sink: SmtpSink,
    pages: SocketAddr,
    ops: SocketAddr,
    running: Option<Running>,
    kills: usize,
    /// Requests that were answered 202, by address.
    accepted: Vec<String>,
    customers: usize,
}

impl Installation {
    async fn new(database: Database) -> Self {
        let ground = Ground::new(database).await;
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (pages, ops) = (local(free_port()), local(free_port()));
        let now = Clock::System.now();
        let mut tx = ground.db.begin().await.unwrap();
        let merchant = doorkey::merchant::add(&mut tx, "shop", "Shop", now).await.unwrap();
        let store = NewStore {
            key: "shop".into(),
            name: "Shop".into(),
            base_url: format!("http://{pages}/s/shop"),
            access: Access::Public,
            language: Language::En,
            accent: "#1f5c57".into(),
            sender: "service@shop.test".into(),
        };
        doorkey::store::add(&mut tx, &merchant.id, &store, now).await.unwrap();
        tx.commit().await.unwrap();
        let sink = SmtpSink::start(Plan::accept()).await;
        Self {
            ground,
            sink,
            pages,
            ops,
            running: None,
            kills: 0,
            accepted: Vec::new(),
            customers: 0,
        }
    }

    /// Starts the program and waits until it answers.
    async fn start(&mut self, role: &str) {
        let (smtp, pages, ops) = (self.sink.url(), self.pages.to_string(), self.ops.to_string());
        let environment = [
            ("DOORKEY_DATABASE_URL", self.ground.url.as_str()),
            ("DOORKEY_SMTP__URL", &smtp),
            ("DOORKEY_LISTEN", &pages),
            ("DOORKEY_OPS_LISTEN", &ops),
            ("DOORKEY_SECRET", "ZG9vcmtleS1kb29ya2V5LWRvb3JrZXktZG9vcmtleTE="),
            ("DOORKEY_CAPTCHA__DIFFICULTY", "20"),
            ("DOORKEY_LIMITS__SOURCE_REQUESTS", "100000"),
            ("DOORKEY_MAIL__LEASE", "1"),
            ("DOORKEY_MAIL__RETRY_FIRST", "1"),
        ];
        let mut running = Running::start(&["serve", "--role", role], &environment);
        running.wait_for("doorkey serves").await;
        self.running = Some(running);
    }

    fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
            self.kills += 1;
        }
    }

    async fn add_customer(&mut self) -> String {
        let email = format!("customer{}@example.test", self.customers);
        self.customers += 1;
        let sql = "SELECT id, merchant_id FROM store WHERE key = 'shop'";
        let store = self.ground.db.row(sql, args![]).await.unwrap().unwrap();
        let new = NewCustomer {
            number: None,
            email: &EmailAddress::parse(&email).unwrap(),
            first_name: "Test",
            last_name: "Person",
            company: "",
            phone: "",
            language: None,
            home_store_id: &store.get::<String>("id"),
            password_hash: None,
        };
        let mut tx = self.ground.db.begin().await.unwrap();
        let merchant: String = store.get("merchant_id");
        customer::add(&mut tx, &merchant, &new, Clock::System.now()).await.unwrap();
        tx.commit().await.unwrap();
        email
    }

    /// A request of a new customer; remembered if it was accepted.
    async fn ask(&mut self) {
        let email = self.add_customer().await;
        if remote(self.pages).forgot("shop", &email).await.status == 202 {
            self.accepted.push(email);
        }
    }

    /// Waits until nothing is under way any more.
    async fn settle(&self) {
        let wait = async {
            while self.unsettled().await > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(30), wait).await;
        assert!(done.is_ok(), "mail is left over");
    }

    async fn unsettled(&self) -> i64 {
        let sql = "SELECT COUNT(*) AS n FROM outbox WHERE settled_at IS NULL";
        self.ground.db.row(sql, args![]).await.unwrap().unwrap().get("n")
    }

    /// The promise, checked over everything that was delivered.
    async fn check(&mut self) {
        self.settle().await;
        let mut delivered: HashMap<String, usize> = HashMap::new();
        for mail in self.sink.take() {
            let link = reset_link(&mail);
            let page = remote(self.pages).open_link(&link).await;
            assert_eq!(page.status, 200, "a mail with a dead link");
            *delivered.entry(mail.recipients[0].clone()).or_default() += 1;
        }
        for email in &self.accepted {
            let count = delivered.get(email).copied().unwrap_or_default();
            assert!(count >= 1, "{email} was accepted and got no mail");
            assert!(count <= 1 + self.kills, "{email} got {count} after {} kills", self.kills);
        }
        self.accepted.clear();
        self.kills = 0;
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.kill();
    }
}

both!(killed_between_accepting_and_leasing, |db| async move {
    let mut program = Installation::new(db).await;
    for _ in 0..2 {
        // Pages only: nobody takes up the mail.
        program.start("web").await;
        for _ in 0..3 {
            program.ask().await;
        }
        program.kill();
        assert_eq!((program.accepted.len(), program.unsettled().await), (3, 3));
        program.start("all").await;
        program.check().await;
        program.kill();
        program.kills = 0;
    }
});

/// Kills the program while the mail server stalls at a step, once the step is reached.
async fn killed_at(database: Database, step: Step, delivered_before: usize) {
    let mut program = Installation::new(database).await;
    program.sink.set(Plan::accept().at(step, STALL)).await;
    program.start("all").await;
    program.ask().await;
    assert_eq!(program.accepted.len(), 1);
    match step {
        Step::Connect => program.sink.wait_for_connection().await,
        Step::Data => program.sink.wait_for_command("DATA").await,
        Step::Content => drop(program.sink.wait_for(1).await),
        _ => unreachable!("no such story"),
    }
    program.kill();
    assert_eq!(program.unsettled().await, 1);
    program.sink.set(Plan::accept()).await;
    program.start("all").await;
    program.settle().await;
    assert_eq!(program.sink.messages().len(), delivered_before + 1);
    program.check().await;
}

both!(killed_between_minting_and_talking, |db| killed_at(db, Step::Connect, 0));

both!(killed_between_talking_and_handing_over, |db| killed_at(db, Step::Data, 0));

// The one documented repeat: the server has the mail, and nobody is left who knows.
both!(killed_between_the_content_and_its_settling, |db| killed_at(db, Step::Content, 1));

both!(killed_twice_at_the_worst_moment_every_delivered_link_works, |db| async move {
    let mut program = Installation::new(db).await;
    program.sink.set(Plan::accept().at(Step::Content, STALL)).await;
    program.start("all").await;
    program.ask().await;
    for delivered in 1..=2 {
        program.sink.wait_for(delivered).await;
        program.kill();
        program.start("all").await;
    }
    program.sink.set(Plan::accept()).await;
    program.kill();
    program.start("all").await;
    program.check().await;
});

both!(killed_at_any_moment, |db| async move {
    let mut program = Installation::new(db).await;
    let slow = Plan { delay: Duration::from_millis(15), ..Plan::accept() };
    program.sink.set(slow).await;
    for round in 0..6 {
        program.start("all").await;
        for _ in 0..4 {
            program.ask().await;
        }
        assert!(program.accepted.len() >= 4);
        let [chance] = doorkey::secret::random::<1>();
        tokio::time::sleep(Duration::from_millis(u64::from(chance))).await;
        program.kill();
        if round % 2 == 1 {
            program.start("all").await;
            program.check().await;
            program.kill();
            program.kills = 0;
        }
    }
});

both!(asked_to_stop_it_finishes_what_is_under_way, |db| async move {
    let mut program = Installation::new(db).await;
    let slow = Plan { delay: Duration::from_millis(50), ..Plan::accept() };
    program.sink.set(slow).await;
    program.start("all").await;
    program.ask().await;
    program.sink.wait_for_command("MAIL").await;
    assert!(program.running.take().unwrap().stop().success());
    assert_eq!((program.unsettled().await, program.sink.messages().len()), (0, 1));
    program.start("all").await;
    program.check().await;
});
