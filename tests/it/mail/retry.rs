//! Trying again: when, with what, and for how long.

use super::{newest, timeline};
use crate::support::app::{Database, reset_link, token_of};
use crate::support::smtp_sink::{Fault, Plan, Step};
use crate::support::{Options, TestApp, both};

const ADA: &str = "ada@example.test";
const NEW: &str = "a brand new teapot";

async fn ask(test: &TestApp) {
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
}

async fn closed(db: Database) -> TestApp {
    let test = TestApp::with(Options::new(db).plan(Plan::closed())).await;
    ask(&test).await;
    test
}

/// A mailbox that is busy: the mail's own trouble, and nobody else's.
async fn busy(db: Database) -> TestApp {
    let plan = Plan::accept().at(Step::Recipient, Fault::Reply("450 4.2.1 mailbox busy"));
    let test = TestApp::with(Options::new(db).plan(plan)).await;
    ask(&test).await;
    test
}

both!(waits_double_up_to_a_quarter_of_an_hour_and_end_after_four, |db| async move {
    let test = busy(db).await;
    let (mut waits, mut total) = (Vec::new(), 0);
    loop {
        assert!(test.deliver().await.is_empty());
        let row = newest(&test).await;
        if let Some(outcome) = row.outcome {
            assert_eq!(outcome, "expired");
            break;
        }
        assert_eq!(i64::try_from(waits.len()).unwrap() + 1, row.attempts);
        waits.push(row.wait);
        total += row.wait;
        // Not a moment earlier.
        test.wait(row.wait - 1);
        test.deliver().await;
        assert_eq!(newest(&test).await.attempts, row.attempts);
        test.wait(1);
    }
    // Jittered: between half of it and all of it.
    let longest = [5, 10, 20, 40, 80, 160, 320, 640, 900, 900];
    for (wait, longest) in waits.iter().zip(longest.into_iter().chain(std::iter::repeat(900))) {
        assert!((longest / 2..=longest).contains(wait), "{waits:?}");
    }
    assert!((4 * 3600 - 900..4 * 3600).contains(&total), "{total}");
    let story = timeline(&test, ADA).await;
    let kinds: Vec<_> = story.iter().map(|(kind, _)| &**kind).collect();
    assert_eq!(kinds[..2], ["recovery_requested", "mail_queued"]);
    assert!(kinds[2..waits.len() + 2].iter().all(|kind| *kind == "mail_deferred"));
    assert_eq!(kinds[waits.len() + 2..], ["mail_failed"]);
    assert!(story[2].1["reply"].as_str().unwrap().contains("4.2.1"), "{:?}", story[2]);
    // A new request is a new mail.
    test.sink.set(Plan::accept()).await;
    ask(&test).await;
    assert_eq!(test.deliver().await.len(), 1);
});

both!(each_try_has_its_own_token_and_those_of_failed_tries_are_dead, |db| async move {
    let test = TestApp::start(db).await;
    let refused = Fault::ReplyRecorded("451 4.3.0 later");
    test.sink.set(Plan::accept().at(Step::Content, refused)).await;
    ask(&test).await;
    let mut links = Vec::new();
    for _ in 0..5 {
        links.extend(test.deliver().await.iter().map(reset_link));
        test.wait(newest(&test).await.wait);
    }
    test.sink.set(Plan::accept()).await;
    let last = reset_link(&test.deliver().await[0]);
    assert_eq!(links.len(), 5);
    links.sort();
    links.dedup();
    assert_eq!(links.len(), 5, "all different");
    assert!(!links.contains(&last));
    for link in &links {
        assert_eq!(test.browser().set_password(link, NEW).await.status, 410);
    }
    assert_eq!(test.browser().set_password(&last, NEW).await.status, 303);
});

both!(a_mail_that_may_have_arrived_stays_good_beside_the_next, |db| async move {
    for used in [0, 1] {
        let test = TestApp::start(db).await;
        test.sink.set(Plan::accept().at(Step::Content, Fault::DropRecorded)).await;
        ask(&test).await;
        let first = test.deliver().await;
        assert_eq!(newest(&test).await.outcome, None);
        test.sink.set(Plan::accept()).await;
        test.wait(5);
        let second = test.deliver().await;
        assert_eq!((first.len(), second.len()), (1, 1));
        let links = [reset_link(&first[0]), reset_link(&second[0])];
        assert_ne!(links[0], links[1]);
        for link in &links {
            assert_eq!(test.browser().open_link(link).await.status, 200);
        }
        assert_eq!(test.browser().set_password(&links[used], NEW).await.status, 303);
        for link in &links {
            assert_eq!(test.browser().set_password(link, NEW).await.status, 410);
        }
    }
});

