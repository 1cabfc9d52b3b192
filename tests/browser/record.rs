//! The record while a reminder is on its way and not everything goes well.

use doorkey::args;
use doorkey::db::Db;
use serde_json::json;
use tokio::net::TcpListener;

use crate::browser::Browser;
use crate::demo::Demo;
use crate::desk::{find_ada, sit_down};

const ADA: &str = "ada@example.test";

/// How many entries of Ada's timeline say this.
async fn entries(browser: &Browser, text: &str) -> u64 {
    let count = format!(
        "[...document.querySelectorAll('ol.timeline > li')]\
         .filter((li) => li.innerText.includes({})).length",
        json!(text)
    );
    browser.eval(&count).await.as_u64().unwrap()
}

async fn until_taken(browser: &Browser) {
    browser
        .until("document.querySelector('.timeline')?.innerText.includes('took the reminder')")
        .await;
}

#[tokio::test]
async fn a_reload_during_a_send_sends_nothing_again() {
    let demo = Demo::start().await;
    let desk = demo.browser().await;
    sit_down(&desk, "agent@harbor.test").await;
    find_ada(&desk).await;
    desk.follow("button.envelope").await;
    for _ in 0..3 {
        desk.driver.refresh().await.unwrap();
        desk.find("#sent").await;
        desk.reads("a•••@e•••.test").await;
    }
    until_taken(&desk).await;
    desk.driver.refresh().await.unwrap();
    until_taken(&desk).await;
    assert_eq!(entries(&desk, "took the reminder").await, 1);
    let list = demo.get(&format!("/mailbox/messages.json?to={ADA}")).await;
    let list: Vec<serde_json::Value> = serde_json::from_slice(&list.body).unwrap();
    assert_eq!(list.len(), 1, "one click, one mail");
    desk.close().await;
}

#[tokio::test]
async fn the_timeline_asks_where_it_cannot_be_told() {
    let demo = Demo::start().await;
    let desk = demo.browser().await;
    // As a proxy in between does that cuts what does not end.
    desk.expect("/timeline/live");
    desk.cdp("Network.enable", json!({})).await;
    desk.cdp("Network.setBlockedURLs", json!({ "urls": ["*/timeline/live*"] })).await;
    sit_down(&desk, "agent@harbor.test").await;
    find_ada(&desk).await;
    desk.reads("Looks for news every few seconds").await;
    desk.eval("window.still_here = true").await;
    // The customer does something meanwhile, and it comes up without a reload.
    let link = demo.link("harbor", ADA).await;
    desk.until("document.querySelector('.timeline')?.innerText.includes('recovery link')").await;
    let customer = demo.browser().await;
    customer.open(&link).await;
    customer.save_password("a brand new teapot").await;
    desk.until("document.querySelector('.timeline')?.innerText.includes('new password')").await;
    assert_eq!(desk.eval("window.still_here").await, true);
    customer.close().await;
    desk.close().await;
}

#[tokio::test]
async fn the_record_says_when_the_mail_worker_does_not_move() {
    // A mail server that takes the call and then says nothing: the worker waits for it.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    let demo = Demo::run(&["--smtp", &url], &[]).await;
    let desk = demo.browser().await;
    sit_down(&desk, "agent@harbor.test").await;
    find_ada(&desk).await;
    desk.follow("button.envelope").await;
    let banner = "!!document.querySelector('main > .alert.warn')";
    assert_eq!(desk.eval(banner).await, false, "nothing is late yet");
    // What a minute does, without waiting for it.
    let db = Db::connect(&demo.database()).await.unwrap();
    let late = "UPDATE outbox SET due_at = due_at - $1 WHERE settled_at IS NULL";
    assert_eq!(db.exec(late, args![90_000_000i64]).await.unwrap(), 1);
    desk.until("document.querySelector('main > .alert.warn') || (location.reload(), false)").await;
    let says = desk.text("main > .alert.warn").await;
    assert!(says.contains("Mail is late") && says.contains("no mail is lost"), "{says}");
    assert!(desk.path().await.contains("/oms/customers/"), "on the record itself");
    db.close().await;
    desk.close().await;
}

#[tokio::test]
async fn a_double_click_on_the_envelope_is_one_reminder() {
    let demo = Demo::start().await;
    let desk = demo.browser().await;
    sit_down(&desk, "agent@harbor.test").await;
    find_ada(&desk).await;
    let envelope = desk.find("button.envelope").await;
    let twice = desk.driver.action_chain().double_click_element(&envelope);
    twice.perform().await.unwrap();
    desk.find("#sent").await;
    until_taken(&desk).await;
    assert_eq!(entries(&desk, "took the reminder").await, 1);
    desk.close().await;
}

#[tokio::test]
async fn two_agents_at_one_record_see_the_same() {
    let demo = Demo::start().await;
    let (one, other) = (demo.browser().await, demo.browser().await);
    for (desk, email) in [(&one, "agent@harbor.test"), (&other, "admin@harbor.test")] {
        sit_down(desk, email).await;
        if email.starts_with("admin") {
            crate::tour_desk::enrol(desk).await;
            desk.open("/oms/customers").await;
        }
        find_ada(desk).await;
    }
    one.follow("button.envelope").await;
    // It comes up at the other desk, and a click there asks first.
    until_taken(&other).await;
    other.follow("button.envelope").await;
    other.reads("Send another reminder?").await;
    let list = demo.get(&format!("/mailbox/messages.json?to={ADA}")).await;
    let list: Vec<serde_json::Value> = serde_json::from_slice(&list.body).unwrap();
    assert_eq!(list.len(), 1);
    one.close().await;
    other.close().await;
}
