//! Headers that proxies write and anybody can forge.

use super::{ADA, ORIGIN, Options, PASSWORD, TestApp, both, unlimited};
use crate::support::Browser;
use crate::support::app::{Database, reset_link, text_of};
use crate::support::face::Face;

const FORGED: &[(&str, &str)] = &[
    ("x-forwarded-host", "evil.test"),
    ("x-forwarded-server", "evil.test"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-protocol", "https"),
    ("x-forwarded-scheme", "https"),
    ("x-forwarded-ssl", "on"),
    ("x-forwarded-port", "443"),
    ("x-forwarded-prefix", "/evil"),
    ("x-forwarded-path", "/evil"),
    ("x-forwarded-for", "evil.test"),
    ("x-forwarded-for", "127.0.0.1"),
    ("forwarded", "for=127.0.0.1;host=evil.test;proto=https"),
    ("x-host", "evil.test"),
    ("x-original-host", "evil.test"),
    ("x-http-host-override", "evil.test"),
    ("x-original-url", "/s/northwind/forgot"),
    ("x-rewrite-url", "/s/northwind/forgot"),
    ("x-real-ip", "127.0.0.1"),
    ("x-client-ip", "127.0.0.1"),
    ("true-client-ip", "127.0.0.1"),
    ("cf-connecting-ip", "127.0.0.1"),
    ("front-end-https", "on"),
    ("x-http-method-override", "DELETE"),
    ("x-method-override", "GET"),
    ("x-store", "northwind"),
    ("x-tenant", "northwind"),
    ("base-url", "http://evil.test"),
    ("proxy-host", "evil.test"),
    ("referer", "http://evil.test/"),
    ("via", "1.1 evil.test"),
];

/// What a visitor sees on the way from the prompt to the link. The mail is the store's own.
async fn walk(test: &TestApp, mut browser: Browser) -> Vec<Face> {
    let mut faces = Vec::new();
    for page in ["/s/harbor/login", "/s/harbor/forgot", "/s/harbor/account"] {
        faces.push(Face::of(&browser.get(page).await));
    }
    let answer = browser.forgot("harbor", ADA).await;
    assert_eq!(answer.status, 202);
    faces.push(Face::of(&answer));
    faces.push(Face::of(&browser.login("harbor", ADA, "not this one").await));
    let entered = browser.login("harbor", ADA, PASSWORD).await;
    assert_eq!(entered.status, 303);
    faces.push(Face::of(&entered));
    let mail = test.deliver().await.remove(0);
    let link = reset_link(&mail);
    assert!(link.starts_with(&format!("{ORIGIN}/s/harbor/reset?token=")), "{link}");
    let text = text_of(&mail);
    assert!(text.contains("Harbor Coffee") && !mail.text().contains("evil"), "{text}");
    let links = text.lines().filter(|line| line.contains("//"));
    assert!(links.into_iter().all(|line| line.starts_with(&format!("{ORIGIN}/s/harbor/"))));
    faces.push(Face::of(&browser.get(&link).await));
    faces
}

async fn assert_without_effect(db: Database, trusted: bool) {
    let mut options = unlimited(Options::new(db)).set("limits.login_failures", 1000);
    if trusted {
        options = options.set("trusted_proxies", "[\"192.0.2.1/32\"]");
    }
    let test = TestApp::with(options).await;
    let usual = walk(&test, test.browser()).await;
    for (name, value) in FORGED {
        test.wait(2);
        let faces = walk(&test, test.browser().with_header(name, value)).await;
        assert_eq!(faces, usual, "{name}: {value}");
    }
}

both!(forged_headers_change_no_link_cookie_store_or_redirect, |db| async move {
    assert_without_effect(db, false).await;
});

both!(not_even_a_trusted_proxy_says_which_host_it_is, |db| async move {
    assert_without_effect(db, true).await;
});
