//! When nothing is sent, and that staff read why.

use axum::http::Method;
use doorkey::reminder::{self, Mode};
use doorkey::secret::Token;
use doorkey::staff::session;

use super::{ADA, acts, click, sent, set_mode, timeline};
use crate::support::desk::{AGENT, VIEWER};
use crate::support::smtp_sink::{Fault, Plan, Step};
use crate::support::{TestApp, both};

const THIS: &str = "SELECT c.id FROM customer c JOIN merchant m ON m.id = c.merchant_id
    WHERE m.key = 'harbor-goods' AND c.email_key = 'ada@example.test'";

/// Changes Ada's record at Harbor Goods.
async fn set(test: &TestApp, assignment: &str) {
    let sql = format!("UPDATE customer SET {assignment} WHERE id IN ({THIS})");
    let mut tx = test.app.db.begin().await.unwrap();
    assert_eq!(tx.exec(sqlx::AssertSqlSafe(sql), vec![]).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

both!(the_click_takes_nothing_but_the_click, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    for field in ["to", "email", "recipient", "cc", "reply_to", "mode", "password", "store"] {
        let answer = click(&test, &mut agent, &[(field, "evil@example.test")]).await;
        assert_eq!(answer.status, 400, "{field}");
    }
    assert_eq!(click(&test, &mut agent, &[("confirm", "2")]).await.status, 400);
    let id = test.customer_id("harbor", ADA).await;
    let path = format!("/oms/customers/{id}/reminder");
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        assert_eq!(agent.browser.request(method, &path, None, &[]).await.status, 405);
    }
    let mut viewer = test.seat(VIEWER).await;
    assert_eq!(click(&test, &mut viewer, &[]).await.status, 403);
    let foreign = test.customer_id("northwind", ADA).await;
    let path = format!("/oms/customers/{foreign}/reminder");
    assert_eq!(agent.post(&path, &[]).await.status, 404);
    assert!(test.deliver().await.is_empty());
    assert_eq!(sent(&test, &mut agent).await.recipients, [ADA], "the control");
});

both!(a_refusal_says_why_and_is_remembered, |db| async move {
    for (change, undo, words) in [
        ("blocked_at = 1", "blocked_at = NULL", "This customer is blocked"),
        (
            "reminder_hold_until = 99999999999999999",
            "reminder_hold_until = 1",
            "Staff changed the email address",
        ),
        ("email = 'nothing'", "email = 'ada@example.test'", "no email address on file"),
    ] {
        let test = TestApp::start(db).await;
        let mut agent = test.seat(AGENT).await;
        set(&test, change).await;
        let refused = click(&test, &mut agent, &[]).await;
        assert_eq!(refused.status, 409, "{words}");
        assert!(refused.body.contains(words), "{}", refused.body);
        assert!(!refused.body.contains(ADA), "no address");
        assert!(test.deliver().await.is_empty());
        assert!(timeline(&test).await.join("\n").contains(words));
        assert_eq!(acts(&test, "reminder.refused").await, (1, 0));
        set(&test, undo).await;
        sent(&test, &mut agent).await;
    }
});

both!(an_address_that_bounced_gets_no_reminder_until_a_mail_arrives, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    // What is refused for what it says tells nothing about the mailbox.
    for (reply, status) in [("554 5.7.1 looks like spam", 303), ("550 5.1.1 no such user", 409)] {
        test.sink.set(Plan::accept().at(Step::Recipient, Fault::Reply(reply))).await;
        assert_eq!(click(&test, &mut agent, &[("confirm", "1")]).await.status, 303);
        assert!(test.deliver().await.is_empty());
        test.wait(1);
        let next = click(&test, &mut agent, &[("confirm", "1")]).await;
        assert_eq!(next.status, status, "{reply}");
        test.deliver().await;
        test.wait(1);
    }
    let refused = click(&test, &mut agent, &[("confirm", "1")]).await;
    assert!(refused.body.contains("came back") && !refused.body.contains(ADA));
    test.sink.set(Plan::accept()).await;
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    assert_eq!(test.deliver().await.len(), 1);
    assert_eq!(click(&test, &mut agent, &[("confirm", "1")]).await.status, 303);
});

both!(the_worker_asks_everything_again, |db| async move {
    for (change, words) in [
        ("staff SET disabled_at = 1", "may not send reminders any more"),
        ("staff SET role = 'viewer'", "may not send reminders any more"),
        ("customer SET blocked_at = 1", "This customer is blocked"),
        ("customer SET reminder_hold_until = 99999999999999999", "Staff changed the email"),
        ("customer SET email = 'x@y.test', email_key = id", "The address changed"),
        ("reminder SET created_at = created_at - 3601000000", "could not be sent within 60"),
    ] {
        let test = TestApp::start(db).await;
        let mut agent = test.seat(AGENT).await;
        assert_eq!(click(&test, &mut agent, &[]).await.status, 303);
        let id = test.customer_id("harbor", ADA).await;
        let mut tx = test.app.db.begin().await.unwrap();
        let sql = sqlx::AssertSqlSafe(format!("UPDATE {change}"));
        assert!(tx.exec(sql, vec![]).await.unwrap() > 0);
        tx.commit().await.unwrap();
        assert!(test.deliver().await.is_empty(), "{change}");
        assert_eq!(test.waiting().await, 0, "{change}");
        let sql =
            "SELECT detail FROM timeline WHERE customer_id = $1 AND kind = 'reminder_refused'";
        let rows = test.app.db.rows(sql, doorkey::args![id]).await.unwrap();
        assert_eq!(rows.len(), 1, "{change}");
        assert!(rows[0].get::<String>("detail").contains(words), "{change}");
    }
});

both!(the_record_knows_what_a_click_would_do, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    let standing = || async {
        let id = test.customer_id("harbor", ADA).await;
        let (db, merchant) = (&test.app.db, &test.store("harbor").merchant_id);
        let customer = doorkey::customer::load(db, merchant, &id).await.unwrap().unwrap();
        let (config, now) = (&test.app.config, test.clock.now());
        let seat = test.seat(AGENT).await;
        let cookie = Token::parse(seat.browser.cookie("doorkey-staff").unwrap()).unwrap();
        let session = session::find(db, &config.staff, cookie.digest(), now).await.unwrap();
        let staff = session.unwrap().staff;
        reminder::standing(db, config, &customer, &staff, now).await.unwrap()
    };
    let before = standing().await;
    assert_eq!((before.mode, before.will_send), (Mode::Temporary, Mode::Temporary));
    assert!(before.refusal.is_none() && before.last.is_none() && !before.ask_again);
    click(&test, &mut agent, &[]).await;
    let waiting = standing().await;
    assert!(waiting.ask_again);
    assert_eq!(waiting.last.unwrap().outcome, "waiting to be sent");
    test.deliver().await;
    let last = standing().await.last.unwrap();
    assert_eq!(last.outcome, "accepted by the mail server");
    assert!(last.reply.unwrap().starts_with("250"));
    assert_eq!(last.mode, Mode::Temporary);
    test.wait(600);
    assert!(!standing().await.ask_again);
    // A merchant whose choice is the customer's own password, without a copy of it.
    set_mode(&test, "current").await;
    let now = standing().await;
    assert_eq!((now.mode, now.will_send), (Mode::Current, Mode::Temporary));
});
