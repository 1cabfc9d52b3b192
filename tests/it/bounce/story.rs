//! A dead address, by mail: the timeline, the envelope, the public form, and the way back.

use super::*;
use crate::support::process::{error_of, run_with};

/// What everybody sees and does once Ada's mail came back, until it goes out again.
pub async fn what_follows(test: &TestApp, mail: &Received) {
    assert_eq!(outcomes(test).await, ["bounced"]);
    let entries = timeline(test).await;
    let (kind, detail) = entries.last().unwrap();
    assert_eq!(kind, "mail_bounced");
    assert!(detail.contains("5.1.1") && detail.contains("\"dead\":true"), "{detail}");
    assert!(!detail.contains(ADA), "{detail}");
    assert_eq!(suppressed(test).await, 1);

    // Staff see it, with what to say; the envelope is refused.
    let mut seat = test.seat(AGENT).await;
    let id = test.customer_id("harbor", ADA).await;
    let record = seat.get(&format!("/oms/customers/{id}")).await.body;
    assert!(record.contains("came back") && record.contains("give me another address"), "{record}");
    let refused = click(test, &mut seat).await;
    assert!(refused.body.contains("Mail to this address came back"), "{}", refused.body);
    assert!(test.deliver().await.is_empty());

    // The public form answers as for anybody, and no mail goes out.
    test.wait(3700);
    let known = test.browser().forgot("harbor", ADA).await;
    let stranger = test.browser().forgot("harbor", "nobody@example.test").await;
    let stranger = Face::of(&stranger).without("nobody@example.test");
    assert_eq!(Face::of(&known).without(ADA), stranger);
    assert!(test.deliver().await.is_empty());
    let outcomes = outcomes(test).await;
    assert!(outcomes.contains(&"suppressed".to_owned()), "{outcomes:?}");
    let entries = timeline(test).await;
    let (kind, detail) = entries.last().unwrap();
    assert_eq!((kind.as_str(), detail.contains("bounced")), ("mail_withheld", true), "{detail}");

    // The link of that very mail does no harm: somebody may have it after all.
    let link = crate::support::app::reset_link(mail);
    assert!([200, 303, 410].contains(&test.browser().open_link(&link).await.status));
    test.wait(1);

    lift(test).await;
    assert_eq!(suppressed(test).await, 0);
    assert_eq!(kinds(test).await.last().unwrap(), "suppression_lifted");
    let acts = "SELECT COUNT(*) AS n FROM activity WHERE action = 'mail.suppression_lifted'";
    assert_eq!(test.count(acts).await, 1);
    test.wait(120);
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    assert_eq!(test.deliver().await.len(), 1, "it works again");
    // An hour has passed: the first log-in is over.
    let mut seat = test.seat(AGENT).await;
    assert!(click(test, &mut seat).await.location().contains("/oms/customers/"));
    assert_eq!(test.deliver().await.len(), 1);
}

both!(a_report_finds_its_customer_and_the_address_gets_no_more_mail, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    assert_eq!(take_back(&test, &mail, &unknown(&mail)).await, Came::Suppressed);
    what_follows(&test, &mail).await;
});

both!(the_command_takes_a_report_from_a_pipe, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let url = test.database_url.clone();
    let secret = "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=";
    let environment = [("DOORKEY_DATABASE_URL", &*url), ("DOORKEY_SECRET", secret)];
    let run = |args: &[&str], input: &str| run_with(args, &environment, input.as_bytes());
    for (input, status) in [("", 1), ("no message", 1), ("From: a@b.test\r\n\r\nhello\r\n", 0)] {
        let output = run(&["bounce"], input);
        assert_eq!(output.status.code(), Some(status), "{input:?}: {}", error_of(&output));
        assert_eq!(error_of(&output).lines().count(), status as usize, "{}", error_of(&output));
    }
    assert_eq!(outcomes(&test).await, ["sent"]);
    let nowhere =
        [("DOORKEY_DATABASE_URL", "sqlite:/nowhere/at/all.db"), ("DOORKEY_SECRET", secret)];
    let output = run_with(&["bounce"], &nowhere, unknown(&mail).as_bytes());
    assert_eq!(output.status.code(), Some(75), "try again: {}", error_of(&output));
    let unset = [("DOORKEY_BOUNCE__VERP", "perhaps")];
    assert_eq!(run_with(&["bounce"], &unset, b"x").status.code(), Some(75));
    // By the recipient that the mail server names, whatever stands in the message.
    let stripped = unknown(&mail).replace(&mail.from, "someone@else.test").replace(".b-", ".x-");
    let output = run(&["bounce", "--recipient", &mail.from, "--sender", ""], &stripped);
    assert_eq!(output.status.code(), Some(0), "{}", error_of(&output));
    what_follows(&test, &mail).await;
});

both!(a_report_that_lost_its_address_finds_its_mail_by_what_it_returns, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let lost = unknown(&mail).replace(&mail.from, "service@harbor.test");
    assert!(lost.contains("Message-ID: <"), "{lost}");
    let taken = take(&test, "service@harbor.test", &lost).await;
    assert_eq!(taken, Taken::Read(Came::Suppressed));
    what_follows(&test, &mail).await;
});

