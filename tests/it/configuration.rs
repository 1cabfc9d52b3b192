//! The configuration, first starts, what `serve` refuses, and the demo as a stranger runs it.

mod demo;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use doorkey::args;
use doorkey::config::Config;
use doorkey::db::Db;

use crate::support::process::{Running, error_of, free_port, remote, run};

/// A folder of its own, gone in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("doorkey-config-{}", doorkey::new_id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn load(file: Option<&str>, environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Config::load(file.map(Path::new), environment)
}

#[test]
fn the_environment_lies_over_the_file_and_secrets_come_from_files() {
    let folder = Folder::new();
    let smtp = folder.file("smtp", "smtps://u:hunter2@mail.example.test\n");
    let secret = folder.file("key", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n");
    let database = folder.file("database", "postgres://doorkey:hunter3@db.example.test/doorkey\n");
    let text = format!(
        "listen = \"127.0.0.1:1\"\nsecret_file = \"{secret}\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n\
         [smtp]\nurl_file = \"{smtp}\"\n[link]\nttl = 60\n[limits]\nmail_per_day = 3\n"
    );
    let file = folder.file("doorkey.toml", &text);
    let config = load(Some(&file), &[]).unwrap();
    assert_eq!((config.listen.port(), config.link.ttl, config.limits.mail_per_day), (1, 60, 3));
    assert_eq!(config.limits.mail_per_hour, 5, "what is not named has its default");
    assert_eq!(config.smtp.url.as_ref().unwrap().reveal(), "smtps://u:hunter2@mail.example.test");
    assert!(config.secret().unwrap().is_some());
    let environment = [
        ("DOORKEY_LINK__TTL", "1"),
        ("DOORKEY_LISTEN", "127.0.0.1:2"),
        ("DOORKEY_DATABASE_URL_FILE", &*database),
        ("PATH", "/bin"),
    ];
    let config = load(Some(&file), &environment).unwrap();
    assert_eq!((config.listen.port(), config.link.ttl, config.limits.mail_per_day), (2, 1, 3));
    assert!(config.database_url.reveal().ends_with("@db.example.test/doorkey"));
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("hunter3"), "{shown}");
    let missing = load(None, &[("DOORKEY_SMTP__URL_FILE", "/nowhere")]).unwrap_err();
    assert!(missing.contains("smtp.url_file") && missing.contains("/nowhere"), "{missing}");
}

/// `serve` on a fresh SQLite database; what it said when it gave up.
fn refused(folder: &Folder, more: &[(&str, &str)]) -> String {
    refused_with(&["serve"], folder, more)
}

fn refused_with(args: &[&str], folder: &Folder, more: &[(&str, &str)]) -> String {
    let database = format!("sqlite:{}", folder.path("doorkey.db"));
    let mut environment = vec![
        ("DOORKEY_DATABASE_URL", &*database),
        ("DOORKEY_LISTEN", "127.0.0.1:0"),
        ("DOORKEY_OPS_LISTEN", "127.0.0.1:0"),
    ];
    environment.extend(more);
    let output: Output = run(args, &environment);
    assert_eq!(output.status.code(), Some(1), "{}", error_of(&output));
    let said = error_of(&output);
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("doorkey: ")).collect();
    assert_eq!(lines.len(), 1, "one line says what is wrong: {said}");
    lines[0].to_owned()
}

