//! The timeline of a customer: page by page, as HTML or JSON, and live. The record shows its newest
//! page; what is said to the caller follows from it.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::desk::{Desk, Unattended};
use super::frame::{Frame, Section, moment};
use crate::address::mask;
use crate::clock::Micros;
use crate::customer::Customer;
use crate::reminder::{self, Standing};
use crate::staff::Role;
use crate::staff::session;
use crate::timeline::live::Listener;
use crate::timeline::{self, Line, Speaker};
use crate::web::error::Failure;
use crate::web::page::html;

/// Entries on a page.
const PAGE: usize = 50;
/// How often a quiet connection looks whether its member of staff is still logged in; before it
/// passes news on, it always does.
const RECHECK: Duration = Duration::from_secs(60);
/// How often something goes over a quiet connection, so that nothing on the way takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What every view of a timeline shows.
pub struct View {
    /// Whose.
    pub customer_id: String,
    /// Newest first.
    pub rows: Vec<Row>,
    /// Where it goes on.
    pub older: Option<String>,
    /// The last click on the envelope, in words.
    pub last: Option<String>,
    /// What to tell the caller now.
    pub say: String,
}

/// An entry as it is shown.
#[derive(Serialize)]
pub struct Row {
    /// Names it.
    pub id: String,
    /// RFC 3339.
    pub at: String,
    /// As people read it.
    #[serde(skip)]
    pub moment: String,
    /// For programs.
    pub kind: String,
    /// What happened, in plain words.
    pub text: String,
    /// At which store.
    pub store: Option<String>,
    /// Who did it.
    pub actor: String,
    /// What to tell the caller about it.
    pub say: Option<String>,
    /// `good`, `warn`, `bad` or `idle`.
    pub tone: &'static str,
}

impl View {
    /// The newest page of a customer's timeline and where the reminder stands, or the page of what
    /// is older than the entry `before`.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when `before` is no entry of this customer.
    pub async fn of(
        desk: &Desk,
        customer: &Customer,
        standing: &Standing,
        before: Option<&str>,
    ) -> Result<Self, Failure> {
        let page = timeline::page(&desk.app.db, customer, before, PAGE).await?;
        let page = page.ok_or(Failure::NotFound)?;
        let speaker = Speaker {
            stores: &desk.app.stores,
            now: desk.now,
            sees_addresses: desk.may(Role::Agent),
            link_ttl: desk.app.config.link.ttl,
        };
        Ok(Self {
            customer_id: customer.id.clone(),
            rows: page.lines.iter().map(|line| row(&speaker, line)).collect(),
            older: page.older,
            last: last(&speaker, standing, desk.now),
            say: say(customer, &speaker, &page.lines),
        })
    }
}

fn row(speaker: &Speaker<'_>, line: &Line) -> Row {
    let words = speaker.words(line);
    Row {
        id: line.id.clone(),
        at: jiff::Timestamp::from_microsecond(line.at).map(|t| t.to_string()).unwrap_or_default(),
        moment: moment(line.at),
        kind: line.kind.clone(),
        text: words.what,
        store: words.store,
        actor: words.actor,
        say: words.say,
        tone: words.tone.as_str(),
    }
}

/// The envelope's memory: when, by whom, and how it went.
fn last(speaker: &Speaker<'_>, standing: &Standing, now: Micros) -> Option<String> {
    let last = standing.last.as_ref()?;
    let carried = carries(last.mode.as_str());
    let (ago, outcome) = (ago(now - last.at), &last.outcome);
    let mut text = format!(
        "Last reminder: {} ({ago}), by {}, with {carried}: {outcome}",
        moment(last.at),
        last.by
    );
    if let Some(reply) = last.reply.as_deref().filter(|reply| !reply.is_empty()) {
        text.push_str(": ");
        text.push_str(&speaker.reply(reply));
    }
    text.push('.');
    Some(text)
}

/// What a reminder of this mode carries.
pub fn carries(mode: &str) -> &'static str {
    match mode {
        "link" => "a recovery link",
        "current" => "the current password",
        _ => "a temporary password",
    }
}

/// How long ago, as one says it on the phone.
pub fn ago(age: Micros) -> String {
    use crate::clock::{DAY, HOUR, MINUTE};
    let count = |n: Micros, unit: &str| format!("{n} {unit}{} ago", if n == 1 { "" } else { "s" });
    match age {
        a if a < MINUTE => "just now".to_owned(),
        a if a < HOUR => count(a / MINUTE, "minute"),
        a if a < DAY => count(a / HOUR, "hour"),
        a => count(a / DAY, "day"),
    }
}

