//! The same along every way that mail takes: signed, out by a relay that wants a log-in, back whole by
//! LMTP, by a pipe and by a provider's report, a test mail and a probe that come home, and a mail
//! that staff have sent again. Staff look at every page that tells of it.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorkey::args;
use doorkey::mail::bounce::Came;
use doorkey::mail::dkim::life::{self, Pair};
use doorkey::mail::inbound::Taken;
use doorkey::mail::smtp::{Smtp, SmtpSettings, TokenSource};
use doorkey::secret::{Token, hmac_sha256};
use serde_json::json;

use super::search::Secrets;
use super::{ADA, PLANTED, assert_clean, heaps, text_of, token, told};
use crate::bounce::lmtp::Server;
use crate::bounce::unknown;
use crate::support::app::Database;
use crate::support::desk::{ADMIN, Seat};
use crate::support::smtp_sink::{Certificate, Fault, Plan, Received, SmtpSink, Step, Tls};
use crate::support::{Options, TestApp};

const RELAY_PASSWORD: &str = "canary-of-the-relay-77";
const RELAY_TOKEN: &str = "ya29.canary-of-the-relay-78";
const POSTMARK: &str = "postmark:canary-of-postmark-79";
const MAILGUN: &str = "key-canary-of-mailgun-80";

struct Story {
    test: TestApp,
    secrets: Secrets,
    admin: Seat,
    databases: Vec<u8>,
    admin_saw: Vec<u8>,
    mails: Vec<u8>,
}

impl Story {
    async fn new(db: Database) -> Self {
        let options = Options::new(db)
            .set("bounce.lmtp_listen", "127.0.0.1:2424")
            .set("bounce.postmark", POSTMARK)
            .set("bounce.mailgun_key", MAILGUN)
            .set("probe.every", 10);
        let test = TestApp::with(options).await;
        let admin = test.seat(ADMIN).await;
        let mut secrets = Secrets::default();
        for (label, secret) in [
            ("relay password", RELAY_PASSWORD),
            ("relay token", RELAY_TOKEN),
            ("postmark", "canary-of-postmark-79"),
            ("mailgun", MAILGUN),
        ] {
            secrets.add(label, secret);
        }
        let (databases, admin_saw, mails) = (Vec::new(), Vec::new(), Vec::new());
        Self { test, secrets, admin, databases, admin_saw, mails }
    }

    /// Lets the worker work; what is in the mails is secret.
    async fn deliver(&mut self) -> Received {
        let mut all = self.test.deliver().await;
        assert_eq!(all.len(), 1, "one mail");
        let mail = all.remove(0);
        for (_, token) in text_of(&mail).lines().filter_map(|line| line.split_once("token=")) {
            self.secrets.add("mailed token", token);
        }
        self.mails.extend(text_of(&mail).into_bytes());
        self.databases.extend(heaps::database(&self.test).await);
        mail
    }

    async fn forgot(&mut self) -> Received {
        self.test.wait(3700);
        // An idle session is over by then.
        self.admin = self.test.seat(ADMIN).await;
        assert_eq!(self.test.browser().forgot("harbor", ADA).await.status, 202);
        self.deliver().await
    }

    /// Everything that staff can see of mail.
    async fn look_around(&mut self) {
        let id = self.test.customer_id("harbor", ADA).await;
        for page in [
            format!("/oms/customers/{id}"),
            "/oms/email".into(),
            "/oms/email/suppressed".into(),
            "/oms/email/test".into(),
            "/oms/email/doctor".into(),
            "/oms/activity".into(),
        ] {
            let answer = self.admin.get(&page).await;
            assert_eq!(answer.status, 200, "{page}");
            self.admin_saw.extend(heaps::answer(&answer));
        }
        self.databases.extend(heaps::database(&self.test).await);
    }
}

/// Keys for the sender's domain, put to use.
async fn signs(story: &mut Story) {
    let (app, store) = (story.test.app.clone(), story.test.store("harbor"));
    let domain = store.sender.rsplit_once('@').unwrap().1;
    let (pair, merchant) = (Pair::generate().await, &store.merchant_id);
    let now = story.test.clock.now();
    let mut tx = app.db.begin().await.unwrap();
    let wanted = (&**merchant, domain, life::Wanted::First);
    assert_eq!(life::add(&mut tx, &app.keys.dkim, wanted, &pair, now).await.unwrap(), None);
    assert!(life::activate(&mut tx, merchant, domain, now).await.unwrap().is_ok());
    tx.commit().await.unwrap();
    let sql = "SELECT selector, private_sealed FROM dkim_key";
    for row in app.db.rows(sql, args![]).await.unwrap() {
        let context = format!("dkim\n{merchant}\n{domain}\n{}", row.get::<String>("selector"));
        let sealed: Vec<u8> = row.get("private_sealed");
        let private = app.keys.dkim.open(&context, &sealed).expect("the key opens it");
        // The middle of it, which is secret in both algorithms.
        let middle = private.len() / 2;
        let part: String =
            private[middle - 10..middle + 10].iter().map(|b| format!("{b:02x}")).collect();
        story.secrets.add("signing key", &part);
    }
}

