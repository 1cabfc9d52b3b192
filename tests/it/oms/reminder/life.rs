//! How a temporary password lives and dies.

use std::time::Duration;

use doorkey::password::{Params, Password, PasswordHasher, Verdict};

use super::{ADA, NEW, click, sent, temporary, temporary_of, timeline};
use crate::support::app::{PASSWORD, link_of, token_of};
use crate::support::desk::AGENT;
use crate::support::smtp_sink::{Fault, Plan, Step};
use crate::support::{TestApp, both};
use crate::token::change_password;

const MOVED: &str = "UPDATE customer SET email = 'x@example.test', email_key = 'x@example.test'
    WHERE email_key = 'ada@example.test'";
const STORED: &str = "SELECT COUNT(*) AS n FROM temporary_password WHERE voided_at IS NULL";

/// Whether a password opens the page for a new one.
async fn opens(test: &TestApp, password: &str) -> bool {
    let answer = test.browser().login("harbor", ADA, password).await;
    match answer.status {
        303 => answer.location() == "/s/harbor/reset",
        401 => false,
        status => panic!("{status}"),
    }
}

both!(it_is_used_once_by_one_of_many, |db| async move {
    let test = TestApp::start(db).await;
    let password = temporary(&test).await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (mut browser, password) = (test.browser(), password.clone());
        tries.spawn(async move { browser.login("harbor", ADA, &password).await.status });
    }
    let opened = tries.join_all().await.into_iter().filter(|status| *status == 303).count();
    assert_eq!(opened, 1);
    assert!(!opens(&test, &password).await);
});

both!(it_dies_after_an_hour, |db| async move {
    let test = TestApp::start(db).await;
    let password = temporary(&test).await;
    test.wait(3601);
    assert!(!opens(&test, &password).await);
    let fresh = temporary(&test).await;
    test.wait(3599);
    assert!(opens(&test, &fresh).await);
});

both!(it_dies_with_the_password_the_address_and_the_account, |db| async move {
    for change in ["password", "address", "block", "freeze", "other merchant", "nothing"] {
        let test = TestApp::start(db).await;
        let password = temporary(&test).await;
        match change {
            "password" => {
                let mut browser = test.browser();
                browser.login("harbor", ADA, PASSWORD).await;
                assert_eq!(change_password(&mut browser, PASSWORD, NEW).await.status, 200);
            }
            "address" => {
                test.exec(MOVED).await;
                let answer = test.browser().login("harbor", "x@example.test", &password).await;
                assert_eq!(answer.status, 401);
                continue;
            }
            "block" | "freeze" => {
                let store = test.store("harbor");
                let mut tx = test.app.db.begin().await.unwrap();
                let customer = doorkey::customer::by_address(&mut tx, &store.merchant_id, ADA);
                let customer = customer.await.unwrap().unwrap();
                let now = test.clock.now();
                if change == "block" {
                    doorkey::customer::block(&mut tx, &customer, now).await.unwrap();
                    doorkey::customer::unblock(&mut tx, &customer).await.unwrap();
                } else {
                    doorkey::customer::freeze(&mut tx, &customer, now).await.unwrap();
                }
                tx.commit().await.unwrap();
            }
            "other merchant" => {
                let answer = test.browser().login("northwind", ADA, &password).await;
                assert_eq!(answer.status, 401);
                continue;
            }
            _ => {}
        }
        assert_eq!(opens(&test, &password).await, change == "nothing", "{change}");
    }
});

both!(the_newest_three_live_until_one_is_made_use_of, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    let mut all = Vec::new();
    for _ in 0..4 {
        let answer = click(&test, &mut agent, &[("confirm", "1")]).await;
        assert!(answer.location().contains("?sent="));
        all.push(temporary_of(&test.deliver().await[0]));
        test.wait(1);
    }
    assert!(!opens(&test, &all[0]).await, "the oldest of four");
    let mut ada = test.browser();
    assert_eq!(ada.login("harbor", ADA, &all[1]).await.location(), "/s/harbor/reset");
    assert!(opens(&test, &all[2]).await, "using one leaves the others");
    let token = ada.get("/s/harbor/reset").await.hidden("token");
    let link = format!("/s/harbor/reset?token={token}");
    assert_eq!(ada.set_password(&link, &all[3]).await.status, 422, "not even one not used");
    assert_eq!(ada.set_password(&link, NEW).await.status, 303);
    assert!(!opens(&test, &all[3]).await, "a new password ends them");
});

