//! What is not opened, or not used: copies that were moved, put back, made by others, or whose key is
//! not at hand.

use doorkey::activity::Action;
use doorkey::args;
use doorkey::config::{Config, Hidden, SmtpConfig};
use doorkey::password::seal::{self, Refused, SealKeys};
use doorkey::secret::sha256;
use hpke::aead::ChaCha20Poly1305;
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeS, Serializable, single_shot_seal_inout_detached};

use super::{ADA, BEN, COPIES, NEW, OTHER, Vault, rotate, vault};
use crate::support::app::PASSWORD;
use crate::support::both;

both!(swapped_copies_do_not_open, |db| async move {
    let vault = vault(db).await;
    for email in [ADA, BEN] {
        vault.login(email, PASSWORD).await;
        assert_eq!(vault.open(email).await, Some(Ok(PASSWORD.into())));
    }
    let (ada, ben) = (vault.row(ADA).await, vault.row(BEN).await);
    vault.put(ADA, ben).await;
    vault.put(BEN, ada.clone()).await;
    assert_eq!(vault.open(ADA).await, Some(Err(Refused::Broken)));
    assert_eq!(vault.open(BEN).await, Some(Err(Refused::Broken)));
    vault.put(ADA, ada).await;
    assert_eq!(vault.open(ADA).await, Some(Ok(PASSWORD.into())), "back in its place");
});

both!(an_old_copy_that_was_put_back_does_not_open, |db| async move {
    let vault = vault(db).await;
    vault.login(ADA, PASSWORD).await;
    let old = vault.row(ADA).await;
    let link = vault.test.link("harbor", ADA).await;
    assert_eq!(vault.test.browser().set_password(&link, NEW).await.status, 303);
    let new = vault.row(ADA).await;
    vault.put(ADA, old.clone()).await;
    assert_eq!(vault.open(ADA).await, Some(Err(Refused::Stale)));
    vault.put(ADA, (old.0, old.1, new.2)).await;
    assert_eq!(vault.open(ADA).await, Some(Err(Refused::Broken)), "with today's number on it");
    vault.put(ADA, new).await;
    assert_eq!(vault.open(ADA).await, Some(Ok(NEW.into())));
});

/// Seals as anybody can who has read the database: with the public key, for whom they like.
pub async fn forge(vault: &Vault, email: &str, password: &str) -> (Vec<u8>, Vec<u8>, i64) {
    let sql =
        "SELECT k.id, k.public, i.id AS installation FROM seal_key k CROSS JOIN installation i";
    let row = vault.test.app.db.row(sql, vec![]).await.unwrap().unwrap();
    let (key, installation): (String, String) = (row.get("id"), row.get("installation"));
    let customer = vault.customer(email).await;
    let info = [b"doorkey sealed password\x01", installation.as_bytes()].concat();
    let mut aad = Vec::new();
    for field in [
        customer.merchant_id.as_bytes(),
        customer.id.as_bytes(),
        &customer.credential_version.to_be_bytes(),
        &sha256(customer.email_key.as_bytes()),
        key.as_bytes(),
    ] {
        aad.extend((field.len() as u64).to_be_bytes());
        aad.extend(field);
    }
    let mut plain = [0; 1026];
    plain[1] = u8::try_from(password.len()).unwrap();
    plain[2..2 + password.len()].copy_from_slice(password.as_bytes());
    type Public = <X25519HkdfSha256 as Kem>::PublicKey;
    let public = Public::from_bytes(&row.get::<Vec<u8>>("public")).unwrap();
    let (encapped, tag) = single_shot_seal_inout_detached::<
        ChaCha20Poly1305,
        HkdfSha256,
        X25519HkdfSha256,
    >(
        &OpModeS::Base, &public, &info, InOutBuf::from(&mut plain[..]), &aad
    )
    .unwrap();
    let ciphertext = [&plain[..], &tag.to_bytes()].concat();
    (encapped.to_bytes().to_vec(), ciphertext, customer.credential_version)
}

both!(what_an_outsider_sealed_opens_and_is_not_the_password, |db| async move {
    let vault = vault(db).await;
    vault.login(ADA, PASSWORD).await;
    // The same by hand opens as the real one does: this is the format.
    vault.put(ADA, forge(&vault, ADA, PASSWORD).await).await;
    assert_eq!(vault.open(ADA).await, Some(Ok(PASSWORD.into())));
    assert!(vault.is_right(ADA, PASSWORD).await);
    vault.put(ADA, forge(&vault, ADA, "mallory's own words").await).await;
    assert_eq!(vault.open(ADA).await, Some(Ok("mallory's own words".into())));
    assert!(!vault.is_right(ADA, "mallory's own words").await, "which is why it is compared");
});

both!(a_refusal_stands_in_the_activity_and_heals, |db| async move {
    let vault = vault(db).await;
    for refused in [Refused::Forged, Refused::Broken, Refused::Stale, Refused::OtherKey] {
        vault.login(ADA, PASSWORD).await;
        assert_eq!(vault.test.count(COPIES).await, 1);
        refuse(&vault, refused).await;
        assert_eq!(vault.test.count(COPIES).await, 0, "{refused:?}: the copy is of no use");
    }
    vault.login(ADA, PASSWORD).await;
    refuse(&vault, Refused::NoKey).await;
    assert_eq!(vault.test.count(COPIES).await, 1, "nothing is wrong with this one");
    assert_eq!(vault.open(ADA).await, Some(Ok(PASSWORD.into())));
    let sql = "SELECT action, actor, customer_id, alert, detail FROM activity
               WHERE action = 'seal.refused' ORDER BY seq";
    let rows = vault.test.app.db.rows(sql, args![]).await.unwrap();
    let ada = vault.customer(ADA).await.id;
    assert_eq!(rows.len(), 5);
    for (row, reason) in rows.iter().zip(["forged", "broken", "stale", "other_key", "no_key"]) {
        assert_eq!(row.get::<String>("actor"), "Doorkey");
        assert_eq!(row.get::<Option<String>>("customer_id").as_deref(), Some(&*ada));
        assert_eq!(row.get::<i64>("alert"), 1);
        assert_eq!(row.get::<String>("detail"), format!("{{\"reason\":\"{reason}\"}}"));
    }
    assert_eq!(Action::SealRefused.as_str(), "seal.refused");
});

