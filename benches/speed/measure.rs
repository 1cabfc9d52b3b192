//! The measurements.

use std::sync::Arc;
use std::time::Duration;

use doorkey::args;
use doorkey::db::Db;
use doorkey::password::{Params, Password, PasswordHasher};
use tokio::time::Instant;

use super::Report;
use super::load::{Run, ask, forms, get_for, login, send_all, wait_until_sent};
use super::server::{Installation, PASSWORD, Running, folder, free_address};

/// All that are wanted, in an order that leaves the process of one for the next.
pub async fn all(report: &mut Report) {
    let hash = PasswordHasher::new(1, Params::DEFAULT)
        .hash(Password::read(PASSWORD).expect("short enough"))
        .await
        .expect("not busy");
    let url = format!("sqlite:{}", folder("sqlite").join("doorkey.db").display());
    let installation = Installation::prepare(url, 20_000, &hash).await;
    drop(installation.start("all").await);
    let (running, first_answer) = installation.start("all").await;
    if report.wants("start") {
        report.at_most(
            "start to first answer, existing database",
            millis(first_answer),
            "ms",
            200.0,
        );
        tokio::time::sleep(Duration::from_secs(2)).await;
        report.at_most("memory at rest", running.memory("VmRSS"), "MiB", 40.0);
    }
    if report.wants("pages") {
        pages(report, &installation).await;
    }
    if report.wants("login") {
        logins(report, &installation).await;
        queue(report, &installation, &running).await;
    }
    if report.wants("forgot") {
        forgot(report, &installation, "SQLite", 2.0).await;
    }
    if report.wants("timing") {
        super::timing::all(report, &installation).await;
    }
    super::desk::all(report, &installation, &running).await;
    if report.wants("memory") {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get) as f64;
        let most = 40.0 + 19.0 * cores + 60.0;
        report.at_most(
            "memory at most, under all of the above",
            running.memory("VmHWM"),
            "MiB",
            most,
        );
    }
    drop(running);
    if report.wants("mail") {
        mails(report, &installation).await;
    }
    if report.wants("postgres") {
        let server = super::postgres::Server::start(true);
        let installation = Installation::prepare(server.url("postgres"), 20_000, &hash).await;
        let (running, _) = installation.start("all").await;
        forgot(report, &installation, "PostgreSQL", 0.7).await;
        drop(running);
    }
    if report.wants("flat") {
        flat(report, &hash).await;
    }
    super::signing::all(report, &hash).await;
    super::queue::all(report, &hash).await;
    super::oms::all(report, &hash).await;
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Serves the bytes of a file, headers and body, and does nothing else: what a page is compared
/// with.
pub async fn bare(address: &str, file: &str) {
    let text: &'static str = std::fs::read_to_string(file).expect("a page").leak();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let headers: axum::http::HeaderMap = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| *name != "content-length" && *name != "date")
        .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
        .collect::<Vec<(axum::http::HeaderName, axum::http::HeaderValue)>>()
        .into_iter()
        .collect();
    let answer = move || {
        let headers = headers.clone();
        async move { (headers, body) }
    };
    let router = axum::Router::new().route("/", axum::routing::get(answer));
    let listener = tokio::net::TcpListener::bind(address).await.expect("a listener");
    axum::serve(listener, router).await.expect("a server");
}

async fn pages(report: &mut Report, installation: &Installation) {
    let page = installation.client().await.get("/s/bench/login").await;
    let file = folder("bare").join("login.http");
    std::fs::write(&file, [page.head.as_bytes(), &page.body].concat()).expect("a file");
    let address = free_address();
    let mut bare = std::process::Command::new(std::env::current_exe().expect("our own path"))
        .args(["--bare".into(), address.to_string().into(), file.into_os_string()])
        .spawn()
        .expect("the bare server");
    while super::client::Client::connect(address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // In turns, so that a passing load on the machine falls on both.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..21 {
        let time = Duration::from_millis(500);
        ours.push(get_for(installation.address, "/s/bench/login", 8, time).await.per_second());
        theirs.push(get_for(address, "/", 8, time).await.per_second());
    }
    let _ = bare.kill();
    let _ = bare.wait();
    let ratio = median_ratio(&ours, &theirs);
    report.raw("GET /login per second", median(ours));
    report.raw("bare route per second", median(theirs));
    report.at_least("GET /login against a bare route with the same bytes", ratio, "", 0.7);
}

