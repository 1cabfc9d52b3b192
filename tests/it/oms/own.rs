//! The own account of a member of staff.

use super::door::{codes_on, enrol_factor, login, scan};
use crate::support::app::{PASSWORD, text_of};
use crate::support::desk::{ADMIN, AGENT};
use crate::support::{TestApp, both};

const NEW: &str = "seven quiet lanterns";

both!(a_new_password_ends_other_sessions_and_is_told_by_mail, |db| async move {
    let test = TestApp::start(db).await;
    let (mut here, mut there) = (test.browser(), test.browser());
    login(&mut here, AGENT, PASSWORD, "").await;
    login(&mut there, AGENT, PASSWORD, "").await;
    let secret = here.get("/oms/account").await.hidden("form_secret");
    for (current, new, repeat, says) in [
        ("wrong", NEW, NEW, "current password is not right"),
        (PASSWORD, "short", "short", "choose another password"),
        (PASSWORD, NEW, "seven quiet lamps", "not the same"),
    ] {
        let fields = [
            ("form_secret", &*secret),
            ("current_password", current),
            ("password", new),
            ("password_repeat", repeat),
        ];
        let answer = here.post("/oms/account/password", &fields).await;
        assert_eq!(answer.status, 422, "{says}");
        assert!(answer.body.contains(says), "{says}: {}", answer.body);
    }
    assert_eq!(there.get("/oms/account").await.status, 200);
    let fields = [
        ("form_secret", &*secret),
        ("current_password", PASSWORD),
        ("password", NEW),
        ("password_repeat", NEW),
    ];
    let stolen = here.clone();
    let answer = here.post("/oms/account/password", &fields).await;
    assert_eq!(answer.location(), "/oms/account?done=password", "{}", answer.body);
    assert_eq!(here.get("/oms/account").await.status, 200);
    for mut ended in [there, stolen] {
        assert_eq!(ended.get("/oms/account").await.status, 303);
    }
    assert_eq!(login(&mut test.browser(), AGENT, NEW, "").await.status, 303);
    let mails = test.deliver().await;
    assert_eq!((mails.len(), &*mails[0].recipients[0]), (1, AGENT));
    assert!(text_of(&mails[0]).contains("http://127.0.0.1:8080/oms/forgot"));
});

both!(the_current_password_cannot_be_guessed_at_an_open_desk, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    let guess =
        |password| [("current_password", password), ("password", NEW), ("password_repeat", NEW)];
    for _ in 0..5 {
        assert_eq!(seat.post("/oms/account/password", &guess("wrong")).await.status, 422);
    }
    let answer = seat.post("/oms/account/password", &guess(PASSWORD)).await;
    assert!(answer.body.contains("Too many attempts"), "{}", answer.body);
    test.wait(3);
    assert_eq!(seat.post("/oms/account/password", &guess(PASSWORD)).await.status, 303);
});

both!(an_agent_may_have_a_second_factor_and_do_without_again, |db| async move {
    let test = TestApp::start(db).await;
    let (mut here, mut there) = (test.browser(), test.browser());
    login(&mut here, AGENT, PASSWORD, "").await;
    login(&mut there, AGENT, PASSWORD, "").await;
    let (key, sealed, secret) = scan(&mut here).await;
    let code = key.code(test.clock.now());
    let fields = |sealed, code, password| {
        [("form_secret", &*secret), ("key", sealed), ("code", code), ("current_password", password)]
    };
    for (sealed, code, password) in
        [(&*sealed, "000000", PASSWORD), (&*sealed, &*code, "wrong"), ("AAAA", &*code, PASSWORD)]
    {
        let answer = here.post("/oms/account/factor", &fields(sealed, code, password)).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
    }
    // A key that was made for one session is of no use in another.
    let (_, foreign, _) = scan(&mut there).await;
    assert_eq!(
        here.post("/oms/account/factor", &fields(&foreign, &code, PASSWORD)).await.status,
        422
    );
    let done = here.post("/oms/account/factor", &fields(&sealed, &code, PASSWORD)).await;
    assert_eq!(codes_on(&done).len(), 10);
    assert_eq!(there.get("/oms/account").await.status, 303, "other sessions ended");

    let page = here.get("/oms/account").await;
    assert!(page.body.contains("10 left"), "{}", page.body);
    let secret = page.hidden("form_secret");
    let fields = [("form_secret", &*secret), ("current_password", PASSWORD)];
    let renewed = here.post("/oms/account/codes", &fields).await;
    assert_eq!(renewed.status, 200);
    let (old, new) = (codes_on(&done), codes_on(&renewed));
    assert_eq!(login(&mut test.browser(), AGENT, PASSWORD, &old[0]).await.status, 401);
    assert_eq!(login(&mut test.browser(), AGENT, PASSWORD, &new[0]).await.status, 303);

    let wrong = [("form_secret", &*secret), ("current_password", "wrong")];
    assert_eq!(here.post("/oms/account/factor/remove", &wrong).await.status, 422);
    assert_eq!(here.post("/oms/account/factor/remove", &fields).await.status, 303);
    assert_eq!(login(&mut test.browser(), AGENT, PASSWORD, "").await.status, 303);
});

