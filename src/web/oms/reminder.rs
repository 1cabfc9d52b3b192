//! The envelope: one click sends the reminder to the address on file. There is no field for an
//! address, a password or a text.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::desk::Desk;
use super::frame::{Frame, Section};
use crate::reminder::{self, Click, Sent};
use crate::staff::Role;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;

/// What the envelope posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    #[serde(default)]
    form_secret: String,
    /// `1`: send it once more.
    #[serde(default)]
    confirm: String,
    /// The last reminder that the page knew of: a second click on the same page is no second wish.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "oms/reminder_refused.html")]
struct RefusedPage {
    frame: Frame,
    reason: String,
    record: String,
}

/// POST /oms/customers/{customer}/reminder: 303 to the record, which says what was sent or asks whether to
/// send once more; 409 with the reason when nothing may be sent.
pub async fn send(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<Envelope>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    if !matches!(&*form.confirm, "" | "1") {
        return Err(Failure::BadRequest);
    }
    let customer = desk.customer(&id).await?;
    let app = &desk.app;
    let click = Click {
        staff: desk.staff(),
        customer: &customer,
        source: &desk.source,
        confirmed: form.confirm == "1",
        after: Some(&*form.after).filter(|after| !after.is_empty()),
        came_at: desk.now,
    };
    let mut tx = app.db.begin().await?;
    let sent =
        reminder::send(&mut tx, &app.config, &app.keys.activity, &click, app.clock.now()).await?;
    tx.commit().await?;
    let record = format!("/oms/customers/{}", customer.id);
    Ok(match sent {
        Sent::Queued(id) => {
            app.wake.notify_one();
            metrics::counter!("doorkey_reminders").increment(1);
            see_other(&format!("{record}?sent={id}"), [])
        }
        Sent::Same(id) => see_other(&format!("{record}?sent={id}"), []),
        Sent::Again => see_other(&format!("{record}?again=1"), []),
        Sent::Refused(refusal) => {
            let frame = Frame::new(&desk, Section::Customers);
            let page = RefusedPage { frame, reason: refusal.text(), record };
            (StatusCode::CONFLICT, html(&page)).into_response()
        }
    })
}
