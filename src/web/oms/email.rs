//! Email delivery: how the queue stands, what became of the last mails and what the servers
//! answered, and how well each receiving domain takes them. Addresses are looked up when the page
//! is made, and shown masked; no mail keeps any. Practice mails go nowhere and are left out.

use askama::Template;
use axum::response::Response;

use super::desk::Desk;
use super::frame::{Frame, Section, moment};
use crate::address::mask;
use crate::args;
use crate::clock::{DAY, MINUTE, Micros};
use crate::db::{Db, Result, Row};
use crate::locale::Language;
use crate::web::error::Failure;
use crate::web::page::html;

/// Mails listed.
const LAST: i64 = 50;
/// Mails that the table of domains counts at most, the latest ones: it stays fast on a big day.
const SAMPLE: i64 = 20_000;
/// Domains listed.
const DOMAINS: i64 = 25;

/// How the merchant's queue stands.
struct Queue {
    waiting: i64,
    deferred: i64,
    /// Since when the oldest one waits, as a moment and as a duration.
    oldest: Option<(String, String)>,
    /// When a deferred one is tried next.
    next: Option<String>,
}

/// A mail that came to an end, or that is waiting for its next try.
struct Mail {
    at: String,
    iso: String,
    kind: String,
    store: String,
    customer_id: Option<String>,
    customer: String,
    /// Masked; none where there is no customer (yet).
    recipient: Option<String>,
    outcome: Outcome,
    reply: String,
}

/// What became of a mail: its badge and its words.
struct Outcome {
    badge: &'static str,
    words: String,
}

/// How a receiving domain took mails.
struct Domain {
    name: String,
    accepted: i64,
    failed: i64,
    percent: i64,
}

#[derive(Template)]
#[template(path = "oms/email.html")]
struct Email {
    frame: Frame,
    queue: Queue,
    mails: Vec<Mail>,
    domains: Vec<Domain>,
}

/// Shows the page.
///
/// # Errors
/// What the database says.
pub async fn show(desk: Desk) -> std::result::Result<Response, Failure> {
    let (db, merchant, now) = (&desk.app.db, desk.merchant_id(), desk.now);
    Ok(html(&Email {
        frame: Frame::new(&desk, Section::Email),
        queue: queue(db, merchant, now).await?,
        mails: mails(db, merchant, now).await?,
        domains: domains(db, merchant, now - 7 * DAY).await?,
    }))
}

async fn queue(db: &Db, merchant_id: &str, now: Micros) -> Result<Queue> {
    let row = db
        .row(
            "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest,
                COUNT(CASE WHEN due_at > $2 AND attempts > 0 THEN 1 END) AS deferred,
                MIN(CASE WHEN due_at > $2 AND attempts > 0 THEN due_at END) AS next_at
             FROM outbox WHERE settled_at IS NULL AND merchant_id = $1",
            args![merchant_id, now],
        )
        .await?;
    let Some(row) = row else {
        return Ok(Queue { waiting: 0, deferred: 0, oldest: None, next: None });
    };
    let oldest: Option<i64> = row.get("oldest");
    let age = |at: Micros| match (now - at) / MINUTE {
        0 => "less than a minute".to_owned(),
        minutes => Language::En.duration(minutes * 60),
    };
    Ok(Queue {
        waiting: row.get("waiting"),
        deferred: row.get("deferred"),
        oldest: oldest.map(|at| (moment(at), age(at))),
        next: row.get::<Option<i64>>("next_at").map(moment),
    })
}

/// The latest mails that were tried, those that wait for their next try first.
async fn mails(db: &Db, merchant_id: &str, now: Micros) -> Result<Vec<Mail>> {
    let columns = |row: &Row| mail(row, now);
    let mut found: Vec<_> = db
        .rows(
            "SELECT o.kind, o.created_at AS at, o.due_at, o.outcome, o.reply, o.customer_id,
                s.name AS store, c.last_name, c.email
             FROM outbox o JOIN store s ON s.id = o.store_id
             LEFT JOIN customer c ON c.id = o.customer_id AND c.merchant_id = o.merchant_id
             WHERE o.merchant_id = $1 AND o.settled_at IS NULL AND o.reply IS NOT NULL
                AND c.practice_at IS NULL
             ORDER BY o.due_at, o.id LIMIT $2",
            args![merchant_id, LAST],
        )
        .await?
        .iter()
        .map(columns)
        .collect();
    let settled = db
        .rows(
            "SELECT o.kind, o.settled_at AS at, o.due_at, o.outcome, o.reply, o.customer_id,
                s.name AS store, c.last_name, c.email
             FROM outbox o JOIN store s ON s.id = o.store_id
             LEFT JOIN customer c ON c.id = o.customer_id AND c.merchant_id = o.merchant_id
             WHERE o.merchant_id = $1 AND o.settled_at IS NOT NULL
                AND o.outcome IN ('sent', 'failed', 'expired') AND c.practice_at IS NULL
             ORDER BY o.settled_at DESC, o.id DESC LIMIT $2",
            args![merchant_id, LAST],
        )
        .await?;
    found.extend(settled.iter().map(columns));
    Ok(found)
}

