//! Whoever proved the old password while it was being replaced is too late.
//!
//! The stored hash of these stories is so slow that a recovery overtakes what waits for it.

use doorkey::args;
use doorkey::password::{Params, Password, PasswordHasher};

use super::{ADA, NEW, logged_in};
use crate::support::app::{Database, Options, PASSWORD, link_of, token_of};
use crate::support::{TestApp, both};
use crate::token::{change_address, change_password};

/// Gives Ada a hash of her own password that takes most of a second to verify.
async fn slow_hash(test: &TestApp) {
    let hasher = PasswordHasher::new(1, Params::new(256 << 10, 3, 1, None).unwrap());
    let hash = hasher.hash(Password::read(PASSWORD).unwrap()).await.unwrap();
    let sql = "UPDATE credential SET password_hash = $1 WHERE customer_id IN
               (SELECT id FROM customer WHERE number = 'H-1001')";
    assert_eq!(test.app.db.exec(sql, args![hash]).await.unwrap(), 1);
}

/// Two threads hash: one is busy with the slow hash, the other is the recovery's.
async fn start(db: Database) -> TestApp {
    TestApp::with(Options::new(db).set("password.threads", 2)).await
}

/// Waits until a try with a password was counted: from then on it is under way.
async fn under_way(test: &TestApp) {
    let sql = "SELECT COUNT(*) AS n FROM counter WHERE bucket LIKE 'login-pair:%' AND hits > 0";
    while test.count(sql).await == 0 {
        tokio::task::yield_now().await;
    }
}

both!(a_login_that_a_recovery_overtakes_opens_nothing, |db| async move {
    let test = start(db).await;
    let link = test.link("harbor", ADA).await;
    slow_hash(&test).await;
    let mut thief = test.browser();
    let login = tokio::spawn(async move {
        let answer = thief.login("harbor", ADA, PASSWORD).await;
        (answer.status, thief)
    });
    under_way(&test).await;
    let mut owner = test.browser();
    assert_eq!(owner.set_password(&link, NEW).await.status, 303);
    let (status, mut thief) = login.await.unwrap();
    assert_eq!(status, 401);
    assert_eq!(thief.who("harbor").await, None);
    assert_eq!(owner.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(test.browser().login("harbor", ADA, NEW).await.status, 303);
});

both!(a_change_of_password_that_a_recovery_overtakes_changes_nothing, |db| async move {
    let test = start(db).await;
    let link = test.link("harbor", ADA).await;
    let mut thief = logged_in(&test, ADA).await;
    slow_hash(&test).await;
    let change = tokio::spawn(async move {
        let answer = change_password(&mut thief, PASSWORD, "the thief's own kettle").await;
        (answer.status, thief)
    });
    under_way(&test).await;
    let mut owner = test.browser();
    assert_eq!(owner.set_password(&link, NEW).await.status, 303);
    let (status, mut thief) = change.await.unwrap();
    assert_eq!(status, 303, "to the login page");
    assert_eq!(thief.who("harbor").await, None);
    assert_eq!(owner.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(test.browser().login("harbor", ADA, NEW).await.status, 303);
});

both!(a_change_of_address_that_a_recovery_overtakes_is_not_asked_for, |db| async move {
    let test = start(db).await;
    let link = test.link("harbor", ADA).await;
    let mut thief = logged_in(&test, ADA).await;
    slow_hash(&test).await;
    let change = tokio::spawn(async move {
        change_address(&mut thief, PASSWORD, "thief@example.test").await.status
    });
    under_way(&test).await;
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303);
    assert_eq!(change.await.unwrap(), 303, "to the login page");
    let mails = test.deliver().await;
    assert!(mails.iter().all(|mail| mail.recipients == [ADA]), "{mails:?}");
    assert_eq!(mails.len(), 1, "the notice of the recovery");
});

both!(what_freezing_overtakes_neither_opens_nor_reopens_the_account, |db| async move {
    let test = start(db).await;
    let mut thief = logged_in(&test, ADA).await;
    assert_eq!(change_password(&mut thief, PASSWORD, PASSWORD).await.status, 200);
    let freeze = token_of(&link_of(&test.deliver().await[0], "/not-me"));
    slow_hash(&test).await;
    let mut guest = test.browser();
    let login = tokio::spawn(async move { guest.login("harbor", ADA, PASSWORD).await.status });
    let change = tokio::spawn(async move {
        change_password(&mut thief, PASSWORD, "the thief's own kettle").await.status
    });
    let sql = "SELECT COALESCE(MAX(hits), 0) AS n FROM counter WHERE bucket LIKE 'login-pair:%'";
    while test.count(sql).await < 2 {
        tokio::task::yield_now().await;
    }
    let answer = test.browser().post("/s/harbor/not-me", &[("token", &freeze)]).await;
    assert_eq!(answer.status, 200);
    assert_eq!((login.await.unwrap(), change.await.unwrap()), (401, 303));
    let frozen = "SELECT COUNT(*) AS n FROM customer WHERE frozen_at IS NOT NULL";
    assert_eq!(test.count(frozen).await, 1, "the account stays frozen");
    let live = "SELECT COUNT(*) AS n FROM session WHERE ended_at IS NULL";
    assert_eq!(test.count(live).await, 0);
});
