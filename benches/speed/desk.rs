//! The back office as an agent meets it: the record of a customer with a long history, and many
//! timelines that stay open.

use std::time::Duration;

use doorkey::address::EmailAddress;
use doorkey::args;
use doorkey::clock::{Clock, HOUR, SECOND};
use doorkey::config::Config;
use doorkey::db::Db;
use doorkey::staff::{self, Role, session};
use doorkey::timeline::{self, Entry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Report;
use super::load::send_all;
use super::server::{Installation, Running};

/// Entries of the long timeline.
const ENTRIES: i64 = 1000;
/// Pages that stay open.
const OPEN: usize = 200;

/// Both, if they are wanted.
pub async fn all(report: &mut Report, installation: &Installation, running: &Running) {
    if report.wants("record") {
        record(report, installation).await;
    }
    if report.wants("sse") {
        sse(report, installation, running).await;
    }
}

/// The record page with a long timeline, asked for by four agents at once.
async fn record(report: &mut Report, installation: &Installation) {
    let cookie = sit_down(installation).await;
    let customer = customers(installation, 1).await.remove(0);
    remember(installation, &customer).await;
    let request = get(installation, &format!("/oms/customers/{customer}"), &cookie, "text/html");
    let run = send_all(installation, 4, vec![request; 400], 200).await;
    let millis = run.quantile(0.95) * 1000.0;
    report.at_most("record, timeline of 1,000 entries, p95", millis, "ms", 20.0);
}

/// What many open timelines cost a system on which nothing happens.
async fn sse(report: &mut Report, installation: &Installation, running: &Running) {
    const WATCHED: Duration = Duration::from_secs(10);
    let cookie = sit_down(installation).await;
    let customers = customers(installation, OPEN).await;
    // What a first page of the back office leaves behind is not what is measured.
    let page = get(installation, &format!("/oms/customers/{}", customers[0]), &cookie, "text/html");
    send_all(installation, 4, vec![page; 40], 200).await;
    let before = running.memory("VmRSS");
    let mut open = Vec::with_capacity(OPEN);
    for customer in &customers {
        let path = format!("/oms/customers/{customer}/timeline/live");
        let request = get(installation, &path, &cookie, "text/event-stream");
        let mut stream = TcpStream::connect(installation.address).await.expect("a connection");
        stream.write_all(&request).await.expect("the server reads");
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("event: ready") {
            let read = stream.read_buf(&mut seen).await.expect("the server answers");
            assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
        }
        open.push(stream);
    }
    let (started, used) = (tokio::time::Instant::now(), running.cpu());
    tokio::time::sleep(WATCHED).await;
    let busy = (running.cpu() - used) / started.elapsed().as_secs_f64();
    report.at_most("memory of 200 open timelines", running.memory("VmRSS") - before, "MiB", 20.0);
    report.at_most("200 open timelines, nothing happening", busy * 100.0, "%", 2.0);
}

/// A request for a page.
pub fn get(installation: &Installation, path: &str, cookie: &str, accept: &str) -> Vec<u8> {
    let host = installation.address;
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\naccept: {accept}\r\n\r\n")
        .into_bytes()
}

/// An agent who is logged in, as the cookie of the browser.
pub async fn sit_down(installation: &Installation) -> String {
    let db = Db::connect(&installation.database_url).await.expect("the database");
    let now = Clock::System.now();
    let merchant = &installation.merchant_id;
    let email = format!("{}@staff.test", doorkey::new_id());
    let email = EmailAddress::parse(&email).expect("an address");
    let mut tx = db.begin().await.expect("a transaction");
    let id = staff::add(&mut tx, merchant, &email, "Robin", Role::Agent, None, now)
        .await
        .expect("an agent");
    let config = Config::default().staff;
    let token = session::start(&mut tx, &config, (&id, merchant), "Bench", None, true, now)
        .await
        .expect("a session");
    tx.commit().await.expect("a commit");
    db.close().await;
    format!("doorkey-staff={}", token.reveal())
}

async fn customers(installation: &Installation, count: usize) -> Vec<String> {
    let db = Db::connect(&installation.database_url).await.expect("the database");
    let sql = "SELECT id FROM customer WHERE merchant_id = $1 LIMIT $2";
    let count = i64::try_from(count).expect("a small number");
    let rows = db.rows(sql, args![&installation.merchant_id, count]).await.expect("customers");
    db.close().await;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Years of log-ins and requests.
async fn remember(installation: &Installation, customer: &str) {
    let db = Db::connect(&installation.database_url).await.expect("the database");
    let now = Clock::System.now();
    let (merchant, store) = (&installation.merchant_id, Some(&*installation.store_id));
    let mut tx = db.begin().await.expect("a transaction");
    for n in 0..ENTRIES {
        let reply = "250 2.0.0 Ok: queued as 4f8c2d7XYZ".to_owned();
        let entry = match n % 4 {
            0 => Entry::RecoveryRequested { reference: "BENC-HM".into() },
            1 => Entry::MailQueued { mail: "recovery" },
            2 => Entry::MailAccepted { mail: "recovery", reply },
            _ => Entry::LoggedIn { by: "password" },
        };
        let at = now - (ENTRIES - n) * HOUR + n * SECOND;
        timeline::write_for(&mut tx, merchant, customer, store, at, entry).await.expect("written");
    }
    tx.commit().await.expect("a commit");
    db.close().await;
}
