//! The reminder: what the envelope beside the masked password sends. Read downwards:
//!
//! 1. [`standing`] tells staff what a click would do now, and what came of the last one.
//! 2. [`send`] is the click: an order in the queue, or a refusal, in one transaction.
//! 3. [`prepare`] and [`mint`] are the mail worker's half: what takes time outside of its
//!    transaction, and the order checked once more and made into a mail inside of it.
//!
//! An order names a customer and never an address. Nothing of what the mail will carry exists before
//! the worker makes it.

mod current;
mod order;
mod rules;
mod send;
mod temporary;

use crate::args;
use crate::clock::{Micros, SECOND};
use crate::config::Config;
use crate::customer::Customer;
use crate::db::{Db, Result, Row};
use crate::staff::Staff;

pub use crate::merchant::Mode;
pub use order::{Carries, Minted, Ready, ReminderMail, Tools, is_over, mint, prepare};
pub use rules::Refusal;
pub use send::{Click, Sent, send};
pub use temporary::{hashes, redeem, tidy};

/// What a click on the envelope would do now.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The merchant's choice.
    pub mode: Mode,
    /// What would go out: a temporary password where the merchant's choice is the customer's own and
    /// there is no copy of it yet.
    pub will_send: Mode,
    /// Why nothing would go out.
    pub refusal: Option<Refusal>,
    /// The last click that sent something.
    pub last: Option<Last>,
    /// Whether that was so short a time ago that the next one has to be confirmed.
    pub ask_again: bool,
}

/// The last reminder to a customer.
#[derive(Clone, Debug)]
pub struct Last {
    /// The reminder.
    pub id: String,
    /// When staff clicked.
    pub at: Micros,
    /// Who clicked, by name.
    pub by: String,
    /// What it carried; what was asked for, as long as it has not been made.
    pub mode: Mode,
    /// How it went, in words.
    pub outcome: &'static str,
    /// The mail server's last answer.
    pub reply: Option<String>,
}

impl Last {
    fn read(row: &Row) -> Self {
        let mode = row.get::<Option<String>>("sent_mode").unwrap_or_else(|| row.get("mode"));
        let settled: Option<String> = row.get("outcome");
        let waits = (row.get::<Option<i64>>("queued_at"), row.get::<Option<String>>("reply"));
        let outcome = match (settled.as_deref(), &waits) {
            (Some("sent"), _) => "accepted by the mail server",
            (Some("failed"), _) => "refused by the mail server",
            (Some("expired"), _) => "given up: the mail server did not take it",
            (Some("bounced"), _) => "came back",
            (Some("cancelled"), _) => "taken back by staff",
            (Some("nobody"), _) => "not sent: it was refused before sending",
            (Some(_), _) => "withdrawn: it was no longer needed",
            (None, (Some(_), Some(_))) => "not accepted yet; it is tried again",
            (None, (Some(_), None)) => "waiting to be sent",
            (None, (None, _)) => "sent long ago",
        };
        Self {
            id: row.get("id"),
            at: row.get("created_at"),
            by: row.get("name"),
            mode: Mode::parse(&mode).unwrap_or(Mode::Temporary),
            outcome,
            reply: waits.1,
        }
    }
}

/// What a click by `staff` on this customer's envelope would do. Changes nothing.
///
/// # Errors
/// What the database says.
pub async fn standing(
    db: &Db,
    config: &Config,
    customer: &Customer,
    staff: &Staff,
    now: Micros,
) -> Result<Standing> {
    let args = rules::args(customer, staff, now);
    let row = db.row(rules::FACTS, args).await?.ok_or(crate::db::Error::RowNotFound)?;
    let facts = rules::Facts::read(&row);
    let sql = "SELECT r.id, r.created_at, r.mode, r.sent_mode, a.name, o.outcome, o.reply,
                  o.created_at AS queued_at
               FROM reminder r JOIN staff a ON a.id = r.staff_id
               LEFT JOIN outbox o
                  ON o.customer_id = r.customer_id AND o.kind = 'reminder' AND o.subject_id = r.id
               WHERE r.customer_id = $1 AND r.merchant_id = $2
               ORDER BY r.created_at DESC, r.id DESC, o.created_at DESC LIMIT 1";
    let last = db.row(sql, args![&customer.id, &customer.merchant_id]).await?;
    let last = last.as_ref().map(Last::read);
    Ok(Standing {
        mode: facts.mode,
        will_send: facts.will_send(config),
        refusal: rules::refusal(config, &facts, customer, staff, now),
        ask_again: last.as_ref().is_some_and(|l| now - l.at < config.reminder.repeat * SECOND),
        last,
    })
}
