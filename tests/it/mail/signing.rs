//! Mails leave signed for the domain of From, by keys that staff make, publish, use and replace.

use doorkey::clock::{DAY, SECOND};
use doorkey::mail::dkim::keyring::Keyring;
use doorkey::mail::dkim::life::{self, Pair, Wanted};
use doorkey::mail::dkim::{self, Algorithm, DomainKey, State};
use doorkey::mail::mime::{self, Rendered};
use doorkey::mail::smtp::{Outcome, Smtp, SmtpSettings};
use doorkey::store::{self, Setting};

use crate::support::app::{reset_link, text_of};
use crate::support::dkim::verify;
use crate::support::{TestApp, both};

const DOMAIN: &str = "harbor.test";

/// The keys of a merchant's domain.
async fn keys(test: &TestApp, store: &str) -> Vec<DomainKey> {
    let merchant = &test.store(store).merchant_id;
    dkim::of_domain(&test.app.db, merchant, DOMAIN).await.unwrap()
}

async fn make(test: &TestApp, wanted: Wanted) {
    let (merchant, pair) = (test.store("harbor").merchant_id.clone(), Pair::generate().await);
    let mut tx = test.app.db.begin().await.unwrap();
    let (seal, now) = (&test.app.keys.dkim, test.clock.now());
    let refused = life::add(&mut tx, seal, (&merchant, DOMAIN, wanted), &pair, now).await.unwrap();
    assert_eq!(refused, None);
    tx.commit().await.unwrap();
}

async fn activate(test: &TestApp) -> String {
    let merchant = test.store("harbor").merchant_id.clone();
    let mut tx = test.app.db.begin().await.unwrap();
    let done = life::activate(&mut tx, &merchant, DOMAIN, test.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    done.unwrap()
}

/// A recovery mail as it arrived.
async fn mail(test: &TestApp, email: &str) -> Vec<u8> {
    test.browser().forgot("harbor", email).await;
    let mut mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    mails.remove(0).raw
}

fn signatures(raw: &[u8]) -> usize {
    String::from_utf8_lossy(raw).matches("DKIM-Signature:").count()
}

/// The message with one change.
fn altered(raw: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(raw.to_vec()).unwrap();
    assert!(text.contains(from), "{from} is in {text}");
    text.replacen(from, to, 1).into_bytes()
}

both!(a_mail_is_signed_twice_and_nothing_of_it_can_be_changed, |db| async move {
    let test = TestApp::start(db).await;
    assert_eq!(signatures(&mail(&test, "ada@example.test").await), 0, "no key, no signature");
    make(&test, Wanted::First).await;
    assert_eq!(signatures(&mail(&test, "emile@example.test").await), 0, "not activated yet");
    activate(&test).await;
    test.wait(60);
    test.browser().forgot("harbor", "ada@example.test").await;
    let mails = test.deliver().await;
    let (received, raw, keys) = (&mails[0], &mails[0].raw, keys(&test, "harbor").await);
    assert_eq!(verify(raw, &keys), [true, true]);
    // Each stands by itself: who knows only one algorithm verifies that.
    for (n, algorithm) in Algorithm::ALL.into_iter().enumerate() {
        let one: Vec<_> = keys.iter().filter(|key| key.algorithm == algorithm).cloned().collect();
        let expected = [n == 0, n == 1];
        assert_eq!(verify(raw, &one), expected, "{algorithm:?} alone");
    }
    // Aligned: what signs, who it is from, where answers of servers go, and who made its id.
    let text = received.text();
    assert_eq!(text.matches(&format!("d={DOMAIN};")).count(), 2, "{text}");
    let signed = text.split_once("\r\nFrom:").unwrap().0;
    assert!(!signed.contains(" l=") && !signed.contains("\tl="), "{signed}");
    assert_eq!(signed.matches("From:").count(), 2 * 2, "over-signed: {signed}");
    assert!(text.contains(&format!("<service@{DOMAIN}>")), "{text}");
    assert!(received.from.ends_with(&format!("@{DOMAIN}")), "{}", received.from);
    let id = text.lines().find(|line| line.starts_with("Message-ID:")).unwrap();
    assert!(id.ends_with(&format!("@{DOMAIN}>")), "{id}");
    assert!(text.contains("Auto-Submitted: auto-generated") && !text.contains("\r\nList-"));
    let link = reset_link(received);
    let header = |name: &str| format!("\r\n{name}:");
    for (what, from, to) in [
        ("the body", link.as_str(), "https://evil.test/reset?token=x"),
        ("the subject", "\r\nSubject: ", "\r\nSubject: Re: "),
        ("a second From", &header("From"), "\r\nFrom: evil <x@evil.test>\r\nFrom:"),
        ("a second Subject", &header("Subject"), "\r\nSubject: other\r\nSubject:"),
        ("a Reply-To", &header("From"), "\r\nReply-To: x@evil.test\r\nFrom:"),
        ("the date", &header("Date"), "\r\nDate: Mon, 1 Jan 2001 00:00:00 +0000\r\nX-Date:"),
        ("To", "<ada@example.test>", "<eve@example.test>"),
        ("the id", "\r\nMessage-ID: <", "\r\nMessage-ID: <x"),
        ("the type", "multipart/alternative", "multipart/mixed"),
        ("more at the end", "--\r\n", "--\r\nmore\r\n"),
        ("that it is automatic", &header("Auto-Submitted"), "\r\nX-Auto:"),
    ] {
        // To may be written with or without brackets.
        let from = if text.contains(from) { from } else { from.trim_matches(['<', '>']) };
        assert_eq!(verify(&altered(raw, from, to), &keys), [false, false], "{what}");
    }
    // The control: what relays may do to a mail on its way does no harm.
    for (from, to) in
        [("\r\nSubject: ", "\r\nSubject:  "), ("\r\nDate:", "\r\nX-Relay: a\r\nDate:")]
    {
        assert_eq!(verify(&altered(raw, from, to), &keys), [true, true], "{to:?}");
    }
});

both!(keys_are_replaced_without_a_mail_that_nobody_can_verify, |db| async move {
    let test = TestApp::start(db).await;
    make(&test, Wanted::First).await;
    let first = activate(&test).await;
    let early = mail(&test, "ada@example.test").await;
    make(&test, Wanted::Next).await;
    let published = keys(&test, "harbor").await;
    let states: Vec<_> = published.iter().map(|key| key.state()).collect();
    assert_eq!(states[..2], [State::Signing; 2]);
    assert_eq!(states[2..], [State::Waiting; 2]);
    let between = mail(&test, "emile@example.test").await;
    test.wait(1);
    let second = activate(&test).await;
    let replaced_at = test.clock.now();
    assert_ne!(first, second);
    test.wait(60);
    let late = mail(&test, "ada@example.test").await;
    let all = keys(&test, "harbor").await;
    for (raw, pair) in [(&early, &first), (&between, &first), (&late, &second)] {
        assert_eq!(verify(raw, &all), [true, true]);
        assert_eq!(String::from_utf8_lossy(raw).matches(&format!("s={pair}-")).count(), 2);
    }
    let retired: Vec<_> = all.iter().filter(|key| key.pair == first).collect();
    let keep_until = replaced_at + 7 * DAY;
    assert!(retired.iter().all(|key| key.state() == State::Retired { keep_until }));
    // With the old one nobody can sign any more, and a week later it is gone.
    let sql = "SELECT COUNT(*) AS n FROM dkim_key WHERE private_sealed IS NULL";
    assert_eq!(test.count(sql).await, 2);
    test.clock.advance(7 * DAY - 61 * SECOND);
    life::tidy(&test.app.db, test.clock.now()).await.unwrap();
    assert_eq!(keys(&test, "harbor").await.len(), 4);
    test.wait(2);
    life::tidy(&test.app.db, test.clock.now()).await.unwrap();
    let left = keys(&test, "harbor").await;
    assert!(left.len() == 2 && left.iter().all(|key| key.pair == second));
});

both!(another_merchants_keys_sign_nothing_and_private_halves_are_sealed, |db| async move {
    let test = TestApp::start(db).await;
    make(&test, Wanted::First).await;
    activate(&test).await;
    // Both merchants send from one domain: each has keys of its own, or none.
    let foreign = test.store("northwind");
    let mut tx = test.app.db.begin().await.unwrap();
    let sender = Setting::Sender(format!("tea@{DOMAIN}"));
    store::set(&mut tx, &foreign.id, sender).await.unwrap();
    tx.commit().await.unwrap();
    test.app.stores.refresh(&test.app.db).await.unwrap();
    test.browser().forgot("northwind", "ada@example.test").await;
    assert_eq!(signatures(&test.deliver().await[0].raw), 0);
    assert_eq!(signatures(&mail(&test, "ada@example.test").await), 2, "the control");
    // An RSA or Ed25519 key in clear would hold the name of its algorithm.
    for row in test.app.db.rows("SELECT private_sealed FROM dkim_key", vec![]).await.unwrap() {
        let sealed: Vec<u8> = row.get("private_sealed");
        for name in [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1][..], &[0x2b, 0x65, 0x70]] {
            assert!(sealed.len() > 64 && !sealed.windows(name.len()).any(|part| part == name));
        }
    }
    // A row moved to the other merchant does not open there.
    let sql = "UPDATE dkim_key SET merchant_id = (SELECT merchant_id FROM store WHERE key = \
               'northwind')";
    test.exec(sql).await;
    test.exec("UPDATE revision SET value = value + 1 WHERE name = 'dkim'").await;
    test.wait(60);
    test.browser().forgot("northwind", "ada@example.test").await;
    assert_eq!(signatures(&test.deliver().await[0].raw), 0);
});

