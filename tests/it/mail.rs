//! The mail itself and its transport: what mails say, and what happens when the mail server does
//! not want them.

mod content;
mod notices;
mod queue;
mod retry;
mod secrets;
mod signing;
mod transport;
mod trouble;

use axum::Router;
use doorkey::app::App;
use doorkey::args;
use doorkey::clock::SECOND;
use doorkey::config::Config;
use doorkey::mail::worker::Worker;
use doorkey::secret::Secret;
use doorkey::web;

use crate::support::app::cheap;
use crate::support::{Answer, Browser, TestApp};

/// A second process on the same database and clock, with other settings.
struct Second {
    app: App,
    router: Router,
    worker: Worker,
}

impl Second {
    async fn start(test: &TestApp, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = (*test.app.config).clone();
        change(&mut config);
        let (db, clock, secret) = (test.app.db.clone(), test.clock.clone(), Secret::new([42; 32]));
        let app = App::build(config, db, clock, &secret, cheap()).await.unwrap();
        let router = Router::from(web::entrance(&app, None, Router::new()));
        Self { router, worker: app.worker(), app }
    }

    fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }
}

/// Where the newest mail in the queue stands.
#[derive(Debug)]
struct Row {
    outcome: Option<String>,
    attempts: i64,
    /// Seconds until it is due, rounded up.
    wait: i64,
}

async fn newest(test: &TestApp) -> Row {
    let sql = "SELECT outcome, attempts, due_at FROM outbox ORDER BY created_at DESC, id DESC";
    let row = test.app.db.row(sql, args![]).await.unwrap().unwrap();
    Row {
        outcome: row.get("outcome"),
        attempts: row.get("attempts"),
        wait: (row.get::<i64>("due_at") - test.clock.now() + SECOND - 1).div_euclid(SECOND),
    }
}

/// The timeline of a customer, oldest first: kind and detail.
async fn timeline(test: &TestApp, email: &str) -> Vec<(String, serde_json::Value)> {
    let sql = "SELECT t.kind, t.detail FROM timeline t JOIN customer c ON c.id = t.customer_id
               JOIN merchant m ON m.id = c.merchant_id
               WHERE c.email_key = $1 AND m.key = 'harbor-goods' ORDER BY t.at, t.id";
    let rows = test.app.db.rows(sql, args![email]).await.unwrap();
    let read = |row: &doorkey::db::Row| {
        let detail: String = row.get("detail");
        (row.get("kind"), serde_json::from_str(&detail).unwrap())
    };
    rows.iter().map(read).collect()
}

/// An answer without its reference.
fn blanked(answer: &Answer) -> (u16, Vec<String>, String) {
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.to_string()).collect();
    names.sort();
    let words = answer.body.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let random = |word: &&str| !(word.len() == 7 && word.as_bytes()[4] == b'-');
    (answer.status, names, words.filter(random).collect::<Vec<_>>().join(" "))
}
