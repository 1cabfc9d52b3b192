//! The SMTP client against a server that misbehaves in every way we know of.

use std::time::Duration;

use crate::support::smtp_sink::{Certificate, Fault, Plan, SmtpSink, Step, Tls};
use doorkey::mail::smtp::{Outcome, Smtp, SmtpSettings, TlsPolicy};

const RAW: &[u8] = b"From: a@example.test\r\nSubject: x\r\n\r\n.dot\r\nbye\r\n";

async fn send(smtp: &Smtp) -> Outcome {
    smtp.send("shop@example.test", "ada@example.test", RAW).await
}

fn to(sink: &SmtpSink) -> SmtpSettings {
    SmtpSettings { timeout_seconds: 1, ..SmtpSettings::new(sink.url()) }
}

fn deferred(outcome: Outcome) -> String {
    match outcome {
        Outcome::Deferred { reply, .. } => reply,
        other => panic!("not deferred: {other:?}"),
    }
}

#[tokio::test]
async fn a_message_arrives_as_it_was_and_the_connection_is_kept() {
    let sink = SmtpSink::start(Plan::accept()).await;
    let smtp = Smtp::new(&to(&sink)).unwrap();
    for n in 1..=3 {
        assert_eq!(
            send(&smtp).await,
            Outcome::Accepted { reply: format!("250 2.0.0 queued as {n}") }
        );
    }
    let messages = sink.wait_for(3).await;
    assert_eq!(messages[0].raw, RAW);
    assert_eq!(messages[0].from, "shop@example.test");
    assert_eq!(messages[0].recipients, ["ada@example.test"]);
    assert_eq!(sink.connections(), 1);
    smtp.close().await;
    assert!(sink.saw("QUIT"));
}

#[tokio::test]
async fn refusals_are_told_apart_by_step() {
    let sink = SmtpSink::start(Plan::accept()).await;
    let smtp = Smtp::new(&to(&sink)).unwrap();
    use Fault::{Drop, Reply, Stall};
    for (step, fault, refused, text) in [
        (Step::Connect, Reply("421 too busy"), false, "421 too busy"),
        (Step::Connect, Reply("554 go away"), false, "554 go away"),
        (Step::Hello, Reply("550 no"), false, "550 no"),
        (Step::Mail, Reply("550 5.7.1 bad sender"), false, "550 5.7.1 bad sender"),
        (Step::Mail, Reply("451 later"), false, "451 later"),
        (Step::Recipient, Reply("451 4.2.1 grey"), false, "451 4.2.1 grey"),
        (
            Step::Recipient,
            Reply("550-5.1.1 no\r\n550 such\tuser\x07"),
            true,
            "550 5.1.1 no such user",
        ),
        (Step::Data, Reply("554 5.7.1 no"), true, "554 5.7.1 no"),
        (Step::Content, Reply("451 4.3.0 disk"), false, "451 4.3.0 disk"),
        (Step::Content, Reply("550 5.7.1 spam"), true, "550 5.7.1 spam"),
        (Step::Connect, Drop, false, "the server closed the connection"),
        (Step::Recipient, Drop, false, "the server closed the connection"),
        (Step::Data, Drop, false, "the server closed the connection"),
        (Step::Data, Stall(Duration::from_secs(3)), false, "no answer within 1 s"),
        (
            Step::Content,
            Drop,
            false,
            "the server closed the connection before it confirmed the message",
        ),
        (Step::Recipient, Stall(Duration::from_secs(3)), false, "no answer within 1 s"),
    ] {
        smtp.close().await;
        sink.set(Plan::accept().at(step, fault)).await;
        // Only behind the content may the server have the message without our knowing.
        let perhaps = text.ends_with("before it confirmed the message");
        match send(&smtp).await {
            Outcome::Refused { reply } => assert_eq!((&*reply, true), (text, refused), "{step:?}"),
            Outcome::Deferred { reply, perhaps: open, .. } => {
                assert_eq!((&*reply, open, refused), (text, perhaps, false), "{step:?}");
            }
            other @ Outcome::Accepted { .. } => panic!("{step:?}: {other:?}"),
        }
        assert!(sink.messages().is_empty());
    }
    sink.set(Plan::accept()).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    assert_eq!(sink.messages().len(), 1);
}

#[tokio::test]
async fn a_connection_lost_behind_the_content_defers_and_a_refusal_keeps_the_connection() {
    let sink = SmtpSink::start(Plan::accept().at(Step::Content, Fault::DropRecorded)).await;
    let smtp = Smtp::new(&to(&sink)).unwrap();
    deferred(send(&smtp).await);
    assert_eq!(sink.wait_for(1).await.len(), 1);
    sink.set(Plan::accept().at(Step::Recipient, Fault::Reply("550 no"))).await;
    send(&smtp).await;
    sink.set(Plan::accept()).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    assert_eq!(sink.connections(), 2);
}

