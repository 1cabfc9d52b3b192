//! What staff do about a mail: have it sent again, or take it back.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::activity::Action;
use crate::mail::retry::{self as rules, Refusal, Stored};
use crate::staff::Role;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::oms::desk::Desk;
use crate::web::oms::frame::{Frame, Section};
use crate::web::page::html;

/// What both buttons post.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Press {
    #[serde(default)]
    form_secret: String,
}

#[derive(Template)]
#[template(path = "oms/email_refused.html")]
struct RefusedPage {
    frame: Frame,
    title: &'static str,
    reason: String,
    /// The customer, where there is one.
    record: Option<String>,
}

/// POST /oms/email/mails/{mail}/retry: 303 to the list; 409 with the reason when it is not sent again.
pub async fn retry(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<Press>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let app = &desk.app;
    let mut tx = app.db.begin().await?;
    let mail = rules::find(&mut tx, desk.merchant_id(), &id, desk.now).await?;
    let mail = mail.ok_or(Failure::NotFound)?;
    let done = rules::retry(&mut tx, &app.config, &mail, desk.staff(), desk.now).await?;
    if let Err(refusal) = done {
        return Ok(refused(&desk, "The email is not sent again", &refusal, &mail));
    }
    note(&desk, &mut tx, Action::MailRetried, &mail).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(see_other("/oms/email?done=retried", []))
}

/// POST /oms/email/mails/{mail}/cancel: 303 to the list; 409 with the reason when it is not taken back.
pub async fn cancel(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<Press>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let mut tx = desk.app.db.begin().await?;
    let mail = rules::find(&mut tx, desk.merchant_id(), &id, desk.now).await?;
    let mail = mail.ok_or(Failure::NotFound)?;
    if let Err(refusal) = rules::cancel(&mut tx, &mail, desk.staff(), desk.now).await? {
        return Ok(refused(&desk, "The email is not taken back", &refusal, &mail));
    }
    note(&desk, &mut tx, Action::MailCancelled, &mail).await?;
    tx.commit().await?;
    Ok(see_other("/oms/email?done=cancelled", []))
}

async fn note(
    desk: &Desk,
    tx: &mut crate::db::Tx,
    action: Action,
    mail: &Stored,
) -> crate::db::Result<()> {
    let detail = json!({ "mail": mail.kind.as_str() });
    desk.note(tx, action, mail.customer_id.as_deref(), Some(&mail.store_id), detail).await
}

fn refused(desk: &Desk, title: &'static str, refusal: &Refusal, mail: &Stored) -> Response {
    let frame = Frame::new(desk, Section::Email);
    let record = mail.customer_id.as_ref().map(|id| format!("/oms/customers/{id}"));
    let page = RefusedPage { frame, title, reason: refusal.text(), record };
    (StatusCode::CONFLICT, html(&page)).into_response()
}
