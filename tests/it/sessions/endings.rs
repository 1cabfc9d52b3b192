//! What ends a session.

use super::{ADA, NEW, logged_in, with_cookie};
use crate::support::app::{Options, PASSWORD, link_of, token_of};
use crate::support::{TestApp, both};
use crate::token::change_password;

both!(a_recovery_ends_every_other_session, |db| async move {
    let test = TestApp::start(db).await;
    let mut jars = Vec::new();
    for _ in 0..3 {
        jars.push(logged_in(&test, ADA).await);
    }
    let mut trade = test.browser();
    assert_eq!(trade.login("harbor-trade", ADA, PASSWORD).await.status, 303);
    let mut ben = logged_in(&test, "ben@example.test").await;
    let link = test.link("harbor", ADA).await;
    let mut fourth = test.browser();
    assert_eq!(fourth.set_password(&link, NEW).await.status, 303);
    for jar in &mut jars {
        assert_eq!(jar.get("/s/harbor/session").await.status, 401);
        assert_eq!(jar.get("/s/harbor/auth").await.status, 401);
        assert_eq!(jar.get("/s/harbor/account").await.status, 303);
    }
    assert_eq!(trade.who("harbor-trade").await, None, "at every store of the merchant");
    assert_eq!(fourth.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(ben.who("harbor").await.as_deref(), Some("ben@example.test"));
});

both!(a_change_in_the_account_ends_every_session_but_this_browsers, |db| async move {
    let test = TestApp::start(db).await;
    let (mut here, mut there) = (logged_in(&test, ADA).await, logged_in(&test, ADA).await);
    let old = here.cookie("doorkey").unwrap().to_owned();
    assert_eq!(change_password(&mut here, PASSWORD, NEW).await.status, 200);
    assert_eq!(there.who("harbor").await, None);
    assert_eq!(here.who("harbor").await.as_deref(), Some(ADA));
    assert_ne!(here.cookie("doorkey").unwrap(), old, "with a new cookie");
    assert_eq!(with_cookie(&test, &old).who("harbor").await, None);
});

both!(logging_in_again_replaces_the_session_of_this_browser, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = logged_in(&test, ADA).await;
    let first = browser.cookie("doorkey").unwrap().to_owned();
    let mut elsewhere = logged_in(&test, ADA).await;
    assert_eq!(browser.login("harbor", ADA, PASSWORD).await.status, 303);
    assert_ne!(browser.cookie("doorkey").unwrap(), first);
    assert_eq!(with_cookie(&test, &first).who("harbor").await, None);
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(elsewhere.who("harbor").await.as_deref(), Some(ADA), "others go on");
});

