//! The wording of mails: edited within rules, sent as edited, put back.

use crate::support::app::{reset_link, text_of};
use crate::support::desk::{ADMIN, Seat, VIEWER};
use crate::support::{Answer, TestApp, both};

/// A mail as its reader gets it.
struct Mail {
    subject: String,
    text: String,
    html: String,
    link: String,
}

fn path(test: &TestApp, store: &str, kind: &str) -> String {
    format!("/oms/stores/{}/mails/{kind}", test.store(store).id)
}

async fn save(test: &TestApp, seat: &mut Seat, subject: &str, body: &str) -> Answer {
    let path = format!("{}?lang=en", path(test, "harbor", "recovery"));
    seat.post(&path, &[("subject", subject), ("body", body)]).await
}

async fn recovery(test: &TestApp, store: &str, language: &str) -> Mail {
    // Notices of what happened before go first.
    test.deliver().await;
    test.wait(3700);
    let mut browser = test.browser().with_header("accept-language", language);
    assert_eq!(browser.forgot(store, "ada@example.test").await.status, 202);
    let mail = test.deliver().await.remove(0);
    let message = mail_parser::MessageParser::default().parse(&mail.raw[..]).unwrap();
    Mail {
        subject: message.subject().unwrap().to_owned(),
        text: text_of(&mail),
        html: message.body_html(0).unwrap().replace("\r\n", "\n"),
        link: reset_link(&mail),
    }
}

const BODY: &str = "Ahoy {{ store }} & friends <3\r\nsecond line\r\n\r\nOpen:\r\n{{link}}\r\n\r\n\
    Until {{ expires }}, {{minutes}} minutes, {{ reference }}.";

both!(a_mail_goes_out_as_worded_and_with_its_frame, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    let page = seat.get(&format!("{}?lang=en", path(&test, "harbor", "recovery"))).await;
    assert!(page.body.contains("as usual") && page.body.contains("{{ link }}"), "{}", page.body);
    let usual = recovery(&test, "harbor", "en").await;
    assert!(usual.subject.contains("Choose a new password"));

    // An hour has passed: log in again.
    let mut seat = test.seat(ADMIN).await;
    let answer = save(&test, &mut seat, "Ahoy from {{ store }}", BODY).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let page = seat.get(answer.location()).await;
    assert!(page.body.contains("Saved.") && page.body.contains("your own"), "{}", page.body);
    let mail = recovery(&test, "harbor", "en").await;
    assert_eq!(mail.subject, "Ahoy from Harbor Coffee");
    let (text, html) = (&mail.text, &mail.html);
    assert!(
        text.starts_with("Ahoy Harbor Coffee & friends <3\nsecond line\n\nOpen:\n\nhttp"),
        "{text}"
    );
    assert!(text.contains(", 30 minutes, "), "{text}");
    assert!(text.contains("Was it not you?") && text.contains("never asks for your password"));
    assert_eq!(text.lines().filter(|line| line.contains("/reset?token=")).count(), 1);
    assert_eq!(text.lines().filter(|line| line.contains("/not-me?token=")).count(), 1);
    assert!(html.contains("Ahoy Harbor Coffee &#38; friends &#60;3<br>second line"), "{html}");
    assert!(html.contains("class=\"button\"") && html.contains(">Ahoy from Harbor Coffee</h1>"));
    assert_eq!(test.browser().set_password(&mail.link, "fog-umbra-97-lantern").await.status, 303);

    // Another language, another store and another merchant keep theirs.
    for (store, language) in [("harbor", "de"), ("harbor-trade", "en"), ("northwind", "en")] {
        assert!(!recovery(&test, store, language).await.subject.contains("Ahoy"), "{store}");
    }
    let mut seat = test.seat(ADMIN).await;
    let reset = format!("{}/reset?lang=en", path(&test, "harbor", "recovery"));
    assert_eq!(seat.post(&reset, &[]).await.status, 303);
    assert_eq!(recovery(&test, "harbor", "en").await.subject, usual.subject);
    let sql = "SELECT COUNT(*) AS n FROM activity
               WHERE action IN ('mail.wording_changed', 'mail.wording_reset')
                 AND detail LIKE '%recovery%'";
    assert_eq!(test.count(sql).await, 2);
});

