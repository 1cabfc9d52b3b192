//! Registration: the same answer for everybody, and a customer only once the mailbox has spoken.

use super::{ADA, NEW, OTHER, logged_in, press, to};
use crate::support::app::{Options, PASSWORD, link_of, text_of};
use crate::support::face::Face;
use crate::support::{TestApp, both};
use crate::token::register;

const NOOR: &str = "noor@example.test";

both!(a_new_customer_is_in_once_the_mailbox_has_spoken, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let altcha = browser.solve_at("/s/harbor/captcha?for=registration").await;
    let fields = [
        ("email", "Noor@Example.test"),
        ("first_name", "  Noor "),
        ("last_name", "Haddad"),
        ("password", NEW),
        ("return_to", "/s/harbor/checkout"),
        ("altcha", &altcha),
    ];
    let answer = browser.post("/s/harbor/register", &fields).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(browser.who("harbor").await, None, "nobody yet");
    assert_eq!(test.browser().login("harbor", NOOR, NEW).await.status, 401);
    let mails = test.deliver().await;
    let link = link_of(to(&mails, "Noor@example.test"), "/register/confirm");
    assert!(!text_of(&mails[0]).contains(NEW) && !mails[0].text().contains("Noor Haddad"));
    let page = browser.get(&link).await;
    assert!(page.body.contains("Confirm and log in"));
    assert_eq!(test.browser().login("harbor", NOOR, NEW).await.status, 401, "opening is nothing");
    let done = press(&mut browser, &link).await;
    assert_eq!((done.status, done.location()), (303, "/s/harbor/checkout"));
    assert_eq!(browser.who("harbor").await.as_deref(), Some("Noor@example.test"));
    assert!(browser.get("/s/harbor/account").await.body.contains("<dd>Noor Haddad</dd>"));
    assert_eq!(press(&mut test.browser(), &link).await.status, 410, "once");
    assert_eq!(browser.get(&link).await.status, 410);
    assert_eq!(test.browser().login("harbor", NOOR, NEW).await.status, 303);
    assert_eq!(test.browser().login("northwind", NOOR, NEW).await.status, 401, "another merchant");
    let kept = "SELECT COUNT(*) AS n FROM registration
                WHERE password_hash IS NOT NULL OR address_sealed IS NOT NULL";
    assert_eq!(test.count(kept).await, 0);
});

both!(a_known_address_gets_the_same_answer_and_another_mail, |db| async move {
    let test = TestApp::start(db).await;
    let before = test.hash_of(ADA).await;
    let unknown = register(&mut test.browser(), NOOR, NEW).await;
    let known = register(&mut test.browser(), ADA, NEW).await;
    let blocked = register(&mut test.browser(), "cleo@example.test", NEW).await;
    assert_eq!(Face::of(&unknown), Face::of(&known));
    assert_eq!(Face::of(&unknown), Face::of(&blocked));
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 2, "none to the blocked one");
    let text = text_of(to(&mails, ADA));
    assert!(text.lines().any(|line| line == "http://127.0.0.1:8080/s/harbor/login"));
    assert!(text.lines().any(|line| line == "http://127.0.0.1:8080/s/harbor/forgot"));
    assert!(!text.contains("token="), "no link with rights");
    link_of(to(&mails, NOOR), "/register/confirm");
    assert_eq!(test.hash_of(ADA).await, before);
    assert_eq!(test.browser().login("harbor", ADA, NEW).await.status, 401);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
});

both!(an_address_taken_meanwhile_makes_the_link_dead, |db| async move {
    let test = TestApp::start(db).await;
    let mut links = Vec::new();
    for password in [NEW, OTHER] {
        assert_eq!(register(&mut test.browser(), NOOR, password).await.status, 202);
        links.push(link_of(to(&test.deliver().await, NOOR), "/register/confirm"));
    }
    assert_eq!(press(&mut test.browser(), &links[1]).await.status, 303);
    let mut late = test.browser();
    assert_eq!(press(&mut late, &links[0]).await.status, 410);
    assert_eq!(late.who("harbor").await, None);
    assert_eq!(test.browser().login("harbor", NOOR, NEW).await.status, 401);
    assert_eq!(test.browser().login("harbor", NOOR, OTHER).await.status, 303);
    // The same where staff added the customer.
    assert_eq!(register(&mut test.browser(), "lin@example.test", NEW).await.status, 202);
    let link = link_of(to(&test.deliver().await, "lin@example.test"), "/register/confirm");
    test.add_customer("harbor", "lin@example.test", Some(PASSWORD)).await;
    assert_eq!(press(&mut test.browser(), &link).await.status, 410);
    assert_eq!(test.browser().login("harbor", "lin@example.test", PASSWORD).await.status, 303);
});

