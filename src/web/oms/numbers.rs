//! Numbers: how often customers asked, got mail, opened links, chose passwords and logged in, by day
//! and store, drawn and as tables; and the share that needed no call.

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

use super::desk::Desk;
use super::frame::{Frame, Section};
use crate::numbers::{self, Count, What};
use crate::web::error::Failure;
use crate::web::page::html;

/// What can be chosen without typing an address.
const SPANS: [i64; 4] = [7, 30, 90, 365];
/// Most days at once.
const MOST: i64 = 366;

/// `GET /oms/numbers?days=30&store=`
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    days: String,
    #[serde(default)]
    store: String,
}

#[derive(Template)]
#[template(path = "oms/numbers.html")]
struct Numbers {
    frame: Frame,
    /// Length in days, and whether it is the one shown.
    spans: Vec<(i64, bool)>,
    /// Id, name, and whether it is the one shown.
    stores: Vec<(String, String, bool)>,
    days: i64,
    trouble: Option<String>,
    share: Share,
    charts: Vec<Chart>,
    /// Newest first.
    by_day: Vec<Line>,
    by_store: Vec<Line>,
    total: Line,
}

/// A row of a table.
struct Line {
    name: String,
    /// In the order of [`What::ALL`].
    hits: [i64; What::ALL.len()],
}

/// Who got help how.
struct Share {
    requested: i64,
    reminded: i64,
    /// In percent; none while there is nothing to compare.
    percent: Option<i64>,
}

/// A chart of one count, a column a day. Its texts stand around the drawing, not in it: they keep
/// their size on a narrow screen.
struct Chart {
    id: &'static str,
    title: &'static str,
    explained: &'static str,
    total: i64,
    /// The highest column.
    most: i64,
    description: String,
    columns: Vec<Column>,
    first: String,
    last: String,
}

/// A column, in units of a drawing of [`WIDTH`] by [`HEIGHT`].
struct Column {
    x: String,
    y: i64,
    width: String,
    height: i64,
    label: String,
}

const WIDTH: f64 = 600.0;
const HEIGHT: i64 = 160;

/// The name that a count's chart has in the page, its title, and what is counted.
fn words(what: What) -> (&'static str, &'static str, &'static str) {
    match what {
        What::Requested => {
            ("requested", "Links requested", "Customers who asked for a link at a store.")
        }
        What::Reminded => (
            "reminded",
            "Reminders sent by staff",
            "Clicks on the yellow envelope that sent a mail.",
        ),
        What::Accepted => (
            "accepted",
            "Mails accepted",
            "Mails with a link or a reminder that the mail server took.",
        ),
        What::Opened => (
            "opened",
            "Links opened",
            "Links opened by a person while they were good; mail scanners are left out.",
        ),
        What::Changed => (
            "changed",
            "Passwords changed",
            "New passwords, after a link, a reminder, or in the account.",
        ),
        What::LoggedIn => ("logged-in", "Logged in", "Log-ins at the stores, of all kinds."),
    }
}

/// Shows the numbers.
///
/// # Errors
/// [`Failure::NotFound`] for a store that is not this merchant's.
pub async fn show(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let days = asked.days.trim().parse().ok().filter(|days| (1..=MOST).contains(days));
    let trouble = (days.is_none() && !asked.days.is_empty()).then(|| {
        format!("“{}” is no number of days: type one from 1 to {MOST}. 30 are shown.", asked.days)
    });
    let days = days.unwrap_or(30);
    let mut all = desk.app.stores.list();
    all.retain(|store| store.merchant_id == desk.merchant_id());
    if !asked.store.is_empty() && !all.iter().any(|store| store.id == asked.store) {
        return Err(Failure::NotFound);
    }
    let today = numbers::day_of(desk.now);
    let first = today - days + 1;
    let mut counts = numbers::read(&desk.app.db, desk.merchant_id(), first).await?;
    // The clocks of several machines differ a little: what is of tomorrow belongs to no column yet.
    counts.retain(|count| count.day <= today);
    let name = |id: &str| match all.iter().find(|store| store.id == id) {
        Some(store) => store.name.clone(),
        None => "No store".to_owned(),
    };
    let by_store = by_store(&counts, name);
    if !asked.store.is_empty() {
        counts.retain(|count| count.store_id == asked.store);
    }
    let mut stores = vec![(String::new(), "All stores".to_owned(), asked.store.is_empty())];
    stores.extend(all.iter().map(|s| (s.id.clone(), s.name.clone(), s.id == asked.store)));
    let mut spans: Vec<i64> = SPANS.to_vec();
    if !spans.contains(&days) {
        spans.push(days);
        spans.sort_unstable();
    }
    let mut by_day = by_day(&counts, first, today);
    let total = sum("All days", counts.iter());
    let charts = What::ALL.iter().map(|what| chart(*what, &by_day)).collect();
    by_day.reverse();
    Ok(html(&Numbers {
        frame: Frame::new(&desk, Section::Numbers),
        spans: spans.into_iter().map(|span| (span, span == days)).collect(),
        stores,
        days,
        trouble,
        share: share(&total),
        charts,
        by_day,
        by_store,
        total,
    }))
}

