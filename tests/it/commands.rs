//! The administration commands, run as an operator runs them: the real binary, its exit status,
//! its two outputs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use doorkey::db::Db;
use serde_json::Value;

mod dkim;
pub mod place;

use place::{Place, run};

fn mode(file: &Path) -> u32 {
    file.metadata().unwrap().permissions().mode() & 0o777
}

fn files(place: &Place) -> usize {
    std::fs::read_dir(&place.0).unwrap().count()
}

/// One field of each object in a list.
fn each(list: &Value, field: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|object| object[field].clone()).collect()
}

/// The generated password at the end of what a command said.
fn generated(said: &str) -> &str {
    let password = said.trim_end().rsplit(' ').next().unwrap();
    assert_eq!(password.len(), 23, "{said}");
    password
}

#[test]
fn every_command_explains_itself_and_takes_no_secret() {
    let place = Place::empty();
    for command in "|demo|serve|migrate|doctor|backup|merchant|merchant add|merchant list|store|\
                    store add|store set|store list|staff|staff add|staff list|staff reset|customer|\
                    customer add|customer list|key|key create|key list|key rotate|key remove|\
                    key dkim|key dkim create|key dkim list|key dkim rotate|key dkim activate|activity|activity verify"
        .split('|')
    {
        let help = place.does(&format!("{command} --help"));
        assert!(help.contains("Usage:"), "{command}: {help}");
        for secret in ["--password <", "--password=", "--secret"] {
            assert!(!help.contains(secret), "{command}: {help}");
        }
    }
    assert_eq!(files(&place), 0, "help leaves nothing behind");
    place.misused("frobnicate", "frobnicate");
    place.misused("store frobnicate", "frobnicate");
    place.misused("staff add harbor a@b.test A --role agent --password hunter2x", "--password");
}

#[test]
fn a_database_is_never_made_by_accident_and_never_misread() {
    let place = Place::empty();
    let lines = "merchant list|store list|store set x --name X|staff list|customer list x|backup f";
    for line in lines.split('|') {
        place.fails(line, "doorkey migrate");
    }
    assert_eq!(files(&place), 0);
    let wanted = Db::schema_wanted();
    assert_eq!(place.does("migrate"), format!("the schema is created, at step {wanted}\n"));
    assert_eq!(place.does("migrate"), format!("the schema is up to date, at step {wanted}\n"));
    assert_eq!(mode(&place.0.join("doorkey.db")), 0o600);
    place.sql("UPDATE _sqlx_migrations SET version = 999999 WHERE version = 1");
    place.fails("store list", "newer");
    place.fails("migrate", "newer");
    place.sql("DELETE FROM _sqlx_migrations");
    place.fails("store list", "doorkey migrate");
}

#[test]
fn merchants() {
    let place = Place::ready();
    assert_eq!(place.does("merchant list"), "KEY     NAME\nharbor  Harbor Goods\n");
    let list = place.json("merchant list --json");
    assert_eq!(list, serde_json::json!([{ "key": "harbor", "name": "Harbor Goods" }]));
    place.fails("merchant add harbor Other", "choose another key");
    place.misused("merchant add Harbor Other", "lower-case");
    place.misused("merchant add other 'Two\nlines'", "control characters");
    place.misused("merchant add other", "<NAME>");
}

