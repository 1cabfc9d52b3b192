//! Mailboxes cannot be flooded, links cannot be killed by asking, locks lock nobody out.

use std::net::SocketAddr;

use super::blanked;
use crate::support::app::{Database, PASSWORD, reset_link};
use crate::support::{Answer, Browser, Options, TestApp, both};

const ADA: &str = "ada@example.test";
const NEW: &str = "a brand new teapot";

/// Limits at the door out of the way, so that those in the mail worker are seen.
fn open_door(database: Database) -> Options {
    Options::new(database)
        .set("limits.source_requests", 100_000)
        .set("limits.address_requests", 100_000)
}

/// A request from a network address of its own.
async fn ask_from(test: &TestApp, n: u8, store: &str, email: &str) -> Answer {
    test.browser().from_address([203, 0, 113, n]).forgot(store, email).await
}

async fn register(browser: &mut Browser, email: &str) -> u16 {
    let altcha = browser.solve_at("/s/harbor/captcha?for=registration").await;
    let fields = [
        ("email", email),
        ("first_name", "New"),
        ("last_name", "Person"),
        ("password", NEW),
        ("altcha", &altcha),
    ];
    browser.post("/s/harbor/register", &fields).await.status
}

both!(a_hundred_sources_bring_one_mail_in_a_minute_and_see_one_answer, |db| async move {
    for options in [Options::new(db), open_door(db)] {
        let test = TestApp::with(options).await;
        let expected = blanked(&ask_from(&test, 0, "harbor", "nobody@example.test").await);
        assert_eq!(expected.0, 202);
        let mut mails = Vec::new();
        for n in 0..100 {
            let answer = ask_from(&test, n, "harbor", ADA).await;
            assert_eq!(blanked(&answer), expected, "request {n}");
            if n % 20 == 0 {
                mails.extend(test.deliver().await);
            }
        }
        mails.extend(test.deliver().await);
        assert_eq!(mails.len(), 1);
        assert_eq!(test.waiting().await, 0);
    }
});

both!(a_customer_gets_five_mails_an_hour_and_ten_a_day_at_most, |db| async move {
    let test = TestApp::with(open_door(db)).await;
    let expected = blanked(&ask_from(&test, 0, "harbor", ADA).await);
    let mut sent_at = Vec::new();
    for minute in 0..180_i64 {
        // Both stores of the merchant draw on the same caps.
        let store = if minute % 2 == 0 { "harbor" } else { "harbor-trade" };
        let answer = ask_from(&test, 1, store, ADA).await;
        assert_eq!(answer.status, 202);
        if store == "harbor" {
            assert_eq!(blanked(&answer), expected);
        }
        sent_at.extend(test.deliver().await.iter().map(|_| minute * 61));
        test.wait(61);
    }
    let in_any = |span: i64| {
        let within = |start: i64| {
            sent_at.iter().filter(move |at| (start..start + span).contains(*at)).count()
        };
        sent_at.iter().map(|start| within(*start)).max().unwrap()
    };
    assert_eq!(in_any(3600), 5, "{sent_at:?}");
    assert_eq!(sent_at.len(), 10, "{sent_at:?}");
    test.wait(24 * 3600);
    ask_from(&test, 2, "harbor", ADA).await;
    assert_eq!(test.deliver().await.len(), 1, "the next day is another day");
});