fn sum<'a>(name: &str, counts: impl Iterator<Item = &'a Count>) -> Line {
    let mut line = Line { name: name.to_owned(), hits: Default::default() };
    for count in counts {
        line.hits[index(count.what)] += count.hits;
    }
    line
}

fn index(what: What) -> usize {
    What::ALL.iter().position(|other| *other == what).unwrap_or(0)
}

/// Every day from `first` to `last`, those on which nothing happened too.
fn by_day(counts: &[Count], first: i64, last: i64) -> Vec<Line> {
    let empty = |day| Line { name: date(day), hits: Default::default() };
    let mut days: Vec<_> = (first..=last).map(empty).collect();
    for count in counts {
        let line = usize::try_from(count.day - first).ok().and_then(|i| days.get_mut(i));
        if let Some(line) = line {
            line.hits[index(count.what)] += count.hits;
        }
    }
    days
}

/// The stores at which something happened, by name.
fn by_store(counts: &[Count], name: impl Fn(&str) -> String) -> Vec<Line> {
    let mut ids: Vec<_> = counts.iter().map(|count| &count.store_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let of = |id: &String| sum(&name(id), counts.iter().filter(|count| count.store_id == *id));
    let mut lines: Vec<_> = ids.into_iter().map(of).collect();
    lines.sort_by(|a, b| a.name.cmp(&b.name));
    lines
}

fn share(total: &Line) -> Share {
    let (requested, reminded) =
        (total.hits[index(What::Requested)], total.hits[index(What::Reminded)]);
    let both = requested + reminded;
    Share { requested, reminded, percent: (both > 0).then(|| requested * 100 / both) }
}

/// `days`: the oldest first.
fn chart(what: What, days: &[Line]) -> Chart {
    let hits = |line: &Line| line.hits[index(what)];
    let total = days.iter().map(hits).sum();
    let most = days.iter().map(hits).max().unwrap_or(0);
    let step = WIDTH / days.len() as f64;
    let column = |(i, line): (usize, &Line)| {
        // What happened at all can be seen.
        let height = (hits(line) * HEIGHT / most).max(2);
        Column {
            x: format!("{:.2}", (i as f64 + 0.1) * step),
            y: HEIGHT - height,
            width: format!("{:.2}", step * 0.8),
            height,
            label: format!("{}: {}", line.name, hits(line)),
        }
    };
    let description = match days.iter().rev().find(|line| hits(line) == most) {
        Some(line) if most > 0 => {
            format!("{total} in {} days; most on {}: {most}.", days.len(), line.name)
        }
        _ => format!("None in {} days.", days.len()),
    };
    let (id, title, explained) = words(what);
    let end = |line: Option<&Line>| line.map(|line| line.name.clone()).unwrap_or_default();
    Chart {
        id,
        title,
        explained,
        total,
        most,
        description,
        columns: days.iter().enumerate().filter(|(_, line)| hits(line) > 0).map(column).collect(),
        first: end(days.first()),
        last: end(days.last()),
    }
}

/// `21 Nov 2026`
fn date(day: i64) -> String {
    let at = jiff::Timestamp::from_second(day * 86_400).unwrap_or_default();
    at.strftime("%-d %b %Y").to_string()
}
