//! Every kind of token at every place that takes one: only the matching pairs work.

use super::{NEW, Tokens, hashes, redeem};
use crate::support::face::Face;
use crate::support::{Answer, Browser, TestApp, both};

/// The places, with the kinds that work there.
const PLACES: [(&str, &[&str]); 4] = [
    ("reset", &["recovery"]),
    ("not-me", &["stop", "freeze", "undo_address"]),
    ("account/email/confirm", &["confirm_address"]),
    ("register/confirm", &["registration"]),
];

async fn open(browser: &mut Browser, store: &str, place: &str, token: &str) -> Answer {
    browser.open_link(&format!("/s/{store}/{place}?token={token}")).await
}

async fn press(browser: &mut Browser, store: &str, place: &str, token: &str) -> Answer {
    let url = format!("/s/{store}/{place}");
    if place == "reset" {
        let fields = [("token", token), ("password", NEW), ("password_repeat", NEW)];
        browser.post(&url, &fields).await
    } else {
        browser.post(&url, &[("token", token)]).await
    }
}

both!(a_token_works_at_its_own_place_alone, |db| async move {
    let test = TestApp::start(db).await;
    let tokens = Tokens::mailed(&test).await;
    let before = hashes(&test).await;
    for (place, fitting) in PLACES {
        for (kind, token) in tokens.all() {
            let wanted = if fitting.contains(&kind) { 200 } else { 410 };
            let answer = open(&mut test.browser(), "harbor", place, token).await;
            assert_eq!(answer.status, wanted, "{kind} opened at {place}");
            if wanted == 410 {
                let answer = press(&mut test.browser(), "harbor", place, token).await;
                assert_eq!(answer.status, 410, "{kind} posted to {place}");
            }
        }
    }
    assert_eq!(hashes(&test).await, before);
    // All of them are still alive. Confirming comes before undoing.
    for (kind, place, status) in [
        ("recovery", "reset", 303),
        ("stop", "not-me", 200),
        ("freeze", "not-me", 200),
        ("confirm_address", "account/email/confirm", 200),
        ("undo_address", "not-me", 200),
        ("registration", "register/confirm", 303),
    ] {
        let token = tokens.all().iter().find(|(name, _)| *name == kind).unwrap().1;
        let answer = press(&mut test.browser(), "harbor", place, token).await;
        assert_eq!(answer.status, status, "{kind} at {place}");
        let again = press(&mut test.browser(), "harbor", place, token).await;
        assert_eq!(again.status, 410, "{kind} at {place}, a second time");
    }
});

both!(a_token_works_at_its_own_store_alone, |db| async move {
    let test = TestApp::start(db).await;
    let tokens = Tokens::mailed(&test).await;
    let before = hashes(&test).await;
    for store in ["harbor-trade", "northwind"] {
        for (place, _) in PLACES {
            for (kind, token) in tokens.all() {
                let answer = open(&mut test.browser(), store, place, token).await;
                assert_eq!(answer.status, 410, "{kind} opened at {store}/{place}");
                let answer = press(&mut test.browser(), store, place, token).await;
                assert_eq!(answer.status, 410, "{kind} posted to {store}/{place}");
            }
        }
    }
    assert_eq!(hashes(&test).await, before);
    assert_eq!(redeem(&mut test.browser(), &tokens.recovery, NEW).await.status, 303);
});

both!(every_dead_link_ends_on_the_one_page, |db| async move {
    let test = TestApp::start(db).await;
    let tokens = Tokens::mailed(&test).await;
    assert_eq!(redeem(&mut test.browser(), &tokens.recovery, NEW).await.status, 303);
    let unknown = doorkey::secret::Token::new().reveal();
    let mut seen = Vec::new();
    for (place, _) in PLACES {
        for token in [&tokens.recovery, &unknown, "garbled"] {
            for answer in [
                open(&mut test.browser(), "harbor", place, token).await,
                press(&mut test.browser(), "harbor", place, token).await,
            ] {
                seen.push(Face::of(&answer));
            }
        }
    }
    let foreign = open(&mut test.browser(), "harbor", "reset", &tokens.stop).await;
    seen.push(Face::of(&foreign));
    for other in &seen {
        assert_eq!(*other, seen[0]);
    }
    assert!(seen[0].body.contains("This link does not work any more"));
    assert!(seen[0].body.contains("action=\"/s/harbor/forgot\""), "with the form right on it");
});
