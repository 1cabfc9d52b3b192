//! `doorkey key`, the doctor and the demo, as an operator runs them.

use std::os::unix::fs::PermissionsExt;

use doorkey::db::Db;

use crate::commands::place::{Place, run};
use crate::support::process::Running;

/// A place where current passwords are allowed.
fn does(place: &Place, line: &str) -> (Option<i32>, String) {
    let mut command = place.command(line);
    command.env("DOORKEY_REMINDER__ALLOW_CURRENT", "true");
    command.env("DOORKEY_REMINDER__SEAL_KEY_PATH", place.0.join("seal.key"));
    command.env("DOORKEY_SMTP__URL", "smtp://127.0.0.1:1");
    let ran = run(command, "");
    (ran.code, format!("{}{}", ran.out, ran.err))
}

#[test]
fn the_key_is_made_shown_replaced_and_destroyed() {
    let place = Place::ready();
    let file = place.0.join("seal.key");
    place.fails("key create", "reminder.seal_key_path is not set");
    assert_eq!(place.does("key list"), "no key: make one with doorkey key create\n");
    let (code, said) = does(&place, "key create");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("seal.key"), "{said}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let first = std::fs::read_to_string(&file).unwrap();
    let private = first.split("private = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(!said.contains(private), "the private half is not shown");
    let (code, said) = does(&place, "key create");
    assert!(code == Some(1) && said.contains("doorkey key rotate"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first, "nothing happened");
    let (_, said) = does(&place, "key list");
    assert!(said.contains("fits") && !said.contains(private), "{said}");
    let (code, said) = does(&place, "key rotate");
    assert!(code == Some(0) && said.contains("sealed copies destroyed: 0"), "{said}");
    let second = std::fs::read_to_string(&file).unwrap();
    assert!(second != first && !place.0.join("seal.key.new").exists());
    std::fs::write(&file, &first).unwrap();
    assert!(does(&place, "key list").1.contains("another key"));
    std::fs::write(&file, &second).unwrap();
    let (code, said) = does(&place, "key remove");
    assert!(code == Some(0) && said.contains("the key is destroyed"), "{said}");
    assert!(!file.exists());
    assert!(does(&place, "key list").1.contains("no key"));
}

#[test]
fn a_file_that_cannot_be_written_leaves_no_key() {
    let place = Place::ready();
    std::fs::create_dir(place.0.join("seal.key")).unwrap();
    std::fs::create_dir(place.0.join("seal.key.new")).unwrap();
    let (code, said) = does(&place, "key create");
    assert!(code == Some(1) && said.contains("cannot write"), "{said}");
    assert!(does(&place, "key list").1.contains("no key"));
}

#[test]
fn the_doctor_says_who_can_read_it() {
    let place = Place::ready();
    let said = |place: &Place| does(place, "doctor").1;
    let plain = run(place.command("doctor"), "").out;
    assert!(plain.contains("ok    reminders: no current passwords"), "{plain}");
    assert!(said(&place).contains("warn  reminders: current passwords are allowed, and there is"));
    does(&place, "key create");
    let text = said(&place);
    assert!(text.contains("ok    reminders:") && text.contains("by its owner alone"), "{text}");
    assert!(text.contains("warn  reminders: whoever runs here can read"), "{text}");
    assert!(text.contains("--role all") && text.contains("--role web"), "{text}");
    let file = place.0.join("seal.key");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(said(&place).contains("chmod 600"));
    std::fs::remove_file(&file).unwrap();
    assert!(said(&place).contains("right for pages, not for mail"));
    let plain = run(place.command("doctor"), "").out;
    assert!(plain.contains("not allowed, but a key"), "{plain}");
    let mut command = place.command("doctor");
    command.env("DOORKEY_REMINDER__ALLOW_CURRENT", "true");
    command.env("DOORKEY_SMTP__URL", "smtp://mail.example.test:1");
    command.env("DOORKEY_SMTP__TLS", "opportunistic");
    let clear = run(command, "").out;
    assert!(clear.contains("fail  reminders: mail may leave without verified TLS"), "{clear}");
}

#[test]
fn a_customer_who_is_added_with_a_password_has_a_copy() {
    let place = Place::ready();
    assert_eq!(does(&place, "key create").0, Some(0));
    place.sql("INSERT INTO sealing (merchant_id, since) SELECT id, 1 FROM merchant");
    let add = "customer add harbor ada@harbor.test --first-name Ada --last-name M --store harbor";
    assert_eq!(does(&place, &format!("{add} --generate-password")).0, Some(0));
    let (_, said) = does(&place, "key list");
    assert!(said.lines().last().unwrap().contains("  1       fits"), "{said}");
    let (_, said) = does(&place, "key rotate");
    assert!(said.contains("sealed copies destroyed: 1"), "{said}");
    let (_, said) = does(&place, "key list");
    assert!(said.lines().last().unwrap().contains("  0       fits"), "{said}");
}

/// Runs the demo until it is up; then what it left in its database.
async fn demo(place: &Place, more: &[&str]) -> [i64; 4] {
    let data = place.0.join("demo");
    let data = data.to_str().unwrap();
    let mut args = vec!["demo", "--listen", "127.0.0.1:0", "--data", data];
    args.extend(more);
    let mut running = Running::start(&args, &[("DOORKEY_CAPTCHA__DIFFICULTY", "20")]);
    running.wait_for("Press Ctrl-C").await;
    drop(running);
    let db = Db::connect(&format!("sqlite:{data}/doorkey.db")).await.unwrap();
    let sql = "SELECT (SELECT COUNT(*) FROM sealed_password) AS copies,
        (SELECT COUNT(*) FROM customer c JOIN credential p ON p.customer_id = c.id
            WHERE c.blocked_at IS NULL AND p.password_hash IS NOT NULL) AS customers,
        (SELECT COUNT(*) FROM seal_key) AS keys,
        (SELECT COUNT(*) FROM merchant WHERE reminder_mode = 'current'
            AND current_consent_at IS NOT NULL) AS consents";
    let row = db.row(sql, vec![]).await.unwrap().unwrap();
    db.close().await;
    ["customers", "copies", "keys", "consents"].map(|name| row.get(name))
}

#[tokio::test]
async fn the_demo_starts_in_the_form_that_is_asked_for() {
    let place = Place::empty();
    let [all, copies, keys, consents] = demo(&place, &[]).await;
    assert!(all >= 5 && [copies, keys, consents] == [0, 0, 0]);
    // Everybody in the sample data but the blocked one.
    assert_eq!(demo(&place, &["--reminder", "current"]).await, [all, all, 1, 2]);
    let file = place.0.join("demo/seal.key");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(demo(&place, &[]).await, [all, all, 1, 2], "as last time");
    std::fs::remove_file(&file).unwrap();
    let again = demo(&place, &["--reminder", "current"]).await;
    assert_eq!(again, [all, all, 1, 2], "with a new key");
    assert_eq!(demo(&place, &["--reminder", "link"]).await, [all, 0, 0, 0]);
    place.misused("demo --reminder mailed", "temporary, link or current");
}