#[test]
fn stores_are_added() {
    let place = Place::ready();
    place.does(
        "store add harbor trade Trade --base-url http://127.0.0.1:8080/s/trade \
         --sender shop@trade.test --access protected",
    );
    let list = place.json("store list --json");
    assert_eq!(each(&list, "key"), ["harbor", "trade"]);
    assert_eq!(each(&list, "merchant"), ["harbor", "harbor"]);
    assert_eq!(each(&list, "access"), ["public", "protected"]);
    assert_eq!(each(&list, "sender"), ["no-reply@harbor.test", "shop@trade.test"]);
    assert!(place.does("store list").contains("http://127.0.0.1:8080/s/trade"));
    let add = "store add harbor";
    place.fails(&format!("{add} harbor X --base-url https://x.test"), "doorkey store set");
    place.fails(&format!("{add} x X --base-url https://HARBOR.test/"), "another store has");
    place.fails(&format!("{add} x X --base-url http://127.0.0.1:1"), "--sender");
    place.fails("store add nobody x X --base-url https://x.test", "there is harbor");
    for (what, says) in [
        ("--base-url http://x.test", "https://"),
        ("--base-url https://u@x.test", "https://shop.example.com"),
        ("--base-url https://x.test --accent red", "#1f5c57"),
        ("--base-url https://x.test --access open", "public or protected"),
        ("--base-url https://x.test --language xx", "en, de, es, fr"),
        ("--base-url https://x.test --sender a@b@c", "ada@example.com"),
    ] {
        place.misused(&format!("{add} x X {what}"), says);
    }
}

#[test]
fn stores_are_set() {
    let place = Place::ready();
    place.misused("store set harbor", "--link-ttl <SECONDS>");
    place.fails("store set nowhere --name X", "there is harbor");
    let logo = place.0.join("logo");
    image::DynamicImage::new_rgb8(9, 9).save_with_format(logo, image::ImageFormat::Png).unwrap();
    std::fs::write(place.0.join("svg.png"), b"<svg onload=alert(1)>").unwrap();
    let large = [&b"\xff\xd8\xff"[..], &[0; 600 * 1024]].concat();
    std::fs::write(place.0.join("large.jpg"), large).unwrap();
    let said = place.does(
        "store set harbor --name Hafen --base-url https://hafen.test/s/ --access protected \
         --language de --accent #ABCDEF --prompt Lost? --sender post@hafen.test \
         --link-ttl 86400 --cart-cookie cart --logo logo --sender-name Wache --languages en,fr \
         --password-min 12",
    );
    assert!(said.contains("cart cookie, logo set"), "{said}");
    let wanted = serde_json::json!([{
        "key": "harbor", "merchant": "harbor", "name": "Hafen", "language": "de",
        "base_url": "https://hafen.test/s", "access": "protected", "accent": "#abcdef",
        "prompt": "Lost?", "sender": "post@hafen.test", "link_ttl": 86400, "cart_cookie": "cart",
        "has_logo": true, "sender_name": "Wache", "languages": ["en", "de", "fr"],
        "password_min": 12,
    }]);
    assert_eq!(place.json("store list --json"), wanted);
    place.does("store set harbor --prompt '' --link-ttl 0 --cart-cookie '' --logo ''");
    let list = place.json("store list --json");
    assert!(["prompt", "link_ttl", "cart_cookie"].iter().all(|field| list[0][field].is_null()));
    assert_eq!((&list[0]["has_logo"], &list[0]["name"]), (&false.into(), &"Hafen".into()));
    for (logo, says) in [("svg.png", "PNG"), ("large.jpg", "512 KiB"), ("none.png", "cannot read")]
    {
        place.fails(&format!("store set harbor --logo {logo}"), says);
    }
    for (what, says) in [
        ("--link-ttl 86401", "86400"),
        ("--link-ttl=-1", "86400"),
        ("--cart-cookie __Host-cart", "taken"),
        ("--cart-cookie doorkey", "taken"),
        ("--cart-cookie a;b", "letters"),
        ("--base-url http://hafen.test", "https://"),
        ("--prompt 'a\u{7}b'", "control"),
    ] {
        place.misused(&format!("store set harbor {what}"), says);
    }
}

