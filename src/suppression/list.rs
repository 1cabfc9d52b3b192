//! The list of suppressed addresses, page by page, and lifting one.

use crate::args;
use crate::clock::Micros;
use crate::customer::{self, Customer};
use crate::db::{Arg, Db, Result, Row, Tx};
use crate::fold::fold;

use super::Standing;

/// Lines on a page.
pub const PAGE: usize = 50;
/// Longest search, in characters.
const LONGEST: usize = 254;

/// A line of the list.
#[derive(Clone, Debug)]
pub struct Line {
    /// The suppression.
    pub id: String,
    /// Whose address.
    pub customer_id: String,
    /// The name on the record.
    pub name: String,
    /// The address: to be masked for whoever may not see it.
    pub email: String,
    /// Why and since when.
    pub standing: Standing,
}

/// A page of the list.
#[derive(Clone, Debug)]
pub struct Page {
    /// Latest first.
    pub lines: Vec<Line>,
    /// From where on there is more.
    pub next: Option<String>,
}

/// A page of the suppressed addresses of a merchant, of those whose address or customer's last name
/// begins with what was typed; `after` is the line that the page follows.
///
/// # Errors
/// What the database says.
pub async fn page(db: &Db, merchant_id: &str, typed: &str, after: Option<&str>) -> Result<Page> {
    let typed: String = typed.trim().chars().take(LONGEST).collect();
    let (at, id) = match after {
        Some(after) => cursor(db, merchant_id, after).await?,
        None => (Micros::MAX, String::new()),
    };
    let (mut name, address) = (fold(&typed), typed.to_ascii_lowercase().into_bytes());
    // Keys are UTF-8, where no byte is 0xff. What folds to nothing is nobody's name.
    if name.is_empty() && !typed.is_empty() {
        name = vec![0xff];
    }
    let until = |key: &[u8]| [key, &[0xff]].concat();
    let (name_end, address_end) = (until(&name), until(&address));
    let wanted = i64::try_from(PAGE).unwrap_or(50) + 1;
    let args: Vec<Arg> = args![merchant_id, at, id, name, name_end, address, address_end, wanted];
    let rows = db
        .rows(
            "SELECT s.id, s.customer_id, c.email, c.first_name, c.last_name,
                s.reason AS suppressed_reason, s.since AS suppressed_since,
                s.reply AS suppressed_reply
             FROM suppression s
             JOIN customer c ON c.id = s.customer_id AND c.merchant_id = s.merchant_id
             WHERE s.merchant_id = $1 AND s.ended_at IS NULL
                AND s.since <= $2 AND (s.since < $2 OR s.id < $3)
                AND (c.last_key >= $4 AND c.last_key < $5
                    OR c.email_search >= $6 AND c.email_search < $7)
             ORDER BY s.since DESC, s.id DESC LIMIT $8",
            args,
        )
        .await?;
    let mut lines: Vec<_> = rows.iter().filter_map(read).collect();
    let more = lines.len() > PAGE;
    lines.truncate(PAGE);
    let next = lines.last().filter(|_| more).map(|line| line.id.clone());
    Ok(Page { lines, next })
}

async fn cursor(db: &Db, merchant_id: &str, after: &str) -> Result<(Micros, String)> {
    let sql = "SELECT since FROM suppression WHERE id = $1 AND merchant_id = $2";
    let row = db.row(sql, args![after, merchant_id]).await?;
    Ok(row.map_or((Micros::MAX, String::new()), |row| (row.get("since"), after.to_owned())))
}

fn read(row: &Row) -> Option<Line> {
    let (first, last): (String, String) = (row.get("first_name"), row.get("last_name"));
    Some(Line {
        id: row.get("id"),
        customer_id: row.get("customer_id"),
        name: format!("{first} {last}").trim().to_owned(),
        email: row.get("email"),
        standing: Standing::read(row)?,
    })
}

/// Lifts a suppression in the name of a member of staff; gives whose address it was. `None` when it
/// is over already.
///
/// # Errors
/// What the database says.
pub async fn lift(
    tx: &mut Tx,
    merchant_id: &str,
    id: &str,
    staff_id: &str,
    now: Micros,
) -> Result<Option<Customer>> {
    let sql = "UPDATE suppression SET ended_at = $1, ended_by = $2
               WHERE id = $3 AND merchant_id = $4 AND ended_at IS NULL RETURNING customer_id";
    let row = tx.row(sql, args![now, staff_id, id, merchant_id]).await?;
    let Some(row) = row else { return Ok(None) };
    customer::by_id(tx, merchant_id, &row.get::<String>("customer_id")).await
}

/// Whether the merchant has, or had, a suppression of this id.
///
/// # Errors
/// What the database says.
pub async fn is_known(db: &Db, merchant_id: &str, id: &str) -> Result<bool> {
    let sql = "SELECT id FROM suppression WHERE id = $1 AND merchant_id = $2";
    Ok(db.row(sql, args![id, merchant_id]).await?.is_some())
}
