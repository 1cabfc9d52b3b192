//! A browser in which somebody else is logged in already.

use crate::support::app::{PASSWORD, token_of};
use crate::support::{TestApp, both};

const NEW: &str = "a brand new teapot";

both!(whoever_is_logged_in_as_somebody_else_is_told_and_must_choose, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let token = token_of(&link);
    let mut browser = test.browser();
    browser.login("harbor", "ben@example.test", PASSWORD).await;
    let of_ben = browser.cookie("doorkey").unwrap().to_owned();
    let page = browser.open_link(&link).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("This browser is logged in as b•••@e•••.test."), "{}", page.body);
    assert!(page.body.contains("a•••@e•••.test") && page.body.contains("Harbor Coffee"));
    assert!(page.body.contains("name=\"switch\" value=\"1\" required"));
    let fields = [("token", &*token), ("password", NEW), ("password_repeat", NEW)];
    for switch in [None, Some(""), Some("0"), Some("true")] {
        let mut fields = fields.to_vec();
        fields.extend(switch.map(|value| ("switch", value)));
        assert_eq!(browser.post("/s/harbor/reset", &fields).await.status, 422, "{switch:?}");
        assert_eq!(browser.who("harbor").await.as_deref(), Some("ben@example.test"));
    }
    let [token, password, repeat] = fields;
    let switched = [token, password, repeat, ("switch", "1")];
    assert_eq!(browser.post("/s/harbor/reset", &switched).await.status, 303);
    assert_eq!(browser.who("harbor").await.as_deref(), Some("ada@example.test"));
    // "Log that customer out": not just forgotten by this browser.
    let mut old = test.browser();
    old.set_cookie("doorkey", &of_ben, "/s/harbor");
    assert_eq!(old.who("harbor").await, None);
});

both!(the_same_customer_and_nobody_are_not_asked, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let asks = |page: &crate::support::Answer| page.body.contains("name=\"switch\"");
    let mut ada = test.browser();
    ada.login("harbor", "ada@example.test", PASSWORD).await;
    assert!(!asks(&ada.open_link(&link).await));
    assert!(!asks(&test.browser().open_link(&link).await));
    let mut ben = test.browser();
    ben.login("harbor", "ben@example.test", PASSWORD).await;
    assert!(asks(&ben.open_link(&link).await));
    // A session of another store of the merchant is no login here.
    let mut elsewhere = test.browser();
    elsewhere.login("harbor-trade", "ben@example.test", PASSWORD).await;
    assert!(!asks(&elsewhere.open_link(&link).await));
    assert_eq!(ada.set_password(&link, NEW).await.status, 303);
});

both!(the_account_is_hinted_at_only_once_the_token_is_checked, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let mut browser = test.browser();
    let live = browser.open_link(&link).await;
    assert!(live.body.contains("a•••@e•••.test"));
    assert!(!live.body.contains("ada@example.test"));
    assert_eq!(browser.set_password(&link, NEW).await.status, 303);
    let mut later = test.browser();
    let dead = later.open_link(&link).await;
    assert_eq!(dead.status, 410);
    assert!(!dead.body.contains("•••"));
});
