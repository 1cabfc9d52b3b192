//! Email delivery, as staff see it.

mod act;
mod filter;

use doorkey::mail::outbox;

use crate::support::app::Options;
use crate::support::desk::{AGENT, VIEWER};
use crate::support::smtp_sink::{Fault, Plan, Step};
use crate::support::{TestApp, both};

const ADA: &str = "ada@example.test";
const BEN: &str = "ben@example.test";

/// What the page says of so many waiting mails.
fn queue(count: usize) -> String {
    format!("Queue now <span class=\"badge idle\">{count}</span>")
}

both!(the_page_shows_the_queue_and_what_the_servers_answered, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    let page = seat.get("/oms/email").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("No mail was tried yet") && page.body.contains(&queue(0)));

    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    test.wait(120);
    let page = seat.get("/oms/email").await.body;
    assert!(page.contains(&queue(1)) && page.contains("<dt>Queued</dt><dd>1 <span"), "{page}");
    assert!(page.contains("2 minutes <span class=\"muted\">since"), "{page}");
    assert_eq!(test.deliver().await.len(), 1);
    let page = seat.get("/oms/email").await.body;
    assert!(page.contains(&queue(0)) && page.contains("everything was sent"));
    let ada = test.customer_id("harbor", ADA).await;
    for shown in [
        &*format!("<a href=\"/oms/customers/{ada}\">Marsh</a>"),
        "a•••@e•••.test",
        "Recovery link",
        "Accepted</span>",
        "example.test</th><td class=\"num\">1</td><td class=\"num\">0</td>",
        "100 %",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }

    // Refused, with an answer that names the recipient.
    let refusal = Fault::Reply("550 5.1.1 <ben@example.test> is unknown here");
    test.sink.set(Plan::accept().at(Step::Recipient, refusal)).await;
    test.browser().forgot("harbor", BEN).await;
    assert!(test.deliver().await.is_empty());
    // Deferred.
    test.wait(120);
    let later = Fault::Reply("451 4.3.0 come back later");
    test.sink.set(Plan::accept().at(Step::Recipient, later)).await;
    test.browser().forgot("harbor", ADA).await;
    assert!(test.deliver().await.is_empty());
    let page = seat.get("/oms/email").await.body;
    for shown in [
        "550 5.1.1 &#60;b•••@e•••.test&#62; is unknown here",
        "Refused</span>",
        "Deferred</span><br><span class=\"muted\">next try",
        "451 4.3.0 come back later",
        "<dt>Deferred</dt><dd>1",
        "example.test</th><td class=\"num\">1</td><td class=\"num\">1</td>",
        "50 %",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    for who in [AGENT, VIEWER] {
        let page = test.seat(who).await.get("/oms/email").await.body;
        assert!(page.contains("a•••@e•••.test"), "the control");
        assert!(!page.contains(ADA) && !page.contains(BEN), "{page}");
    }
    // A week later they are no measure of anything any more.
    test.wait(8 * 86_400);
    let page = test.seat(AGENT).await.get("/oms/email").await.body;
    assert!(page.contains("No mail was delivered in the last 7 days"), "{page}");
});

both!(another_merchants_mail_is_not_seen, |db| async move {
    let test = TestApp::start(db).await;
    assert_eq!(test.browser().forgot("northwind", ADA).await.status, 202);
    let mut seat = test.seat(AGENT).await;
    assert!(seat.get("/oms/email").await.body.contains(&queue(0)));
    assert_eq!(test.deliver().await.len(), 1);
    let page = seat.get("/oms/email").await.body;
    assert!(page.contains("No mail was tried yet"), "{page}");
    assert!(page.contains("No mail was delivered in the last 7 days"), "{page}");
});

both!(every_page_says_when_mail_does_not_leave, |db| async move {
    let test = TestApp::start(db).await;
    let late = "Mail is late";
    test.browser().forgot("harbor", ADA).await;
    let mut seat = test.seat(AGENT).await;
    test.wait(59);
    test.app.look_at_queue().await.unwrap();
    assert!(!seat.get("/oms/activity").await.body.contains(late), "nobody was kept waiting yet");
    test.wait(2);
    for path in ["/oms/activity", "/oms/numbers", "/oms/email"] {
        let page = seat.get(path).await.body;
        assert!(page.contains(late) && page.contains("role=\"status\""), "{path}: {page}");
    }
    // A mail server that says "later" is no worker that is down.
    test.sink.set(Plan::accept().at(Step::Recipient, Fault::Reply("451 4.3.0 later"))).await;
    assert!(test.deliver().await.is_empty());
    test.app.look_at_queue().await.unwrap();
    let waiting = outbox::waiting(&test.app.db, test.clock.now()).await.unwrap();
    assert_eq!((waiting.count, waiting.oldest_due_at), (1, None));
    assert!(!seat.get("/oms/activity").await.body.contains(late));
});

both!(every_page_says_when_no_mail_server_is_set, |db| async move {
    let mut test = TestApp::start(db).await;
    let text = "No mail server is configured";
    assert!(!test.seat(AGENT).await.get("/oms/email").await.body.contains(text), "the control");
    let other = TestApp::with(Options::new(db)).await;
    let mut config = (*other.app.config).clone();
    config.smtp.url = None;
    let (db, clock) = (other.app.db.clone(), other.clock.clone());
    let secret = doorkey::secret::Secret::new([42; 32]);
    let params = crate::support::app::cheap();
    let app = doorkey::app::App::build(config, db, clock, &secret, params).await.unwrap();
    test.router = doorkey::web::entrance(&app, None, axum::Router::new()).into();
    let mut seat = other.seat(AGENT).await;
    let mut browser = test.browser();
    browser.set_cookie("doorkey-staff", seat.browser.cookie("doorkey-staff").unwrap(), "/");
    seat.browser = browser;
    assert!(seat.get("/oms/email").await.body.contains(text));
});
