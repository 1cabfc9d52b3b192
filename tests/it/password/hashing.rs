//! How passwords are stored: Argon2id at today's cost, and brought up to it where it is less.

use doorkey::args;
use doorkey::password::{Password, PasswordHasher};

use super::{ADA, NEW};
use crate::support::app::{Options, PASSWORD, cheap, link_of};
use crate::support::{TestApp, both};
use crate::token::{change_password, register};

/// Memory, passes and lanes of a stored hash.
fn cost(hash: &str) -> [u32; 3] {
    let parts: Vec<&str> = hash.split('$').collect();
    assert_eq!((parts[1], parts[2]), ("argon2id", "v=19"), "{hash}");
    let numbers: Vec<u32> =
        parts[3].split(',').map(|part| part.split_once('=').unwrap().1.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

both!(every_stored_hash_is_argon2id_at_todays_cost, |db| async move {
    let test = TestApp::with(Options { real_hashing: true, ..Options::new(db) }).await;
    let link = test.link("harbor", ADA).await;
    let mut ada = test.browser();
    assert_eq!(ada.set_password(&link, NEW).await.status, 303);
    test.deliver().await;
    let mut ben = test.browser();
    ben.login("harbor", "ben@example.test", PASSWORD).await;
    assert_eq!(change_password(&mut ben, PASSWORD, NEW).await.status, 200);
    test.deliver().await;
    assert_eq!(register(&mut test.browser(), "noor@example.test", NEW).await.status, 202);
    let waiting = "SELECT password_hash FROM registration";
    let link = link_of(&test.deliver().await[0], "/register/confirm");
    let mut hashes: Vec<String> = Vec::new();
    for sql in [
        waiting,
        "SELECT password_hash FROM credential",
        "SELECT password_hash FROM staff_credential",
    ] {
        let rows = test.app.db.rows(sql, args![]).await.unwrap();
        assert!(!rows.is_empty(), "{sql}");
        hashes.extend(rows.iter().map(|row| row.get::<String>("password_hash")));
    }
    for hash in &hashes {
        let [memory, passes, lanes] = cost(hash);
        assert!(memory >= 19 * 1024 && passes >= 2 && lanes >= 1, "{hash}");
    }
    // The same password twice, and two different hashes: each has its own salt.
    let (a, b) = (test.hash_of(ADA).await, test.hash_of("ben@example.test").await);
    assert_ne!(a, b);
    let token = crate::support::app::token_of(&link);
    let done = test.browser().post("/s/harbor/register/confirm", &[("token", &token)]).await;
    assert_eq!(done.status, 303);
    assert!(cost(&test.hash_of("noor@example.test").await.unwrap())[0] >= 19 * 1024);
});

both!(a_weaker_hash_is_brought_up_at_the_next_login, |db| async move {
    let test = TestApp::with(Options { real_hashing: true, ..Options::new(db) }).await;
    let mut elsewhere = test.browser();
    assert_eq!(elsewhere.login("harbor", ADA, PASSWORD).await.status, 303);
    let weak = PasswordHasher::new(1, cheap()).hash(Password::read(PASSWORD).unwrap()).await;
    let weak = weak.unwrap();
    let sql = "UPDATE credential SET password_hash = $1 WHERE customer_id IN
               (SELECT id FROM customer WHERE number = 'H-1001')";
    test.app.db.exec(sql, args![&weak]).await.unwrap();
    assert_eq!(test.browser().login("harbor", ADA, "wrong").await.status, 401);
    assert_eq!(test.hash_of(ADA).await.unwrap(), weak, "a wrong password is no reason");
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    let strong = test.hash_of(ADA).await.unwrap();
    assert!(cost(&strong)[0] >= 19 * 1024, "{strong}");
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(test.hash_of(ADA).await.unwrap(), strong, "once is enough");
    // It is the same password: nobody is logged out, nobody is told.
    assert_eq!(elsewhere.who("harbor").await.as_deref(), Some(ADA));
    assert!(test.deliver().await.is_empty());
});

both!(what_cannot_be_read_as_a_hash_opens_nothing, |db| async move {
    let test = TestApp::start(db).await;
    for stored in ["", "x", PASSWORD, "$argon2id$", "$2b$12$abc", "$argon2id$v=19$m=8,t=1,p=1$$"] {
        let sql = "UPDATE credential SET password_hash = $1 WHERE customer_id IN
                   (SELECT id FROM customer WHERE number = 'H-1001')";
        test.app.db.exec(sql, args![stored]).await.unwrap();
        for password in [PASSWORD, stored, ""] {
            let status = test.browser().login("harbor", ADA, password).await.status;
            assert!([401, 429].contains(&status), "{stored:?} {password:?}: {status}");
        }
        test.wait(3600);
    }
    // The way by mail mends it.
    let link = test.link("harbor", ADA).await;
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303);
    assert_eq!(test.browser().login("harbor", ADA, NEW).await.status, 303);
});
