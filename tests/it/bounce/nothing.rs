//! What strangers write: forged, foreign, late, repeated, cut off, huge. Nothing comes of it.

use super::*;

/// Nothing has changed, and a genuine report still counts.
async fn assert_untouched(test: &TestApp, mail: &Received) {
    assert_eq!(outcomes(test).await, ["sent"]);
    assert_eq!(suppressed(test).await, 0);
    assert_eq!(take_back(test, mail, &unknown(mail)).await, Came::Suppressed, "the control");
}

/// The same text with one letter of each mark exchanged.
fn forged(text: &str, mail: &Received) -> String {
    let mark = &mail.from[mail.from.find("+b-").unwrap() + 1..mail.from.find('@').unwrap()];
    let mut letters = mark.as_bytes().to_vec();
    letters[12] = if letters[12] == b'0' { b'1' } else { b'0' };
    text.replace(mark, std::str::from_utf8(&letters).unwrap())
}

both!(forged_and_foreign_marks_are_nothing, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let raw = forged(&unknown(&mail), &mail);
    assert!(!raw.contains(&mail.from));
    for recipient in ["service@harbor.test", "service+b-x@harbor.test", &forged(&mail.from, &mail)]
    {
        let taken = take(&test, recipient, &raw).await;
        assert!(matches!(taken, Taken::Read(Came::ToNothing(_))), "{recipient}: {taken:?}");
    }
    // Another installation's mail.
    let other = doorkey::secret::Secret::new([43; 32]).derive("bounces");
    let verp = doorkey::mail::bounce::verp::Verp::new(other, &test.app.config.bounce);
    let sql = "SELECT id FROM outbox";
    let id: String = test.app.db.row(sql, args![]).await.unwrap().unwrap().get("id");
    let foreign = verp.envelope("service@harbor.test", &id);
    assert!(matches!(take(&test, &foreign, &raw).await, Taken::Read(Came::ToNothing(_))));
    // Two genuine marks of different mails in one message.
    test.wait(120);
    let second = mail_to_ada(&test).await;
    let mixed = take(&test, &second.from, &unknown(&mail)).await;
    assert!(matches!(mixed, Taken::Read(Came::ToNothing(_))), "{mixed:?}");
    assert_eq!(outcomes(&test).await, ["sent", "sent"]);
    assert_eq!(suppressed(&test).await, 0);
});

both!(a_mark_speaks_for_its_own_merchants_mail_alone, |db| async move {
    let test = TestApp::start(db).await;
    assert_eq!(test.browser().forgot("northwind", ADA).await.status, 202);
    let foreign = test.deliver().await.remove(0);
    test.wait(1);
    assert_eq!(take_back(&test, &foreign, &unknown(&foreign)).await, Came::Suppressed);
    // The same address at the other merchant is none the worse.
    let mail = mail_to_ada(&test).await;
    assert_eq!(outcomes(&test).await, ["bounced", "sent"]);
    assert!(!kinds(&test).await.contains(&"mail_bounced".to_owned()));
    let page = test.seat(AGENT).await.get("/oms/email/suppressed").await.body;
    assert!(page.contains("No address is suppressed"), "{page}");
    assert_eq!(take_back(&test, &mail, &unknown(&mail)).await, Came::Suppressed);
    assert_eq!(suppressed(&test).await, 2);
});

both!(late_and_refuted_reports_are_nothing, |db| async move {
    // Two weeks later.
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    test.wait(14 * 86_400 + 1);
    assert!(matches!(take_back(&test, &mail, &unknown(&mail)).await, Came::ToNothing(_)));
    assert_eq!(outcomes(&test).await, ["sent"]);

    // The customer opened the link meanwhile: the mail arrived.
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    test.wait(60);
    let link = crate::support::app::reset_link(&mail);
    test.browser().set_password(&link, "a brand new teapot").await;
    let came = take_back(&test, &mail, &unknown(&mail)).await;
    assert!(matches!(came, Came::ToNothing(_)), "{came:?}");
    assert_eq!(suppressed(&test).await, 0);

    // The record has another address.
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let (id, store) = (test.customer_id("harbor", ADA).await, test.store("harbor"));
    let mut tx = test.app.db.begin().await.unwrap();
    let ada = doorkey::customer::by_id(&mut tx, &store.merchant_id, &id).await.unwrap().unwrap();
    let new = doorkey::address::EmailAddress::parse("ada@new.test").unwrap();
    doorkey::customer::set_address(&mut tx, &ada, &new, test.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(take_back(&test, &mail, &unknown(&mail)).await, Came::ToNothing(_)));
    assert_eq!(suppressed(&test).await, 0);

    // Staff have lifted it since: a second report about the same or an older mail.
    let test = TestApp::start(db).await;
    let older = mail_to_ada(&test).await;
    test.wait(120);
    let mail = mail_to_ada(&test).await;
    assert_eq!(take_back(&test, &mail, &unknown(&mail)).await, Came::Suppressed);
    test.wait(1);
    lift(&test).await;
    for mail in [&mail, &older] {
        assert!(matches!(take_back(&test, mail, &unknown(mail)).await, Came::ToNothing(_)));
    }
    assert_eq!(suppressed(&test).await, 0);
});

