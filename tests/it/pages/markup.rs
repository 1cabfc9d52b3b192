//! Markup in every parameter, header and path: no page gets a new element or attribute from it.

use axum::http::Method;
use doorkey::args;

use super::html::{elements, shape};
use crate::support::app::PASSWORD;
use crate::support::{Answer, Browser, TestApp, both};
use crate::token::{change_address, change_password};

const CORPUS: [&str; 18] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "</title><svg onload=alert(1)>",
    "</textarea><b>",
    "--><b>x</b><!--",
    "<!--",
    "javascript:alert(1)",
    "data:text/html,<b>x</b>",
    "//evil.test/\"><b>",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "&lt;script&gt;&#60;b&#62;",
    "<b\u{2028}class=x>",
    "\u{202e}<b>",
    "<a href=\"https://evil.test\">x</a>",
    "<base href=//evil.test>",
    "<meta http-equiv=refresh content=0>",
];

fn check(answer: &Answer, clean: &Answer, what: &str, markup: &str) {
    assert_eq!(answer.status, clean.status, "{what}: {markup}");
    assert_eq!(shape(&answer.body), shape(&clean.body), "{what}: {markup}");
    for element in elements(&answer.body) {
        for (name, value) in &element.attributes {
            let leads = ["href", "src", "action"].contains(&&**name);
            let fits = value.starts_with("/s/") || value.starts_with('#');
            assert!(!leads || fits, "{what}: {name}={value}");
        }
    }
}

/// Sends one value to a place.
async fn send(browser: &mut Browser, place: &str, value: &str) -> Answer {
    let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let (kind, page) = place.split_once(' ').unwrap();
    if kind == "GET" {
        return browser.get(&format!("/s/harbor/{page}{encoded}")).await;
    }
    let (page, field) = page.split_once('?').unwrap();
    let mut fields = match page {
        "login" => vec![("email", "a"), ("password", "b"), ("return_to", "")],
        "forgot" => vec![("email", "a"), ("return_to", ""), ("captcha_id", ""), ("altcha", "")],
        "register" => vec![
            ("email", "a"),
            ("first_name", ""),
            ("last_name", ""),
            ("password", "b"),
            ("return_to", ""),
            ("altcha", ""),
        ],
        "reset" => {
            vec![("token", "a"), ("password", "b"), ("password_repeat", "b"), ("switch", "")]
        }
        _ => vec![("token", "a")],
    };
    let slot = fields.iter_mut().find(|(name, _)| *name == field).unwrap();
    slot.1 = value;
    browser.post(&format!("/s/harbor/{page}"), &fields).await
}

both!(markup_in_a_parameter_or_path_stays_text, |db| async move {
    // Each try comes from an address of its own, so that no limit answers in the page's place.
    let test = TestApp::start(db).await;
    for place in [
        "GET login?return_to=",
        "GET forgot?return_to=",
        "GET register?return_to=",
        "GET login?x=",
        "GET reset?token=",
        "GET not-me?token=",
        "GET account/email/confirm?token=",
        "GET register/confirm?token=",
        "GET nowhere/",
        "GET captcha/picture/",
        "POST login?email",
        "POST login?password",
        "POST login?return_to",
        "POST forgot?email",
        "POST forgot?return_to",
        "POST forgot?altcha",
        "POST forgot?captcha_id",
        "POST register?email",
        "POST register?first_name",
        "POST register?last_name",
        "POST register?password",
        "POST register?return_to",
        "POST reset?token",
        "POST reset?switch",
        "POST not-me?token",
        "POST register/confirm?token",
    ] {
        for (i, markup) in CORPUS.iter().enumerate() {
            let address = [198, 51, 100, u8::try_from(i).unwrap()];
            let mut browser = test.browser().from_address(address);
            // Of the same length, for what is refused for its length is another page.
            let clean: String = markup.chars().map(|_| 'x').collect();
            let clean = send(&mut browser.clone(), place, &clean).await;
            let answer = send(&mut browser, place, markup).await;
            if place == "POST register?password" {
                assert_eq!(answer.status, 422, "{markup}");
                continue;
            }
            check(&answer, &clean, place, markup);
        }
    }
});

both!(markup_in_a_header_or_cookie_stays_text, |db| async move {
    let test = TestApp::start(db).await;
    let headers = [
        "user-agent",
        "referer",
        "accept-language",
        "accept",
        "x-forwarded-host",
        "x-forwarded-for",
        "x-original-url",
        "x-request-id",
        "forwarded",
    ];
    for page in ["login", "forgot", "register", "reset", "nowhere"] {
        let url = format!("/s/harbor/{page}");
        let clean = test.browser().get(&url).await;
        for markup in CORPUS {
            for name in headers {
                let bytes = axum::http::HeaderValue::from_bytes(markup.as_bytes()).unwrap();
                let Ok(text) = bytes.to_str() else { continue };
                let answer = test.browser().with_header(name, text).get(&url).await;
                check(&answer, &clean, name, markup);
            }
            let mut browser = test.browser();
            for cookie in ["doorkey", "doorkey-reset", "cart"] {
                browser.set_cookie(cookie, &markup.replace([';', '\u{2028}', '\u{202e}'], ""), "/");
            }
            check(&browser.get(&url).await, &clean, "cookies", markup);
        }
    }
    for markup in CORPUS.iter().filter(|m| m.is_ascii()) {
        let host = [("host", *markup)];
        let answer = test.browser().request(Method::GET, "/s/harbor/login", None, &host).await;
        assert!([400, 421].contains(&answer.status), "{markup}");
        assert!(!answer.body.contains('<'), "{}", answer.body);
    }
});

both!(stored_markup_stays_text, |db| async move {
    let test = TestApp::start(db).await;
    let mut clean = Vec::new();
    for markup in std::iter::once("Name").chain(CORPUS) {
        let sql = "UPDATE customer SET first_name = $1, last_name = $1, number = $1, company = $1
                   WHERE email_key = 'ben@example.test'";
        test.app.db.exec(sql, args![markup]).await.unwrap();
        test.app.db.exec("UPDATE store SET prompt = $1, name = $1", args![markup]).await.unwrap();
        test.app.db.exec("UPDATE session SET device = $1", args![markup]).await.ok();
        let sql = "UPDATE revision SET value = value + 1 WHERE name = 'store'";
        test.app.db.exec(sql, args![]).await.unwrap();
        test.app.stores.refresh(&test.app.db).await.unwrap();
        let mut pages = vec![test.browser().get("/s/harbor/login").await];
        let mut ben = test.browser().with_header("user-agent", "curl/8");
        assert_eq!(ben.login("harbor", "ben@example.test", PASSWORD).await.status, 303);
        for page in ["login", "account", "account/password", "account/email", "account/sessions"] {
            pages.push(ben.get(&format!("/s/harbor/{page}")).await);
        }
        pages.push(change_password(&mut ben, "wrong", "wrong").await);
        pages.push(change_address(&mut ben, "wrong", markup).await);
        assert!(pages[2].body.contains("Name") || markup != "Name");
        test.exec("UPDATE session SET ended_at = 1 WHERE ended_at IS NULL").await;
        test.wait(3600);
        if clean.is_empty() {
            clean = pages;
            continue;
        }
        for (page, clean) in pages.iter().zip(&clean) {
            check(page, clean, "stored", markup);
        }
    }
});
