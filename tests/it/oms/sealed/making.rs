//! Where copies come from: every place that sets a password, and the first log-in afterwards.

use doorkey::password::seal::{self, Refused};

use super::{ADA, COPIES, NEW, OTHER, create, locked, rotate, turn, vault};
use crate::support::app::{PASSWORD, link_of, token_of};
use crate::support::{TestApp, both};
use crate::token::register;
use doorkey::merchant::{Mode, ModeSet};

both!(the_first_log_in_makes_a_copy_and_the_next_ones_leave_it, |db| async move {
    let vault = vault(db).await;
    assert_eq!(vault.open(ADA).await, None);
    assert_eq!(vault.test.browser().login("harbor", ADA, NEW).await.status, 401);
    assert_eq!(vault.open(ADA).await, None, "a wrong password makes none");
    vault.login(ADA, PASSWORD).await;
    assert_eq!(vault.open(ADA).await, Some(Ok(PASSWORD.into())));
    let before = vault.row(ADA).await;
    vault.login(ADA, PASSWORD).await;
    assert_eq!(vault.row(ADA).await, before, "one is enough");
    assert_eq!(vault.test.count(COPIES).await, 1);
});

both!(every_new_password_leaves_its_copy, |db| async move {
    let vault = vault(db).await;
    let link = vault.test.link("harbor", ADA).await;
    let mut ada = vault.test.browser();
    assert_eq!(ada.set_password(&link, NEW).await.status, 303);
    assert_eq!(vault.open(ADA).await, Some(Ok(NEW.into())), "after a recovery");
    let form = ada.get("/s/harbor/account/password").await.hidden("form_secret");
    let fields = [
        ("form_secret", &*form),
        ("current_password", NEW),
        ("password", OTHER),
        ("password_repeat", OTHER),
    ];
    assert_eq!(ada.post("/s/harbor/account/password", &fields).await.status, 200);
    assert_eq!(vault.open(ADA).await, Some(Ok(OTHER.into())), "after a change");
    assert_eq!(vault.test.count(COPIES).await, 1);
});

