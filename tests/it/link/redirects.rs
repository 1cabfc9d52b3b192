//! Every redirect stays inside its store, whatever page is asked to be led back to.

use doorkey::store::Access;

use super::{ADA, NEW, ORIGIN, Options, PASSWORD, TestApp, add_store, both, browser_at, unlimited};
use crate::support::app::{link_of, token_of};

/// Where browsers, servers and readers of URLs have disagreed. `{base}` is the store's path.
const PAYLOADS: &[&str] = &[
    "//evil.test",
    "///evil.test",
    "////evil.test",
    "//evil.test/{base}",
    "/\\evil.test",
    "\\/evil.test",
    "\\\\evil.test",
    "/\\/evil.test",
    "//\\evil.test",
    "http://evil.test",
    "https://evil.test/",
    "HTTP://EVIL.TEST",
    "http:evil.test",
    "http:/evil.test",
    "https:evil.test",
    "https:///evil.test",
    "http:\\\\evil.test",
    "//evil.test@127.0.0.1:8080/",
    "//127.0.0.1:8080@evil.test/",
    "http://127.0.0.1:8080@evil.test/",
    "http://127.0.0.1:8080.evil.test/",
    "http://127.0.0.1:8080{base}/account",
    "//127.0.0.1:8080{base}/account",
    "javascript:alert(1)",
    "JaVaScRiPt://evil.test/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "mailto:x@evil.test",
    " //evil.test",
    "\t//evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/\r/evil.test",
    "\u{b}//evil.test",
    "\u{a0}//evil.test",
    "/%09/evil.test",
    "/%0d%0aLocation:%20http://evil.test",
    "{base}/\r\nLocation: http://evil.test",
    "{base}/\r\nSet-Cookie: doorkey=x",
    "{base}/%0d%0aSet-Cookie:x=y",
    "/%2fevil.test",
    "/%2f%2fevil.test",
    "%2f%2fevil.test",
    "/%5cevil.test",
    "/%5c%5cevil.test",
    "/%252fevil.test",
    "{base}//evil.test",
    "{base}/\\evil.test",
    "{base}/%2f/evil.test",
    "{base}/..//evil.test",
    "{base}/../northwind/account",
    "{base}/../../oms",
    "{base}/./../x",
    "{base}/%2e%2e/northwind/",
    "{base}/.%2e/northwind/",
    "{base}/%2E%2E/%2E%2E/oms",
    "{base}/%252e%252e/northwind/",
    "{base}/..%2fnorthwind/",
    "{base}/..%5cnorthwind/",
    "{base}/..;/northwind/",
    "{base}.evil.test/",
    "{base}@evil.test/",
    "{base}:80@evil.test/",
    "{base}evil",
    "{base}-trade/account",
    "/s/northwind/account",
    "/oms",
    "/",
    "?return_to=//evil.test",
    "#//evil.test",
    ".",
    "..",
    "../../evil",
    "evil.test",
    "{base}/\u{2024}\u{2024}/x",
    "{base}/\u{ff0f}\u{ff0f}evil.test",
    "//evil\u{3002}test",
    "{base}/<script>",
    "{base}/\"onload=x",
    "{base}/{{7*7}}",
    "{base}/\0",
    "",
];

/// What may be led back to, and is, unchanged.
const PAGES: &[&str] = &[
    "{base}/",
    "{base}/cart",
    "{base}/checkout",
    "{base}/products/kettle-2?colour=red&size=1%2B2",
    "{base}/?next=//evil.test",
];

fn filled(payload: &str, base: &str) -> String {
    payload.replace("{base}", base)
}

/// A path inside the store, as a browser at the store reads it.
fn assert_inside(location: &str, origin: &str, base: &str, payload: &str) {
    assert!(location.starts_with('/') && !location.starts_with("//"), "{payload:?}: {location}");
    let here = url::Url::parse(&format!("{origin}{base}/login")).unwrap();
    let there = here.join(location).unwrap();
    assert_eq!(there.origin().ascii_serialization(), origin, "{payload:?}: {location}");
    assert_eq!((there.username(), there.password()), ("", None));
    let inside = there.path().strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
    assert!(inside, "{payload:?}: {location}");
    // Nor as one that decodes first, or twice.
    let once = percent_encoding::percent_decode_str(there.path()).decode_utf8_lossy().into_owned();
    let twice = percent_encoding::percent_decode_str(&once).decode_utf8_lossy().into_owned();
    for path in [once, twice] {
        let odd = ["//", "\\", "/.", "\r", "\n"].iter().any(|trick| path.contains(trick));
        assert!(!odd, "{payload:?}: {location}");
    }
}

#[test]
fn the_collection_is_large_and_has_no_doubles() {
    let all: std::collections::BTreeSet<_> = PAYLOADS.iter().collect();
    assert_eq!(all.len(), PAYLOADS.len());
    assert!(all.len() >= 60);
}

both!(login_leads_into_the_store, |db| async move {
    let test = TestApp::start(db).await;
    add_store(&test, "tea", "https://tea.example.test", Access::Public).await;
    add_store(&test, "cups", "https://brand.example.test/cups", Access::Public).await;
    for (origin, base) in [
        (ORIGIN, "/s/harbor"),
        ("https://tea.example.test", ""),
        ("https://brand.example.test", "/cups"),
    ] {
        let page = format!("{base}/login");
        for payload in PAYLOADS.iter().chain(PAGES) {
            let wanted = filled(payload, base);
            let mut browser =
                browser_at(&test, origin).with_header("referer", "http://evil.test/login");
            let fields = [("email", ADA), ("password", PASSWORD), ("return_to", &*wanted)];
            let done = browser.post(&page, &fields).await;
            assert_eq!(done.status, 303, "{wanted:?}");
            assert_inside(done.location(), origin, base, &wanted);
            if PAGES.contains(payload) {
                assert_eq!(done.location(), wanted);
            }
        }
    }
});