both!(a_report_counts_once, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    assert_eq!(take_back(&test, &mail, &unknown(&mail)).await, Came::Suppressed);
    let before = timeline(&test).await;
    for raw in [unknown(&mail), report(&mail, "5.2.2", "full"), report(&mail, "4.2.2", "full")] {
        assert!(matches!(take_back(&test, &mail, &raw).await, Came::ToNothing(_)));
    }
    assert_eq!(timeline(&test).await, before);
});

both!(a_report_that_is_cut_off_says_less_and_never_more, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let whole = unknown(&mail);
    for cut in (0..whole.find("Action:").unwrap()).step_by(37) {
        take(&test, &mail.from, &whole[..cut]).await;
        assert_eq!(suppressed(&test).await, 0, "{}", &whole[..cut]);
    }
    // Its words alone say that this mail is lost, which it is.
    assert_eq!(outcomes(&test).await, ["bounced"]);
});

both!(huge_messages_and_notes_of_people_do_no_harm, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let bomb = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n".repeat(5000);
    let huge = "x".repeat(doorkey::mail::bounce::LARGEST + 1);
    for raw in [bomb, huge, "\0".repeat(1000), String::new()] {
        let taken = take(&test, &mail.from, &raw).await;
        assert!(matches!(taken, Taken::Unreadable(_)), "{taken:?}");
    }
    // Vacation notes and people who answer the envelope's sender.
    for head in ["Auto-Submitted: auto-replied\r\n", "X-Autoreply: yes\r\n"] {
        let raw = format!("{head}Subject: Away\r\n\r\n550 5.1.1 undeliverable\r\n");
        assert!(matches!(take_back(&test, &mail, &raw).await, Came::ToNothing(_)));
    }
    let person = "From: ada@example.test\r\n\r\nIt was undeliverable, 550 5.1.1 you said\r\n";
    let taken = test.app.inbound().take(Some(ADA), &mail.from, person.as_bytes()).await.unwrap();
    assert!(matches!(taken, Taken::Read(Came::ToNothing(_))));
    assert_untouched(&test, &mail).await;
});

both!(a_servers_words_bring_nothing_in, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let link = crate::support::app::reset_link(&mail);
    let token = crate::support::app::token_of(&link);
    let said = format!(
        "550 5.1.1 <script>alert(1)</script> {link} x{token}x ben@example.test \u{1b}[31m\u{202e} end"
    );
    assert_eq!(take_back(&test, &mail, &report(&mail, "5.1.1", &said)).await, Came::Suppressed);
    let sql = "SELECT reply FROM outbox UNION ALL SELECT reply FROM suppression
               UNION ALL SELECT detail FROM timeline WHERE kind = 'mail_bounced'";
    for row in test.app.db.rows(sql, args![]).await.unwrap() {
        let kept: String = row.get("reply");
        for secret in [&*token, "ben@", "http", "\u{1b}", "\u{202e}", "\\u001b"] {
            assert!(!kept.contains(secret), "{secret:?} in {kept}");
        }
        assert!(kept.contains("5.1.1") && kept.contains("end"), "{kept}");
    }
    let mut seat = test.seat(AGENT).await;
    let page = seat.get("/oms/email/suppressed").await.body;
    assert!(page.contains("550 5.1.1") && !page.contains("<script>alert"), "{page}");

    // A mail that carries a password keeps none of the words.
    lift(&test).await;
    test.wait(700);
    assert_eq!(click(&test, &mut seat).await.status, 303);
    let reminder = test.deliver().await.remove(0);
    let said = format!("550 5.1.1 it said {}", crate::support::app::text_of(&reminder));
    let said = said.replace('\n', " ");
    let raw = report(&reminder, "5.1.1", &said);
    assert_eq!(take_back(&test, &reminder, &raw).await, Came::Suppressed);
    let sql = "SELECT reply FROM outbox WHERE kind = 'reminder'";
    let row = test.app.db.row(sql, args![]).await.unwrap().unwrap();
    assert_eq!(row.get::<String>("reply"), "5.1.1");
});