both!(an_administrator_replaces_the_second_factor_but_keeps_one, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.browser();
    login(&mut admin, ADMIN, PASSWORD, "").await;
    let (old, _) = enrol_factor(&test, &mut admin).await;
    let secret = admin.get("/oms/account").await.hidden("form_secret");
    let fields = [("form_secret", &*secret), ("current_password", PASSWORD)];
    let refused = admin.post("/oms/account/factor/remove", &fields).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("needs a second factor"), "{}", refused.body);
    let (new, sealed, secret) = scan(&mut admin).await;
    let code = new.code(test.clock.now());
    let fields = [
        ("form_secret", &*secret),
        ("key", &*sealed),
        ("code", &*code),
        ("current_password", PASSWORD),
    ];
    assert_eq!(admin.post("/oms/account/factor", &fields).await.status, 200);
    test.wait(60);
    let now = test.clock.now();
    assert_eq!(login(&mut test.browser(), ADMIN, PASSWORD, &old.code(now)).await.status, 401);
    assert_eq!(login(&mut test.browser(), ADMIN, PASSWORD, &new.code(now)).await.status, 303);
});

both!(sessions_are_listed_and_ended, |db| async move {
    let test = TestApp::start(db).await;
    let (mut here, mut there, mut third) = (test.browser(), test.browser(), test.browser());
    for browser in [&mut here, &mut there, &mut third] {
        login(browser, AGENT, PASSWORD, "").await;
    }
    let page = here.get("/oms/account").await;
    assert_eq!(page.body.matches("name=\"session\" value=\"").count(), 3, "two, and all others");
    let (secret, one) = (page.hidden("form_secret"), page.hidden("session"));
    let end = |which| [("form_secret", &*secret), ("session", which)];
    assert_eq!(here.post("/oms/account/sessions", &end(&one)).await.status, 303);
    let left = [there.get("/oms/account").await.status, third.get("/oms/account").await.status];
    assert_eq!(left.iter().filter(|s| **s == 200).count(), 1);
    here.post("/oms/account/sessions", &end("others")).await;
    for mut ended in [there, third] {
        assert_eq!(ended.get("/oms/account").await.status, 303);
    }
    assert_eq!(here.get("/oms/account").await.status, 200);
});

both!(the_page_of_the_second_factor_has_a_picture_and_the_key_as_text, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.browser();
    login(&mut admin, ADMIN, PASSWORD, "").await;
    let page = admin.get("/oms/account/factor").await.body;
    let (key, ..) = scan(&mut admin).await;
    assert_eq!(key.text().len(), 32);
    assert!(page.contains("<svg class=\"qr\" role=\"img\" aria-label="), "{page}");
    assert!(page.contains("href=\"otpauth://totp/"), "{page}");
    assert!(!page.contains("data:") && !page.contains("style="), "{page}");
    // Nothing is stored before it is confirmed.
    let stored = "SELECT COUNT(*) AS n FROM staff WHERE totp_sealed IS NOT NULL";
    assert_eq!(test.count(stored).await, 0);
});
