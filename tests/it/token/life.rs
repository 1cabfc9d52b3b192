//! How long a token lives, and what ends it before.

use doorkey::args;
use doorkey::store::{self, Setting};

use super::{NEW, OTHER, Tokens, change_address, change_password, redeem};
use crate::support::app::{Database, Options, PASSWORD, link_of, reset_link, token_of};
use crate::support::smtp_sink::Plan;
use crate::support::{TestApp, both};

both!(a_link_works_once, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let mut browser = test.browser();
    assert_eq!(browser.open_link(&link).await.status, 200);
    assert_eq!(browser.set_password(&link, NEW).await.status, 303);
    assert_eq!(browser.set_password(&link, OTHER).await.status, 410);
    assert_eq!(test.browser().set_password(&link, OTHER).await.status, 410);
    assert_eq!(test.browser().open_link(&link).await.status, 410);
    assert_eq!(test.browser().login("harbor", "ada@example.test", OTHER).await.status, 401);
    assert_eq!(test.browser().login("harbor", "ada@example.test", NEW).await.status, 303);
    assert_eq!(browser.who("harbor").await.as_deref(), Some("ada@example.test"));
});

/// Two seconds for links, one between mails.
async fn short(db: Database) -> TestApp {
    TestApp::with(Options::new(db).set("link.ttl", 2).set("limits.mail_interval", 1)).await
}

both!(a_link_dies_on_time_in_every_handler, |db| async move {
    let test = short(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let mut opened = test.browser();
    assert_eq!(opened.open_link(&link).await.status, 200);
    test.wait(1);
    assert_eq!(test.browser().open_link(&link).await.status, 200);
    assert_eq!(test.browser().set_password(&link, "short").await.status, 422, "still good");
    test.wait(2);
    // Each asks anew: neither the form that is open nor the cookie stands for the check.
    assert_eq!(opened.get("/s/harbor/reset").await.status, 410);
    let mut still_open = test.browser();
    still_open.set_cookie("doorkey-reset", &token_of(&link), "/s/harbor");
    let passwords = [("password", NEW), ("password_repeat", NEW)];
    assert_eq!(still_open.post("/s/harbor/reset", &passwords).await.status, 410);
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 410);
    assert_eq!(test.browser().set_password(&link, "short").await.status, 410);
    assert_eq!(test.browser().open_link(&link).await.status, 410);
    assert_eq!(test.browser().login("harbor", "ada@example.test", PASSWORD).await.status, 303);
    let link = test.link("harbor", "ada@example.test").await;
    test.wait(1);
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303, "a second is in time");
});

both!(a_store_sets_the_life_of_its_links, |db| async move {
    let test = short(db).await;
    let mut tx = test.app.db.begin().await.unwrap();
    store::set(&mut tx, &test.store("harbor").id, Setting::LinkTtl(Some(10))).await.unwrap();
    tx.commit().await.unwrap();
    test.app.stores.refresh(&test.app.db).await.unwrap();
    let own = test.link("harbor", "ada@example.test").await;
    let general = test.link("harbor-trade", "ben@example.test").await;
    test.wait(3);
    assert_eq!(test.browser().open_link(&own).await.status, 200);
    assert_eq!(test.browser().open_link(&general).await.status, 410);
    test.wait(6);
    assert_eq!(test.browser().set_password(&own, "short").await.status, 422);
    test.wait(1);
    assert_eq!(test.browser().set_password(&own, NEW).await.status, 410);
});

both!(the_life_of_a_link_begins_with_its_sending, |db| async move {
    let test = TestApp::with(Options::new(db).plan(Plan::closed())).await;
    assert_eq!(test.browser().forgot("harbor", "ada@example.test").await.status, 202);
    assert!(test.deliver().await.is_empty());
    // The mail server is away for longer than a link lives.
    for _ in 0..3 {
        test.wait(901);
        assert!(test.deliver().await.is_empty());
    }
    test.sink.set(Plan::accept()).await;
    test.wait(901);
    let link = reset_link(&test.deliver().await[0]);
    test.wait(30 * 60 - 1);
    assert_eq!(test.browser().set_password(&link, "short").await.status, 422);
    test.wait(1);
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 410);
});

both!(links_that_confirm_or_object_expire_too, |db| async move {
    let test = TestApp::with(Options::new(db).set("link.confirm_ttl", 5)).await;
    let tokens = Tokens::mailed(&test).await;
    let pages = [
        ("account/email/confirm", &tokens.confirm_address),
        ("register/confirm", &tokens.registration),
    ];
    let day = 24 * 3600;
    for (wait, status) in [(4, 200), (1, 410)] {
        test.wait(wait);
        for (page, token) in pages {
            let answer = test.browser().get(&format!("/s/harbor/{page}?token={token}")).await;
            assert_eq!(answer.status, status, "{page}");
        }
    }
    for (page, token) in pages {
        let answer = test.browser().post(&format!("/s/harbor/{page}"), &[("token", token)]).await;
        assert_eq!(answer.status, 410, "{page}");
    }
    let objections = [&tokens.stop, &tokens.freeze, &tokens.undo_address];
    for token in objections {
        let answer = test.browser().get(&format!("/s/harbor/not-me?token={token}")).await;
        assert_eq!(answer.status, 200);
    }
    test.wait(7 * day);
    for token in objections {
        let mut browser = test.browser();
        assert_eq!(browser.get(&format!("/s/harbor/not-me?token={token}")).await.status, 410);
        assert_eq!(browser.post("/s/harbor/not-me", &[("token", token)]).await.status, 410);
    }
});

