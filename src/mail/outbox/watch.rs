//! How the queue stands.

use super::claim::lanes;
use super::kind::{AWAITED, NOTICE};
use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result};

/// How the queue stands.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Mails not settled.
    pub count: i64,
    /// When the oldest mail that is due became so.
    pub oldest_due_at: Option<Micros>,
}

/// Looks at the queue. The oldest is found at the heads of the lanes, however long they are.
///
/// # Errors
/// What the database says.
pub async fn waiting(db: &Db, now: Micros) -> Result<Waiting> {
    let sql = "SELECT COUNT(*) AS waiting FROM outbox WHERE settled_at IS NULL";
    let count = db.row(sql, args![]).await?.map_or(0, |row| row.get("waiting"));
    let mut oldest_due_at = None;
    if count > 0 {
        for priority in [AWAITED, NOTICE] {
            let due = lanes(db, priority, now).await?.into_iter().map(|lane| lane.oldest);
            oldest_due_at = due.filter(|at| *at <= now).chain(oldest_due_at).min();
        }
    }
    Ok(Waiting { count, oldest_due_at })
}
