//! Scanners open every link, with every method and from everywhere, before the customer does.

use axum::http::Method;

use super::html::elements;
use crate::support::app::{PASSWORD, reset_link, token_of};
use crate::support::{TestApp, both};
use crate::token::dump;
use crate::token::{Tokens, change_password};

const NEW: &str = "a brand new teapot";

const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "Microsoft Office/16.0 (Microsoft Outlook Mail 16.0)",
    "Barracuda Sentinel (EE)",
    "GoogleImageProxy",
    "Slackbot-LinkExpanding 1.0",
    "",
];

/// The whole database but for the notes that a link was opened, which staff read in the timeline.
async fn tables_but_notes(test: &TestApp) -> Vec<String> {
    let mut all = dump::tables(test).await;
    all.retain(|line| !(line.starts_with("timeline: ") && line.contains("link_opened")));
    all
}

both!(thirty_scanners_change_nothing, |db| async move {
    let test = TestApp::start(db).await;
    let tokens = Tokens::mailed(&test).await;
    let links: Vec<String> = tokens
        .all()
        .iter()
        .map(|(kind, token)| {
            let page = match *kind {
                "recovery" => "reset",
                "confirm_address" => "account/email/confirm",
                "registration" => "register/confirm",
                _ => "not-me",
            };
            format!("/s/harbor/{page}?token={token}")
        })
        .collect();
    let before = tables_but_notes(&test).await;
    for i in 0..30_u8 {
        let agent = AGENTS[usize::from(i) % AGENTS.len()];
        let mut scanner =
            test.browser().from_address([198, 51, 100, i]).with_header("user-agent", agent);
        for link in &links {
            let head = scanner.request(Method::HEAD, link, None, &[]).await;
            let get = scanner.get(link).await;
            assert_eq!(head.status, get.status, "{agent}");
            assert_eq!(head.location(), get.location());
            assert!(head.bytes.is_empty());
            assert_eq!(scanner.request(Method::OPTIONS, link, None, &[]).await.status, 405);
            if get.status == 303 {
                let clean = get.location().to_owned();
                let head = scanner.request(Method::HEAD, &clean, None, &[]).await;
                assert_eq!((head.status, scanner.get(&clean).await.status), (200, 200));
            }
        }
        test.wait(10);
    }
    assert_eq!(tables_but_notes(&test).await, before, "not a byte in the database moved");
    for (place, token, status) in [
        ("reset", &tokens.recovery, 303),
        ("not-me", &tokens.freeze, 200),
        ("account/email/confirm", &tokens.confirm_address, 200),
        ("register/confirm", &tokens.registration, 303),
    ] {
        let mut fields = vec![("token", &**token)];
        if place == "reset" {
            fields.extend([("password", NEW), ("password_repeat", NEW)]);
        }
        let answer = test.browser().post(&format!("/s/harbor/{place}"), &fields).await;
        assert_eq!(answer.status, status, "{place}: the customer still can");
    }
    assert_ne!(tables_but_notes(&test).await, before);
});

both!(a_post_that_is_incomplete_or_refused_does_not_use_the_link, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let token = token_of(&link);
    let before = tables_but_notes(&test).await;
    let long = "x".repeat(1025);
    let forms: Vec<(u16, Vec<(&str, &str)>)> = vec![
        (400, vec![]),
        (400, vec![("password", NEW)]),
        (400, vec![("password_repeat", NEW)]),
        (422, vec![("password", ""), ("password_repeat", "")]),
        (422, vec![("password", "short"), ("password_repeat", "short")]),
        (422, vec![("password", "password1"), ("password_repeat", "password1")]),
        (422, vec![("password", "ada@example.test"), ("password_repeat", "ada@example.test")]),
        (422, vec![("password", NEW), ("password_repeat", "A brand new teapot")]),
        (422, vec![("password", NEW), ("password_repeat", "")]),
        (422, vec![("password", &long), ("password_repeat", &long)]),
        (400, vec![("password", NEW), ("password_repeat", NEW), ("accept", "1")]),
        (400, vec![("password", NEW), ("password", NEW), ("password_repeat", NEW)]),
    ];
    let mut browser = test.browser();
    for (status, mut fields) in forms {
        fields.push(("token", &token));
        let answer = browser.post("/s/harbor/reset", &fields).await;
        assert_eq!(answer.status, status, "{fields:?}");
        assert_eq!(answer.set_cookies().len(), 0, "{fields:?}");
    }
    let right =
        format!("token={token}&password=a+brand+new+teapot&password_repeat=a+brand+new+teapot");
    for headers in [
        [("origin", "https://evil.test")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
        [("content-type", "text/plain")],
    ] {
        let body = Some(right.clone().into_bytes());
        let answer = browser.request(Method::POST, "/s/harbor/reset", body, &headers).await;
        assert!([400, 403].contains(&answer.status), "{headers:?}");
    }
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let body = Some(right.clone().into_bytes());
        let answer = browser.request(method, "/s/harbor/reset", body, &[]).await;
        assert_eq!(answer.status, 405);
    }
    assert_eq!(browser.get(&format!("/s/harbor/reset?{right}")).await.status, 303);
    assert_eq!(tables_but_notes(&test).await, before);
    assert_eq!(browser.set_password(&link, NEW).await.status, 303);
});

