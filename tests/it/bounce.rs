//! Mail that comes back: by each way in it finds its customer, and what nobody can make it do.

mod home;
mod hooks;
pub mod lmtp;
mod nothing;
mod page;
mod story;

use doorkey::args;
use doorkey::mail::bounce::Came;
use doorkey::mail::inbound::Taken;

use crate::support::desk::{AGENT, Seat};
use crate::support::smtp_sink::Received;
use crate::support::{Answer, Options, TestApp, both, face::Face};

const ADA: &str = "ada@example.test";

/// A mail that went out to Ada.
async fn mail_to_ada(test: &TestApp) -> Received {
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    let mut mails = test.deliver().await;
    assert_eq!(mails.len(), 1, "one mail");
    mails.remove(0)
}

/// The report of a mail server about a mail, as Postfix writes it.
fn report(mail: &Received, status: &str, said: &str) -> String {
    let action = if status.starts_with('4') { "delayed" } else { "failed" };
    let head = mail.text();
    let (head, _) = head.split_once("\r\n\r\n").unwrap();
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.test (Mail Delivery System)\r\n\
         To: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"B\"\r\n\r\n\
         --B\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n\
         --B\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n\
         Final-Recipient: rfc822; {ADA}\r\nAction: {action}\r\nStatus: {status}\r\n\
         Diagnostic-Code: smtp; {said}\r\n\r\n\
         --B\r\nContent-Type: text/rfc822-headers\r\n\r\n{head}\r\n\r\n--B--\r\n",
        to = mail.from,
    )
}

/// The mailbox is unknown.
pub fn unknown(mail: &Received) -> String {
    report(mail, "5.1.1", &format!("550 5.1.1 <{ADA}>: Recipient address rejected: User unknown"))
}

/// A reader pressed "spam" (RFC 5965).
fn complaint(mail: &Received) -> String {
    report(mail, "5.1.1", "x")
        .replace("report-type=delivery-status", "report-type=feedback-report")
        .replace("message/delivery-status", "message/feedback-report")
        .replace("Reporting-MTA: dns; mx.test\r\n\r\n", "Feedback-Type: abuse\r\nVersion: 1\r\n")
}

/// Takes a message in as the listener does.
async fn take(test: &TestApp, recipient: &str, raw: &str) -> Taken {
    test.app.inbound().take(Some(""), recipient, raw.as_bytes()).await.unwrap()
}

async fn take_back(test: &TestApp, mail: &Received, raw: &str) -> Came {
    match take(test, &mail.from, raw).await {
        Taken::Read(came) => came,
        Taken::Unreadable(why) => panic!("{why}"),
    }
}

/// The outcomes of mails, oldest first.
async fn outcomes(test: &TestApp) -> Vec<String> {
    let sql = "SELECT COALESCE(outcome, '-') AS outcome FROM outbox ORDER BY created_at, id";
    let rows = test.app.db.rows(sql, args![]).await.unwrap();
    rows.iter().map(|row| row.get("outcome")).collect()
}

/// Kinds and details of Ada's timeline, oldest first.
async fn timeline(test: &TestApp) -> Vec<(String, String)> {
    let id = test.customer_id("harbor", ADA).await;
    let sql = "SELECT kind, detail FROM timeline WHERE customer_id = $1 ORDER BY at, id";
    let rows = test.app.db.rows(sql, args![id]).await.unwrap();
    rows.iter().map(|row| (row.get("kind"), row.get("detail"))).collect()
}

async fn kinds(test: &TestApp) -> Vec<String> {
    timeline(test).await.into_iter().map(|(kind, _)| kind).collect()
}

async fn suppressed(test: &TestApp) -> i64 {
    test.count("SELECT COUNT(*) AS n FROM suppression WHERE ended_at IS NULL").await
}

async fn click(test: &TestApp, seat: &mut Seat) -> Answer {
    let id = test.customer_id("harbor", ADA).await;
    seat.post(&format!("/oms/customers/{id}/reminder"), &[]).await
}

/// Lifts what stands against Ada's address, as an agent does on the page.
async fn lift(test: &TestApp) {
    let mut seat = test.seat(AGENT).await;
    let page = seat.get("/oms/email/suppressed").await.body;
    let action = page.split("action=\"").find(|part| part.contains("/lift\"")).expect("a button");
    let path = action.split('"').next().unwrap().to_owned();
    let answer = seat.post(&path, &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(answer.location().ends_with("done=lifted"));
}