async fn refuse(vault: &Vault, refused: Refused) {
    let (app, customer) = (&vault.test.app, vault.customer(ADA).await);
    let (key, store) = (&app.keys.activity, &vault.test.store("harbor").id);
    let mut tx = app.db.begin().await.unwrap();
    let now = vault.test.clock.now();
    seal::refuse(&mut tx, key, &customer, store, refused, now).await.unwrap();
    tx.commit().await.unwrap();
}

both!(without_the_key_nothing_opens_and_all_else_works, |db| async move {
    let vault = vault(db).await;
    vault.login(ADA, PASSWORD).await;
    std::fs::remove_file(&vault.file).unwrap();
    assert_eq!(vault.open(ADA).await, Some(Err(Refused::NoKey)));
    // Log-in, recovery and sealing need no private key.
    vault.login(BEN, PASSWORD).await;
    let link = vault.test.link("harbor", ADA).await;
    assert_eq!(vault.test.browser().set_password(&link, NEW).await.status, 303);
    assert_eq!(vault.test.count(COPIES).await, 2);
    assert_eq!(vault.open(ADA).await, Some(Err(Refused::NoKey)));
    std::fs::write(&vault.file, "installation = \"x\"\nkey = \"y\"\nprivate = \"not base64\"\n")
        .unwrap();
    assert_eq!(vault.open(ADA).await, Some(Err(Refused::NoKey)), "a damaged file is none");
    // A process that is not told where the file is cannot open anything.
    let mut config = Config::clone(&vault.test.app.config);
    config.reminder.seal_key_path = None;
    let opened = vault.open_with(ADA, &SealKeys::new(&config)).await;
    assert_eq!(opened, Some(Err(Refused::NoKey)));
});

both!(a_new_key_ends_the_old_copies, |db| async move {
    let vault = vault(db).await;
    vault.login(ADA, PASSWORD).await;
    let old = vault.row(ADA).await;
    let old_file = std::fs::read(&vault.file).unwrap();
    rotate(&vault).await;
    assert_eq!(vault.open(ADA).await, None, "gone with their key");
    vault.login(ADA, PASSWORD).await;
    assert_eq!(vault.open(ADA).await, Some(Ok(PASSWORD.into())), "sealed anew");
    let new = vault.row(ADA).await;
    vault.put(ADA, old).await;
    assert_eq!(vault.open(ADA).await, Some(Err(Refused::Broken)), "put back under the new key");
    vault.put(ADA, new).await;
    std::fs::write(&vault.file, old_file).unwrap();
    assert_eq!(vault.open(ADA).await, Some(Err(Refused::OtherKey)), "the old file put back");
});

both!(mail_that_may_travel_in_clear_opens_nothing, |db| async move {
    let vault = vault(db).await;
    vault.login(ADA, PASSWORD).await;
    let far = "smtp://mail.example.test:25";
    for (url, tls, opens) in [
        (far, None, true),
        (far, Some("required"), true),
        (far, Some("opportunistic"), false),
        (far, Some("none"), false),
        ("smtp://127.0.0.1:25", None, true),
        ("smtp://127.0.0.1:25", Some("none"), true),
        ("smtp://localhost:25", Some("opportunistic"), true),
        ("smtps://u:p@mail.example.test", None, true),
        ("smtp://127.0.0.1.example.test", Some("none"), false),
        ("nonsense", Some("none"), false),
    ] {
        let mut config = Config::clone(&vault.test.app.config);
        config.smtp.url = Some(Hidden::new(url));
        config.smtp.tls = tls.map(str::to_owned);
        let opened = vault.open_with(ADA, &SealKeys::new(&config)).await;
        let wanted = if opens { Ok(PASSWORD.to_owned()) } else { Err(Refused::Clear) };
        assert_eq!(opened, Some(wanted), "{url} {tls:?}");
        // The backup relay counts as much: nobody knows which will take the mail.
        let backup = SmtpConfig { url: config.smtp.url.take(), ..config.smtp.clone() };
        config.smtp =
            SmtpConfig { backup: Some(Box::new(backup)), ..vault.test.app.config.smtp.clone() };
        let opened = vault.open_with(ADA, &SealKeys::new(&config)).await;
        let wanted = if opens { Ok(PASSWORD.to_owned()) } else { Err(Refused::Clear) };
        assert_eq!(opened, Some(wanted), "{url} {tls:?} as the backup");
    }
});

#[test]
fn the_pages_have_no_way_to_a_private_key() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut seen, mut found) = (vec![root.clone()], 0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            seen += usize::from(name.starts_with("web/"));
            if text.contains("SealKeys") || text.contains("seal_key_path") {
                found.push(name);
            }
        }
    }
    assert!(seen > 20, "the pages were found");
    assert!(found.contains(&"password/seal/opener.rs".to_owned()), "and what opens: {found:?}");
    found.retain(|name| name.starts_with("web"));
    assert_eq!(found, Vec::<String>::new());
    assert_ne!(OTHER, NEW);
}
