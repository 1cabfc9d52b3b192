//! What ends copies: turning the mode off, and any change of what they are bound to.

use doorkey::address::EmailAddress;
use doorkey::args;
use doorkey::customer;
use doorkey::merchant::{self, Mode, ModeSet};
use doorkey::password::seal;

use super::{ADA, BEN, COPIES, NEW, create, locked, turn, vault};
use crate::support::app::PASSWORD;
use crate::support::both;
use crate::token::register;

/// Everything that the mode keeps.
pub const LEFT: &str = "SELECT (SELECT COUNT(*) FROM sealed_password)
    + (SELECT COUNT(*) FROM sealed_registration) + (SELECT COUNT(*) FROM seal_key)
    + (SELECT COUNT(*) FROM sealing) + (SELECT COUNT(*) FROM merchant
        WHERE current_consent_at IS NOT NULL OR current_consent_by IS NOT NULL) AS n";

both!(turning_it_off_leaves_nothing, |db| async move {
    let vault = vault(db).await;
    for email in [ADA, BEN] {
        vault.login(email, PASSWORD).await;
    }
    assert_eq!(vault.test.browser().login("northwind", ADA, PASSWORD).await.status, 303);
    register(&mut vault.test.browser(), "noor@example.test", NEW).await;
    assert_eq!(vault.test.count(COPIES).await, 3);
    let set = turn(&vault, "harbor", Mode::Temporary, None).await;
    assert_eq!(set, ModeSet::Yes { destroyed: 2 });
    assert_eq!(vault.open(ADA).await, None);
    assert_eq!(vault.test.count(COPIES).await, 1, "the other merchant's stays");
    let ahead = "SELECT COUNT(*) AS n FROM sealed_registration";
    assert_eq!(vault.test.count(ahead).await, 0);
    seal::tidy(&vault.test.app.db, &vault.keys()).await.unwrap();
    assert!(vault.file.exists(), "and so does the key");
    let set = turn(&vault, "northwind", Mode::Link, None).await;
    assert_eq!(set, ModeSet::Yes { destroyed: 1 });
    assert_eq!(vault.test.count(LEFT).await, 0);
    seal::tidy(&vault.test.app.db, &vault.keys()).await.unwrap();
    assert!(!vault.file.exists(), "the mail process deletes the private half");
    vault.login(ADA, PASSWORD).await;
    assert_eq!(vault.test.count(LEFT).await, 0, "and nothing comes back");
});

both!(another_mode_does_not_take_a_key_that_nobody_uses_yet, |db| async move {
    let vault = locked(db).await;
    create(&vault).await;
    turn(&vault, "harbor", Mode::Link, None).await;
    assert_eq!(vault.test.count("SELECT COUNT(*) AS n FROM seal_key").await, 1);
    seal::tidy(&vault.test.app.db, &vault.keys()).await.unwrap();
    assert!(vault.file.exists());
    let modes = ["harbor", "northwind"].map(|store| vault.test.store(store).merchant_id.clone());
    let db = &vault.test.app.db;
    assert_eq!(merchant::reminder_mode(db, &modes[0]).await.unwrap(), Mode::Link);
    assert_eq!(merchant::reminder_mode(db, &modes[1]).await.unwrap(), Mode::Temporary);
});

both!(a_foreign_key_is_not_deleted, |db| async move {
    let (here, there) = (vault(db).await, vault(db).await);
    // Pointed at the wrong database by mistake, the mail process keeps its hands off.
    seal::tidy(&there.test.app.db, &here.keys()).await.unwrap();
    assert!(here.file.exists());
    here.login(ADA, PASSWORD).await;
    assert_eq!(here.open(ADA).await, Some(Ok(PASSWORD.into())));
});

both!(a_change_of_the_record_ends_its_copy, |db| async move {
    let vault = vault(db).await;
    let app = &vault.test.app;
    let now = vault.test.clock.now();
    vault.login(BEN, PASSWORD).await;
    for change in ["address", "block", "freeze"] {
        let mut email = ADA;
        vault.login(ADA, PASSWORD).await;
        assert_eq!(vault.open(ADA).await, Some(Ok(PASSWORD.into())), "{change}");
        let ada = vault.customer(ADA).await;
        let mut tx = app.db.begin().await.unwrap();
        match change {
            "address" => {
                email = "ada.marsh@example.test";
                let new = EmailAddress::parse(email).unwrap();
                customer::set_address(&mut tx, &ada, &new, now).await.unwrap();
            }
            "block" => customer::block(&mut tx, &ada, now).await.unwrap(),
            _ => customer::freeze(&mut tx, &ada, now).await.unwrap(),
        }
        tx.commit().await.unwrap();
        assert_eq!(vault.open(email).await, None, "{change}");
        assert_eq!(vault.test.count(COPIES).await, 1, "{change}: nobody else's");
        let sql = "UPDATE customer SET blocked_at = NULL, email = $1, email_key = $1 WHERE id = $2";
        app.db.exec(sql, args![ADA, &ada.id]).await.unwrap();
    }
});

both!(a_log_in_at_that_moment_leaves_nothing_behind, |db| async move {
    let vault = vault(db).await;
    for round in 0..5 {
        let off = async {
            tokio::time::sleep(std::time::Duration::from_micros(700 * round)).await;
            turn(&vault, "harbor", Mode::Temporary, None).await
        };
        let logins = [ADA, BEN].map(|email| {
            let mut browser = vault.test.browser();
            async move { browser.login("harbor", email, PASSWORD).await.status }
        });
        let [ada, ben] = logins;
        tokio::join!(off, ada, ben);
        assert_eq!(vault.test.count(COPIES).await, 0, "round {round}");
        turn(&vault, "harbor", Mode::Current, Some("Alex Admin")).await;
    }
    vault.login(ADA, PASSWORD).await;
    assert_eq!(vault.test.count(COPIES).await, 1);
});
