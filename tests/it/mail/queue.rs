//! The queue: nobody's trouble is everybody's.

use doorkey::args;
use doorkey::clock::{HOUR, SECOND};
use doorkey::mail::outbox::{self, Kind, NewMail, Room};
use doorkey::mail::pulse::{self, Beat};

use super::{newest, timeline};
use crate::support::desk::AGENT;
use crate::support::smtp_sink::{Fault, Plan, Step};
use crate::support::{Options, TestApp, both};

const ADA: &str = "ada@example.test";

/// So many customers at a domain, each with a notice in the queue of a store.
async fn notices(test: &TestApp, store: &str, domain: &str, count: usize) -> Vec<String> {
    let mut emails = Vec::new();
    for n in 0..count {
        let email = format!("{store}{n}@{domain}");
        let id = test.add_customer(store, &email, None).await;
        let store = test.store(store);
        let mail = NewMail {
            kind: Kind::PasswordChanged,
            subject_id: &id,
            merchant_id: &store.merchant_id,
            store_id: &store.id,
            customer_id: Some(&id),
        };
        let mut tx = test.app.db.begin().await.unwrap();
        let config = &test.app.config.mail;
        outbox::enqueue(&mut tx, config, &[mail], test.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        emails.push(email);
    }
    emails
}

async fn forgot(test: &TestApp, store: &str, email: &str) {
    assert_eq!(test.browser().forgot(store, email).await.status, 202);
}

both!(a_flood_at_one_store_stands_before_nobody, |db| async move {
    let test = TestApp::start(db).await;
    notices(&test, "harbor", "flood.test", 40).await;
    test.wait(1);
    notices(&test, "northwind", "quiet.test", 1).await;
    forgot(&test, "northwind", ADA).await;
    let (db, config, now) = (&test.app.db, &test.app.config.mail, test.clock.now());
    // What a person waits for first; then merchants alike, whoever came first.
    let found = outbox::claim(db, config, "w", Room::of(5), now).await.unwrap();
    assert_eq!(found[0].kind, Kind::Recovery);
    let quiet = &test.store("northwind").id;
    assert_eq!(found.iter().filter(|mail| mail.store_id == *quiet).count(), 2);
    assert_eq!(found.len(), 4, "a claim leaves what it cannot share: the next one follows at once");
    // Notices never have all the places, nor does a merchant.
    let room = Room { notices: 3, ..Room::of(10) };
    assert_eq!(outbox::claim(db, config, "w", room, now).await.unwrap().len(), 3);
    let mut room = Room { merchant: 8, ..Room::of(10) };
    room.held.insert(test.store("harbor").merchant_id.clone(), 6);
    assert_eq!(outbox::claim(db, config, "w", room, now).await.unwrap().len(), 2);
    // Nothing is taken twice, and in the end nothing is left.
    test.wait(1);
    assert_eq!(test.deliver().await.len(), 42 - 9);
});

both!(a_domain_that_defers_is_paused_and_one_mail_reopens_it, |db| async move {
    let test = TestApp::start(db).await;
    let bad = notices(&test, "harbor", "bad.test", 6).await;
    let later = Fault::Reply("451 4.3.0 not today");
    test.sink.set(Plan::accept().at(Step::Recipient, later).only("bad.test")).await;
    test.deliver().await;
    let tried = || test.sink.commands().iter().filter(|c| c.contains("@bad.test")).count();
    assert_eq!(tried(), 3, "after three mails the others are put back without a connection");
    let links = "SELECT COUNT(*) AS n FROM token WHERE email_key LIKE '%@bad.test'";
    assert_eq!(test.count(links).await, 3, "and without a link being made");
    // Nobody else feels it, and a new mail to it is told of in the timeline all the same.
    forgot(&test, "harbor", ADA).await;
    assert_eq!(test.deliver().await.len(), 1);
    let recovery = "recovered@bad.test";
    test.add_customer("harbor", recovery, None).await;
    forgot(&test, "harbor", recovery).await;
    assert!(test.deliver().await.is_empty());
    let story = timeline(&test, recovery).await;
    let kinds: Vec<_> = story.iter().map(|(kind, _)| &**kind).collect();
    assert_eq!(kinds, ["recovery_requested", "mail_deferred"]);
    assert_eq!((tried(), newest(&test).await.attempts), (3, 0));
    assert!((15..=45).contains(&newest(&test).await.wait), "{:?}", newest(&test).await);

    // The trial fails: twice as long. Only one mail was tried.
    test.wait(41);
    test.deliver().await;
    assert_eq!(tried(), 4);
    let sql = "SELECT failures, paused_until FROM mail_domain WHERE domain = 'bad.test'";
    let row = test.app.db.row(sql, args![]).await.unwrap().unwrap();
    let pause = row.get::<i64>("paused_until") - test.clock.now();
    assert_eq!(row.get::<i64>("failures"), 4);
    assert!((30 * SECOND..=60 * SECOND).contains(&pause), "{pause}");
    let mut seat = test.seat(AGENT).await;
    assert!(seat.get("/oms/email").await.body.contains("bad.test <span"));

    // The trial succeeds: all follow, and nothing is remembered.
    test.sink.set(Plan::accept()).await;
    let mut arrived = Vec::new();
    for _ in 0..3 {
        test.wait(71);
        arrived.extend(test.deliver().await.into_iter().flat_map(|mail| mail.recipients));
    }
    arrived.sort();
    let mut wanted = bad;
    wanted.push(recovery.into());
    wanted.sort();
    assert_eq!(arrived, wanted);
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM mail_domain").await, 0);
});

both!(a_full_mailbox_pauses_no_domain, |db| async move {
    let test = TestApp::start(db).await;
    notices(&test, "harbor", "big.test", 5).await;
    let full = Fault::Reply("452 4.2.2 mailbox full");
    test.sink.set(Plan::accept().at(Step::Recipient, full)).await;
    test.deliver().await;
    assert_eq!(test.sink.commands().iter().filter(|c| c.starts_with("RCPT")).count(), 5);
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM mail_domain").await, 0);
});

both!(a_mail_server_that_is_down_pauses_all_and_wears_out_nothing, |db| async move {
    let test = TestApp::with(Options::new(db).plan(Plan::closed())).await;
    notices(&test, "harbor", "example.test", 5).await;
    forgot(&test, "harbor", ADA).await;
    for _ in 0..8 {
        assert!(test.deliver().await.is_empty());
        // Whoever asks meanwhile is told of, too.
        let sql = "SELECT COUNT(*) AS n FROM outbox WHERE attempts > 0";
        assert_eq!(test.count(sql).await, 0, "no mail was tried");
        test.wait(61);
    }
    let late = "late@example.test";
    test.add_customer("harbor", late, None).await;
    test.deliver().await;
    forgot(&test, "harbor", late).await;
    test.deliver().await;
    let kinds: Vec<_> = timeline(&test, late).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["recovery_requested", "mail_deferred"]);
    let once = timeline(&test, ADA).await;
    let deferred = once.iter().filter(|(kind, _)| kind == "mail_deferred").count();
    assert_eq!(deferred, 1, "the same reason is told of once: {once:?}");
    // Within a minute of its return all leaves, however long it was away.
    test.sink.set(Plan::accept()).await;
    test.wait(61);
    assert_eq!(test.deliver().await.len(), 7);
});

