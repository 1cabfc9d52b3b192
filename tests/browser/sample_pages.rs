//! The demo's own pages: its front door, the sample shop, the mailbox.

use crate::demo::{Demo, PASSWORD};

const ADA: &str = "ada@example.test";

#[tokio::test]
async fn the_front_door_leads_to_every_store_and_to_the_mailbox() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/").await;
    browser.reads(PASSWORD).await;
    for (link, title) in [
        ("Harbor Coffee", "Welcome · Harbor Coffee"),
        ("Harbor Trade", "Log in · Harbor Trade"),
        ("Northwind Tea", "Welcome · Northwind Tea"),
        ("Mailbox", "Mailbox"),
    ] {
        browser.open("/").await;
        let at = format!("[...document.links].findIndex(a => a.textContent === '{link}')");
        let at = browser.eval(&at).await.as_u64().unwrap();
        browser.eval(&format!("document.links[{at}].id = 'wanted'")).await;
        browser.follow("#wanted").await;
        assert_eq!(browser.eval("document.title").await, title);
    }
    browser.close().await;
}

#[tokio::test]
async fn the_shop_sells() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.log_in("harbor", ADA).await;
    browser.follow(".shelf li:nth-child(2) button").await;
    browser.fill(".change [type=number]", "3").await;
    browser.follow(".change button").await;
    assert_eq!(browser.text(".total b").await, "€38.70");
    browser.follow(".total .button").await;
    browser.follow(".total button").await;
    browser.reads("Thank you, Ada").await;
    assert_eq!(browser.text(".basket b").await, "0");
    browser.close().await;
}

#[tokio::test]
async fn the_mailbox_shows_searches_and_opens_mail() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/mailbox").await;
    browser.reads("No mail yet").await;
    demo.link("harbor", ADA).await;
    demo.link("harbor", "emile@example.test").await;
    browser.open("/mailbox").await;
    browser.reads("2 messages").await;
    assert!(browser.text(".list li:first-child").await.contains("emile@example.test"));
    browser.fill("#q", "ada@").await;
    browser.follow("form button").await;
    browser.reads("1 message for “ada@”").await;
    browser.follow(".list a").await;
    assert_eq!(browser.text("h1").await, "Choose a new password");

    // The HTML part is shown, and its link opens in a tab of its own.
    let frame = browser.find("iframe").await;
    frame.enter_frame().await.unwrap();
    assert!(browser.text("body").await.contains("Choose a new password"));
    browser.click("a[href*='/reset?token=']").await;
    browser.driver.enter_default_frame().await.unwrap();
    let tabs = browser.driver.windows().await.unwrap();
    assert_eq!(tabs.len(), 2);
    browser.driver.switch_to_window(tabs[1].clone()).await.unwrap();
    browser.at("/s/harbor/reset").await;
    browser.reads("Save and log in").await;
    browser.close().await;
}
