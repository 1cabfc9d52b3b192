//! A browser that runs no scripts gets the same, page by page.

use crate::demo::Demo;

const ADA: &str = "ada@example.test";

#[tokio::test]
async fn without_scripts_the_prompt_leads_to_the_form_as_a_page() {
    let demo = Demo::start().await;
    let browser = demo.browser_without_script().await;
    browser.open("/s/harbor/login?return_to=/s/harbor/cart").await;
    browser.follow("#forgot-prompt").await;
    browser.at("/s/harbor/forgot?return_to=%2Fs%2Fharbor%2Fcart").await;
    assert_eq!(browser.text("h1").await, "Forgot your password?");
    let picture = "document.querySelector('.captcha-picture')";
    browser.until(&format!("{picture}.complete && {picture}.naturalWidth === 280")).await;
    assert!(!browser.find(".captcha-js").await.is_displayed().await.unwrap());

    let sound = browser.find("audio").await.attr("src").await.unwrap().unwrap();
    let sound = demo.get(&sound).await;
    assert_eq!(sound.status, 200);
    assert!(sound.head.to_lowercase().contains("content-type: audio/wav"), "{}", sound.head);
    assert_eq!(&sound.body[..4], b"RIFF");

    browser.expect("status of 400");
    let before = browser.value("[name=captcha_id]").await;
    browser.fill("#forgot-email", ADA).await;
    browser.fill("#captcha-code", "wrong!").await;
    browser.follow("main .primary").await;
    browser.reads("Please do the check once more.").await;
    assert_eq!(browser.value("#forgot-email").await, ADA);
    assert_eq!(browser.value("#captcha-code").await, "");
    assert_ne!(browser.value("[name=captcha_id]").await, before);
    assert_eq!(browser.value("[name=return_to]").await, "/s/harbor/cart");
    browser.close().await;
}

#[tokio::test]
async fn without_scripts_a_new_password_is_chosen_and_refused_with_reasons() {
    let demo = Demo::start().await;
    let browser = demo.browser_without_script().await;
    let altcha = demo.proof_of_work("harbor").await;
    let fields = [("email", ADA), ("altcha", &altcha), ("return_to", "/s/harbor/cart")];
    assert_eq!(demo.forgot("harbor", &fields).await.status, 202);
    browser.open(demo.mail(ADA).await.link("/reset?token=")).await;
    assert_eq!(browser.path().await, "/s/harbor/reset");
    assert!(!browser.find(".reveal").await.is_displayed().await.unwrap());

    browser.expect("status of 422");
    browser.save_password("password1").await;
    browser.reads("It is one of the passwords that are tried first.").await;
    browser.fill("#password", "a brand new teapot").await;
    browser.fill("#password-repeat", "a brand new teacup").await;
    browser.follow("main .primary").await;
    browser.reads("The two passwords are not the same.").await;
    browser.save_password("a brand new teapot").await;
    browser.at("/s/harbor/cart").await;
    assert_eq!(browser.text(".hello").await, "Hello Ada");
    browser.close().await;
}

#[tokio::test]
async fn without_scripts_a_double_click_on_save_still_ends_logged_in() {
    let demo = Demo::start().await;
    let browser = demo.browser_without_script().await;
    browser.open(&demo.link("harbor", ADA).await).await;
    browser.fill("#password", "a brand new teapot").await;
    browser.fill("#password-repeat", "a brand new teapot").await;
    let save = browser.find("main .primary").await;
    let twice = browser.driver.action_chain().double_click_element(&save);
    twice.perform().await.unwrap();
    browser.at("/s/harbor/").await;
    assert_eq!(browser.text(".hello").await, "Hello Ada");
    browser.close().await;
}
