//! A store's pages to look at in the back office: all of them, in each language, and none that acts.

use std::collections::BTreeSet;

use crate::pages::html::elements;
use crate::support::desk::{Seat, VIEWER};
use crate::support::{Answer, TestApp, both};

/// The pages that the list leads to: what is behind `page=`.
fn listed(viewer: &Answer) -> Vec<String> {
    let links = viewer.body.split("/pages?page=").skip(1);
    let mut found = Vec::new();
    for link in links {
        let page = link.split("&#38;").next().unwrap().to_owned();
        if !found.contains(&page) {
            found.push(page);
        }
    }
    found
}

async fn base(test: &TestApp, seat: &mut Seat) -> (String, Vec<String>) {
    let base = format!("/oms/stores/{}/pages", test.store("harbor").id);
    let viewer = seat.get(&base).await;
    assert_eq!(viewer.status, 200, "{}", viewer.body);
    let pages = listed(&viewer);
    (base, pages)
}

both!(every_page_is_shown_in_every_language_and_none_acts, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(VIEWER).await;
    let (base, pages) = base(&test, &mut seat).await;
    for wanted in ["login/popup", "forgot/answer", "reset", "reset/dead", "register", "account"] {
        assert!(pages.iter().any(|page| page == wanted), "{wanted} in {pages:?}");
    }
    let tables = ["token", "session", "recovery", "outbox", "activity"];
    let counts = || async {
        let mut all = Vec::new();
        for table in tables {
            let sql = format!("SELECT COUNT(*) AS n FROM {table}");
            let sql: &'static str = Box::leak(sql.into_boxed_str());
            all.push(test.count(sql).await);
        }
        all
    };
    let before = counts().await;
    let mut titles = BTreeSet::new();
    for page in &pages {
        for lang in ["en", "de", "es", "fr"] {
            let viewer = seat.get(&format!("{base}?page={page}&lang={lang}&size=phone")).await;
            let source = format!("src=\"{base}/{lang}/{page}\"");
            assert!(viewer.body.contains(&source), "{page}: {}", viewer.body);
            assert!(viewer.body.contains("sandbox=\"allow-same-origin\""), "{page}");
            let shown = seat.get(&format!("{base}/{lang}/{page}")).await;
            assert_eq!(shown.status, 200, "{page} {lang}");
            is_still(&shown, &base, lang);
            titles.insert(
                shown.body.split("<h1").nth(1).unwrap().split("</h1>").next().unwrap().to_owned(),
            );
        }
    }
    assert!(titles.len() > 55, "each page speaks each language: {}", titles.len());
    assert_eq!(counts().await, before, "looking changes nothing");

    // The links among them lead somewhere.
    let login = seat.get(&format!("{base}/en/login")).await;
    for element in elements(&login.body) {
        for (name, value) in &element.attributes {
            if name == "href" && value.starts_with(&base) {
                assert_eq!(seat.get(value).await.status, 200, "{value}");
            }
        }
    }
});

/// What is true of a page in its frame: nothing in it runs, loads from elsewhere, or can be sent.
fn is_still(shown: &Answer, base: &str, lang: &str) {
    let csp = shown.headers["content-security-policy"].to_str().unwrap();
    for part in ["sandbox allow-same-origin;", "default-src 'none'", "form-action 'none'"] {
        assert!(csp.contains(part), "{csp}");
    }
    assert!(csp.contains("frame-ancestors 'self'") && !csp.contains("script-src"), "{csp}");
    assert_eq!(shown.headers["x-frame-options"], "SAMEORIGIN");
    assert_eq!(shown.set_cookies(), Vec::<String>::new());
    assert!(shown.body.contains(&format!("<html lang=\"{lang}\"")));
    assert!(!shown.body.contains("<script"), "{}", shown.body);
    for element in elements(&shown.body) {
        for (name, value) in &element.attributes {
            let leads = ["href", "src", "action"].contains(&&**name);
            let fits = value.starts_with(&format!("{base}/{lang}/"))
                || value.starts_with("/assets/")
                || value.starts_with("/oms/stores/") && value.contains("/logo?v=")
                || value.starts_with('#');
            assert!(!leads || fits, "{name}={value}");
            let secret = ["token", "form_secret"].contains(&value.as_str());
            assert!(!(name == "name" && secret) || element_value(&element.attributes).is_empty());
        }
    }
}

fn element_value(attributes: &[(String, String)]) -> &str {
    attributes.iter().find(|(name, _)| name == "value").map_or("", |(_, value)| value)
}

both!(only_the_own_stores_pages_in_its_languages_are_shown, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(VIEWER).await;
    let (base, _) = base(&test, &mut seat).await;
    let foreign = format!("/oms/stores/{}/pages", test.store("northwind").id);
    for path in [
        format!("{foreign}/en/login"),
        foreign,
        format!("{base}/en/nothing"),
        format!("{base}/xx/login"),
        format!("{base}/en"),
        format!("{base}?page=nothing"),
        format!("{base}?lang=xx"),
    ] {
        assert_eq!(seat.get(&path).await.status, 404, "{path}");
    }
    let colours = seat.get(&format!("{base}/en/look.css?v=x")).await;
    assert_eq!(colours.status, 200);
    assert_eq!(colours.headers["content-type"], "text/css; charset=utf-8");
    assert_eq!(colours.body, doorkey::color::stylesheet(&test.store("harbor").accent));
    let stranger = test.browser().get(&format!("{base}/en/login")).await;
    assert_eq!(stranger.status, 303, "staff alone");
});

both!(what_the_store_has_changed_is_shown, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(VIEWER).await;
    let (base, _) = base(&test, &mut seat).await;
    let sql = "UPDATE store SET prompt = 'Lost at sea?', password_min = 14, link_ttl = 600
               WHERE key = 'harbor'";
    test.exec(sql).await;
    for (page, says) in
        [("login", "Lost at sea?"), ("reset", "14"), ("forgot/answer", "10 minutes")]
    {
        let shown = seat.get(&format!("{base}/en/{page}")).await;
        assert!(shown.body.contains(says), "{page}: {}", shown.body);
    }
});
