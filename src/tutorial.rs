//! Guided tutorials: what they consist of, how far each member of staff has come, and the customer
//! that they practise on. That customer is a record like any other, so that the tutorials walk the
//! real screens; but its mails are never sent.

mod steps;

use std::collections::HashSet;

use crate::address::EmailAddress;
use crate::args;
use crate::clock::Micros;
use crate::customer::{self, NewCustomer};
use crate::db::{Db, Result, Row, Tx};
use crate::staff::Role;

pub use steps::{ALL, Act, Step};

/// The address of practice customers. No mail can reach it (RFC 2606, 2: `.invalid`), and no mail is
/// tried.
pub const ADDRESS: &str = "practice@doorkey.invalid";

/// What the timeline shows where the mail server's answer would stand.
pub const REPLY: &str = "practice: shown in the tutorial only";

/// What staff search for to find the practice customer.
pub const LAST_NAME: &str = "Practice";

/// A guided tutorial.
#[derive(Debug)]
pub struct Tutorial {
    /// Names it in the database.
    pub key: &'static str,
    /// What one learns, as a command.
    pub title: &'static str,
    /// What it is good for, in a sentence or two.
    pub lead: &'static str,
    /// How long it takes.
    pub minutes: u8,
    /// Who can do what it shows.
    pub role: Role,
    /// Whether it is walked over the practice customer.
    pub practice: bool,
    /// The way.
    pub steps: &'static [Step],
}

/// The tutorial of this name.
pub fn by_key(key: &str) -> Option<&'static Tutorial> {
    ALL.iter().find(|tutorial| tutorial.key == key)
}

impl Tutorial {
    /// A page to start from at `step`: its own, or the last one before it that has a fixed address.
    pub fn entry(&self, step: usize) -> (usize, &'static str) {
        let mut back = self.steps.iter().enumerate().take(step + 1).rev();
        back.find(|(_, step)| step.is_fixed()).map_or((0, "/oms/tutorials"), |(i, s)| (i, s.page))
    }
}

/// How far a member of staff has come in a tutorial.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Which tutorial.
    pub tutorial: String,
    /// The step being looked at, from 0.
    pub step: usize,
    /// Whether it is under way.
    pub under_way: bool,
    /// When it was last walked to the end.
    pub finished_at: Option<Micros>,
}

fn read(row: &Row) -> Progress {
    Progress {
        tutorial: row.get("tutorial"),
        step: usize::try_from(row.get::<i64>("step")).unwrap_or(0),
        under_way: row.get::<Option<i64>>("ended_at").is_none(),
        finished_at: row.get("finished_at"),
    }
}

/// All that a member of staff has begun.
///
/// # Errors
/// What the database says.
pub async fn progress(db: &Db, staff_id: &str) -> Result<Vec<Progress>> {
    let sql = "SELECT tutorial, step, ended_at, finished_at FROM tutorial_progress
               WHERE staff_id = $1 ORDER BY started_at DESC";
    Ok(db.rows(sql, args![staff_id]).await?.iter().map(read).collect())
}

/// Starts a tutorial, at the beginning or where it was left. Any other that is under way ends: one
/// popover is enough.
///
/// # Errors
/// What the database says.
pub async fn start(
    tx: &mut Tx,
    staff_id: &str,
    tutorial: &Tutorial,
    resume: bool,
    now: Micros,
) -> Result<()> {
    tx.exec(
        "UPDATE tutorial_progress SET ended_at = $1
         WHERE staff_id = $2 AND tutorial <> $3 AND ended_at IS NULL",
        args![now, staff_id, tutorial.key],
    )
    .await?;
    tx.exec(
        "INSERT INTO tutorial_progress (staff_id, tutorial, step, started_at) VALUES ($1, $2, 0, $3)
         ON CONFLICT (staff_id, tutorial) DO UPDATE SET started_at = $3, ended_at = NULL,
            step = CASE WHEN $4 = 1 THEN tutorial_progress.step ELSE 0 END",
        args![staff_id, tutorial.key, now, i64::from(resume)],
    )
    .await?;
    Ok(())
}

/// Notes the step that is looked at; the one after the last ends the tutorial. False when it is not
/// under way, or has no such step.
///
/// # Errors
/// What the database says.
pub async fn reach(
    db: &Db,
    staff_id: &str,
    tutorial: &Tutorial,
    step: usize,
    now: Micros,
) -> Result<bool> {
    let touched = if step < tutorial.steps.len() {
        let sql = "UPDATE tutorial_progress SET step = $1
                   WHERE staff_id = $2 AND tutorial = $3 AND ended_at IS NULL";
        db.exec(sql, args![i64::try_from(step).unwrap_or(0), staff_id, tutorial.key]).await?
    } else if step == tutorial.steps.len() {
        let sql = "UPDATE tutorial_progress SET step = 0, ended_at = $1, finished_at = $1
                   WHERE staff_id = $2 AND tutorial = $3 AND ended_at IS NULL";
        db.exec(sql, args![now, staff_id, tutorial.key]).await?
    } else {
        0
    };
    Ok(touched == 1)
}

/// Ends what is under way; it can be taken up again where it was left.
///
/// # Errors
/// What the database says.
pub async fn stop(db: &Db, staff_id: &str, now: Micros) -> Result<()> {
    let sql = "UPDATE tutorial_progress SET ended_at = $1 WHERE staff_id = $2 AND ended_at IS NULL";
    db.exec(sql, args![now, staff_id]).await?;
    Ok(())
}

