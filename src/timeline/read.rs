//! Reading a timeline, page by page, newest first.

use serde_json::Value;

use super::Entry;
use crate::args;
use crate::clock::Micros;
use crate::customer::Customer;
use crate::db::{Db, Result, Row};

/// An entry as it was written.
#[derive(Clone, Debug)]
pub struct Line {
    /// Names it in pages and links.
    pub id: String,
    /// When.
    pub at: Micros,
    /// At which store, where there is one.
    pub store_id: Option<String>,
    /// What happened.
    pub entry: Entry,
    /// As stored: what programs read.
    pub kind: String,
    /// The name of the member of staff who did it.
    pub staff: Option<String>,
}

/// A stretch of a timeline.
#[derive(Clone, Debug)]
pub struct Page {
    /// Newest first.
    pub lines: Vec<Line>,
    /// From where on there is more: the `before` of the next page.
    pub older: Option<String>,
}

/// At most `most` entries of a customer, the newest, or those older than the entry `before`. `None`
/// when `before` is no entry of this customer.
///
/// # Errors
/// What the database says.
pub async fn page(
    db: &Db,
    customer: &Customer,
    before: Option<&str>,
    most: usize,
) -> Result<Option<Page>> {
    let (merchant, id) = (&customer.merchant_id, &customer.id);
    let (at, tie) = match before {
        None => (Micros::MAX, ""),
        Some(before) => {
            let sql = "SELECT at FROM timeline
                       WHERE id = $1 AND merchant_id = $2 AND customer_id = $3";
            let Some(row) = db.row(sql, args![before, merchant, id]).await? else {
                return Ok(None);
            };
            (row.get("at"), before)
        }
    };
    // Ids only part what happened in the same microsecond, in whatever order the database has them:
    // it need but be the same order on every page.
    let wanted = i64::try_from(most).unwrap_or(i64::MAX - 1) + 1;
    let rows = db
        .rows(
            "SELECT id, store_id, at, kind, detail FROM timeline
             WHERE merchant_id = $1 AND customer_id = $2
               AND at <= $3 AND (at < $3 OR id < $4)
             ORDER BY at DESC, id DESC LIMIT $5",
            args![merchant, id, at, tie, wanted],
        )
        .await?;
    let mut lines: Vec<_> = rows.iter().map(read).collect();
    let more = lines.len() > most;
    lines.truncate(most);
    let older = lines.last().filter(|_| more).map(|line| line.id.clone());
    Ok(Some(Page { lines, older }))
}

fn read(row: &Row) -> Line {
    let kind: String = row.get("kind");
    let detail: String = row.get("detail");
    let fields: Value = serde_json::from_str(&detail).unwrap_or(Value::Null);
    let staff = fields["staff"].as_str().map(str::to_owned);
    Line {
        id: row.get("id"),
        at: row.get("at"),
        store_id: row.get("store_id"),
        entry: super::entry(&kind, &detail),
        kind,
        staff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::columns;

    #[test]
    fn what_was_written_is_read_and_what_is_unknown_does_no_harm() {
        for entry in [
            Entry::Registered,
            Entry::RecoveryRequested { reference: "K7QF-2M".into() },
            Entry::MailWithheld { reason: "hour" },
            Entry::MailDeferred { mail: "recovery", reply: "451 later".into(), next_at: 7 },
            Entry::MailBounced { mail: "reminder", reply: "5.1.1".into(), dead: true },
            Entry::LinkOpened { scanner: true, dead: false },
            Entry::LoggedIn { by: "recovery" },
            Entry::ReminderQueued { mode: "current", sent_mode: "temporary" },
        ] {
            let (kind, detail) = columns(&entry, Some("Robin"));
            let mut value: Value = serde_json::from_str(&detail).unwrap();
            assert_eq!(value["staff"], "Robin");
            value["kind"] = kind.into();
            assert_eq!(serde_json::from_value::<Entry>(value).unwrap(), entry);
        }
        let newer = serde_json::json!({"kind": "teleported", "to": "Mars"});
        assert_eq!(serde_json::from_value::<Entry>(newer).unwrap(), Entry::Unknown);
        let strange = serde_json::json!({"kind": "logged_in", "by": "magic"});
        let read = serde_json::from_value::<Entry>(strange).unwrap();
        assert_eq!(read, Entry::LoggedIn { by: "other" });
    }
}