/// A log-in with a password and one with a token; each is refused once with an echo.
async fn logs_in_at_relays(story: &mut Story) {
    let sink = SmtpSink::start(Plan::accept()).await;
    let settings = |login: &str, token: Option<TokenSource>| SmtpSettings {
        root_certificate: Some(sink.root_certificate().to_owned()),
        token,
        ..SmtpSettings::new(sink.url().replace("://", &format!("://{login}@")))
    };
    let fixed = TokenSource::Fixed(RELAY_TOKEN.to_owned().into());
    let plain = STANDARD.encode(format!("\0canary\0{RELAY_PASSWORD}"));
    let bearer = STANDARD.encode(format!("user=canary\x01auth=Bearer {RELAY_TOKEN}\x01\x01"));
    let offers = Plan { tls: Tls::Start(Certificate::Valid), ..Plan::accept() };
    for (settings, plan, said) in [
        (
            settings(&format!("canary:{RELAY_PASSWORD}"), None),
            Plan { auth: true, ..offers.clone() },
            plain,
        ),
        (
            settings("canary", Some(fixed)),
            Plan { mechanisms: Some("XOAUTH2"), ..offers.clone() },
            bearer,
        ),
    ] {
        let echo: &'static str = Box::leak(format!("535 5.7.8 not {said}").into_boxed_str());
        for plan in [plan.clone().at(Step::Auth, Fault::Reply(echo)), plan] {
            sink.set(plan).await;
            let smtp = Smtp::new(&settings).unwrap();
            let outcome = smtp.send("shop@example.test", ADA, b"Subject: x\r\n\r\nx\r\n").await;
            story.admin_saw.extend(format!("{outcome:?} {settings:?}").into_bytes());
            smtp.close().await;
        }
        assert_eq!(sink.take().len(), 1, "the control: it was let in in the end");
    }
}

/// Mails with live links come back whole, by every way in, and with the link in the server's words.
async fn comes_back(story: &mut Story) {
    let server = Server::start(&story.test).await;
    for way in ["lmtp", "pipe", "postmark", "mailgun"] {
        let mail = story.forgot().await;
        let link = token(std::slice::from_ref(&mail), "/reset");
        let url = format!("http://127.0.0.1:8080/s/harbor/reset?token={link}");
        let (front, back) = link.split_at(20);
        story.secrets.add("half of a mailed token", back);
        let said = format!(
            "550 5.1.1 no such user, you said {url} and {url_cut}",
            url_cut = url.replace(&link, &format!("{front} {back}"))
        );
        let whole = unknown(&mail)
            .replace("text/rfc822-headers", "message/rfc822")
            .replace("--B--", &format!("{}\r\n--B--", text_of(&mail)))
            .replace("550 5.1.1 <", &format!("{said} <"));
        match way {
            "lmtp" => {
                let replies = server.connect().await.deliver(&[&mail.from], &whole).await;
                assert!(replies[0].starts_with("250 2.0.0"), "{replies:?}");
            }
            "pipe" => {
                let taken = story.test.app.inbound().take(None, &mail.from, whole.as_bytes()).await;
                assert_eq!(taken.unwrap(), Taken::Read(Came::Suppressed));
            }
            _ => reports(story, way, &mail, &said).await,
        }
        let standing = "SELECT COUNT(*) AS n FROM suppression WHERE ended_at IS NULL";
        assert_eq!(story.test.count(standing).await, 1, "{way}: it was taken up");
        story.look_around().await;
        story.test.exec("UPDATE suppression SET ended_at = since").await;
    }
}

