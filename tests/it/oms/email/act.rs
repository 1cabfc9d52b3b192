//! Having a mail sent again, and taking one back.

use doorkey::args;

use crate::support::app::{PASSWORD, reset_link};
use crate::support::desk::{ADMIN, AGENT, Seat};
use crate::support::smtp_sink::{Fault, Plan, Step};
use crate::support::{Answer, TestApp, both};

const ADA: &str = "ada@example.test";

async fn newest(test: &TestApp) -> (String, Option<String>) {
    let sql = "SELECT id, outcome FROM outbox ORDER BY created_at DESC, id DESC LIMIT 1";
    let row = test.app.db.row(sql, args![]).await.unwrap().unwrap();
    (row.get("id"), row.get("outcome"))
}

async fn press(seat: &mut Seat, what: &str, mail: &str) -> Answer {
    seat.post(&format!("/oms/email/mails/{mail}/{what}"), &[]).await
}

/// What the last entries of Ada's timeline and of the activity are called.
async fn told(test: &TestApp) -> (String, String) {
    let sql = "SELECT t.kind AS n FROM timeline t JOIN customer c ON c.id = t.customer_id
               WHERE c.email_key = $1 AND c.merchant_id = $2 ORDER BY t.at DESC, t.id DESC LIMIT 1";
    let merchant = &test.store("harbor").merchant_id;
    let row = test.app.db.row(sql, args![ADA, merchant]).await.unwrap().unwrap();
    let sql = "SELECT action AS n FROM activity WHERE merchant_id = $1 ORDER BY seq DESC LIMIT 1";
    let act = test.app.db.row(sql, args![merchant]).await.unwrap().unwrap();
    (row.get("n"), act.get("n"))
}

/// Ada asks, and the server says this to her address.
async fn asked(test: &TestApp, reply: &'static str) -> String {
    test.sink.set(Plan::accept().at(Step::Recipient, Fault::Reply(reply))).await;
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    assert!(test.deliver().await.is_empty());
    test.sink.set(Plan::accept()).await;
    newest(test).await.0
}

both!(a_refused_mail_is_made_anew_once, |db| async move {
    let test = TestApp::start(db).await;
    let mail = asked(&test, "550 5.7.1 not like this").await;
    test.wait(61);
    let mut seat = test.seat(AGENT).await;
    let page = seat.get("/oms/email").await.body;
    assert!(page.contains(&format!("/oms/email/mails/{mail}/retry")), "{page}");
    let answer = press(&mut seat, "retry", &mail).await;
    assert_eq!((answer.status, answer.location()), (303, "/oms/email?done=retried"));
    assert_eq!(told(&test).await, ("mail_retried".into(), "mail.retried".into()));
    // Two clicks are one mail.
    assert_eq!(press(&mut seat, "retry", &mail).await.status, 409);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(test.browser().open_link(&reset_link(&mails[0])).await.status, 200);
    let page = seat.get("/oms/email").await.body;
    assert!(page.contains("Refused</span><br><span class=\"muted\">sent again"), "{page}");
    // What was accepted is not sent twice.
    let (sent, outcome) = newest(&test).await;
    assert_eq!(outcome.as_deref(), Some("sent"));
    let answer = press(&mut seat, "retry", &sent).await;
    assert_eq!(answer.status, 409);
    assert!(answer.body.contains("was accepted by the mail server"), "{}", answer.body);
});

both!(a_deferred_mail_is_tried_at_once, |db| async move {
    let test = TestApp::start(db).await;
    let mail = asked(&test, "450 4.2.1 busy").await;
    assert!(test.deliver().await.is_empty(), "the control: it waits");
    assert_eq!(press(&mut test.seat(AGENT).await, "retry", &mail).await.status, 303);
    assert_eq!(test.deliver().await.len(), 1);
});

