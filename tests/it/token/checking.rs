//! What is checked when a token is presented: that it is one, spelled in the one way, and nothing
//! else in the request.

use axum::http::Method;

use super::{NEW, Tokens, hashes, redeem};
use crate::support::app::token_of;
use crate::support::{TestApp, both};

/// What is no token, as raw bytes of a form's value.
fn no_tokens() -> Vec<Vec<u8>> {
    let texts = [
        "",
        "0",
        "null",
        "undefined",
        "NaN",
        "true",
        "+",
        "%20%20%20",
        "%00",
        "%C3%28",
        "%FF%FE",
        "%27%20OR%201%3D1--",
        "%22",
        "%25",
        "*",
        "..%2F..%2Freset",
        "%7B%22%24ne%22%3Anull%7D",
        "%5B%5D",
        "00000000-0000-0000-0000-000000000000",
    ];
    let long = ["A".repeat(43), "0".repeat(43), "_".repeat(43), "A".repeat(42), "A".repeat(12_000)];
    texts.into_iter().map(str::to_owned).chain(long).map(String::into_bytes).collect()
}

/// Whole bodies that are no form with a token.
const BODIES: &[(&str, &str)] = &[
    ("application/x-www-form-urlencoded", ""),
    ("application/x-www-form-urlencoded", "token[]=x&password={p}&password_repeat={p}"),
    ("application/x-www-form-urlencoded", "token[$ne]=&password={p}&password_repeat={p}"),
    ("application/x-www-form-urlencoded", "token=&token=&password={p}&password_repeat={p}"),
    ("application/x-www-form-urlencoded", "token={t}&token={t}&password={p}&password_repeat={p}"),
    ("application/x-www-form-urlencoded", "token={t}&t%6fken=x&password={p}&password_repeat={p}"),
    ("application/json", r#"{"token":"{t}","password":"{p}","password_repeat":"{p}"}"#),
    ("application/json", r#"{"token":{"$ne":null},"password":"{p}","password_repeat":"{p}"}"#),
    ("application/json", r#"{"token":["{t}"],"password":"{p}","password_repeat":"{p}"}"#),
    ("text/plain", "token={t}&password={p}&password_repeat={p}"),
    (
        "multipart/form-data; boundary=x",
        "--x\r\nContent-Disposition: form-data; name=token\r\n\r\n{t}\r\n--x--",
    ),
];

both!(what_is_no_token_changes_no_password, |db| async move {
    let test = TestApp::start(db).await;
    let token = token_of(&test.link("harbor", "ada@example.test").await);
    let before = hashes(&test).await;
    let mut browser = test.browser();
    for value in no_tokens() {
        let mut body =
            b"password=a+brand+new+teapot&password_repeat=a+brand+new+teapot&token=".to_vec();
        body.extend(&value);
        let shown = String::from_utf8_lossy(&value).chars().take(60).collect::<String>();
        let answer = browser.request(Method::POST, "/s/harbor/reset", Some(body), &[]).await;
        assert!([400, 410].contains(&answer.status), "{} for {shown:?}", answer.status);
        for page in ["reset", "not-me", "account/email/confirm", "register/confirm"] {
            if value.len() > 8000 || value.contains(&b'*') {
                continue;
            }
            let query = String::from_utf8(value.clone()).unwrap();
            let answer = browser.open_link(&format!("/s/harbor/{page}?token={query}")).await;
            assert!([400, 410].contains(&answer.status), "{} for {page} {shown:?}", answer.status);
            if page != "reset" {
                let body = format!("token={query}").into_bytes();
                let url = format!("/s/harbor/{page}");
                let answer = browser.request(Method::POST, &url, Some(body), &[]).await;
                assert!(
                    [400, 410].contains(&answer.status),
                    "{} for {page} {shown:?}",
                    answer.status
                );
            }
        }
    }
    for (kind, body) in BODIES {
        let body = body.replace("{t}", &token).replace("{p}", "a+brand+new+teapot").into_bytes();
        let headers = [("content-type", *kind)];
        let answer = browser.request(Method::POST, "/s/harbor/reset", Some(body), &headers).await;
        assert!([400, 410].contains(&answer.status), "{}: {kind}", answer.status);
    }
    assert_eq!(hashes(&test).await, before);
    assert_eq!(redeem(&mut browser, &token, NEW).await.status, 303, "the right one works");
    assert_ne!(hashes(&test).await, before);
});

/// Other spellings under which a lenient reader would find the same token.
fn respelled(token: &str) -> Vec<(&'static str, String)> {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // The last letter carries two bits that mean nothing: a careless reader takes all four.
    let last = letters.iter().position(|b| *b == token.as_bytes()[42]).unwrap();
    let twin = |i: usize| format!("{}{}", &token[..42], char::from(letters[last | i]));
    let wide: String =
        token.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap_or(c)).collect();
    vec![
        ("padded", format!("{token}=")),
        ("space before", format!(" {token}")),
        ("space after", format!("{token} ")),
        ("line end", format!("{token}\r\n")),
        ("a NUL behind", format!("{token}\0")),
        ("small", token.to_lowercase()),
        ("capital", token.to_uppercase()),
        ("twin 1", twin(1)),
        ("twin 2", twin(2)),
        ("twin 3", twin(3)),
        ("one letter less", token[..42].to_owned()),
        ("one letter more", format!("{token}A")),
        ("twice", format!("{token}{token}")),
        ("quoted", format!("\"{token}\"")),
        ("base64", format!("{}+", &STANDARD_NO_PAD.encode(&bytes)[..42])),
        ("base64 with padding", STANDARD.encode(&bytes)),
        ("hexadecimal", bytes.iter().map(|b| format!("{b:02x}")).collect()),
        ("full-width letters", wide),
        ("encoded twice", token.bytes().map(|b| format!("%{b:02X}")).collect()),
        ("soft hyphen inside", format!("{}\u{ad}{}", &token[..20], &token[20..])),
    ]
}

both!(exactly_one_spelling_of_a_token_is_valid, |db| async move {
    let test = TestApp::start(db).await;
    let token = token_of(&test.link("harbor", "ada@example.test").await);
    let before = hashes(&test).await;
    for (how, text) in respelled(&token) {
        assert_ne!(text, token, "{how}");
        assert_eq!(redeem(&mut test.browser(), &text, NEW).await.status, 410, "{how}");
        let query = url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let url = format!("/s/harbor/reset?token={query}");
        assert_eq!(test.browser().open_link(&url).await.status, 410, "{how}");
        let mut planted = test.browser();
        if text.bytes().all(|b| b.is_ascii_graphic()) {
            planted.set_cookie("doorkey-reset", &text, "/s/harbor");
            assert_eq!(planted.get("/s/harbor/reset").await.status, 410, "{how}");
        }
    }
    assert_eq!(hashes(&test).await, before);
    // Percent signs are how forms travel, not another spelling.
    let percent: String = token.bytes().map(|b| format!("%{b:02X}")).collect();
    let url = format!("/s/harbor/reset?token={percent}");
    assert_eq!(test.browser().open_link(&url).await.status, 200);
    assert_eq!(redeem(&mut test.browser(), &token, NEW).await.status, 303);
});

both!(the_account_is_that_of_the_token_and_unknown_fields_are_refused, |db| async move {
    let test = TestApp::start(db).await;
    let token = token_of(&test.link("harbor", "ada@example.test").await);
    let ben = test.app.db.row(
        "SELECT id, number FROM customer WHERE email_key = 'ben@example.test'",
        doorkey::args![],
    );
    let ben = ben.await.unwrap().unwrap();
    let (id, number): (String, String) = (ben.get("id"), ben.get("number"));
    let before = hashes(&test).await;
    let of_ben = [
        ("email", "ben@example.test"),
        ("customer", &*id),
        ("customer_id", &*id),
        ("id", &*id),
        ("user", &*id),
        ("number", &*number),
        ("account", "ben@example.test"),
        ("username", "ben@example.test"),
        ("store", "harbor-trade"),
        ("return_to", "/s/harbor/checkout"),
        ("verified", "1"),
        ("method", "link"),
    ];
    for field in of_ben {
        let fields = [("token", &*token), ("password", NEW), ("password_repeat", NEW), field];
        let answer = test.browser().post("/s/harbor/reset", &fields).await;
        assert_eq!(answer.status, 400, "{}", field.0);
    }
    assert_eq!(hashes(&test).await, before);
    // In the query, in headers and in cookies they mean nothing at all.
    let query: Vec<String> = of_ben.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let mut browser = test.browser();
    for (name, value) in of_ben {
        browser = browser.with_header(&format!("x-{}", name.replace('_', "-")), value);
        browser.set_cookie(name, value, "/");
    }
    let fields = [("token", &*token), ("password", NEW), ("password_repeat", NEW)];
    let url = format!("/s/harbor/reset?{}", query.join("&"));
    assert_eq!(browser.post(&url, &fields).await.status, 303);
    assert_eq!(browser.who("harbor").await.as_deref(), Some("ada@example.test"));
    let after = hashes(&test).await;
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
    assert_eq!(changed, 1);
    assert_eq!(before.iter().find(|(c, _)| *c == id), after.iter().find(|(c, _)| *c == id));
});

both!(the_mail_cannot_be_skipped, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    assert_eq!(browser.forgot("harbor", "ada@example.test").await.status, 202);
    let mail = test.deliver().await.remove(0);
    let before = hashes(&test).await;
    let passwords = [("password", NEW), ("password_repeat", NEW)];
    for url in ["/s/harbor/reset", "/s/harbor/reset?token=", "/s/harbor/reset?step=2"] {
        assert_eq!(browser.get(url).await.status, 410, "{url}");
        assert_eq!(browser.post(url, &passwords).await.status, 410, "{url}");
    }
    let mut switched = passwords.to_vec();
    switched.push(("switch", "1"));
    assert_eq!(browser.post("/s/harbor/reset", &switched).await.status, 410);
    for page in ["not-me", "account/email/confirm", "register/confirm"] {
        let url = format!("/s/harbor/{page}");
        assert_eq!(browser.get(&url).await.status, 410, "{page}");
        assert_eq!(browser.post(&url, &[("token", "")]).await.status, 410, "{page}");
        assert_eq!(browser.post(&url, &[]).await.status, 400, "{page}");
    }
    for page in ["account", "account/password", "account/email", "account/sessions"] {
        let answer = browser.get(&format!("/s/harbor/{page}")).await;
        assert_eq!(answer.status, 303, "{page}");
        assert!(answer.location().starts_with("/s/harbor/login?"), "{page}");
    }
    let fields = [("current_password", ""), ("password", NEW), ("password_repeat", NEW)];
    let answer = browser.post("/s/harbor/account/password", &fields).await;
    assert!(answer.location().starts_with("/s/harbor/login?"), "{}", answer.status);
    assert_eq!(browser.who("harbor").await, None);
    assert_eq!(hashes(&test).await, before);
    let link = crate::support::app::reset_link(&mail);
    assert_eq!(browser.set_password(&link, NEW).await.status, 303, "with the mail it goes on");
});

both!(opening_a_link_gives_rights_to_that_browser_alone, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let mut opened = test.browser();
    assert_eq!(opened.open_link(&link).await.status, 200);
    let passwords = [("password", NEW), ("password_repeat", NEW)];
    let mut other = test.browser();
    assert_eq!(other.get("/s/harbor/reset").await.status, 410);
    assert_eq!(other.post("/s/harbor/reset", &passwords).await.status, 410);
    let named = [passwords[0], passwords[1], ("email", "ada@example.test")];
    assert_eq!(other.post("/s/harbor/reset", &named).await.status, 400);
    // The browser that opened it holds the token in a cookie: that is enough.
    assert_eq!(opened.post("/s/harbor/reset", &passwords).await.status, 303);
    assert_eq!(opened.who("harbor").await.as_deref(), Some("ada@example.test"));
    assert_eq!(opened.cookie("doorkey-reset"), None, "and it is gone from there");
});

