//! The envelope and the headers: from the store's settings and the customer's record alone.

use doorkey::store::{self, Setting};
use mail_parser::MessageParser;

use super::{ADA, PASSWORD, TestApp, both, patient, recipients};
use crate::support::app::{text_of, without_chance};
use crate::support::smtp_sink::Received;

/// Names that try to become headers, commands or further recipients.
const NAMES: &[&str] = &[
    "Harbor\r\nBcc: evil@evil.test",
    "Harbor\nBcc: evil@evil.test\n\nbody",
    "Harbor\r\n.\r\nMAIL FROM:<evil@evil.test>",
    "Harbor\r\nContent-Type: text/html\r\n\r\n<a href=http://evil.test>",
    "=?utf-8?q?=0d=0aBcc:?=",
    "=?utf-8?b?DQpCY2M6IGV2aWxAZXZpbC50ZXN0?=",
    "Harbor\" <evil@evil.test>, \"x",
    "evil@evil.test",
    "Harbor\u{2028}Bcc: evil@evil.test",
    "Harbor\0Bcc: evil@evil.test",
    ".",
];

async fn rename(test: &TestApp, name: &str) {
    let id = test.store("harbor").id.clone();
    let mut tx = test.app.db.begin().await.unwrap();
    // PostgreSQL cannot hold a zero byte at all.
    store::set(&mut tx, &id, Setting::Name(name.replace('\0', "\u{1}"))).await.unwrap();
    tx.commit().await.unwrap();
    test.app.stores.refresh(&test.app.db).await.unwrap();
}

/// The store's own sender, with the mark by which a bounce finds its mail.
fn is_the_stores(sender: &str) -> bool {
    let mark = sender.strip_prefix("service+b-").and_then(|s| s.strip_suffix("@harbor.test"));
    mark.is_some_and(|mark| mark.len() == 39 && mark.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// One sender, one recipient, automatic, and not one header more than there should be.
fn assert_proper(mail: &Received, to: &str) {
    assert!(is_the_stores(&mail.from), "the envelope's sender is the store's: {}", mail.from);
    assert_eq!(mail.recipients, [to]);
    let parsed = MessageParser::default().parse(&mail.raw[..]).unwrap();
    let mut names: Vec<_> = parsed.headers().iter().map(|h| h.name.as_str().to_owned()).collect();
    names.sort();
    let wanted = [
        "Auto-Submitted",
        "Content-Language",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ];
    assert_eq!(names, wanted, "{}", mail.text());
    let from: Vec<_> = parsed.from().unwrap().iter().filter_map(|a| a.address()).collect();
    assert_eq!(from, ["service@harbor.test"]);
    let recipients: Vec<_> = parsed.to().unwrap().iter().filter_map(|a| a.address()).collect();
    assert_eq!(recipients, [to]);
    assert!(parsed.message_id().unwrap().ends_with("@harbor.test"));
    let automatic = parsed.header_raw("Auto-Submitted").map(str::trim);
    assert_eq!(automatic, Some("auto-generated"), "nothing is to answer it (RFC 3834)");
}

both!(no_name_of_a_store_becomes_a_header_or_a_command, |db| async move {
    let test = patient(db).await;
    for (count, name) in (1..).zip(NAMES) {
        rename(&test, name).await;
        assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
        let mails = test.deliver().await;
        assert_eq!(mails.len(), 1, "{name:?}");
        assert_proper(&mails[0], ADA);
        assert_eq!(recipients(&test).len(), count, "{name:?}");
        test.wait(2);
    }
    let senders = test.sink.commands().into_iter().filter(|line| line.starts_with("MAIL"));
    let mut senders = senders.map(|line| line.split(['<', '>']).nth(1).unwrap_or("").to_owned());
    assert!(senders.all(|sender| is_the_stores(&sender)));
});

both!(no_name_of_a_customer_reaches_a_mail, |db| async move {
    let test = TestApp::start(db).await;
    test.exec(
        "UPDATE customer SET first_name = 'Call +1 555 0100 or visit http://evil.test',
            last_name = 'x\r\nBcc: evil@evil.test', company = 'evil.test', phone = '+1 555 0100'
         WHERE email_key = 'ada@example.test'",
    )
    .await;
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    let mail = test.deliver().await.remove(0);
    assert_proper(&mail, ADA);
    let text = text_of(&mail);
    assert!(!mail.text().contains("evil") && !without_chance(&mail).contains("555"), "{text}");
    assert!(text.contains("Harbor Coffee") && without_chance(&mail).contains("Harbor"));
});

both!(names_with_control_characters_are_refused_at_the_door, |db| async move {
    let test = TestApp::start(db).await;
    for name in
        ["Rita\r\nBcc: evil@evil.test", "Rita\nX", "Ri\tta", "Rita\0", "Ri\u{85}ta", "", " "]
    {
        for field in ["first_name", "last_name"] {
            let answer =
                test.browser().register("harbor", "rita@example.test", &[(field, name)]).await;
            assert_eq!(answer.status, 422, "{field} {name:?}");
        }
    }
    assert_eq!(test.waiting().await, 0);
    let more = [("first_name", "Visit http://evil.test"), ("last_name", "Call +1 555 0100")];
    assert_eq!(test.browser().register("harbor", "rita@example.test", &more).await.status, 202);
    let mail = test.deliver().await.remove(0);
    assert_proper(&mail, "rita@example.test");
    assert!(!mail.text().contains("evil") && !without_chance(&mail).contains("555"));
});

both!(every_kind_of_mail_has_the_stores_envelope, |db| async move {
    let test = TestApp::start(db).await;
    // What a visitor claims about hosts and senders is nothing to the mail.
    let mut visitor = test
        .browser()
        .with_header("x-forwarded-host", "evil.test")
        .with_header("from", "evil@evil.test")
        .with_header("reply-to", "evil@evil.test")
        .with_header("referer", "http://evil.test/")
        .with_header("user-agent", "evil.test\u{9}evil@evil.test");
    assert_eq!(visitor.forgot("harbor", ADA).await.status, 202);
    let mails = test.deliver().await;
    let link = crate::support::app::reset_link(&mails[0]);
    assert_proper(&mails[0], ADA);
    assert_eq!(visitor.set_password(&link, "a brand new teapot").await.status, 303);
    let notice = test.deliver().await;
    assert_eq!(notice.len(), 1);
    assert_proper(&notice[0], ADA);
    assert!(!notice[0].text().contains("evil"));

    assert_eq!(visitor.register("harbor", ADA, &[]).await.status, 202);
    assert_eq!(visitor.register("harbor", "rita@example.test", &[]).await.status, 202);
    test.wait(61);
    assert_eq!(visitor.register("harbor", "dagmar@example.test", &[]).await.status, 202);
    for mail in test.deliver().await {
        assert_proper(&mail, &mail.recipients[0].clone());
    }
    let mut ben = test.browser();
    assert_eq!(ben.login("harbor", "ben@example.test", PASSWORD).await.status, 303);
    assert_eq!(ben.change_address("harbor", "pat@example.test").await.status, 200);
    let mut mailed = Vec::new();
    for mail in test.deliver().await {
        assert_proper(&mail, &mail.recipients[0].clone());
        mailed.extend(mail.recipients);
    }
    mailed.sort();
    assert_eq!(mailed, ["ben@example.test", "pat@example.test"]);
});
