//! The envelope's memory and its own limits.

use super::{ADA, acts, click, sent, timeline};
use crate::support::app::Options;
use crate::support::desk::{ADMIN, AGENT};
use crate::support::{TestApp, both};

both!(a_repeat_is_asked_for_and_a_double_click_sends_once, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    let path = format!("/oms/customers/{id}/reminder");
    let agent = test.seat(AGENT).await;
    let mut clicks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (mut seat, path) = (agent.clone(), path.clone());
        clicks.spawn(async move { seat.post(&path, &[]).await.location().to_owned() });
    }
    let answers = clicks.join_all().await;
    assert_eq!(answers.iter().filter(|to| to.contains("?sent=")).count(), 1, "{answers:?}");
    assert_eq!(test.deliver().await.len(), 1);

    // A colleague on the same record is asked too.
    let mut admin = test.seat(ADMIN).await;
    let again = click(&test, &mut admin, &[]).await;
    assert_eq!((again.status, again.location()), (303, &*format!("/oms/customers/{id}?again=1")));
    assert!(test.deliver().await.is_empty());
    let last = answers.iter().find_map(|to| to.split_once("?sent=")).unwrap().1.to_owned();
    let confirm = [("confirm", "1"), ("after", &*last)];
    let first = click(&test, &mut admin, &confirm).await;
    assert!(first.location().contains("?sent=") && !first.location().ends_with(&last));
    // The same question answered twice is one answer.
    let second = click(&test, &mut admin, &confirm).await;
    assert_eq!(second.location(), first.location());
    assert_eq!(test.deliver().await.len(), 1);
    test.wait(601);
    let mut agent = test.seat(AGENT).await;
    sent(&test, &mut agent).await;
    assert_eq!(acts(&test, "reminder.sent").await, (3, 0));
});

both!(one_member_of_staff_stops_at_the_limit_and_nobody_else_does, |db| async move {
    let options = Options::new(db).set("reminder.staff_per_hour", 4);
    let test = TestApp::with(options).await;
    let mut agent = test.seat(AGENT).await;
    for _ in 0..4 {
        let answer = click(&test, &mut agent, &[("confirm", "1")]).await;
        assert!(answer.location().contains("?sent="), "{}", answer.location());
    }
    assert_eq!(acts(&test, "reminder.unusual").await, (1, 1), "an alert, once an hour");
    for _ in 0..3 {
        let refused = click(&test, &mut agent, &[("confirm", "1")]).await;
        assert_eq!(refused.status, 409);
        assert!(refused.body.contains("You have sent 4 reminders within an hour"));
    }
    assert_eq!(acts(&test, "reminder.limit").await, (1, 1));
    assert_eq!(acts(&test, "reminder.refused").await, (3, 0));
    assert_eq!(test.deliver().await.len(), 4);

    // The public form has limits of its own, and neither takes from the other.
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    assert_eq!(test.deliver().await.len(), 1);
    let mut admin = test.seat(ADMIN).await;
    assert!(click(&test, &mut admin, &[("confirm", "1")]).await.location().contains("?sent="));
    test.wait(3601);
    let mut agent = test.seat(AGENT).await;
    assert!(click(&test, &mut agent, &[]).await.location().contains("?sent="));
});

both!(all_staff_together_stop_at_the_merchants_limit, |db| async move {
    let test = TestApp::with(Options::new(db).set("reminder.merchant_per_hour", 2)).await;
    for email in [AGENT, ADMIN] {
        let mut seat = test.seat(email).await;
        assert_eq!(click(&test, &mut seat, &[("confirm", "1")]).await.status, 303);
    }
    let mut seat = test.seat(ADMIN).await;
    let refused = click(&test, &mut seat, &[("confirm", "1")]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("Your colleagues and you have sent 2 reminders"));
});

both!(orders_that_come_past_the_click_meet_the_limit_in_the_worker, |db| async move {
    let test = TestApp::with(Options::new(db).set("reminder.staff_per_hour", 3)).await;
    let staff = test.seat(AGENT).await.staff_id;
    let (store, now) = (test.store("harbor"), test.clock.now());
    let customer = test.customer_id("harbor", ADA).await;
    let until = now + 3_600_000_000;
    for i in 0..8 {
        let id = format!("forged-{i}");
        let sql = "INSERT INTO reminder (id, merchant_id, customer_id, store_id, staff_id, mode,
                      email_key, created_at)
                   VALUES ($1, $2, $3, $4, $5, 'temporary', 'ada@example.test', $6)";
        let args = doorkey::args![&id, &store.merchant_id, &customer, &store.id, &staff, now];
        test.app.db.exec(sql, args).await.unwrap();
        let sql = "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, customer_id,
                      priority, created_at, due_at, expires_at, attempts)
                   VALUES ($1, 'reminder', $1, $2, $3, $4, 0, $5, $5, $6, 0)";
        let args = doorkey::args![&id, &store.merchant_id, &store.id, &customer, now, until];
        test.app.db.exec(sql, args).await.unwrap();
    }
    assert_eq!(test.deliver().await.len(), 3);
    assert_eq!(acts(&test, "reminder.limit").await, (1, 1));
    let refused = timeline(&test).await.iter().filter(|e| e.contains("reminder_refused")).count();
    assert_eq!((refused, test.waiting().await), (5, 0));
});