/// What to tell the caller: what holds of the account goes before what happened last.
fn say(customer: &Customer, speaker: &Speaker<'_>, lines: &[Line]) -> String {
    if customer.blocked_at.is_some() {
        return "Your account is closed. I cannot send you anything while it is.".to_owned();
    }
    speaker.advice(lines).unwrap_or_else(|| {
        "I can send you an email that gets you back in. It goes to the address that we have on \
         file; please tell me when it has arrived."
            .to_owned()
    })
}

#[derive(Template)]
#[template(path = "oms/timeline.html")]
struct TimelinePage {
    frame: Frame,
    name: String,
    view: View,
    is_newest: bool,
}

#[derive(Template)]
#[template(path = "oms/timeline_fragment.html")]
struct Fragment {
    view: View,
}

/// What of the timeline is wanted.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    before: Option<String>,
    #[serde(default)]
    fragment: String,
}

#[derive(Serialize)]
struct Exported {
    entries: Vec<Row>,
    older: Option<String>,
    say: String,
}

/// GET /oms/customers/{customer}/timeline: a page, JSON by `Accept`, or with `fragment=1` only what
/// changes on the record.
pub async fn show(
    Unattended(desk): Unattended,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let customer = desk.customer(&id).await?;
    let app = &desk.app;
    let standing =
        reminder::standing(&app.db, &app.config, &customer, desk.staff(), desk.now).await?;
    let view = View::of(&desk, &customer, &standing, wanted.before.as_deref()).await?;
    if wants_json(&headers) {
        let View { rows: entries, older, say, .. } = view;
        return Ok(Json(Exported { entries, older, say }).into_response());
    }
    if !wanted.fragment.is_empty() {
        return Ok(html(&Fragment { view }));
    }
    Ok(html(&TimelinePage {
        frame: Frame::new(&desk, Section::Customers),
        name: full_name(&desk, &customer),
        view,
        is_newest: wanted.before.is_none(),
    }))
}

/// What to call a customer: the name, or what else there is.
pub fn full_name(desk: &Desk, customer: &Customer) -> String {
    let name = format!("{} {}", customer.first_name, customer.last_name).trim().to_owned();
    if !name.is_empty() {
        return name;
    }
    if desk.may(Role::Agent) { customer.email.clone() } else { mask(&customer.email) }
}

/// Whether a program asks: a browser names HTML too.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    accepts(headers, "application/json") && !accepts(headers, "text/html")
}

/// Whether `Accept` names this kind of answer.
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains(kind))
}

/// GET /oms/customers/{customer}/timeline/live: an event for every new entry (server-sent events, WHATWG
/// HTML 9.2). It carries nothing: the page fetches what changed, with its own rights. An event
/// without data would be dropped by browsers, hence the words.
pub async fn live(
    Unattended(desk): Unattended,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let customer = desk.customer(&id).await?;
    let (events, stream) = mpsc::channel(1);
    let first = Event::default().event("ready").retry(Duration::from_secs(5)).data("now");
    let _ = events.send(Ok(first)).await;
    // Browsers ask for events by name. Whoever does not gets no connection that stays open.
    if accepts(&headers, "text/event-stream") {
        let listener = desk.app.live.listen(&customer.id).ok_or(Failure::Busy)?;
        tokio::spawn(pass_on(desk, listener, events));
    } else {
        drop(events);
    }
    let beat = KeepAlive::new().interval(HEARTBEAT);
    let mut response = Sse::new(ReceiverStream::new(stream)).keep_alive(beat).into_response();
    // nginx would hold events back until its buffer is full.
    let unbuffered = header::HeaderValue::from_static("no");
    response.headers_mut().insert(header::HeaderName::from_static("x-accel-buffering"), unbuffered);
    Ok(response)
}

/// Passes news on until the page is closed, the session has ended, or the process stops.
async fn pass_on(
    desk: Desk,
    mut listener: Listener,
    events: mpsc::Sender<Result<Event, Infallible>>,
) {
    let mut recheck = tokio::time::interval(RECHECK);
    recheck.tick().await;
    loop {
        tokio::select! {
            () = events.closed() => return,
            news = listener.next() => {
                let event = Event::default().event("entry").data("new");
                let ends = news.is_none() || !may_go_on(&desk).await;
                if ends || events.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            _ = recheck.tick() => if !may_go_on(&desk).await {
                return;
            }
        }
    }
}

/// Whether the session still is one. A database that does not answer ends nothing.
async fn may_go_on(desk: &Desk) -> bool {
    let app = &desk.app;
    let digest = desk.session.digest;
    match session::find(&app.db, &app.config.staff, digest, app.clock.now()).await {
        Ok(found) => found.is_some_and(|session| session.is_full()),
        Err(error) => {
            tracing::warn!(%error, "cannot look whether a member of staff is logged in");
            true
        }
    }
}