both!(registering_in_a_browser_replaces_the_login_there, |db| async move {
    let test = TestApp::start(db).await;
    assert_eq!(register(&mut test.browser(), NOOR, NEW).await.status, 202);
    let link = link_of(to(&test.deliver().await, NOOR), "/register/confirm");
    let mut browser = logged_in(&test, ADA, PASSWORD).await;
    let of_ada = browser.cookie("doorkey").unwrap().to_owned();
    assert_eq!(press(&mut browser, &link).await.status, 303);
    assert_eq!(browser.who("harbor").await.as_deref(), Some(NOOR));
    let mut old = test.browser();
    old.set_cookie("doorkey", &of_ada, "/s/harbor");
    assert_eq!(old.who("harbor").await, None);
});

both!(what_is_no_registration_is_refused_and_queues_nothing, |db| async move {
    let test = TestApp::start(db).await;
    let long = "n".repeat(101);
    for (field, value, status) in [
        ("email", "nonsense", 422),
        ("email", "noor@example.test, ada@example.test", 422),
        ("email", "", 422),
        ("first_name", "", 422),
        ("last_name", "   ", 422),
        ("first_name", "Noor\r\nBcc: x@evil.test", 422),
        ("last_name", "\0", 422),
        ("last_name", &long, 422),
        ("password", "short", 422),
        ("password", NOOR, 422),
        ("altcha", "", 400),
        ("altcha", "bm9uc2Vuc2U=", 400),
        ("number", "H-1001", 400),
        ("blocked_at", "", 400),
        ("merchant", "northwind-tea", 400),
    ] {
        let mut browser = test.browser();
        let altcha = browser.solve_at("/s/harbor/captcha?for=registration").await;
        let mut fields = vec![
            ("email", NOOR),
            ("first_name", "Noor"),
            ("last_name", "Haddad"),
            ("password", NEW),
            ("altcha", &*altcha),
        ];
        match fields.iter_mut().find(|(name, _)| *name == field) {
            Some(slot) => slot.1 = value,
            None => fields.push((field, value)),
        }
        let answer = browser.post("/s/harbor/register", &fields).await;
        assert_eq!(answer.status, status, "{field} {value:?}");
    }
    // A captcha of the other form, or of another store, does not fit.
    for url in ["/s/harbor/captcha", "/s/northwind/captcha?for=registration"] {
        let mut browser = test.browser();
        let altcha = browser.solve_at(url).await;
        let names = [("first_name", "Noor"), ("last_name", "Haddad"), ("altcha", &*altcha)];
        let fields = [names[0], names[1], names[2], ("email", NOOR), ("password", NEW)];
        assert_eq!(browser.post("/s/harbor/register", &fields).await.status, 400, "{url}");
    }
    assert!(test.deliver().await.is_empty());
    assert_eq!(register(&mut test.browser(), NOOR, NEW).await.status, 202);
    assert_eq!(test.deliver().await.len(), 1);
});

both!(registering_shares_the_limits_of_recovery, |db| async move {
    let options = Options::new(db).set("limits.source_requests", 3);
    let test = TestApp::with(options).await;
    let mut browser = test.browser();
    assert_eq!(browser.forgot("harbor", "a@example.test").await.status, 202);
    assert_eq!(register(&mut browser, "b@example.test", NEW).await.status, 202);
    assert_eq!(register(&mut browser, "c@example.test", NEW).await.status, 202);
    let refused = register(&mut browser, "d@example.test", NEW).await;
    assert_eq!(refused.status, 429);
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<i64>().unwrap() > 0);
    let mut other = test.browser().from_address([198, 51, 100, 7]);
    assert_eq!(register(&mut other, "d@example.test", NEW).await.status, 202);
    assert_eq!(test.deliver().await.len(), 3);
});