/// The middle one of what each round came to beside its own neighbour: the machine's speed drifts
/// from round to round by more than is measured.
pub fn median_ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Raw Argon2id hashes a second on all cores, for so long.
fn raw_hashes(time: Duration) -> f64 {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let started = Instant::now();
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            std::thread::spawn(move || {
                let argon = argon2::Argon2::new(
                    argon2::Algorithm::Argon2id,
                    argon2::Version::V0x13,
                    Params::DEFAULT,
                );
                let mut blocks = vec![argon2::Block::default(); Params::DEFAULT.block_count()];
                let (mut count, mut out) = (0u32, [0u8; 32]);
                while started.elapsed() < time {
                    argon
                        .hash_password_into_with_memory(
                            PASSWORD.as_bytes(),
                            b"0123456789abcdef",
                            &mut out,
                            &mut blocks,
                        )
                        .expect("a hash");
                    count += 1;
                }
                count
            })
        })
        .collect();
    let count: u32 = threads.into_iter().map(|t| t.join().expect("a thread")).sum();
    f64::from(count) / started.elapsed().as_secs_f64()
}

async fn logins(report: &mut Report, installation: &Installation) {
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for round in 0..5 {
        raw.push(tokio::task::block_in_place(|| raw_hashes(Duration::from_secs(3))));
        let requests = (0..300)
            .map(|n| login(installation, &format!("c{}@bench.test", round * 300 + n), PASSWORD))
            .collect();
        ours.push(send_all(installation, 4, requests, 303).await.per_second());
    }
    let ratio = median_ratio(&ours, &raw);
    report.raw("logins per second, 4 clients", median(ours));
    report.raw("raw Argon2id hashes per second", median(raw));
    report.at_least("logins against raw Argon2id hashes, 4 clients", ratio, "", 0.9);
}

async fn queue(report: &mut Report, installation: &Installation, running: &Running) {
    let before = running.memory("VmRSS");
    let requests: Vec<_> = (0..640)
        .map(|n| login(installation, &format!("c{}@bench.test", 1000 + n), PASSWORD))
        .collect();
    let address = installation.address;
    let pages = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        get_for(address, "/s/bench/login", 2, Duration::from_secs(3)).await
    });
    let watch = async {
        let mut most: f64 = 0.0;
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            most = most.max(running.memory("VmRSS"));
        }
        most
    };
    let (_, pages, most) = tokio::join!(send_all(installation, 64, requests, 303), pages, watch);
    let pages: Run = pages.expect("the pages");
    report.at_most(
        "GET /login while 64 logins queue, p99",
        pages.quantile(0.99) * 1000.0,
        "ms",
        50.0,
    );
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get) as f64;
    report.at_most("memory that 64 queued logins add", most - before, "MiB", 19.0 * cores + 5.0);
}

async fn forgot(report: &mut Report, installation: &Installation, name: &str, target: f64) {
    const REQUESTS: usize = 4000;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..5 {
        bare.push(bare_commits(&installation.database_url, REQUESTS).await);
        let addresses: Vec<_> =
            (0..REQUESTS).map(|n| format!("u{round}-{n}@unknown.test")).collect();
        let requests = forms(installation, &addresses).await;
        ours.push(send_all(installation, 64, requests, 202).await.per_second());
        drained(&installation.database_url).await;
    }
    let ratio = median_ratio(&ours, &bare);
    report.raw(&format!("POST /forgot per second, 64 clients, {name}"), median(ours));
    report.raw(&format!("bare commits per second, 64 clients, {name}"), median(bare));
    let what = format!("POST /forgot against bare one-row commits, 64 clients, {name}");
    report.at_least(&what, ratio, "", target);
}

/// Waits until the worker has handled all that was asked, so that it disturbs nothing else.
async fn drained(url: &str) {
    let db = Db::connect(url).await.expect("the database");
    wait_until_sent(&db).await;
    db.close().await;
}

