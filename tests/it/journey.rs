//! The main story: a customer who forgot the password gets back into the store alone.

use crate::support::app::{PASSWORD, link_of, reset_link, text_of, token_of};
use crate::support::{TestApp, both};

const NEW: &str = "a brand new teapot";

both!(a_forgotten_password_ends_at_the_checkout, |db| async move {
    let test = TestApp::start(db).await;
    let mut phone = test.browser();
    assert_eq!(phone.login("harbor", "ada@example.test", "not this one").await.status, 401);

    let back = [("return_to", "/s/harbor/checkout")];
    let answer = phone.forgot_with("harbor", "Ada@Example.test", &back).await;
    assert_eq!(answer.status, 202);
    assert!(answer.body.contains("Check your inbox"));
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, ["ada@example.test"]);
    let link = reset_link(&mails[0]);
    assert!(link.starts_with("http://127.0.0.1:8080/s/harbor/reset?token="), "{link}");

    let page = phone.open_link(&link).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Choose a new password") && page.body.contains("Harbor Coffee"));
    let token = page.hidden("token");
    let fields = [("token", &*token), ("password", NEW), ("password_repeat", NEW)];
    let done = phone.post("/s/harbor/reset", &fields).await;
    assert_eq!((done.status, done.location()), (303, "/s/harbor/checkout"));
    assert_eq!(phone.who("harbor").await.as_deref(), Some("ada@example.test"));
    assert_eq!(phone.get("/s/harbor/checkout").await.status, 200);

    let notice = test.deliver().await;
    assert_eq!(notice.len(), 1);
    assert!(
        text_of(&notice[0]).contains("The password of your account at Harbor Coffee was changed")
    );
    assert_eq!(test.browser().login("harbor", "ada@example.test", PASSWORD).await.status, 401);
    assert_eq!(test.browser().login("harbor", "ada@example.test", NEW).await.status, 303);
    assert_eq!(test.waiting().await, 0);
});

both!(a_protected_store_lets_its_customer_in, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let gate = browser.get("/s/harbor-trade/").await;
    assert_eq!((gate.status, gate.location()), (303, "/s/harbor-trade/login"));
    let link = test.link("harbor-trade", "ben@example.test").await;
    let done = browser.set_password(&link, NEW).await;
    assert_eq!((done.status, done.location()), (303, "/s/harbor-trade/"));
    assert_eq!(browser.get("/s/harbor-trade/").await.status, 200);
});

both!(the_cart_of_the_ticket_is_there_in_another_browser, |db| async move {
    let test = TestApp::start(db).await;
    let mut laptop = test.browser();
    let shelf = laptop.get("/s/harbor/").await;
    let sku = shelf.hidden("sku");
    let added = laptop.post("/s/harbor/cart", &[("sku", &sku), ("quantity", "2")]).await;
    assert_eq!(added.status, 303);
    let cart = laptop.cookie("cart").unwrap().to_owned();
    assert_eq!(laptop.forgot("harbor", "ada@example.test").await.status, 202);
    let link = reset_link(&test.deliver().await[0]);

    let mut phone = test.browser();
    assert_eq!(phone.set_password(&link, NEW).await.status, 303);
    assert_eq!(phone.cookie("cart"), Some(&*cart));
});

both!(a_cart_in_front_of_the_customer_stays, |db| async move {
    let test = TestApp::start(db).await;
    let mut laptop = test.browser();
    laptop.set_cookie("cart", "old.1", "/s/harbor");
    laptop.forgot("harbor", "ada@example.test").await;
    let link = reset_link(&test.deliver().await[0]);
    let mut phone = test.browser();
    phone.set_cookie("cart", "mine.3", "/s/harbor");
    assert_eq!(phone.set_password(&link, NEW).await.status, 303);
    assert_eq!(phone.cookie("cart"), Some("mine.3"));
});

both!(this_was_not_me_stops_the_link_and_holds_mails_for_a_day, |db| async move {
    let test = TestApp::start(db).await;
    test.browser().forgot("harbor", "ada@example.test").await;
    let mail = test.deliver().await.remove(0);
    let stop = link_of(&mail, "/not-me");
    let mut browser = test.browser();
    // Opening it, as a scanner would, changes nothing.
    assert_eq!(browser.get(&stop).await.status, 200);
    assert_eq!(browser.get(&reset_link(&mail)).await.status, 303);
    let token = token_of(&stop);
    let done = browser.post("/s/harbor/not-me", &[("token", &token)]).await;
    assert_eq!(done.status, 200);
    assert_eq!(test.browser().set_password(&reset_link(&mail), NEW).await.status, 410);
    test.wait(3600);
    assert_eq!(test.browser().forgot("harbor", "ada@example.test").await.status, 202);
    assert!(test.deliver().await.is_empty(), "held for a day");
    test.wait(24 * 3600);
    assert_eq!(test.browser().forgot("harbor", "ada@example.test").await.status, 202);
    assert_eq!(test.deliver().await.len(), 1, "and no longer");
});

both!(this_was_not_me_on_a_notice_freezes_the_account_until_recovery, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let mut thief = test.browser();
    assert_eq!(thief.set_password(&link, NEW).await.status, 303);
    let notice = test.deliver().await.remove(0);
    let freeze = link_of(&notice, "/not-me");
    let mut owner = test.browser();
    assert!(owner.get(&freeze).await.body.contains("Freeze my account"));
    let token = token_of(&freeze);
    assert_eq!(owner.post("/s/harbor/not-me", &[("token", &token)]).await.status, 200);
    assert_eq!(thief.who("harbor").await, None);
    assert_eq!(thief.login("harbor", "ada@example.test", NEW).await.status, 401);
    test.wait(61);
    let link = test.link("harbor", "ada@example.test").await;
    assert_eq!(owner.set_password(&link, "another fine kettle").await.status, 303);
    assert_eq!(owner.who("harbor").await.as_deref(), Some("ada@example.test"));
});