both!(a_recovery_leads_into_the_store, |db| async move {
    let test = TestApp::with(unlimited(Options::new(db))).await;
    for payload in PAYLOADS.iter().chain(PAGES) {
        let wanted = filled(payload, "/s/harbor");
        let more = [("return_to", &*wanted)];
        let mut browser = test.browser().with_header("referer", "http://evil.test/");
        assert_eq!(browser.forgot_with("harbor", ADA, &more).await.status, 202, "{wanted:?}");
        let link = crate::support::app::reset_link(&test.deliver().await[0]);
        let opened = browser.get(&link).await;
        assert_eq!(opened.location(), "/s/harbor/reset");
        let done = browser.set_password(&link, NEW).await;
        assert_eq!(done.status, 303, "{wanted:?}");
        assert_inside(done.location(), ORIGIN, "/s/harbor", &wanted);
        if PAGES.contains(payload) {
            assert_eq!(done.location(), wanted);
        }
        test.deliver().await;
        test.wait(2);
    }
});

both!(a_registration_leads_into_the_store, |db| async move {
    let test = TestApp::with(unlimited(Options::new(db))).await;
    for (i, payload) in PAYLOADS.iter().chain(PAGES).enumerate() {
        let wanted = filled(payload, "/s/harbor");
        let mut browser = test.browser().with_header("referer", "http://evil.test/");
        let email = format!("new{i}@example.test");
        let answer = browser.register("harbor", &email, &[("return_to", &wanted)]).await;
        assert_eq!(answer.status, 202, "{wanted:?}");
        let link = link_of(&test.deliver().await[0], "/register/confirm");
        assert!(link.starts_with(&format!("{ORIGIN}/s/harbor/register/confirm?token=")));
        let fields = [("token", &*token_of(&link))];
        let done = browser.post("/s/harbor/register/confirm", &fields).await;
        assert_eq!(done.status, 303, "{wanted:?}");
        assert_inside(done.location(), ORIGIN, "/s/harbor", &wanted);
        if PAGES.contains(payload) {
            assert_eq!(done.location(), wanted);
        }
    }
});

both!(the_gate_of_a_protected_store_leads_back_into_it, |db| async move {
    let test = TestApp::start(db).await;
    let base = "/s/harbor-trade";
    let mut queries = 0;
    for payload in PAYLOADS {
        let payload = filled(payload, base);
        let query: String = url::form_urlencoded::byte_serialize(payload.as_bytes()).collect();
        for asked in [format!("{base}/?next={query}"), format!("{base}/cart?return_to={query}")] {
            let gate = test.browser().get(&asked).await;
            assert_eq!(gate.status, 303, "{asked}");
            assert_inside(gate.location(), ORIGIN, base, &asked);
            let mut browser = test.browser();
            let page = browser.get(gate.location()).await;
            assert_eq!(page.status, 200);
            let back = if page.body.contains("name=\"return_to\"") {
                queries += 1;
                page.hidden("return_to")
            } else {
                String::new()
            };
            let fields = [("email", ADA), ("password", PASSWORD), ("return_to", &*back)];
            let done = browser.post(&format!("{base}/login"), &fields).await;
            assert_eq!(done.status, 303);
            assert_inside(done.location(), ORIGIN, base, &asked);
        }
    }
    assert!(queries > PAYLOADS.len(), "most do lead back");
    let gate = test.browser().get("/s/harbor-trade/cart?from=mail").await;
    let back = "/s/harbor-trade/login?return_to=%2Fs%2Fharbor%2Dtrade%2Fcart%3Ffrom%3Dmail";
    assert_eq!(gate.location(), back);
});

both!(pages_that_need_a_login_lead_to_the_stores_own, |db| async move {
    let test = TestApp::start(db).await;
    for page in ["account", "account/password", "account/email", "account/sessions", "checkout"] {
        let mut browser = test.browser().with_header("referer", "http://evil.test/");
        let url = format!("/s/harbor/{page}?return_to=//evil.test&next=//evil.test");
        let answer = browser.get(&url).await;
        assert_eq!(answer.status, 303, "{page}");
        assert_eq!(answer.location(), format!("/s/harbor/login?return_to=/s/harbor/{page}"));
    }
    let answer = test.browser().get("/s/harbor/.well-known/change-password?to=//evil.test").await;
    assert_eq!(answer.location(), "/s/harbor/account/password");
    let answer = test.browser().post("/s/harbor/logout?return_to=//evil.test", &[]).await;
    assert_eq!((answer.status, answer.location()), (303, "/s/harbor/login"));
});

both!(forms_repeat_only_pages_inside_the_store, |db| async move {
    let test = TestApp::start(db).await;
    for payload in PAYLOADS {
        let wanted = filled(payload, "/s/harbor");
        let query: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        for page in ["login", "forgot", "register"] {
            let answer = test.browser().get(&format!("/s/harbor/{page}?return_to={query}")).await;
            assert_eq!(answer.status, 200, "{page} {wanted:?}");
            assert!(!answer.body.contains("evil"), "{page} {wanted:?}: {}", answer.body);
            assert!(!answer.body.contains("name=\"return_to\""), "{page} {wanted:?}");
        }
    }
    let page = test.browser().get("/s/harbor/forgot?return_to=%2Fs%2Fharbor%2Fcart").await;
    assert_eq!(page.hidden("return_to"), "/s/harbor/cart");
});
