//! Where a change comes from: the browser's own word for it, which no page can forge.

use axum::http::Method;
use doorkey::store::Access;

use super::{ADA, NEW, ORIGIN, PASSWORD, TestApp, add_store, both, browser_at};
use crate::support::Browser;
use crate::support::app::token_of;

/// `Origin`, `Sec-Fetch-Site`, whether the request is taken. An absent header is `-`.
const TABLE: &[(&str, &str, bool)] = &[
    ("-", "-", true),
    (ORIGIN, "-", true),
    (ORIGIN, "same-origin", true),
    (ORIGIN, "none", true),
    ("-", "same-origin", true),
    ("-", "none", true),
    ("null", "same-origin", true),
    ("null", "-", false),
    ("null", "none", false),
    ("null", "same-site", false),
    ("null", "cross-site", false),
    ("-", "same-site", false),
    ("-", "cross-site", false),
    ("-", "", false),
    ("-", "nonsense", false),
    ("-", "same-origin, cross-site", false),
    (ORIGIN, "same-site", false),
    (ORIGIN, "cross-site", false),
    ("http://evil.test", "-", false),
    ("http://evil.test", "same-origin", false),
    ("http://evil.test", "none", false),
    ("https://127.0.0.1:8080", "-", false),
    ("http://127.0.0.1", "-", false),
    ("http://127.0.0.1:8081", "-", false),
    ("http://localhost:8080", "-", false),
    ("http://127.0.0.1:8080/", "-", false),
    ("http://127.0.0.1:8080/s/harbor", "-", false),
    ("http://127.0.0.1:8080.evil.test", "-", false),
    ("http://127.0.0.1:8080@evil.test", "-", false),
    ("http://127.0.0.1:8080 http://evil.test", "-", false),
    ("127.0.0.1:8080", "-", false),
    ("", "-", false),
    ("file://", "-", false),
];

async fn post(
    browser: &mut Browser,
    url: &str,
    fields: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> u16 {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    browser.request(Method::POST, url, Some(body.into_bytes()), headers).await.status
}

fn headers<'a>(origin: &'a str, site: &'a str) -> Vec<(&'static str, &'a str)> {
    [("origin", origin), ("sec-fetch-site", site)].into_iter().filter(|h| h.1 != "-").collect()
}

both!(a_form_is_taken_from_pages_of_the_store_alone, |db| async move {
    let test = TestApp::start(db).await;
    let login = [("email", ADA), ("password", PASSWORD)];
    for (origin, site, taken) in TABLE {
        let mut browser = test.browser();
        let status = post(&mut browser, "/s/harbor/login", &login, &headers(origin, site)).await;
        assert_eq!(status, if *taken { 303 } else { 403 }, "{origin:?} {site:?}");
        assert_eq!(browser.cookie("doorkey").is_some(), *taken, "{origin:?} {site:?}");
    }
    let doubled: [&[(&str, &str)]; 3] = [
        &[("origin", ORIGIN), ("origin", "http://evil.test")],
        &[("origin", "null"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        &[("origin", ORIGIN), ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
    ];
    for twice in doubled {
        let status = post(&mut test.browser(), "/s/harbor/login", &login, twice).await;
        assert_eq!(status, 403, "{twice:?}");
    }
});

both!(a_form_of_another_site_has_no_effect, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    let token = token_of(&link);
    let mut ada = test.browser();
    assert_eq!(ada.login("harbor", ADA, PASSWORD).await.status, 303);
    let form_secret = ada.get("/s/harbor/account/email").await.hidden("form_secret");
    let hash = test.hash_of(ADA).await;
    let altcha = ada.solve("harbor").await;
    test.wait(61);
    let set = [("token", &*token), ("password", NEW), ("password_repeat", NEW)];
    let email =
        [("form_secret", &*form_secret), ("current_password", PASSWORD), ("email", "e@evil.test")];
    let end = [("form_secret", &*form_secret), ("session", "others")];
    let forms: [(&str, &[(&str, &str)]); 7] = [
        ("/s/harbor/forgot", &[("email", ADA), ("altcha", &altcha)]),
        ("/s/harbor/reset", &set),
        ("/s/harbor/logout", &[]),
        ("/s/harbor/not-me", &[("token", &token)]),
        ("/s/harbor/account/email", &email),
        ("/s/harbor/account/sessions", &end),
        ("/s/harbor/cart", &[("sku", "x"), ("quantity", "1")]),
    ];
    for (page, fields) in forms {
        for (origin, site) in
            [("http://evil.test", "-"), ("null", "-"), ("-", "cross-site"), ("-", "same-site")]
        {
            let status = post(&mut ada, page, fields, &headers(origin, site)).await;
            assert_eq!(status, 403, "{page} from {origin:?} {site:?}");
        }
    }
    assert_eq!(test.waiting().await, 0, "no mail");
    assert_eq!(test.hash_of(ADA).await, hash);
    assert_eq!(ada.who("harbor").await.as_deref(), Some(ADA), "still logged in");
    // Control: from the store's own pages, the same forms do what they say.
    let own = headers(ORIGIN, "same-origin");
    assert_eq!(post(&mut ada, forms[0].0, forms[0].1, &own).await, 202);
    assert_eq!(post(&mut ada, forms[4].0, forms[4].1, &own).await, 200);
    assert_eq!(post(&mut ada, forms[1].0, forms[1].1, &own).await, 303);
});

both!(pages_of_one_store_cannot_act_at_another_origin, |db| async move {
    let test = TestApp::start(db).await;
    let origin = "https://tea.example.test";
    add_store(&test, "tea", origin, Access::Public).await;
    let login = [("email", ADA), ("password", PASSWORD)];
    for (from, status) in [(ORIGIN, 403), ("http://tea.example.test", 403), (origin, 303)] {
        let mut browser = browser_at(&test, origin);
        assert_eq!(
            post(&mut browser, "/login", &login, &[("origin", from)]).await,
            status,
            "{from}"
        );
    }
    let status = post(&mut test.browser(), "/s/harbor/login", &login, &[("origin", origin)]).await;
    assert_eq!(status, 403);
});
