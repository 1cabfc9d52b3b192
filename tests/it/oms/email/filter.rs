//! Finding mails among many.

use doorkey::args;
use doorkey::clock::{HOUR, MINUTE};

use crate::support::desk::AGENT;
use crate::support::{TestApp, both};

/// Mails of a store, the oldest first, that ended one after the other.
async fn ended(test: &TestApp, count: i64) {
    let (store, now) = (test.store("harbor"), test.clock.now());
    let ada = test.customer_id("harbor", "ada@example.test").await;
    let mut rows = Vec::new();
    for n in 0..count {
        let at = now - (count - n) * MINUTE / 10;
        let (outcome, domain) =
            if n % 10 == 0 { ("failed", "rare.test") } else { ("sent", "x.test") };
        rows.push(args![
            format!("mail-{n:04}"),
            if n % 20 == 0 { "reminder" } else { "recovery" },
            &ada,
            &store.merchant_id,
            &store.id,
            &ada,
            0i64,
            at - 2_400_000,
            at,
            at + HOUR,
            1i64,
            at,
            outcome,
            format!("250 mark-{n:04}."),
            domain
        ]);
    }
    let mut tx = test.app.db.begin().await.unwrap();
    let head = "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, customer_id,
        priority, created_at, due_at, expires_at, attempts, settled_at, outcome, reply, domain) VALUES";
    tx.many(head, rows, "").await.unwrap();
    tx.commit().await.unwrap();
}

/// The marks of the mails on a page, in order.
fn marks(page: &str) -> Vec<String> {
    page.match_indices("250 mark-").map(|(at, m)| page[at + m.len()..][..4].to_owned()).collect()
}

both!(pages_follow_one_another_without_a_gap, |db| async move {
    let test = TestApp::start(db).await;
    ended(&test, 120).await;
    let mut seat = test.seat(AGENT).await;
    let (mut seen, mut path) = (Vec::new(), "/oms/email".to_owned());
    for left in [70, 20, 0] {
        let page = seat.get(&path).await.body;
        let found = marks(&page);
        assert_eq!(found.len(), 50.min(120 - seen.len()));
        seen.extend(found);
        assert_eq!(page.contains("rel=\"next\""), left > 0);
        if let Some((_, rest)) = page.split_once("<a href=\"/oms/email?before=") {
            path = format!("/oms/email?before={}", rest.split('"').next().unwrap());
        }
    }
    let wanted: Vec<_> = (0..120).rev().map(|n| format!("{n:04}")).collect();
    assert_eq!(seen, wanted);
});

both!(each_filter_shows_what_it_says_and_what_it_cannot_read_it_says, |db| async move {
    let test = TestApp::start(db).await;
    ended(&test, 40).await;
    let mut seat = test.seat(AGENT).await;
    let harbor = test.store("harbor").id.clone();
    let trade = test.store("harbor-trade").id.clone();
    let sql = "SELECT number AS n FROM customer WHERE id = $1";
    let ada = test.customer_id("harbor", "ada@example.test").await;
    let number: String = test.app.db.row(sql, args![ada]).await.unwrap().unwrap().get("n");
    for (query, count) in [
        ("state=failed".to_owned(), 4),
        ("state=sent".into(), 36),
        ("state=bounced".into(), 0),
        ("kind=reminder".into(), 2),
        ("domain=rare.test".into(), 4),
        ("domain=@RARE.test&state=sent".into(), 0),
        (format!("store={harbor}"), 40),
        (format!("store={trade}"), 0),
        (format!("customer={number}&state=failed"), 4),
        ("to=2020-01-01".into(), 0),
        ("from=2020-01-01".into(), 40),
        ("state=queued".into(), 0),
    ] {
        let page = seat.get(&format!("/oms/email?{query}")).await;
        assert_eq!((page.status, marks(&page.body).len()), (200, count), "{query}");
    }
    for (query, says) in [
        ("state=lost", "There is no state called"),
        ("kind=spam", "There is no kind called"),
        ("customer=nobody", "There is no customer with the number"),
        ("from=monday", "is no date"),
    ] {
        let page = seat.get(&format!("/oms/email?{query}")).await.body;
        assert!(page.contains(says) && marks(&page).is_empty(), "{query}");
    }
    let foreign = test.store("northwind").id.clone();
    assert_eq!(seat.get(&format!("/oms/email?store={foreign}")).await.status, 404);
});

both!(success_and_delay_are_drawn_and_stand_in_the_tables, |db| async move {
    let test = TestApp::start(db).await;
    ended(&test, 40).await;
    let page = test.seat(AGENT).await.get("/oms/email").await.body;
    assert_eq!(page.matches("<svg class=\"chart\"").count(), 4);
    for shown in [
        "x.test</th><td class=\"num\">36</td><td class=\"num\">0</td>",
        "rare.test</th><td class=\"num\">0</td><td class=\"num\">4</td>",
        "<td class=\"num\">2.4 s</td>",
        "x.test: 36 accepted, 0 failed",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
});

both!(programs_read_the_queue_as_json, |db| async move {
    let test = TestApp::start(db).await;
    test.browser().forgot("harbor", "ada@example.test").await;
    let seat = test.seat(AGENT).await;
    let mut browser = seat.browser.with_header("accept", "application/json");
    let answer = browser.get("/oms/email").await;
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&body["queued"], &body["leased"], &body["deferred"]),
        (&1.into(), &0.into(), &0.into())
    );
});
