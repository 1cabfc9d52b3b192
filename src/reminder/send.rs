//! The click: an order in the queue, or a refusal, with its entries in timeline and activity, all in
//! one transaction.

use serde_json::json;

use super::rules::{self, Deed, Facts, Refusal};
use crate::activity::Action;
use crate::args;
use crate::clock::{Micros, SECOND};
use crate::config::Config;
use crate::customer::{self, Customer};
use crate::db::{self, Result, Row, Tx};
use crate::mail::outbox::{self, Kind, NewMail};
use crate::secret::Key;
use crate::staff::Staff;
use crate::timeline::{self, Entry};

/// A click on the envelope.
#[derive(Clone, Copy, Debug)]
pub struct Click<'a> {
    /// Who clicked.
    pub staff: &'a Staff,
    /// On whose record.
    pub customer: &'a Customer,
    /// From which network address.
    pub source: &'a str,
    /// Whether they said that it shall be sent once more.
    pub confirmed: bool,
    /// The last reminder that their page knew of, where it said.
    pub after: Option<&'a str>,
    /// When the request came in.
    pub came_at: Micros,
}

/// What came of a click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A reminder is on its way: its id.
    Queued(String),
    /// Another request of the same click was faster: its reminder's id.
    Same(String),
    /// One went out a short time ago: do they want another?
    Again,
    /// Nothing is sent.
    Refused(Refusal),
}

/// Orders a reminder to the customer's confirmed address. The caller has checked that the customer
/// is of the staff's merchant, commits whatever comes of it, and wakes the worker.
///
/// # Errors
/// What the database says; then nothing happened.
pub async fn send(
    tx: &mut Tx,
    config: &Config,
    key: &Key,
    click: &Click<'_>,
    now: Micros,
) -> Result<Sent> {
    let staff = click.staff;
    // The merchant's clicks queue up here: of two at once the second sees what the first did, so
    // that neither a double click nor a limit can be slipped past.
    let sql = "UPDATE merchant SET reminder_mode = reminder_mode WHERE id = $1";
    tx.exec(sql, args![&staff.merchant_id]).await?;
    let customer = customer::by_id(tx, &staff.merchant_id, &click.customer.id).await?;
    let customer = &customer.ok_or(db::Error::RowNotFound)?;
    let last = last(tx, customer, now - config.reminder.repeat * SECOND).await?;
    if let Some(id) = last.as_ref().and_then(|last| last.same(click)) {
        return Ok(Sent::Same(id));
    }
    let facts = tx.row(rules::FACTS, rules::args(customer, staff, now)).await?;
    let facts = Facts::read(&facts.ok_or(db::Error::RowNotFound)?);
    let deed = Deed { key, customer, staff, source: click.source };
    if let Some(refusal) = rules::refusal(config, &facts, customer, staff, now) {
        refuse(tx, &deed, &refusal, now).await?;
        return Ok(Sent::Refused(refusal));
    }
    if last.is_some() && !click.confirmed {
        return Ok(Sent::Again);
    }
    let id = queue(tx, config, &facts, &deed, now).await?;
    let detail = json!({ "mode": facts.mode.as_str(), "reminder": &id, "repeat": last.is_some() });
    deed.note(tx, Action::ReminderSent, false, detail, now).await?;
    deed.watch(tx, config, facts.staff_lately + 1, now).await?;
    Ok(Sent::Queued(id))
}

/// The order itself.
async fn queue(
    tx: &mut Tx,
    config: &Config,
    facts: &Facts,
    deed: &Deed<'_>,
    now: Micros,
) -> Result<String> {
    let Deed { customer, staff, .. } = deed;
    let id = crate::new_id();
    tx.exec(
        "INSERT INTO reminder (id, merchant_id, customer_id, store_id, staff_id, mode, email_key,
            created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![
            &id,
            &customer.merchant_id,
            &customer.id,
            &customer.home_store_id,
            &staff.id,
            facts.mode.as_str(),
            &customer.email_key,
            now
        ],
    )
    .await?;
    let mail = NewMail {
        kind: Kind::Reminder,
        subject_id: &id,
        merchant_id: &customer.merchant_id,
        store_id: &customer.home_store_id,
        customer_id: Some(&customer.id),
    };
    outbox::enqueue(tx, &config.mail, &[mail], now).await?;
    let entry = Entry::ReminderQueued {
        mode: facts.mode.as_str(),
        sent_mode: facts.will_send(config).as_str(),
    };
    let store = Some(&*customer.home_store_id);
    timeline::write_by(tx, customer, store, now, &staff.name, entry).await?;
    Ok(id)
}

async fn refuse(tx: &mut Tx, deed: &Deed<'_>, refusal: &Refusal, now: Micros) -> Result<()> {
    let customer = deed.customer;
    let entry = Entry::ReminderRefused { reason: refusal.text() };
    let store = Some(&*customer.home_store_id);
    timeline::write_by(tx, customer, store, now, &deed.staff.name, entry).await?;
    let detail = json!({ "reason": refusal.as_str() });
    deed.note(tx, Action::ReminderRefused, false, detail.clone(), now).await?;
    if refusal.is_limit() {
        deed.alert(tx, Action::ReminderLimit, detail, now).await?;
    }
    Ok(())
}

/// The last reminder to the customer.
struct Last {
    id: String,
    staff_id: String,
    created_at: Micros,
}

impl Last {
    fn read(row: &Row) -> Self {
        Self { id: row.get("id"), staff_id: row.get("staff_id"), created_at: row.get("created_at") }
    }

    /// Its id, if this click is no other than the one that made it: made by the same person while
    /// this request was on its way already, or from a page that did not know of it.
    fn same(&self, click: &Click<'_>) -> Option<String> {
        let meanwhile = self.staff_id == click.staff.id && self.created_at > click.came_at;
        let unseen = click.confirmed && click.after.is_some_and(|after| after != self.id);
        (meanwhile || unseen).then(|| self.id.clone())
    }
}

async fn last(tx: &mut Tx, customer: &Customer, since: Micros) -> Result<Option<Last>> {
    let sql = "SELECT id, staff_id, created_at FROM reminder
               WHERE customer_id = $1 AND created_at > $2
               ORDER BY created_at DESC, id DESC LIMIT 1";
    Ok(tx.row(sql, args![&customer.id, since]).await?.as_ref().map(Last::read))
}
