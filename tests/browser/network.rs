//! What pages ask of the network: little, and only of their own origin.

use serde_json::json;

use crate::browser::Browser;
use crate::demo::Demo;

/// A page with all that it needs at the first visit, on the wire.
const MOST_BYTES: u64 = 60_000;

/// Bytes of the page and everything that it loads, with nothing in the cache.
async fn weight(browser: &Browser, page: &str) -> u64 {
    browser.cdp("Network.clearBrowserCache", json!({})).await;
    browser.open(page).await;
    let sum = "['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))\
               .reduce((sum, entry) => sum + entry.transferSize, 0)";
    browser.eval(sum).await.as_u64().unwrap()
}

#[tokio::test]
async fn every_page_is_light_at_the_first_visit() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.expect("status of 404");
    browser.expect("status of 410");
    let link = demo.link("harbor", "emile@example.test").await;
    let message = demo.get("/mailbox/messages.json").await.body;
    let message: serde_json::Value = serde_json::from_slice(&message).unwrap();
    let message = format!("/mailbox/messages/{}", message[0]["id"].as_str().unwrap());
    let out =
        ["/s/harbor/login", "/s/harbor/forgot", "/s/harbor/register", "/s/harbor/reset?token=x"];
    let sample = ["/", "/s/harbor/", "/s/northwind/", "/mailbox", &message, "/s/harbor/cart"];
    for page in out.iter().chain(&sample).copied().chain([link.as_str(), "/s/harbor/nothing"]) {
        is_light(&browser, page).await;
    }
    browser.log_in("harbor", "ada@example.test").await;
    for page in ["", "/password", "/email", "/sessions"] {
        is_light(&browser, &format!("/s/harbor/account{page}")).await;
    }
    is_light(&browser, "/s/harbor/checkout").await;
    browser.close().await;
}

async fn is_light(browser: &Browser, page: &str) {
    let bytes = weight(browser, page).await;
    assert!((2_000..MOST_BYTES).contains(&bytes), "{page} weighs {bytes} bytes");
}

#[tokio::test]
async fn a_second_visit_fetches_the_page_alone() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/s/harbor/login").await;
    assert!(browser.check().await.len() > 4);
    browser.open("/s/harbor/login").await;
    let fetched = "performance.getEntriesByType('resource').filter(e => e.transferSize > 0).length";
    assert_eq!(browser.eval(fetched).await, 0);
    browser.close().await;
}

#[tokio::test]
async fn the_tests_do_notice_foreign_requests_and_violations() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/s/harbor/login").await;
    browser
        .eval("document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/' }))")
        .await;
    let told = || async { serde_json::to_string(&browser.log("browser").await).unwrap() };
    assert!(told().await.contains("Content Security Policy"));
    browser.open("about:blank").await;
    let fetch = "fetch('http://127.0.0.1:9/').catch(() => 0).then(arguments[0])";
    browser.driver.execute_async(fetch, vec![]).await.unwrap();
    let fetched = browser.fetched().await;
    assert!(fetched.iter().any(|fetched| fetched.url == "http://127.0.0.1:9/"), "{fetched:?}");
    assert!(told().await.contains("127.0.0.1:9"));
    browser.close().await;
}
