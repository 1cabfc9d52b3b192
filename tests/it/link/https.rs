//! Stores reached over TLS: what links, cookies and headers look like, and that production knows
//! nothing else.

use std::process::{Command, Stdio};

use doorkey::clock::Clock;
use doorkey::db::Db;
use doorkey::locale::Language;
use doorkey::merchant;
use doorkey::store::{self, Access, NewStore};

use super::{ADA, NEW, ORIGIN, PASSWORD, TestApp, add_store, both, browser_at, link_at};
use crate::support::{Answer, Browser};

const ROOT: &str = "https://tea.example.test";
const SHARED: &str = "https://brand.example.test";

/// Name and attributes of the cookies that an answer sets, less their values.
fn cookies(answer: &Answer) -> Vec<(String, Vec<String>)> {
    let lines = answer.set_cookies();
    let read = |line: &String| {
        let (pair, rest) = line.split_once(';').unwrap();
        let mut attributes: Vec<_> = rest.split(';').map(|a| a.trim().to_owned()).collect();
        attributes.retain(|a| !a.starts_with("Max-Age"));
        attributes.sort();
        (pair.split_once('=').unwrap().0.to_owned(), attributes)
    };
    lines.iter().map(read).collect()
}

/// Logs in and opens a link; asserts how both cookies are made.
async fn assert_cookies(
    test: &TestApp,
    origin: &str,
    base: &str,
    names: [&str; 2],
    attributes: &[&str],
) {
    let mut browser: Browser = browser_at(test, origin);
    let login = [("email", ADA), ("password", PASSWORD)];
    let entered = browser.post(&format!("{base}/login"), &login).await;
    assert_eq!(entered.status, 303, "{origin}{base}");
    let wanted = |name: &str| {
        vec![(name.to_owned(), attributes.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())]
    };
    assert_eq!(cookies(&entered), wanted(names[0]));
    let link = link_at(test, &mut browser, base, &[]).await;
    assert!(link.starts_with(&format!("{origin}{base}/reset?token=")), "{link}");
    assert_eq!(cookies(&browser.get(&link).await), wanted(names[1]));
    // A logout takes away the very cookie that was given.
    let out = browser.post(&format!("{base}/logout"), &[]).await;
    assert_eq!(cookies(&out), wanted(names[0]));
    assert!(out.set_cookies()[0].contains("Max-Age=0"));
    test.wait(61);
}

