//! What mails say: six kinds in four languages, in the store's name, without a word of anybody's
//! profile and with nothing that a mail program would fetch or a filter would dislike.

use doorkey::args;
use mail_parser::{MessageParser, PartType};

use super::timeline;
use crate::support::app::{ORIGIN, PASSWORD, reset_link, text_of};
use crate::support::smtp_sink::Received;
use crate::support::{TestApp, both};

const ADA: &str = "ada@example.test";

struct Kinds {
    recovery: Received,
    password_changed: Received,
    address_confirm: Received,
    address_notice: Received,
    registration: Received,
    registration_exists: Received,
}

impl Kinds {
    fn all(&self) -> [&Received; 6] {
        [
            &self.recovery,
            &self.password_changed,
            &self.address_confirm,
            &self.address_notice,
            &self.registration,
            &self.registration_exists,
        ]
    }
}

async fn one(test: &TestApp) -> Received {
    let mut mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

async fn register(test: &TestApp, language: &str, email: &str) {
    let mut browser = test.browser().with_header("accept-language", language);
    let altcha = browser.solve_at("/s/harbor/captcha?for=registration").await;
    let fields = [
        ("email", email),
        ("first_name", "https://evil.test"),
        ("last_name", "Call +1 555 0100"),
        ("password", "a kettle on the stove"),
        ("altcha", &altcha),
    ];
    assert_eq!(browser.post("/s/harbor/register", &fields).await.status, 202);
}

/// Makes all six mails to a customer of this language.
async fn six(test: &TestApp, language: &str, password: &str, next: &str) -> Kinds {
    let sql = "UPDATE customer SET language = $1, first_name = 'Call +1 555 0100 or',
               last_name = 'visit https://evil.test' WHERE email_key = $2";
    test.app.db.exec(sql, args![language, ADA]).await.unwrap();
    test.browser().forgot("harbor", ADA).await;
    let recovery = one(test).await;
    let mut browser = test.browser();
    assert_eq!(browser.set_password(&reset_link(&recovery), next).await.status, 303);
    let password_changed = one(test).await;
    let form = browser.get("/s/harbor/account/email").await.hidden("form_secret");
    let fields =
        [("form_secret", &*form), ("current_password", next), ("email", "ada.new@example.test")];
    assert_eq!(browser.post("/s/harbor/account/email", &fields).await.status, 200);
    let mut both = test.deliver().await;
    both.sort_by_key(|mail| mail.recipients[0].len());
    let address_confirm = both.pop().unwrap();
    let address_notice = both.pop().unwrap();
    assert_eq!((&*address_notice.recipients[0], both.len()), (ADA, 0));
    register(test, language, &format!("new-{language}@example.test")).await;
    let registration = one(test).await;
    test.wait(61);
    register(test, language, ADA).await;
    let registration_exists = one(test).await;
    assert_ne!(password, next);
    Kinds {
        recovery,
        password_changed,
        address_confirm,
        address_notice,
        registration,
        registration_exists,
    }
}

/// What is true of every mail.
fn check(mail: &Received, language: &str) {
    let raw = mail.text();
    assert!(raw.len() < 20_000, "{} bytes", raw.len());
    assert!(raw.is_ascii() && raw.split("\r\n").all(|line| line.len() <= 998));
    assert_eq!(mail.recipients.len(), 1);
    let (from, marked) = (&mail.from, mail.from.strip_prefix("service+b-"));
    assert!(marked.is_some_and(|rest| rest.ends_with("@harbor.test")), "{from}");
    let message = MessageParser::new().parse(&mail.raw).unwrap();
    let names: Vec<_> = message.headers().iter().map(|h| h.name().to_lowercase()).collect();
    let odd = |name: &&String| {
        name.starts_with("list-")
            || ["bcc", "cc", "reply-to", "precedence", "x-mailer", "return-receipt-to"]
                .contains(&name.as_str())
    };
    assert_eq!(names.iter().filter(odd).count(), 0, "{names:?}");
    for (name, value) in [("Auto-Submitted", "auto-generated"), ("Content-Language", language)] {
        assert_eq!(message.header_raw(name).map(str::trim), Some(value), "{name}");
    }
    assert!(message.message_id().unwrap().ends_with("@harbor.test"));
    let from = message.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Harbor Coffee"), Some("service@harbor.test")));
    let html = message.html_part(0).filter(|part| matches!(part.body, PartType::Html(_)));
    assert!(html.is_some(), "an HTML part");
    let text = message.text_part(0).filter(|part| matches!(part.body, PartType::Text(_)));
    assert!(text.is_some(), "a text part");
    check_text(&text_of(mail));
    check_html(&message.body_html(0).unwrap());
}

fn check_text(text: &str) {
    assert!(text.contains("Harbor Coffee"));
    for line in text.lines().filter(|line| line.contains("://")) {
        assert!(line.starts_with(&format!("{ORIGIN}/s/harbor/")), "{line}");
        assert!(!line.contains(char::is_whitespace), "alone on its line: {line}");
    }
    assert!(text.contains("://"), "{text}");
    no_profile(text);
}

fn check_html(html: &str) {
    let lower = html.to_lowercase();
    for remote in ["<img", "<link", "<script", "<iframe", "src=", "url(", "@import", "background="]
    {
        assert!(!lower.contains(remote), "{remote}");
    }
    for (at, _) in lower.match_indices("://") {
        let start = lower[..at].rfind(['"', '>', ' ']).unwrap() + 1;
        assert!(lower[start..].starts_with(&format!("{ORIGIN}/s/harbor/")), "{}", &lower[start..]);
    }
    let links = lower.matches("href=").count();
    assert!(links >= 1 && links == lower.matches(&format!("href=\"{ORIGIN}/s/harbor/")).count());
    no_profile(html);
}

/// The only stored text in a mail is the store's name.
fn no_profile(text: &str) {
    // Tokens are random and may spell anything.
    let text: String = text
        .split("token=")
        .enumerate()
        .map(|(n, part)| if n == 0 { part } else { &part[43..] })
        .collect();
    for word in ["evil", "555", "Call", "Marsh", "teapot", "kettle", PASSWORD] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

both!(six_mails_in_four_languages_are_plain_and_whole, |db| async move {
    let test = TestApp::start(db).await;
    let mut password = PASSWORD.to_owned();
    let mut subjects = Vec::new();
    for (n, language) in ["en", "de", "es", "fr"].into_iter().enumerate() {
        let next = format!("a brand new teapot {n}");
        let mails = six(&test, language, &password, &next).await;
        for mail in mails.all() {
            check(mail, language);
            let message = MessageParser::new().parse(&mail.raw).unwrap();
            subjects.push(message.subject().unwrap().to_owned());
        }
        // Notices and confirmations say what they are about, masked.
        assert!(!text_of(&mails.address_notice).contains("ada.new@example.test"));
        password = next;
        test.wait(24 * 3600);
    }
    assert_eq!(subjects.len(), 24);
    let counted = subjects.len();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), counted, "each kind and language has a subject of its own");
});

