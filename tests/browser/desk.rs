//! The phone call: a customer rings, and the agent sends a reminder with one click. Told to the end,
//! where the customer is logged in, for each of the three things that a reminder may contain.

use thirtyfour::Key;

use crate::browser::{Browser, TABLET};
use crate::demo::{Demo, PASSWORD};

const ADA: &str = "ada@example.test";
const NEW: &str = "a brand new teapot";

/// Logs in to the back office.
pub async fn sit_down(browser: &Browser, email: &str) {
    browser.open("/oms/login").await;
    browser.fill("#email", email).await;
    browser.fill("#password", PASSWORD).await;
    browser.follow("button.primary").await;
}

/// From the list to the record, by the keyboard alone.
pub async fn find_ada(browser: &Browser) {
    browser.at("/oms/customers").await;
    browser.eval("document.activeElement.blur()").await;
    browser.press("/").await;
    assert_eq!(browser.focus().await, "q");
    browser.press("märsh").await;
    browser.until("document.querySelectorAll('table.list tbody a').length === 1").await;
    assert_eq!(browser.text("table.list tbody a").await, "Marsh");
    browser.press(Key::Enter).await;
    browser.until("document.querySelector('h1')?.innerText.includes('Ada Marsh')").await;
    browser.reads("encrypted: cannot be viewed").await;
}

/// One click; the page says what went where, and the timeline moves by itself.
async fn click_the_envelope(browser: &Browser) {
    let name = "document.querySelector('button.envelope').getAttribute('aria-label')";
    assert_eq!(browser.eval(name).await, "Send a password reminder to Ada Marsh");
    browser.follow("button.envelope").await;
    assert!(browser.path().await.contains("?sent="), "{}", browser.path().await);
    browser.reads("a•••@e•••.test").await;
    browser.eval("window.still_here = true").await;
    browser
        .until("document.querySelector('.timeline')?.innerText.includes('took the reminder')")
        .await;
    assert_eq!(browser.eval("window.still_here").await, true, "without a reload");
}

/// The customer's half: the new password, and in.
async fn choose_a_new_one(customer: &Browser) {
    customer.until("document.querySelector('h1')?.innerText === 'Choose a new password'").await;
    customer.save_password(NEW).await;
    customer.until("location.pathname === '/s/harbor/'").await;
    assert_eq!(customer.who("harbor").await.as_deref(), Some(ADA));
}

#[tokio::test]
async fn a_temporary_password_leads_the_caller_in() {
    let demo = Demo::start().await;
    let desk = demo.browser().await;
    sit_down(&desk, "agent@harbor.test").await;
    find_ada(&desk).await;
    click_the_envelope(&desk).await;
    let mail = demo.mail(ADA).await;
    let temporary = mail.text.lines().map(str::trim).find(|line| is_temporary(line));
    let temporary = temporary.unwrap_or_else(|| panic!("no password in:\n{}", mail.text));
    let page = desk.eval("document.documentElement.outerHTML").await.to_string();
    assert!(!page.contains(temporary), "staff never see it");

    let customer = demo.browser().await;
    customer.open("/s/harbor/login").await;
    customer.fill("#email", ADA).await;
    customer.fill("#password", temporary).await;
    customer.follow("#login .primary").await;
    choose_a_new_one(&customer).await;
    desk.until("document.querySelector('.timeline')?.innerText.includes('Logged in')").await;
    desk.close().await;
    customer.close().await;
}

/// Words or characters, alone on the line and nothing like a sentence.
fn is_temporary(line: &str) -> bool {
    line.len() >= 14 && line.contains('-') && !line.contains([' ', ':', '/', '@'])
}

#[tokio::test]
async fn a_link_leads_the_caller_in() {
    let demo = Demo::start_as("link").await;
    let desk = demo.browser().await;
    sit_down(&desk, "agent@harbor.test").await;
    find_ada(&desk).await;
    click_the_envelope(&desk).await;
    let customer = demo.browser().await;
    customer.open(demo.mail(ADA).await.link("/reset?token=")).await;
    choose_a_new_one(&customer).await;
    desk.close().await;
    customer.close().await;
}

#[tokio::test]
async fn the_current_password_is_mailed_where_the_merchant_wants_that() {
    let demo = Demo::start_as("current").await;
    let desk = demo.browser().await;
    sit_down(&desk, "agent@harbor.test").await;
    find_ada(&desk).await;
    click_the_envelope(&desk).await;
    let mail = demo.mail(ADA).await;
    assert!(mail.text.lines().any(|line| line.trim() == PASSWORD), "{}", mail.text);
    let page = desk.eval("document.documentElement.outerHTML").await.to_string();
    assert!(!page.contains(PASSWORD), "staff never see it");
    let customer = demo.browser().await;
    customer.log_in("harbor", ADA).await;
    assert_eq!(customer.who("harbor").await.as_deref(), Some(ADA));
    desk.close().await;
    customer.close().await;
}

#[tokio::test]
async fn a_second_click_asks_first() {
    let demo = Demo::start().await;
    let desk = demo.browser().await;
    sit_down(&desk, "agent@harbor.test").await;
    find_ada(&desk).await;
    click_the_envelope(&desk).await;
    demo.mail(ADA).await;
    desk.follow("button.envelope").await;
    desk.reads("Send another reminder?").await;
    desk.follow("#again button.primary").await;
    desk.reads("a•••@e•••.test").await;
    demo.mail(ADA).await;
    desk.close().await;
}

#[tokio::test]
async fn the_call_works_without_scripts_and_on_a_tablet() {
    let demo = Demo::start().await;
    let desk = demo.browser_without_script().await;
    desk.size(TABLET).await;
    sit_down(&desk, "agent@harbor.test").await;
    desk.fill("#q", "H-1001").await;
    desk.follow("form.search button").await;
    desk.follow("table.list tbody a").await;
    desk.follow("button.envelope").await;
    desk.find("#sent").await;
    demo.mail(ADA).await;
    desk.close().await;
}
