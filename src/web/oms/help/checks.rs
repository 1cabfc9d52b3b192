//! What Doorkey can tell right now about the merchant's mail: read from the queue and from what the
//! doctor found last; nothing is sent and nobody is asked.

use super::super::desk::Desk;
use super::super::frame::moment;
use crate::args;
use crate::clock::{MINUTE, Micros};
use crate::db::{Db, Result};
use crate::mail::doctor::kept::{self, Kept};
use crate::mail::doctor::{self, Level};
use crate::tutorial;

/// How long a mail may be due before something is wrong: longer than any greylisting's first wait
/// would be a guess, shorter would cry wolf at every restart.
const LATE: Micros = 5 * MINUTE;

/// The checks of one merchant.
pub struct Checks {
    /// In order of what to look at first.
    pub lines: Vec<Line>,
    /// Sender domains with the doctor's verdicts.
    pub senders: Vec<Sender>,
}

/// A sender domain.
pub struct Sender {
    /// The domain.
    pub domain: String,
    /// The stores that send from it.
    pub stores: String,
    /// The doctor's verdict; none where it has not looked yet.
    pub level: Option<Level>,
    /// The one thing to do next; none where all is well.
    pub next: Option<String>,
    /// When the doctor looked.
    pub checked: Option<String>,
}

impl Sender {
    fn new(domain: String, sender: &doctor::Sender, kept: Option<&Kept>) -> Self {
        let worst = kept.and_then(|kept| kept.findings.worst());
        let next = |check: &doctor::Check| match &check.todo {
            Some(todo) => format!("{} {todo}", check.found),
            None => check.found.clone(),
        };
        Self {
            domain,
            stores: sender.stores.join(", "),
            level: kept.map(|kept| kept.findings.level()),
            next: worst.map(next),
            checked: kept.map(|kept| moment(kept.seen_at)),
        }
    }
}

/// One check.
pub struct Line {
    /// `good`, `warn`, `bad` or `idle`: how it looks.
    pub class: &'static str,
    /// The same in a word.
    pub verdict: &'static str,
    /// What was found, and what to do.
    pub text: String,
}

impl Line {
    fn good(text: impl Into<String>) -> Self {
        Self { class: "good", verdict: "fine", text: text.into() }
    }

    fn warn(text: impl Into<String>) -> Self {
        Self { class: "warn", verdict: "look", text: text.into() }
    }

    fn bad(text: impl Into<String>) -> Self {
        Self { class: "bad", verdict: "wrong", text: text.into() }
    }

    fn idle(text: impl Into<String>) -> Self {
        Self { class: "idle", verdict: "not yet", text: text.into() }
    }
}

impl Checks {
    /// Looks at the merchant's queue, last sends and senders.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of(desk: &Desk) -> Result<Self> {
        let (db, merchant) = (&desk.app.db, desk.merchant_id());
        let stores = desk.app.stores.list();
        let own: Vec<_> = stores.iter().filter(|s| s.merchant_id == merchant).collect();
        let mut senders = Vec::new();
        for (domain, sender) in doctor::domains(&stores, merchant) {
            let kept = kept::latest(db, merchant, &domain).await?;
            senders.push(Sender::new(domain, &sender, kept.as_ref()));
        }
        let mut last = None;
        for store in &own {
            last = last.max(last_accepted(db, &store.id).await?);
        }
        let lines = vec![
            server(desk),
            queue(db, merchant, desk.now).await?,
            match last {
                Some(at) => Line::good(format!(
                    "A mail server last accepted a mail of yours at {}.",
                    moment(at)
                )),
                None => Line::idle(
                    "No mail of yours has been accepted in the last month. Send yourself a reminder.",
                ),
            },
            refusals(db, merchant).await?,
        ];
        Ok(Self { lines, senders })
    }

    /// Whether there is nothing left to do.
    pub fn all_green(&self) -> bool {
        let open = |line: &Line| matches!(line.class, "warn" | "bad");
        !self.lines.iter().any(open)
            && self.senders.iter().all(|sender| sender.level == Some(Level::Ok))
    }
}

/// Whether there is a way out.
fn server(desk: &Desk) -> Line {
    match (&desk.app.smtp, desk.app.mail_trouble(desk.now)) {
        (None, _) => Line::bad(
            "No mail server is configured. Mails wait until the operator sets smtp.url; nothing is lost.",
        ),
        (Some(_), Some(trouble)) => Line::bad(trouble),
        (Some(_), None) => Line::good("A mail server is configured."),
    }
}

/// Whether what is due leaves.
async fn queue(db: &Db, merchant_id: &str, now: Micros) -> Result<Line> {
    let sql = "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest,
                  COUNT(CASE WHEN due_at < $2 THEN 1 END) AS late
               FROM outbox WHERE merchant_id = $1 AND settled_at IS NULL";
    let row = db.row(sql, args![merchant_id, now - LATE]).await?;
    let (waiting, late, oldest) = row.map_or((0, 0, None), |row| {
        (row.get::<i64>("waiting"), row.get::<i64>("late"), row.get::<Option<i64>>("oldest"))
    });
    let since = oldest.map(moment).unwrap_or_default();
    Ok(match (waiting, late) {
        (0, _) => Line::good("The queue is empty: everything has been handed over."),
        (n, 0) => {
            Line::good(format!("Mails in the queue: {n}, the oldest since {since}. They move."))
        }
        (n, late) => Line::bad(format!(
            "Mails in the queue: {n}, the oldest since {since}; {late} should have left by now. The mail process is down or overloaded: tell the operator."
        )),
    })
}

/// When a mail server last took a mail of this store. Practice mails reached none.
async fn last_accepted(db: &Db, store_id: &str) -> Result<Option<Micros>> {
    let sql = "SELECT settled_at FROM outbox
               WHERE store_id = $1 AND minted_at IS NOT NULL AND outcome = 'sent' AND reply <> $2
               ORDER BY minted_at DESC LIMIT 1";
    let row = db.row(sql, args![store_id, tutorial::REPLY]).await?;
    Ok(row.and_then(|row| row.get("settled_at")))
}

/// What the other side says to mails that wait for another try.
async fn refusals(db: &Db, merchant_id: &str) -> Result<Line> {
    let sql = "SELECT reply FROM outbox
               WHERE merchant_id = $1 AND settled_at IS NULL AND attempts > 0 AND reply IS NOT NULL
               ORDER BY due_at LIMIT 1";
    let row = db.row(sql, args![merchant_id]).await?;
    Ok(match row.map(|row| row.get::<String>("reply")) {
        Some(reply) => Line::warn(format!(
            "A mail waits for another try; the last answer was {}. The customer's timeline has it in full.",
            code(&reply)
        )),
        None => Line::good("No mail is waiting for another try."),
    })
}

/// The codes that an answer begins with (RFC 3463). The rest often repeats the address.
fn code(reply: &str) -> String {
    let is_code = |word: &&str| word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let codes: Vec<_> = reply.split_whitespace().take(2).take_while(is_code).collect();
    if codes.is_empty() { "none that has a code".into() } else { codes.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn only_the_codes_of_an_answer_are_shown() {
        for (reply, shown) in [
            ("451 4.7.1 <ada@example.test>: greylisted", "451 4.7.1"),
            ("451 ada@example.test is unknown", "451"),
            ("connection refused", "none that has a code"),
        ] {
            assert_eq!(code(reply), shown);
        }
    }
}
