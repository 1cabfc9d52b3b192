//! The phone call, told whole, in the forms that need no sealed copy.

use super::{ADA, NEW, acts, click, sent, set_mode, temporary_of, timeline};
use crate::support::app::{PASSWORD, link_of, reset_link, text_of};
use crate::support::desk::AGENT;
use crate::support::{TestApp, both};

both!(a_temporary_password_gets_the_caller_in, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    let mail = sent(&test, &mut agent).await;
    assert_eq!(mail.recipients, [ADA]);
    let text = text_of(&mail);
    assert!(text.contains("The staff of Harbor Coffee sent you this mail"), "{text}");
    assert!(text.contains("within 60 minutes") && text.contains("It expires at"), "{text}");
    assert!(text.lines().any(|l| l == "http://127.0.0.1:8080/s/harbor/login"), "{text}");
    link_of(&mail, "/not-me");
    assert!(!text.contains(PASSWORD) && !text.contains("/reset"), "{text}");
    let temporary = temporary_of(&mail);

    // The customer's half. The own password keeps working meanwhile.
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    let mut ada = test.browser();
    let fields = [("email", ADA), ("password", &*temporary), ("return_to", "/s/harbor/checkout")];
    let opened = ada.post("/s/harbor/login", &fields).await;
    assert_eq!((opened.status, opened.location()), (303, "/s/harbor/reset"));
    assert_eq!(ada.who("harbor").await, None, "it gives no session");
    assert_eq!(ada.get("/s/harbor/account").await.status, 303);
    let page = ada.get("/s/harbor/reset").await;
    assert!(page.body.contains("Choose a new password"), "{}", page.body);
    let token = page.hidden("token");
    let link = format!("/s/harbor/reset?token={token}");
    let refused = ada.set_password(&link, &temporary).await;
    assert_eq!(refused.status, 422, "it cannot become the password");
    assert!(refused.body.contains("temporary password"), "{}", refused.body);
    let done = ada.set_password(&link, NEW).await;
    assert_eq!((done.status, done.location()), (303, "/s/harbor/checkout"));
    assert_eq!(ada.who("harbor").await.as_deref(), Some(ADA));

    let notice = test.deliver().await;
    assert!(text_of(&notice[0]).contains("was changed"));
    assert_eq!(test.browser().login("harbor", ADA, &temporary).await.status, 401);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 401);
    assert_eq!(test.browser().login("harbor", ADA, NEW).await.status, 303);
    let told = timeline(&test).await.join("\n");
    for kind in ["reminder_queued", "mail_accepted", "temporary_password_used", "password_changed"]
    {
        assert!(told.contains(kind), "{kind} in\n{told}");
    }
    assert!(!told.contains(&temporary) && !told.contains(ADA), "{told}");
    assert_eq!(acts(&test, "reminder.sent").await, (1, 0));
});

both!(a_link_gets_the_caller_in, |db| async move {
    let test = TestApp::start(db).await;
    set_mode(&test, "link").await;
    let mut agent = test.seat(AGENT).await;
    let mail = sent(&test, &mut agent).await;
    assert!(text_of(&mail).contains("The staff of Harbor Coffee sent you this mail"));
    let link = reset_link(&mail);
    assert!(link.starts_with("http://127.0.0.1:8080/s/harbor/reset?token="), "{link}");
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    let mut ada = test.browser();
    let done = ada.set_password(&link, NEW).await;
    assert_eq!((done.status, done.location()), (303, "/s/harbor/"));
    assert_eq!(ada.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(test.browser().set_password(&link, "another fine kettle").await.status, 410);
});

both!(it_opens_the_page_of_the_store_where_it_is_typed, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    let temporary = temporary_of(&sent(&test, &mut agent).await);
    let mut ada = test.browser();
    let opened = ada.login("harbor-trade", ADA, &temporary).await;
    assert_eq!((opened.status, opened.location()), (303, "/s/harbor-trade/reset"));
    let token = ada.get("/s/harbor-trade/reset").await.hidden("token");
    let link = |store| format!("/s/{store}/reset?token={token}");
    assert_eq!(ada.set_password(&link("harbor"), NEW).await.status, 410, "and of no other");
    assert_eq!(ada.set_password(&link("harbor-trade"), NEW).await.status, 303);
    assert_eq!(ada.who("harbor-trade").await.as_deref(), Some(ADA));
});

both!(each_language_has_its_own_form, |db| async move {
    let test = TestApp::start(db).await;
    for (language, word) in [("de", "Team"), ("es", "equipo"), ("fr", "équipe")] {
        let sql = "UPDATE customer SET language = $1 WHERE email_key = 'ada@example.test'";
        test.app.db.exec(sql, doorkey::args![language]).await.unwrap();
        test.wait(601);
        let mut agent = test.seat(AGENT).await;
        let mail = sent(&test, &mut agent).await;
        assert!(text_of(&mail).contains(word));
        let temporary = temporary_of(&mail);
        assert_eq!(temporary.len(), 16);
        assert_eq!(
            test.browser().login("harbor", ADA, &temporary).await.location(),
            "/s/harbor/reset"
        );
    }
});

both!(a_customer_without_a_password_gets_in_too, |db| async move {
    let test = TestApp::start(db).await;
    test.exec("UPDATE credential SET password_hash = NULL").await;
    let mut agent = test.seat(AGENT).await;
    let first = temporary_of(&sent(&test, &mut agent).await);
    assert_eq!(click(&test, &mut agent, &[("confirm", "1")]).await.status, 303);
    let second = temporary_of(&test.deliver().await[0]);
    for temporary in [first, second] {
        let opened = test.browser().login("harbor", ADA, &temporary).await;
        assert_eq!(opened.location(), "/s/harbor/reset");
    }
    assert_eq!(test.browser().login("harbor", ADA, "wrong").await.status, 401);
});