both!(cookies_are_as_strict_as_the_base_url_allows, |db| async move {
    let test = TestApp::start(db).await;
    add_store(&test, "tea", ROOT, Access::Public).await;
    add_store(&test, "cups", &format!("{SHARED}/cups"), Access::Public).await;
    let names = ["__Host-doorkey", "__Host-doorkey-reset"];
    assert_cookies(&test, ROOT, "", names, &["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]).await;
    let names = ["__Secure-doorkey", "__Secure-doorkey-reset"];
    let bound = ["HttpOnly", "Path=/cups", "SameSite=Lax", "Secure"];
    assert_cookies(&test, SHARED, "/cups", names, &bound).await;
    let names = ["doorkey", "doorkey-reset"];
    let plain = ["HttpOnly", "Path=/s/harbor", "SameSite=Lax"];
    assert_cookies(&test, ORIGIN, "/s/harbor", names, &plain).await;
});

both!(a_cookie_under_another_name_opens_nothing, |db| async move {
    let test = TestApp::start(db).await;
    add_store(&test, "tea", ROOT, Access::Public).await;
    let mut browser = browser_at(&test, ROOT);
    let login = [("email", ADA), ("password", PASSWORD)];
    assert_eq!(browser.post("/login", &login).await.status, 303);
    let session = browser.cookie("__Host-doorkey").unwrap().to_owned();
    assert_eq!(browser.get("/session").await.status, 200);
    // A name without the prefix can be planted by a sister host or over plain HTTP.
    for name in ["doorkey", "__Secure-doorkey", "__host-doorkey", "Host-doorkey"] {
        let mut planted = browser_at(&test, ROOT);
        planted.set_cookie(name, &session, "/");
        assert_eq!(planted.get("/session").await.status, 401, "{name}");
    }
});

both!(every_answer_over_tls_asks_for_tls_from_now_on, |db| async move {
    let test = TestApp::start(db).await;
    add_store(&test, "tea", ROOT, Access::Public).await;
    let mut browser = browser_at(&test, ROOT);
    let mut answers = Vec::new();
    for page in [
        "/",
        "/login",
        "/forgot",
        "/reset",
        "/nothing",
        "/session",
        "/auth",
        "/account",
        "/look.css",
        "/logo",
        "/assets/store.css",
        "/captcha",
        "/reset?token=x&token=y",
    ] {
        answers.push((page, browser.get(page).await));
    }
    answers.push(("/login", browser.post("/login", &[("email", "x"), ("password", "y")]).await));
    answers.push(("/forgot", browser.post("/forgot", &[]).await));
    answers.push(("/logout", browser.get("/logout").await));
    let foreign = [("origin", "http://evil.test")];
    answers.push((
        "/logout",
        browser.request(axum::http::Method::POST, "/logout", None, &foreign).await,
    ));
    let mut statuses = std::collections::BTreeSet::new();
    for (page, answer) in answers {
        let value = answer.headers.get("strict-transport-security");
        let value = value.unwrap_or_else(|| panic!("none on {page} ({})", answer.status));
        let age = value.to_str().unwrap().strip_prefix("max-age=").unwrap();
        let age: u32 = age.split(';').next().unwrap().parse().unwrap();
        assert!(age >= 31_536_000, "{page}");
        statuses.insert(answer.status);
    }
    assert_eq!(Vec::from_iter(statuses), [200, 303, 400, 401, 403, 404, 405, 410]);
    // Over plain HTTP browsers ignore it, and it would be a lie.
    let plain = test.browser().get("/s/harbor/login").await;
    assert!(!plain.headers.contains_key("strict-transport-security"));
});

both!(links_of_a_store_over_tls_lead_there, |db| async move {
    let test = TestApp::start(db).await;
    add_store(&test, "tea", ROOT, Access::Protected).await;
    let mut browser = browser_at(&test, ROOT);
    let gate = browser.get("/").await;
    assert_eq!((gate.status, gate.location()), (303, "/login"));
    let auth = browser.get("/auth").await;
    assert_eq!((auth.status, auth.location()), (401, "https://tea.example.test/login"));
    let link = link_at(&test, &mut browser, "", &[("return_to", "/teapots?page=2")]).await;
    let path = link.strip_prefix(ROOT).unwrap().to_owned();
    let cleaned = browser.get(&path).await;
    assert_eq!((cleaned.status, cleaned.location()), (303, "/reset"));
    let done = browser.set_password(&link, NEW).await;
    assert_eq!((done.status, done.location()), (303, "/teapots?page=2"));
    assert_eq!(browser.get("/").await.status, 200);
});

/// An installation with one store at this base URL, served by the program itself until it gives up
/// or says that it serves; its log and, if it ended, its exit status.
async fn serve(base_url: &str, oms_url: Option<&str>) -> (String, Option<i32>) {
    let folder = std::env::temp_dir().join(format!("doorkey-it-{}", doorkey::new_id()));
    std::fs::create_dir_all(&folder).unwrap();
    let database = format!("sqlite:{}", folder.join("doorkey.db").display());
    let db = Db::connect(&database).await.unwrap();
    db.migrate().await.unwrap();
    let now = Clock::System.now();
    let mut tx = db.begin().await.unwrap();
    let merchant = merchant::add(&mut tx, "m", "Merchant", now).await.unwrap();
    let new = NewStore {
        key: "tea".into(),
        name: "Tea".into(),
        base_url: base_url.into(),
        access: Access::Public,
        language: Language::En,
        accent: "#1f5c57".into(),
        sender: "tea@example.test".into(),
    };
    store::add(&mut tx, &merchant.id, &new, now).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorkey"));
    command
        .arg("serve")
        .env("DOORKEY_DATABASE_URL", &database)
        .env("DOORKEY_LISTEN", "127.0.0.1:0")
        .env("DOORKEY_OPS_LISTEN", "127.0.0.1:0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if let Some(url) = oms_url {
        command.env("DOORKEY_OMS_URL", url);
    }
    let served = tokio::task::spawn_blocking(move || until_it_serves(&mut command)).await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    served
}

fn until_it_serves(command: &mut Command) -> (String, Option<i32>) {
    use std::io::BufRead;
    let mut child = command.spawn().unwrap();
    let mut log = String::new();
    for line in std::io::BufReader::new(child.stderr.take().unwrap()).lines() {
        log.push_str(&line.unwrap());
        log.push('\n');
        if log.contains("doorkey serves") {
            child.kill().unwrap();
            child.wait().unwrap();
            return (log, None);
        }
    }
    (log, child.wait().unwrap().code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_refuses_public_urls_without_tls() {
    for (base_url, oms_url) in [
        ("http://tea.example.test", None),
        ("http://10.0.0.1:8080/tea", None),
        ("http://localhost.example.test", None),
        ("http://127.0.0.1.example.test", None),
        ("https://tea.example.test", Some("http://oms.example.test")),
    ] {
        let (log, status) = serve(base_url, oms_url).await;
        assert_eq!(status, Some(1), "{base_url} {oms_url:?}: {log}");
        assert!(log.contains("it must begin with https://"), "{log}");
    }
    for (base_url, oms_url) in [
        ("https://tea.example.test", Some("https://oms.example.test")),
        ("http://127.0.0.1:8080/s/tea", None),
    ] {
        let (log, status) = serve(base_url, oms_url).await;
        assert_eq!(status, None, "{base_url}: {log}");
    }
}