both!(a_registration_brings_its_copy_along, |db| async move {
    let vault = vault(db).await;
    let ahead = "SELECT COUNT(*) AS n FROM sealed_registration";
    let mut noor = vault.test.browser();
    register(&mut noor, "noor@example.test", NEW).await;
    register(&mut vault.test.browser(), ADA, NEW).await;
    assert_eq!(vault.test.count(ahead).await, 2, "whether the address is known is not looked at");
    let mails = vault.test.deliver().await;
    assert_eq!(vault.test.count(ahead).await, 1, "the known one's went");
    assert_eq!(vault.open(ADA).await, None);
    let mail = mails.iter().find(|mail| mail.text().contains("register/confirm")).unwrap();
    let token = token_of(&link_of(mail, "/register/confirm"));
    let done = noor.post("/s/harbor/register/confirm", &[("token", &token)]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(vault.open("noor@example.test").await, Some(Ok(NEW.into())));
    assert_eq!((vault.test.count(ahead).await, vault.test.count(COPIES).await), (0, 1));
});

both!(all_copies_have_one_size, |db| async move {
    let vault = vault(db).await;
    let mut sizes = Vec::new();
    for (length, word) in [(8, "xT4!kq9Z"), (64, NEW), (1024, OTHER)] {
        vault.test.wait(3700);
        vault.test.deliver().await;
        let password: String = word.chars().cycle().take(length).collect();
        let link = vault.test.link("harbor", ADA).await;
        let answer = vault.test.browser().set_password(&link, &password).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(vault.open(ADA).await, Some(Ok(password)), "{length}");
        let (encapped, ciphertext, _) = vault.row(ADA).await;
        sizes.push((encapped.len(), ciphertext.len()));
    }
    assert_eq!(sizes, [(32, 1042); 3]);
});

both!(nothing_is_made_while_a_switch_is_off, |db| async move {
    // Neither switch.
    let test = TestApp::start(db).await;
    assert!(test.app.sealer.is_none());
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(test.count(COPIES).await, 0);
    // The configuration alone; then a key besides; then no consent.
    let vault = locked(db).await;
    vault.login(ADA, PASSWORD).await;
    let consent = Some("Alex Admin");
    assert_eq!(turn(&vault, "harbor", Mode::Current, consent).await, ModeSet::NoKey);
    create(&vault).await;
    vault.login(ADA, PASSWORD).await;
    assert_eq!(turn(&vault, "harbor", Mode::Current, None).await, ModeSet::NoConsent);
    vault.login(ADA, PASSWORD).await;
    assert_eq!(vault.test.count(COPIES).await, 0);
    assert_eq!(turn(&vault, "harbor", Mode::Current, consent).await, ModeSet::Yes { destroyed: 0 });
    vault.login(ADA, PASSWORD).await;
    assert_eq!(vault.test.browser().login("northwind", ADA, PASSWORD).await.status, 303);
    assert_eq!(vault.test.count(COPIES).await, 1, "the merchant that consented, no other");
    let sql = "SELECT COUNT(*) AS n FROM merchant WHERE current_consent_by = 'Alex Admin'
               AND current_consent_at > 0";
    assert_eq!(vault.test.count(sql).await, 1);
});

both!(a_key_that_somebody_put_into_the_database_is_not_used, |db| async move {
    let vault = vault(db).await;
    let sql = "UPDATE seal_key SET public = $1";
    let theirs = vec![9_u8; 32];
    vault.test.app.db.exec(sql, doorkey::args![theirs]).await.unwrap();
    vault.login(ADA, PASSWORD).await;
    assert_eq!(vault.test.count(COPIES).await, 0, "nothing is sealed for it");
    rotate(&vault).await;
    vault.login(ADA, PASSWORD).await;
    assert_eq!(vault.open(ADA).await, Some(Ok(PASSWORD.into())));
});

both!(who_was_mailed_the_password_is_asked_for_a_new_one, |db| async move {
    let vault = vault(db).await;
    vault.login(ADA, PASSWORD).await;
    let customer = vault.customer(ADA).await;
    let mut tx = vault.test.app.db.begin().await.unwrap();
    let version = customer.credential_version;
    let now = vault.test.clock.now();
    seal::mailed(&mut tx, &customer.id, version, now).await.unwrap();
    tx.commit().await.unwrap();
    let mut ada = vault.test.browser();
    let fields = [("email", ADA), ("password", PASSWORD), ("return_to", "/s/harbor/checkout?a=1")];
    let answer = ada.post("/s/harbor/login", &fields).await;
    let to = "/s/harbor/account/password?return_to=%2Fs%2Fharbor%2Fcheckout%3Fa%3D1";
    assert_eq!((answer.status, answer.location()), (303, to));
    let page = ada.get(to).await;
    assert!(page.body.contains("was sent to you by mail"), "{}", page.body);
    let (form, back) = (page.hidden("form_secret"), page.hidden("return_to"));
    let fields = [
        ("form_secret", &*form),
        ("return_to", &*back),
        ("current_password", PASSWORD),
        ("password", NEW),
        ("password_repeat", NEW),
    ];
    let answer = ada.post("/s/harbor/account/password", &fields).await;
    assert_eq!((answer.status, answer.location()), (303, "/s/harbor/checkout?a=1"));
    let answer = vault.test.browser().login("harbor", ADA, NEW).await;
    assert_eq!((answer.status, answer.location()), (303, "/s/harbor/"), "asked no more");
    let page = ada.get("/s/harbor/account/password").await;
    assert!(!page.body.contains("was sent to you by mail"));
    let evil = "/s/harbor/account/password?return_to=//evil.test/";
    assert_eq!(ada.get(evil).await.hidden("return_to"), "");
    assert!(vault.open(ADA).await.is_some_and(|opened| opened != Err(Refused::Stale)));
});