#[test]
fn serve_refuses_what_cannot_be_meant_by_name() {
    let folder = Folder::new();
    for (name, value, says) in [
        ("DOORKEY_LISTN", "127.0.0.1:1", "listn"),
        ("DOORKEY_LIMITS__MIAL_PER_DAY", "3", "mial_per_day"),
        ("DOORKEY_CAPTCHA__TEST", "true", "test"),
        ("DOORKEY_CAPTCHA__DIFFICULTY", "0", "captcha.difficulty"),
        ("DOORKEY_LINK__TTL", "86401", "link.ttl"),
        ("DOORKEY_SECRET", "hunter2", "secret"),
        ("DOORKEY_SMTP__URL", "http://mail.example.test", "smtp.url"),
        ("DOORKEY_OMS_URL", "http://oms.example.com", "https://"),
        ("DOORKEY_OMS_URL", "nonsense", "oms_url"),
    ] {
        let said = refused(&folder, &[(name, value)]);
        assert!(said.contains(says), "{name}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let file = folder.file("doorkey.toml", "[limits]\nmail_per_hour = 3\nmails = 1\n");
    let said = refused_with(&["serve", "--config", &file], &folder, &[]);
    assert!(said.contains("mails"), "{said}");
    let file = folder.file("broken.toml", "listen = \n");
    let said = refused_with(&["serve", "--config", &file], &folder, &[]);
    assert!(said.contains("broken.toml") && said.contains("TOML"), "{said}");
    let usage = run(&["serve", "--role", "king"], &[]);
    assert_eq!(usage.status.code(), Some(2));
}

const SENDER: &str = "service@shop.test";

/// The rows of an installation, made by the program's own commands.
fn set_up(database: &str, base_url: &str) {
    let environment = [("DOORKEY_DATABASE_URL", database)];
    for args in [
        &["migrate"][..],
        &["merchant", "add", "shop", "Shop"],
        &["store", "add", "shop", "shop", "Shop", "--base-url", base_url, "--sender", SENDER],
    ] {
        let output = run(args, &environment);
        assert!(output.status.success(), "{args:?}: {}", error_of(&output));
    }
}

#[tokio::test]
async fn serve_refuses_links_in_clear_and_the_demos_passwords() {
    let folder = Folder::new();
    let database = format!("sqlite:{}", folder.path("doorkey.db"));
    set_up(&database, "https://shop.example.com");
    let db = Db::connect(&database).await.unwrap();
    let sql = "UPDATE store SET base_url = $1 WHERE key = 'shop'";
    db.exec(sql, args!["http://shop.example.com"]).await.unwrap();
    db.close().await;
    let said = refused(&folder, &[]);
    assert!(said.contains("http://shop.example.com") && said.contains("https://"), "{said}");
    // Nor can one be added.
    let add = [
        "store",
        "add",
        "shop",
        "two",
        "Two",
        "--base-url",
        "http://two.example.com",
        "--sender",
        SENDER,
    ];
    let output = run(&add, &[("DOORKEY_DATABASE_URL", &database)]);
    assert!(!output.status.success() && error_of(&output).contains("https"));

    let demo = Folder::new();
    let data = demo.path("");
    let mut running = Running::start(&["demo", "--listen", "127.0.0.1:0", "--data", &data], &[]);
    running.wait_for("Press Ctrl-C").await;
    running.stop();
    let said = refused(&demo, &[]);
    assert!(said.contains("demo"), "{said}");
}

#[test]
fn serve_on_postgres_needs_a_secret_that_all_processes_share() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fresh = runtime.block_on(crate::support::postgres::fresh_database());
    let environment = [("DOORKEY_DATABASE_URL", &*fresh.url), ("DOORKEY_LISTEN", "127.0.0.1:0")];
    let output = run(&["serve"], &environment);
    assert_eq!(output.status.code(), Some(1));
    assert!(error_of(&output).contains("secret"), "{}", error_of(&output));
}

#[tokio::test]
async fn the_first_start_makes_a_secret_for_its_owner_alone_and_the_second_keeps_it() {
    let folder = Folder::new();
    let database = format!("sqlite:{}", folder.path("data/doorkey.db"));
    std::fs::create_dir_all(folder.0.join("data")).unwrap();
    let (pages, ops) = (free_port(), free_port());
    set_up(&database, &format!("http://127.0.0.1:{pages}/s/shop"));
    let (listen, ops) = (format!("127.0.0.1:{pages}"), format!("127.0.0.1:{ops}"));
    let environment = [
        ("DOORKEY_DATABASE_URL", &*database),
        ("DOORKEY_LISTEN", &listen),
        ("DOORKEY_OPS_LISTEN", &ops),
        ("DOORKEY_CAPTCHA__DIFFICULTY", "20"),
    ];
    let secret = folder.0.join("data/secret");
    assert!(!secret.exists());
    let mut kept = None;
    for _ in 0..2 {
        let mut running = Running::start(&["serve"], &environment);
        running.wait_for("doorkey serves").await;
        assert!(running.said().contains("no mail server is set"), "{}", running.said());
        for file in [&secret, &folder.0.join("data/doorkey.db")] {
            let mode = std::fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        }
        let mut shop = remote(listen.parse().unwrap());
        assert_eq!(shop.get("/s/shop/login").await.status, 200);
        assert_eq!(shop.get("/mailbox").await.status, 404, "no part of the demo is there");
        assert_eq!(shop.forgot("shop", "ada@example.test").await.status, 202);
        let mut private = remote(ops.parse().unwrap());
        assert_eq!(private.get("/healthz").await.status, 200);
        let ready = private.get("/readyz").await;
        assert!(ready.status == 503 && ready.body.contains("smtp.url"), "{}", ready.body);
        assert_eq!(shop.get("/healthz").await.status, 404, "nor the private listener's pages");
        assert!(running.stop().success());
        let text = std::fs::read_to_string(&secret).unwrap();
        assert!(kept.is_none_or(|kept| kept == text));
        kept = Some(text);
    }
    let damaged = folder.file("data/secret", "not a secret");
    let output = run(&["serve"], &environment);
    assert!(error_of(&output).contains(&damaged), "{}", error_of(&output));
    assert_eq!(output.status.code(), Some(1));
}