both!(what_does_not_belong_into_a_mail_is_refused_and_kept, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    for (text, says, shown) in [
        ("{{7*7}}", "no placeholder", "{{7*7}}"),
        ("${7*7}", "Braces are for placeholders", "${7*7}"),
        ("{% include x %}", "Braces are for placeholders", "{% include x %}"),
        ("{{ secret }}", "no placeholder", "{{ secret }}"),
        ("{{ link }}", "once", "{{ link }}"),
        ("Go to https://evil.test", "one link", "https://evil.test"),
        ("Go to evil.test", "one link", "evil.test"),
        ("<script>alert(1)</script>", "plain text", "&#60;script&#62;alert(1)"),
        ("<img src=//evil.test/x.png>", "plain text", "&#60;img src="),
        ("x\u{202e}y", "U+202E", "x\u{202e}y"),
    ] {
        let body = format!("Hello\n{{{{ link }}}}\n{text}");
        let answer = save(&test, &mut seat, "Kept subject", &body).await;
        assert_eq!(answer.status, 422, "{text}");
        assert!(answer.body.contains(says), "{text}: {}", answer.body);
        assert!(answer.body.contains(shown) && answer.body.contains("Kept subject"), "{text}");
        assert!(!answer.body.contains("<script>alert"), "{text}");
    }
    for (subject, body) in [
        ("", "Hello\n{{ link }}"),
        ("a\nBcc: x", "Hello\n{{ link }}"),
        ("Hello", "No link"),
        ("Hello", ""),
        ("Hello", &format!("{}\n{{{{ link }}}}", "\u{fc}".repeat(9000))),
    ] {
        assert_eq!(save(&test, &mut seat, subject, body).await.status, 422);
    }
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM mail_wording").await, 0);
    assert_eq!(save(&test, &mut seat, "Hello", "Hello\n{{ link }}").await.status, 303);
    // A row that got in by other ways is not sent.
    test.exec("UPDATE mail_wording SET body = 'https://evil.test'").await;
    test.exec("UPDATE revision SET value = value + 1 WHERE name = 'store'").await;
    test.app.stores.refresh(&test.app.db).await.unwrap();
    let mail = recovery(&test, "harbor", "en").await;
    assert!(!mail.text.contains("evil") && mail.text.contains("/reset?token="));
});

both!(every_mail_can_be_looked_at_in_every_language, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(VIEWER).await;
    let before = test.count("SELECT COUNT(*) AS n FROM token").await;
    for mail in doorkey::wording::MAILS {
        let base = path(&test, "harbor", mail.key);
        for language in ["en", "de", "es", "fr"] {
            let edit = seat.get(&format!("{base}?lang={language}")).await;
            assert!(edit.status == 200 && !edit.body.contains(">Save<"), "{base}");
            let page = seat.get(&format!("{base}/preview?lang={language}&part=html")).await;
            assert!(page.body.contains("sandbox=\"allow-same-origin\""), "{base}");
            let csp = page.headers["content-security-policy"].to_str().unwrap();
            assert!(csp.contains("frame-src 'self'") && csp.contains("frame-ancestors 'none'"));
            let text = seat.get(&format!("{base}/preview?lang={language}&part=text")).await;
            assert!(text.body.contains("<pre"), "{base}");
            let html = seat.get(&format!("{base}/html?lang={language}")).await;
            assert!(html.body.contains(&format!("<html lang=\"{language}\"")), "{base}");
            let csp = html.headers["content-security-policy"].to_str().unwrap();
            assert!(csp.starts_with("sandbox;") && csp.contains("default-src 'none'"));
            assert_eq!(html.headers["x-frame-options"], "SAMEORIGIN");
            for body in [&text.body, &html.body] {
                let tokens = body.matches("token=").count();
                assert_eq!(body.matches("token=made-up").count(), tokens, "{base}");
            }
        }
    }
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM token").await, before);
    for unknown in ["recovery?lang=xx", "nothing", "recovery/preview?part=raw"] {
        let base = path(&test, "harbor", unknown);
        assert_eq!(seat.get(&base).await.status, 404, "{unknown}");
    }
    assert_eq!(seat.get(&path(&test, "northwind", "recovery")).await.status, 404);
});

both!(every_worded_mail_keeps_its_link, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    for mail in doorkey::wording::MAILS {
        let base = path(&test, "harbor", mail.key);
        let usual = seat.get(&format!("{base}/preview?part=text")).await;
        let password = if mail.has_password { "{{ password }}\n" } else { "" };
        let body = format!("Own words\n{password}\n{{{{ link }}}}");
        let fields = [("subject", "Own"), ("body", body.as_str())];
        assert_eq!(seat.post(&base, &fields).await.status, 303, "{base}");
        let own = seat.get(&format!("{base}/preview?part=text")).await;
        assert!(own.body.contains("Own words"), "{base}");
        assert_eq!(own.body.contains("\nmade-up"), mail.has_password, "{base}");
        let by_staff = mail.key.starts_with("reminder");
        assert_eq!(own.body.contains("The staff of Harbor Coffee sent"), by_staff, "{base}");
        let links = |page: &Answer| {
            let lines = page.body.lines().map(str::trim);
            lines.filter(|line| line.contains("http://127.0.0.1:8080/s/harbor/")).count()
        };
        assert_eq!(links(&own), links(&usual), "{base}: {}", own.body);
    }
});

