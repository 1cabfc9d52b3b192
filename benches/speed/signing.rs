//! Signed mail: how much of what the connections and the mail server allow gets through, and what
//! signing costs beside the bare operation.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorkey::clock::Clock;
use doorkey::db::Db;
use doorkey::mail::dkim::keyring::Keyring;
use doorkey::mail::dkim::life::{self, Pair, Wanted};
use doorkey::mail::dkim::signing::threads;
use doorkey::mail::mime::{self, Rendered};
use doorkey::secret::{Secret, random};
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256, SigningKey};
use rsa::pkcs8::EncodePrivateKey;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::time::Instant;

use super::Report;
use super::load::wait_until_sent;
use super::measure::{median, median_ratio};
use super::queue::{ask, spread};
use super::server::{Installation, SECRET, folder};

/// What the sink takes for every single reply.
const REPLY: Duration = Duration::from_millis(5);
/// `smtp.connections` as it is unless set otherwise.
const CONNECTIONS: f64 = 16.0;
/// Replies to one mail on a kept connection: MAIL, RCPT, DATA, the content. Sent together where the
/// server offers it, they still are four replies of a server that takes its time for each.
const REPLIES: f64 = 4.0;

/// Both.
pub async fn all(report: &mut Report, hash: &str) {
    if report.wants("signing") {
        bare(report).await;
        through(report, hash).await;
    }
}

/// A sender domain's keys, in use.
async fn keys(db: &Db, merchant_id: &str) {
    let (seal, now) = (Secret::new(SECRET).derive("dkim"), Clock::System.now());
    let pair = Pair::generate().await;
    let mut tx = db.begin().await.expect("a transaction");
    let which = (merchant_id, "bench.test", Wanted::First);
    let refused = life::add(&mut tx, &seal, which, &pair, now).await.expect("keys");
    assert!(refused.is_none(), "{refused:?}");
    life::activate(&mut tx, merchant_id, "bench.test", now).await.expect("keys").expect("a pair");
    tx.commit().await.expect("a commit");
}

/// Both signatures of a mail of ordinary size, with all that is around them, against the two
/// operations of the library alone, over a few bytes.
async fn bare(report: &mut Report) {
    let url = format!("sqlite:{}", folder("signing").join("doorkey.db").display());
    let installation = Installation::prepare(url.clone(), 0, "").await;
    let db = Db::connect(&url).await.expect("the database");
    keys(&db, &installation.merchant_id).await;
    let keyring = Keyring::new(Secret::new(SECRET).derive("dkim"));
    keyring.refresh(&db).await.expect("the keys");
    db.close().await;
    let text = "Somebody asked for a link to choose a new password.\n".repeat(20);
    let html = format!("<p>{}</p>", text.replace('\n', "</p>\n<p>")).repeat(6);
    let rendered = Rendered { subject: "Choose a new password".into(), text, html };
    let now = Clock::System.now();
    let (from, to) = ("service@bench.test", "c1@bench.test");
    let marks = mime::Marks::random("bench.test");
    let mail = mime::compose("Bench", from, to, "en", &rendered, &marks, now);
    let mail = mail.expect("a mail");
    let private = rsa::PrivateKey::new(&mut Random, 2048).expect("a key");
    let private = private.to_pkcs8_der().expect("a key");
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(private.as_bytes()));
    let key = RsaKey::<Sha256>::from_key_der(der).expect("a key");
    let ed25519 = Ed25519Key::generate_pkcs8().expect("a key");
    let ed25519 = Ed25519Key::from_pkcs8_der(&ed25519).expect("a key");
    let keys = Arc::new((key, ed25519));
    let signing = Arc::new((keyring, installation.merchant_id.clone(), mail));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        ours.push(signed(&signing).await);
        theirs.push(operations(&keys, &signing.2[..300]).await);
    }
    let ratio = median_ratio(&ours, &theirs);
    report.raw("mails signed per second", median(ours));
    report.raw("bare pairs of RSA-2048 and Ed25519 signatures per second", median(theirs));
    report.raw("bytes of the mail that is signed", signing.2.len());
    report.at_least("signing mails against the bare operations of their two keys", ratio, "", 0.9);
}

/// Mails signed, or pairs of operations done, by each thread in a round.
const TIMES: usize = 300;

