//! The headers of every answer, and where a page may load from.

use axum::http::Method;

use super::atlas::walk;
use super::html::elements;
use crate::support::app::PASSWORD;
use crate::support::{Answer, TestApp, both};

/// What is wrong with the headers of an answer that was made for this one request.
fn fault(answer: &Answer) -> Option<String> {
    let header = |name: &str| {
        let all: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert!(all.len() <= 1, "{name} twice");
        all.first().map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    for (name, wanted) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        if header(name) != wanted {
            return Some(format!("{name}: {}", header(name)));
        }
    }
    let policy = header("content-security-policy");
    let parts: Vec<&str> = policy.split(';').map(str::trim).collect();
    let strict = ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"];
    let lax = ["unsafe", "data:", "http:", "https:", "*", "blob:"];
    let ours = |part: &&str| strict.contains(part) || part.ends_with("-src 'self'");
    let fits = strict.iter().all(|part| parts.contains(part))
        && parts.contains(&"form-action 'self'")
        && parts.iter().all(|part| ours(part) || *part == "form-action 'self'")
        && !lax.iter().any(|word| policy.contains(word));
    (!fits).then(|| format!("content-security-policy: {policy}"))
}

both!(every_answer_is_uncached_unframed_and_strict, |db| async move {
    let atlas = walk(db, "en").await;
    for (name, answer) in &atlas {
        assert_eq!(fault(answer), None, "{name}");
    }
    let seen = |status| atlas.iter().any(|(_, answer)| answer.status == status);
    for status in [200, 202, 400, 401, 403, 404, 405, 410, 413, 422, 429] {
        assert!(seen(status), "{status} was among them");
    }
});

both!(answers_that_are_no_pages_are_no_exception, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    for url in [
        "/s/harbor/session",
        "/s/harbor/auth",
        "/s/harbor/captcha",
        "/s/harbor/captcha/picture/nonsense",
        "/s/harbor/captcha/sound/nonsense",
        "/s/harbor/account",
        "/s/harbor/.well-known/change-password",
        "/s/harbor/reset?token=nonsense",
        "/s/harbor/reset?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "/s/harbor/assets/nonsense.css",
        "/s/harbor/logo",
        "/s/harbor-trade/",
        "/s/nobody/login",
        "/nowhere",
        "/",
    ] {
        let answer = browser.get(url).await;
        assert_eq!(fault(&answer), None, "{url}: {}", answer.status);
        assert_ne!(answer.status, 500, "{url}");
    }
    let form = browser.get("/s/harbor/forgot").await.body;
    let id = form.split("/captcha/picture/").nth(1).unwrap().split('"').next().unwrap();
    for kind in ["picture", "sound"] {
        let answer = browser.get(&format!("/s/harbor/captcha/{kind}/{id}")).await;
        assert_eq!((answer.status, fault(&answer)), (200, None), "{kind}");
        assert!(answer.bytes.len() > 500, "{kind}");
    }
    let odd = [("host", "evil.test")];
    let answer = browser.request(Method::GET, "/s/harbor/login", None, &odd).await;
    assert_eq!((answer.status, fault(&answer)), (421, None));
    for method in [Method::OPTIONS, Method::TRACE, Method::PUT] {
        let answer = browser.request(method.clone(), "/s/harbor/login", None, &[]).await;
        assert_eq!((answer.status, fault(&answer)), (405, None), "{method}");
    }
    assert_eq!(browser.login("harbor", "ada@example.test", PASSWORD).await.status, 303);
    for url in ["/s/harbor/session", "/s/harbor/auth"] {
        let answer = browser.get(url).await;
        assert_eq!((answer.status, fault(&answer)), (200, None), "{url}");
    }
});

both!(assets_are_kept_for_good_and_carry_no_cookie, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    browser.login("harbor", "ada@example.test", PASSWORD).await;
    let page = browser.get("/s/harbor/login").await;
    let mut seen = 0;
    for element in elements(&page.body) {
        let Some(url) = element.attribute("src").or(element.attribute("href")) else { continue };
        if !["script", "link"].contains(&&*element.name) {
            continue;
        }
        let asset = browser.get(url).await;
        assert_eq!((asset.status, asset.set_cookies().len()), (200, 0), "{url}");
        let kept = "public, max-age=31536000, immutable";
        assert_eq!(asset.headers["cache-control"], kept, "{url}");
        assert!(
            asset.headers["content-security-policy"].as_bytes().starts_with(b"default-src 'none'")
        );
        // Under another version it may be something else soon.
        let (path, _) = url.split_once('?').unwrap();
        if path.contains("/assets/") {
            let other = browser.get(&format!("{path}?v=other")).await;
            assert_eq!(other.headers["cache-control"], "public, max-age=300", "{url}");
        }
        seen += 1;
    }
    assert!(seen >= 4, "{seen} assets");
});

both!(no_page_names_a_foreign_origin_or_runs_anything_inline, |db| async move {
    let mut attributes = 0;
    for (name, answer) in walk(db, "fr").await {
        for element in elements(&answer.body) {
            assert!(
                !["iframe", "object", "embed", "base", "style"].contains(&&*element.name),
                "{name}"
            );
            if element.name == "script" {
                assert_eq!(element.text.trim(), "", "{name}: nothing inline");
                assert!(element.attribute("src").is_some(), "{name}");
            }
            for (attribute, value) in &element.attributes {
                attributes += 1;
                let what = format!("{name}: {attribute}={value}");
                assert!(!attribute.starts_with("on") && attribute != "style", "{what}");
                assert!(!value.contains("//") && !value.contains("javascript:"), "{what}");
                assert_ne!(attribute, "http-equiv", "{what}");
                if ["href", "src", "action", "formaction", "data-check"].contains(&&**attribute) {
                    let inside = value.starts_with("/s/harbor/") || value.starts_with('#');
                    assert!(inside, "{what}");
                }
            }
        }
    }
    assert!(attributes > 1000, "{attributes} attributes");
});
