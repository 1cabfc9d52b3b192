//! The main story: a customer who forgot the password gets back in alone.

use thirtyfour::Key;

use crate::browser::Browser;
use crate::demo::Demo;

const ADA: &str = "ada@example.test";
const NEW: &str = "a brand new teapot";

/// Puts one thing into the cart and goes to the check-out, which wants a login.
async fn shop_until_login(browser: &Browser) {
    browser.open("/s/harbor/").await;
    browser.follow(".shelf li:first-child button").await;
    browser.follow(".total .button").await;
    assert!(browser.path().await.starts_with("/s/harbor/login?return_to="));
}

#[tokio::test]
async fn a_forgotten_password_ends_at_the_checkout_with_the_cart() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    shop_until_login(&browser).await;
    a_wrong_password_is_told_in_one_sentence(&browser).await;
    the_popup_opens_and_closes(&browser).await;
    the_answer_comes_in_the_popup(&browser).await;

    let mail = demo.mail(ADA).await;
    assert_eq!(mail.subject, "Choose a new password");
    let link = mail.link("/reset?token=");
    assert!(link.starts_with(&format!("{}/s/harbor/reset?token=", demo.origin)), "{link}");
    browser.open(link).await;
    assert_eq!(browser.path().await, "/s/harbor/reset");
    assert_eq!(browser.text("h1").await, "Choose a new password");
    assert!(browser.text(".lead").await.contains("Harbor Coffee"));
    the_new_password_is_chosen_with_help(&browser).await;

    browser.follow("main .primary").await;
    browser.at("/s/harbor/checkout").await;
    browser.reads("You are checking out as Ada Marsh").await;
    browser.reads("Lighthouse Blend").await;
    assert_eq!(browser.text(".hello").await, "Hello Ada");
    let notice = demo.mail(ADA).await;
    assert_eq!(notice.subject, "Your password was changed");
    browser.close().await;
}

async fn a_wrong_password_is_told_in_one_sentence(browser: &Browser) {
    browser.expect("status of 401");
    browser.fill("#email", ADA).await;
    browser.fill("#password", "not this one").await;
    browser.follow("#login .primary").await;
    let failed = "That email and password do not go together. Check both, or use the link below \
                  if you forgot the password.";
    assert_eq!(browser.text("[role=alert]").await, failed);
    assert_eq!(browser.value("#email").await, ADA);
    assert_eq!(browser.value("#password").await, "");
}

async fn the_popup_opens_and_closes(browser: &Browser) {
    let shown = "document.querySelector('dialog').open";
    assert_eq!(browser.eval(shown).await, false);
    assert_eq!(browser.text("#forgot-prompt").await, "Forgot your password?");
    browser.click("#forgot-prompt").await;
    assert_eq!(browser.eval(shown).await, true);
    assert_eq!(browser.focus().await, "forgot-email");
    assert_eq!(browser.value("#forgot-email").await, ADA);
    browser.press(Key::Escape).await;
    browser.until("!document.querySelector('dialog').open").await;
    assert_eq!(browser.focus().await, "forgot-prompt");
    browser.click("#forgot-prompt").await;
    assert_eq!(browser.eval(shown).await, true);
    assert_eq!(browser.path().await, "/s/harbor/login");
}

async fn the_answer_comes_in_the_popup(browser: &Browser) {
    let watch = "new MutationObserver(() => window.progress ||= !bar.hidden)\
                 .observe(window.bar = document.querySelector('dialog progress'), \
                 { attributes: true })";
    browser.eval(watch).await;
    browser.click("dialog .captcha-box").await;
    browser.reads("Checked. Thank you.").await;
    assert_eq!(browser.eval("window.progress").await, true);
    browser.click("dialog .primary").await;
    browser.until("document.querySelector('dialog[open] #answer')").await;
    assert_eq!(browser.path().await, "/s/harbor/login");
    assert_eq!(browser.focus().await, "answer-heading");
    assert_eq!(browser.text("dialog h1").await, "Check your inbox");
    let reference = browser.text("dialog .code").await;
    assert!(reference.len() == 7 && reference.as_bytes()[4] == b'-', "{reference}");
    let wait = browser.text("dialog .retry").await;
    assert!(wait.starts_with("You can ask again in 0:") || wait.ends_with("1:00."), "{wait}");
    browser.until(&format!("document.querySelector('dialog .retry').textContent < '{wait}'")).await;
    browser.click("dialog a.back").await;
    browser.until("!document.querySelector('dialog').open").await;
}

