//! Activity: who did what to which customer, when and from where; filters, the export, and the
//! alerts that stand on top until an administrator has read them.

mod export;

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

pub use export::export;

use super::desk::Desk;
use super::filters::{self, Choice};
use super::frame::{Frame, Section, short_moment};
use crate::activity::Action;
use crate::activity::read::{self, Cursor, Filter, Line, Who};
use crate::args;
use crate::clock::Micros;
use crate::staff::Role;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;

/// Entries on a page.
const PAGE: i64 = 50;
/// Alerts on top; those beyond stand in the list, and come up when these have been read.
const ALERTS: i64 = 20;

/// `GET /oms/activity`, all of them optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// An id, or `nobody`.
    staff: String,
    /// A customer number.
    customer: String,
    /// As stored.
    action: String,
    /// A day of UTC: `2026-11-23`.
    from: String,
    /// The same; that day is included.
    to: String,
    /// Where an older page begins.
    before: String,
}

impl Asked {
    /// The page's own address with these filters.
    fn address(&self, path: &str, before: Option<Cursor>) -> String {
        let filters = [
            ("staff", &*self.staff),
            ("customer", &self.customer),
            ("action", &self.action),
            ("from", &self.from),
            ("to", &self.to),
        ];
        filters::address(path, &filters, before.map(|before| before.text()))
    }
}

/// What was asked for, as the database takes it; and what of it cannot be.
#[derive(Default)]
struct Understood {
    filter: Filter,
    before: Option<Cursor>,
    troubles: Vec<String>,
}

/// Reads the filters. What cannot be read filters nothing and is said.
async fn understand(desk: &Desk, asked: &Asked, staff: &[Choice]) -> Result<Understood, Failure> {
    let mut read = Understood::default();
    let (filter, troubles) = (&mut read.filter, &mut read.troubles);
    filter.who = match asked.staff.as_str() {
        "" => Who::Anybody,
        "nobody" => Who::Nobody,
        id if staff.iter().any(|choice| choice.value == id) => Who::Staff(id.to_owned()),
        _ => return Err(Failure::NotFound),
    };
    filter.customer_id = filters::customer(desk, &asked.customer, troubles).await?;
    filter.action = Action::parse(&asked.action);
    if filter.action.is_none() && !asked.action.is_empty() {
        let action = &asked.action;
        troubles.push(format!("There is no action called “{action}”: choose one of the list."));
    }
    (filter.from, filter.to) = filters::days(&asked.from, &asked.to, troubles);
    read.before = Cursor::parse(&asked.before);
    Ok(read)
}

/// An entry as the page shows it.
struct Entry {
    line: Line,
    at: String,
    iso: String,
    pairs: Vec<(String, String)>,
    /// For an alert: what to do.
    advice: &'static str,
}

#[derive(Template)]
#[template(path = "oms/activity.html")]
struct Activity {
    frame: Frame,
    asked: Asked,
    troubles: Vec<String>,
    staff: Vec<Choice>,
    actions: Vec<Choice>,
    alerts: Vec<Entry>,
    /// The newest alert shown: what "read" is about.
    upto: i64,
    entries: Vec<Entry>,
    /// Whether network addresses are shown.
    sources: bool,
    is_filtered: bool,
    is_first: bool,
    newest: String,
    older: Option<String>,
    csv: String,
}