fn mail(row: &Row, now: Micros) -> Mail {
    let at: Micros = row.get("at");
    let kind: String = row.get("kind");
    let email: Option<String> = row.get("email");
    let reply: Option<String> = row.get("reply");
    let outcome: Option<String> = row.get("outcome");
    Mail {
        at: moment(at),
        iso: jiff::Timestamp::from_microsecond(at).map(|at| at.to_string()).unwrap_or_default(),
        kind: kind_words(&kind),
        store: row.get("store"),
        customer_id: row.get::<Option<String>>("last_name").and(row.get("customer_id")),
        customer: row.get::<Option<String>>("last_name").unwrap_or_default(),
        recipient: email.map(|email| mask(&email)),
        outcome: outcome_words(outcome.as_deref(), row.get("due_at"), now),
        reply: without_addresses(&reply.unwrap_or_default()),
    }
}

/// A kind of mail in words. One that this page does not know yet is said as it is stored.
fn kind_words(kind: &str) -> String {
    match kind {
        "recovery" => "Recovery link",
        "password_changed" => "Notice: password changed",
        "address_confirm" => "Confirm a new address",
        "address_notice" => "Notice: new address asked for",
        "registration" => "Registration",
        "reminder" => "Reminder by staff",
        "staff_invitation" => "Staff: invitation",
        "staff_reset" => "Staff: new access",
        "test_mail" => "Test mail",
        "staff_recovery" => "Staff: forgotten password",
        "staff_password_changed" => "Staff: password changed",
        other => return other.replace('_', " "),
    }
    .to_owned()
}

fn outcome_words(outcome: Option<&str>, due_at: Micros, now: Micros) -> Outcome {
    let (badge, words) = match outcome {
        Some("sent") => ("good", "Accepted".to_owned()),
        Some("failed") => ("bad", "Refused".to_owned()),
        Some("expired") => ("bad", "Given up".to_owned()),
        _ if due_at > now => ("warn", format!("Deferred; next try {}", moment(due_at))),
        _ => ("idle", "Being tried again".to_owned()),
    };
    Outcome { badge, words }
}

/// A server's answer with the addresses in it masked: it often repeats the recipient's.
pub(super) fn without_addresses(reply: &str) -> String {
    let is_part = |c: char| !c.is_whitespace() && !"<>()[],;:\"'".contains(c);
    let mut text = String::with_capacity(reply.len());
    let mut rest = reply;
    while let Some(at) = rest.find('@') {
        let start = rest[..at]
            .rfind(|c| !is_part(c))
            .map_or(0, |i| i + rest[i..].chars().next().map_or(1, char::len_utf8));
        let end = rest[at + 1..].find(|c| !is_part(c)).map_or(rest.len(), |i| at + 1 + i);
        text.push_str(&rest[..start]);
        text.push_str(&mask(&rest[start..end]));
        rest = &rest[end..];
    }
    text + rest
}

/// The receiving domains of the latest mails since `since`, the busiest first. Mails to people who
/// are no customers (yet) are not among them: nothing says where those went.
async fn domains(db: &Db, merchant_id: &str, since: Micros) -> Result<Vec<Domain>> {
    // What RTRIM leaves ends with the @: a domain consists of these characters, by the parser.
    let rows = db
        .rows(
            "SELECT domain, COUNT(CASE WHEN outcome = 'sent' THEN 1 END) AS accepted,
                COUNT(CASE WHEN outcome <> 'sent' THEN 1 END) AS failed
             FROM (
                SELECT o.outcome, SUBSTR(c.email_key, LENGTH(RTRIM(c.email_key,
                    'abcdefghijklmnopqrstuvwxyz0123456789-.')) + 1) AS domain
                FROM outbox o JOIN customer c ON c.id = o.customer_id
                    AND c.merchant_id = o.merchant_id AND c.practice_at IS NULL
                WHERE o.merchant_id = $1 AND o.settled_at >= $2
                    AND o.outcome IN ('sent', 'failed', 'expired')
                ORDER BY o.settled_at DESC LIMIT $3
             ) AS latest
             GROUP BY domain ORDER BY COUNT(*) DESC, domain LIMIT $4",
            args![merchant_id, since, SAMPLE, DOMAINS],
        )
        .await?;
    let domain = |row: &Row| {
        let (accepted, failed): (i64, i64) = (row.get("accepted"), row.get("failed"));
        // Rounded down: 100 % says that none failed.
        let percent = accepted * 100 / (accepted + failed).max(1);
        Domain { name: row.get("domain"), accepted, failed, percent }
    };
    Ok(rows.iter().map(domain).collect())
}

#[cfg(test)]
mod tests {
    use super::without_addresses;

    #[test]
    fn an_answer_never_names_the_recipient() {
        for (reply, shown) in [
            ("250 2.0.0 ok queued as 1A2B", "250 2.0.0 ok queued as 1A2B"),
            ("550 <ada@example.test>: unknown", "550 <a•••@e•••.test>: unknown"),
            (
                "550 ada@example.test unknown, not ben@b.test",
                "550 a•••@e•••.test unknown, not b•••@b•••.test",
            ),
            ("ada@example.test", "a•••@e•••.test"),
            ("451 rcpt=ada@example.test", "451 r•••@e•••.test"),
            ("@", "•••@•••."),
            ("ü@é x", "ü•••@é•••. x"),
        ] {
            assert_eq!(without_addresses(reply), shown);
        }
    }
}