both!(what_makes_no_sense_any_more_is_refused_with_the_reason, |db| async move {
    let test = TestApp::start(db).await;
    let mail = asked(&test, "550 5.7.1 not like this").await;
    let mut seat = test.seat(AGENT).await;
    let soon = press(&mut seat, "retry", &mail).await;
    assert_eq!(soon.status, 409);
    assert!(soon.body.contains("Try again in a minute"), "{}", soon.body);
    test.wait(61);
    let block = "UPDATE customer SET blocked_at = 1 WHERE email_key = 'ada@example.test'";
    test.exec(block).await;
    let blocked = press(&mut seat, "retry", &mail).await;
    assert!(blocked.status == 409 && blocked.body.contains("is blocked"), "{}", blocked.body);
    test.exec("UPDATE customer SET blocked_at = NULL WHERE email_key = 'ada@example.test'").await;
    let before = test.count("SELECT COUNT(*) AS n FROM outbox").await;
    test.wait(4 * 3600);
    let old = press(&mut test.seat(AGENT).await, "retry", &mail).await;
    assert!(old.status == 409 && old.body.contains("240 minutes ago"), "{}", old.body);
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM outbox").await, before);
});

both!(a_new_password_ends_what_was_asked_before, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    test.wait(61);
    let mail = asked(&test, "550 5.7.1 not like this").await;
    test.wait(61);
    assert_eq!(test.browser().set_password(&link, "a brand new teapot").await.status, 303);
    let answer = press(&mut test.seat(AGENT).await, "retry", &mail).await;
    assert!(answer.status == 409 && answer.body.contains("has chosen a new password"));
});

both!(a_waiting_mail_is_taken_back, |db| async move {
    let test = TestApp::start(db).await;
    let mail = asked(&test, "450 4.2.1 busy").await;
    let mut seat = test.seat(AGENT).await;
    let answer = press(&mut seat, "cancel", &mail).await;
    assert_eq!((answer.status, answer.location()), (303, "/oms/email?done=cancelled"));
    assert_eq!(told(&test).await, ("mail_cancelled".into(), "mail.cancelled".into()));
    test.wait(3600);
    assert!(test.deliver().await.is_empty());
    assert_eq!(newest(&test).await.1.as_deref(), Some("cancelled"));
    let mut seat = test.seat(AGENT).await;
    assert_eq!(press(&mut seat, "cancel", &mail).await.status, 409);
    // One that nobody has looked at yet takes the typed address with it.
    test.browser().forgot("harbor", ADA).await;
    let fresh = newest(&test).await.0;
    assert_eq!(press(&mut seat, "cancel", &fresh).await.status, 303);
    let sealed = "SELECT COUNT(*) AS n FROM recovery WHERE address_sealed IS NOT NULL";
    assert_eq!(test.count(sealed).await, 0);
});

both!(notices_and_mails_to_colleagues_are_not_an_agents_to_take_back, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    assert_eq!(test.browser().set_password(&link, "a brand new teapot").await.status, 303);
    let notice = newest(&test).await.0;
    for who in [AGENT, ADMIN] {
        let answer = press(&mut test.seat(who).await, "cancel", &notice).await;
        assert!(answer.status == 409 && answer.body.contains("what happened to the account"));
    }
    let new = [("name", "Nell"), ("email", "nell@harbor.test"), ("role", "agent")];
    assert_eq!(test.seat(ADMIN).await.post("/oms/staff", &new).await.status, 303);
    let invitation = newest(&test).await.0;
    let answer = press(&mut test.seat(AGENT).await, "cancel", &invitation).await;
    assert!(answer.status == 409 && answer.body.contains("administrator’s business"));
    assert_eq!(press(&mut test.seat(ADMIN).await, "cancel", &invitation).await.status, 303);
    assert_eq!(test.deliver().await.len(), 1, "the notice alone");
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 401);
});

both!(what_a_worker_holds_is_left_to_it, |db| async move {
    let test = TestApp::start(db).await;
    test.browser().forgot("harbor", ADA).await;
    let (database, config) = (&test.app.db, &test.app.config.mail);
    let room = doorkey::mail::outbox::Room::of(1);
    let now = test.clock.now();
    let held = doorkey::mail::outbox::claim(database, config, "w", room, now).await.unwrap();
    for what in ["retry", "cancel"] {
        let answer = press(&mut test.seat(AGENT).await, what, &held[0].id).await;
        assert!(answer.status == 409 && answer.body.contains("at this moment"), "{}", answer.body);
    }
});