both!(tries_that_never_left_do_not_push_out_a_mailed_link, |db| async move {
    let test = TestApp::start(db).await;
    let mailed = test.link("harbor", ADA).await;
    test.wait(61);
    test.sink.set(Plan::closed()).await;
    ask(&test).await;
    for _ in 0..5 {
        test.deliver().await;
        test.wait(newest(&test).await.wait);
    }
    assert_eq!(newest(&test).await.attempts, 0, "an outage is no try of the mail's");
    assert_eq!(test.browser().set_password(&mailed, NEW).await.status, 303);
});

both!(a_hang_up_at_data_kills_the_try_for_nothing_was_handed_over, |db| async move {
    let test = TestApp::start(db).await;
    let mailed = test.link("harbor", ADA).await;
    test.wait(61);
    test.sink.set(Plan::accept().at(Step::Data, Fault::Drop)).await;
    ask(&test).await;
    for _ in 0..4 {
        test.deliver().await;
        test.wait(newest(&test).await.wait);
    }
    assert_eq!(test.browser().set_password(&mailed, NEW).await.status, 303);
});

both!(asking_again_cuts_the_wait_short, |db| async move {
    let test = busy(db).await;
    for _ in 0..6 {
        test.deliver().await;
        test.wait(newest(&test).await.wait);
    }
    test.deliver().await;
    assert!(newest(&test).await.wait > 100);
    test.sink.set(Plan::accept()).await;
    test.wait(1);
    assert!(test.deliver().await.is_empty());
    ask(&test).await;
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1, "the waiting mail leaves, the new request is absorbed");
    assert_eq!(test.waiting().await, 0);
    assert_eq!(test.browser().set_password(&reset_link(&mails[0]), NEW).await.status, 303);
});

both!(what_was_given_up_or_refused_leaves_no_live_token, |db| async move {
    let test = TestApp::start(db).await;
    let refused = Fault::ReplyRecorded("550 5.7.1 spam");
    test.sink.set(Plan::accept().at(Step::Content, refused)).await;
    ask(&test).await;
    let mail = test.deliver().await.remove(0);
    assert_eq!(newest(&test).await.outcome.as_deref(), Some("failed"));
    assert_eq!(test.browser().set_password(&reset_link(&mail), NEW).await.status, 410);
    assert_eq!(token_of(&reset_link(&mail)).len(), 43);
    test.wait(61);
    test.sink.set(Plan::accept()).await;
    let link = test.link("harbor", ADA).await;
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303);
});

both!(a_link_counts_its_life_from_the_try_that_sent_it, |db| async move {
    let test = closed(db).await;
    let mut waited = 0;
    while waited < 2 * 3600 {
        test.deliver().await;
        let wait = newest(&test).await.wait;
        waited += wait;
        test.wait(wait);
    }
    test.sink.set(Plan::accept()).await;
    let link = reset_link(&test.deliver().await[0]);
    test.wait(30 * 60 - 1);
    assert_eq!(test.browser().open_link(&link).await.status, 200);
    test.wait(1);
    assert_eq!(test.browser().open_link(&link).await.status, 410);
});

both!(a_dead_workers_mail_is_taken_up_when_its_lease_ends, |db| async move {
    let test = TestApp::start(db).await;
    ask(&test).await;
    let (db, config) = (&test.app.db, &test.app.config.mail);
    let room = doorkey::mail::outbox::Room::of(10);
    let held =
        doorkey::mail::outbox::claim(db, config, "stopped", room, test.clock.now()).await.unwrap();
    assert_eq!(held.len(), 1);
    test.wait(119);
    assert!(test.deliver().await.is_empty(), "another worker holds it");
    test.wait(1);
    assert_eq!(test.deliver().await.len(), 1);
    // The first one comes back: the mail is settled, and no longer its business.
    let mut tx = db.begin().await.unwrap();
    let end = doorkey::mail::outbox::End::Failed;
    let now = test.clock.now();
    assert!(!doorkey::mail::outbox::settle(&mut tx, &held[0], end, None, now).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(newest(&test).await.outcome.as_deref(), Some("sent"));
});
