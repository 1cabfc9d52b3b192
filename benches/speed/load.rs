//! Load: many clients at once, a number of requests, the time that each took.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::client::Client;
use super::server::Installation;

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

fn finish(started: Instant, mut times: Vec<f64>) -> Run {
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