/// Shows the activity.
///
/// # Errors
/// [`Failure::NotFound`] for staff of another merchant.
pub async fn show(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let (db, merchant) = (&desk.app.db, desk.merchant_id());
    let staff = colleagues(&desk, &asked).await?;
    let understood = understand(&desk, &asked, &staff).await?;
    // With a filter that cannot be read, other entries than those asked for would mislead.
    let mut lines = if understood.troubles.is_empty() {
        read::page(db, merchant, &understood.filter, understood.before, PAGE + 1).await?
    } else {
        Vec::new()
    };
    let more = lines.len() > usize::try_from(PAGE).unwrap_or(0);
    lines.truncate(usize::try_from(PAGE).unwrap_or(0));
    let older = lines.last().filter(|_| more).map(Line::cursor);
    let is_administrator = desk.may(Role::Administrator);
    let alerts =
        if is_administrator { read::alerts(db, merchant, ALERTS).await? } else { Vec::new() };
    let newest = asked.address("/oms/activity", None);
    Ok(html(&Activity {
        upto: alerts.first().map_or(0, |line| line.seq),
        alerts: alerts.into_iter().map(entry).collect(),
        entries: lines.into_iter().map(entry).collect(),
        sources: desk.may(Role::Agent),
        is_filtered: newest != "/oms/activity",
        is_first: understood.before.is_none(),
        older: older.map(|cursor| asked.address("/oms/activity", Some(cursor))),
        csv: asked.address("/oms/activity.csv", None),
        actions: actions(&asked.action),
        troubles: understood.troubles,
        frame: Frame::new(&desk, Section::Activity),
        newest,
        staff,
        asked,
    }))
}

/// The merchant's staff, those who left too: what they did stays.
async fn colleagues(desk: &Desk, asked: &Asked) -> Result<Vec<Choice>, Failure> {
    let sql = "SELECT id, name FROM staff WHERE merchant_id = $1 ORDER BY name, id";
    let rows = desk.app.db.rows(sql, args![desk.merchant_id()]).await?;
    let choice =
        |row: &crate::db::Row| Choice::new(&row.get::<String>("id"), row.get("name"), &asked.staff);
    Ok(rows.iter().map(choice).collect())
}

fn actions(chosen: &str) -> Vec<Choice> {
    let choice = |action: &Action| Choice::new(action.as_str(), action.words().to_owned(), chosen);
    let mut all: Vec<_> = Action::ALL.iter().map(choice).collect();
    all.sort_by(|a, b| a.label.cmp(&b.label));
    all
}

fn entry(line: Line) -> Entry {
    Entry {
        at: short_moment(line.at),
        iso: iso(line.at),
        pairs: line.pairs(),
        advice: advice(&line.action),
        line,
    }
}

/// ISO 8601 in UTC, to the microsecond.
fn iso(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at).map(|at| format!("{at:.6}")).unwrap_or_default()
}

/// What an administrator does about an alert.
fn advice(action: &str) -> &'static str {
    match Action::parse(action) {
        Some(Action::ReminderLimit | Action::ReminderUnusual) => {
            "Ask the member of staff what these reminders were for. If they know nothing of it, \
             disable them under Staff: somebody else works with their access."
        }
        Some(Action::SealRefused) => {
            "A sealed password did not belong to the record that it stood in, and was not mailed. \
             Tell whoever runs Doorkey: somebody may have changed the database."
        }
        Some(Action::StaffLoginThrottled) => {
            "Somebody tried many passwords. Ask the member of staff whether it was them; if not, \
             make sure that they have a second factor."
        }
        Some(Action::ForeignId) => {
            "Somebody asked for records of another business and got nothing. Ask the member of \
             staff where the address came from."
        }
        _ => "Ask the member of staff whether this was meant.",
    }
}

/// `POST /oms/activity/read`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    #[serde(default)]
    form_secret: String,
    /// The newest alert that the page showed.
    upto: String,
}

/// Marks the alerts that the page showed as read; one that came up since stays.
///
/// # Errors
/// [`Failure::NotAllowed`] for anybody but an administrator.
pub async fn mark_read(desk: Desk, Form(form): Form<Read>) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let upto = form.upto.parse().map_err(|_| Failure::BadRequest)?;
    let (app, staff) = (&desk.app, desk.staff());
    read::mark_read(&app.db, &app.keys.activity, staff, &desk.source, upto, desk.now).await?;
    Ok(see_other("/oms/activity", []).into_response())
}
