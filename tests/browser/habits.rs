//! What people do besides: going back, clicking twice, opening two tabs.

use crate::browser::Browser;
use crate::demo::{Demo, PASSWORD};

const ADA: &str = "ada@example.test";
const EMILE: &str = "emile@example.test";
const NEW: &str = "a brand new teapot";

/// Tries to log in with a password, in a profile that nobody used.
async fn opens(demo: &Demo, email: &str, password: &str) -> bool {
    let browser = demo.browser().await;
    browser.expect("status of 401");
    browser.open("/s/harbor/login").await;
    browser.fill("#email", email).await;
    browser.fill("#password", password).await;
    browser.follow("#login .primary").await;
    let inside = browser.path().await == "/s/harbor/";
    browser.close().await;
    inside
}

#[tokio::test]
async fn going_back_after_the_reset_shows_the_page_for_dead_links() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.expect("status of 410");
    browser.open(&demo.link("harbor", ADA).await).await;
    browser.save_password(NEW).await;
    browser.at("/s/harbor/").await;
    browser.driver.back().await.unwrap();
    browser.reads("This link does not work any more").await;
    assert_eq!(browser.eval("document.querySelectorAll('[name=password]').length").await, 0);
    // Logged in all the same, and the way on is there.
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
    browser.find("form.forgot").await;
    browser.close().await;
}

#[tokio::test]
async fn a_double_click_on_save_is_one_success() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open(&demo.link("harbor", ADA).await).await;
    double_click_save(&browser).await;
    browser.at("/s/harbor/").await;
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(demo.mail(ADA).await.subject, "Your password was changed");
    let posts = browser.check().await;
    let posts = posts.iter().filter(|fetched| fetched.url.ends_with("/s/harbor/reset"));
    // The page, and the form once.
    assert_eq!(posts.count(), 2);
    assert!(opens(&demo, ADA, NEW).await);
    assert!(!opens(&demo, ADA, PASSWORD).await);
    browser.close().await;
}

async fn double_click_save(browser: &Browser) {
    browser.fill("#password", NEW).await;
    browser.fill("#password-repeat", NEW).await;
    let save = browser.find("main .primary").await;
    let twice = browser.driver.action_chain().double_click_element(&save);
    twice.perform().await.unwrap();
}

#[tokio::test]
async fn two_tabs_with_two_links_do_not_mix_them_up() {
    let demo = Demo::start().await;
    let (links, browser) =
        ([demo.link("harbor", ADA).await, demo.link("harbor", EMILE).await], demo.browser().await);
    browser.expect("status of 422");
    let first = browser.driver.window().await.unwrap();
    browser.open(&links[0]).await;
    let second = browser.driver.new_tab().await.unwrap();
    browser.driver.switch_to_window(second.clone()).await.unwrap();
    browser.open(&links[1]).await;
    browser.reads("e•••@e•••.test").await;

    browser.driver.switch_to_window(first).await.unwrap();
    browser.save_password("what ada has chosen").await;
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));

    // The second tab is told that Ada is logged in by now, and then goes its own way.
    browser.driver.switch_to_window(second).await.unwrap();
    browser.save_password("what emile has chosen").await;
    browser.reads("Someone else is logged in here").await;
    browser.click("[name=switch]").await;
    browser.save_password("what emile has chosen").await;
    assert_eq!(browser.who("harbor").await.as_deref(), Some(EMILE));
    assert!(opens(&demo, ADA, "what ada has chosen").await);
    assert!(opens(&demo, EMILE, "what emile has chosen").await);
    browser.close().await;
}