/// Changes a store behind the program's back, as a careless import would.
async fn set_store(test: &TestApp, name: &str, sender: &str) {
    let sql = "UPDATE store SET name = $1, sender = $2 WHERE key = 'harbor'";
    test.app.db.exec(sql, args![name, sender]).await.unwrap();
    test.exec("UPDATE revision SET value = value + 1 WHERE name = 'store'").await;
    test.app.stores.refresh(&test.app.db).await.unwrap();
}

both!(an_odd_store_name_adds_no_header_no_recipient_and_no_markup, |db| async move {
    let test = TestApp::start(db).await;
    for (n, name) in [
        "Shop\r\nBcc: x@evil.test",
        "Shop\r\n.\r\nMAIL FROM:<x@evil.test>",
        "=?utf-8?q?=0d=0aBcc:_x@evil.test?=",
        "<img src=//evil.test/x> & \"Sons\"",
        "Café \u{202e}Öst <b>",
        "a\" <x@evil.test>, \"b",
        "{{7*7}} ${7*7} {% raw %}",
    ]
    .into_iter()
    .enumerate()
    {
        set_store(&test, name, "service@harbor.test").await;
        let email = format!("customer{n}@example.test");
        test.add_customer("harbor", &email, None).await;
        assert_eq!(test.browser().forgot("harbor", &email).await.status, 202);
        let mail = one(&test).await;
        assert_eq!(mail.recipients, [email]);
        let message = MessageParser::new().parse(&mail.raw).unwrap();
        assert!(message.bcc().is_none() && message.cc().is_none(), "{name:?}");
        let from: Vec<_> = message.from().unwrap().iter().collect();
        assert_eq!(from.len(), 1);
        assert_eq!(from[0].address(), Some("service@harbor.test"));
        let html = message.body_html(0).unwrap();
        assert!(!html.contains("<img") && !html.contains("<b>"), "{html}");
        assert!(text_of(&mail).contains(name) || !name.contains("7*7"), "taken as it is");
        reset_link(&mail);
    }
});

both!(a_store_whose_sender_cannot_be_used_fails_visibly_and_alone, |db| async move {
    let test = TestApp::start(db).await;
    for (n, sender) in
        ["", "not an address", "a@b.test, c@d.test", "x@evil.test>\r\nRCPT TO:<y@evil.test", "@"]
            .into_iter()
            .enumerate()
    {
        set_store(&test, "Harbor Coffee", sender).await;
        let email = format!("customer{n}@example.test");
        test.add_customer("harbor", &email, None).await;
        assert_eq!(test.browser().forgot("harbor", &email).await.status, 202);
        assert_eq!(test.browser().forgot("northwind", "ada@example.test").await.status, 202);
        let mails = test.deliver().await;
        let from_northwind =
            |from: &str| from.starts_with("service+b-") && from.ends_with("@northwind.test");
        assert!(mails.iter().all(|mail| from_northwind(&mail.from)), "{sender:?}");
        assert_eq!(mails.len(), 1, "{sender:?}");
        let (kind, detail) = timeline(&test, &email).await.pop().unwrap();
        assert_eq!(kind, "mail_failed", "{sender:?}: {detail}");
        let reply = detail["reply"].as_str().unwrap();
        assert!(reply.contains("sender address"), "{sender:?}: {reply}");
        test.wait(3600);
    }
});
