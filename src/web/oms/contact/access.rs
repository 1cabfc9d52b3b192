//! Whether a customer's account is open: closing it, reopening it, ending its sessions. Posted by the
//! record, and back to it.

use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::{hold, record};
use crate::activity::Action;
use crate::customer;
use crate::session;
use crate::staff::Role;
use crate::timeline::{self, Entry};
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::oms::desk::Desk;

/// A button.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Button {
    #[serde(default)]
    form_secret: String,
}

/// POST /oms/customers/{customer}/block: sessions and links end, the password opens nothing. A second
/// click changes nothing.
pub async fn block(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<Button>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let (mut tx, customer) = hold(&desk, &id).await?;
    if customer.blocked_at.is_none() {
        customer::block(&mut tx, &customer, desk.now).await?;
        let name = &desk.staff().name;
        timeline::write_by(&mut tx, &customer, None, desk.now, name, Entry::Blocked).await?;
        desk.note(&mut tx, Action::CustomerBlocked, Some(&id), None, json!({})).await?;
        tx.commit().await?;
    }
    Ok(see_other(&record(&id), []))
}

/// POST /oms/customers/{customer}/unblock: what was ended stays ended.
pub async fn unblock(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<Button>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let (mut tx, customer) = hold(&desk, &id).await?;
    if customer.blocked_at.is_some() {
        customer::unblock(&mut tx, &customer).await?;
        let name = &desk.staff().name;
        timeline::write_by(&mut tx, &customer, None, desk.now, name, Entry::Unblocked).await?;
        desk.note(&mut tx, Action::CustomerUnblocked, Some(&id), None, json!({})).await?;
        tx.commit().await?;
    }
    Ok(see_other(&record(&id), []))
}

/// POST /oms/customers/{customer}/sessions: every device is logged out. Links in the mailbox stay
/// good: the caller may be about to open one.
pub async fn end_sessions(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<Button>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let (mut tx, customer) = hold(&desk, &id).await?;
    let ended = session::end_all(&mut tx, &customer.id, desk.now).await?;
    if ended > 0 {
        let (name, entry) = (&desk.staff().name, Entry::SessionEnded { all: true });
        timeline::write_by(&mut tx, &customer, None, desk.now, name, entry).await?;
        let detail = json!({ "sessions": ended });
        desk.note(&mut tx, Action::CustomerSessionsEnded, Some(&id), None, detail).await?;
        tx.commit().await?;
    }
    Ok(see_other(&record(&id), []))
}