both!(one_typed_address_is_taken_five_times_an_hour_however_it_is_spelled, |db| async move {
    let test = TestApp::start(db).await;
    let taken = "SELECT COUNT(*) AS n FROM recovery";
    let mut answers = Vec::new();
    for (n, spelling) in (0..).zip([
        "nobody@example.test",
        "Nobody@Example.Test",
        "NOBODY@EXAMPLE.TEST",
        "nobody@EXAMPLE.test",
        " nobody@example.test ",
        "nObOdY@example.test",
        "nobody@example.test",
        "nobody@examplE.test",
    ]) {
        let store = if n % 2 == 0 { "harbor" } else { "harbor-trade" };
        let answer = ask_from(&test, n, store, spelling).await;
        if answer.status == 202 && store == "harbor" {
            answers.push(blanked(&answer));
        }
    }
    assert!(answers.len() >= 3 && answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(test.count(taken).await, 5);
    // Another address, and another merchant's customers, have their own.
    ask_from(&test, 20, "harbor", "somebody@example.test").await;
    ask_from(&test, 21, "northwind", "nobody@example.test").await;
    assert_eq!(test.count(taken).await, 7);
    test.wait(3601);
    ask_from(&test, 22, "harbor", "nobody@example.test").await;
    assert_eq!(test.count(taken).await, 8);
});

both!(registration_shares_the_limits_of_recovery, |db| async move {
    let test = TestApp::with(Options::new(db).set("limits.source_requests", 3)).await;
    let mut browser = test.browser();
    for _ in 0..3 {
        assert_eq!(browser.forgot("harbor", "new@example.test").await.status, 202);
    }
    assert_eq!(register(&mut browser, "new@example.test").await, 429);
    let mut other = test.browser().from_address([203, 0, 113, 9]);
    for _ in 0..2 {
        assert_eq!(register(&mut other, "new@example.test").await, 202);
    }
    // The five of this address are used up; the answer does not say so.
    assert_eq!(register(&mut other, "New@Example.test").await, 202);
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM registration").await, 2);
    let mut third = test.browser().from_address([203, 0, 113, 10]);
    assert_eq!(register(&mut third, "newer@example.test").await, 202);
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM registration").await, 3);
});

both!(asking_every_second_never_kills_a_mailed_link, |db| async move {
    for options in [Options::new(db), open_door(db)] {
        let test = TestApp::with(options).await;
        let link = test.link("harbor", ADA).await;
        for n in 0..50 {
            test.wait(1);
            assert_eq!(ask_from(&test, n, "harbor", ADA).await.status, 202);
            assert!(test.deliver().await.is_empty(), "a repeat at {n} s is absorbed");
        }
        let mut owner = test.browser();
        assert_eq!(owner.set_password(&link, NEW).await.status, 303);
        assert_eq!(owner.who("harbor").await.as_deref(), Some(ADA));
    }
});

both!(a_link_outlives_the_next_two_mails, |db| async move {
    let test = TestApp::start(db).await;
    let first = test.link("harbor", ADA).await;
    for _ in 0..2 {
        test.wait(61);
        test.link("harbor", ADA).await;
    }
    assert_eq!(test.browser().set_password(&first, NEW).await.status, 303);
});

both!(a_request_never_replaces_the_password, |db| async move {
    let test = TestApp::start(db).await;
    let before = test.hash_of(ADA).await;
    let mut owner = test.browser();
    assert_eq!(owner.login("harbor", ADA, PASSWORD).await.status, 303);
    let link = test.link("harbor", ADA).await;
    assert_eq!(test.browser().open_link(&link).await.status, 200);
    assert_eq!(test.hash_of(ADA).await, before);
    assert_eq!(owner.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303);
    assert_ne!(test.hash_of(ADA).await, before);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 401);
});

both!(a_locked_out_source_can_still_recover_and_nobody_else_is_locked_out, |db| async move {
    let test = TestApp::start(db).await;
    let mut stranger = test.browser().from_address([203, 0, 113, 66]);
    let mut refused = 0;
    for _ in 0..80 {
        let status = stranger.login("harbor", ADA, "wrong wrong wrong").await.status;
        assert!(matches!(status, 401 | 429), "{status}");
        refused += usize::from(status == 429);
        test.wait(1);
    }
    assert!(refused > 40, "{refused}");
    // Even the right password waits, at that source and for that address alone.
    assert_eq!(stranger.login("harbor", ADA, PASSWORD).await.status, 429);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(stranger.forgot("harbor", ADA).await.status, 202);
    let link = reset_link(&test.deliver().await[0]);
    assert_eq!(stranger.set_password(&link, NEW).await.status, 303);
    assert_eq!(stranger.who("harbor").await.as_deref(), Some(ADA));
});

both!(the_guard_of_a_login_stays_armed_when_its_wait_is_over, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let mut longest = 0;
    for _ in 0..14 {
        let answer = browser.login("harbor", ADA, "wrong wrong wrong").await;
        if answer.status == 429 {
            let wait: i64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!(wait >= longest, "{wait} after {longest}");
            longest = wait;
            test.wait(wait);
            assert_eq!(browser.login("harbor", ADA, "wrong wrong wrong").await.status, 401);
        }
    }
    assert!(longest >= 64, "{longest}");
    test.wait(3600);
    assert_eq!(browser.login("harbor", ADA, "wrong wrong wrong").await.status, 401);
    assert_eq!(browser.login("harbor", ADA, PASSWORD).await.status, 429, "at once again");
    test.wait(900);
    assert_eq!(browser.login("harbor", ADA, PASSWORD).await.status, 303);
});

both!(failures_over_many_addresses_stop_their_source_alone, |db| async move {
    let test = TestApp::start(db).await;
    let mut spray = test.browser();
    spray.peer = SocketAddr::from(([203, 0, 113, 5], 1));
    for n in 0..50 {
        let email = format!("customer{n}@example.test");
        assert_eq!(spray.login("harbor", &email, "harbor-harbor").await.status, 401, "{n}");
    }
    assert_eq!(spray.login("harbor", ADA, PASSWORD).await.status, 429);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    test.wait(601);
    assert_eq!(spray.login("harbor", ADA, PASSWORD).await.status, 303);
});

both!(an_unknown_address_gets_no_mail, |db| async move {
    let test = TestApp::start(db).await;
    for email in ["nobody@example.test", "admin@harbor.test", "cleo@example.test"] {
        assert_eq!(test.browser().forgot("harbor", email).await.status, 202);
    }
    assert!(test.deliver().await.is_empty());
    assert!(!test.sink.saw("RCPT"));
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    assert_eq!(test.deliver().await.len(), 1);
});
