//! The list of customers, and finding one in it.

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

use super::desk::Desk;
use super::frame::{Frame, Section};
use crate::address::mask;
use crate::clock::SECOND;
use crate::customer::search::{self, Hit, Search, Status};
use crate::staff::Role;
use crate::web::error::Failure;
use crate::web::page::html;

/// What the list is asked for.
#[derive(Deserialize)]
pub struct Wanted {
    /// As typed into the search field.
    #[serde(default)]
    q: String,
    /// Where the page begins.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "oms/customers.html")]
struct ListPage {
    frame: Frame,
    q: String,
    rows: Vec<Line>,
    /// Whether this is not the first page.
    is_further: bool,
    /// The address of the next page.
    next: Option<String>,
    /// How many were found, in words.
    found: String,
}

struct Line {
    id: String,
    last_name: String,
    first_name: String,
    company: String,
    number: String,
    email: String,
    store: String,
    status: &'static str,
    /// Class of the badge.
    badge: &'static str,
    is_changing: bool,
}

/// GET /oms/customers
pub async fn list(desk: Desk, Query(wanted): Query<Wanted>) -> Result<Response, Failure> {
    let search = Search::read(&wanted.q);
    let page = search::page(&desk.app.db, desk.merchant_id(), &search, &wanted.after).await?;
    let rows: Vec<_> = page.hits.into_iter().map(|hit| line(&desk, hit)).collect();
    Ok(html(&ListPage {
        frame: Frame::new(&desk, Section::Customers),
        is_further: !wanted.after.is_empty(),
        found: found(rows.len(), page.next.is_some() || !wanted.after.is_empty()),
        next: page.next.map(|after| address(search.typed(), &after)),
        q: search.typed().to_owned(),
        rows,
    }))
}

fn address(q: &str, after: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !q.is_empty() {
        query.append_pair("q", q);
    }
    format!("/oms/customers?{}", query.append_pair("after", after).finish())
}

/// Nobody counts a million customers to show the first few.
fn found(shown: usize, is_part: bool) -> String {
    match (shown, is_part) {
        (0, _) => "No customers".into(),
        (1, false) => "1 customer".into(),
        (n, false) => format!("{n} customers"),
        (n, true) => format!("{n} customers on this page"),
    }
}

fn line(desk: &Desk, hit: Hit) -> Line {
    let live_since = desk.now - desk.app.config.link.confirm_ttl * SECOND;
    let email = if desk.may(Role::Agent) { hit.email } else { mask(&hit.email) };
    Line {
        store: desk
            .app
            .stores
            .by_id(&hit.home_store_id)
            .map_or_else(String::new, |s| s.name.clone()),
        status: hit.status.words(),
        badge: match hit.status {
            Status::Active => "good",
            Status::Blocked => "bad",
            Status::Frozen => "warn",
            Status::NoPassword => "idle",
        },
        is_changing: hit.address_asked_at.is_some_and(|at| at > live_since),
        id: hit.id,
        // The name is the link: it must be something.
        last_name: if hit.last_name.is_empty() { "(no name)".into() } else { hit.last_name },
        first_name: hit.first_name,
        company: hit.company,
        number: hit.number,
        email,
    }
}