#[test]
fn staff() {
    let place = Place::ready();
    let said = place.does("staff add harbor agent@harbor.test Agnes --role agent");
    let link = said.lines().last().unwrap();
    assert!(link.starts_with("http://127.0.0.1:8080/oms/enrol?token="), "{said}");
    place.fails("staff add harbor AGENT@harbor.test X --role viewer", "choose another");
    place.misused("staff add harbor x@harbor.test X --role boss", "administrator, agent, viewer");
    place.misused("staff add harbor 'x at harbor' X --role agent", "ada@example.com");
    let typed = "staff add harbor admin@harbor.test Ada --role administrator --password-stdin";
    for input in ["", "two words\ntwo lines\n"] {
        place.fails_with(typed, input, "one line");
    }
    for input in ["short\n", "harbor goods\n", "password1\n"] {
        place.fails_with(typed, input, "the password is refused: ");
    }
    let said = place.does_with(typed, "harbor-lighthouse-42\n");
    assert!(!said.contains("lighthouse"), "{said}");
    let list = place.json("staff list harbor --json");
    assert_eq!(each(&list, "role"), ["administrator", "agent"]);
    assert_eq!(each(&list, "status"), ["active", "invited"]);
    let mut command = place.command("staff reset ADMIN@harbor.test --remove-factor");
    command.env("DOORKEY_OMS_URL", "https://oms.harbor.test");
    let said = run(command, "");
    assert_eq!((said.code, &*said.err), (Some(0), ""));
    let link = said.out.lines().last().unwrap();
    assert!(link.starts_with("https://oms.harbor.test/oms/enrol?token="), "{}", said.out);
    let list = place.json("staff list harbor --json");
    assert_eq!(each(&list, "status"), ["invited", "invited"]);
    place.fails("staff reset nobody@harbor.test", "doorkey staff list");
    for list in [list.to_string(), place.does("staff list")] {
        assert!(list.contains("agent@harbor.test"), "{list}");
        assert!(!list.contains("argon2") && !list.contains("token"), "{list}");
    }
    place.fails("staff list nobody", "there is harbor");
}

#[test]
fn customers() {
    let place = Place::ready();
    place.does("merchant add northwind Northwind");
    let named = "--first-name Ada --last-name Marsh --store harbor";
    let add = |what: &str| format!("customer add harbor {what} {named}");
    assert!(place.does(&add("ada@example.test")).contains("https://harbor.test/forgot"));
    let said = place.does(&add("ben@example.test --generate-password --number 1001"));
    let password = generated(&said);
    let typed = add("cleo@example.test --password-stdin --company 'Cleo & Co'");
    place.fails_with(&typed, "cleo@example.test\n", "refused");
    place.fails_with(&typed, "Harbor Coffee\n", "refused");
    place.does_with(&typed, "harbor-lighthouse-42\r\n");
    place.fails(&add("ADA@example.test"), "with the address ADA@example.test already");
    place.fails(&add("dan@example.test --number 1001"), "with the number 1001 already");
    let nowhere = "customer add harbor dan@example.test --first-name D --last-name D --store x";
    place.fails(nowhere, "there is no store x of merchant harbor; there is harbor");
    place.fails(&format!("customer add northwind d@example.test {named}"), "of merchant northwind");
    place.misused(&add("dan@example.test --number a@b.test"), "no @");
    place.misused(&add("dan@example.test --phone '1\r\nBcc: x'"), "control");
    let both = add("dan@example.test --password-stdin --generate-password");
    place.misused(&both, "cannot be used with");

    let all = place.json("customer list harbor --json");
    assert_eq!(each(&all, "has_password"), [false, true, true]);
    assert_eq!(each(&all, "company"), ["", "", "Cleo & Co"]);
    let shown = format!("{all}{}", place.does("customer list harbor"));
    assert!(!shown.contains("argon2") && !shown.contains(password), "{shown}");
    place.fails("customer block harbor dan@example.test", "no customer with this address");
    assert!(place.does("customer block harbor BEN@example.test").contains("is closed"));
    let listed = || place.json("customer list harbor --json");
    assert_eq!(each(&listed(), "status"), ["active", "blocked", "active"]);
    assert!(place.does("customer unblock harbor ben@example.test").contains("open again"));
    assert_eq!(each(&listed(), "status"), ["active"; 3]);
    let page = place.json("customer list harbor --json --limit 2 --after ADA@example.test");
    assert_eq!(each(&page, "email"), ["ben@example.test", "cleo@example.test"]);
    let first = run(place.command("customer list harbor --limit 1"), "");
    assert!(first.out.contains("ada@example.test") && !first.out.contains("ben@example.test"));
    assert_eq!(first.err, "there are more: --after ada@example.test\n");
    assert_eq!(place.json("customer list northwind --json"), Value::Array(vec![]));
}

