//! The back office's measurements.

use doorkey::args;
use doorkey::db::Db;

use super::Report;
use super::desk::{get, sit_down};
use super::load::send_all;
use super::server::{Installation, folder};

/// All that are wanted.
pub async fn all(report: &mut Report, hash: &str) {
    if report.wants("search") || report.wants("delivery") {
        million(report, hash).await;
    }
    super::activity::all(report).await;
}

/// What is looked through when there is much of it.
async fn million(report: &mut Report, hash: &str) {
    let size = if report.small { 20_000 } else { 1_000_000 };
    let url = format!("sqlite:{}", folder("search").join("doorkey.db").display());
    let server = super::postgres::Server::start(true);
    for (name, url) in [("SQLite", url), ("PostgreSQL", server.url("postgres"))] {
        let installation = Installation::prepare(url, size, hash).await;
        let cookie = sit_down(&installation).await;
        tidy(&installation).await;
        if report.wants("search") {
            search(report, &installation, name, size, &cookie).await;
        }
        if report.wants("delivery") {
            super::delivery::all(report, &installation, name, size, &cookie).await;
        }
    }
}

/// What staff type: letters as they come, whole names, both names in either order, companies,
/// addresses, numbers, and what nobody has.
const TERMS: [&str; 32] = [
    "m",
    "ma",
    "mar",
    "marsh",
    "Schottsen",
    "øst",
    "ostergard",
    "Müllerson",
    "gül",
    "ada marsh",
    "marsh ada",
    "ad mar",
    "h m",
    "chloe s",
    "emile keller",
    "fatma x",
    "zoe m",
    "zoe schmidt",
    "mar & ada",
    "han & hana 10",
    "wal emile",
    "c",
    "c1",
    "c123456@bench.test",
    "c4242@",
    "c99@bench.example",
    "N-7",
    "n777",
    "N-100000",
    "zzz",
    "nobody at all",
    "",
];

/// How long the list of customers takes, whatever is typed.
async fn search(
    report: &mut Report,
    installation: &Installation,
    name: &str,
    size: usize,
    cookie: &str,
) {
    let (running, _) = installation.start("all").await;
    let request = |q: &str| {
        let query = url::form_urlencoded::byte_serialize(q.as_bytes()).collect::<String>();
        get(installation, &format!("/oms/customers?q={query}"), cookie, "text/html")
    };
    let found = installation.client().await.send(&request("marsh")).await;
    assert!(String::from_utf8_lossy(&found.body).contains(">Marsh</a>"), "it finds somebody");
    let requests = (0..640).map(|n| request(TERMS[n % TERMS.len()])).collect();
    let run = send_all(installation, 2, requests, 200).await;
    let what = format!("customer search, {size} customers, {}", TERMS.len());
    report.raw(&format!("{what} terms, {name}, median in seconds"), run.quantile(0.5));
    report.at_most(&format!("{what} terms, {name}, p95"), run.quantile(0.95) * 1000.0, "ms", 50.0);
    drop(running);
}

/// What PostgreSQL does by itself within minutes of a large import.
async fn tidy(installation: &Installation) {
    let db = Db::connect(&installation.database_url).await.expect("the database");
    if matches!(db, Db::Postgres(_)) {
        db.exec("VACUUM ANALYZE customer", args![]).await.expect("a tidy table");
    }
    db.close().await;
}