both!(words_of_a_server_without_a_report_are_enough, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let words = format!(
        "From: MAILER-DAEMON@mx.test\r\nTo: {}\r\nSubject: failure notice\r\n\r\n\
         Hi. This is the qmail-send program at mx.test.\r\n\
         I wasn't able to deliver your message. This is a permanent error; I've given up.\r\n\r\n\
         <{ADA}>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n",
        mail.from
    );
    assert_eq!(take_back(&test, &mail, &words).await, Came::Suppressed);
    assert_eq!(suppressed(&test).await, 1);
});

both!(another_address_ends_it, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    take_back(&test, &mail, &unknown(&mail)).await;
    assert_eq!(suppressed(&test).await, 1);
    let id = test.customer_id("harbor", ADA).await;
    let mut seat = test.seat(AGENT).await;
    let path = format!("/oms/customers/{id}/address");
    let answer = seat.post(&path, &[("email", "ada@new.test")]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    // The question goes to the new address; the notice to the old one is held back.
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, ["ada@new.test"]);
    assert!(outcomes(&test).await.contains(&"suppressed".to_owned()));
    let link = crate::support::app::link_of(&mails[0], "/account/email/confirm");
    let mut browser = test.browser();
    let page = browser.open_link(&link).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let token = crate::support::app::token_of(&link);
    let answer = browser.post("/s/harbor/account/email/confirm", &[("token", &token)]).await;
    assert!([200, 303].contains(&answer.status), "{}: {}", answer.status, answer.body);
    assert_eq!(suppressed(&test).await, 0);
    test.wait(120);
    test.browser().forgot("harbor", "ada@new.test").await;
    assert_eq!(test.deliver().await.len(), 1);
});

both!(a_delay_and_a_full_mailbox_are_told_and_block_nothing, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let late = report(&mail, "4.4.1", "421 4.4.1 no answer from host");
    assert_eq!(take_back(&test, &mail, &late).await, Came::Noted);
    assert!(matches!(take_back(&test, &mail, &late).await, Came::ToNothing(_)), "told once");
    assert_eq!(outcomes(&test).await, ["sent"]);
    assert_eq!(kinds(&test).await.last().unwrap(), "mail_delayed");
    test.wait(1);
    let full = report(&mail, "5.2.2", "552 5.2.2 mailbox full");
    assert_eq!(take_back(&test, &mail, &full).await, Came::Noted);
    assert_eq!(outcomes(&test).await, ["bounced"]);
    assert_eq!(kinds(&test).await.last().unwrap(), "mail_bounced");
    assert_eq!(suppressed(&test).await, 0);
    let mut seat = test.seat(AGENT).await;
    assert_eq!(click(&test, &mut seat).await.status, 303);
    assert_eq!(test.deliver().await.len(), 1);
});

both!(a_complaint_stops_mail_and_alerts, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    // It comes to the address that the provider knows, and names the mail within.
    let raw = complaint(&mail).replace(&format!("To: {}", mail.from), "To: service@harbor.test");
    let taken = take(&test, "service@harbor.test", &raw).await;
    assert_eq!(taken, Taken::Read(Came::Suppressed));
    assert_eq!(outcomes(&test).await, ["sent"], "it did arrive");
    assert_eq!(kinds(&test).await.last().unwrap(), "mail_complained");
    let alerts =
        "SELECT COUNT(*) AS n FROM activity WHERE action = 'mail.complained' AND alert = 1";
    assert_eq!(test.count(alerts).await, 1);
    take(&test, "service@harbor.test", &raw).await;
    assert_eq!(test.count(alerts).await, 1, "one alert");
    let refused = click(&test, &mut test.seat(AGENT).await).await;
    assert!(refused.body.contains("marked a mail of this store as spam"), "{}", refused.body);
    lift(&test).await;
    assert_eq!(click(&test, &mut test.seat(AGENT).await).await.status, 303);
});

both!(mails_to_nobodys_record_only_say_that_they_came_back, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let altcha = browser.solve_at("/s/harbor/captcha?for=registration").await;
    let fields = [
        ("email", "new@example.test"),
        ("first_name", "New"),
        ("last_name", "Comer"),
        ("password", "a brand new teapot"),
        ("altcha", &altcha),
    ];
    assert_eq!(browser.post("/s/harbor/register", &fields).await.status, 202);
    let mails = test.deliver().await;
    assert_eq!(take_back(&test, &mails[0], &unknown(&mails[0])).await, Came::Noted);
    assert_eq!(outcomes(&test).await, ["bounced"]);
    assert_eq!(suppressed(&test).await, 0);
});

both!(marks_can_be_switched_off_and_moved, |db| async move {
    let test = TestApp::with(Options::new(db).set("bounce.verp", "false")).await;
    let mail = mail_to_ada(&test).await;
    assert_eq!(mail.from, "service@harbor.test");
    let taken = take(&test, "service@harbor.test", &unknown(&mail)).await;
    assert_eq!(taken, Taken::Read(Came::Suppressed), "by its Message-ID");
    let test = TestApp::with(Options::new(db).set("bounce.address", "back@m.harbor.test")).await;
    let mail = mail_to_ada(&test).await;
    assert!(mail.from.starts_with("back+b-") && mail.from.ends_with("@m.harbor.test"));
    assert!(mail.text().contains("From: \"Harbor Coffee\" <service@harbor.test>"));
    assert_eq!(take_back(&test, &mail, &unknown(&mail)).await, Came::Suppressed);
});