#[tokio::test]
async fn a_closed_port_defers_and_a_kept_connection_that_died_is_replaced_at_once() {
    let sink = SmtpSink::start(Plan::accept()).await;
    let smtp = Smtp::new(&to(&sink)).unwrap();
    send(&smtp).await;
    sink.set(Plan::closed()).await;
    let reply = deferred(send(&smtp).await);
    assert!(reply.contains("refused"), "{reply}");
    sink.set(Plan::accept()).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    sink.set(Plan::closed()).await;
    sink.set(Plan::accept()).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    sink.set(Plan::accept().at(Step::Mail, Fault::Reply("421 4.7.0 too many mails"))).await;
    assert_eq!(deferred(send(&smtp).await), "421 4.7.0 too many mails");
}

#[tokio::test]
async fn required_tls_never_falls_back() {
    let sink = SmtpSink::start(Plan::accept()).await;
    let ca = Some(sink.root_certificate().to_owned());
    let required =
        SmtpSettings { tls: Some(TlsPolicy::Required), root_certificate: ca, ..to(&sink) };
    let smtp = Smtp::new(&required).unwrap();
    let injected = "250-evil\r\n250 AUTH PLAIN\r\n250 ok\r\n250 ok\r\n354 go\r\n250 thanks";
    for (plan, text) in [
        (Plan::accept(), "the server offers no TLS"),
        (Plan::accept().tls(Tls::Start(Certificate::SelfSigned)), "TLS failed: invalid peer"),
        (Plan::accept().tls(Tls::Start(Certificate::WrongName)), "TLS failed: invalid peer"),
        (
            Plan::accept()
                .tls(Tls::Start(Certificate::Valid))
                .at(Step::StartTls, Fault::Reply("454 4.7.0 not now")),
            "454 4.7.0 not now",
        ),
        (
            Plan { injected: Some(injected), ..Plan::accept() }.tls(Tls::Start(Certificate::Valid)),
            "the server went on in clear",
        ),
    ] {
        sink.set(plan).await;
        let reply = deferred(send(&smtp).await);
        assert!(reply.starts_with(text), "{reply}");
        assert!(smtp.check().await.is_err());
        assert!(!sink.saw("MAIL"), "{:?}", sink.commands());
    }
    sink.set(Plan::accept().tls(Tls::Start(Certificate::Valid))).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    assert!(sink.wait_for(1).await[0].encrypted);
    let found = smtp.check().await.unwrap();
    assert!(found.ends_with("ready, TLS 1.3 with a verified certificate, no log-in"), "{found}");
}

#[tokio::test]
async fn implicit_tls_and_opportunistic() {
    let sink = SmtpSink::start(Plan::accept().tls(Tls::Implicit(Certificate::Valid))).await;
    let ca = Some(sink.root_certificate().to_owned());
    let settings = SmtpSettings { url: sink.tls_url(), root_certificate: ca, ..to(&sink) };
    let smtp = Smtp::new(&settings).unwrap();
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    smtp.close().await;
    sink.set(Plan::accept().tls(Tls::Implicit(Certificate::WrongName))).await;
    deferred(send(&smtp).await);
    assert_eq!(sink.messages().len(), 1);

    let opportunistic =
        SmtpSettings { url: sink.url(), tls: Some(TlsPolicy::Opportunistic), ..settings };
    let smtp = Smtp::new(&opportunistic).unwrap();
    sink.set(Plan::accept()).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    smtp.close().await;
    sink.set(Plan::accept().tls(Tls::Start(Certificate::Valid))).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    smtp.close().await;
    sink.set(Plan::accept().tls(Tls::Start(Certificate::SelfSigned))).await;
    deferred(send(&smtp).await);
    let encrypted: Vec<bool> = sink.messages().iter().map(|m| m.encrypted).collect();
    assert_eq!(encrypted, [true, false, true]);
}

#[tokio::test]
async fn a_refused_log_in_defers_and_never_shows_the_password() {
    let sink = SmtpSink::start(Plan { auth: true, ..Plan::accept() }).await;
    let url = sink.url().replace("://", "://ada:hunter2@");
    let smtp = Smtp::new(&SmtpSettings { url, ..to(&sink) }).unwrap();
    assert!(smtp.check().await.unwrap().ends_with("no TLS, logged in"));
    assert!(sink.saw("AUTH PLAIN AGFKYQBODW50ZXIY"));
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    smtp.close().await;
    let echo = Fault::Reply("535 5.7.8 no: AUTH PLAIN AGFkYQBodW50ZXIy (hunter2)");
    sink.set(Plan { auth: true, ..Plan::accept() }.at(Step::Auth, echo)).await;
    assert_eq!(deferred(send(&smtp).await), "535 5.7.8 no: AUTH PLAIN … (…)");
}
