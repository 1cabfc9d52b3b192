//! The door of the back office: log-in, second factor, sessions, and the ways back in.

use doorkey::staff::factor::FactorKey;

use crate::support::app::PASSWORD;
use crate::support::desk::{ADMIN, AGENT, VIEWER};
use crate::support::face::Face;
use crate::support::{Answer, Browser, TestApp, both};

/// Logs in at the back office.
pub async fn login(browser: &mut Browser, email: &str, password: &str, code: &str) -> Answer {
    let fields = [("email", email), ("password", password), ("code", code)];
    browser.post("/oms/login", &fields).await
}

/// The key on the page that sets up a second factor, and the page's hidden fields.
pub async fn scan(browser: &mut Browser) -> (FactorKey, String, String) {
    let page = browser.get("/oms/account/factor").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let start = page.body.find("id=\"key-text\">").unwrap() + "id=\"key-text\">".len();
    let text = page.body[start..].split('<').next().unwrap().replace(' ', "");
    let bytes = totp_rs::Secret::try_from_base32(&text).unwrap();
    let key = FactorKey::from_bytes(bytes.as_bytes().try_into().unwrap());
    (key, page.hidden("key"), page.hidden("form_secret"))
}

/// Sets up a second factor in a browser that is half logged in; gives key and recovery codes.
pub async fn enrol_factor(test: &TestApp, browser: &mut Browser) -> (FactorKey, Vec<String>) {
    let (key, sealed, secret) = scan(browser).await;
    let code = key.code(test.clock.now());
    let fields = [("form_secret", &*secret), ("key", &*sealed), ("code", &*code)];
    let done = browser.post("/oms/account/factor", &fields).await;
    assert_eq!(done.status, 200, "{}", done.body);
    (key, codes_on(&done))
}

/// The recovery codes on a page.
pub fn codes_on(page: &Answer) -> Vec<String> {
    let lines = page.body.split("<li>").skip(1);
    lines.map(|line| line.split('<').next().unwrap().to_owned()).collect()
}

both!(an_agent_logs_in_with_email_and_password, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    assert_eq!(browser.get("/oms").await.location(), "/oms/customers");
    let answer = login(&mut browser, "AGENT@harbor.test", PASSWORD, "").await;
    assert_eq!((answer.status, answer.location()), (303, "/oms/customers"), "{}", answer.body);
    let account = browser.get("/oms/account").await;
    assert_eq!(account.status, 200);
    assert!(account.body.contains("Robin Agent"), "{}", account.body);
    let out = browser.post("/oms/logout", &[]).await;
    assert_eq!((out.status, out.location()), (303, "/oms/login"));
    assert_eq!(
        browser.get("/oms/account").await.location(),
        "/oms/login?return_to=%2Foms%2Faccount"
    );
    let written = "SELECT COUNT(*) AS n FROM activity
                   WHERE action IN ('staff.logged_in', 'staff.logged_out')";
    assert_eq!(test.count(written).await, 2);
});

both!(an_administrator_sets_up_a_second_factor_first, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let answer = login(&mut browser, ADMIN, PASSWORD, "").await;
    assert_eq!((answer.status, answer.location()), (303, "/oms/account/factor"));
    for page in ["/oms/account", "/oms/staff"] {
        assert_eq!(browser.get(page).await.location(), "/oms/account/factor", "{page}");
    }
    let (key, codes) = enrol_factor(&test, &mut browser).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(browser.get("/oms/staff").await.status, 200);

    // From now on the password alone is not enough, and each code is used once.
    let mut other = test.browser();
    let code = key.code(test.clock.now());
    for wrong in ["", "000000", &code, "0000-0000-0000-0000"] {
        assert_eq!(login(&mut other, ADMIN, PASSWORD, wrong).await.status, 401, "{wrong}");
    }
    test.wait(30);
    let code = key.code(test.clock.now());
    assert_eq!(login(&mut other, ADMIN, PASSWORD, &code).await.status, 303);
    assert_eq!(other.get("/oms/staff").await.status, 200);
    assert_eq!(login(&mut test.browser(), ADMIN, PASSWORD, &code).await.status, 401, "replayed");

    // A recovery code stands in, once.
    let shouted = codes[3].to_uppercase();
    assert_eq!(login(&mut test.browser(), ADMIN, PASSWORD, &shouted).await.status, 303);
    assert_eq!(login(&mut test.browser(), ADMIN, PASSWORD, &codes[3]).await.status, 401);
    assert!(other.get("/oms/account").await.body.contains("9 left"));
});

both!(every_failure_looks_the_same, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.browser();
    login(&mut admin, ADMIN, PASSWORD, "").await;
    let (key, _) = enrol_factor(&test, &mut admin).await;
    test.wait(60);
    test.exec("UPDATE staff SET disabled_at = 1 WHERE email_key = 'viewer@harbor.test'").await;
    let sql = "INSERT INTO staff (id, merchant_id, email, email_key, login_key, name, role, created_at)
               SELECT 'new', merchant_id, 'new@harbor.test', 'new@harbor.test', 'x new@harbor.test', 'New', 'agent', 0
               FROM store WHERE key = 'harbor'";
    test.exec(sql).await;
    let code = key.code(test.clock.now());
    let mut faces = Vec::new();
    for (who, email, password, code) in [
        ("nobody", "nobody@harbor.test", PASSWORD, ""),
        ("a customer", "ada@example.test", PASSWORD, ""),
        ("disabled", VIEWER, PASSWORD, ""),
        ("invited only", "new@harbor.test", PASSWORD, ""),
        ("a wrong password", AGENT, "not this one", ""),
        ("no code", ADMIN, PASSWORD, ""),
        ("a wrong code", ADMIN, PASSWORD, "123456"),
        ("a wrong recovery code", ADMIN, PASSWORD, "0000-1111-2222-3333"),
        ("the code alone", ADMIN, "not this one", &code),
        ("no address", "no-address", PASSWORD, ""),
    ] {
        let answer = login(&mut test.browser(), email, password, code).await;
        assert_eq!(answer.status, 401, "{who}");
        assert_eq!(answer.set_cookies(), Vec::<String>::new(), "{who}");
        faces.push((who, Face::of(&answer).without(email)));
    }
    for (who, face) in &faces[1..] {
        assert_eq!(*face, faces[0].1, "{who}");
    }
    // The control: what is right still is.
    assert_eq!(login(&mut test.browser(), ADMIN, PASSWORD, &code).await.status, 303);
});

