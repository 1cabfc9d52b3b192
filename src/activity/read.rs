//! Reads a merchant's activity for people: filtered, newest first, page by page; and the alerts
//! that an administrator has not read yet.

use serde_json::{Value, json};

use super::{Act, Action, Actor, verify};
use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result, Row};
use crate::secret::Key;
use crate::staff::Staff;

/// Who did it, as a filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    #[default]
    Anybody,
    /// No member of staff: the program itself, or somebody at the command line.
    Nobody,
    /// The member of staff with this id.
    Staff(String),
}

/// Which entries. The default is all of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Done by whom.
    pub who: Who,
    /// Done to the customer with this id.
    pub customer_id: Option<String>,
    /// What was done.
    pub action: Option<Action>,
    /// Not before.
    pub from: Option<Micros>,
    /// Before.
    pub to: Option<Micros>,
}

/// An entry that pages go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    at: Micros,
    seq: i64,
}

impl Cursor {
    /// Reads [`Cursor::text`].
    pub fn parse(text: &str) -> Option<Self> {
        let (at, seq) = text.split_once('.')?;
        Some(Self { at: at.parse().ok()?, seq: seq.parse().ok()? })
    }

    /// As it stands in an address.
    pub fn text(self) -> String {
        format!("{}.{}", self.at, self.seq)
    }
}

/// An entry, with the names that its ids have today.
#[derive(Clone, Debug)]
pub struct Line {
    /// Place in the chain.
    pub seq: i64,
    /// When.
    pub at: Micros,
    /// Name and role then.
    pub actor: String,
    /// What, as stored.
    pub action: String,
    /// To which customer.
    pub customer_id: Option<String>,
    /// That customer's last name; none when there is no such record any more.
    pub customer: Option<String>,
    /// That customer's number.
    pub customer_number: Option<String>,
    /// At or to which store.
    pub store: Option<String>,
    /// From which network address.
    pub source: String,
    /// Whether it is an alert.
    pub alert: bool,
    /// JSON; see [`Line::pairs`].
    pub detail: String,
    /// The entry's tag, in hex.
    pub tag: String,
}

impl Line {
    /// Where the page after this entry goes on.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.at, seq: self.seq }
    }

    /// What was done, in words.
    pub fn words(&self) -> &str {
        match Action::parse(&self.action) {
            Some(action) => action.words(),
            None => &self.action,
        }
    }

    /// The detail as names and values that a person reads.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        if let Ok(Value::Object(fields)) = serde_json::from_str(&self.detail) {
            for (name, value) in fields {
                flatten(&name.replace('_', " "), &value, &mut pairs);
            }
        }
        pairs
    }
}

