//! The guided tutorials, walked in Chromium by the steps that the popovers show: a tutorial whose
//! screens have changed fails here.

use doorkey::tutorial::{ALL, Tutorial};
use serde_json::Value;

use crate::browser::{Browser, TABLET};
use crate::demo::Demo;
use crate::desk::sit_down;
use crate::tour_desk::enrol;

/// The steps as the page gets them, with the practice customer's id filled in.
async fn steps(browser: &Browser) -> Vec<Value> {
    let script = "const done = arguments[0];\
                  fetch('/oms/tutorials/current').then(r => r.json()).then(a => done(a.tour.steps))";
    let told = browser.driver.execute_async(script, vec![]).await.unwrap();
    told.json().as_array().unwrap().clone()
}

async fn walk(browser: &Browser, tutorial: &Tutorial) {
    browser.open("/oms/tutorials").await;
    browser.follow(&format!("form[data-tour={}] button", tutorial.key)).await;
    browser.find(".tour").await;
    let steps = steps(browser).await;
    assert_eq!(steps.len(), tutorial.steps.len());
    for (at, step) in steps.iter().enumerate() {
        let count = Value::from(format!("Step {} of {}", at + 1, steps.len()));
        let reads = |css: &str, text: &Value| {
            format!("document.querySelector('.tour {css}')?.textContent === {text}")
        };
        browser.until(&reads(".step", &count)).await;
        browser.until(&reads("h2", &step["title"])).await;
        browser.until("document.querySelector('.tour-ring')").await;
        act(browser, step).await;
    }
    browser.at("/oms/tutorials").await;
    browser.until("document.querySelector('.lessons')").await;
    let done = format!("document.querySelector('#lesson-{} .badge.good')", tutorial.key);
    browser.until(&done).await;
}

async fn act(browser: &Browser, step: &Value) {
    let shown =
        format!("[...document.querySelectorAll({})].find((e) => e.checkVisibility())", step["on"]);
    match step["act"].as_str().unwrap() {
        "look" => browser.eval("document.querySelector('.tour .primary').click()").await,
        "click" => browser.eval(&format!("{shown}.click()")).await,
        _ => {
            browser.fill(step["on"].as_str().unwrap(), step["value"].as_str().unwrap()).await;
            let next = "[...document.querySelectorAll('.tour button')].find((b) => b.textContent === 'Next')";
            browser.eval(&format!("{next}.click()")).await
        }
    };
}

#[tokio::test]
async fn every_tutorial_leads_from_its_first_step_to_its_last() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    sit_down(&browser, "admin@harbor.test").await;
    enrol(&browser).await;
    for tutorial in ALL {
        walk(&browser, tutorial).await;
    }
    let all = demo.get("/mailbox/messages.json").await;
    let all: Vec<Value> = serde_json::from_slice(&all.body).unwrap();
    // But for the word that a second factor was set up, nothing was really sent.
    let is_the_word = |mail: &Value| {
        mail["to"] == "admin@harbor.test" && mail["subject"] == "A second factor was set up"
    };
    assert!(all.iter().all(is_the_word), "{all:?}");
    assert!(all.len() <= 1, "{all:?}");
    browser.close().await;
}

#[tokio::test]
async fn a_tutorial_is_walked_on_a_tablet_and_left_by_escape() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.size(TABLET).await;
    sit_down(&browser, "agent@harbor.test").await;
    let reminder = ALL.iter().find(|tutorial| tutorial.key == "reminder").unwrap();
    walk(&browser, reminder).await;
    browser.follow("form[data-tour=reminder] button").await;
    browser.find(".tour").await;
    browser.press(thirtyfour::Key::Escape).await;
    browser.until("!document.querySelector('.tour')").await;
    browser.open("/oms/customers").await;
    assert_eq!(browser.eval("!!document.querySelector('.tour')").await, false);
    browser.close().await;
}
