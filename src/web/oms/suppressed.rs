//! Suppressed addresses: who gets no mail any more and why, and letting mail go there again.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::frame::{Frame, Section, short_moment};
use crate::activity::Action;
use crate::address::mask;
use crate::staff::Role;
use crate::suppression::Reason;
use crate::suppression::list::{self, Line};
use crate::timeline::{self, Entry};
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;

#[derive(Template)]
#[template(path = "oms/suppressed.html")]
struct SuppressedPage {
    frame: Frame,
    q: String,
    rows: Vec<Shown>,
    /// The query of the next page.
    next: Option<String>,
    is_further: bool,
    done: Option<&'static str>,
    may_lift: bool,
}

/// A line as it is shown.
struct Shown {
    id: String,
    customer_id: String,
    name: String,
    email: String,
    reason: &'static str,
    badge: &'static str,
    reply: String,
    since: String,
    iso: String,
}

/// What stands behind the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    after: Option<String>,
    done: Option<String>,
}

/// Shows the list.
///
/// # Errors
/// What the database says.
pub async fn list(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let page =
        list::page(&desk.app.db, desk.merchant_id(), &asked.q, asked.after.as_deref()).await?;
    let q: String = url::form_urlencoded::byte_serialize(asked.q.as_bytes()).collect();
    Ok(html(&SuppressedPage {
        frame: Frame::new(&desk, Section::Email),
        rows: page.lines.into_iter().map(|line| shown(&desk, line)).collect(),
        next: page.next.map(|after| format!("q={q}&after={after}")),
        is_further: asked.after.is_some(),
        done: match asked.done.as_deref() {
            Some("lifted") => Some("Mail may go to that address again. Nothing was sent."),
            Some("over") => Some("That was lifted already, or the customer has another address."),
            _ => None,
        },
        may_lift: desk.may(Role::Agent),
        q: asked.q,
    }))
}

fn shown(desk: &Desk, line: Line) -> Shown {
    let since = line.standing.since;
    let (badge, reason) = match line.standing.reason {
        Reason::Bounced => ("bad", "Mail came back"),
        Reason::Complained => ("warn", "Marked as spam"),
    };
    let iso = jiff::Timestamp::from_microsecond(since).map(|at| at.to_string());
    Shown {
        id: line.id,
        customer_id: line.customer_id,
        name: if line.name.is_empty() { "(no name)".into() } else { line.name },
        email: if desk.may(Role::Agent) { line.email } else { mask(&line.email) },
        reason,
        badge,
        reply: line.standing.reply,
        since: short_moment(since),
        iso: iso.unwrap_or_default(),
    }
}

/// The form that lifts one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftForm {
    #[serde(default)]
    form_secret: String,
}

/// Lets mail go to an address again.
///
/// # Errors
/// See [`Desk::check`]; [`Failure::NotFound`] for what is no suppression of this merchant.
pub async fn lift(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<LiftForm>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let (db, merchant) = (&desk.app.db, desk.merchant_id());
    if !list::is_known(db, merchant, &id).await? {
        return Err(Failure::NotFound);
    }
    let mut tx = db.begin().await?;
    let lifted = list::lift(&mut tx, merchant, &id, &desk.staff().id, desk.now).await?;
    let Some(customer) = lifted else {
        return Ok(see_other("/oms/email/suppressed?done=over", []));
    };
    let (entry, name) = (Entry::SuppressionLifted, &desk.staff().name);
    timeline::write_by(&mut tx, &customer, None, desk.now, name, entry).await?;
    let detail = json!({ "suppression": &id });
    desk.note(&mut tx, Action::SuppressionLifted, Some(&customer.id), None, detail).await?;
    tx.commit().await?;
    Ok(see_other("/oms/email/suppressed?done=lifted", []))
}
