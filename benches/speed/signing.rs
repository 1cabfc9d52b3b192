//! Signed mail: how much of what the connections and the mail server allow gets through, and what
//! signing costs beside the bare operation.

use std::sync::Arc;

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
use super::sink::{REPLIES, REPLY, Sink, Taken, talk};

/// `smtp.connections` as it is unless set otherwise.
const CONNECTIONS: usize = 16;

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
    for _ in 0..21 {
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
const TIMES: usize = 200;

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

/// Mails through one mail process into a sink that takes its time, against a client that has nothing to
/// do but talk to the same sink over as many connections: on one machine no sink answers to the letter,
/// for its threads wake late from their pauses.
async fn through(report: &mut Report, hash: &str) {
    const MAILS: usize = 6000;
    let url = format!("sqlite:{}", folder("signed").join("doorkey.db").display());
    let mut installation = Installation::prepare(url.clone(), 20_000, hash).await;
    let db = Db::connect(&url).await.expect("the database");
    keys(&db, &installation.merchant_id).await;
    spread(&db).await;
    let sink = Sink::start();
    installation.smtp = format!("smtp://{}", sink.address);
    ask(&db, &installation, 0..MAILS).await;
    let (running, _) = installation.start("mail").await;
    wait_until_sent(&db).await;
    db.close().await;
    let cpu = running.cpu();
    drop(running);
    let mails = sink.taken();
    assert_eq!(mails.len(), MAILS, "each mail once");
    assert!(mails.iter().all(|mail| mail.signatures == 2), "all were signed twice");
    let ours = per_second(&mails);
    talk(sink.address, CONNECTIONS, MAILS, mails[MAILS - 1].bytes);
    let bare = per_second(&sink.taken()[MAILS..]);
    report.raw("signed mails per second, 16 connections, 5 ms a reply", ours);
    report.raw("mails per second of a client that only talks, over as many", bare);
    let to_the_letter = CONNECTIONS as f64 / (REPLIES * REPLY.as_secs_f64());
    report.raw("the same, were each reply 5 ms to the letter", to_the_letter);
    report
        .raw("processor milliseconds of the mail process for a mail", cpu * 1000.0 / MAILS as f64);
    report.at_least("signed mails against what sink and connections allow", ours / bare, "", 0.9);
}

/// From the first mail to the last: starting is measured elsewhere.
fn per_second(mails: &[Taken]) -> f64 {
    let took = mails[mails.len() - 1].at - mails[0].at;
    (mails.len() - 1) as f64 / took.as_secs_f64()
}
