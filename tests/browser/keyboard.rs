//! Everything works without a mouse; and the hint for a mistyped address.

use thirtyfour::prelude::*;

use crate::browser::Browser;
use crate::demo::Demo;

const ADA: &str = "ada@example.test";

impl Browser {
    /// Presses Tab and says where the focus went; wherever it is, it can be seen.
    async fn tab(&self) -> String {
        self.press(Key::Tab).await;
        let visible = "(style => style.outlineStyle !== 'none' && style.outlineWidth !== '0px')\
                       (getComputedStyle(document.activeElement))";
        let at = self.focus().await;
        assert_eq!(self.eval(visible).await, true, "no ring around {at}");
        at
    }

    /// Presses Tab as often as there are `stops` and compares.
    async fn tabs(&self, stops: &[&str]) {
        for stop in stops {
            assert_eq!(&self.tab().await, stop);
        }
    }
}

#[tokio::test]
async fn login_popup_and_reset_need_no_mouse() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.expect("status of 401");
    browser.open("/s/harbor/login?return_to=/s/harbor/cart").await;
    browser.tabs(&["a.skip", "a.brand", "email"]).await;
    browser.press(ADA).await;
    browser.tabs(&["password"]).await;
    browser.press("not this one" + Key::Enter).await;
    browser.until("document.querySelector('#login-error')").await;

    browser.eval("document.querySelector('#password').focus()").await;
    browser.tabs(&["button.reveal", "button.primary", "forgot-prompt"]).await;
    browser.press(Key::Enter).await;
    browser.until("document.querySelector('dialog').open").await;
    assert_eq!(browser.focus().await, "forgot-email");
    let chain = browser.driver.action_chain().key_down(Key::Shift).send_keys(Key::Tab);
    chain.key_up(Key::Shift).perform().await.unwrap();
    assert_eq!(browser.focus().await, "button.close");
    browser.tabs(&["forgot-email", "input.captcha-box"]).await;
    browser.press(" ").await;
    browser.reads("Checked. Thank you.").await;
    browser.tabs(&["button.primary"]).await;
    browser.press(Key::Enter).await;
    browser.until("document.querySelector('dialog[open] #answer')").await;
    assert_eq!(browser.focus().await, "answer-heading");
    browser.tabs(&["a.back"]).await;
    browser.press(Key::Enter).await;
    browser.until("!document.querySelector('dialog').open").await;
    assert_eq!(browser.focus().await, "forgot-prompt");

    browser.open(demo.mail(ADA).await.link("/reset?token=")).await;
    browser.tabs(&["a.skip"]).await;
    browser.press(Key::Enter).await;
    browser.tabs(&["password"]).await;
    browser.press("a brand new teapot").await;
    browser.tabs(&["button.reveal", "password-repeat"]).await;
    browser.press("a brand new teapot" + Key::Enter).await;
    browser.at("/s/harbor/cart").await;
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
    browser.close().await;
}

#[tokio::test]
async fn enter_in_the_popup_runs_the_check_by_itself_and_then_sends() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/s/harbor/login").await;
    browser.click("#forgot-prompt").await;
    browser.press(ADA.to_owned() + Key::Enter).await;
    browser.until("document.querySelector('dialog[open] #answer')").await;
    assert_eq!(demo.mail(ADA).await.subject, "Choose a new password");
    browser.close().await;
}

#[tokio::test]
async fn a_mistyped_domain_gets_a_hint_before_sending() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/s/harbor/login").await;
    let hint = "#login .typo-hint";
    for (typed, hinted) in [
        ("ada@gmial.com", "Did you mean ada@gmail.com?"),
        ("ada@hotmal.com", "Did you mean ada@hotmail.com?"),
        ("ada@gmail.com", ""),
        ("ada@example.test", ""),
    ] {
        browser.fill("#email", typed).await;
        browser.click("#password").await;
        assert_eq!(browser.focus().await, "password");
        browser.until(&format!("document.querySelector('{hint}').innerText === '{hinted}'")).await;
    }
    // The hint appears as the press ends, and the press still lands. The address that is carried
    // over is looked at again in the popup; one press puts it right.
    browser.fill("#email", "ada@gmial.com").await;
    browser.click("#forgot-prompt").await;
    browser.until("document.querySelector('dialog').open").await;
    browser.click("dialog .typo-hint button").await;
    assert_eq!(browser.value("#forgot-email").await, "ada@gmail.com");
    assert_eq!(browser.focus().await, "forgot-email");
    browser.close().await;
}

#[tokio::test]
async fn the_hint_does_not_make_a_press_miss() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    browser.open("/s/harbor/login").await;
    browser.click("#forgot-prompt").await;
    browser.fill("#forgot-email", "ada@gmial.com").await;
    browser.click("dialog .captcha-box").await;
    browser.reads("Checked. Thank you.").await;
    assert_eq!(browser.text("dialog .typo-hint").await, "Did you mean ada@gmail.com?");
    browser.close().await;
}
