//! Every kind of trouble with the mail server: the customer's answer never changes, the mail is
//! tried again or given up, and the timeline says which.

use std::time::Duration;

use doorkey::args;

use super::{Second, blanked, newest, timeline};
use crate::support::app::reset_link;
use crate::support::smtp_sink::Fault::{Drop, DropRecorded, Reply, ReplyRecorded, Stall};
use crate::support::smtp_sink::{Plan, Step};
use crate::support::{Options, TestApp, both};

/// What becomes of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Sent,
    Deferred,
    Failed,
}
use Fate::{Deferred, Failed, Sent};

fn troubles() -> Vec<(&'static str, Plan, Fate)> {
    let at = |step, fault| Plan::accept().at(step, fault);
    let slow = Plan { delay: Duration::from_millis(10), ..Plan::accept() };
    let long = Duration::from_secs(20);
    vec![
        ("accepts", Plan::accept(), Sent),
        ("delays every answer", slow, Sent),
        ("refuses connections", Plan::closed(), Deferred),
        ("is too busy", at(Step::Connect, Reply("421 4.3.2 too busy")), Deferred),
        ("does not serve us", at(Step::Connect, Reply("554 5.3.2 go away")), Deferred),
        ("hangs up at once", at(Step::Connect, Drop), Deferred),
        ("says nothing", at(Step::Connect, Stall(long)), Deferred),
        ("dislikes our name", at(Step::Hello, Reply("550 5.7.1 who?")), Deferred),
        ("greylists the sender", at(Step::Mail, Reply("451 4.7.1 later")), Deferred),
        ("refuses the sender", at(Step::Mail, Reply("550 5.7.1 bad sender")), Deferred),
        ("greylists", at(Step::Recipient, Reply("451 4.7.1 greylisted")), Deferred),
        ("has a full mailbox", at(Step::Recipient, Reply("452 4.2.2 full")), Deferred),
        ("knows no such mailbox", at(Step::Recipient, Reply("550 5.1.1 no such user")), Failed),
        ("hangs up at the recipient", at(Step::Recipient, Drop), Deferred),
        ("takes no content", at(Step::Data, Reply("554 5.7.1 no")), Failed),
        ("hangs up at DATA", at(Step::Data, Drop), Deferred),
        ("stalls at DATA", at(Step::Data, Stall(long)), Deferred),
        ("has no disk", at(Step::Content, Reply("451 4.3.0 disk full")), Deferred),
        ("thinks it is spam", at(Step::Content, ReplyRecorded("550 5.7.1 spam")), Failed),
        ("hangs up after the content", at(Step::Content, Drop), Deferred),
        ("keeps the mail and hangs up", at(Step::Content, DropRecorded), Deferred),
        ("keeps the mail and stalls", at(Step::Content, Stall(long)), Deferred),
    ]
}

both!(no_trouble_with_mail_changes_an_answer_and_none_goes_unnoticed, |db| async move {
    let test = TestApp::with(Options::new(db).set("smtp.timeout", 1)).await;
    let expected = blanked(&test.browser().forgot("harbor", "nobody@example.test").await);
    assert_eq!(expected.0, 202);
    test.deliver().await;
    let mut arrived = 0;
    for (n, (trouble, plan, fate)) in troubles().into_iter().enumerate() {
        let email = format!("customer{n}@example.test");
        test.add_customer("harbor", &email, None).await;
        test.sink.set(plan).await;
        let answer = test.browser().forgot("harbor", &email).await;
        assert_eq!(blanked(&answer), expected, "a server that {trouble}");
        test.deliver().await;
        // While it is in trouble, too.
        let again = test.browser().forgot("harbor", "nobody@example.test").await;
        assert_eq!(blanked(&again), expected, "a server that {trouble}");

        let last = timeline(&test, &email).await.pop().unwrap();
        let detail = last.1.to_string();
        let row = newest_of(&test, &email).await;
        match fate {
            Sent => assert_eq!((&*last.0, row.0.as_deref()), ("mail_accepted", Some("sent"))),
            Deferred => assert_eq!((&*last.0, row.0.as_deref()), ("mail_deferred", None)),
            Failed => assert_eq!((&*last.0, row.0.as_deref()), ("mail_failed", Some("failed"))),
        }
        let reply = row.1.unwrap();
        assert!(!reply.is_empty() && detail.contains(reply.trim()), "{trouble}: {detail}");
        test.sink.set(Plan::accept()).await;
        test.app.smtp.as_ref().unwrap().close().await;
        // When it is over, what waited arrives.
        test.wait(61);
        for mail in test.deliver().await {
            assert_eq!(test.browser().open_link(&reset_link(&mail)).await.status, 200, "{trouble}");
            arrived += 1;
        }
        test.app.smtp.as_ref().unwrap().close().await;
    }
    assert_eq!(arrived, troubles().iter().filter(|(_, _, fate)| *fate == Deferred).count());
    assert_eq!(test.waiting().await, 0);
});

