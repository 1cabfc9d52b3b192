//! The pictures in the documentation, taken of the real pages:
//! `cargo test --test browser pictures -- --ignored`, then `optipng -o5 docs/pictures/*.png`.

use std::path::Path;

use serde_json::Value;

use crate::browser::{Browser, PHONE};
use crate::demo::Demo;

const ADA: &str = "ada@example.test";

async fn keep(browser: &Browser, name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    std::fs::create_dir_all(&folder).unwrap();
    // What moves has come to rest.
    let still = "Promise.allSettled(document.getAnimations().map(a => a.finished))\
                 .then(arguments[0])";
    browser.driver.execute_async(still, vec![]).await.unwrap();
    browser.picture(&folder.join(format!("{name}.png"))).await;
}

async fn open_popup(browser: &Browser) {
    browser.open("/s/harbor/login").await;
    browser.fill("#email", ADA).await;
    browser.click("#forgot-prompt").await;
    browser.click("dialog .captcha-box").await;
    browser.reads("Checked. Thank you.").await;
    browser.eval("document.querySelector('#forgot-email').focus()").await;
}

#[tokio::test]
#[ignore = "writes into docs/pictures"]
async fn pictures_for_the_documentation() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    open_popup(&browser).await;
    keep(&browser, "popup").await;
    browser.dark(true).await;
    keep(&browser, "popup-dark").await;
    browser.dark(false).await;
    browser.click("dialog .primary").await;
    browser.find("dialog #answer").await;
    keep(&browser, "answer").await;

    let mail = demo.mail(ADA).await;
    browser.open(mail.link("/reset?token=")).await;
    browser.fill("#password", "a brand new teapot").await;
    browser.until("+document.querySelector('.meter').dataset.score >= 3").await;
    keep(&browser, "reset").await;
    let html = demo.get(&format!("/mailbox/messages/{}.html", mail.id)).await;
    let html = Value::from(String::from_utf8(html.body).unwrap());
    browser.open("about:blank").await;
    browser.eval(&format!("(document.write({html}), document.close())")).await;
    keep(&browser, "mail").await;

    crate::desk::sit_down(&browser, "agent@harbor.test").await;
    browser.open("/oms/customers?q=marsh").await;
    browser.follow("table.list tbody a").await;
    browser.follow("button.envelope").await;
    browser
        .until("document.querySelector('.timeline')?.innerText.includes('took the reminder')")
        .await;
    browser.eval("document.querySelector('h1').scrollIntoView()").await;
    keep(&browser, "record").await;

    browser.size(PHONE).await;
    open_popup(&browser).await;
    keep(&browser, "popup-phone").await;
    browser.close().await;
}
