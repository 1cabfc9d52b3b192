//! The queue: how mail processes add up, and what a flood of notices does to the mail that a person
//! waits for. The sink takes five milliseconds for each reply, as a mail server a little way off does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorkey::args;
use doorkey::clock::{Clock, HOUR};
use doorkey::db::{Arg, Db};
use doorkey::secret::Secret;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::Report;
use super::server::{Installation, SECRET, folder};
use super::sink::REPLY;

/// Connections of each mail process: few enough that they are the limit, and not the cores.
const CONNECTIONS: &str = "4";

/// Who was mailed, and when.
type Taken = Arc<Mutex<HashMap<String, Vec<Instant>>>>;

/// Both rows, if wanted.
pub async fn all(report: &mut Report, hash: &str) {
    if !report.wants("mail queue") {
        return;
    }
    let server = super::postgres::Server::start(true);
    let mut installation = Installation::prepare(server.url("postgres"), 20_000, hash).await;
    let taken = sink(&mut installation).await;
    processes(report, &installation, &taken).await;
    flood(report, &installation, &taken, "PostgreSQL").await;
    let url = format!("sqlite:{}", folder("queue").join("doorkey.db").display());
    let mut installation = Installation::prepare(url, 20_000, hash).await;
    let taken = sink(&mut installation).await;
    flood(report, &installation, &taken, "SQLite").await;
}

/// Mails a second by one, two and four processes, and whether any mail came twice.
async fn processes(report: &mut Report, installation: &Installation, taken: &Taken) {
    let db = Db::connect(&installation.database_url).await.expect("the database");
    spread(&db).await;
    let mut rates = Vec::new();
    for (count, mails) in [(1, 1500), (2, 3000), (4, 6000)] {
        clear(&db, taken).await;
        ask(&db, installation, 0..mails).await;
        let running: Vec<_> = {
            let mut running = Vec::new();
            for _ in 0..count {
                running.push(installation.start("mail").await.0);
            }
            running
        };
        let wanted = mails;
        while taken.lock().expect("a lock").len() < wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        settled(&db).await;
        drop(running);
        let taken = taken.lock().expect("a lock");
        let mut all: Vec<_> = taken.values().flatten().copied().collect();
        assert_eq!(all.len(), mails, "each came once");
        all.sort();
        // The middle of the run: all processes are up, and none has run dry.
        let (from, to) = (all[mails / 4], all[mails * 3 / 4]);
        rates.push(mails as f64 / 2.0 / to.duration_since(from).as_secs_f64());
    }
    for (count, rate) in [1, 2, 4].iter().zip(&rates) {
        report.raw(&format!("mails per second, {count} processes of 4 connections"), *rate);
    }
    report.at_least(
        "mails by 2 mail processes against 1, PostgreSQL",
        rates[1] / rates[0],
        "",
        1.8,
    );
    report.at_least(
        "mails by 4 mail processes against 1, PostgreSQL",
        rates[2] / rates[0],
        "",
        3.2,
    );
    db.close().await;
}