fn flatten(name: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                flatten(&format!("{name} {}", inner.replace('_', " ")), value, pairs);
            }
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            pairs.push((name.to_owned(), items.join(", ")));
        }
        value => pairs.push((name.to_owned(), plain(value))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `$first` is the condition whose index is used; all other conditions are there in each variant.
macro_rules! select {
    ($first:literal) => {
        concat!(
            "SELECT a.seq, a.at, a.actor, a.action, a.customer_id, a.source, a.alert, a.detail,
                a.hash, c.last_name, c.number, s.name AS store
             FROM activity a
             LEFT JOIN customer c ON c.id = a.customer_id AND c.merchant_id = a.merchant_id
             LEFT JOIN store s ON s.id = a.store_id AND s.merchant_id = a.merchant_id
             WHERE a.merchant_id = $1 ",
            $first,
            " AND ($2 = '' OR a.staff_id = $2) AND ($3 = '' OR a.customer_id = $3)
              AND ($4 = '' OR a.action = $4) AND a.at >= $5 AND (a.at, a.seq) < ($6, $7)
             ORDER BY a.at DESC, a.seq DESC LIMIT $8"
        )
    };
}

/// The newest `most` entries of a merchant that pass, or those after `before`.
///
/// # Errors
/// What the database says.
pub async fn page(
    db: &Db,
    merchant_id: &str,
    filter: &Filter,
    before: Option<Cursor>,
    most: i64,
) -> Result<Vec<Line>> {
    let sql = match (&filter.customer_id, &filter.who, filter.action) {
        (Some(_), Who::Nobody, _) => select!("AND a.customer_id = $3 AND a.staff_id IS NULL"),
        (Some(_), ..) => select!("AND a.customer_id = $3"),
        (None, Who::Nobody, _) => select!("AND a.staff_id IS NULL"),
        (None, Who::Staff(_), _) => select!("AND a.staff_id = $2"),
        (None, Who::Anybody, Some(_)) => select!("AND a.action = $4"),
        (None, Who::Anybody, None) => select!(""),
    };
    let staff_id = if let Who::Staff(id) = &filter.who { id } else { "" };
    let to = Cursor { at: filter.to.unwrap_or(Micros::MAX), seq: i64::MIN };
    let end = before.filter(|before| before.at < to.at).unwrap_or(to);
    let args = args![
        merchant_id,
        staff_id,
        filter.customer_id.as_deref().unwrap_or(""),
        filter.action.map_or("", Action::as_str),
        filter.from.unwrap_or(Micros::MIN),
        end.at,
        end.seq,
        most
    ];
    Ok(db.rows(sql, args).await?.iter().map(line).collect())
}

fn line(row: &Row) -> Line {
    Line {
        seq: row.get("seq"),
        at: row.get("at"),
        actor: row.get("actor"),
        action: row.get("action"),
        customer_id: row.get("customer_id"),
        customer: row.get("last_name"),
        customer_number: row.get("number"),
        store: row.get("store"),
        source: row.get("source"),
        alert: row.get::<i64>("alert") != 0,
        detail: row.get("detail"),
        tag: verify::hex(&row.get::<Vec<u8>>("hash")),
    }
}

/// The newest alerts of a merchant that no administrator has read yet, at most `most` of them.
///
/// # Errors
/// What the database says.
pub async fn alerts(db: &Db, merchant_id: &str, most: i64) -> Result<Vec<Line>> {
    let rows = db
        .rows(
            "SELECT a.seq, a.at, a.actor, a.action, a.customer_id, a.source, a.alert, a.detail,
                a.hash, c.last_name, c.number, s.name AS store
             FROM activity_head h
             JOIN activity a ON a.merchant_id = h.merchant_id AND a.alert <> 0 AND a.seq > h.read_seq
             LEFT JOIN customer c ON c.id = a.customer_id AND c.merchant_id = a.merchant_id
             LEFT JOIN store s ON s.id = a.store_id AND s.merchant_id = a.merchant_id
             WHERE h.merchant_id = $1 ORDER BY a.seq DESC LIMIT $2",
            args![merchant_id, most],
        )
        .await?;
    Ok(rows.iter().map(line).collect())
}

/// Marks the alerts up to entry `upto` as read, and writes that down. False when there was none:
/// then nothing happened.
///
/// # Errors
/// What the database says; then nothing happened either.
pub async fn mark_read(
    db: &Db,
    key: &Key,
    staff: &Staff,
    source: &str,
    upto: i64,
    now: Micros,
) -> Result<bool> {
    let mut tx = db.begin().await?;
    let sql = "SELECT COUNT(*) AS n FROM activity_head h
               JOIN activity a ON a.merchant_id = h.merchant_id AND a.alert <> 0
                 AND a.seq > h.read_seq AND a.seq <= $2
               WHERE h.merchant_id = $1";
    let row = tx.row(sql, args![&staff.merchant_id, upto]).await?;
    let alerts: i64 = row.map_or(0, |row| row.get("n"));
    // Never beyond the end: alerts that nobody has seen yet would be read already. Never back.
    let sql = "UPDATE activity_head SET read_seq = $1
               WHERE merchant_id = $2 AND read_seq < $1 AND seq >= $1";
    if alerts == 0 || tx.exec(sql, args![upto, &staff.merchant_id]).await? == 0 {
        return Ok(false);
    }
    // The entry seals the end of the chain anew, with what has been read.
    let act = Act {
        merchant_id: &staff.merchant_id,
        actor: Actor::Staff(staff),
        action: Action::AlertsRead,
        customer_id: None,
        store_id: None,
        source,
        alert: false,
        detail: json!({ "alerts": alerts, "up_to_entry": upto }),
    };
    super::write(&mut tx, key, &act, now).await?;
    tx.commit().await?;
    Ok(true)
}
