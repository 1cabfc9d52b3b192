//! Load: many clients at once, a number of requests, the time that each took.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doorkey::args;
use doorkey::clock::Clock;
use doorkey::db::Db;
use tokio::time::Instant;

use super::client::Client;
use super::server::{Installation, SECRET};

/// What a run came to.
pub struct Run {
    pub seconds: f64,
    /// Of each request, in seconds, sorted.
    pub times: Vec<f64>,
}

impl Run {
    pub fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }

    /// The time that `share` of the requests stayed below.
    pub fn quantile(&self, share: f64) -> f64 {
        let index = (self.times.len() as f64 * share) as usize;
        self.times[index.min(self.times.len() - 1)]
    }
}

/// Sends all `requests`, from `clients` connections, and checks the status of each answer.
pub async fn send_all(
    installation: &Installation,
    clients: usize,
    requests: Vec<Vec<u8>>,
    wanted: u16,
) -> Run {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (requests, next) = (requests.clone(), next.clone());
        let mut client = installation.client().await;
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let at = Instant::now();
                let answer = client.send(request).await;
                times.push(at.elapsed().as_secs_f64());
                let text = || String::from_utf8_lossy(&answer.body).into_owned();
                assert_eq!(answer.status, wanted, "{}", text());
            }
            times
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("a client"));
    }
    finish(started, times)
}

/// Gets one page over and over from `clients` connections for so long.
pub async fn get_for(
    address: std::net::SocketAddr,
    path: &str,
    clients: usize,
    time: Duration,
) -> Run {
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let path = path.to_owned();
        let mut client = Client::connect(address).await.expect("a connection");
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while started.elapsed() < time {
                let at = Instant::now();
                assert_eq!(client.get(&path).await.status, 200);
                times.push(at.elapsed().as_secs_f64());
            }
            times
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("a client"));
    }
    finish(started, times)
}

/// What so many times come to.
pub fn finish(started: Instant, mut times: Vec<f64>) -> Run {
    let seconds = started.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    Run { seconds, times }
}

/// Area under the curve: how well one could tell the two classes apart by their times. 0.5: not.
pub fn auc(a: &[f64], b: &[f64]) -> f64 {
    let mut wins = 0.0;
    for x in a {
        for y in b {
            wins += match x.total_cmp(y) {
                std::cmp::Ordering::Less => 0.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Greater => 1.0,
            };
        }
    }
    wins / (a.len() * b.len()) as f64
}

/// Solved captchas, as many forms.
pub async fn forms(installation: &Installation, addresses: &[String]) -> Vec<Vec<u8>> {
    use base64::Engine;
    let mut client = installation.client().await;
    let mut forms = Vec::with_capacity(addresses.len());
    for address in addresses {
        let challenge = client.get("/s/bench/captcha").await;
        let challenge: altcha::Challenge =
            serde_json::from_slice(&challenge.body).expect("a challenge");
        let solution = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&challenge))
            .expect("a fair challenge")
            .expect("a solution");
        let payload = serde_json::json!({ "challenge": challenge, "solution": solution });
        let payload = base64::engine::general_purpose::STANDARD.encode(payload.to_string());
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("email", address)
            .append_pair("altcha", &payload)
            .finish();
        forms
            .push(super::client::post(installation.address, "/s/bench/forgot", &form).into_bytes());
    }
    forms
}

/// A login form.
pub fn login(installation: &Installation, email: &str, password: &str) -> Vec<u8> {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("email", email)
        .append_pair("password", password)
        .finish();
    super::client::post(installation.address, "/s/bench/login", &form).into_bytes()
}

/// Queues a recovery mail for each of so many customers; says with which time.
pub async fn ask(db: &Db, installation: &Installation, mails: usize) -> i64 {
    let seal = doorkey::secret::Secret::new(SECRET).derive("addresses");
    let now = Clock::System.now();
    let (mut recoveries, mut outbox) = (Vec::new(), Vec::new());
    for n in 0..mails {
        let id = doorkey::new_id();
        let sealed = seal.seal(&id, format!("c{}@bench.test", 10_000 + n).as_bytes());
        let (merchant, store) = (&installation.merchant_id, &installation.store_id);
        recoveries.push(args![&id, merchant, store, "BENC-HM", sealed, "", "en", now]);
        let (mail, later) = (doorkey::new_id(), now + doorkey::clock::HOUR);
        outbox.push(args![mail, "recovery", id, merchant, store, 0i64, now, now, later, 0i64]);
    }
    let mut tx = db.begin().await.expect("a transaction");
    let head = "INSERT INTO recovery (id, merchant_id, store_id, reference, address_sealed,
        return_to, language, created_at) VALUES";
    tx.many(head, recoveries, "").await.expect("requests");
    let head = "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, priority,
        created_at, due_at, expires_at, attempts) VALUES";
    tx.many(head, outbox, "").await.expect("mails");
    tx.commit().await.expect("a commit");
    now
}

/// Waits until nothing is left in the queue.
pub async fn wait_until_sent(db: &Db) {
    loop {
        let sql = "SELECT COUNT(*) AS n FROM outbox WHERE settled_at IS NULL";
        let left: i64 = db.row(sql, args![]).await.expect("a count").expect("a row").get("n");
        if left == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
