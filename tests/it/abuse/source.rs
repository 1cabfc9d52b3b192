//! Who asks: the socket's peer, unless a configured proxy says otherwise.

use std::net::SocketAddr;

use crate::support::{Browser, Options, TestApp, both};

/// Headers by which proxies name the client, and programs that want to be somebody else.
const CLAIMS: [&str; 12] = [
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "fastly-client-ip",
    "x-originating-ip",
    "x-remote-ip",
    "x-remote-addr",
    "x-forwarded",
];

const LIMIT: u8 = 3;

/// Asks until refused; how often that took. The answer to a refusal says when to come back.
async fn until_refused(mut browser: impl FnMut(u8) -> Browser) -> u8 {
    for n in 0..=LIMIT + 1 {
        let email = format!("somebody{n}@example.test");
        let answer = browser(n).forgot("harbor", &email).await;
        match answer.status {
            202 => {}
            429 => {
                assert!(answer.headers.contains_key("retry-after"));
                return n;
            }
            status => panic!("{status}: {}", answer.body),
        }
    }
    u8::MAX
}

both!(one_source_may_ask_so_often_and_no_other_pays_for_it, |db| async move {
    let test = TestApp::with(Options::new(db).set("limits.source_requests", 10)).await;
    let mut browser = test.browser();
    for n in 0..10 {
        let email = format!("somebody{n}@example.test");
        assert_eq!(browser.forgot("harbor", &email).await.status, 202);
    }
    // Whether the address is known makes no difference.
    for email in ["ada@example.test", "nobody@example.test"] {
        let answer = browser.forgot("harbor", email).await;
        assert_eq!(answer.status, 429);
        assert_eq!(answer.headers["retry-after"], "600");
    }
    let mut other = test.browser().from_address([192, 0, 2, 2]);
    assert_eq!(other.forgot("harbor", "ada@example.test").await.status, 202);
    test.wait(600);
    assert_eq!(browser.forgot("harbor", "ada@example.test").await.status, 202);
});

both!(without_trusted_proxies_no_header_changes_who_asks, |db| async move {
    for claim in CLAIMS {
        let test = TestApp::with(Options::new(db).set("limits.source_requests", LIMIT)).await;
        let asked = until_refused(|n| {
            let value = if claim == "forwarded" {
                format!("for=198.51.100.{n}")
            } else {
                format!("198.51.100.{n}")
            };
            test.browser().with_header(claim, &value)
        })
        .await;
        assert_eq!(asked, LIMIT, "{claim}");
        let mut other = test.browser().from_address([192, 0, 2, 77]);
        assert_eq!(other.forgot("harbor", "a@example.test").await.status, 202);
    }
});

/// A program whose proxies are known.
async fn behind_proxies(db: crate::support::app::Database) -> TestApp {
    let networks = r#"["192.0.2.0/24", "10.0.0.0/8"]"#;
    let options =
        Options::new(db).set("limits.source_requests", LIMIT).set("trusted_proxies", networks);
    TestApp::with(options).await
}

both!(behind_a_trusted_proxy_the_right_most_untrusted_hop_counts, |db| async move {
    let test = behind_proxies(db).await;
    // What stands further left is the client's own invention, and so are other headers.
    let forged = |n: u8| {
        let hops = format!("203.0.113.{n}, 198.51.100.7, 10.0.0.{n}");
        test.browser()
            .with_header("x-forwarded-for", &hops)
            .with_header("x-real-ip", &format!("203.0.113.{n}"))
            .with_header("forwarded", &format!("for=203.0.113.{n}"))
    };
    assert_eq!(until_refused(forged).await, LIMIT);
    // The same as two header lines.
    let mut lines = test
        .browser()
        .with_header("x-forwarded-for", "203.0.113.200")
        .with_header("x-forwarded-for", "198.51.100.7");
    assert_eq!(lines.forgot("harbor", "a@example.test").await.status, 429);
    let mut other = test.browser().with_header("x-forwarded-for", "198.51.100.8");
    assert_eq!(other.forgot("harbor", "a@example.test").await.status, 202);
});

both!(a_peer_that_is_no_proxy_is_not_believed_although_others_are, |db| async move {
    let test = behind_proxies(db).await;
    let direct = |n: u8| {
        let claim = format!("203.0.113.{n}");
        test.browser().from_address([198, 51, 100, 9]).with_header("x-forwarded-for", &claim)
    };
    assert_eq!(until_refused(direct).await, LIMIT);
});

both!(a_proxy_that_names_nobody_is_counted_itself, |db| async move {
    let test = behind_proxies(db).await;
    let garbage = ["", "unknown", "_hidden", "203.0.113.1, nonsense", "203.0.113.1:80, ]"];
    let mut n = 0;
    let asked = until_refused(|_| {
        n += 1;
        test.browser().with_header("x-forwarded-for", garbage[n % garbage.len()])
    })
    .await;
    assert_eq!(asked, LIMIT);
});

both!(an_ipv6_customer_is_a_whole_64, |db| async move {
    let test = TestApp::with(Options::new(db).set("limits.source_requests", LIMIT)).await;
    let at = |address: &str| {
        let mut browser = test.browser();
        browser.peer = SocketAddr::new(address.parse().unwrap(), 40_000);
        browser
    };
    let asked = until_refused(|n| at(&format!("2001:db8:1:2:{n}::{n}"))).await;
    assert_eq!(asked, LIMIT);
    let mut neighbour = at("2001:db8:1:3::1");
    assert_eq!(neighbour.forgot("harbor", "a@example.test").await.status, 202);
    // An IPv4 address written as IPv6 is the same IPv4 address, not a network of them all.
    let mapped = until_refused(|n| match n {
        0 => at("203.0.113.4"),
        _ => at("::ffff:203.0.113.4"),
    })
    .await;
    assert_eq!(mapped, LIMIT);
    assert_eq!(at("::ffff:203.0.113.5").forgot("harbor", "a@example.test").await.status, 202);
});