/// Outcome and reply of the mail about a customer.
async fn newest_of(test: &TestApp, email: &str) -> (Option<String>, Option<String>) {
    let sql = "SELECT outcome, reply FROM outbox WHERE customer_id =
               (SELECT id FROM customer WHERE email_key = $1)";
    let row = test.app.db.row(sql, args![email]).await.unwrap().unwrap();
    (row.get("outcome"), row.get("reply"))
}

both!(without_a_mail_server_mail_waits_and_readiness_says_so, |db| async move {
    let test = TestApp::start(db).await;
    let without = Second::start(&test, |config| config.smtp.url = None).await;
    let expected = blanked(&test.browser().forgot("harbor", "nobody@example.test").await);
    test.deliver().await;
    let answer = without.browser().forgot("harbor", "ada@example.test").await;
    assert_eq!(blanked(&answer), expected);

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let worker = without.worker.clone();
    let running = tokio::spawn(async move { worker.run(stopped).await });
    while without.app.worker_alive_at.load(std::sync::atomic::Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let (status, body) = readiness(&without.app).await;
    assert_eq!(status, 503);
    assert_eq!(body["wrong"], serde_json::json!(["no mail server is set: set smtp.url"]));
    stop.send(true).unwrap();
    running.await.unwrap();
    let row = newest(&test).await;
    assert_eq!((row.outcome, row.attempts), (None, 0), "it was not even tried");

    // With one it leaves, however late.
    test.wait(3600);
    assert_eq!(test.deliver().await.len(), 1);
});

both!(readiness_tells_what_is_missing, |db| async move {
    let test = TestApp::with(Options::new(db).plan(Plan::closed())).await;
    let alive = || {
        let at = &test.app.worker_alive_at;
        at.store(test.clock.now(), std::sync::atomic::Ordering::Relaxed);
    };
    alive();
    assert_eq!(readiness(&test.app).await.0, 200);
    test.browser().forgot("harbor", "ada@example.test").await;
    test.wait(59);
    alive();
    let (status, body) = readiness(&test.app).await;
    assert_eq!((status, &body["oldest_waiting_seconds"]), (200, &59.into()));
    test.wait(2);
    let (status, body) = readiness(&test.app).await;
    assert_eq!((status, body["wrong"][0].as_str()), (503, Some(OVERDUE)));
    test.wait(60);
    let (status, body) = readiness(&test.app).await;
    assert_eq!((status, body["wrong"][0].as_str()), (503, Some("the mail worker has stopped")));
    assert_eq!(body["wrong"][1].as_str(), Some(OVERDUE));
    test.sink.set(Plan::accept()).await;
    assert_eq!(test.deliver().await.len(), 1);
    alive();
    assert_eq!(readiness(&test.app).await.0, 200);
});

const OVERDUE: &str = "mail has been due for more than a minute";

async fn readiness(app: &doorkey::app::App) -> (u16, serde_json::Value) {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
    let router = doorkey::web::ops::router(app.clone(), metrics, true);
    let answer = crate::support::Browser::new(router).get("/readyz").await;
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}
