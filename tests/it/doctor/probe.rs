//! The recovery probe: a practice customer of the store goes the whole way over a real mail server,
//! and leaves no trace where people look.

use doorkey::address::EmailAddress;
use doorkey::args;
use doorkey::mail::probe::{self, Probe, Tools};
use doorkey::store::Store;

use crate::support::app::Database;
use crate::support::desk::AGENT;
use crate::support::smtp_sink::{Fault, Plan, Received, Step};
use crate::support::{Options, TestApp, both};

const HOME: &str = "hello+t-probe@harbor.test";

struct Run {
    test: TestApp,
}

impl Run {
    /// With the probe of the store `harbor` switched on, every ten minutes.
    async fn start(db: Database) -> Self {
        let options = Options::new(db).set("probe.every", 10).set("probe.give_up", 120);
        let run = Self { test: TestApp::with(options.set("probe.slow", 30)).await };
        let mut tx = run.test.app.db.begin().await.unwrap();
        let (store, home) = (run.test.store("harbor"), EmailAddress::parse(HOME).unwrap());
        probe::switch_on(&mut tx, &store, &home, run.test.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        run
    }

    async fn round(&self) -> usize {
        let app = &self.test.app;
        let home = |_: &Store, _: &str| Ok(EmailAddress::parse(HOME).unwrap());
        let tools = Tools {
            config: &app.config,
            db: &app.db,
            stores: &app.stores,
            addresses: &app.keys.addresses,
            activity: &app.keys.activity,
        };
        probe::round(&tools, &home, self.test.clock.now()).await.unwrap()
    }

    /// Hands a mail over as the listener does.
    async fn comes_home(&self, mail: &Received) -> bool {
        let store = self.test.store("harbor").id.clone();
        self.test.app.home().take(&store, &mail.raw, self.test.clock.now()).await.unwrap()
    }

    async fn probe(&self) -> Probe {
        let merchant = self.test.store("harbor").merchant_id.clone();
        let all = probe::of_merchant(&self.test.app.db, &merchant).await.unwrap();
        all.into_iter().next().expect("it is switched on")
    }

    async fn alerts(&self) -> i64 {
        let sql = "SELECT COUNT(*) AS n FROM activity WHERE action = 'mail.probe_failed'";
        self.test.count(sql).await
    }
}

both!(the_whole_way_is_gone_and_nobody_sees_it, |db| async move {
    let run = Run::start(db).await;
    assert_eq!(run.round().await, 1);
    assert_eq!(run.round().await, 0, "one run at a time");
    let mails = run.test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, [HOME]);
    run.test.wait(2);
    assert!(run.comes_home(&mails[0]).await);
    let probe = run.probe().await;
    assert_eq!((probe.steps.home, probe.failed_at), (Some(2000), None), "{probe:?}");
    assert!(probe.steps.finished.is_some() && probe.steps.trouble.is_none(), "{probe:?}");
    assert!(!run.comes_home(&mails[0]).await, "a second copy comes to nothing");
    assert_eq!(run.test.deliver().await.len(), 0, "no notice about the new password goes out");
    // Nowhere where people look.
    let mut seat = run.test.seat(AGENT).await;
    for page in ["/oms/customers", "/oms/customers?q=Probe", "/oms/customers?q=hello%2Bt-probe"] {
        let found = seat.get(page).await.body;
        assert!(!found.contains(&probe.customer_id) && !found.contains("t-probe@"), "{found}");
    }
    for table in [
        "SELECT COUNT(*) AS n FROM timeline t JOIN customer c ON c.id = t.customer_id
         WHERE c.probe_at IS NOT NULL",
        "SELECT COUNT(*) AS n FROM session s JOIN customer c ON c.id = s.customer_id
         WHERE c.probe_at IS NOT NULL AND s.ended_at IS NULL",
        "SELECT COUNT(*) AS n FROM outbox",
    ] {
        assert_eq!(run.test.count(table).await, 0, "{table}");
    }
    // Again and again, past all limits that people have.
    for _ in 0..12 {
        run.test.wait(600);
        assert_eq!(run.round().await, 1);
        let mails = run.test.deliver().await;
        assert!(run.comes_home(&mails[0]).await);
        assert_eq!(run.probe().await.failed_at, None);
    }
    assert_eq!(run.alerts().await, 0);
});