/// How long a recovery mail takes while 100,000 notices wait.
async fn flood(report: &mut Report, installation: &Installation, taken: &Taken, name: &str) {
    let db = Db::connect(&installation.database_url).await.expect("the database");
    clear(&db, taken).await;
    notices(&db, installation, 100_000).await;
    let (running, _) = installation.start("mail").await;
    while taken.lock().expect("a lock").len() < 100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut slowest = Duration::ZERO;
    for n in 0..7 {
        let asked = Instant::now();
        let email = ask(&db, installation, 19_000 + n..19_001 + n).await.remove(0);
        let before = taken.lock().expect("a lock").get(&email).map_or(0, Vec::len);
        let came = loop {
            let seen = taken.lock().expect("a lock").get(&email).map_or(0, Vec::len);
            if seen > before {
                break asked.elapsed();
            }
            assert!(asked.elapsed() < Duration::from_secs(60), "it never came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        slowest = slowest.max(came);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let sql = "SELECT COUNT(*) AS n FROM outbox WHERE settled_at IS NULL";
    let left: i64 = db.row(sql, args![]).await.expect("a count").expect("a row").get("n");
    assert!(left > 50_000, "the flood is still there: {left}");
    drop(running);
    let what = format!("recovery mail past 100,000 queued notices, slowest of 7, {name}");
    report.at_most(&what, slowest.as_secs_f64(), "s", 2.0);
    db.close().await;
}

/// Spreads the customers over ten domains: one alone would leave a connection to the others.
pub async fn spread(db: &Db) {
    let sql = "UPDATE customer SET
        email = SUBSTR(email, 1, LENGTH(email) - 10) || 'd' || SUBSTR(number, LENGTH(number))
            || '.test',
        email_key = SUBSTR(email, 1, LENGTH(email) - 10) || 'd' || SUBSTR(number, LENGTH(number))
            || '.test'";
    db.exec(sql, args![]).await.expect("other domains");
}

async fn clear(db: &Db, taken: &Taken) {
    db.exec("DELETE FROM outbox", args![]).await.expect("an empty queue");
    taken.lock().expect("a lock").clear();
}

async fn settled(db: &Db) {
    let sql = "SELECT COUNT(*) AS n FROM outbox WHERE settled_at IS NULL";
    while db.row(sql, args![]).await.expect("a count").expect("a row").get::<i64>("n") > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const OUTBOX: &str = "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, customer_id,
    priority, created_at, due_at, expires_at, attempts) VALUES";

fn mail(
    installation: &Installation,
    kind: &str,
    subject: &str,
    customer: Option<&str>,
    priority: i64,
) -> Vec<Arg> {
    let (now, merchant) = (Clock::System.now(), &installation.merchant_id);
    let id = doorkey::new_id();
    let store = &installation.store_id;
    args![id, kind, subject, merchant, store, customer, priority, now, now, now + HOUR, 0i64]
}

/// Recovery requests of these customers; gives their addresses.
pub async fn ask(
    db: &Db,
    installation: &Installation,
    which: std::ops::Range<usize>,
) -> Vec<String> {
    let sql = "SELECT email_key FROM customer WHERE number = $1";
    let seal = Secret::new(SECRET).derive("addresses");
    let (mut recoveries, mut mails, mut emails) = (Vec::new(), Vec::new(), Vec::new());
    let number = "SELECT number, email_key FROM customer";
    let known: HashMap<String, String> = if which.len() > 10 {
        let rows = db.rows(number, args![]).await.expect("customers");
        rows.iter().map(|row| (row.get("number"), row.get("email_key"))).collect()
    } else {
        HashMap::new()
    };
    for n in which {
        let number = format!("N-{n}");
        let email = match known.get(&number) {
            Some(email) => email.clone(),
            None => {
                db.row(sql, args![number]).await.expect("a read").expect("one").get("email_key")
            }
        };
        let id = doorkey::new_id();
        let sealed = seal.seal(&id, email.as_bytes());
        let (merchant, store) = (&installation.merchant_id, &installation.store_id);
        let now = Clock::System.now();
        recoveries.push(args![&id, merchant, store, "BENC-HM", sealed, "", "en", now]);
        mails.push(mail(installation, "recovery", &id, None, 0));
        emails.push(email);
    }
    let mut tx = db.begin().await.expect("a transaction");
    let head = "INSERT INTO recovery (id, merchant_id, store_id, reference, address_sealed,
        return_to, language, created_at) VALUES";
    tx.many(head, recoveries, "").await.expect("requests");
    tx.many(OUTBOX, mails, "").await.expect("mails");
    tx.commit().await.expect("a commit");
    emails
}

/// So many notices, to customers in turn.
async fn notices(db: &Db, installation: &Installation, count: usize) {
    let rows = db.rows("SELECT id FROM customer LIMIT 18000", args![]).await.expect("customers");
    let ids: Vec<String> = rows.iter().map(|row| row.get("id")).collect();
    let mails = (0..count).map(|n| {
        let id = &ids[n % ids.len()];
        mail(installation, "password_changed", id, Some(id), 1)
    });
    let mut tx = db.begin().await.expect("a transaction");
    tx.many(OUTBOX, mails.collect(), "").await.expect("notices");
    tx.commit().await.expect("a commit");
}

/// Puts a slow sink in the place of the installation's own.
async fn sink(installation: &mut Installation) -> Taken {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    installation.smtp = format!("smtp://{address}");
    installation.environment.push(("DOORKEY_SMTP__CONNECTIONS", CONNECTIONS));
    let taken = Taken::default();
    let theirs = taken.clone();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let taken = theirs.clone();
            tokio::spawn(async move { drop(converse(tcp, &taken).await) });
        }
    });
    taken
}

async fn converse(tcp: TcpStream, taken: &Taken) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut wire = BufReader::new(tcp);
    let (mut line, mut to, mut content) = (Vec::new(), String::new(), false);
    let mut answer = "220 bench.test ESMTP";
    loop {
        if !answer.is_empty() {
            tokio::time::sleep(REPLY).await;
            wire.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        line.clear();
        if wire.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        answer = match (content, line.get(..4).unwrap_or_default()) {
            (true, _) if line == b".\r\n" => {
                content = false;
                let mut taken = taken.lock().expect("a lock");
                taken.entry(to.clone()).or_default().push(Instant::now());
                "250 taken"
            }
            (true, _) => "",
            (false, b"RCPT") => {
                let text = String::from_utf8_lossy(&line);
                to = text.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                "250 ok"
            }
            (false, b"DATA") => {
                content = true;
                "354 go ahead"
            }
            (false, b"QUIT") => return Ok(()),
            _ => "250 ok",
        };
    }
}