both!(other_secrets_of_the_store_are_no_tokens, |db| async move {
    let test = TestApp::start(db).await;
    let tokens = Tokens::mailed(&test).await;
    let mut browser = test.browser();
    browser.login("harbor", "ada@example.test", crate::support::app::PASSWORD).await;
    let session = browser.cookie("doorkey").unwrap().to_owned();
    let form_secret = browser.get("/s/harbor/account").await.hidden("form_secret");
    let before = hashes(&test).await;
    for secret in [&session, &form_secret] {
        assert_eq!(redeem(&mut test.browser(), secret, NEW).await.status, 410);
        for page in ["not-me", "account/email/confirm", "register/confirm"] {
            let url = format!("/s/harbor/{page}");
            assert_eq!(test.browser().post(&url, &[("token", secret)]).await.status, 410, "{page}");
        }
    }
    // Nor do mailed tokens open sessions.
    for (kind, token) in tokens.all() {
        let mut thief = test.browser();
        thief.set_cookie("doorkey", token, "/s/harbor");
        assert_eq!(thief.who("harbor").await, None, "{kind}");
    }
    assert_eq!(hashes(&test).await, before);
    let mut same = test.browser();
    same.set_cookie("doorkey", &session, "/s/harbor");
    assert_eq!(same.who("harbor").await.as_deref(), Some("ada@example.test"), "the cookie does");
});
