//! A member of staff forgot the password.

use super::door::{enrol_factor, login};
use crate::support::app::{PASSWORD, link_of, text_of};
use crate::support::desk::{ADMIN, AGENT, VIEWER};
use crate::support::face::Face;
use crate::support::{Answer, Browser, TestApp, both};

const NEW: &str = "seven quiet lanterns";

async fn forgot(browser: &mut Browser, email: &str) -> Answer {
    browser.post("/oms/forgot", &[("email", email)]).await
}

/// Opens a link as a browser does, and chooses a password on the page that shows.
pub async fn choose(browser: &mut Browser, link: &str, password: &str, code: &str) -> Answer {
    let page = open(browser, link).await;
    save(browser, &page, password, code).await
}

/// Opens a mailed link; gives the clean page's path and the token in its form.
async fn open(browser: &mut Browser, link: &str) -> (String, String) {
    let opened = browser.get(link).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    let path = opened.location().to_owned();
    assert!(!path.contains("token"), "{path}");
    let token = browser.get(&path).await.hidden("token");
    (path, token)
}

async fn save(
    browser: &mut Browser,
    (path, token): &(String, String),
    password: &str,
    code: &str,
) -> Answer {
    let fields = [
        ("token", &**token),
        ("password", password),
        ("password_repeat", password),
        ("code", code),
    ];
    browser.post(path, &fields).await
}

both!(a_mailed_link_gives_a_new_password, |db| async move {
    let test = TestApp::start(db).await;
    let mut old = test.browser();
    login(&mut old, AGENT, PASSWORD, "").await;
    let mut browser = test.browser();
    assert_eq!(forgot(&mut browser, " AGENT@harbor.test ").await.status, 202);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, [AGENT]);
    assert!(text_of(&mails[0]).contains("Harbor Goods"), "{}", text_of(&mails[0]));
    let link = link_of(&mails[0], "/oms/reset");

    // Looking changes nothing, a bad password leaves the link good.
    assert_eq!(test.browser().get(&link).await.status, 303);
    assert_eq!(login(&mut test.browser(), AGENT, PASSWORD, "").await.status, 303);
    let refused = choose(&mut browser, &link, "harbor", "").await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let done = choose(&mut browser, &link, NEW, "").await;
    assert_eq!((done.status, done.location()), (303, "/oms/customers"), "{}", done.body);
    assert_eq!(browser.get("/oms/account").await.status, 200);
    assert_eq!(old.get("/oms/account").await.status, 303, "other sessions ended");
    assert_eq!(login(&mut test.browser(), AGENT, PASSWORD, "").await.status, 401);
    assert_eq!(login(&mut test.browser(), AGENT, NEW, "").await.status, 303);
    let notice = test.deliver().await;
    assert_eq!(notice.len(), 1);
    assert!(text_of(&notice[0]).contains("was changed"), "{}", text_of(&notice[0]));

    // Used, garbled and missing links are one page.
    let dead = test.browser().get(&link).await;
    assert_eq!(dead.status, 410);
    for other in ["/oms/reset", "/oms/reset?token=x", &link.replace("/reset", "/enrol")] {
        assert_eq!(Face::of(&test.browser().get(other).await), Face::of(&dead), "{other}");
    }
});

both!(the_link_alone_is_not_enough_where_there_is_a_second_factor, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.browser();
    login(&mut admin, ADMIN, PASSWORD, "").await;
    let (key, codes) = enrol_factor(&test, &mut admin).await;
    test.deliver().await;
    test.wait(60);
    forgot(&mut test.browser(), ADMIN).await;
    let link = link_of(&test.deliver().await[0], "/oms/reset");
    let mut browser = test.browser();
    for wrong in ["", "123456"] {
        assert_eq!(choose(&mut browser, &link, NEW, wrong).await.status, 422, "{wrong}");
    }
    assert_eq!(admin.get("/oms/staff").await.status, 200, "nothing has happened");
    let code = key.code(test.clock.now());
    let done = choose(&mut browser, &link, NEW, &code).await;
    assert_eq!((done.status, done.location()), (303, "/oms/customers"), "{}", done.body);
    assert_eq!(browser.get("/oms/staff").await.status, 200);
    assert_eq!(login(&mut test.browser(), ADMIN, NEW, &code).await.status, 401, "used already");
    test.deliver().await;

    // A recovery code does as well.
    test.wait(60);
    forgot(&mut test.browser(), ADMIN).await;
    let link = link_of(&test.deliver().await[0], "/oms/reset");
    assert_eq!(choose(&mut test.browser(), &link, PASSWORD, &codes[0]).await.status, 303);
});

both!(the_answer_is_always_the_same_and_the_realms_are_apart, |db| async move {
    let test = TestApp::start(db).await;
    test.exec("UPDATE staff SET disabled_at = 1 WHERE email_key = 'viewer@harbor.test'").await;
    let first = forgot(&mut test.browser(), AGENT).await;
    assert_eq!(first.status, 202);
    for other in ["nobody@harbor.test", "ada@example.test", VIEWER, AGENT] {
        let answer = forgot(&mut test.browser(), other).await;
        assert_eq!(Face::of(&answer), Face::of(&first), "{other}");
    }
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1, "to the agent, once");
    assert_eq!(mails[0].recipients, [AGENT]);
    assert_eq!(test.browser().forgot("harbor", AGENT).await.status, 202);
    assert_eq!(test.deliver().await.len(), 0, "no customer has this address");
    let kept = "SELECT COUNT(*) AS n FROM staff_recovery WHERE address_sealed IS NOT NULL";
    assert_eq!(test.count(kept).await, 0);
    assert_eq!(forgot(&mut test.browser(), "agent at harbor").await.status, 400);

    // Again after a minute; not for ever.
    test.wait(61);
    forgot(&mut test.browser(), AGENT).await;
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    test.wait(31 * 60);
    let late = test.browser().get(&link_of(&mails[0], "/oms/reset")).await;
    assert_eq!(late.status, 410, "too old");
});

both!(two_at_once_use_a_link_once, |db| async move {
    let test = TestApp::start(db).await;
    forgot(&mut test.browser(), AGENT).await;
    let link = link_of(&test.deliver().await[0], "/oms/reset");
    let (mut a, mut b) = (test.browser(), test.browser());
    // Both have the page open before either saves.
    let (page_a, page_b) = (open(&mut a, &link).await, open(&mut b, &link).await);
    let (a, b) = tokio::join!(
        save(&mut a, &page_a, "seven quiet lanterns", ""),
        save(&mut b, &page_b, "eight loud teapots", "")
    );
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410]);
});