/// What a provider reports, with the server's words in it.
async fn reports(story: &mut Story, provider: &str, mail: &Received, said: &str) {
    let parsed = mail_parser::MessageParser::default().parse(&mail.raw[..]).unwrap();
    let now = story.test.clock.now() / 1_000_000;
    let (path, body, login) = if provider == "postmark" {
        let mark = parsed.header_raw("X-PM-Metadata-doorkey").unwrap().trim();
        let body = json!({ "RecordType": "Bounce", "Type": "HardBounce", "Email": ADA,
            "MessageID": "x", "From": mail.from, "Details": said, "Content": mail.text(),
            "Metadata": { "doorkey": mark } });
        ("/hooks/postmark", body, Some(format!("Basic {}", STANDARD.encode(POSTMARK))))
    } else {
        let once = "t".repeat(50);
        let mac = hmac_sha256(MAILGUN.as_bytes(), format!("{now}{once}").as_bytes());
        let mac: String = mac.iter().map(|b| format!("{b:02x}")).collect();
        let body = json!({
            "signature": { "timestamp": now.to_string(), "token": once, "signature": mac },
            "event-data": { "event": "failed", "severity": "permanent", "reason": "bounce",
                "delivery-status": { "code": 550, "message": said },
                "message": { "headers": { "message-id": parsed.message_id().unwrap() } },
                "recipient": ADA },
        });
        ("/hooks/mailgun", body, None)
    };
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(login.as_deref().map(|login| ("authorization", login)));
    let body = Some(body.to_string().into_bytes());
    let answer = story.test.browser().request(Method::POST, path, body, &headers).await;
    assert_eq!(answer.status, 200, "{provider}: {}", answer.body);
}

/// What Doorkey sends to itself.
async fn comes_home(story: &mut Story) {
    let server = Server::start(&story.test).await;
    let store = story.test.store("harbor").id.clone();
    let sent = story.admin.post("/oms/email/test", &[("store", &*store), ("to", "home")]).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let mail = story.deliver().await;
    server.connect().await.deliver(&[&mail.recipients[0]], &mail.text()).await;
    let page = story.admin.get(sent.location()).await;
    assert!(page.body.contains("Came back"), "{}", page.body);
    let on = story.admin.post("/oms/email/probe", &[("store", &*store), ("to", "on")]).await;
    assert_eq!(on.status, 303, "{}", on.body);
    assert_eq!(story.test.app.probe(story.test.clock.now()).await.unwrap(), 1);
    let mail = story.deliver().await;
    server.connect().await.deliver(&[&mail.recipients[0]], &mail.text()).await;
    let page = story.admin.get("/oms/email/doctor").await;
    assert!(page.body.contains("all done in"), "{}", page.body);
    story.look_around().await;
}

/// Refused for good, and made anew at the click of an agent.
async fn is_sent_again(story: &mut Story) {
    // Past the limit of a day.
    story.test.wait(86_400);
    let refuse = Plan::accept().at(Step::Content, Fault::ReplyRecorded("554 5.7.1 no"));
    story.test.sink.set(refuse).await;
    story.forgot().await;
    story.test.sink.set(Plan::accept()).await;
    story.test.wait(61);
    let page = story.admin.get("/oms/email?state=failed").await.body;
    let action = page.split("action=\"").find(|part| part.contains("/retry\"")).expect("a button");
    let path = action.split('"').next().unwrap().to_owned();
    let again = story.admin.post(&path, &[]).await;
    assert_eq!(again.status, 303, "{}", again.body);
    let mail = story.deliver().await;
    assert!(Token::parse(&token(&[mail], "/reset")).is_some());
    story.look_around().await;
}

async fn tell(db: Database) -> Story {
    let mut story = Story::new(db).await;
    signs(&mut story).await;
    logs_in_at_relays(&mut story).await;
    comes_back(&mut story).await;
    comes_home(&mut story).await;
    is_sent_again(&mut story).await;
    // Something that can be found, in each place.
    tracing::info!("{PLANTED}");
    story.test.exec("UPDATE customer SET phone = 'planted canary 8d1f'").await;
    story.look_around().await;
    story
}

fn nothing_secret_lies_about(db: Database) {
    told(tell(db), |story, log| {
        assert!(story.secrets.len() > 15, "{}", story.secrets.len());
        let pages = ("before the eyes of staff", &*story.admin_saw);
        assert_clean(&story.secrets, &story.databases, log, pages);
        let kept = story.secrets.needles(false);
        assert!(kept.found_in(&story.mails).contains(&"mailed token (raw)"), "the control");
    });
}

#[test]
fn no_secret_of_a_mail_lies_about_with_sqlite() {
    nothing_secret_lies_about(Database::Sqlite);
}

#[test]
fn no_secret_of_a_mail_lies_about_with_postgres() {
    nothing_secret_lies_about(Database::Postgres);
}
