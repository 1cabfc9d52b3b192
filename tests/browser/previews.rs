//! What customers see, looked at in the back office before they do.

use crate::browser::{Browser, PHONE};
use crate::demo::Demo;
use crate::desk::sit_down;
use crate::tour_desk::{enrol, in_the_frame};

async fn administrator(demo: &Demo) -> Browser {
    let browser = demo.browser().await;
    sit_down(&browser, "admin@harbor.test").await;
    enrol(&browser).await;
    browser.open("/oms/stores").await;
    browser.follow("table.list tbody a").await;
    browser
}

#[tokio::test]
async fn a_wording_is_shown_while_it_is_written() {
    let demo = Demo::start().await;
    let browser = administrator(&demo).await;
    browser.follow(".tongues a").await;
    browser.fill("#subject", "Ahoy").await;
    browser.fill("#body", "Here you are:\n\nno link").await;
    browser.click("[formtarget=shown]").await;
    in_the_frame(&browser, "Add {{ link }} on a line of its own").await;
    browser.expect("status of 422");
    browser.fill("#body", "Here you are, from {{ store }}:\n\n{{ link }}").await;
    browser.click("[formtarget=shown]:nth-of-type(2)").await;
    // The mail itself keeps its origin to itself: it is looked at from within.
    browser.find("iframe").await.enter_frame().await.unwrap();
    browser.until("document.querySelector('h1')?.innerText === 'Ahoy'").await;
    browser.reads("Here you are, from Harbor Coffee:").await;
    browser.driver.enter_default_frame().await.unwrap();
    assert_eq!(browser.value("#subject").await, "Ahoy", "what was typed stays");
    browser.click("[formaction*='part=text']").await;
    in_the_frame(&browser, "Here you are, from Harbor Coffee:").await;
    browser.follow("button.primary").await;
    browser.reads("Mails that leave from now on say it so").await;
    browser.close().await;
}

#[tokio::test]
async fn every_mail_fits_the_smallest_window() {
    let demo = Demo::start().await;
    let browser = administrator(&demo).await;
    let store = browser.path().await;
    browser.open(&format!("{store}/mails/recovery/preview")).await;
    let mails = "[...document.querySelectorAll('.index a')].map(a => a.pathname)";
    let mails = browser.eval(mails).await;
    let mails = mails.as_array().unwrap();
    assert!(mails.len() > 15);
    for mail in mails {
        let html = mail.as_str().unwrap().replace("/preview", "/html?lang=de");
        browser.open(&html).await;
        for size in [(320, 640), PHONE, (1280, 800)] {
            browser.size(size).await;
            let wide = browser.eval("document.documentElement.scrollWidth").await;
            assert!(wide.as_u64().unwrap() <= u64::from(size.0), "{html}: {wide} of {}", size.0);
        }
    }
    browser.close().await;
}

#[tokio::test]
async fn every_page_of_a_store_fits_its_frame_and_does_nothing_there() {
    let demo = Demo::start().await;
    let browser = administrator(&demo).await;
    let store = browser.path().await;
    browser.open(&format!("{store}/pages")).await;
    let pages = "[...document.querySelectorAll('.index a')].map(a => a.pathname + a.search)";
    let pages = browser.eval(pages).await;
    let pages: Vec<_> = pages.as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    assert!(pages.len() > 8, "{pages:?}");
    let shown = "document.querySelector('iframe').contentDocument";
    for page in &pages {
        for size in ["desktop", "phone"] {
            browser.open(&format!("{page}&size={size}")).await;
            browser.until(&format!("{shown}?.body?.innerText.trim().length > 20")).await;
            let wide = format!("{shown}.documentElement.scrollWidth");
            let spare = format!("document.querySelector('iframe').clientWidth - {wide}");
            let spare = browser.eval(&spare).await.as_i64().unwrap();
            assert!(spare >= 0, "{page}, {size}: {spare}");
        }
    }
    let login = pages.iter().find(|page| page.contains("page=login&")).expect("the login page");
    browser.open(login).await;
    browser.until(&format!("{shown}?.querySelector('form button') !== null")).await;
    let before = browser.eval(&format!("{shown}.URL")).await;
    browser.find("iframe").await.enter_frame().await.unwrap();
    browser.click("form button").await;
    browser.driver.enter_default_frame().await.unwrap();
    browser.expect("sandboxed");
    assert_eq!(browser.eval(&format!("{shown}.URL")).await, before);
    assert_eq!(browser.path().await, **login);
    browser.close().await;
}