both!(what_may_have_arrived_works_and_what_did_not_is_dead, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    test.sink.set(Plan::accept().at(Step::Content, Fault::Drop)).await;
    click(&test, &mut agent, &[]).await;
    assert!(test.deliver().await.is_empty());
    assert_eq!(test.count(STORED).await, 1);
    test.sink.set(Plan::accept().at(Step::Recipient, Fault::Reply("451 4.3.0 later"))).await;
    test.wait(60);
    assert!(test.deliver().await.is_empty());
    assert_eq!(test.count(STORED).await, 1);
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM temporary_password").await, 2);
    test.sink.set(Plan::accept()).await;
    test.wait(60);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1, "tried again, anew");
    assert!(opens(&test, &temporary_of(&mails[0])).await);
    let told = timeline(&test).await.join("\n");
    assert!(told.contains("mail_deferred") && told.contains("mail_accepted"), "{told}");
});

both!(this_was_not_me_stops_it_and_holds_the_envelope_for_a_day, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    let mail = sent(&test, &mut agent).await;
    let stop = link_of(&mail, "/not-me");
    let mut ada = test.browser();
    assert_eq!(ada.get(&stop).await.status, 200);
    assert_eq!(ada.post("/s/harbor/not-me", &[("token", &token_of(&stop))]).await.status, 200);
    assert!(!opens(&test, &temporary_of(&mail)).await);
    assert!(timeline(&test).await.join("\n").contains("link_stopped"));
    let refused = click(&test, &mut agent, &[("confirm", "1")]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("Make sure who is calling"), "{}", refused.body);
    test.wait(24 * 3600 + 1);
    let mut agent = test.seat(AGENT).await;
    sent(&test, &mut agent).await;
});

both!(the_own_password_in_a_new_hash_leaves_the_login_whole, |db| async move {
    // A hash of an older cost: the first login replaces it, and with it what stood beside it.
    let test = TestApp::start(db).await;
    let old = PasswordHasher::new(1, Params::new(16, 1, 1, None).unwrap());
    let hash = old.hash(Password::read(PASSWORD).unwrap()).await.unwrap();
    let sql = "UPDATE credential SET password_hash = $1";
    test.app.db.exec(sql, doorkey::args![hash]).await.unwrap();
    let password = temporary(&test).await;
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    assert!(!opens(&test, &password).await);
    test.wait(601);
    let password = temporary(&test).await;
    assert!(opens(&test, &password).await);
});

#[tokio::test]
async fn temporary_passwords_cost_a_login_nothing() {
    let hasher = PasswordHasher::new(1, Params::DEFAULT);
    let read = |text: &str| Password::read(text).unwrap();
    let stored = hasher.hash(read("own")).await.unwrap();
    let mut beside = Vec::new();
    let mut alone: Vec<String> = Vec::new();
    for text in ["one", "two", "three"] {
        beside.push(hasher.hash_beside(read(text), vec![stored.clone()]).await.unwrap());
        let first = alone.first().cloned().into_iter().collect();
        alone.push(hasher.hash_beside(read(text), first).await.unwrap());
    }
    for (stored, temporary) in [(Some(stored.clone()), &beside), (None, &alone)] {
        let ask = |text: &str| hasher.verify_among(read(text), stored.clone(), temporary.clone());
        for (i, text) in ["one", "two", "three"].into_iter().enumerate() {
            assert_eq!(ask(text).await, Ok((Verdict::Wrong, Some(i))));
        }
        assert_eq!(ask("four").await, Ok((Verdict::Wrong, None)));
        let own = if stored.is_some() { Verdict::Right } else { Verdict::Wrong };
        assert_eq!(ask("own").await, Ok((own, None)));
    }
    // The least of several: whatever else runs on this machine only ever adds. Looked at until they
    // are alike; two computations instead of one never would be.
    let mut least = [Duration::MAX; 4];
    for _ in 0..100 {
        let cases = [
            (Some(stored.clone()), Vec::new()),
            (Some(stored.clone()), beside.clone()),
            (None, Vec::new()),
            (None, alone.clone()),
        ];
        for (least, (stored, temporary)) in least.iter_mut().zip(cases) {
            let start = tokio::time::Instant::now();
            hasher.verify_among(read("four"), stored, temporary).await.unwrap();
            *least = start.elapsed().min(*least);
        }
        if least.iter().max().unwrap() < &(*least.iter().min().unwrap() * 3 / 2) {
            return;
        }
    }
    panic!("not one computation each: {least:?}");
}
