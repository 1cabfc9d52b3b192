//! A customer's new address, given by staff: it waits until the customer confirms it.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::{hold, name, record, refused};
use crate::activity::Action;
use crate::address::EmailAddress;
use crate::address_change::{self, Change};
use crate::clock::{HOUR, SECOND};
use crate::customer::{self, Customer};
use crate::db;
use crate::locale::Language;
use crate::staff::Role;
use crate::timeline::{self, Entry};
use crate::web::error::{Failure, seconds};
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::oms::desk::Desk;
use crate::web::oms::frame::{Frame, Section, moment};
use crate::web::page::html;

#[derive(Template)]
#[template(path = "oms/customer_address.html")]
struct AddressPage {
    frame: Frame,
    id: String,
    name: String,
    /// The address on file.
    on_file: String,
    /// The one that waits to be confirmed.
    pending: Option<String>,
    email: String,
    error: Option<String>,
    /// The record that has the address already.
    taken: Option<String>,
    /// Until when the confirming link would work.
    until: String,
    /// Hours without reminders.
    hours: i64,
}

async fn page(desk: &Desk, customer: &Customer, typed: &str) -> db::Result<AddressPage> {
    let (db, config) = (&desk.app.db, &desk.app.config);
    Ok(AddressPage {
        frame: Frame::new(desk, Section::Customers),
        id: customer.id.clone(),
        name: name(customer),
        on_file: customer.email.clone(),
        pending: address_change::pending(db, config, customer, desk.now).await?,
        email: typed.chars().take(254).collect(),
        error: None,
        taken: None,
        until: moment(desk.now + config.link.confirm_ttl * SECOND),
        hours: config.reminder.address_hold * SECOND / HOUR,
    })
}

/// GET /oms/customers/{customer}/address
pub async fn show(desk: Desk, Path(id): Path<String>) -> Result<Response, Failure> {
    desk.need(Role::Agent)?;
    let customer = desk.customer(&id).await?;
    Ok(html(&page(&desk, &customer, "").await?))
}

/// What the page of the address posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressForm {
    #[serde(default)]
    form_secret: String,
    email: String,
}

/// Why a typed address is not taken: a sentence, or the record that has it already.
enum No {
    Because(&'static str),
    Taken(String),
}

/// Reads an address that the customer could change to.
async fn read(
    desk: &Desk,
    customer: &Customer,
    typed: &str,
) -> db::Result<Result<EmailAddress, No>> {
    let Some(new) = EmailAddress::parse(typed) else {
        return Ok(Err(No::Because("Write one address, like ada@example.com.")));
    };
    if new.as_str() == customer.email {
        return Ok(Err(No::Because("This is the address on file already.")));
    }
    let found = customer::credential(&desk.app.db, desk.merchant_id(), new.key()).await?;
    let other = found.map(|found| found.customer.id).filter(|id| *id != customer.id);
    Ok(other.map_or(Ok(new), |id| Err(No::Taken(id))))
}

/// POST /oms/customers/{customer}/address: nothing changes until the new mailbox confirms. The old
/// one is told, and no reminder goes to either for a day.
pub async fn submit(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<AddressForm>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let customer = desk.customer(&id).await?;
    let new = match read(&desk, &customer, &form.email).await? {
        Ok(new) => new,
        Err(no) => {
            let mut page = page(&desk, &customer, &form.email).await?;
            match no {
                No::Because(text) => page.error = Some(text.to_owned()),
                No::Taken(id) => page.taken = Some(id),
            }
            return Ok(refused(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let app = &desk.app;
    let store = app.stores.by_id(&customer.home_store_id).ok_or(Failure::Busy)?;
    let (mut tx, customer) = hold(&desk, &id).await?;
    let staff_id = Some(&*desk.staff().id);
    let change = Change { store: &store, customer: &customer, new: &new, staff_id };
    let (config, counters) = (&app.config, &app.keys.counters);
    let wait =
        address_change::request_by_staff(&mut tx, config, counters, &change, desk.now).await?;
    if let Some(wait) = wait {
        tx.commit().await?;
        let wait = Language::En.duration(seconds(wait));
        let error = format!(
            "Several changes of this address were asked for within an hour. Try again in {wait}."
        );
        let page = AddressPage { error: Some(error), ..page(&desk, &customer, &form.email).await? };
        return Ok(refused(StatusCode::TOO_MANY_REQUESTS, &page));
    }
    let (name, at) = (&desk.staff().name, Some(&*store.id));
    let entry = Entry::AddressChangeRequested;
    timeline::write_by(&mut tx, &customer, at, desk.now, name, entry).await?;
    let action = Action::CustomerAddressRequested;
    desk.note(&mut tx, action, Some(&id), at, json!({})).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(see_other(&record(&id), []))
}
