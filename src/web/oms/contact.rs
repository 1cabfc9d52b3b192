//! What staff change on a customer's record: contact data at once, the address by way of the
//! customer, and whether the account is open at all. Nothing here shows or takes a password.

pub mod access;
pub mod address;
mod fields;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::frame::{Frame, Section};
use crate::activity::Action;
use crate::address::EmailAddress;
use crate::customer::contact::{self, Contact};
use crate::customer::{self, Customer, NewCustomer};
use crate::db::{self, Tx};
use crate::staff::Role;
use crate::timeline::{self, Entry};
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;
use fields::{Fields, Typed};

/// The merchant's customer with this id, held until the transaction ends.
async fn hold(desk: &Desk, id: &str) -> Result<(Tx, Customer), Failure> {
    desk.customer(id).await?;
    let mut tx = desk.app.db.begin().await?;
    let customer = contact::lock(&mut tx, desk.merchant_id(), id).await?;
    Ok((tx, customer.ok_or(Failure::NotFound)?))
}

/// Address of a record.
fn record(id: &str) -> String {
    format!("/oms/customers/{id}")
}

fn refused(status: StatusCode, page: &impl Template) -> Response {
    (status, html(page)).into_response()
}

#[derive(Template)]
#[template(path = "oms/customer_new.html")]
struct NewPage {
    frame: Frame,
    fields: Fields,
    email: String,
    email_error: Option<&'static str>,
    /// Who has the number or the address already: the record and what to call it.
    taken: Option<(String, &'static str)>,
}

/// GET /oms/customers/new
pub async fn show_new(desk: Desk) -> Result<Response, Failure> {
    desk.need(Role::Agent)?;
    let fields = Fields::new(&desk, Typed::default());
    Ok(html(&new_page(&desk, fields, "", None, None)))
}

fn new_page(
    desk: &Desk,
    fields: Fields,
    email: &str,
    email_error: Option<&'static str>,
    taken: Option<(String, &'static str)>,
) -> NewPage {
    let frame = Frame::new(desk, Section::Customers);
    NewPage { frame, fields, email: email.chars().take(254).collect(), email_error, taken }
}

/// What the page of a new customer posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewForm {
    #[serde(default)]
    form_secret: String,
    email: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    first_name: String,
    last_name: String,
    #[serde(default)]
    company: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    language: String,
    home_store: String,
}

/// POST /oms/customers/new: the customer has no password until they choose one, by a reminder or by
/// "Forgot your password?".
pub async fn add(desk: Desk, Form(form): Form<NewForm>) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let typed = Typed {
        number: form.number,
        first_name: form.first_name,
        last_name: form.last_name,
        company: form.company,
        phone: form.phone,
        language: form.language,
        home_store: form.home_store,
    };
    let mut fields = Fields::new(&desk, typed);
    let (wanted, email) = (fields.read(false)?, EmailAddress::parse(&form.email));
    let (Some(wanted), Some(address)) = (wanted, &email) else {
        let error = email.is_none().then_some("Write one address, like ada@example.com.");
        let page = new_page(&desk, fields, &form.email, error, None);
        return Ok(refused(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    match insert(&desk, &wanted, address).await {
        Ok(id) => Ok(see_other(&record(&id), [])),
        Err(error) if db::is_taken(&error) => {
            let (db, merchant) = (&desk.app.db, desk.merchant_id());
            let by_address = customer::credential(db, merchant, address.key()).await?;
            let taken = match by_address {
                Some(found) => Some((found.customer.id, "address")),
                None => contact::with_number(db, merchant, &wanted.number)
                    .await?
                    .map(|id| (id, "number")),
            };
            let page = new_page(&desk, fields, &form.email, None, taken);
            Ok(refused(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

async fn insert(desk: &Desk, wanted: &Contact, email: &EmailAddress) -> db::Result<String> {
    let new = NewCustomer {
        number: Some(&*wanted.number).filter(|number| !number.is_empty()),
        email,
        first_name: &wanted.first_name,
        last_name: &wanted.last_name,
        company: &wanted.company,
        phone: &wanted.phone,
        language: wanted.language,
        home_store_id: &wanted.home_store_id,
        password_hash: None,
    };
    let mut tx = desk.app.db.begin().await?;
    let id = customer::add(&mut tx, desk.merchant_id(), &new, desk.now).await?;
    let store = Some(&*wanted.home_store_id);
    let added = customer::by_id(&mut tx, desk.merchant_id(), &id).await?;
    let added = added.ok_or(db::Error::RowNotFound)?;
    let name = &desk.staff().name;
    timeline::write_by(&mut tx, &added, store, desk.now, name, Entry::Registered).await?;
    desk.note(&mut tx, Action::CustomerAdded, Some(&id), store, json!({})).await?;
    tx.commit().await?;
    Ok(id)
}

#[derive(Template)]
#[template(path = "oms/customer_edit.html")]
struct EditPage {
    frame: Frame,
    fields: Fields,
    id: String,
    name: String,
    /// The state of the record that the form shows.
    state: String,
    /// What somebody else has changed since: the field, and what the record says now.
    meanwhile: Vec<(&'static str, String)>,
    /// The record that has the number already.
    taken: Option<String>,
}

fn edit_page(desk: &Desk, customer: &Customer, fields: Fields) -> EditPage {
    EditPage {
        frame: Frame::new(desk, Section::Customers),
        fields,
        id: customer.id.clone(),
        name: name(customer),
        state: Contact::of(customer).state(),
        meanwhile: Vec::new(),
        taken: None,
    }
}

/// What to call the customer.
fn name(customer: &Customer) -> String {
    let name = format!("{} {}", customer.first_name, customer.last_name).trim().to_owned();
    if name.is_empty() { customer.number.clone() } else { name }
}

/// GET /oms/customers/{customer}/edit
pub async fn show_edit(desk: Desk, Path(id): Path<String>) -> Result<Response, Failure> {
    desk.need(Role::Agent)?;
    let customer = desk.customer(&id).await?;
    let fields = Fields::new(&desk, Typed::of(&customer));
    Ok(html(&edit_page(&desk, &customer, fields)))
}

/// What the page of contact data posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditForm {
    #[serde(default)]
    form_secret: String,
    #[serde(default)]
    state: String,
    number: String,
    #[serde(default)]
    first_name: String,
    last_name: String,
    #[serde(default)]
    company: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    language: String,
    home_store: String,
}

/// POST /oms/customers/{customer}/edit
pub async fn edit(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<EditForm>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let before = desk.customer(&id).await?;
    let typed = Typed {
        number: form.number,
        first_name: form.first_name,
        last_name: form.last_name,
        company: form.company,
        phone: form.phone,
        language: form.language,
        home_store: form.home_store,
    };
    let mut fields = Fields::new(&desk, typed);
    let Some(wanted) = fields.read(true)? else {
        // The form keeps the state that it began with: what was not read changes nothing.
        let page = EditPage { state: form.state, ..edit_page(&desk, &before, fields) };
        return Ok(refused(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    let (mut tx, customer) = hold(&desk, &id).await?;
    let current = Contact::of(&customer);
    if !form.state.is_empty() && form.state != current.state() && wanted != current {
        let meanwhile = differences(&desk, &current, &wanted);
        let page = EditPage { meanwhile, ..edit_page(&desk, &customer, fields) };
        return Ok(refused(StatusCode::CONFLICT, &page));
    }
    let changed = match contact::change(&mut tx, &customer, &wanted).await {
        Err(error) if db::is_taken(&error) => {
            // PostgreSQL answers nothing more in a transaction that failed.
            drop(tx);
            let taken = contact::with_number(&desk.app.db, desk.merchant_id(), &wanted.number);
            let page = EditPage {
                taken: taken.await?,
                state: form.state,
                ..edit_page(&desk, &customer, fields)
            };
            return Ok(refused(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
        other => other?,
    };
    if !changed.is_empty() {
        let detail = json!({ "changed": changed });
        desk.note(&mut tx, Action::CustomerChanged, Some(&id), None, detail).await?;
        tx.commit().await?;
    }
    Ok(see_other(&record(&id), []))
}

/// What the record says otherwise than the form, for people to read.
fn differences(desk: &Desk, current: &Contact, wanted: &Contact) -> Vec<(&'static str, String)> {
    let told = |(field, value): (&'static str, &str)| {
        let store = desk.app.stores.by_id(value).filter(|_| field == "home store");
        (field, store.map_or_else(|| value.to_owned(), |store| store.name.clone()))
    };
    current.differences(wanted).into_iter().map(told).collect()
}