async fn the_new_password_is_chosen_with_help(browser: &Browser) {
    let kind = "document.querySelector('#password').type";
    browser.fill("#password", "password1").await;
    browser.until("document.querySelector('.meter').dataset.score === '0'").await;
    browser.reads("It is one of the passwords that are tried first.").await;
    browser.fill("#password", NEW).await;
    browser.until("+document.querySelector('.meter').dataset.score >= 3").await;
    assert_eq!(browser.text("#password-reasons").await, "");
    assert_eq!(browser.eval(kind).await, "password");
    browser.click(".field:has(#password) .reveal").await;
    assert_eq!(browser.eval(kind).await, "text");
    browser.click(".field:has(#password) .reveal").await;
    assert_eq!(browser.eval(kind).await, "password");

    let mismatch = "The two passwords are not the same yet.";
    browser.fill("#password-repeat", "a brand").await;
    assert_eq!(browser.text("#password-mismatch").await, "");
    browser.fill("#password-repeat", "another").await;
    assert_eq!(browser.text("#password-mismatch").await, mismatch);
    browser.click("main .primary").await;
    assert_eq!(browser.focus().await, "password-repeat");
    assert_eq!(browser.path().await, "/s/harbor/reset");
    browser.fill("#password-repeat", NEW).await;
    assert_eq!(browser.text("#password-mismatch").await, "");
}

#[tokio::test]
async fn a_protected_store_lets_its_customer_back_in() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/s/harbor-trade/cart").await;
    assert_eq!(browser.eval("location.pathname").await, "/s/harbor-trade/login");
    assert_eq!(browser.text("#forgot-prompt").await, "Lost your trade password?");
    browser.ask_in_popup("ben@example.test").await;
    let mail = demo.mail("ben@example.test").await;
    browser.open(mail.link("/reset?token=")).await;
    browser.save_password(NEW).await;
    browser.at("/s/harbor-trade/cart").await;
    assert_eq!(browser.text(".hello").await, "Hello Ben");
    browser.close().await;
}

#[tokio::test]
async fn a_phone_does_it_without_sideways_scrolling() {
    let demo = Demo::start().await;
    let phone = demo.browser().await;
    phone.size(crate::browser::PHONE).await;
    let fits = "document.documentElement.scrollWidth <= innerWidth";
    phone.open("/s/harbor/login?return_to=/s/harbor/cart").await;
    assert_eq!(phone.eval(fits).await, true);
    phone.ask_in_popup(ADA).await;
    let inside = "(r => r.left >= 0 && r.right <= innerWidth && r.bottom <= innerHeight)\
                  (document.querySelector('dialog').getBoundingClientRect())";
    assert_eq!(phone.eval(inside).await, true);
    phone.open(demo.mail(ADA).await.link("/reset?token=")).await;
    assert_eq!(phone.eval(fits).await, true);
    phone.save_password(NEW).await;
    phone.at("/s/harbor/cart").await;
    phone.close().await;
}

#[tokio::test]
async fn a_mail_opened_on_another_device_brings_the_cart_there() {
    let demo = Demo::start().await;
    let (laptop, phone) = (demo.browser().await, demo.browser().await);
    shop_until_login(&laptop).await;
    laptop.ask_in_popup(ADA).await;
    phone.open(demo.mail(ADA).await.link("/reset?token=")).await;
    phone.save_password(NEW).await;
    phone.at("/s/harbor/checkout").await;
    phone.reads("Lighthouse Blend").await;
    assert_eq!(phone.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(laptop.who("harbor").await, None);
    laptop.open("/s/harbor/cart").await;
    laptop.reads("Lighthouse Blend").await;
    laptop.reads("You log in at check-out.").await;
    phone.close().await;
    laptop.close().await;
}

#[tokio::test]
async fn whoever_is_logged_in_as_somebody_else_must_choose() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.log_in("harbor", "emile@example.test").await;
    browser.open(&demo.link("harbor", ADA).await).await;
    browser.reads("Someone else is logged in here").await;
    assert!(!browser.text("main").await.contains("emile@example.test"));
    browser.fill("#password", NEW).await;
    browser.fill("#password-repeat", NEW).await;
    browser.click("main .primary").await;
    assert_eq!(browser.path().await, "/s/harbor/reset");
    assert_eq!(browser.who("harbor").await.as_deref(), Some("emile@example.test"));
    browser.click("[name=switch]").await;
    browser.follow("main .primary").await;
    browser.at("/s/harbor/").await;
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
    browser.close().await;
}
