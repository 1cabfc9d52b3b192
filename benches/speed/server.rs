//! What is measured: the real binary, as a child process on a database of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use doorkey::clock::Clock;
use doorkey::db::Db;
use doorkey::demo::catcher::Catcher;
use doorkey::fold::{fold, fold_number};
use doorkey::locale::Language;
use doorkey::store::{Access, NewStore};
use doorkey::{args, merchant, store};
use tokio::time::Instant;

use super::client::Client;

/// The installation's secret, known to both sides.
pub const SECRET: [u8; 32] = [7; 32];
/// Of every customer.
pub const PASSWORD: &str = "correct horse battery staple";

/// A prepared installation.
pub struct Installation {
    pub database_url: String,
    pub address: SocketAddr,
    pub smtp: String,
    pub merchant_id: String,
    pub store_id: String,
    /// Settings beside the usual ones.
    pub environment: Vec<(&'static str, &'static str)>,
}

/// A free loopback address.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port")
}

impl Installation {
    /// A merchant, a store and `customers` customers; mail goes to a sink in this process.
    pub async fn prepare(database_url: String, customers: usize, hash: &str) -> Self {
        let address = free_address();
        let db = Db::connect(&database_url).await.expect("a database");
        db.migrate().await.expect("a schema");
        let now = Clock::System.now();
        let mut tx = db.begin().await.expect("a transaction");
        let merchant = merchant::add(&mut tx, "bench", "Bench", now).await.expect("a merchant");
        let new = NewStore {
            key: "bench".into(),
            name: "Benchmark Store".into(),
            base_url: format!("http://{address}/s/bench"),
            access: Access::Public,
            language: Language::En,
            accent: "#1f5c57".into(),
            sender: "service@bench.test".into(),
        };
        let store_id = store::add(&mut tx, &merchant.id, &new, now).await.expect("a store");
        tx.commit().await.expect("a commit");
        fill(&db, &merchant.id, &store_id, customers, hash).await;
        db.close().await;
        let catcher = Catcher::bind().await.expect("a mail sink");
        let smtp = catcher.url();
        tokio::spawn(catcher.run(Arc::new(|_| Ok(()))));
        let environment = Vec::new();
        Self { database_url, address, smtp, merchant_id: merchant.id, store_id, environment }
    }

    /// Starts the binary and waits for its first answer; says how long that took.
    pub async fn start(&self, role: &str) -> (Running, Duration) {
        use base64::Engine;
        let started = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_doorkey"))
            .args(["serve", "--role", role])
            .env("DOORKEY_DATABASE_URL", &self.database_url)
            .env("DOORKEY_LISTEN", self.address.to_string())
            .env("DOORKEY_OPS_LISTEN", free_address().to_string())
            .env("DOORKEY_OMS_URL", format!("http://{}", self.address))
            .env("DOORKEY_SECRET", base64::engine::general_purpose::STANDARD.encode(SECRET))
            .env("DOORKEY_SMTP__URL", &self.smtp)
            .env("DOORKEY_CAPTCHA__DIFFICULTY", "1")
            .env("DOORKEY_LIMITS__SOURCE_REQUESTS", "100000000")
            .env("DOORKEY_LIMITS__LOGIN_SOURCE_FAILURES", "100000000")
            .env("DOORKEY_LIMITS__LOGIN_FAILURES", "100000000")
            .env("DOORKEY_LIMITS__ADDRESS_REQUESTS", "100000000")
            .env("DOORKEY_LIMITS__STORE_MAILS_PER_HOUR", "100000000")
            .env("DOORKEY_LIMITS__QUEUE", "100000000")
            .envs(self.environment.iter().copied())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let running = Running(child);
        if role != "mail" {
            while Client::connect(self.address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let answer = self.client().await.get("/s/bench/login").await;
            assert_eq!(answer.status, 200);
        }
        (running, started.elapsed())
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await.expect("a connection")
    }
}

const FIRST: [&str; 8] = ["Ada", "Ben", "Chloé", "Dagmar", "Émile", "Fatma", "Gül", "Hana"];
const START: [&str; 16] = [
    "Mar", "Oka", "Ber", "Lau", "Øst", "Kel", "Fis", "Gar", "Nov", "Mül", "Sch", "Wal", "Han",
    "Iva", "Jan", "Pet",
];
const MIDDLE: [&str; 9] = ["", "en", "ing", "el", "ov", "ar", "isz", "ún", "ott"];
const END: [&str; 12] =
    ["sh", "for", "ger", "ent", "gård", "ler", "cia", "ák", "ner", "son", "sen", "er"];

/// Adds customers `c0@bench.test`, `c1@bench.test` …
async fn fill(db: &Db, merchant_id: &str, store_id: &str, customers: usize, hash: &str) {
    let now = Clock::System.now();
    for start in (0..customers).step_by(2000) {
        let (mut rows, mut credentials) = (Vec::new(), Vec::new());
        for n in start..(start + 2000).min(customers) {
            let id = doorkey::new_id();
            let (email, number) = (format!("c{n}@bench.test"), format!("N-{n}"));
            // Names as they are: a few that many share, and many that few do.
            let pick =
                |words: &'static [&'static str], stride: usize| words[n / stride % words.len()];
            let (first, start) = (pick(&FIRST, 1), pick(&START, 7));
            let last = &format!("{start}{}{}", pick(&MIDDLE, 3), pick(&END, 11));
            let company =
                &if n % 4 == 0 { format!("{start} & {first} {n}") } else { String::new() };
            rows.push(args![
                &id,
                merchant_id,
                &number,
                &email,
                &email,
                first,
                last,
                company,
                "",
                store_id,
                now,
                fold(last),
                fold(first),
                fold(company),
                fold_number(&number),
                email.clone().into_bytes()
            ]);
            credentials.push(args![id, hash, 1i64, now]);
        }
        let mut tx = db.begin().await.expect("a transaction");
        tx.many(
            "INSERT INTO customer (id, merchant_id, number, email, email_key, first_name,
                last_name, company, phone, home_store_id, created_at, last_key, first_key,
                company_key, number_key, email_search) VALUES",
            rows,
            "",
        )
        .await
        .expect("customers");
        let head = "INSERT INTO credential (customer_id, password_hash, version, set_at) VALUES";
        tx.many(head, credentials, "").await.expect("credentials");
        tx.commit().await.expect("a commit");
    }
}

/// The running binary; stopped when dropped.
pub struct Running(Child);

impl Running {
    /// A line of `/proc/PID/status`, in MiB: `VmRSS` now, `VmHWM` at most so far.
    pub fn memory(&self, line: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.unwrap_or_default();
        let found = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
        let kib = found.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(f64::NAN) / 1024.0
    }
}

impl Running {
    /// Seconds of processor time that all of its threads have used so far.
    pub fn cpu(&self) -> f64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.0.id()));
        let nanos = threads.into_iter().flatten().flatten().filter_map(|thread| {
            let spent = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            spent.split_whitespace().next()?.parse::<f64>().ok()
        });
        nanos.sum::<f64>() / 1e9
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A scratch folder, emptied first.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("speed").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}
