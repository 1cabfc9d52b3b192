//! The activity as CSV (RFC 4180, UTF-8), written as it is read: a million entries take no more
//! memory than a thousand.

use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Asked, colleagues, iso, understand};
use crate::activity::Action;
use crate::activity::read::{self, Cursor, Filter, Line};
use crate::app::App;
use crate::staff::Role;
use crate::web::error::Failure;
use crate::web::oms::desk::Desk;

/// Entries read at once.
const PAGE: i64 = 1000;

const HEAD: [&str; 13] = [
    "entry",
    "time",
    "actor",
    "action",
    "description",
    "customer_number",
    "customer_id",
    "customer_last_name",
    "store",
    "source",
    "alert",
    "details",
    "tag",
];

type Chunk = Result<Bytes, String>;

/// `GET /oms/activity.csv`, with the filters of the page. That somebody took it with them is itself
/// an entry, the newest one of the export.
///
/// # Errors
/// [`Failure::NotAllowed`] for anybody but an administrator; [`Failure::BadRequest`] for filters
/// that cannot be read.
pub async fn export(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    desk.need(Role::Administrator)?;
    let staff = colleagues(&desk, &asked).await?;
    let understood = understand(&desk, &asked, &staff).await?;
    if !understood.troubles.is_empty() {
        return Err(Failure::BadRequest);
    }
    let mut detail = json!({});
    for (name, value) in [
        ("staff_id", &asked.staff),
        ("customer_number", &asked.customer),
        ("action", &asked.action),
        ("from", &asked.from),
        ("to", &asked.to),
    ] {
        if !value.is_empty() {
            detail[name] = value.as_str().into();
        }
    }
    let mut tx = desk.app.db.begin().await?;
    desk.note(&mut tx, Action::ActivityExported, None, None, detail).await?;
    tx.commit().await?;
    let (send, receive) = mpsc::channel(2);
    let merchant = desk.merchant_id().to_owned();
    tokio::spawn(write(desk.app.clone(), merchant, understood.filter, send));
    let day = iso(desk.now);
    let name = format!("attachment; filename=\"activity-{}.csv\"", day.get(..10).unwrap_or(""));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(receive))).into_response())
}

/// Writes page after page until all is written or nobody reads any more. An error breaks the answer
/// off: a file that merely ends would pass for a whole one.
async fn write(app: App, merchant_id: String, filter: Filter, send: mpsc::Sender<Chunk>) {
    let mut before: Option<Cursor> = None;
    let mut chunk = rows(&[HEAD.map(str::to_owned)]);
    loop {
        let is_end = chunk.is_err();
        if send.send(chunk).await.is_err() || is_end {
            return;
        }
        match read::page(&app.db, &merchant_id, &filter, before, PAGE).await {
            Ok(lines) => {
                let Some(last) = lines.last() else { return };
                before = Some(last.cursor());
                chunk = rows(&lines.iter().map(row).collect::<Vec<_>>());
            }
            Err(error) => {
                tracing::error!(%error, "an export of the activity broke off");
                chunk = Err("the database does not answer".into());
            }
        }
    }
}

fn rows(rows: &[[String; HEAD.len()]]) -> Chunk {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .has_headers(false)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|e| e.to_string())?;
    }
    writer.into_inner().map(Bytes::from).map_err(|e| e.to_string())
}

fn row(line: &Line) -> [String; HEAD.len()] {
    let pairs: Vec<_> = line.pairs().iter().map(|(n, v)| format!("{n}: {v}")).collect();
    let option = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        line.seq.to_string(),
        iso(line.at),
        line.actor.clone(),
        line.action.clone(),
        line.words().to_owned(),
        option(&line.customer_number),
        option(&line.customer_id),
        option(&line.customer),
        option(&line.store),
        line.source.clone(),
        if line.alert { "yes" } else { "no" }.to_owned(),
        pairs.join("; "),
        line.tag.clone(),
    ]
    .map(harmless)
}

/// A spreadsheet runs what begins like a formula, and names are typed by strangers: such a text gets
/// an apostrophe in front, which spreadsheets take as "this is text".
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_begins_like_a_formula_becomes_text() {
        for formula in ["=1+1", "+49 30", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(harmless(formula.into()), format!("'{formula}"));
        }
        for plain in ["", "Ada", "a=b", "192.0.2.1", "'=1"] {
            assert_eq!(harmless(plain.into()), plain);
        }
    }
}
