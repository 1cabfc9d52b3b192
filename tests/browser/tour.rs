//! A walk past every page in every state, for what is to be checked everywhere.

use crate::browser::{Browser, PHONE};
use crate::demo::{Demo, PASSWORD};

const ADA: &str = "ada@example.test";
const NEW: &str = "a brand new teapot";

/// What happens at every stop; it is told the stop's name.
pub trait Stop: AsyncFn(&Browser, &'static str) {}
impl<F: AsyncFn(&Browser, &'static str)> Stop for F {}

/// Login, the popup and the answer, and the same as pages.
pub async fn asking(browser: &Browser, stop: impl Stop) {
    browser.expect("status of 400");
    browser.expect("status of 401");
    browser.open("/s/harbor/login").await;
    stop(browser, "login").await;
    browser.fill("#email", "ada@gmial.com").await;
    browser.fill("#password", "not this one").await;
    browser.find(".typo-hint button").await;
    stop(browser, "login-hint").await;
    browser.follow("#login .primary").await;
    stop(browser, "login-failed").await;
    browser.fill("#email", "ada@localhost").await;
    browser.click("#forgot-prompt").await;
    stop(browser, "popup").await;
    browser.click("dialog .captcha-box").await;
    browser.reads("Checked. Thank you.").await;
    stop(browser, "popup-checked").await;
    browser.click("dialog .primary").await;
    browser.find("dialog [aria-invalid]").await;
    stop(browser, "popup-refused").await;
    browser.fill("#forgot-email", ADA).await;
    browser.click("dialog .primary").await;
    browser.find("dialog #answer").await;
    stop(browser, "popup-answer").await;

    browser.open("/s/harbor/forgot").await;
    stop(browser, "forgot").await;
    browser.fill("#forgot-email", "ada@localhost").await;
    browser.follow("main .primary").await;
    stop(browser, "forgot-refused").await;
    browser.fill("#forgot-email", "nobody@example.test").await;
    browser.follow("main .primary").await;
    stop(browser, "forgot-answer").await;
    browser.open("/s/harbor-trade/login").await;
    stop(browser, "login-trade").await;
    browser.open("/s/northwind/login").await;
    stop(browser, "login-northwind").await;
}

/// What links in mails open.
pub async fn links(demo: &Demo, browser: &Browser, stop: impl Stop) {
    browser.expect("status of 404");
    browser.expect("status of 410");
    browser.expect("status of 422");
    demo.link("harbor", "emile@example.test").await;
    let altcha = demo.proof_of_work("harbor").await;
    demo.forgot("harbor", &[("email", ADA), ("altcha", &altcha)]).await;
    let mail = demo.mail(ADA).await;
    browser.open(mail.link("/not-me?token=")).await;
    stop(browser, "stop").await;
    browser.open(mail.link("/reset?token=")).await;
    stop(browser, "reset").await;
    browser.fill("#password", "harbor").await;
    browser.find("#password-reasons li").await;
    browser.fill("#password-repeat", "harbour").await;
    stop(browser, "reset-typing").await;
    browser.save_password("harbor").await;
    stop(browser, "reset-refused").await;
    browser.fill("#password", NEW).await;
    browser.until("+document.querySelector('.meter').dataset.score >= 3").await;
    stop(browser, "reset-good").await;
    browser.open("/s/harbor/reset?token=used").await;
    stop(browser, "dead").await;
    browser.open("/s/harbor/nothing").await;
    stop(browser, "not-found").await;

    browser.log_in("harbor", "emile@example.test").await;
    browser.open(mail.link("/reset?token=")).await;
    stop(browser, "reset-other").await;
    browser.click("[name=switch]").await;
    browser.save_password(NEW).await;
    browser.open(demo.mail(ADA).await.link("/not-me?token=")).await;
    stop(browser, "freeze").await;
    browser.follow("main .primary").await;
    stop(browser, "frozen").await;
}

/// Registration and the account.
pub async fn account(demo: &Demo, browser: &Browser, stop: impl Stop) {
    browser.expect("status of 422");
    browser.open("/s/harbor/register").await;
    stop(browser, "register").await;
    let fields = [("#first-name", "Nina"), ("#last-name", "Holm"), ("#email", "nina@localhost")];
    for (field, text) in fields {
        browser.fill(field, text).await;
    }
    browser.fill("#password", "nina").await;
    browser.follow("main .primary").await;
    stop(browser, "register-refused").await;
    browser.fill("#email", "nina@example.test").await;
    browser.fill("#password", NEW).await;
    browser.follow("main .primary").await;
    stop(browser, "register-answer").await;
    browser.open(demo.mail("nina@example.test").await.link("/register/confirm?token=")).await;
    stop(browser, "register-confirm").await;

    browser.log_in("harbor", ADA).await;
    browser.open("/s/harbor/account").await;
    stop(browser, "account").await;
    browser.open("/s/harbor/account/password").await;
    stop(browser, "account-password").await;
    browser.fill("#current-password", "not this one").await;
    browser.save_password(NEW).await;
    stop(browser, "account-password-refused").await;
    browser.fill("#current-password", PASSWORD).await;
    browser.save_password(NEW).await;
    stop(browser, "account-password-saved").await;
    browser.open("/s/harbor/account/email").await;
    stop(browser, "account-email").await;
    browser.fill("#email", "marsh@example.test").await;
    browser.fill("#current-password", NEW).await;
    browser.follow("main .primary").await;
    browser.open("/s/harbor/account").await;
    stop(browser, "account-pending").await;
    browser.open(demo.mail("marsh@example.test").await.link("/account/email/confirm?token=")).await;
    stop(browser, "account-email-confirm").await;
    sessions(demo, browser, stop).await;
}

async fn sessions(demo: &Demo, browser: &Browser, stop: impl Stop) {
    browser.open("/s/harbor/account/sessions").await;
    stop(browser, "sessions-alone").await;
    let phone = demo.browser().await;
    phone.size(PHONE).await;
    phone.open("/s/harbor/login").await;
    phone.fill("#email", ADA).await;
    phone.fill("#password", NEW).await;
    phone.follow("#login .primary").await;
    phone.close().await;
    browser.open("/s/harbor/account/sessions").await;
    stop(browser, "sessions").await;
}

/// The demo's front door, its shop and its mailbox.
pub async fn samples(demo: &Demo, browser: &Browser, stop: impl Stop) {
    browser.open("/").await;
    stop(browser, "index").await;
    browser.open("/mailbox").await;
    stop(browser, "mailbox-empty").await;
    demo.link("harbor", ADA).await;
    demo.link("harbor-trade", "ben@example.test").await;
    browser.open("/mailbox").await;
    stop(browser, "mailbox").await;
    browser.follow(".list a").await;
    browser.click("summary").await;
    stop(browser, "mailbox-message").await;
    let frame = browser.find("iframe").await.prop("src").await.unwrap().unwrap();
    // Where it may run scripts: in the mailbox it may not, not even those that look at it.
    let mail = demo.get(frame.strip_prefix(&demo.origin).unwrap()).await;
    let mail = serde_json::Value::from(String::from_utf8(mail.body).unwrap());
    browser.open("about:blank").await;
    browser.eval(&format!("(document.open(), document.write({mail}), document.close())")).await;
    stop(browser, "mail").await;
    browser.open("/mailbox?q=nobody").await;
    stop(browser, "mailbox-nothing").await;
    browser.open("/s/harbor/").await;
    stop(browser, "shop").await;
    browser.open("/s/harbor/cart").await;
    stop(browser, "cart-empty").await;
    browser.log_in("harbor", ADA).await;
    browser.follow(".shelf li:nth-child(1) button").await;
    browser.open("/s/harbor/").await;
    browser.follow(".shelf li:nth-child(6) button").await;
    stop(browser, "cart").await;
    browser.follow(".total .button").await;
    stop(browser, "checkout").await;
    browser.follow(".total button").await;
    stop(browser, "thanks").await;
    browser.open("/s/northwind/").await;
    stop(browser, "shop-northwind").await;
    browser.log_in("harbor-trade", "ben@example.test").await;
    stop(browser, "shop-trade").await;
}
