//! Two relays, logging in, pace and pipelining: the way out for mail, on real sockets.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use doorkey::mail::smtp::{Auth, Blame, Outcome, Smtp, SmtpSettings, TlsPolicy, TokenSource};
use tokio::time::Instant;

use crate::support::app::Options;
use crate::support::smtp_sink::{Certificate, Fault, Plan, SmtpSink, Step, Tls};
use crate::support::{TestApp, both};

const RAW: &[u8] = b"From: a@example.test\r\nSubject: x\r\n\r\n.dot\r\nbye\r\n";

async fn send(smtp: &Smtp) -> Outcome {
    smtp.send("shop@example.test", "ada@example.test", RAW).await
}

fn to(sink: &SmtpSink) -> SmtpSettings {
    SmtpSettings { timeout_seconds: 1, ..SmtpSettings::new(sink.url()) }
}

fn reply(outcome: Outcome) -> String {
    match outcome {
        Outcome::Accepted { reply }
        | Outcome::Deferred { reply, .. }
        | Outcome::Refused { reply } => reply,
    }
}

#[tokio::test]
async fn the_backup_takes_over_when_the_first_is_down_or_defers() {
    let first = SmtpSink::start(Plan::accept()).await;
    let backup = SmtpSink::start(Plan::accept()).await;
    let smtp = Smtp::with_backup(&to(&first), &to(&backup)).unwrap();
    assert_eq!(send(&smtp).await, Outcome::Accepted { reply: "250 2.0.0 queued as 1".into() });
    assert_eq!((first.take().len(), backup.connections()), (1, 0));
    use Fault::{Drop, Reply, Stall};
    let plans = [
        Plan::closed(),
        Plan::accept().at(Step::Connect, Reply("421 too busy")),
        Plan::accept().at(Step::Connect, Drop),
        Plan::accept().at(Step::Hello, Stall(Duration::from_secs(9))),
        Plan::accept().at(Step::Mail, Reply("451 later")),
        Plan::accept().at(Step::Mail, Drop),
        Plan::accept().at(Step::Recipient, Reply("450 4.2.1 grey")),
        Plan::accept().at(Step::Recipient, Stall(Duration::from_secs(9))),
        Plan::accept().at(Step::Data, Reply("421 4.3.2 closing")),
        // Refused in so many words: the server does not have it.
        Plan::accept().at(Step::Content, Reply("451 4.3.0 disk")),
    ];
    for plan in plans {
        for pipelining in [false, true] {
            let plan = Plan { pipelining, ..plan.clone() };
            let shown = format!("{plan:?}");
            first.set(plan).await;
            let smtp = Smtp::with_backup(&to(&first), &to(&backup)).unwrap();
            let outcome = send(&smtp).await;
            assert!(matches!(outcome, Outcome::Accepted { .. }), "{shown}: {outcome:?}");
            let place = backup.url().replace("smtp://", "");
            let said = reply(outcome);
            assert!(said.ends_with(&format!("(through the backup relay, {place})")), "{said}");
            assert_eq!((first.take().len(), backup.take().len()), (0, 1), "{shown}");
        }
    }
}

#[tokio::test]
async fn the_backup_never_repeats_what_the_first_may_have_or_has_refused() {
    let first = SmtpSink::start(Plan::accept()).await;
    let backup = SmtpSink::start(Plan::accept()).await;
    use Fault::{Drop, DropRecorded, Reply, Stall};
    for (fault, kept) in [(Drop, 0), (DropRecorded, 1), (Stall(Duration::from_secs(9)), 1)] {
        first.set(Plan::accept().at(Step::Content, fault)).await;
        let smtp = Smtp::with_backup(&to(&first), &to(&backup)).unwrap();
        let outcome = send(&smtp).await;
        assert!(matches!(outcome, Outcome::Deferred { perhaps: true, .. }), "{outcome:?}");
        assert_eq!((first.take().len(), backup.connections()), (kept, 0));
    }
    for (step, text) in [(Step::Recipient, "550 5.1.1 no"), (Step::Content, "554 5.7.1 spam")] {
        first.set(Plan::accept().at(step, Reply(text))).await;
        let smtp = Smtp::with_backup(&to(&first), &to(&backup)).unwrap();
        assert_eq!(send(&smtp).await, Outcome::Refused { reply: text.into() });
        assert_eq!(backup.connections(), 0);
    }
}

