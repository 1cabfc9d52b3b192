//! Who may have a link: asked when the mail is made, and again when the link is used.

use doorkey::args;
use doorkey::customer;

use super::{ADA, PASSWORD, TestApp, both, patient};
use crate::support::app::{link_of, reset_link, token_of};
use crate::support::smtp_sink::{Fault, Plan, Step};

const NEW: &str = "a brand new teapot";
const BEN: &str = "ben@example.test";
const PAT: &str = "pat@example.test";

/// Closes or reopens the account of a customer of Harbor Goods.
async fn set_blocked(test: &TestApp, email: &str, blocked: bool) {
    let merchant = test.store("harbor").merchant_id.clone();
    let mut tx = test.app.db.begin().await.unwrap();
    let customer = customer::by_address(&mut tx, &merchant, email).await.unwrap().unwrap();
    if blocked {
        customer::block(&mut tx, &customer, test.clock.now()).await.unwrap();
    } else {
        customer::unblock(&mut tx, &customer).await.unwrap();
    }
    tx.commit().await.unwrap();
}

both!(a_blocked_customer_gets_no_link, |db| async move {
    let test = TestApp::start(db).await;
    assert_eq!(test.browser().forgot("harbor", "cleo@example.test").await.status, 202);
    assert!(test.deliver().await.is_empty());
    // Blocked between the request and the mail.
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    set_blocked(&test, ADA, true).await;
    assert!(test.deliver().await.is_empty());
    assert_eq!(test.waiting().await, 0, "withheld for good, not put off");
    set_blocked(&test, ADA, false).await;
    assert!(test.deliver().await.is_empty());
    test.link("harbor", ADA).await;
});

both!(a_customer_blocked_while_mail_is_put_off_gets_none, |db| async move {
    let test = TestApp::start(db).await;
    let busy = Plan::accept().at(Step::Recipient, Fault::Reply("451 4.3.0 later"));
    test.sink.set(busy).await;
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    assert!(test.deliver().await.is_empty());
    assert_eq!(test.waiting().await, 1, "put off");
    set_blocked(&test, ADA, true).await;
    test.sink.set(Plan::accept()).await;
    test.wait(600);
    assert!(test.deliver().await.is_empty());
    assert_eq!(test.waiting().await, 0);
});

both!(a_link_dies_with_the_account_and_stays_dead, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    let mut browser = test.browser();
    assert_eq!(browser.open_link(&link).await.status, 200);
    let hash = test.hash_of(ADA).await;

    set_blocked(&test, ADA, true).await;
    assert_eq!(test.browser().open_link(&link).await.status, 410);
    let refused = browser.set_password(&link, NEW).await;
    assert_eq!(refused.status, 410);
    assert!(browser.cookie("doorkey").is_none());
    assert_eq!(browser.who("harbor").await, None);

    set_blocked(&test, ADA, false).await;
    assert_eq!(test.browser().open_link(&link).await.status, 410);
    assert_eq!(browser.set_password(&link, NEW).await.status, 410);
    assert_eq!(test.hash_of(ADA).await, hash);
    assert!(test.deliver().await.is_empty(), "no notice of a change that was none");
    // Control: the account is open again, with its password and for a new link.
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    test.wait(61);
    let link = test.link("harbor", ADA).await;
    assert_eq!(browser.set_password(&link, NEW).await.status, 303);
});

both!(a_blocked_customer_is_logged_out_everywhere, |db| async move {
    let test = TestApp::start(db).await;
    let mut ada = test.browser();
    assert_eq!(ada.login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(ada.who("harbor").await.as_deref(), Some(ADA));
    set_blocked(&test, ADA, true).await;
    assert_eq!(ada.who("harbor").await, None);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 401);
    set_blocked(&test, ADA, false).await;
    assert_eq!(ada.who("harbor").await, None, "an old session does not come back");
    assert_eq!(ada.login("harbor", ADA, PASSWORD).await.status, 303);
});

