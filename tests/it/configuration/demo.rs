//! `doorkey demo`: one command, and everything in the documentation can be tried.

use super::Folder;
use crate::support::Browser;
use crate::support::app::{PASSWORD, reset_link};
use crate::support::process::{Running, remote};
use crate::support::smtp_sink::{Plan, SmtpSink};

/// The demo on a free port.
struct Demo {
    running: Running,
    said: String,
    browser: Browser,
}

impl Demo {
    async fn start(folder: &Folder, more: &[&str]) -> Self {
        let data = folder.path("demo");
        let mut args = vec!["demo", "--listen", "127.0.0.1:0", "--data", &data];
        args.extend(more);
        let mut running = Running::start(&args, &[("DOORKEY_CAPTCHA__DIFFICULTY", "20")]);
        let said = running.wait_for("Press Ctrl-C").await;
        let start = said.find("http://127.0.0.1:").unwrap() + "http://".len();
        let address = said[start..].split('/').next().unwrap();
        let browser = remote(address.parse().unwrap());
        Self { running, said, browser }
    }

    /// A mailbox list, as JSON.
    async fn mails(&mut self, query: &str) -> Vec<serde_json::Value> {
        let answer = self.browser.get(&format!("/mailbox/messages.json{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Waits until that many mails to this address lie in the mailbox.
    async fn wait_for_mail(&mut self, to: &str, count: usize) -> Vec<serde_json::Value> {
        for _ in 0..1000 {
            let mails = self.mails(&format!("?to={to}")).await;
            if mails.len() >= count {
                return mails;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no mail arrived: {}", self.running.said());
    }
}

#[tokio::test]
async fn a_stranger_finds_the_way_with_what_is_printed() {
    let folder = Folder::new();
    let mut demo = Demo::start(&folder, &[]).await;
    let origin = demo.browser.origin.clone();
    for words in [
        &format!("{origin}/s/harbor/"),
        &format!("{origin}/s/harbor-trade/"),
        &format!("{origin}/s/northwind/"),
        &format!("{origin}/mailbox"),
        "ada@example.test",
        &format!("{origin}/oms\n"),
        "admin@harbor.test",
        PASSWORD,
    ] {
        assert!(demo.said.contains(words), "{words} in {}", demo.said);
    }
    let browser = &mut demo.browser;
    for page in ["/", "/s/harbor/", "/s/northwind/", "/mailbox", "/s/harbor/login"] {
        assert_eq!(browser.get(page).await.status, 200, "{page}");
    }
    assert_eq!(browser.get("/s/harbor-trade/").await.status, 303);
    for (store, email) in [("harbor", "ada"), ("harbor-trade", "ben"), ("northwind", "ada")] {
        let email = format!("{email}@example.test");
        assert_eq!(browser.login(store, &email, PASSWORD).await.status, 303, "{email}");
        assert_eq!(browser.who(store).await, Some(email));
    }
    assert_eq!(browser.login("harbor", "cleo@example.test", PASSWORD).await.status, 401);
    assert!(browser.get("/").await.body.contains(&format!("href=\"{origin}/oms\"")));
    for (who, to) in [("agent", "/oms/customers"), ("admin", "/oms/account/factor")] {
        let email = format!("{who}@harbor.test");
        let fields = [("email", &*email), ("password", PASSWORD)];
        assert_eq!(browser.post("/oms/login", &fields).await.location(), to, "{who}");
    }
}

#[tokio::test]
async fn mail_arrives_in_the_mailbox_and_everything_is_there_the_next_day() {
    let folder = Folder::new();
    let mut demo = Demo::start(&folder, &[]).await;
    assert_eq!(demo.mails("").await.len(), 0);
    assert_eq!(demo.browser.forgot("harbor", "ada@example.test").await.status, 202);
    assert_eq!(demo.browser.forgot("harbor-trade", "ben@example.test").await.status, 202);
    let mail = demo.wait_for_mail("ada@example.test", 1).await.remove(0);
    demo.wait_for_mail("BEN@example.test", 1).await;
    assert_eq!(mail["to"], "ada@example.test");
    assert_eq!(mail["subject"], "Choose a new password");
    assert!(mail["from"].as_str().unwrap().contains("service@harbor.test"), "{mail}");
    assert!(mail["date"].as_str().unwrap().contains('T'), "{mail}");
    assert_eq!(demo.mails("").await.len(), 2);
    assert_eq!(demo.mails("?to=nobody@example.test").await.len(), 0);

    let id = mail["id"].as_str().unwrap().to_owned();
    assert_eq!(demo.browser.get(&format!("/mailbox/messages/{id}")).await.status, 200);
    let eml = demo.browser.get(&format!("/mailbox/messages/{id}.eml")).await;
    let received = crate::support::smtp_sink::Received {
        from: String::new(),
        recipients: Vec::new(),
        raw: eml.bytes,
        encrypted: false,
    };
    let done = demo.browser.set_password(&reset_link(&received), "a brand new teapot").await;
    assert_eq!(done.status, 303);
    demo.wait_for_mail("ada@example.test", 2).await;
    assert!(demo.running.stop().success());

    let mut demo = Demo::start(&folder, &[]).await;
    assert_eq!(demo.mails("?to=ada@example.test").await.len(), 2, "newest first");
    assert_eq!(demo.mails("").await[0]["subject"], "Your password was changed");
    let browser = &mut demo.browser;
    let email = "ada@example.test";
    assert_eq!(browser.login("harbor", email, PASSWORD).await.status, 401);
    assert_eq!(browser.login("harbor", email, "a brand new teapot").await.status, 303);
}

#[tokio::test]
async fn mail_can_go_to_another_server() {
    let folder = Folder::new();
    let sink = SmtpSink::start(Plan::accept()).await;
    let mut demo = Demo::start(&folder, &["--smtp", &sink.url()]).await;
    assert_eq!(demo.browser.forgot("harbor", "ada@example.test").await.status, 202);
    let mails = sink.wait_for(1).await;
    assert_eq!(mails[0].recipients, ["ada@example.test"]);
    assert_eq!(demo.browser.open_link(&reset_link(&mails[0])).await.status, 200);
    assert_eq!(demo.mails("").await.len(), 0);
}

#[tokio::test]
async fn customers_can_be_generated_and_log_in() {
    let folder = Folder::new();
    let mut demo = Demo::start(&folder, &["--customers", "500"]).await;
    let database = format!("sqlite:{}", folder.path("demo/doorkey.db"));
    let db = doorkey::db::Db::connect(&database).await.unwrap();
    let sql = "SELECT COUNT(*) AS n, MAX(email) AS email FROM customer WHERE number LIKE 'G-%'";
    let row = db.row(sql, vec![]).await.unwrap().unwrap();
    assert_eq!(row.get::<i64>("n"), 500);
    let email: String = row.get("email");
    db.close().await;
    assert_eq!(demo.browser.login("harbor", &email, PASSWORD).await.status, 303);
    demo.running.stop();
    // Asked for again, they are there already.
    let demo = Demo::start(&folder, &["--customers", "500"]).await;
    drop(demo);
    let db = doorkey::db::Db::connect(&database).await.unwrap();
    let row = db.row(sql, vec![]).await.unwrap().unwrap();
    assert_eq!(row.get::<i64>("n"), 500);
    db.close().await;
}
