//! Every page in every state, looked at by axe-core: light and dark, desktop and phone.
//!
//! With `PICTURES_FOLDER=folder` each of them is kept as a picture, to be looked at by people.

use std::path::PathBuf;

use serde_json::Value;

use crate::browser::{Browser, DESKTOP, PHONE};
use crate::demo::Demo;
use crate::tour;
use crate::tour_desk;

const AXE: &str = include_str!("vendor/axe.min.js");

const RUN: &str = r#"
const done = arguments[0];
const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
// Landmarks and the like are for sites; a mail stands alone.
if (location.href !== 'about:blank') values.push('best-practice');
const options = { runOnly: { type: 'tag', values }, resultTypes: ['violations'], iframes: false };
const still = Promise.allSettled(document.getAnimations().map((moving) => moving.finished));
still.then(() => axe.run(document, options)).then(
    (found) => done(found.violations.map((v) => [v.id, v.nodes.map((n) => [n.html, n.failureSummary])])),
    (error) => done(String(error)),
);
"#;

/// At a stop of the tour.
async fn look(browser: &Browser, stop: &'static str) {
    if browser.eval("!window.axe").await == Value::Bool(true) {
        browser.driver.execute(AXE, vec![]).await.unwrap();
    }
    let mut all = Vec::new();
    for (size, window) in [(PHONE, "phone"), (DESKTOP, "desktop")] {
        browser.size(size).await;
        for (dark, scheme) in [(true, "dark"), (false, "light")] {
            browser.dark(dark).await;
            let found = browser.driver.execute_async(RUN, vec![]).await.unwrap();
            if found.json() != &Value::Array(Vec::new()) {
                all.push(format!("{window}, {scheme}: {:#}", found.json()));
            }
            // Not `innerWidth`: a phone makes that as wide as the page wants it.
            let wide = format!(
                "document.documentElement.scrollWidth <= {0} ? [] : [...document.body.querySelectorAll('*')]\
                 .filter((e) => e.getBoundingClientRect().right > {0} && !e.closest('.scroll > *'))\
                 .map((e) => e.outerHTML.slice(0, 120))",
                size.0
            );
            let wide = browser.eval(&wide).await;
            assert_eq!(wide, Value::Array(vec![]), "{stop} scrolls sideways on a {window}");
            if let Some(folder) = std::env::var_os("PICTURES_FOLDER") {
                let file = PathBuf::from(folder).join(format!("{stop}-{window}-{scheme}.png"));
                browser.picture(&file).await;
            }
        }
    }
    assert!(all.is_empty(), "{stop}: {}", all.join("\n"));
}

#[tokio::test]
async fn axe_finds_nothing_while_asking_for_a_link() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    tour::asking(&browser, look).await;
    browser.close().await;
}

#[tokio::test]
async fn axe_finds_nothing_on_what_links_open() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    tour::links(&demo, &browser, look).await;
    browser.close().await;
}

#[tokio::test]
async fn axe_finds_nothing_in_the_account() {
    let demo = Demo::start_with(&[("DOORKEY_LIMITS__MAIL_INTERVAL", "1")]).await;
    let browser = demo.browser().await;
    tour::account(&demo, &browser, look).await;
    browser.close().await;
}

#[tokio::test]
async fn axe_finds_nothing_on_the_sample_pages() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    tour::samples(&demo, &browser, look).await;
    browser.close().await;
}

#[tokio::test]
async fn axe_finds_nothing_at_the_door_of_the_back_office() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    tour_desk::door(&demo, &browser, look).await;
    browser.close().await;
}

#[tokio::test]
async fn axe_finds_nothing_during_a_call() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    tour_desk::call(&demo, &browser, look).await;
    browser.close().await;
}

#[tokio::test]
async fn axe_finds_nothing_on_the_other_pages_of_the_back_office() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    tour_desk::rest(&demo, &browser, look).await;
    browser.close().await;
}

#[tokio::test]
async fn axe_does_find_what_is_wrong() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/s/harbor/login").await;
    browser.eval("document.querySelector('label').remove()").await;
    browser.driver.execute(AXE, vec![]).await.unwrap();
    let found = browser.driver.execute_async(RUN, vec![]).await.unwrap();
    assert_eq!(found.json()[0][0], "label");
    browser.close().await;
}
