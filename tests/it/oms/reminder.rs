//! The envelope: from the agent's click to the customer being logged in, in each form, and every way
//! in which nothing may be sent.

mod life;
mod limits;
mod refused;
mod story;

use crate::support::desk::{AGENT, Seat};
use crate::support::smtp_sink::Received;
use crate::support::{Answer, TestApp, app};

const ADA: &str = "ada@example.test";
const NEW: &str = "a brand new teapot";

/// What the merchant of the sample stores sends.
async fn set_mode(test: &TestApp, mode: &str) {
    let sql = "UPDATE merchant SET reminder_mode = $1 WHERE key = 'harbor-goods'";
    test.app.db.exec(sql, doorkey::args![mode]).await.unwrap();
}

/// Clicks the envelope on Ada's record.
async fn click(test: &TestApp, seat: &mut Seat, fields: &[(&str, &str)]) -> Answer {
    let id = test.customer_id("harbor", ADA).await;
    seat.post(&format!("/oms/customers/{id}/reminder"), fields).await
}

/// Clicks, and gives the one mail that went out.
async fn sent(test: &TestApp, seat: &mut Seat) -> Received {
    let answer = click(test, seat, &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(answer.location().contains("?sent="), "{}", answer.location());
    let mut mails = test.deliver().await;
    assert_eq!(mails.len(), 1, "one mail");
    mails.remove(0)
}

/// The temporary password of a mail, which stands alone on its line.
fn temporary_of(mail: &Received) -> String {
    let text = app::text_of(mail);
    let is_one = |line: &&str| {
        // A link has hyphens too, as many as chance gave its token.
        let words = line.split('-').count() == 6
            && line.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let letters = line.len() == 16 && line.bytes().all(|b| b.is_ascii_alphanumeric());
        words || letters
    };
    let found: Vec<_> = text.lines().filter(is_one).collect();
    assert_eq!(found.len(), 1, "{text}");
    found[0].to_owned()
}

/// A temporary password that an agent has sent to Ada.
async fn temporary(test: &TestApp) -> String {
    let mut seat = test.seat(AGENT).await;
    temporary_of(&sent(test, &mut seat).await)
}

/// The entries of Ada's timeline, oldest first, as `kind detail`.
async fn timeline(test: &TestApp) -> Vec<String> {
    let id = test.customer_id("harbor", ADA).await;
    let sql = "SELECT kind, detail FROM timeline WHERE customer_id = $1 ORDER BY at, id";
    let rows = test.app.db.rows(sql, doorkey::args![id]).await.unwrap();
    rows.iter()
        .map(|row| format!("{} {}", row.get::<String>("kind"), row.get::<String>("detail")))
        .collect()
}

/// How often an action stands in the activity, and how often as an alert.
async fn acts(test: &TestApp, action: &str) -> (i64, i64) {
    let sql = "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(alert), 0) AS BIGINT) AS alerts
               FROM activity WHERE action = $1";
    let row = test.app.db.row(sql, doorkey::args![action]).await.unwrap().unwrap();
    (row.get("n"), row.get("alerts"))
}
