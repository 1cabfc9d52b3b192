//! What becomes of the mail never shows in the answer to whoever asked.

use std::time::Duration;

use doorkey::args;

use super::{ADA, Face, Options, TestApp, both};
use crate::support::app::Database;
use crate::support::smtp_sink::{Certificate, Fault, Plan, Step, Tls};

/// A mail server that is broken in some way, and what staff get to see of it.
fn broken() -> Vec<(&'static str, Plan, &'static str)> {
    let fault = |step, reply| Plan::accept().at(step, Fault::Reply(reply));
    let tls = |certificate| Plan::accept().tls(Tls::Start(certificate));
    let (deferred, failed) = ("mail_deferred", "mail_failed");
    vec![
        ("refuses connections", Plan::closed(), deferred),
        ("greets with 421", fault(Step::Connect, "421 4.3.2 closing"), deferred),
        ("knows no such user", fault(Step::Recipient, "550 5.1.1 unknown"), failed),
        ("defers", fault(Step::Recipient, "451 4.3.0 later"), deferred),
        ("refuses the content", fault(Step::Content, "554 5.7.1 spam"), failed),
        ("drops the connection", Plan::accept().at(Step::Content, Fault::Drop), deferred),
        ("vouches for itself", tls(Certificate::SelfSigned), deferred),
        ("is another host", tls(Certificate::WrongName), deferred),
    ]
}

async fn ask(test: &TestApp) -> [Face; 2] {
    let known = test.browser().forgot("harbor", ADA).await;
    let unknown = test.browser().forgot("harbor", "nobody@example.test").await;
    assert_eq!(known.status, 202);
    [Face::of(&known), Face::of(&unknown)]
}

async fn healthy(db: Database) -> Face {
    let test = TestApp::start(db).await;
    let [known, unknown] = ask(&test).await;
    assert_eq!(known, unknown);
    assert_eq!(test.deliver().await.len(), 1, "a healthy server takes the mail");
    known
}

both!(a_broken_mail_server_changes_no_answer, |db| async move {
    let usual = healthy(db).await;
    for (what, plan, seen) in broken() {
        let tls = if plan.tls == Tls::None { "none" } else { "required" };
        let test = TestApp::with(Options::new(db).plan(plan).set("smtp.tls", tls)).await;
        for _ in 0..2 {
            // The second time, the failure is known to the worker.
            for face in ask(&test).await {
                assert_eq!(face, usual, "the mail server {what}");
            }
            assert!(test.deliver().await.is_empty(), "the mail server {what}");
            test.wait(61);
        }
        let sql = "SELECT t.id FROM timeline t JOIN customer c ON c.id = t.customer_id
                   WHERE c.number = 'H-1001' AND t.kind = $1";
        let seen = test.app.db.rows(sql, args![seen]).await.unwrap();
        assert!(!seen.is_empty(), "staff see that the mail server {what}");
    }
});

both!(a_mail_server_that_stalls_holds_up_nobody_who_asks, |db| async move {
    let usual = healthy(db).await;
    let minute = Duration::from_secs(60);
    let plan = Plan::accept().at(Step::Hello, Fault::Stall(minute));
    let test = TestApp::with(Options::new(db).plan(plan)).await;
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    let worker = test.worker.clone();
    let sending = tokio::spawn(async move { worker.drain().await });
    test.sink.wait_for_command("EHLO").await;
    for face in ask(&test).await {
        assert_eq!(face, usual);
    }
    assert!(!sending.is_finished(), "the worker is stalled, not the visitors");
    sending.abort();
});
