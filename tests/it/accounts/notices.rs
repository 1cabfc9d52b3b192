//! Whoever's account changes is told, whatever the mail server does meanwhile.

use super::{ADA, NEW, OTHER, confirmation, logged_in, press, to};
use crate::support::app::{Options, PASSWORD, link_of, text_of};
use crate::support::smtp_sink::{Fault, Plan, Step};
use crate::support::{TestApp, both};
use crate::token::{change_address, change_password};

both!(every_change_is_told_without_a_secret, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    let mut browser = test.browser().with_header("user-agent", "Firefox Windows");
    assert_eq!(browser.set_password(&link, NEW).await.status, 303);
    let mut told = test.deliver().await;
    assert_eq!(change_password(&mut browser, NEW, OTHER).await.status, 200);
    told.extend(test.deliver().await);
    assert_eq!(told.len(), 2);
    for notice in &told {
        assert_eq!(notice.recipients, [ADA]);
        let text = text_of(notice);
        assert!(text.contains("The password of your account at Harbor Coffee was changed"));
        assert!(text.contains("Firefox on Windows"), "{text}");
        for secret in [PASSWORD, NEW, OTHER, "/reset?token="] {
            assert!(!notice.text().contains(secret) && !text.contains(secret), "{secret}");
        }
        // The one link protects; it gives nothing.
        let freeze = link_of(notice, "/not-me");
        assert!(test.browser().get(&freeze).await.body.contains("Freeze my account"));
        assert_eq!(
            test.browser().set_password(&freeze.replace("not-me", "reset"), NEW).await.status,
            410
        );
    }
    change_address(&mut browser, OTHER, "marsh@example.test").await;
    let mails = test.deliver().await;
    let notice = text_of(to(&mails, ADA));
    assert!(notice.lines().any(|line| line == link_of(to(&mails, ADA), "/not-me")));
    assert_eq!(press(&mut browser, &confirmation(&mails, "marsh@example.test")).await.status, 200);
    assert_eq!(test.waiting().await, 0);
});

both!(a_mail_server_that_fails_undoes_no_change, |db| async move {
    for plan in [
        Plan::closed(),
        Plan::accept().at(Step::Recipient, Fault::Reply("451 4.3.0 later")),
        Plan::accept().at(Step::Content, Fault::Drop),
    ] {
        let test = TestApp::with(Options::new(db)).await;
        let link = test.link("harbor", ADA).await;
        test.sink.set(plan).await;
        let mut browser = test.browser();
        assert_eq!(browser.set_password(&link, NEW).await.status, 303);
        assert!(test.deliver().await.is_empty());
        assert_eq!(change_password(&mut browser, NEW, OTHER).await.status, 200);
        assert_eq!(change_address(&mut browser, OTHER, "marsh@example.test").await.status, 200);
        assert!(test.deliver().await.is_empty());
        assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
        assert_eq!(test.browser().login("harbor", ADA, OTHER).await.status, 303);
        assert_eq!(test.waiting().await, 4, "kept for later");
        test.sink.set(Plan::accept()).await;
        test.wait(1000);
        let mails = test.deliver().await;
        assert_eq!(mails.len(), 4, "and sent then");
        press(&mut browser, &confirmation(&mails, "marsh@example.test")).await;
        assert_eq!(browser.who("harbor").await.as_deref(), Some("marsh@example.test"));
    }
});

both!(password_managers_find_the_page_to_change_the_password, |db| async move {
    let test = TestApp::start(db).await;
    let url = "/s/harbor/.well-known/change-password";
    let answer = test.browser().get(url).await;
    assert_eq!((answer.status, answer.location()), (303, "/s/harbor/account/password"));
    let mut browser = logged_in(&test, ADA, PASSWORD).await;
    let page = browser.get(answer.location()).await;
    assert_eq!(page.status, 200);
    for hint in ["username", "current-password", "new-password"] {
        assert!(page.body.contains(&format!("autocomplete=\"{hint}\"")), "{hint}");
    }
    let mut stranger = test.browser();
    let login = stranger.get("/s/harbor/account/password").await;
    assert_eq!(login.location(), "/s/harbor/login?return_to=/s/harbor/account/password");
    let back = stranger.get(login.location()).await.hidden("return_to");
    let fields = [("email", ADA), ("password", PASSWORD), ("return_to", &*back)];
    let answer = stranger.post("/s/harbor/login", &fields).await;
    assert_eq!(answer.location(), "/s/harbor/account/password");
    // What looks like a resource that does not exist must not look like one that does.
    let other = stranger.get("/s/harbor/.well-known/resource-that-should-not-exist").await;
    assert_eq!(other.status, 404);
});

both!(a_refused_change_of_password_changes_nothing, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = logged_in(&test, ADA, PASSWORD).await;
    let mut other = logged_in(&test, ADA, PASSWORD).await;
    let before = test.hash_of(ADA).await;
    let secret = browser.get("/s/harbor/account/password").await.hidden("form_secret");
    for (current, password, repeat) in [
        ("wrong", NEW, NEW),
        ("", NEW, NEW),
        (PASSWORD, "short", "short"),
        (PASSWORD, "ada@example.test", "ada@example.test"),
        (PASSWORD, NEW, OTHER),
        (PASSWORD, NEW, ""),
    ] {
        let fields = [
            ("form_secret", &*secret),
            ("current_password", current),
            ("password", password),
            ("password_repeat", repeat),
        ];
        let answer = browser.post("/s/harbor/account/password", &fields).await;
        assert_eq!(answer.status, 422, "{current:?} {password:?}");
    }
    assert_eq!(test.hash_of(ADA).await, before);
    assert!(test.deliver().await.is_empty());
    assert_eq!(other.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(change_password(&mut browser, PASSWORD, NEW).await.status, 200);
    assert_eq!(test.deliver().await.len(), 1);
});

both!(a_late_notice_names_the_browser_that_changed_the_password, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    test.sink.set(Plan::closed()).await;
    let mut thief = test.browser().with_header("user-agent", "Firefox Linux");
    assert_eq!(thief.set_password(&link, NEW).await.status, 303);
    assert!(test.deliver().await.is_empty());
    test.wait(600);
    let mut later = test.browser().with_header("user-agent", "Safari iPhone");
    assert_eq!(later.login("harbor", ADA, NEW).await.status, 303);
    test.sink.set(Plan::accept()).await;
    let notice = text_of(to(&test.deliver().await, ADA));
    assert!(notice.contains("Firefox on Linux") && !notice.contains("iPhone"), "{notice}");
});