both!(a_mail_that_is_lost_or_slow_is_an_alert_once, |db| async move {
    let run = Run::start(db).await;
    let refuse = Plan::accept().at(Step::Recipient, Fault::Reply("550 5.7.1 no"));
    run.test.sink.set(refuse).await;
    assert_eq!(run.round().await, 1);
    run.test.deliver().await;
    run.test.wait(60);
    run.round().await;
    assert_eq!(run.probe().await.failed_at, None, "it may still come");
    run.test.wait(61);
    run.round().await;
    let lost = run.probe().await;
    assert!(lost.failed_at.is_some(), "{lost:?}");
    assert!(lost.steps.trouble.unwrap().contains("was not delivered (550)"));
    assert_eq!(run.alerts().await, 1);
    // The next one is taken and does not come home: the same trouble, no second alert.
    run.test.sink.set(Plan::accept()).await;
    run.test.wait(600);
    run.round().await;
    let taken = run.test.deliver().await;
    run.test.wait(121);
    run.round().await;
    let lost = run.probe().await;
    assert!(lost.steps.trouble.unwrap().contains("did not come home"));
    assert_eq!(run.alerts().await, 1);
    assert!(!run.comes_home(&taken[0]).await, "too late is too late");
    // Well again, then slow.
    run.test.wait(600);
    run.round().await;
    let mails = run.test.deliver().await;
    assert!(run.comes_home(&mails[0]).await);
    assert_eq!(run.probe().await.failed_at, None);
    run.test.wait(600);
    run.round().await;
    let mails = run.test.deliver().await;
    run.test.wait(45);
    assert!(run.comes_home(&mails[0]).await);
    assert!(run.probe().await.steps.trouble.unwrap().contains("took 45 seconds"));
    assert_eq!(run.alerts().await, 2);
});

both!(what_comes_home_is_not_believed, |db| async move {
    let run = Run::start(db).await;
    run.round().await;
    let mails = run.test.deliver().await;
    let genuine = mails[0].clone();
    let with = |text: &str| Received { raw: text.as_bytes().to_vec(), ..genuine.clone() };
    let store = run.test.store("harbor");
    let made_up = format!("Subject: x\r\n\r\n{}?token={}\r\n", store.url("/reset"), "A".repeat(43));
    for raw in ["", "Subject: x\r\n\r\nhello\r\n", "\u{0}\u{1b}"] {
        assert!(!run.comes_home(&with(raw)).await, "{raw:?}");
    }
    assert!(run.probe().await.ended_at.is_none(), "the run waits for its own mail");
    // A customer's link changes nobody's password.
    let hash = run.test.hash_of("ada@example.test").await;
    let link = run.test.link("harbor", "ada@example.test").await;
    let other = with(&format!("Subject: x\r\n\r\n{link}\r\n"));
    run.comes_home(&other).await;
    assert_eq!(run.test.hash_of("ada@example.test").await, hash);
    assert!(run.probe().await.failed_at.is_some(), "and is not the probe's");
    run.test.wait(600);
    run.round().await;
    run.test.deliver().await;
    run.comes_home(&with(&made_up)).await;
    assert!(run.probe().await.steps.trouble.unwrap().contains("link in the mail is not good"));
    // Only a probe's customer can be asked for from the inside.
    let ada = run.test.customer_id("harbor", "ada@example.test").await;
    let app = &run.test.app;
    let mut tx = app.db.begin().await.unwrap();
    let now = run.test.clock.now();
    let (config, key) = (&app.config, &app.keys.addresses);
    let asked =
        doorkey::recovery::ask_for_probe(&mut tx, config, key, &store, &ada, now).await.unwrap();
    assert_eq!(asked, None);
    drop(tx);
    let sql = "SELECT COUNT(*) AS n FROM customer WHERE probe_at IS NOT NULL";
    let row = app.db.row(sql, args![]).await.unwrap().unwrap();
    assert_eq!(row.get::<i64>("n"), 1);
});
