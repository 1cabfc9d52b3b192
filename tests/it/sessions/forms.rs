//! Fixation, and the secret that forms of a session carry.

use super::{ADA, NEW, logged_in, with_cookie};
use crate::support::app::{PASSWORD, token_of};
use crate::support::{TestApp, both};

both!(a_planted_cookie_never_becomes_a_session, |db| async move {
    let test = TestApp::start(db).await;
    let token = token_of(&test.link("harbor", ADA).await);
    let random = doorkey::secret::Token::new().reveal();
    let mut thief = logged_in(&test, "ben@example.test").await;
    let of_thief = thief.cookie("doorkey").unwrap().to_owned();
    for planted in [&random, &of_thief] {
        let mut browser = with_cookie(&test, planted);
        assert_eq!(browser.login("harbor", ADA, PASSWORD).await.status, 303);
        assert_ne!(browser.cookie("doorkey").unwrap(), planted);
        assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
        let who = with_cookie(&test, planted).who("harbor").await;
        assert_eq!(who, None, "what was planted opens nothing");
    }
    let mut browser = with_cookie(&test, &random);
    let fields = [("token", &*token), ("password", NEW), ("password_repeat", NEW)];
    assert_eq!(browser.post("/s/harbor/reset", &fields).await.status, 303);
    assert_ne!(browser.cookie("doorkey").unwrap(), random);
    assert_eq!(with_cookie(&test, &random).who("harbor").await, None);
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(thief.who("harbor").await, None, "replaced by Ada's in the browser above");
});

both!(account_forms_take_only_the_secret_of_this_session, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = logged_in(&test, ADA).await;
    let mut ben = logged_in(&test, "ben@example.test").await;
    let old = browser.get("/s/harbor/account").await.hidden("form_secret");
    let of_ben = ben.get("/s/harbor/account").await.hidden("form_secret");
    assert_ne!(old, of_ben);
    assert_eq!(browser.login("harbor", ADA, PASSWORD).await.status, 303);
    let now = browser.get("/s/harbor/account").await.hidden("form_secret");
    assert_ne!(old, now, "it changes with every login");
    let before = test.hash_of(ADA).await;
    type Form<'a> = (&'a str, Vec<(&'a str, &'a str)>, u16);
    let forms: [Form<'_>; 3] = [
        (
            "account/password",
            vec![("current_password", PASSWORD), ("password", NEW), ("password_repeat", NEW)],
            200,
        ),
        ("account/email", vec![("current_password", PASSWORD), ("email", "m@example.test")], 200),
        ("account/sessions", vec![("session", "others")], 303),
    ];
    for (page, fields, _) in &forms {
        for secret in [None, Some(""), Some(&*old), Some(&*of_ben), Some("x")] {
            let mut fields = fields.clone();
            fields.extend(secret.map(|secret| ("form_secret", secret)));
            let answer = browser.post(&format!("/s/harbor/{page}"), &fields).await;
            assert_eq!(answer.status, 403, "{page} {secret:?}");
        }
    }
    assert_eq!(test.hash_of(ADA).await, before);
    assert!(test.deliver().await.is_empty());
    let mut elsewhere = logged_in(&test, ADA).await;
    for (page, mut fields, status) in forms.into_iter().rev() {
        fields.push(("form_secret", &now));
        let answer = browser.post(&format!("/s/harbor/{page}"), &fields).await;
        assert_eq!(answer.status, status, "{page}");
    }
    assert_ne!(test.hash_of(ADA).await, before);
    assert_eq!(elsewhere.who("harbor").await, None);
    // The password was changed: a new session, and the secret with it.
    let after = browser.get("/s/harbor/account").await.hidden("form_secret");
    assert_ne!(after, now);
});

both!(a_session_cookie_is_out_of_the_reach_of_scripts_and_other_sites, |db| async move {
    let test = TestApp::start(db).await;
    let answer = test.browser().login("harbor", ADA, PASSWORD).await;
    let cookie = answer.set_cookies().concat();
    for part in ["doorkey=", "HttpOnly", "SameSite=Lax", "Path=/s/harbor", "Max-Age=5184000"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
});

both!(a_cart_comes_back_exactly_as_the_shop_wrote_it, |db| async move {
    let test = TestApp::start(db).await;
    let cart = "%7B%22sku%22%3A%22tin%22%2C%22n%22%3A2%7D";
    let mut laptop = test.browser();
    laptop.set_cookie("cart", cart, "/s/harbor");
    assert_eq!(laptop.forgot("harbor", ADA).await.status, 202);
    let link = crate::support::app::reset_link(&test.deliver().await[0]);
    let mut phone = test.browser();
    assert_eq!(phone.set_password(&link, NEW).await.status, 303);
    assert_eq!(phone.cookie("cart"), Some(cart));
});