both!(a_reminder_in_own_words_says_who_sent_it, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    let base = path(&test, "harbor", "reminder_temporary");
    let fields = [("subject", "Own"), ("body", "Type in:\n{{ password }}\nhere:\n{{ link }}")];
    assert_eq!(seat.post(&base, &fields).await.status, 303);
    let ada = test.customer_id("harbor", "ada@example.test").await;
    let sent = seat.post(&format!("/oms/customers/{ada}/reminder"), &[]).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let text = text_of(&test.deliver().await[0]);
    let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!((lines[0], lines[2]), ("Type in:", "here:"), "{text}");
    assert!(text.contains("The staff of Harbor Coffee sent you this mail"), "{text}");
    assert!(text.contains("/not-me?token="), "{text}");
    let answer = test.browser().login("harbor", "ada@example.test", lines[1]).await;
    assert_eq!(answer.status, 303, "{text}");
});

both!(a_wording_is_looked_at_before_it_is_saved, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    let base = path(&test, "harbor", "recovery");
    let page = seat.get(&base).await.body;
    let button = format!("formaction=\"{base}/draft?lang=en\" formtarget=\"shown\"");
    assert!(page.contains(&button) && page.contains("<iframe class=\"mail\" name=\"shown\""));
    let kept = "SELECT COUNT(*) AS n FROM mail_wording";
    let acts = "SELECT COUNT(*) AS n FROM activity";
    let before = test.count(acts).await;
    let good = [("subject", "Ahoy"), ("body", "From {{ store }} & crew\n\n{{ link }}")];

    let html = seat.post(&format!("{base}/draft?lang=de"), &good).await;
    assert_eq!(html.status, 200, "{}", html.body);
    assert!(html.body.contains("<html lang=\"de\"") && html.body.contains("Ahoy</h1>"));
    assert!(html.body.contains("From Harbor Coffee &#38; crew"), "{}", html.body);
    let tokens = html.body.matches("token=").count();
    assert!(tokens > 0 && html.body.matches("token=made-up").count() == tokens);
    let csp = html.headers["content-security-policy"].to_str().unwrap();
    assert!(csp.starts_with("sandbox; default-src 'none'"), "{csp}");
    assert_eq!(html.headers["x-frame-options"], "SAMEORIGIN");
    let text = seat.post(&format!("{base}/draft?lang=de&part=text"), &good).await;
    assert!(text.body.contains("<pre") && text.body.contains("From Harbor Coffee &#38; crew"));

    // What saving would say, showing says.
    for (subject, body, says) in [
        ("", "x\n{{ link }}", "Write a subject."),
        ("Ahoy", "no link", "Add {{ link }} on a line of its own."),
        ("Ahoy", "evil.test\n{{ link }}", "reads like a web or email address"),
        ("Ahoy", "<script>alert(1)</script>\n{{ link }}", "Write plain text"),
    ] {
        let fields = [("subject", subject), ("body", body)];
        for path in [format!("{base}/draft"), base.clone()] {
            let refused = seat.post(&path, &fields).await;
            assert_eq!(refused.status, 422, "{path} {says}");
            let said = refused.body.replace("&#123;", "{").replace("&#125;", "}");
            assert!(said.contains(says), "{path} {says}: {}", refused.body);
            assert!(!refused.body.contains("<script>alert"), "{path}");
        }
    }
    let csp = text.headers["content-security-policy"].to_str().unwrap();
    assert!(csp.contains("form-action 'none'") && csp.contains("frame-ancestors 'self'"), "{csp}");
    assert_eq!((test.count(kept).await, test.count(acts).await), (0, before), "nothing is kept");
    let usual = seat.get(&format!("{base}/html")).await;
    assert!(!usual.body.contains("Ahoy"), "nor is it what goes out");
    let mut viewer = test.seat(VIEWER).await;
    assert_eq!(viewer.post(&format!("{base}/draft"), &good).await.status, 403);
    assert_eq!(seat.post(&format!("{base}/draft?part=raw"), &good).await.status, 404);
});

both!(all_mails_can_be_looked_at_those_to_staff_too, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(VIEWER).await;
    let keys: Vec<_> = doorkey::mail::message::all_samples().collect();
    assert!(keys.len() > 15 && keys.contains(&"staff_code_used"), "{keys:?}");
    for key in keys {
        let base = path(&test, "harbor", key);
        for part in ["html", "text"] {
            let page = seat.get(&format!("{base}/preview?lang=fr&part={part}&size=phone")).await;
            assert_eq!(page.status, 200, "{key}");
            assert_eq!(
                page.body.matches("aria-current=\"page\">").count(),
                match (part, key) {
                    // The section, the mail, the part; the width of a frame; the language.
                    ("html", key) if doorkey::mail::message::is_english(key) => 4,
                    ("html", _) => 5,
                    (_, key) if doorkey::mail::message::is_english(key) => 3,
                    _ => 4,
                },
                "{key} {part}: {}",
                page.body
            );
        }
        let html = seat.get(&format!("{base}/html?lang=fr")).await;
        assert_eq!(html.status, 200, "{key}");
        let english = doorkey::mail::message::is_english(key);
        let spoken = if english { "en" } else { "fr" };
        assert!(html.body.contains(&format!("<html lang=\"{spoken}\"")), "{key}");
        let tokens = html.body.matches("token=").count();
        assert_eq!(html.body.matches("token=made-up").count(), tokens, "{key}");
    }
});
