//! The queue has a bound, and what is too large is refused before it costs anything.

use axum::http::Method;

use crate::support::app::PASSWORD;
use crate::support::smtp_sink::Plan;
use crate::support::{Browser, Options, TestApp, both};

const QUEUED: &str = "SELECT COUNT(*) AS n FROM outbox";

async fn register(browser: &mut Browser) -> u16 {
    let altcha = browser.solve_at("/s/harbor/captcha?for=registration").await;
    let fields = [
        ("email", "new@example.test"),
        ("first_name", "New"),
        ("last_name", "Person"),
        ("password", "a brand new teapot"),
        ("altcha", &altcha),
    ];
    browser.post("/s/harbor/register", &fields).await.status
}

both!(a_full_queue_refuses_and_loses_nothing, |db| async move {
    let options = Options::new(db).set("limits.queue", 4).plan(Plan::closed());
    let test = TestApp::with(options).await;
    let everybody = ["ada", "ben", "dagmar", "emile"].map(|name| format!("{name}@example.test"));
    for email in &everybody {
        test.app.look_at_queue().await.unwrap();
        assert_eq!(test.browser().forgot("harbor", email).await.status, 202);
    }
    test.deliver().await;
    test.app.look_at_queue().await.unwrap();
    let mut browser = test.browser();
    let altcha = browser.solve("harbor").await;
    let fields = [("email", "ada@example.test"), ("altcha", &*altcha)];
    let refused = browser.post("/s/harbor/forgot", &fields).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    // An unknown address is told the same, and registration stands before the same queue.
    assert_eq!(test.browser().forgot("harbor", "nobody@example.test").await.status, 503);
    assert_eq!(register(&mut browser).await, 503);
    assert_eq!(test.count(QUEUED).await, 4);

    test.sink.set(Plan::accept()).await;
    test.wait(30);
    let mails = test.deliver().await;
    let mut reached: Vec<_> = mails.iter().map(|mail| mail.recipients[0].clone()).collect();
    reached.sort();
    assert_eq!(reached, everybody);
    // The refused request cost its captcha nothing.
    test.app.look_at_queue().await.unwrap();
    test.wait(61);
    assert_eq!(browser.post("/s/harbor/forgot", &fields).await.status, 202);
    assert_eq!(register(&mut browser).await, 202);
    assert_eq!(test.deliver().await.len(), 2);
});

both!(a_stores_mails_have_an_hourly_budget_and_wait_for_the_next, |db| async move {
    let test = TestApp::with(Options::new(db).set("limits.store_mails_per_hour", 2)).await;
    for name in ["ada", "ben", "dagmar"] {
        let email = format!("{name}@example.test");
        assert_eq!(test.browser().forgot("harbor", &email).await.status, 202);
    }
    assert_eq!(test.browser().forgot("northwind", "ada@example.test").await.status, 202);
    let mails = test.deliver().await;
    let from = |store: &str| mails.iter().filter(|mail| mail.from.contains(store)).count();
    assert_eq!((from("harbor"), from("northwind")), (2, 1));
    assert_eq!(test.waiting().await, 1);
    test.wait(3601);
    assert_eq!(test.deliver().await.len(), 1);
});

both!(a_body_that_is_too_large_is_refused, |db| async move {
    let test = TestApp::start(db).await;
    let body = |size: usize| format!("email={}", "a".repeat(size)).into_bytes();
    for page in ["forgot", "login", "register", "reset", "not-me", "password/check"] {
        let url = format!("/s/harbor/{page}");
        let post = |size| {
            let mut browser = test.browser();
            let (url, body) = (url.clone(), body(size));
            async move { browser.request(Method::POST, &url, Some(body), &[]).await.status }
        };
        assert_eq!(post(17_000).await, 413, "{page}");
        assert_eq!(post(3_000_000).await, 413, "{page}");
        assert!(matches!(post(1000).await, 400 | 401 | 422), "{page}");
    }
    assert_eq!(test.count(QUEUED).await, 0);
});

both!(a_field_that_is_too_long_is_refused, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let long = |size: usize| "a".repeat(size);
    for email in [
        format!("{}@example.test", long(300)),
        format!("ada@{}.test", long(300)),
        format!("ada@{}", "a.".repeat(3000)),
        "@".repeat(5000),
        "\"".repeat(5000),
        "(".repeat(5000),
    ] {
        let answer = browser.forgot("harbor", &email).await;
        assert_eq!(answer.status, 400, "{} characters", email.len());
        assert!(answer.body.len() < 20_000);
    }
    assert_eq!(test.count(QUEUED).await, 0);
    for size in [1025, 15_000] {
        let answer = browser.login("harbor", "ada@example.test", &long(size)).await;
        assert_eq!(answer.status, 401);
    }
    let link = test.link("harbor", "ada@example.test").await;
    assert_eq!(browser.set_password(&link, &"teapot kettle ".repeat(100)).await.status, 422);
    assert_eq!(browser.set_password(&link, &"teapot kettle ".repeat(50)).await.status, 303);
    assert_eq!(test.browser().login("harbor", "ada@example.test", PASSWORD).await.status, 401);
});