both!(who_guesses_waits_and_the_administrators_are_told, |db| async move {
    let test = TestApp::start(db).await;
    for _ in 0..5 {
        assert_eq!(login(&mut test.browser(), AGENT, "wrong", "").await.status, 401);
    }
    let known = login(&mut test.browser(), AGENT, PASSWORD, "").await;
    assert_eq!(known.status, 429, "the right password, too soon");
    assert_eq!(known.headers["retry-after"], "2");
    // The same for an address that nobody has.
    for _ in 0..5 {
        assert_eq!(login(&mut test.browser(), "nobody@x.test", "wrong", "").await.status, 401);
    }
    let unknown = login(&mut test.browser(), "nobody@x.test", PASSWORD, "").await;
    assert_eq!(Face::of(&known).without(AGENT), Face::of(&unknown).without("nobody@x.test"));
    // A realm of its own: customers from the same place log in, and so do colleagues.
    assert_eq!(test.browser().login("harbor", "ada@example.test", PASSWORD).await.status, 303);
    assert_eq!(login(&mut test.browser(), VIEWER, PASSWORD, "").await.status, 303);
    let elsewhere = &mut test.browser().from_address([198, 51, 100, 7]);
    assert_eq!(login(elsewhere, AGENT, PASSWORD, "").await.status, 303);
    let alerts = "SELECT COUNT(*) AS n FROM activity
                  WHERE action = 'staff.login_throttled' AND alert = 1";
    for _ in 0..200 {
        if test.count(alerts).await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(test.count(alerts).await, 1);
    test.wait(3);
    assert_eq!(login(&mut test.browser(), AGENT, PASSWORD, "").await.status, 303);
});

both!(codes_cannot_be_guessed_from_many_places, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.browser();
    login(&mut admin, ADMIN, PASSWORD, "").await;
    let (key, _) = enrol_factor(&test, &mut admin).await;
    test.wait(60);
    let from = |n| test.browser().from_address([198, 51, 100, n]);
    for n in 0..10 {
        assert_eq!(login(&mut from(n), ADMIN, PASSWORD, "123456").await.status, 401);
    }
    let code = key.code(test.clock.now());
    assert_eq!(login(&mut from(20), ADMIN, PASSWORD, &code).await.status, 401, "too many");
    // Whoever has not got the password cannot use this up.
    test.wait(3600);
    for n in 0..12 {
        assert_eq!(login(&mut from(n), ADMIN, "wrong", "123456").await.status, 401);
    }
    let code = key.code(test.clock.now());
    assert_eq!(login(&mut from(30), ADMIN, PASSWORD, &code).await.status, 303);
});

both!(a_session_ends_when_it_is_left_alone_and_after_a_day_of_work, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    login(&mut browser, AGENT, PASSWORD, "").await;
    for _ in 0..23 {
        test.wait(29 * 60);
        assert_eq!(browser.get("/oms/account").await.status, 200);
    }
    let mut idle = test.browser();
    login(&mut idle, AGENT, PASSWORD, "").await;
    test.wait(29 * 60);
    assert_eq!(idle.get("/oms/account").await.status, 200);
    test.wait(31 * 60);
    assert_eq!(idle.get("/oms/account").await.status, 303, "left alone");
    login(&mut idle, AGENT, PASSWORD, "").await;
    assert_eq!(browser.get("/oms/account").await.status, 303, "twelve hours");
});

both!(a_log_in_ends_what_the_cookie_opened_before, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    login(&mut browser, AGENT, PASSWORD, "").await;
    let mut planted = browser.clone();
    let answer = login(&mut browser, VIEWER, PASSWORD, "").await;
    let cookie = &answer.set_cookies()[0];
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(planted.get("/oms/account").await.status, 303);
    assert_eq!(browser.get("/oms/account").await.status, 200);
    // A customer's session opens nothing here, nor the other way round.
    let mut customer = test.browser();
    customer.login("harbor", "ada@example.test", PASSWORD).await;
    assert_eq!(customer.get("/oms/account").await.status, 303);
    assert_eq!(browser.who("harbor").await, None);
});

both!(the_page_that_was_wanted_comes_after_the_log_in, |db| async move {
    let test = TestApp::start(db).await;
    let wanted = test.browser().get("/oms/staff").await.location().to_owned();
    assert_eq!(wanted, "/oms/login?return_to=%2Foms%2Fstaff");
    for (wanted, to) in [
        ("/oms/staff", "/oms/staff"),
        ("https://evil.test/oms/", "/oms/customers"),
        ("//evil.test", "/oms/customers"),
    ] {
        let fields = [("email", AGENT), ("password", PASSWORD), ("return_to", wanted)];
        let answer = test.browser().post("/oms/login", &fields).await;
        assert_eq!((answer.status, answer.location()), (303, to), "{wanted}");
    }
});
