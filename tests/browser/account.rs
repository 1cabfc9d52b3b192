//! A new customer, and the pages of the account.

use crate::browser::Browser;
use crate::demo::{Demo, PASSWORD};

const NINA: &str = "nina@example.test";
const FIRST: &str = "a lamp above the pier";
const SECOND: &str = "two gulls on the mole";

#[tokio::test]
async fn a_new_customer_registers_confirms_and_is_logged_in() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/s/harbor/login?return_to=/s/harbor/checkout").await;
    browser.follow(".aside a").await;
    assert_eq!(browser.text("h1").await, "Create an account");
    browser.fill("#first-name", "Nina").await;
    browser.fill("#last-name", "Holm").await;
    browser.fill("#email", NINA).await;
    browser.fill("#password", FIRST).await;
    browser.click("main .captcha-box").await;
    browser.reads("Checked. Thank you.").await;
    browser.follow("main .primary").await;
    assert_eq!(browser.text("h1").await, "Check your inbox");
    assert_eq!(browser.who("harbor").await, None);

    let mail = demo.mail(NINA).await;
    assert_eq!(mail.subject, "Confirm your email address");
    browser.open(mail.link("/register/confirm?token=")).await;
    assert_eq!(browser.who("harbor").await, None);
    browser.follow("main .primary").await;
    browser.at("/s/harbor/checkout").await;
    browser.reads("You are checking out as Nina Holm").await;
    browser.close().await;
}

#[tokio::test]
async fn the_password_is_changed_with_the_current_one_and_others_are_logged_out() {
    let demo = Demo::start().await;
    let (browser, other) = (demo.browser().await, demo.browser().await);
    let ada = "ada@example.test";
    other.log_in("harbor", ada).await;
    browser.log_in("harbor", ada).await;
    open_from_account(&browser, "/account/password").await;

    browser.expect("status of 422");
    change_password(&browser, "not this one").await;
    assert_eq!(browser.text("#form-error").await, "The current password is not right.");
    assert_eq!(other.who("harbor").await.as_deref(), Some(ada));
    change_password(&browser, PASSWORD).await;
    browser.reads("Your new password is saved.").await;
    assert_eq!(demo.mail(ada).await.subject, "Your password was changed");
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ada));
    assert_eq!(other.who("harbor").await, None);
    other.close().await;
    browser.close().await;
}

async fn open_from_account(browser: &Browser, page: &str) {
    browser.open("/s/harbor/account").await;
    browser.follow(&format!("a[href$='{page}']")).await;
}

async fn change_password(browser: &Browser, current: &str) {
    browser.fill("#current-password", current).await;
    browser.save_password(SECOND).await;
}

#[tokio::test]
async fn the_address_is_changed_once_the_new_one_is_confirmed() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    let (old, new) = ("ada@example.test", "ada.marsh@example.test");
    browser.log_in("harbor", old).await;
    open_from_account(&browser, "/account/email").await;
    browser.fill("#email", new).await;
    browser.fill("#current-password", PASSWORD).await;
    browser.follow("main .primary").await;
    browser.reads("We sent a link to the new address.").await;
    assert_eq!(demo.mail(old).await.subject, "Your email address is about to change");
    browser.open("/s/harbor/account").await;
    browser.reads(&format!("Waiting for you to confirm {new}")).await;
    assert_eq!(browser.who("harbor").await.as_deref(), Some(old));

    browser.open(demo.mail(new).await.link("/account/email/confirm?token=")).await;
    assert_eq!(browser.who("harbor").await.as_deref(), Some(old));
    browser.follow("main .primary").await;
    browser.reads("Your new address is confirmed").await;
    assert_eq!(browser.who("harbor").await.as_deref(), Some(new));
    browser.close().await;
}

#[tokio::test]
async fn another_session_is_seen_and_ended() {
    let demo = Demo::start().await;
    let (browser, other) = (demo.browser().await, demo.browser().await);
    let ada = "ada@example.test";
    other.log_in("harbor", ada).await;
    browser.log_in("harbor", ada).await;
    open_from_account(&browser, "/account/sessions").await;
    assert_eq!(browser.eval("document.querySelectorAll('.sessions li').length").await, 2);
    browser.reads("This device").await;
    browser.follow(".sessions button").await;
    browser.reads("You are not logged in anywhere else.").await;
    assert_eq!(other.who("harbor").await, None);
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ada));
    browser.open("/s/harbor/account").await;
    browser.follow("main button").await;
    browser.at("/s/harbor/login").await;
    assert_eq!(browser.who("harbor").await, None);
    other.close().await;
    browser.close().await;
}
