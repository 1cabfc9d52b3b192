//! Email delivery: how the queue stands, what became of the last mails and what the servers
//! answered, and how well and how fast each receiving domain takes them. Addresses are looked up when
//! the page is made, and shown masked; no mail keeps any. Practice mails go nowhere and are left out.

mod act;
mod charts;
mod filter;
mod mails;
mod queue;

use askama::Template;
use axum::Json;
use axum::extract::Query;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::desk::Desk;
use super::filters::Choice;
use super::frame::{Frame, Section};
use crate::web::error::Failure;
use crate::web::page::html;
use charts::{Chart, Line};
use filter::{Asked, Understood};
use mails::{Listed, Mail};
use queue::Queue;

pub use act::{cancel, retry};
pub(super) use mails::without_addresses;

/// The page's own address.
const HERE: &str = "/oms/email";

#[derive(Template)]
#[template(path = "oms/email.html")]
struct Email {
    frame: Frame,
    queue: Queue,
    /// What staff just did.
    done: Option<&'static str>,
    asked: Asked,
    states: Vec<Choice>,
    kinds: Vec<Choice>,
    stores: Vec<Choice>,
    troubles: Vec<String>,
    is_filtered: bool,
    is_first: bool,
    waiting: Vec<Mail>,
    ended: Vec<Mail>,
    newest: String,
    older: Option<String>,
    charts: Vec<Chart>,
    hours: Vec<Line>,
    domains: Vec<Line>,
}

/// `GET /oms/email`: the page, or by `Accept` the numbers of the queue as JSON.
///
/// # Errors
/// [`Failure::NotFound`] for a store of another merchant.
pub async fn show(
    desk: Desk,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (db, merchant, now) = (&desk.app.db, desk.merchant_id(), desk.now);
    let queue = queue::read(db, merchant, now).await?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    // A browser names HTML too.
    if accept.is_some_and(|a| a.contains("application/json") && !a.contains("text/html")) {
        return Ok(Json(queue.json()).into_response());
    }
    let Understood { filter, troubles } = filter::understand(&desk, &asked).await?;
    let listed = if troubles.is_empty() {
        mails::list(db, merchant, &filter, now).await?
    } else {
        Listed::default()
    };
    let newest = asked.address(None);
    let is_filtered = newest != HERE;
    // How all mails fare is no answer to a question about some of them.
    let is_overview = !is_filtered && filter.before.is_none();
    let (hours, domains) =
        if is_overview { charts::read(db, merchant, now).await? } else { Default::default() };
    Ok(html(&Email {
        charts: charts::draw(&hours, &domains),
        hours: hours.into_iter().rev().filter(Line::is_any).collect(),
        domains,
        is_filtered,
        is_first: filter.before.is_none(),
        older: listed.older.map(|cursor| asked.address(Some(&cursor))),
        waiting: listed.waiting,
        ended: listed.ended,
        states: filter::states(&asked),
        kinds: filter::kinds(&asked),
        stores: filter::stores(&desk, &asked),
        done: asked.done(),
        frame: Frame::new(&desk, Section::Email),
        queue,
        newest,
        asked,
        troubles,
    }))
}
