//! Every route that a visitor can reach without logging in, taken from the source text: one that is
//! added without an entry here fails.

use std::collections::BTreeSet;
use std::path::Path;

use axum::http::Method;

use super::{ADA, Face, Options, PASSWORD, PEOPLE, TestApp, assert_alike, both, everybody};
use crate::support::Browser;
use crate::support::routes::routes_in_the_source;

/// Method, path, what the form posts, and the answer to a visitor without a session. `{email}`
/// stands for the address that is tried, `{recovery}` and `{registration}` for a solved captcha.
type Route = (&'static str, &'static str, &'static [(&'static str, &'static str)], u16);

const NOTHING: &[(&str, &str)] = &[];
const DEAD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const NEW: &str = "a brand new teapot";

const ROUTES: &[Route] = &[
    ("GET", "/s/{store}/", NOTHING, 200),
    ("GET", "/s/{store}/login", NOTHING, 200),
    ("POST", "/s/{store}/login", &[("email", "{email}"), ("password", "not this one")], 401),
    ("POST", "/s/{store}/logout", NOTHING, 303),
    ("GET", "/s/{store}/forgot", NOTHING, 200),
    ("POST", "/s/{store}/forgot", &[("email", "{email}"), ("altcha", "{recovery}")], 202),
    ("GET", "/s/{store}/reset", NOTHING, 410),
    (
        "POST",
        "/s/{store}/reset",
        &[("token", DEAD), ("password", NEW), ("password_repeat", NEW)],
        410,
    ),
    ("GET", "/s/{store}/not-me", NOTHING, 410),
    ("POST", "/s/{store}/not-me", &[("token", DEAD)], 410),
    ("GET", "/s/{store}/register", NOTHING, 200),
    (
        "POST",
        "/s/{store}/register",
        &[
            ("email", "{email}"),
            ("first_name", "Rita"),
            ("last_name", "Newcomer"),
            ("password", NEW),
            ("altcha", "{registration}"),
        ],
        202,
    ),
    ("GET", "/s/{store}/register/confirm", NOTHING, 410),
    ("POST", "/s/{store}/register/confirm", &[("token", DEAD)], 410),
    ("GET", "/s/{store}/captcha", NOTHING, 200),
    ("GET", "/s/{store}/captcha/picture/{id}", NOTHING, 404),
    ("GET", "/s/{store}/captcha/sound/{id}", NOTHING, 404),
    ("POST", "/s/{store}/password/check", &[("password", "{email}")], 200),
    ("GET", "/s/{store}/account", NOTHING, 303),
    ("GET", "/s/{store}/account/password", NOTHING, 303),
    (
        "POST",
        "/s/{store}/account/password",
        &[("current_password", PASSWORD), ("password", NEW), ("password_repeat", NEW)],
        303,
    ),
    ("GET", "/s/{store}/account/email", NOTHING, 303),
    (
        "POST",
        "/s/{store}/account/email",
        &[("current_password", PASSWORD), ("email", "{email}")],
        303,
    ),
    ("GET", "/s/{store}/account/email/confirm", NOTHING, 410),
    ("POST", "/s/{store}/account/email/confirm", &[("token", DEAD)], 410),
    ("GET", "/s/{store}/account/sessions", NOTHING, 303),
    ("POST", "/s/{store}/account/sessions", &[("session", "others")], 303),
    ("GET", "/s/{store}/.well-known/change-password", NOTHING, 303),
    ("GET", "/s/{store}/look.css", NOTHING, 200),
    ("GET", "/s/{store}/logo", NOTHING, 404),
    ("GET", "/s/{store}/icon.svg", NOTHING, 200),
    ("GET", "/s/{store}/assets/{file}", NOTHING, 200),
    ("GET", "/assets/{file}", NOTHING, 200),
    // Without their keys there are none.
    ("POST", "/hooks/ses", NOTHING, 404),
    ("POST", "/hooks/postmark", NOTHING, 404),
    ("POST", "/hooks/sendgrid", NOTHING, 404),
    ("POST", "/hooks/mailgun", NOTHING, 404),
    ("GET", "/s/{store}/session", NOTHING, 401),
    ("GET", "/s/{store}/auth", NOTHING, 401),
];

#[test]
fn every_route_of_the_program_is_in_the_table() {
    let table: BTreeSet<_> = ROUTES
        .iter()
        .map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(table.len(), ROUTES.len(), "no route twice");
    // The back office has a table of its own, with roles: oms/matrix.rs.
    let mut source = routes_in_the_source();
    source.retain(|(_, path)| path != "/oms" && !path.starts_with("/oms/"));
    let missing: Vec<_> = source.difference(&table).collect();
    let gone: Vec<_> = table.difference(&source).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the table: {missing:?}; gone: {gone:?}");
}

#[test]
fn routes_are_declared_in_one_place() {
    fn visit(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                if [".route(", ".nest(", ".route_service("].iter().any(|call| text.contains(call)) {
                    found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
                }
            }
        }
    }
    let mut found = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web"), &mut found);
    // The private listener has its own.
    assert_eq!(found, ["ops.rs"]);
    let table = include_str!("../../../src/web.rs");
    assert!(!table.contains(".nest(") && !table.contains(".route_service("));
}

async fn knock(browser: &mut Browser, route: &Route, email: &str) -> Face {
    let (method, path, fields, status) = *route;
    let path =
        path.replace("{store}", "harbor").replace("{id}", "x").replace("{file}", "store.css");
    let answer = if method == "GET" {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("email", email), ("login_hint", email)])
            .finish();
        browser.request(Method::GET, &format!("{path}?{query}"), None, &[]).await
    } else {
        let mut filled = Vec::new();
        for (name, value) in fields {
            let value = match *value {
                "{email}" => email.to_owned(),
                "{recovery}" => browser.solve("harbor").await,
                "{registration}" => browser.solve_at("/s/harbor/captcha?for=registration").await,
                other => other.to_owned(),
            };
            filled.push((*name, value));
        }
        let fields: Vec<_> = filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post(&path, &fields).await
    };
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    Face::of(&answer).without(email)
}

both!(no_route_tells_one_address_from_another, |db| async move {
    let test: TestApp = everybody(Options::new(db)).await;
    for route in ROUTES {
        let mut faces = Vec::new();
        for (who, email) in PEOPLE {
            let mut browser = test.browser();
            // Whoever presents an address as a cookie or header is told nothing either.
            browser.set_cookie("email", email, "/");
            browser.headers.push(("x-doorkey-email".into(), email.into()));
            faces.push((who, knock(&mut browser, route, email).await));
        }
        assert_alike(&faces);
    }
    // Control: with a session, the same routes do speak of a customer.
    let mut ada = test.browser();
    assert_eq!(ada.login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(ada.get("/s/harbor/account").await.status, 200);
    assert_eq!(ada.who("harbor").await.as_deref(), Some(ADA));
});