both!(a_pending_address_gets_no_link, |db| async move {
    let test = patient(db).await;
    let mut ben = test.browser();
    assert_eq!(ben.login("harbor", BEN, PASSWORD).await.status, 303);
    assert_eq!(ben.change_address("harbor", PAT).await.status, 200);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 2, "one to each mailbox");
    assert_eq!(test.browser().forgot("harbor", PAT).await.status, 202);
    assert!(test.deliver().await.is_empty());
    let old = test.link("harbor", BEN).await;

    let to_pat = mails.iter().find(|mail| mail.recipients == [PAT]).unwrap();
    let token = token_of(&link_of(to_pat, "/account/email/confirm"));
    let page = "/s/harbor/account/email/confirm";
    assert_eq!(test.browser().post(page, &[("token", &token)]).await.status, 200);
    // From here on it is the other way round, for links that are out already too.
    assert_eq!(test.browser().set_password(&old, NEW).await.status, 410);
    test.wait(2);
    assert_eq!(test.browser().forgot("harbor", BEN).await.status, 202);
    assert!(test.deliver().await.is_empty());
    test.wait(2);
    test.link("harbor", PAT).await;
});

both!(a_confirmed_address_is_the_one_whose_mailbox_had_the_link, |db| async move {
    let test = TestApp::start(db).await;
    let (mut ben, mut also_ben) = (test.browser(), test.browser());
    for browser in [&mut ben, &mut also_ben] {
        assert_eq!(browser.login("harbor", BEN, PASSWORD).await.status, 303);
    }
    let evil = "evil@evil.test";
    let (one, other) =
        tokio::join!(ben.change_address("harbor", PAT), also_ben.change_address("harbor", evil));
    assert_eq!((one.status, other.status), (200, 200));
    let mut confirmed = 0;
    for mail in test.deliver().await {
        if mail.recipients == [BEN] {
            continue;
        }
        let token = token_of(&link_of(&mail, "/account/email/confirm"));
        let page = "/s/harbor/account/email/confirm";
        let answer = test.browser().post(page, &[("token", &token)]).await;
        let sql = "SELECT email FROM customer WHERE number = 'H-1002'";
        let row = test.app.db.row(sql, args![]).await.unwrap().unwrap();
        let stored: String = row.get("email");
        if answer.status == 200 {
            confirmed += 1;
            assert_eq!(mail.recipients, [stored]);
        } else {
            assert_eq!(answer.status, 410);
            assert_ne!(mail.recipients, [stored]);
        }
    }
    assert_eq!(confirmed, 1, "the later request ends the earlier one");
});

both!(a_change_of_address_ends_with_the_password_it_was_asked_with, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    let mut thief = test.browser();
    assert_eq!(thief.login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(thief.change_address("harbor", "evil@evil.test").await.status, 200);
    // The owner is quicker than the mail.
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303);
    let mails = test.deliver().await;
    assert!(!mails.iter().any(|mail| mail.recipients == ["evil@evil.test"]), "nothing to confirm");
    assert!(mails.iter().any(|mail| mail.recipients == [ADA]), "but the owner is told");
    let mut owner = test.browser();
    assert_eq!(owner.login("harbor", ADA, NEW).await.status, 303);
    assert!(!owner.get("/s/harbor/account").await.body.contains("evil@evil.test"));
});

both!(a_customer_without_a_password_has_only_links_of_their_own, |db| async move {
    let test = TestApp::start(db).await;
    test.add_customer("harbor", "gus@example.test", None).await;
    for password in ["", " ", PASSWORD, "null"] {
        let answer = test.browser().login("harbor", "gus@example.test", password).await;
        assert_eq!(answer.status, 401, "{password:?}");
    }
    let ada = test.hash_of(ADA).await;
    assert_eq!(test.browser().forgot("harbor", "gus@example.test").await.status, 202);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, ["gus@example.test"]);
    let mut gus = test.browser();
    assert_eq!(gus.set_password(&reset_link(&mails[0]), NEW).await.status, 303);
    assert_eq!(gus.who("harbor").await.as_deref(), Some("gus@example.test"));
    assert_eq!(test.hash_of(ADA).await, ada);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
});

both!(a_member_of_staff_is_no_customer, |db| async move {
    let test = TestApp::start(db).await;
    assert_eq!(test.browser().forgot("harbor", "agent@harbor.test").await.status, 202);
    assert!(test.deliver().await.is_empty());
    let login = test.browser().login("harbor", "agent@harbor.test", PASSWORD).await;
    assert_eq!(login.status, 401);
    test.link("harbor", ADA).await;
});
