//! Help: found by words, and the first article looks at the merchant's own mail.

use doorkey::args;
use doorkey::tutorial;

use crate::support::desk::{AGENT, VIEWER};
use crate::support::{TestApp, both};

both!(articles_are_found_by_their_words, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(VIEWER).await;
    let all = seat.get("/oms/help").await;
    assert_eq!(all.status, 200);
    let text = all.body;
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} is missing"));
    assert!(at("Make sure your email arrives") < at("What to say on the phone"));
    assert!(at("What to say on the phone") < at("Why you cannot see passwords"));
    // Two words that stand in one article alone.
    let some = seat.get("/oms/help?q=spf+DKIM").await.body;
    assert!(some.contains("href=\"/oms/help/email\""), "{some}");
    assert!(!some.contains("href=\"/oms/help/phone\""), "{some}");
    let none = seat.get("/oms/help?q=%3Cscript%3Ezebra").await.body;
    assert!(none.contains("Nothing about"), "{none}");
    assert!(!none.contains("<script>zebra"), "what was typed is shown as text");
    assert!(none.contains("value=\"&#60;script&#62;zebra\""), "and kept in the field: {none}");
    // Each article of the list opens.
    for link in text.split("href=\"/oms/help/").skip(1) {
        let key = link.split('"').next().unwrap();
        let article = seat.get(&format!("/oms/help/{key}")).await;
        assert_eq!(article.status, 200, "{key}");
        assert!(article.body.contains("Other articles"), "{key}");
    }
    assert_eq!(seat.get("/oms/help/no-such").await.status, 404);
});

both!(the_first_article_looks_at_the_merchants_own_mail, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    let fresh = seat.get("/oms/help/email").await.body;
    assert!(fresh.contains("A mail server is configured."), "{fresh}");
    assert!(fresh.contains("The queue is empty"), "{fresh}");
    assert!(fresh.contains("No mail of yours has been accepted"), "{fresh}");
    assert!(fresh.contains("Harbor Coffee") && !fresh.contains("Northwind"), "{fresh}");
    // A practice mail reached no mail server, so it is no proof that mail arrives.
    settled(&test, "harbor", tutorial::REPLY).await;
    let practised = seat.get("/oms/help/email").await.body;
    assert!(practised.contains("No mail of yours has been accepted"), "{practised}");
    // Nor is another merchant's mail.
    settled(&test, "northwind", "250 2.0.0 queued").await;
    let foreign = seat.get("/oms/help/email").await.body;
    assert!(foreign.contains("No mail of yours has been accepted"), "{foreign}");
    settled(&test, "harbor", "250 2.0.0 queued").await;
    let accepted = seat.get("/oms/help/email").await.body;
    assert!(accepted.contains("last accepted a mail of yours"), "{accepted}");
});

both!(what_waits_too_long_and_what_is_tried_again_is_named, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    waiting(&test, "northwind", "451 4.7.1 <ada@example.test>: later").await;
    let own = seat.get("/oms/help/email").await.body;
    assert!(own.contains("The queue is empty"), "another merchant's mail: {own}");
    waiting(&test, "harbor", "451 4.7.1 <ada@example.test>: later").await;
    let moving = seat.get("/oms/help/email").await.body;
    assert!(moving.contains("They move."), "{moving}");
    assert!(moving.contains("the last answer was 451 4.7.1."), "{moving}");
    assert!(!moving.contains("ada@example.test"), "no address of a customer: {moving}");
    test.wait(6 * 60);
    let late = seat.get("/oms/help/email").await.body;
    assert!(late.contains("1 should have left by now"), "{late}");
});

/// A mail of this store that was made and taken just now.
async fn settled(test: &TestApp, store: &str, reply: &str) {
    let now = test.clock.now();
    insert(test, store, reply, Some(now), 1).await;
}

/// One that was tried once and waits.
async fn waiting(test: &TestApp, store: &str, reply: &str) {
    insert(test, store, reply, None, 1).await;
}

async fn insert(test: &TestApp, store: &str, reply: &str, settled: Option<i64>, attempts: i64) {
    let store = test.store(store);
    let now = test.clock.now();
    let sql =
        "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, priority, created_at,
                  due_at, expires_at, attempts, minted_at, settled_at, outcome, reply)
               VALUES ($1, 'recovery', 'x', $2, $3, 0, $4, $4, $5, $6, $4, $7, $8, $9)";
    let outcome = settled.map(|_| "sent");
    let values = args![
        doorkey::new_id(),
        &store.merchant_id,
        &store.id,
        now,
        now + 3_600_000_000,
        attempts,
        settled,
        outcome,
        reply
    ];
    test.app.db.exec(sql, values).await.unwrap();
}

both!(the_first_article_ends_at_all_green, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    let fresh = seat.get("/oms/help/email").await.body;
    assert!(fresh.contains("The doctor has not looked at it yet"), "{fresh}");
    assert!(!fresh.contains("All green"), "{fresh}");
    let found = |domain: &str, level: &str| {
        serde_json::json!({ "domain": domain, "checks": [{
            "topic": "spf", "level": level, "found": "It was looked at.", "todo": "Mend it."
        }] })
        .to_string()
    };
    let (merchant, now) = (test.store("harbor").merchant_id.clone(), test.clock.now());
    let put = async |domain: &str, level: &str, at: i64| {
        let sql = "INSERT INTO domain_check (merchant_id, domain, since_at, seen_at, result)
                   VALUES ($1, $2, $3, $3, $4)";
        let values = args![&merchant, domain, at, found(domain, level)];
        test.app.db.exec(sql, values).await.unwrap();
    };
    put("harbor.test", "ok", now).await;
    put("harbor-trade.test", "fail", now).await;
    let half = seat.get("/oms/help/email").await.body;
    assert!(half.contains("It was looked at. Mend it."), "the next thing to do: {half}");
    assert!(half.contains("href=\"/oms/email/doctor/harbor-trade.test\""), "{half}");
    assert!(!half.contains("All green"), "{half}");
    put("harbor-trade.test", "ok", now + 1).await;
    let whole = seat.get("/oms/help/email").await.body;
    assert!(whole.contains("All green") && whole.contains("href=\"/oms/email/test\""), "{whole}");
});
