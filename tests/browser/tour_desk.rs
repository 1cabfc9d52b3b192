//! A walk past the pages of the back office, for what is to be checked everywhere.

use totp_rs::{Builder, Secret};

use crate::browser::Browser;
use crate::demo::Demo;
use crate::desk::sit_down;
use crate::tour::Stop;

const ADA: &str = "ada@example.test";

/// Log-in, a forgotten password, and the second factor that an administrator must set up.
pub async fn door(demo: &Demo, browser: &Browser, stop: impl Stop) {
    browser.expect("status of 4");
    browser.open("/oms/login").await;
    stop(browser, "oms-login").await;
    browser.fill("#email", "agent@harbor.test").await;
    browser.fill("#password", "not this one").await;
    browser.follow("button.primary").await;
    stop(browser, "oms-login-failed").await;
    browser.open("/oms/forgot").await;
    stop(browser, "oms-forgot").await;
    browser.fill("#email", "agent@harbor.test").await;
    browser.follow("button.primary").await;
    stop(browser, "oms-forgot-answer").await;
    let link = demo.mail("agent@harbor.test").await.link("/oms/reset?token=").to_owned();
    browser.open(&link).await;
    stop(browser, "oms-reset").await;
    browser.open("/oms/reset").await;
    stop(browser, "oms-dead-link").await;
    sit_down(browser, "admin@harbor.test").await;
    browser.at("/oms/account/factor").await;
    stop(browser, "oms-factor").await;
    enrol(browser).await;
    stop(browser, "oms-factor-codes").await;
}

/// Types the code that an authenticator app would show for the key on the page.
pub async fn enrol(browser: &Browser) {
    let key = browser.text("#key-text").await.replace(char::is_whitespace, "");
    let key = Secret::try_from_base32(key).unwrap();
    let totp = Builder::new().with_secret(key).build().unwrap();
    browser.fill("#code", &totp.generate_current().to_string()).await;
    browser.follow("button.primary").await;
}

/// What an agent sees while somebody is on the phone.
pub async fn call(demo: &Demo, browser: &Browser, stop: impl Stop) {
    browser.expect("status of 4");
    sit_down(browser, "agent@harbor.test").await;
    stop(browser, "oms-customers").await;
    browser.open("/oms/customers?q=zzz").await;
    stop(browser, "oms-customers-none").await;
    browser.open("/oms/customers?q=marsh").await;
    browser.follow("table.list tbody a").await;
    stop(browser, "oms-record").await;
    browser.follow("button.envelope").await;
    demo.mail(ADA).await;
    browser
        .until("document.querySelector('.timeline')?.innerText.includes('took the reminder')")
        .await;
    stop(browser, "oms-record-sent").await;
    browser.follow("button.envelope").await;
    stop(browser, "oms-record-again").await;
    let record = browser.path().await.split('?').next().unwrap().to_owned();
    for (page, name) in
        [("edit", "oms-edit"), ("address", "oms-address"), ("timeline", "oms-timeline")]
    {
        browser.open(&format!("{record}/{page}")).await;
        stop(browser, name).await;
    }
    browser.open("/oms/customers/new").await;
    stop(browser, "oms-new").await;
    browser.open("/oms/customers?q=blocked").await;
    browser.follow("table.list tbody a").await;
    stop(browser, "oms-record-blocked").await;
    browser.open("/oms/staff").await;
    stop(browser, "oms-not-allowed").await;
    browser.open("/oms/nowhere").await;
    stop(browser, "oms-not-found").await;
}

/// What an administrator sees besides.
pub async fn rest(demo: &Demo, browser: &Browser, stop: impl Stop) {
    browser.expect("status of 4");
    demo.link("harbor", ADA).await;
    sit_down(browser, "admin@harbor.test").await;
    enrol(browser).await;
    for (page, name) in [
        ("/oms/stores", "oms-stores"),
        ("/oms/stores/new", "oms-store-new"),
        ("/oms/email", "oms-email"),
        ("/oms/activity", "oms-activity"),
        ("/oms/numbers", "oms-numbers"),
        ("/oms/staff", "oms-staff"),
        ("/oms/settings", "oms-settings"),
        ("/oms/tutorials", "oms-tutorials"),
        ("/oms/help", "oms-help"),
        ("/oms/account", "oms-account"),
    ] {
        browser.open(page).await;
        stop(browser, name).await;
    }
    browser.open("/oms/help").await;
    browser.follow("main li a").await;
    stop(browser, "oms-help-article").await;
    browser.open("/oms/stores").await;
    browser.follow("table.list tbody a").await;
    stop(browser, "oms-store").await;
    let store = browser.path().await;
    browser.follow(".tongues a").await;
    browser.find("iframe[name=shown]").await;
    stop(browser, "oms-wording").await;
    browser.fill("#body", "Nothing but this").await;
    browser.click("[formtarget=shown]").await;
    in_the_frame(browser, "It cannot be saved as it stands").await;
    stop(browser, "oms-wording-wrong").await;
    for (page, name) in [
        ("mails/reminder_temporary/preview", "oms-mails"),
        ("mails/staff_code_used/preview?part=text", "oms-mails-text"),
        ("pages?page=login/popup", "oms-pages"),
        ("pages?page=reset/refused&lang=de&size=phone", "oms-pages-phone"),
    ] {
        browser.open(&format!("{store}/{page}")).await;
        stop(browser, name).await;
    }
}

/// Waits until the page in the frame shows `text`.
pub async fn in_the_frame(browser: &Browser, text: &str) {
    browser
        .until(&format!(
            "document.querySelector('iframe').contentDocument?.body?.innerText.includes('{text}')"
        ))
        .await;
}