/// The id of the merchant's practice customer.
///
/// # Errors
/// What the database says.
pub async fn practice_customer(db: &Db, merchant_id: &str) -> Result<Option<String>> {
    let sql = "SELECT id FROM customer WHERE merchant_id = $1 AND practice_at IS NOT NULL";
    Ok(db.row(sql, args![merchant_id]).await?.map(|row| row.get("id")))
}

/// Which of these mails, by the ids of their rows, are about a practice customer: they are shown and
/// never sent, whatever address the record has by now. A customer who merely has such an address is
/// mailed to like any other.
///
/// # Errors
/// What the database says.
pub async fn practised(tx: &mut Tx, mails: &[&str]) -> Result<HashSet<String>> {
    let mut found = HashSet::new();
    for mails in mails.chunks(256) {
        let markers: Vec<_> = (1..=mails.len()).map(|n| format!("${n}")).collect();
        let sql = format!(
            "SELECT o.id FROM outbox o JOIN customer c ON c.id = o.customer_id
             WHERE c.practice_at IS NOT NULL AND o.id IN ({})",
            markers.join(", ")
        );
        let args = mails.iter().map(|id| (*id).into()).collect();
        let rows = tx.rows(sqlx::AssertSqlSafe(sql), args).await?;
        found.extend(rows.iter().map(|row| row.get::<String>("id")));
    }
    Ok(found)
}

/// Adds the merchant's practice customer and gives its id; none where another customer has the
/// address. `password_hash` is that of a password that nobody knows.
///
/// # Errors
/// [`crate::db::is_taken`] when there is one already; what the database says.
pub async fn add_practice_customer(
    tx: &mut Tx,
    merchant_id: &str,
    home_store_id: &str,
    password_hash: String,
    now: Micros,
) -> Result<Option<String>> {
    let Some(email) = EmailAddress::parse(ADDRESS) else { return Ok(None) };
    let new = NewCustomer {
        number: Some("PRACTICE"),
        email: &email,
        first_name: "Pat",
        last_name: LAST_NAME,
        company: "",
        phone: "",
        language: None,
        home_store_id,
        password_hash: Some(password_hash),
    };
    let id = customer::add(tx, merchant_id, &new, now).await?;
    tx.exec("UPDATE customer SET practice_at = $1 WHERE id = $2", args![now, &id]).await?;
    Ok(Some(id))
}

/// Puts the practice customer back to how it began: open, at its own address, and with nothing sent
/// yet, so that no question about the last try comes between. Its traces in Activity stay.
///
/// # Errors
/// What the database says.
pub async fn tidy_practice_customer(tx: &mut Tx, customer_id: &str, now: Micros) -> Result<()> {
    customer::end_access(tx, customer_id, now).await?;
    tx.exec(
        "UPDATE customer SET email = $1, email_key = $1, blocked_at = NULL, frozen_at = NULL,
            hold_until = NULL, reminder_hold_until = NULL
         WHERE id = $2 AND practice_at IS NOT NULL",
        args![ADDRESS, customer_id],
    )
    .await?;
    tx.exec("DELETE FROM outbox WHERE customer_id = $1", args![customer_id]).await?;
    tx.exec("DELETE FROM temporary_password WHERE customer_id = $1", args![customer_id]).await?;
    tx.exec("DELETE FROM reminder WHERE customer_id = $1", args![customer_id]).await?;
    tx.exec("DELETE FROM timeline WHERE customer_id = $1", args![customer_id]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_what_it_needs() {
        for tutorial in ALL {
            let Tutorial { key, steps, .. } = tutorial;
            assert!(!tutorial.title.is_empty() && !tutorial.lead.is_empty(), "{key}");
            assert!((3..=10).contains(&steps.len()), "{key}: {} steps", steps.len());
            assert!(steps[0].is_fixed(), "{key} starts somewhere");
            for (at, step) in steps.iter().enumerate() {
                let name = format!("{key}, step {at}");
                assert!(step.page.starts_with("/oms/"), "{name}");
                assert!(!step.on.is_empty() && !step.title.is_empty(), "{name}");
                assert!((20..=320).contains(&step.text.len()), "{name}: {}", step.text.len());
                let practice = step.page.contains("{practice}") || step.on.contains("{practice}");
                assert!(tutorial.practice || !practice, "{name} practises on nobody");
                if let Act::Type(text) = step.act {
                    assert!(!text.is_empty(), "{name}");
                }
            }
            // A page without a fixed address is only reached by a click.
            for pair in steps.windows(2) {
                let moves = pair[0].page != pair[1].page;
                let clicked = matches!(pair[0].act, Act::Click);
                assert!(!moves || clicked || pair[1].is_fixed(), "{key}: {}", pair[1].title);
            }
            let last = steps.last().map(|step| step.act);
            assert!(matches!(last, Some(Act::Look)), "{key} ends by looking");
        }
    }

    #[test]
    fn keys_are_unique_and_lead_to_their_tutorial() {
        for tutorial in ALL {
            assert!(std::ptr::eq(by_key(tutorial.key).unwrap(), tutorial));
        }
        assert!(by_key("").is_none());
    }

    #[test]
    fn a_tutorial_is_taken_up_at_a_page_that_has_an_address() {
        let tutorial = by_key("protect").unwrap();
        let on_a_store = tutorial.steps.iter().position(|s| !s.is_fixed()).unwrap();
        let (step, page) = tutorial.entry(on_a_store);
        assert!(step < on_a_store && !page.contains('*'), "{step} {page}");
        assert_eq!(tutorial.entry(0).0, 0);
    }
}