both!(opening_a_link_hands_out_no_session_and_no_personal_data, |db| async move {
    let test = TestApp::start(db).await;
    let tokens = Tokens::mailed(&test).await;
    for (place, token) in [
        ("reset", &tokens.recovery),
        ("not-me", &tokens.stop),
        ("not-me", &tokens.freeze),
        ("not-me", &tokens.undo_address),
        ("account/email/confirm", &tokens.confirm_address),
        ("register/confirm", &tokens.registration),
    ] {
        let mut scanner = test.browser();
        let page = scanner.open_link(&format!("/s/harbor/{place}?token={token}")).await;
        assert_eq!(page.status, 200, "{place}");
        for personal in
            ["Ada", "Marsh", "Ben", "Okafor", "mile", "Laurent", "Noor", "Haddad", "H-10"]
        {
            assert!(!page.body.contains(personal), "{place} shows {personal}");
        }
        for address in ["ada@", "ben@", "emile@", "laurent@", "new@", "@example"] {
            assert!(!page.body.contains(address), "{place} shows {address}");
        }
        assert_eq!(scanner.who("harbor").await, None, "{place}");
        assert_eq!(scanner.get("/s/harbor/auth").await.status, 401, "{place}");
        for page in ["account", "account/password", "account/sessions", "checkout"] {
            let answer = scanner.get(&format!("/s/harbor/{page}")).await;
            assert_eq!(answer.status, 303, "{place} opened {page}");
            assert!(answer.location().starts_with("/s/harbor/login"), "{}", answer.location());
        }
    }
    let mut ada = test.browser();
    ada.login("harbor", "ada@example.test", PASSWORD).await;
    assert!(ada.get("/s/harbor/account").await.body.contains("Ada Marsh"), "elsewhere it shows");
});

both!(no_browser_is_bound_by_opening_the_link, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let mut desk = test.browser().with_header("user-agent", AGENTS[0]);
    assert_eq!(desk.open_link(&link).await.status, 200);
    let mut phone = test.browser().from_address([203, 0, 113, 9]);
    assert_eq!(phone.open_link(&link).await.status, 200);
    assert_eq!(phone.set_password(&link, NEW).await.status, 303);
    assert_eq!(phone.who("harbor").await.as_deref(), Some("ada@example.test"));
    assert_eq!(desk.get("/s/harbor/reset").await.status, 410, "used up for all");
    // The rest of the life of the account goes on as ever.
    assert_eq!(change_password(&mut phone, NEW, "another fine kettle").await.status, 200);
});

both!(the_token_leaves_the_address_at_once, |db| async move {
    let test = TestApp::start(db).await;
    test.browser().forgot("harbor", "ada@example.test").await;
    let link = reset_link(&test.deliver().await[0]);
    let token = token_of(&link);
    let mut browser = test.browser();
    let first = browser.get(&link).await;
    assert_eq!((first.status, first.location()), (303, "/s/harbor/reset"));
    assert!(first.bytes.is_empty());
    assert_eq!(first.headers["referrer-policy"], "no-referrer");
    let cookie = first.set_cookies().concat();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/s/harbor;", "Max-Age=1800"] {
        assert!(format!("{cookie};").contains(part), "{part} in {cookie}");
    }
    let page = browser.get("/s/harbor/reset").await;
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert!(page.set_cookies().is_empty());
    for element in elements(&page.body) {
        for (name, value) in &element.attributes {
            let field = element.name == "input" && element.attribute("name") == Some("token");
            assert!(field || !value.contains(&token), "{name} of {element:?}");
        }
        assert!(!element.text.contains(&token));
    }
    assert_eq!(page.hidden("token"), token);
    let fields = [("token", &*token), ("password", NEW), ("password_repeat", NEW)];
    let done = browser.post("/s/harbor/reset", &fields).await;
    assert!(!done.location().contains(&token) && done.status == 303);
    assert_eq!(browser.cookie("doorkey-reset"), None);
});