both!(logging_out_ends_the_session_on_the_server, |db| async move {
    let test = TestApp::start(db).await;
    let (mut here, mut there) = (logged_in(&test, ADA).await, logged_in(&test, ADA).await);
    let cookie = here.cookie("doorkey").unwrap().to_owned();
    // Not by a link: a page elsewhere could hold one.
    assert_eq!(here.get("/s/harbor/logout").await.status, 405);
    assert_eq!(here.who("harbor").await.as_deref(), Some(ADA));
    let answer = here.post("/s/harbor/logout", &[]).await;
    assert_eq!((answer.status, answer.location()), (303, "/s/harbor/login"));
    assert_eq!(here.cookie("doorkey"), None);
    assert_eq!(with_cookie(&test, &cookie).who("harbor").await, None);
    assert_eq!(there.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(test.browser().post("/s/harbor/logout", &[]).await.status, 303, "nobody, no error");
});

both!(unused_sessions_end_and_used_ones_go_on, |db| async move {
    let test =
        TestApp::with(Options::new(db).set("session.idle", 10).set("session.absolute", 30)).await;
    let (mut used, mut unused) = (logged_in(&test, ADA).await, logged_in(&test, ADA).await);
    test.wait(9);
    assert_eq!(used.who("harbor").await.as_deref(), Some(ADA));
    test.wait(2);
    assert_eq!(unused.who("harbor").await, None);
    assert_eq!(used.who("harbor").await.as_deref(), Some(ADA));
    for _ in 0..3 {
        test.wait(6);
        assert_eq!(used.who("harbor").await.as_deref(), Some(ADA));
    }
    test.wait(1);
    assert_eq!(used.who("harbor").await, None, "30 seconds after the login, used or not");
    assert_eq!(used.login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(used.who("harbor").await.as_deref(), Some(ADA));
});

both!(a_closed_account_has_no_session, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = logged_in(&test, ADA).await;
    test.exec("UPDATE customer SET blocked_at = 1 WHERE number = 'H-1001'").await;
    assert_eq!(browser.who("harbor").await, None);
    assert_eq!(browser.get("/s/harbor/auth").await.status, 401);
    assert_eq!(browser.get("/s/harbor/account").await.status, 303);
    assert_eq!(browser.login("harbor", ADA, PASSWORD).await.status, 401);
});

both!(freezing_ends_every_session_for_good, |db| async move {
    let test = TestApp::start(db).await;
    let mut thief = logged_in(&test, ADA).await;
    assert_eq!(change_password(&mut thief, PASSWORD, NEW).await.status, 200);
    let freeze = token_of(&link_of(&test.deliver().await[0], "/not-me"));
    assert_eq!(test.browser().post("/s/harbor/not-me", &[("token", &freeze)]).await.status, 200);
    assert_eq!(thief.who("harbor").await, None);
    let link = test.link("harbor", ADA).await;
    let mut owner = test.browser();
    assert_eq!(owner.set_password(&link, "another fine kettle").await.status, 303);
    assert_eq!(thief.who("harbor").await, None, "not revived when the account opens again");
    assert_eq!(owner.who("harbor").await.as_deref(), Some(ADA));
});

both!(sessions_are_listed_and_ended_one_by_one_or_all, |db| async move {
    let test = TestApp::start(db).await;
    let mut jars = Vec::new();
    for agent in ["Firefox Windows", "Safari iPhone", "Chrome Android"] {
        let mut jar = test.browser().with_header("user-agent", agent);
        assert_eq!(jar.login("harbor", ADA, PASSWORD).await.status, 303);
        jars.push(jar);
    }
    let mut ben = logged_in(&test, "ben@example.test").await;
    let page = jars[0].get("/s/harbor/account/sessions").await;
    for device in ["Firefox on Windows", "Safari on iPhone", "Chrome on Android", "Harbor Coffee"] {
        assert!(page.body.contains(device), "{device}");
    }
    assert_eq!(page.body.matches("This device").count(), 1);
    let secret = page.hidden("form_secret");
    let phone = page.body.split("Safari on iPhone").nth(1).unwrap();
    let id = phone.split("name=\"session\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let end = |id: &str| vec![("form_secret", secret.clone()), ("session", id.to_owned())];
    let url = "/s/harbor/account/sessions";
    let of_ben = ben.get("/s/harbor/account").await.hidden("form_secret");
    // Ids are no rights: Ben cannot end Ada's.
    let fields = [("form_secret", &*of_ben), ("session", id)];
    assert_eq!(ben.post(url, &fields).await.status, 303);
    assert_eq!(jars[1].who("harbor").await.as_deref(), Some(ADA));
    for (which, alive) in [(id, [true, false, true]), ("others", [true, false, false])] {
        let fields = end(which);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(jars[0].post(url, &fields).await.status, 303);
        for (jar, alive) in jars.iter_mut().zip(alive) {
            assert_eq!(jar.who("harbor").await.is_some(), alive, "{which}");
        }
    }
    assert!(jars[0].get(url).await.body.contains("You are not logged in anywhere else."));
    assert_eq!(ben.who("harbor").await.as_deref(), Some("ben@example.test"));
});
