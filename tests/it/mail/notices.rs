//! Notices tell of what really happened: no limit holds them back, and they outlast an outage.

use super::newest;
use crate::support::app::{PASSWORD, link_of, reset_link};
use crate::support::smtp_sink::{Fault, Plan, Received, Step};
use crate::support::{Browser, TestApp, both};

const ADA: &str = "ada@example.test";

async fn change_password(browser: &mut Browser, from: &str, to: &str) {
    let form = browser.get("/s/harbor/account/password").await.hidden("form_secret");
    let fields = [
        ("form_secret", &*form),
        ("current_password", from),
        ("password", to),
        ("password_repeat", to),
    ];
    let answer = browser.post("/s/harbor/account/password", &fields).await;
    assert!(answer.status < 400, "{}", answer.body);
}

fn freezes(mails: &[Received]) -> usize {
    mails.iter().filter(|mail| link_of(mail, "/not-me").contains("/s/harbor/not-me")).count()
}

both!(every_change_of_password_is_told_however_many, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    browser.login("harbor", ADA, PASSWORD).await;
    let mut last = PASSWORD.to_owned();
    for n in 0..12 {
        let next = format!("brand new teapot {n}");
        change_password(&mut browser, &last, &next).await;
        last = next;
        if n == 5 {
            assert_eq!(freezes(&test.deliver().await), 6);
        }
    }
    assert_eq!(freezes(&test.deliver().await), 6);
    // Nor do they use up what recovery may send.
    let mails = {
        test.browser().forgot("harbor", ADA).await;
        test.deliver().await
    };
    assert_eq!(mails.len(), 1);
    reset_link(&mails[0]);
});

both!(a_notice_is_tried_for_three_days, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    let busy = Fault::Reply("450 4.2.1 mailbox busy");
    test.sink.set(Plan::accept().at(Step::Recipient, busy)).await;
    assert_eq!(test.browser().set_password(&link, "a brand new teapot").await.status, 303);
    test.deliver().await;
    let mut waited = 0;
    while waited < 2 * 24 * 3600 {
        let row = newest(&test).await;
        assert_eq!(row.outcome, None);
        waited += row.wait;
        test.wait(row.wait);
        test.deliver().await;
    }
    test.sink.set(Plan::accept()).await;
    test.wait(900);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    // The password was changed all the same, and the notice's link works.
    assert_eq!(test.browser().login("harbor", ADA, "a brand new teapot").await.status, 303);
    assert_eq!(test.browser().get(&link_of(&mails[0], "/not-me")).await.status, 200);
});

both!(a_mail_about_an_existing_account_survives_a_failed_try, |db| async move {
    let test = TestApp::start(db).await;
    test.sink.set(Plan::closed()).await;
    let mut browser = test.browser();
    let altcha = browser.solve_at("/s/harbor/captcha?for=registration").await;
    let fields = [
        ("email", ADA),
        ("first_name", "Somebody"),
        ("last_name", "Else"),
        ("password", "a brand new teapot"),
        ("altcha", &altcha),
    ];
    assert_eq!(browser.post("/s/harbor/register", &fields).await.status, 202);
    assert!(test.deliver().await.is_empty());
    assert_eq!(newest(&test).await.outcome, None, "deferred");
    test.sink.set(Plan::accept()).await;
    test.wait(5);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, [ADA]);
});
