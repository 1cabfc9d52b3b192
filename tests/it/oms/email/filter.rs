//! Finding mails among many.

use doorkey::args;
use doorkey::clock::{HOUR, MINUTE};

use crate::support::desk::{AGENT, Seat};
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

/// The marks of all pages that a query leads to, in order, and how many pages there were.
async fn every_page(seat: &mut Seat, query: &str) -> (Vec<String>, usize) {
    let (mut seen, mut path) = (Vec::new(), format!("/oms/email?{query}"));
    for pages in 1.. {
        let page = seat.get(&path).await.body;
        let found = marks(&page);
        let next = page.split_once("\" rel=\"next\"").map(|(before, _)| before);
        assert!(found.len() == 50 || next.is_none(), "a short page is the last: {path}");
        seen.extend(found);
        let Some(before) = next else { return (seen, pages) };
        path = before.rsplit('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    }
    unreachable!("there is an end to every list")
}

// Each filter is answered from an index of its own.
both!(pages_follow_one_another_without_a_gap, |db| async move {
    let test = TestApp::start(db).await;
    ended(&test, 1200).await;
    let mut seat = test.seat(AGENT).await;
    let wanted = |is_it: fn(i64) -> bool| -> Vec<String> {
        (0..1200).rev().filter(|n| is_it(*n)).map(|n| format!("{n:04}")).collect()
    };
    for (query, is_it) in [
        ("", (|_| true) as fn(i64) -> bool),
        ("state=sent", |n| n % 10 != 0),
        ("state=failed", |n| n % 10 == 0),
        ("kind=reminder", |n| n % 20 == 0),
        ("domain=rare.test", |n| n % 10 == 0),
        ("state=failed&kind=recovery", |n| n % 20 == 10),
        ("from=2020-01-01&to=2035-01-01", |_| true),
    ] {
        let wanted = wanted(is_it);
        let (seen, pages) = every_page(&mut seat, query).await;
        assert_eq!((seen.len(), pages), (wanted.len(), wanted.len().div_ceil(50)), "{query}");
        assert_eq!(seen, wanted, "{query}");
    }
});

both!(no_filter_shows_what_another_merchant_sent, |db| async move {
    let test = TestApp::start(db).await;
    ended(&test, 40).await;
    let (own, other) = (test.store("harbor"), test.store("northwind"));
    let mut seat = test.seat(AGENT).await;
    let ada = test.customer_id("harbor", "ada@example.test").await;
    let sql = "SELECT number AS n FROM customer WHERE id = $1";
    let number: String = test.app.db.row(sql, args![ada]).await.unwrap().unwrap().get("n");
    let customer = format!("customer={number}");
    let filters = ["", "state=sent", "state=failed", "kind=reminder", "domain=x.test", &customer];
    for (merchant, is_seen) in [(&own.merchant_id, true), (&other.merchant_id, false)] {
        let sql = "UPDATE outbox SET merchant_id = $1";
        test.app.db.exec(sql, args![merchant]).await.unwrap();
        for filter in filters {
            let page = seat.get(&format!("/oms/email?{filter}")).await.body;
            assert_eq!(!marks(&page).is_empty(), is_seen, "{filter}");
        }
    }
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
    let mut seat = test.seat(AGENT).await;
    let page = seat.get("/oms/email").await.body;
    assert_eq!(page.matches("<svg class=\"chart\"").count(), 4);
    let part = seat.get("/oms/email?domain=x.test").await.body;
    assert!(!part.contains("<svg class=\"chart\"") && !part.contains("last 7 days"), "{part}");
    for shown in [
        "x.test</th><td class=\"num\">36</td><td class=\"num\">0</td>",
        "rare.test</th><td class=\"num\">0</td><td class=\"num\">4</td>",
        "<td class=\"num\">2.4 s</td>",
        "x.test: 36 accepted, 0 failed",
        "At most 36 mails to one domain.",
        "At most 2.4 s on average to one domain.",
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