/// Runs the doctor on what is not in order; every line must have the agreed form.
fn doctor(place: &Place, smtp: &str) -> String {
    let mut command = place.command("doctor");
    command.env("DOORKEY_SMTP__URL", smtp);
    let ran = run(command, "");
    assert_eq!((ran.code, ran.err.lines().count()), (Some(1), 1), "{}{}", ran.out, ran.err);
    for line in ran.out.lines() {
        let (level, rest) = line.split_at(6);
        assert!(["ok    ", "warn  ", "fail  "].contains(&level), "{line}");
        assert_eq!(rest.contains(" — "), level != "ok    ", "{line}");
    }
    ran.out
}

#[test]
fn the_doctor_says_what_to_do() {
    let place = Place::empty();
    let smtp = "smtp://user:hunter2@127.0.0.1:1";
    assert!(doctor(&place, smtp).contains("run `doorkey migrate`"));
    assert_eq!(files(&place), 0, "the doctor changes nothing");
    let place = Place::ready();
    std::fs::write(place.0.join("secret"), "x".repeat(44)).unwrap();
    std::fs::set_permissions(place.0.join("secret"), PermissionsExt::from_mode(0o644)).unwrap();
    place.sql("UPDATE store SET base_url = 'http://harbor.test', sender = 'nobody'");
    let said = doctor(&place, smtp);
    for says in [
        "chmod 600",
        "ok    database: writable",
        "fail  store harbor: its base URL",
        "fail  store harbor: its sender",
        "fail  mail: 127.0.0.1:1",
        "ok    queue: 0 waiting",
        "warn  worker: no doorkey serve answers at 127.0.0.1:1",
    ] {
        assert!(said.contains(says), "{says}: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    let json = run(place.command("doctor --json"), "").out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["ok"] == false && each(&json["findings"], "level").contains(&"fail".into()));
}

#[test]
fn a_backup_is_whole_while_others_write() {
    let place = Place::ready();
    let add = |i: usize| {
        place.does(&format!(
            "customer add harbor c{i}@example.test --first-name C --last-name D --store harbor"
        ));
    };
    let count = |place: &Place| each(&place.json("customer list harbor --json"), "email").len();
    (0..5).for_each(add);
    let other = Place::empty();
    let copy = other.0.join("doorkey.db");
    let backup = format!("backup '{}'", copy.display());
    std::thread::scope(|threads| {
        threads.spawn(|| (5..30).for_each(add));
        assert!(place.does(&backup).contains("checked"));
    });
    assert_eq!((count(&place), mode(&copy)), (30, 0o600));
    assert_eq!(files(&other), 1, "nothing unfinished stays");
    assert!((5..=30).contains(&count(&other)), "the copy is a database that can be used");
    let before = std::fs::read(&copy).unwrap();
    place.fails(&backup, "exists already");
    assert_eq!(before, std::fs::read(&copy).unwrap());
    place.fails("backup no/such/folder/copy.db", "cannot write in");
    place.misused("backup", "<FILE>");
    let mut command = place.command("backup pg.db");
    command.env("DOORKEY_DATABASE_URL", "postgres://u@127.0.0.1:1/x");
    let ran = run(command, "");
    assert!(ran.code == Some(1) && ran.err.contains("pg_dump"), "{}", ran.err);
}