/// Mails signed per second as the worker has them signed: several are under way.
async fn signed(signing: &Arc<(Keyring, String, Vec<u8>)>) -> f64 {
    let started = Instant::now();
    let tasks: Vec<_> = (0..4 * threads())
        .map(|_| {
            let signing = signing.clone();
            tokio::spawn(async move {
                let (keyring, merchant, mail) = &*signing;
                for _ in 0..TIMES / 4 {
                    let signed = keyring.sign(merchant, "bench.test", mail.clone()).await;
                    let signed = signed.expect("signed");
                    assert!(signed.len() > mail.len() + 500, "with two signatures");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panicked");
    }
    (threads() * TIMES) as f64 / started.elapsed().as_secs_f64()
}

/// Pairs of the library's operations per second, on as many threads as sign mail.
async fn operations(keys: &Arc<(RsaKey<Sha256>, Ed25519Key)>, message: &[u8]) -> f64 {
    let started = Instant::now();
    let running: Vec<_> = (0..threads())
        .map(|_| {
            let (keys, message) = (keys.clone(), message.to_owned());
            tokio::task::spawn_blocking(move || {
                for _ in 0..TIMES {
                    keys.0.sign(&*message).expect("a signature");
                    keys.1.sign(&*message).expect("a signature");
                }
            })
        })
        .collect();
    for thread in running {
        thread.await.expect("no thread panicked");
    }
    (threads() * TIMES) as f64 / started.elapsed().as_secs_f64()
}

/// For the one key that is made here.
struct Random;

impl rsa::rand_core::TryRng for Random {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(random()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(random()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.iter_mut().for_each(|byte| *byte = random::<1>()[0]);
        Ok(())
    }
}

impl rsa::rand_core::TryCryptoRng for Random {}

/// Mails through one mail process into a sink that takes its time, against what so many connections
/// to such a sink can carry.
async fn through(report: &mut Report, hash: &str) {
    const MAILS: usize = 6000;
    let url = format!("sqlite:{}", folder("signed").join("doorkey.db").display());
    let mut installation = Installation::prepare(url.clone(), 20_000, hash).await;
    let db = Db::connect(&url).await.expect("the database");
    keys(&db, &installation.merchant_id).await;
    spread(&db).await;
    let sink = Sink::start();
    installation.smtp = sink.url.clone();
    ask(&db, &installation, 0..MAILS).await;
    let (running, _) = installation.start("mail").await;
    wait_until_sent(&db).await;
    db.close().await;
    let cpu = running.cpu();
    drop(running);
    let taken = sink.taken.lock().expect("no thread panicked").clone();
    assert_eq!(taken.len(), MAILS, "each mail once");
    assert!(taken.iter().all(|(_, signatures)| *signatures == 2), "all were signed twice");
    // From the first mail to the last: starting is measured elsewhere.
    let (first, last) = (taken[0].0, taken[MAILS - 1].0);
    let per_second = (MAILS - 1) as f64 / (last - first).as_secs_f64();
    let allowed = CONNECTIONS / (REPLIES * REPLY.as_secs_f64());
    report.raw("signed mails per second, 16 connections, 5 ms a reply", per_second);
    report.raw("what 16 connections and 5 ms a reply allow, per second", allowed);
    report
        .raw("processor milliseconds of the mail process for a mail", cpu * 1000.0 / MAILS as f64);
    report.at_least(
        "signed mails against what sink and connections allow",
        per_second / allowed,
        "",
        0.9,
    );
}

/// When a mail was taken, and how many signatures it had.
type Taken = Arc<Mutex<Vec<(Instant, usize)>>>;

/// A mail server with a thread for each connection: their pauses are exact to a tenth of a
/// millisecond, those of the runtime's timers are not.
struct Sink {
    url: String,
    taken: Taken,
}

impl Sink {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let taken = Taken::default();
        let kept = taken.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = kept.clone();
                // A client that hangs up has said all.
                std::thread::spawn(move || drop(converse(&stream, &kept)));
            }
        });
        Self { url, taken }
    }
}

fn converse(stream: &TcpStream, taken: &Taken) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut say = |text: &str| {
        std::thread::sleep(REPLY);
        writer.write_all(text.as_bytes())
    };
    say("220 sink.test ESMTP\r\n")?;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.get(..4).unwrap_or_default() {
            "EHLO" => say("250-sink.test\r\n250 8BITMIME\r\n")?,
            "DATA" => {
                say("354 go ahead\r\n")?;
                let mut signatures = 0;
                loop {
                    line.clear();
                    if reader.read_line(&mut line)? == 0 {
                        return Ok(());
                    }
                    if line == ".\r\n" {
                        break;
                    }
                    signatures += usize::from(line.starts_with("DKIM-Signature:"));
                }
                say("250 2.0.0 taken\r\n")?;
                taken.lock().expect("no thread panicked").push((Instant::now(), signatures));
            }
            "QUIT" => return say("221 bye\r\n"),
            _ => say("250 2.0.0 ok\r\n")?,
        }
    }
}