#[tokio::test]
async fn when_both_are_down_the_reply_names_both_and_no_policy_falls_back() {
    let first = SmtpSink::start(Plan::accept()).await;
    let backup = SmtpSink::start(Plan::accept().tls(Tls::Start(Certificate::WrongName))).await;
    let strict = |sink: &SmtpSink| SmtpSettings {
        tls: Some(TlsPolicy::Required),
        root_certificate: Some(sink.root_certificate().to_owned()),
        ..to(sink)
    };
    let smtp = Smtp::with_backup(&strict(&first), &strict(&backup)).unwrap();
    let said = match send(&smtp).await {
        Outcome::Deferred { reply, perhaps: false, blame: Blame::Relay } => reply,
        other => panic!("{other:?}"),
    };
    let (one, two) = said.split_once("; the backup relay: ").unwrap();
    assert!(one.contains("offers no TLS") && two.contains("TLS failed"), "{said}");
    assert!(!first.saw("MAIL") && !backup.saw("MAIL"));
    assert!(smtp.check().await.is_err() && smtp.check_backup().await.unwrap().is_err());
    backup.set(Plan::accept().tls(Tls::Start(Certificate::Valid))).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }), "the control");
    assert!(backup.take()[0].encrypted && !first.saw("MAIL"));
    assert!(smtp.check_backup().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_dead_relay_is_passed_by_and_taken_back() {
    let stall = Fault::Stall(Duration::from_secs(9));
    let first = SmtpSink::start(Plan::accept().at(Step::Connect, stall)).await;
    let backup = SmtpSink::start(Plan::accept()).await;
    let patient = SmtpSettings { pass_by: Duration::from_secs(3600), ..to(&first) };
    let smtp = Smtp::with_backup(&patient, &to(&backup)).unwrap();
    for _ in 0..5 {
        assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    }
    assert_eq!((first.connections(), backup.messages().len()), (1, 5), "one time-out, not five");
    assert!(smtp.on_backup().unwrap().contains("no answer"));
    // Passed by, not given up: it is asked when the backup fails.
    first.set(Plan::accept()).await;
    backup.set(Plan::closed()).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    assert_eq!((first.messages().len(), smtp.on_backup()), (1, None));
    // It is also tried again by itself.
    let eager = SmtpSettings { pass_by: Duration::from_millis(50), ..to(&first) };
    let smtp = Smtp::with_backup(&eager, &to(&backup)).unwrap();
    first.set(Plan::closed()).await;
    backup.set(Plan::accept()).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    assert!(smtp.on_backup().is_some());
    first.set(Plan::accept()).await;
    first.take();
    let started = Instant::now();
    while first.messages().is_empty() {
        assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
        assert!(started.elapsed() < Duration::from_secs(20), "taken back");
    }
    assert_eq!(smtp.on_backup(), None);
}

both!(the_timeline_says_which_relay_took_a_mail, |db| async move {
    let backup = SmtpSink::start(Plan::accept()).await;
    let options = Options::new(db).plan(Plan::closed()).set("smtp.backup.url", backup.url());
    let test = TestApp::with(options).await;
    test.browser().forgot("harbor", "ada@example.test").await;
    assert!(test.deliver().await.is_empty());
    assert_eq!(backup.messages().len(), 1);
    let sql = "SELECT detail FROM timeline WHERE kind = 'mail_accepted'";
    let row = test.app.db.row(sql, vec![]).await.unwrap().unwrap();
    let detail: String = row.get("detail");
    assert!(detail.contains("through the backup relay"), "{detail}");
    let banner = test.app.mail_trouble(test.clock.now()).unwrap();
    assert!(banner.contains("backup relay"), "{banner}");
});

fn command<'a>(commands: &'a [String], start: &str) -> Vec<&'a str> {
    commands.iter().filter_map(|line| line.strip_prefix(start)).collect()
}