both!(a_password_changed_in_the_account_kills_every_link, |db| async move {
    let test = TestApp::start(db).await;
    let first = test.link("harbor", "ada@example.test").await;
    test.wait(61);
    let second = test.link("harbor-trade", "ada@example.test").await;
    let mut browser = test.browser();
    browser.login("harbor", "ada@example.test", PASSWORD).await;
    assert_eq!(browser.get(&second).await.status, 303);
    assert_eq!(change_password(&mut browser, PASSWORD, NEW).await.status, 200);
    for link in [first, second] {
        assert_eq!(test.browser().open_link(&link).await.status, 410);
        assert_eq!(test.browser().set_password(&link, OTHER).await.status, 410);
    }
    assert_eq!(test.browser().login("harbor", "ada@example.test", NEW).await.status, 303);
});

both!(a_confirmed_change_of_address_kills_links_to_the_old_one, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    let mut browser = test.browser();
    browser.login("harbor", "ada@example.test", PASSWORD).await;
    assert_eq!(change_address(&mut browser, PASSWORD, "marsh@example.test").await.status, 200);
    let mails = test.deliver().await;
    let to_new = mails.iter().find(|m| m.recipients == ["marsh@example.test"]).unwrap();
    assert_eq!(test.browser().open_link(&link).await.status, 200, "not before it is confirmed");
    let token = token_of(&link_of(to_new, "/account/email/confirm"));
    let answer = test.browser().post("/s/harbor/account/email/confirm", &[("token", &token)]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(test.browser().open_link(&link).await.status, 410);
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 410);
    test.wait(61);
    let link = test.link("harbor", "marsh@example.test").await;
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303);
});

both!(a_closed_account_has_no_live_link, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    assert_eq!(test.browser().open_link(&link).await.status, 200);
    test.exec("UPDATE customer SET blocked_at = 1 WHERE number = 'H-1001'").await;
    assert_eq!(test.browser().open_link(&link).await.status, 410);
    let mut browser = test.browser();
    assert_eq!(browser.set_password(&link, NEW).await.status, 410);
    assert_eq!(browser.who("harbor").await, None);
});

both!(asking_again_keeps_the_last_three_links_until_one_succeeds, |db| async move {
    let test = TestApp::start(db).await;
    let mut links = Vec::new();
    for _ in 0..4 {
        links.push(test.link("harbor", "ada@example.test").await);
        test.wait(61);
    }
    assert_eq!(test.browser().open_link(&links[0]).await.status, 410);
    assert_eq!(test.browser().set_password(&links[0], NEW).await.status, 410);
    for link in &links[1..] {
        assert_eq!(test.browser().open_link(link).await.status, 200);
        assert_eq!(test.browser().set_password(link, "short").await.status, 422);
    }
    assert_eq!(test.browser().set_password(&links[1], NEW).await.status, 303, "the oldest of them");
    for link in &links {
        assert_eq!(test.browser().open_link(link).await.status, 410);
        assert_eq!(test.browser().set_password(link, OTHER).await.status, 410);
    }
    assert_eq!(test.deliver().await.len(), 1, "the notice");
    test.wait(3600);
    let link = test.link("harbor", "ada@example.test").await;
    assert_eq!(test.browser().set_password(&link, OTHER).await.status, 303);
});

both!(each_of_the_last_three_links_works, |db| async move {
    for wanted in 1..4 {
        let test = TestApp::start(db).await;
        let mut tokens = Vec::new();
        for _ in 0..4 {
            tokens.push(token_of(&test.link("harbor", "ada@example.test").await));
            test.wait(61);
        }
        let answer = redeem(&mut test.browser(), &tokens[wanted], NEW).await;
        assert_eq!(answer.status, 303, "link {wanted}");
    }
});

both!(a_mail_that_certainly_did_not_arrive_takes_no_place, |db| async move {
    let test = TestApp::start(db).await;
    let first = test.link("harbor", "ada@example.test").await;
    test.wait(61);
    test.sink.set(Plan::closed()).await;
    test.browser().forgot("harbor", "ada@example.test").await;
    for _ in 0..4 {
        assert!(test.deliver().await.is_empty());
        test.wait(120);
    }
    let tries = test.count("SELECT COUNT(*) AS n FROM token WHERE purpose = 'recovery'").await;
    assert!(tries > 3, "several tries made a token each: {tries}");
    assert_eq!(test.browser().set_password(&first, NEW).await.status, 303);
    let live = "SELECT COUNT(*) AS n FROM token WHERE purpose = 'recovery' AND used_at IS NULL
                AND voided_at IS NULL";
    assert_eq!(test.app.db.row(live, args![]).await.unwrap().unwrap().get::<i64>("n"), 0);
});
