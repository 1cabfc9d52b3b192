//! How fast a chain of activity is checked.

use doorkey::activity::verify::{self, Finding};
use doorkey::activity::{self, Act, Action, Actor, Recorded};
use doorkey::args;
use doorkey::clock::Clock;
use doorkey::db::Db;
use doorkey::merchant;
use doorkey::secret::{Key, Secret};
use tokio::time::Instant;

use super::Report;
use super::server::{SECRET, folder};

/// On both databases, if wanted.
pub async fn all(report: &mut Report) {
    if !report.wants("activity") {
        return;
    }
    let url = format!("sqlite:{}", folder("activity").join("doorkey.db").display());
    check(report, "SQLite", &url).await;
    let server = super::postgres::Server::start(true);
    check(report, "PostgreSQL", &server.url("postgres")).await;
}

async fn check(report: &mut Report, name: &str, url: &str) {
    let entries = if report.small { 100_000 } else { 500_000 };
    let db = Db::connect(url).await.expect("a database");
    db.migrate().await.expect("a schema");
    let key = Secret::new(SECRET).derive("activity");
    let merchant_id = fill(&db, &key, entries).await;
    let mut best = f64::MAX;
    // The first round warms the database's pages, which no check of a running installation needs to.
    for _ in 0..3 {
        let started = Instant::now();
        let found = verify::verify(&db, &key, &merchant_id).await.expect("an answer");
        best = best.min(started.elapsed().as_secs_f64());
        assert!(matches!(found, Finding::Whole { entries: n, .. } if n == entries), "{found:?}");
    }
    let per_second = entries as f64 / best;
    report.at_least(&format!("activity entries verified, {name}"), per_second, "/s", 100_000.0);
    db.close().await;
}

/// A chain as [`activity::write`] makes it, many entries to a statement; the last one is written by
/// itself, which seals the end.
async fn fill(db: &Db, key: &Key, entries: i64) -> String {
    let now = Clock::System.now();
    let mut tx = db.begin().await.expect("a transaction");
    let merchant = merchant::add(&mut tx, "bench", "Bench", now).await.expect("a merchant");
    let (mut tag, mut rows) = (Vec::new(), Vec::new());
    for seq in 1..entries {
        let entry = Recorded {
            seq,
            at: now + seq,
            staff_id: Some(doorkey::new_id()),
            actor: "Grace Hopper (agent)".into(),
            action: Action::ReminderSent.as_str().into(),
            customer_id: Some(doorkey::new_id()),
            store_id: Some(doorkey::new_id()),
            source: "192.0.2.7".into(),
            alert: false,
            detail: r#"{"mode":"temporary"}"#.into(),
        };
        tag = entry.tag(key, &merchant.id, &tag).to_vec();
        rows.push(args![
            &merchant.id,
            seq,
            entry.at,
            entry.staff_id,
            entry.actor,
            entry.action,
            entry.customer_id,
            entry.store_id,
            entry.source,
            0i64,
            entry.detail,
            tag.clone()
        ]);
    }
    let head = "INSERT INTO activity (merchant_id, seq, at, staff_id, actor, action, customer_id,
        store_id, source, alert, detail, hash) VALUES";
    tx.many(head, rows, "").await.expect("entries");
    let sql = "INSERT INTO activity_head (merchant_id, seq, hash, seal, read_seq)
               VALUES ($1, $2, $3, $3, 0)";
    tx.exec(sql, args![&merchant.id, entries - 1, tag]).await.expect("an end");
    let last = Act {
        merchant_id: &merchant.id,
        actor: Actor::Operator,
        action: Action::StoreChanged,
        customer_id: None,
        store_id: None,
        source: "",
        alert: false,
        detail: serde_json::json!({}),
    };
    activity::write(&mut tx, key, &last, now).await.expect("the last entry");
    tx.commit().await.expect("a commit");
    merchant.id
}