#[tokio::test]
async fn a_token_logs_in_and_is_read_anew_for_every_connection() {
    let sink = SmtpSink::start(Plan { mechanisms: Some("PLAIN XOAUTH2"), ..Plan::accept() }).await;
    let file = std::env::temp_dir().join(format!("doorkey-token-{}", doorkey::new_id()));
    std::fs::write(&file, "ya29.first\n").unwrap();
    let settings = SmtpSettings {
        url: sink.url().replace("://", "://ada%40example.test@"),
        token: Some(TokenSource::File(file.clone())),
        ..to(&sink)
    };
    let smtp = Smtp::new(&settings).unwrap();
    assert!(smtp.check().await.unwrap().ends_with("logged in"));
    std::fs::write(&file, "ya29.second").unwrap();
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    let commands = sink.commands();
    let said: Vec<_> = command(&commands, "AUTH XOAUTH2 ")
        .into_iter()
        .map(|said| String::from_utf8(B64.decode(said).unwrap()).unwrap())
        .collect();
    let expected = |token: &str| format!("user=ada@example.test\u{1}auth=Bearer {token}\u{1}\u{1}");
    assert_eq!(said, [expected("ya29.first"), expected("ya29.second")]);
    smtp.close().await;
    // A refusal comes behind a challenge; neither it nor a missing file shows the token.
    let challenge = Fault::Reply("334 eyJzdGF0dXMiOiI0MDEifQ==");
    let offers = Plan { mechanisms: Some("XOAUTH2"), ..Plan::accept() };
    sink.set(offers.clone().at(Step::Auth, challenge)).await;
    assert_eq!(reply(send(&smtp).await), "535 5.7.8 no such token");
    let token = "t".repeat(1000);
    std::fs::write(&file, &token).unwrap();
    let echo: &'static str = Box::leak(
        format!("535 no: {}", B64.encode(format!("user=ada@example.test\u{1}auth=Bearer {token}")))
            .into_boxed_str(),
    );
    sink.set(offers.clone().at(Step::Auth, Fault::Reply(echo))).await;
    assert_eq!(reply(send(&smtp).await), "535 no: …");
    sink.set(offers).await;
    assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }), "the control");
    smtp.close().await;
    std::fs::write(&file, "two words").unwrap();
    assert!(reply(send(&smtp).await).contains("spaces"));
    std::fs::remove_file(&file).unwrap();
    assert!(reply(send(&smtp).await).contains("cannot be read"));
    sink.set(Plan { auth: true, ..Plan::accept() }).await;
    assert!(reply(send(&smtp).await).contains("does not offer AUTH XOAUTH2"));
}

#[tokio::test]
async fn the_way_to_log_in_can_be_chosen_and_is_then_the_only_one() {
    let sink = SmtpSink::start(Plan { auth: true, ..Plan::accept() }).await;
    let with = |auth| SmtpSettings {
        url: sink.url().replace("://", "://ada:hunter2@"),
        auth,
        ..to(&sink)
    };
    for (auth, offered, said) in [
        (Auth::Auto, "LOGIN PLAIN", Some("AUTH PLAIN ")),
        (Auth::Auto, "LOGIN", Some("AUTH LOGIN")),
        (Auth::Login, "PLAIN LOGIN", Some("AUTH LOGIN")),
        (Auth::Plain, "LOGIN PLAIN", Some("AUTH PLAIN ")),
        (Auth::Plain, "LOGIN", None),
        (Auth::Login, "PLAIN", None),
        (Auth::Auto, "CRAM-MD5", None),
    ] {
        let before = sink.commands().len();
        sink.set(Plan { mechanisms: Some(offered), ..Plan::accept() }).await;
        let outcome = send(&Smtp::new(&with(auth)).unwrap()).await;
        let commands = &sink.commands()[before..];
        match said {
            Some(said) => {
                assert!(matches!(outcome, Outcome::Accepted { .. }), "{auth:?} of {offered}");
                assert_eq!(command(commands, said).len(), 1, "{auth:?} of {offered}");
            }
            None => {
                assert!(matches!(outcome, Outcome::Deferred { .. }), "{auth:?} of {offered}");
                assert_eq!(command(commands, "AUTH"), Vec::<&str>::new());
            }
        }
    }
    let none = Smtp::new(&with(Auth::Xoauth2)).err().unwrap();
    assert!(none.contains("smtp.token"), "{none}");
}

