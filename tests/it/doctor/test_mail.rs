//! Test mails: sent over a real SMTP server, changed on the way, pasted back.

use doorkey::mail::dkim;
use doorkey::mail::test_mail::LONGEST;

use super::{DOMAIN, Ward};
use crate::support::app::text_of;
use crate::support::both;
use crate::support::desk::{ADMIN, AGENT, Seat, VIEWER};
use crate::support::smtp_sink::Received;

/// Sends one to a mailbox and gives its page and the mail as the server got it.
async fn sent(ward: &Ward, seat: &mut Seat) -> (String, Received) {
    let store = ward.test.store("harbor").id.clone();
    let fields = [("store", &*store), ("to", "address"), ("address", "me@mailbox.test")];
    let answer = seat.post("/oms/email/test", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let mails = ward.test.deliver().await;
    assert_eq!(mails.len(), 1, "one mail");
    (answer.location().to_owned(), mails[0].clone())
}

async fn paste(seat: &mut Seat, page: &str, source: &str) -> (u16, String) {
    let answer = seat.post(page, &[("source", source)]).await;
    match answer.status {
        303 => (303, seat.get(page).await.body),
        status => (status, answer.body),
    }
}

/// A domain whose mail is signed, with its records published.
async fn signed(ward: &Ward) {
    ward.dns.healthy(DOMAIN);
    ward.sign(ward.test.clock.now()).await;
    let keys = dkim::of_domain(&ward.test.app.db, &ward.merchant(), DOMAIN).await.unwrap();
    for key in keys {
        let record = key.record();
        ward.dns.txt(&record.name, &record.value);
    }
}

/// What receiving servers put on top.
fn stamped(raw: &str, seconds: i64, now: i64) -> String {
    let date = |at: i64| {
        let at = jiff::Timestamp::from_microsecond(at).unwrap();
        at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
    };
    let (late, early) = (date(now + seconds * 1_000_000), date(now + 2_000_000));
    format!(
        "Authentication-Results: mx.mailbox.test;\r\n spf=pass smtp.mailfrom={DOMAIN};\r\n \
         dkim=pass (good) header.d={DOMAIN}; dmarc=pass\r\n\
         Received: from relay.test by mx.mailbox.test; {late}\r\n\
         Received: from shop by relay.test; {early}\r\n{raw}"
    )
}

both!(a_mail_that_arrives_whole_is_all_fine, |db| async move {
    let ward = Ward::open(db).await;
    signed(&ward).await;
    let mut seat = ward.test.seat(AGENT).await;
    let (page, mail) = sent(&ward, &mut seat).await;
    assert_eq!(mail.recipients, ["me@mailbox.test"]);
    let text = text_of(&mail);
    let link = text.lines().find(|line| line.starts_with("http")).expect("a line of its own");
    assert!(link.contains("/login?test="), "{link}");
    assert_eq!(ward.test.browser().get(link).await.status, 200, "it opens the login page");
    let waiting = seat.get(&page).await.body;
    assert!(waiting.contains("Accepted by the mail server"), "{waiting}");
    assert!(!waiting.contains("me@mailbox.test"), "shown masked: {waiting}");
    let source = stamped(&mail.text(), 5, ward.test.clock.now());
    let (status, body) = paste(&mut seat, &page, &source).await;
    assert_eq!(status, 303);
    for words in [
        "The link arrived as it was sent",
        "Every header arrived",
        "Nothing was added that matters",
        "The texts arrived as they were sent",
        "mx.mailbox.test says: spf pass, dkim pass, dmarc pass",
        "2 signatures of shop.test arrived whole",
        "It took 5 seconds. By hop: relay.test 2 s, mx.mailbox.test 3 s.",
    ] {
        assert!(body.contains(words), "{words:?} is missing: {body}");
    }
    assert!(body.contains("Came back: fine"), "{body}");
    let noted = "SELECT COUNT(*) AS n FROM activity WHERE action = 'mail.test_sent'
                 AND detail NOT LIKE '%mailbox%'";
    assert_eq!(ward.test.count(noted).await, 1, "noted, without the address");
});

both!(what_was_done_to_a_mail_on_the_way_is_named, |db| async move {
    let ward = Ward::open(db).await;
    signed(&ward).await;
    let mut seat = ward.test.seat(AGENT).await;
    let (page, mail) = sent(&ward, &mut seat).await;
    let raw = mail.text();
    let text = text_of(&mail);
    let link = text.lines().find(|line| line.starts_with("http")).unwrap().to_owned();
    let escaped = link.replace(':', "%3A").replace('/', "%2F").replace('=', "%3D");
    let tracked = raw.replace(&link, &format!("https://click.evil.test/?u={escaped}"));
    let opaque = raw.replace(&format!("href=\"{link}\""), "href=\"https://click.evil.test/x9\"");
    let footer = raw.replace("Nobody has to do", "EXTERNAL MAIL! Nobody has to do");
    let added = format!("List-Unsubscribe: <mailto:x@y.test>\r\n{raw}");
    let from = raw.replace("From: \"Harbor Coffee\"", "From: \"[EXTERNAL] Harbor Coffee\"");
    let failed = stamped(&raw, 5, ward.test.clock.now())
        .replace("spf=pass", "spf=fail")
        .replace("dmarc=pass", "dmarc=fail");
    let late = stamped(&raw, 400, ward.test.clock.now());
    let spam = format!("X-Spam-Flag: YES\r\n{raw}");
    let cases = [
        (&tracked, "the link was rewritten: it leads to click.evil.test now"),
        (&opaque, "In the HTML part the link was rewritten"),
        (&footer, "changed on the way"),
        (&footer, "The signature is broken"),
        (&added, "Added on the way: list-unsubscribe"),
        (&from, "Changed on the way: From"),
        (&failed, "spf fail, dkim pass, dmarc fail"),
        (&late, "It took 400 seconds"),
        (&spam, "takes it for spam"),
    ];
    for (source, words) in cases {
        assert_ne!(*source, raw, "{words}");
        let (status, body) = paste(&mut seat, &page, source).await;
        assert_eq!(status, 303, "{body}");
        assert!(body.contains(words), "{words:?} is missing: {body}");
    }
    // Not signed at all.
    let mut signature = false;
    let unsigned = |line: &&str| {
        let goes_on = line.starts_with([' ', '\t']);
        signature = line.starts_with("DKIM-Signature:") || (signature && goes_on);
        !signature
    };
    let bare = raw.split("\r\n").filter(unsigned).collect::<Vec<_>>().join("\r\n");
    let (_, body) = paste(&mut seat, &page, &bare).await;
    assert!(body.contains("carries no DKIM signature"), "{body}");
});

both!(what_is_not_this_mail_is_refused, |db| async move {
    let ward = Ward::open(db).await;
    ward.dns.healthy(DOMAIN);
    let mut seat = ward.test.seat(AGENT).await;
    let (page, mail) = sent(&ward, &mut seat).await;
    let (other, _) = sent(&ward, &mut seat).await;
    let refusals = [
        (String::new(), "cannot be compared"),
        ("Subject: Test mail\r\n\r\nx".into(), "subject is not that"),
        ("\u{0}\u{1b}[31m <script>alert(1)</script>".into(), "cannot be compared"),
        (format!("{}{}", mail.text(), "x".repeat(LONGEST)), "longer than any test mail"),
    ];
    for (source, words) in refusals {
        let (status, body) = paste(&mut seat, &page, &source).await;
        assert_eq!(status, 422, "{words}");
        assert!(body.contains(words) && !body.contains("<script>alert"), "{words}: {body}");
    }
    let (status, body) = paste(&mut seat, &other, &mail.text()).await;
    assert!(status == 422 && body.contains("subject is not that"), "another test mail's: {body}");
    assert_eq!(paste(&mut seat, &page, &mail.text()).await.0, 303, "the control");
    let mut viewer = ward.test.seat(VIEWER).await;
    assert_eq!(viewer.post(&page, &[("source", "x")]).await.status, 403);
    assert_eq!(viewer.get(&page).await.status, 200);
});

both!(test_mails_are_limited_for_each_member_of_staff, |db| async move {
    let ward = Ward::open(db).await;
    ward.dns.healthy(DOMAIN);
    let (mut agent, mut admin) = (ward.test.seat(AGENT).await, ward.test.seat(ADMIN).await);
    let store = ward.test.store("harbor").id.clone();
    let foreign = ward.test.store("northwind").id.clone();
    let post = async |seat: &mut Seat, store: &str, address: &str| {
        let fields = [("store", store), ("to", "address"), ("address", address)];
        seat.post("/oms/email/test", &fields).await
    };
    assert_eq!(post(&mut agent, &store, "nobody").await.status, 422);
    assert_eq!(post(&mut agent, &foreign, "me@mailbox.test").await.status, 422);
    let home = agent.post("/oms/email/test", &[("store", &store), ("to", "home")]).await;
    assert_eq!(home.status, 422, "without a listener nothing comes home");
    for _ in 0..10 {
        assert_eq!(post(&mut agent, &store, "me@mailbox.test").await.status, 303);
    }
    let refused = post(&mut agent, &store, "me@mailbox.test").await;
    assert!(refused.status == 422 && refused.body.contains("many test mails"), "{}", refused.body);
    assert_eq!(post(&mut admin, &store, "me@mailbox.test").await.status, 303, "each their own");
    assert_eq!(ward.test.deliver().await.len(), 11);
    ward.test.wait(3600);
    let mut agent = ward.test.seat(AGENT).await;
    assert_eq!(post(&mut agent, &store, "me@mailbox.test").await.status, 303);
    ward.test.deliver().await;
});
