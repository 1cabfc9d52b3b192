//! Guessing at a login: slower with every try, for the one who guesses alone.

use super::{ADA, NEW};
use crate::support::app::{Options, PASSWORD};
use crate::support::{Answer, Browser, TestApp, both};

/// How long an answer says to wait, in seconds.
fn retry_after(answer: &Answer) -> i64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

async fn guess(browser: &mut Browser) -> Answer {
    browser.login("harbor", ADA, "wrong").await
}

both!(guessing_gets_slower_and_waiting_says_for_how_long, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    for _ in 0..5 {
        assert_eq!(guess(&mut browser).await.status, 401);
    }
    for wait in [2, 4, 8, 16, 32] {
        let refused = guess(&mut browser).await;
        assert_eq!((refused.status, retry_after(&refused)), (429, wait));
        assert!(refused.body.contains("Too many tries in a row."));
        let right = browser.login("harbor", ADA, PASSWORD).await;
        assert_eq!(right.status, 429, "the right password would tell");
        // Knocking while refused does not make it longer.
        assert_eq!(retry_after(&guess(&mut browser).await), wait);
        test.wait(wait);
        assert_eq!(guess(&mut browser).await.status, 401);
    }
    for _ in 0..8 {
        test.wait(900);
        assert_eq!(guess(&mut browser).await.status, 401);
    }
    assert_eq!(retry_after(&guess(&mut browser).await), 900, "a quarter of an hour at most");
    test.wait(900);
    assert_eq!(browser.login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(guess(&mut browser).await.status, 401, "success begins afresh");
});

both!(the_guard_stays_armed, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    for _ in 0..5 {
        guess(&mut browser).await;
    }
    test.wait(12 * 3600);
    assert_eq!(guess(&mut browser).await.status, 401, "one try");
    assert_eq!(guess(&mut browser).await.status, 429, "not five more");
    test.app.worker().drain().await.unwrap();
    doorkey::limit::tidy(&test.app.db, test.clock.now()).await.unwrap();
    assert_eq!(guess(&mut browser).await.status, 429);
    test.wait(3 * 24 * 3600);
    assert_eq!(guess(&mut browser).await.status, 401);
    assert_eq!(guess(&mut browser).await.status, 401, "days later it is over");
});

both!(nobody_else_pays_for_it_and_recovery_is_never_hindered, |db| async move {
    let test = TestApp::start(db).await;
    let mut stranger = test.browser().from_address([203, 0, 113, 5]);
    for _ in 0..20 {
        guess(&mut stranger).await;
    }
    assert_eq!(guess(&mut stranger).await.status, 429);
    let mut owner = test.browser().from_address([198, 51, 100, 8]);
    assert_eq!(owner.login("harbor", ADA, PASSWORD).await.status, 303, "another source");
    let ben = stranger.login("harbor", "ben@example.test", PASSWORD).await;
    assert_eq!(ben.status, 303, "another address");
    assert_eq!(stranger.login("northwind", ADA, PASSWORD).await.status, 303, "another merchant");
    // From the very place of the guessing, the way by mail is open.
    assert_eq!(stranger.forgot("harbor", ADA).await.status, 202);
    let link = crate::support::app::reset_link(&test.deliver().await[0]);
    let mut home = test.browser().from_address([203, 0, 113, 5]);
    assert_eq!(home.set_password(&link, NEW).await.status, 303);
    assert_eq!(home.who("harbor").await.as_deref(), Some(ADA));
});

both!(every_spelling_of_an_address_counts_as_one, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    for spelling in
        ["ada@example.test", "ADA@example.test", " Ada@EXAMPLE.test ", "aDa@example.test"]
    {
        assert_eq!(browser.login("harbor", spelling, "wrong").await.status, 401);
    }
    assert_eq!(
        browser.login("harbor-trade", ADA, "wrong").await.status,
        401,
        "one password, two stores"
    );
    assert_eq!(guess(&mut browser).await.status, 429);
});

both!(known_and_unknown_addresses_are_slowed_alike, |db| async move {
    let test = TestApp::start(db).await;
    let mut seen = Vec::new();
    for (i, email) in
        [ADA, "nobody@example.test", "cleo@example.test", "not an address"].iter().enumerate()
    {
        let source = [198, 51, 100, u8::try_from(i).unwrap()];
        let mut browser = test.browser().from_address(source);
        let mut answers = Vec::new();
        for _ in 0..7 {
            let answer = browser.login("harbor", email, "wrong").await;
            let wait = answer.headers.get("retry-after").cloned();
            answers.push((answer.status, wait, answer.body.replace(email, "")));
        }
        seen.push(answers);
    }
    for other in &seen {
        assert_eq!(*other, seen[0]);
    }
    assert_eq!((seen[0][4].0, seen[0][5].0), (401, 429));
});

both!(many_addresses_from_one_source_are_slowed_too, |db| async move {
    let test = TestApp::with(Options::new(db).set("limits.login_source_failures", 10)).await;
    let mut browser = test.browser();
    assert_eq!(browser.login("harbor", ADA, PASSWORD).await.status, 303, "no failure, no hit");
    for i in 0..10 {
        let email = format!("guess{i}@example.test");
        assert_eq!(browser.login("harbor", &email, PASSWORD).await.status, 401);
    }
    let refused = browser.login("harbor", ADA, PASSWORD).await;
    assert_eq!((refused.status, retry_after(&refused)), (429, 600));
    let mut other = test.browser().from_address([198, 51, 100, 9]);
    assert_eq!(other.login("harbor", ADA, PASSWORD).await.status, 303);
    test.wait(600);
    assert_eq!(browser.login("harbor", ADA, PASSWORD).await.status, 303);
});

both!(a_hundred_tries_at_once_are_a_hundred_tries, |db| async move {
    let options = Options::new(db).set("limits.login_source_failures", 20);
    let test = TestApp::with(options).await;
    let race = async |addresses: usize, source: u8| {
        let tries: Vec<_> = (0..40)
            .map(|i| {
                let mut browser = test.browser().from_address([203, 0, 113, source]);
                let email = format!("guess{}@example.test", i % addresses);
                tokio::spawn(async move { browser.login("harbor", &email, "wrong").await.status })
            })
            .collect();
        let mut passed = 0;
        for one in tries {
            let status = one.await.unwrap();
            assert!([401, 429].contains(&status), "{status}");
            passed += usize::from(status == 401);
        }
        passed
    };
    assert_eq!(race(1, 1).await, 5, "for one address");
    assert_eq!(race(40, 2).await, 20, "from one source");
});