#[tokio::test]
async fn each_relay_has_its_own_pace_and_so_many_connections() {
    let sink = SmtpSink::start(Plan { delay: Duration::from_millis(2), ..Plan::accept() }).await;
    let paced = SmtpSettings { per_second: Some(50), connections: 3, ..to(&sink) };
    let smtp = std::sync::Arc::new(Smtp::new(&paced).unwrap());
    let started = Instant::now();
    let mut under_way = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let smtp = smtp.clone();
        under_way.spawn(async move { send(&smtp).await });
    }
    while let Some(outcome) = under_way.join_next().await {
        assert!(matches!(outcome.unwrap(), Outcome::Accepted { .. }));
    }
    // Twenty mails have nineteen pauses of 20 ms between them.
    assert!(started.elapsed() >= Duration::from_millis(19 * 20), "{:?}", started.elapsed());
    assert!(sink.most_at_once() <= 3, "{}", sink.most_at_once());
    assert_eq!(sink.messages().len(), 20);
}

#[tokio::test]
async fn commands_go_together_where_the_server_offers_it() {
    let sink = SmtpSink::start(Plan { pipelining: true, ..Plan::accept() }).await;
    let smtp = Smtp::new(&to(&sink)).unwrap();
    for _ in 0..3 {
        assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }));
    }
    assert!(sink.take().iter().all(|message| message.raw == RAW));
    assert_eq!((sink.pipelined(), sink.connections()), (6, 1), "MAIL and RCPT, three times");
    let plain = SmtpSink::start(Plan::accept()).await;
    send(&Smtp::new(&to(&plain)).unwrap()).await;
    assert_eq!((plain.pipelined(), plain.messages().len()), (0, 1), "the control");
}

#[tokio::test]
async fn a_refusal_among_commands_that_went_together_sends_nothing() {
    let sink = SmtpSink::start(Plan::accept()).await;
    use Fault::Reply;
    for eager in [false, true] {
        let plan = || Plan { pipelining: true, eager, ..Plan::accept() };
        for (step, answer, refused, kept) in [
            (Step::Recipient, "550 5.1.1 no", true, true),
            (Step::Recipient, "451 4.2.1 grey", false, true),
            (Step::Mail, "550 5.7.1 bad sender", false, false),
            (Step::Mail, "421 4.7.0 too many", false, false),
            (Step::Recipient, "421 4.7.0 too many", false, false),
            (Step::Data, "554 5.7.1 no", true, true),
        ] {
            let smtp = Smtp::new(&to(&sink)).unwrap();
            let before = sink.connections();
            sink.set(plan().at(step, Reply(answer))).await;
            let (reply, final_) = match send(&smtp).await {
                Outcome::Refused { reply } => (reply, true),
                Outcome::Deferred { reply, perhaps: false, .. } => (reply, false),
                other => panic!("{step:?} {answer}: {other:?}"),
            };
            assert_eq!((&*reply, final_), (answer, refused), "{step:?} eager: {eager}");
            assert!(sink.messages().is_empty(), "{step:?} {answer} eager: {eager}");
            sink.set(plan()).await;
            assert!(matches!(send(&smtp).await, Outcome::Accepted { .. }), "{step:?} {answer}");
            assert_eq!(sink.take().len(), 1);
            let opened = sink.connections() - before;
            assert_eq!(opened, if kept { 1 } else { 2 }, "{step:?} {answer} eager: {eager}");
        }
    }
}
