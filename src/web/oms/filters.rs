//! What the filters above a list have in common: a customer by number, days, lists to choose from,
//! and the page's address with all of them. What cannot be read filters nothing and is said.

use super::desk::Desk;
use crate::args;
use crate::clock::{DAY, Micros};
use crate::web::error::Failure;

/// A line of a list to choose from.
pub(super) struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

impl Choice {
    /// Chosen if it is what was asked for.
    pub fn new(value: &str, label: String, asked: &str) -> Self {
        Self { value: value.to_owned(), label, chosen: value == asked }
    }
}

/// The page's own address with the filters that are set, and where an older page begins.
pub(super) fn address(path: &str, filters: &[(&str, &str)], before: Option<String>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in filters.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    if let Some(before) = before {
        query.append_pair("before", &before);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The id of the merchant's customer with this number.
///
/// # Errors
/// What the database says.
pub(super) async fn customer(
    desk: &Desk,
    number: &str,
    troubles: &mut Vec<String>,
) -> Result<Option<String>, Failure> {
    let number = number.trim();
    if number.is_empty() {
        return Ok(None);
    }
    let sql = "SELECT id FROM customer WHERE merchant_id = $1 AND number = $2";
    let row = desk.app.db.row(sql, args![desk.merchant_id(), number]).await?;
    if row.is_none() {
        troubles.push(format!(
            "There is no customer with the number “{number}”: it stands on the customer’s record."
        ));
    }
    Ok(row.map(|row| row.get("id")))
}

/// From when, and until before when: two days of UTC as `2026-11-23`, the last one included.
pub(super) fn days(
    from: &str,
    to: &str,
    troubles: &mut Vec<String>,
) -> (Option<Micros>, Option<Micros>) {
    for (text, name) in [(from, "From"), (to, "To")] {
        if !text.is_empty() && day(text).is_none() {
            troubles.push(format!("{name}: “{text}” is no date; write it like 2026-11-23."));
        }
    }
    let span = (day(from), day(to).map(|start| start + DAY));
    if let (Some(from), Some(to)) = span
        && from >= to
    {
        troubles.push("The first day comes after the last one: swap them.".into());
    }
    span
}

/// When a day of UTC begins.
fn day(text: &str) -> Option<Micros> {
    let date: jiff::civil::Date = text.trim().parse().ok()?;
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(start.timestamp().as_microsecond())
}
