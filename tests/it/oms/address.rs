//! A customer's address changed by staff: only with the customer's own yes, never unseen, and never
//! as a way into the account.

use doorkey::args;

use crate::support::app::{PASSWORD, link_of, text_of};
use crate::support::desk::{AGENT, Seat, VIEWER};
use crate::support::smtp_sink::Received;
use crate::support::{Answer, Browser, TestApp, both};

const ADA: &str = "ada@example.test";
const NEW: &str = "marsh@example.test";

async fn ask(seat: &mut Seat, id: &str, email: &str) -> Answer {
    seat.post(&format!("/oms/customers/{id}/address"), &[("email", email)]).await
}

fn to<'a>(mails: &'a [Received], address: &str) -> &'a Received {
    mails.iter().find(|mail| mail.recipients == [address]).expect("a mail")
}

async fn press(browser: &mut Browser, link: &str) -> Answer {
    let (page, token) = link.split_once("?token=").unwrap();
    browser.post(page, &[("token", token)]).await
}

async fn held_until(test: &TestApp, id: &str) -> Option<i64> {
    let sql = "SELECT reminder_hold_until FROM customer WHERE id = $1";
    test.app.db.row(sql, args![id]).await.unwrap().unwrap().get("reminder_hold_until")
}

both!(an_address_given_by_staff_counts_once_its_mailbox_confirms, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    let id = test.customer_id("harbor", ADA).await;
    let mut ada = test.browser();
    ada.login("harbor", ADA, PASSWORD).await;
    let page = seat.get(&format!("/oms/customers/{id}/address")).await;
    assert!(page.status == 200 && page.body.contains(ADA) && page.body.contains("24 hours"));
    assert_eq!(held_until(&test, &id).await, None);
    let answer = ask(&mut seat, &id, "Marsh@example.test").await;
    assert_eq!((answer.status, answer.location()), (303, &*format!("/oms/customers/{id}")));
    assert_eq!(held_until(&test, &id).await, Some(test.clock.now() + doorkey::clock::DAY));
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 2);
    let (confirm, notice) = (text_of(to(&mails, "Marsh@example.test")), text_of(to(&mails, ADA)));
    assert!(confirm.contains("A member of staff of Harbor Coffee"), "{confirm}");
    assert!(
        notice.contains("A member of staff of Harbor Coffee") && notice.contains("M•••@e•••.test")
    );
    assert!(!notice.to_lowercase().contains(NEW) && !notice.contains("Robin"));
    // Pending: nothing has changed, and no mail but these goes to the new address.
    assert_eq!(ada.who("harbor").await.as_deref(), Some(ADA));
    test.browser().forgot("harbor", NEW).await;
    assert!(test.deliver().await.is_empty());
    assert!(
        seat.get(&format!("/oms/customers/{id}/address"))
            .await
            .body
            .contains("waits to be confirmed")
    );
    let link = link_of(to(&mails, "Marsh@example.test"), "/account/email/confirm");
    assert_eq!(press(&mut test.browser(), &link).await.status, 200);
    assert_eq!(
        test.browser().login("harbor", NEW, PASSWORD).await.status,
        303,
        "the same password"
    );
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 401);
    assert!(held_until(&test, &id).await.is_some(), "confirming does not lift the hold");
    let found = seat.get("/oms/customers?q=marsh%40example").await.body;
    assert!(found.contains(&format!("/oms/customers/{id}\"")), "found by the new one");
    assert!(!seat.get("/oms/customers?q=ada%40example").await.body.contains(&id));
    let sql = "SELECT action, customer_id, actor, detail FROM activity";
    let rows = test.app.db.rows(sql, args![]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<String>("action"), "customer.address_requested");
    assert_eq!(rows[0].get::<Option<String>>("customer_id"), Some(id));
    assert!(rows[0].get::<String>("actor").starts_with("Robin Agent"));
    assert!(!rows[0].get::<String>("detail").contains('@'));
});

both!(the_customer_stops_a_change_from_the_old_mailbox, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    let id = test.customer_id("harbor", ADA).await;
    ask(&mut seat, &id, NEW).await;
    let mails = test.deliver().await;
    let stop = link_of(to(&mails, ADA), "/not-me");
    assert_eq!(press(&mut test.browser(), &stop).await.status, 200);
    let link = link_of(to(&mails, NEW), "/account/email/confirm");
    assert_eq!(press(&mut test.browser(), &link).await.status, 410);
    test.wait(61);
    let link = test.link("harbor", ADA).await;
    assert!(link.contains("/reset"), "the old address is the customer's");
    assert!(held_until(&test, &id).await.is_some(), "and no reminder helps whoever tried");
});

both!(addresses_that_cannot_be_are_refused_in_plain_words, |db| async move {
    let test = TestApp::start(db).await;
    let (mut seat, mut viewer) = (test.seat(AGENT).await, test.seat(VIEWER).await);
    let id = test.customer_id("harbor", ADA).await;
    let ben = test.customer_id("harbor", "ben@example.test").await;
    let other = format!("/oms/customers/{ben}\"");
    for (email, text) in [
        ("", "Write one address"),
        ("marsh", "Write one address"),
        ("a@x.test,b@x.test", "Write one address"),
        (ADA, "This is the address on file already."),
        ("BEN@example.test", &*other),
    ] {
        let answer = ask(&mut seat, &id, email).await;
        assert_eq!(answer.status, 422, "{email}");
        assert!(answer.body.contains(text), "{email}: {}", answer.body);
        assert!(answer.body.contains(&format!("value=\"{email}\"")), "{email} is kept");
    }
    let path = format!("/oms/customers/{id}/address");
    let twice = [("email", NEW), ("to", "x@x.test")];
    assert_eq!(seat.post(&path, &twice).await.status, 400);
    assert_eq!(ask(&mut viewer, &id, NEW).await.status, 403);
    assert_eq!(viewer.get(&path).await.status, 403);
    let foreign = test.customer_id("northwind", ADA).await;
    assert_eq!(ask(&mut seat, &foreign, NEW).await.status, 404);
    assert_eq!(held_until(&test, &id).await, None);
    assert!(test.deliver().await.is_empty());
    // Another merchant's customer may have the address: the files do not mix.
    test.add_customer("northwind", NEW, None).await;
    assert_eq!(ask(&mut seat, &id, NEW).await.status, 303, "control");
    assert_eq!(test.deliver().await.len(), 2);
});

both!(staff_write_to_few_addresses_that_nobody_confirmed, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    let id = test.customer_id("harbor", ADA).await;
    for n in 0..5 {
        assert_eq!(ask(&mut seat, &id, &format!("x{n}@example.test")).await.status, 303, "{n}");
    }
    let answer = ask(&mut seat, &id, "x9@example.test").await;
    assert_eq!(answer.status, 429);
    assert!(
        answer.body.contains("Try again in") && answer.body.contains("value=\"x9@example.test\"")
    );
    let mails = test.deliver().await;
    assert!(!mails.iter().any(|mail| mail.recipients == ["x9@example.test"]));
    assert_eq!(
        mails.iter().filter(|mail| mail.recipients != [ADA]).count(),
        1,
        "the last one alone"
    );
    let pending = "SELECT COUNT(*) AS n FROM address_change WHERE ended_at IS NULL";
    assert_eq!(test.count(pending).await, 1);
    test.wait(3601);
    let mut seat = test.seat(AGENT).await;
    assert_eq!(ask(&mut seat, &id, "x9@example.test").await.status, 303);
});
