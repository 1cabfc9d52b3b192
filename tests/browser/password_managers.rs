//! Password managers find what they need: whose password it is, and which field is which.

use serde_json::json;

use crate::browser::Browser;
use crate::demo::Demo;

const ADA: &str = "ada@example.test";

/// The names of a page's fields with their `autocomplete` tokens, in order, but for hidden ones.
async fn fields(browser: &Browser, form: &str) -> serde_json::Value {
    let fields = "[...document.querySelectorAll(FORM + ' input:not([type=hidden], [type=checkbox])')]\
                  .map(i => [i.name, i.autocomplete])";
    browser.eval(&fields.replace("FORM", &json!(form).to_string())).await
}

#[tokio::test]
async fn every_password_field_says_what_it_is_and_whose() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/s/harbor/login").await;
    let login = json!([["email", "username"], ["password", "current-password"]]);
    assert_eq!(fields(&browser, "#login").await, login);
    assert_eq!(fields(&browser, "#forgot").await, json!([["email", "username"]]));
    browser.ask_in_popup(ADA).await;

    browser.open(demo.mail(ADA).await.link("/reset?token=")).await;
    let new = json!([
        ["", "username"],
        ["password", "new-password"],
        ["password_repeat", "new-password"],
    ]);
    assert_eq!(fields(&browser, "main form").await, new);
    // The address that was asked for in this browser, whole; the page itself shows it masked.
    assert_eq!(browser.value("[autocomplete=username]").await, ADA);
    assert!(!browser.driver.source().await.unwrap().contains(&format!("value=\"{ADA}\"")));
    browser.save_password("a brand new teapot").await;

    browser.open("/s/harbor/account/password").await;
    let change = json!([
        ["", "username"],
        ["current_password", "current-password"],
        ["password", "new-password"],
        ["password_repeat", "new-password"],
    ]);
    assert_eq!(fields(&browser, "main form").await, change);
    assert_eq!(browser.value("[autocomplete=username]").await, ADA);
    browser.open("/s/harbor/register").await;
    let register = json!([
        ["first_name", "given-name"],
        ["last_name", "family-name"],
        ["email", "username"],
        ["password", "new-password"],
    ]);
    assert_eq!(fields(&browser, "main form").await, register);
    browser.open("/s/harbor/.well-known/change-password").await;
    browser.at("/s/harbor/account/password").await;
    browser.close().await;
}

#[tokio::test]
async fn passwords_can_be_pasted() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open(&demo.link("harbor", ADA).await).await;
    for field in ["#password", "#password-repeat"] {
        browser.click(field).await;
        // What a paste does, minus the clipboard that a headless browser has not got.
        let pasted = browser
            .eval("(d => (d.setData('text/plain', 'x'), document.activeElement.dispatchEvent(\
                   new ClipboardEvent('paste', { clipboardData: d, bubbles: true, cancelable: true }))))\
                   (new DataTransfer())")
            .await;
        assert_eq!(pasted, true, "somebody prevents pasting into {field}");
    }
    browser.close().await;
}
