//! What was made for a customer lately: what the caps count, and what a new request may hasten.

use std::collections::{BTreeSet, HashMap};

use super::Leased;
use crate::args;
use crate::clock::Micros;
use crate::db::{Result, Tx};

/// A mail with a link that was made for a customer.
#[derive(Clone, Debug)]
pub struct Past {
    /// The mail.
    pub id: String,
    /// When it was made, for the last time.
    pub minted_at: Micros,
    /// Whether it left, or still may: not given up, nor kept back for its address.
    pub was_of_use: bool,
    kind: String,
    store_id: String,
    is_under_way: bool,
}

impl Past {
    /// A mail that is being made.
    pub fn of(mail: &Leased, now: Micros) -> Self {
        Self {
            id: mail.id.clone(),
            minted_at: now,
            was_of_use: true,
            kind: mail.kind.as_str().to_owned(),
            store_id: mail.store_id.clone(),
            is_under_way: true,
        }
    }

    /// Whether it is another mail of the same kind and store that is under way.
    pub fn is_such_as(&self, mail: &Leased) -> bool {
        self.is_under_way
            && self.id != mail.id
            && self.kind == mail.kind.as_str()
            && self.store_id == mail.store_id
    }
}

/// Mails with links that were made for these customers after `since`, by customer.
///
/// # Errors
/// What the database says.
pub async fn past(
    tx: &mut Tx,
    customers: &[&str],
    since: Micros,
    now: Micros,
) -> Result<HashMap<String, Vec<Past>>> {
    // Each once: what is asked for twice would count twice.
    let customers: BTreeSet<_> = customers.iter().collect();
    let rows = customers.into_iter().map(|id| args![*id, since]).collect();
    let rows = tx
        .many(
            "SELECT o.id, o.customer_id, o.kind, o.store_id, o.minted_at, o.settled_at, o.outcome,
                o.expires_at
             FROM (VALUES",
            rows,
            ") AS v CROSS JOIN outbox o
             WHERE o.customer_id = v.column1 AND o.minted_at > v.column2
               AND o.kind IN ('recovery', 'registration')",
        )
        .await?;
    let mut found: HashMap<String, Vec<Past>> = HashMap::new();
    for row in &rows {
        let outcome = row.get::<Option<String>>("outcome");
        let is_open = row.get::<Option<i64>>("settled_at").is_none();
        let past = Past {
            id: row.get("id"),
            minted_at: row.get("minted_at"),
            was_of_use: !matches!(outcome.as_deref(), Some("expired" | "suppressed")),
            kind: row.get("kind"),
            store_id: row.get("store_id"),
            is_under_way: is_open && row.get::<i64>("expires_at") > now,
        };
        found.entry(row.get("customer_id")).or_default().push(past);
    }
    Ok(found)
}