/// One-row durable commits a second from 64 clients on the same database.
async fn bare_commits(url: &str, count: usize) -> f64 {
    let db = Db::connect(url).await.expect("the database");
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let started = Instant::now();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (db, next) = (db.clone(), next.clone());
            tokio::spawn(async move {
                while next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < count {
                    let sql = "INSERT INTO counter (bucket, started_at, hits, expires_at)
                               VALUES ($1, 0, 1, 0)";
                    db.exec(sql, args![doorkey::new_id()]).await.expect("a commit");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a client");
    }
    let seconds = started.elapsed().as_secs_f64();
    db.exec("DELETE FROM counter WHERE started_at = 0", args![]).await.expect("tidied");
    db.close().await;
    count as f64 / seconds
}

async fn mails(report: &mut Report, installation: &Installation) {
    const MAILS: usize = 5000;
    let db = Db::connect(&installation.database_url).await.expect("the database");
    let settle_all = "UPDATE outbox SET settled_at = 0 WHERE settled_at IS NULL";
    db.exec(settle_all, args![]).await.expect("an empty queue");
    let now = ask(&db, installation, MAILS).await;
    let started = Instant::now();
    let (running, _) = installation.start("mail").await;
    wait_until_sent(&db).await;
    let per_second = MAILS as f64 / started.elapsed().as_secs_f64();
    drop(running);
    let sql = "SELECT COUNT(*) AS n FROM outbox WHERE outcome = 'sent' AND created_at = $1";
    let sent: i64 = db.row(sql, args![now]).await.expect("a count").expect("a row").get("n");
    assert_eq!(usize::try_from(sent), Ok(MAILS), "all were sent");
    report.at_least("mails through the worker, start included", per_second, "/s", 500.0);
    db.close().await;
}

/// Login and `/forgot` must not feel how many customers there are. All sizes are up at once and
/// asked in turns: the disk drifts by more than is measured.
async fn flat(report: &mut Report, hash: &str) {
    const ROUNDS: usize = 10;
    let sizes: &[usize] = if report.small { &[1000, 100_000] } else { &[1000, 100_000, 1_000_000] };
    let mut up = Vec::new();
    for size in sizes {
        let folder = folder(&format!("flat-{size}"));
        let url = format!("sqlite:{}", folder.join("doorkey.db").display());
        let installation = Installation::prepare(url, *size, hash).await;
        let (running, _) = installation.start("all").await;
        up.push((*size, installation, running));
    }
    let mut logins = vec![Vec::new(); up.len()];
    let mut asked = logins.clone();
    for round in 0..ROUNDS {
        for (i, (size, installation, _)) in up.iter().enumerate() {
            let emails: Vec<_> = (0..50)
                .map(|n| format!("c{}@bench.test", (n * ROUNDS + round) * (size / 500)))
                .collect();
            let requests = emails.iter().map(|e| login(installation, e, PASSWORD)).collect();
            logins[i].push(send_all(installation, 4, requests, 303).await.quantile(0.5));
            let requests = forms(installation, &emails).await;
            asked[i].push(send_all(installation, 1, requests, 202).await.quantile(0.5));
            drained(&installation.database_url).await;
        }
    }
    let logins: Vec<_> = logins.into_iter().map(median).collect();
    let asked: Vec<_> = asked.into_iter().map(median).collect();
    for (i, size) in sizes.iter().enumerate() {
        report.raw(&format!("login, median seconds at {size} customers"), logins[i]);
        report.raw(&format!("/forgot, median seconds at {size} customers"), asked[i]);
    }
    drop(up);
    let spread = |values: &[f64]| {
        let most = values.iter().copied().fold(f64::MIN, f64::max);
        most / values.iter().copied().fold(f64::MAX, f64::min)
    };
    report.at_most(
        "login at 1,000 to 1,000,000 customers, slowest / fastest",
        spread(&logins),
        "",
        1.2,
    );
    report.at_most(
        "/forgot at 1,000 to 1,000,000 customers, slowest / fastest",
        spread(&asked),
        "",
        1.2,
    );
}