both!(dots_on_the_way_do_not_break_a_signature, |db| async move {
    let test = TestApp::start(db).await;
    make(&test, Wanted::First).await;
    activate(&test).await;
    let keyring = Keyring::new(test.app.keys.dkim.clone());
    keyring.refresh(&test.app.db).await.unwrap();
    let text = "First\n.\n..two\n. MAIL FROM:<x@evil.test>\n\n\ntrailing  \t\n.".to_owned();
    let html = "<p>.\n.</p>\n.\n\n".to_owned();
    let rendered = Rendered { subject: "Dots".into(), text, html };
    let from = format!("service@{DOMAIN}");
    let now = test.clock.now();
    let marks = mime::Marks::random(DOMAIN);
    let raw = mime::compose("Harbor", &from, "ada@example.test", "en", &rendered, &marks, now);
    let merchant = &test.store("harbor").merchant_id;
    let signed = keyring.sign(merchant, DOMAIN, raw.unwrap()).await.unwrap();
    let smtp = Smtp::new(&SmtpSettings::new(test.sink.url())).unwrap();
    let sent = smtp.send(&from, "ada@example.test", &signed).await;
    assert!(matches!(sent, Outcome::Accepted { .. }), "{sent:?}");
    let received = test.sink.take().remove(0);
    assert_eq!(received.raw, signed);
    assert!(text_of(&received).contains("\n.\n..two\n"));
    assert_eq!(verify(&received.raw, &keys(&test, "harbor").await), [true, true]);
});