both!(what_had_its_time_is_given_up_even_while_nothing_can_be_sent, |db| async move {
    let test = TestApp::with(Options::new(db).plan(Plan::closed())).await;
    forgot(&test, "harbor", ADA).await;
    test.deliver().await;
    test.wait(4 * 3600 + 1);
    test.deliver().await;
    assert_eq!(newest(&test).await.outcome.as_deref(), Some("expired"));
    let story = timeline(&test, ADA).await;
    assert_eq!(story.last().unwrap().0, "mail_failed");
    test.sink.set(Plan::accept()).await;
    test.wait(3600);
    assert!(test.deliver().await.is_empty());
});

both!(a_silent_or_stuck_mail_process_is_seen_within_a_minute, |db| async move {
    let test = TestApp::start(db).await;
    let db = &test.app.db;
    let mut seat = test.seat(AGENT).await;
    let beat =
        |moved_at, under_way| Beat { id: "one", started_at: 0, moved_at, under_way, trouble: None };
    let now = test.clock.now();
    pulse::beat(db, &beat(now, 3), now).await.unwrap();
    test.app.look_at_queue().await.unwrap();
    assert!(!seat.get("/oms/activity").await.body.contains("Mail does not leave"));
    test.wait(60);
    test.app.look_at_queue().await.unwrap();
    let silent = "no mail process has been heard of for 60 s";
    assert!(seat.get("/oms/activity").await.body.contains(silent));
    // It lives, and nothing moves.
    pulse::beat(db, &beat(now, 3), test.clock.now()).await.unwrap();
    let wrong = pulse::read(db, test.clock.now()).await.unwrap().wrong(test.clock.now());
    assert_eq!(wrong.unwrap(), "a mail process holds mails and none has moved for 60 s");
    // It has nothing to do, or goes in order.
    pulse::beat(db, &beat(now, 0), test.clock.now()).await.unwrap();
    assert_eq!(pulse::read(db, test.clock.now()).await.unwrap().wrong(now), None);
    pulse::stopped(db, "one").await.unwrap();
    assert_eq!(pulse::read(db, test.clock.now()).await.unwrap().wrong(now + HOUR), None);
});
