//! Test mail: one is sent over the real way to an address or to our own listener, and read back; by
//! itself, or from the source that staff paste.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::fields::Errors;
use super::frame::{Frame, Section, moment};
use crate::activity::Action;
use crate::address::EmailAddress;
use crate::args;
use crate::clock::{HOUR, Micros};
use crate::limit::{self, Window};
use crate::mail::inbound::Homeless;
use crate::mail::test_mail::{self, LONGEST, NewTest, TestMail};
use crate::staff::Role;
use crate::store::Store;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;

/// Test mails that one member of staff may send in an hour.
const PER_STAFF: Window = Window { most: 10, window: HOUR };
/// Test mails on the list.
const LISTED: i64 = 10;
/// Largest form with a pasted source: each byte may be three as percent-encoded.
pub const SOURCE_LIMIT: usize = 3 * LONGEST + 4096;

/// A test mail on the list.
struct Item {
    mail: TestMail,
    at: String,
    store: String,
    /// Class and word.
    state: (&'static str, String),
}

/// How a test mail stands: what came back, else what became of it in the queue.
async fn state(desk: &Desk, mail: &TestMail) -> Result<(&'static str, String), Failure> {
    if let Some(level) = mail.level() {
        return Ok((level.tone(), format!("Came back: {}", level.word())));
    }
    let sql = "SELECT outcome, reply, due_at, attempts FROM outbox
               WHERE subject_id = $1 AND merchant_id = $2 AND kind = 'test_mail'";
    let row = desk.app.db.row(sql, args![&mail.id, desk.merchant_id()]).await?;
    let Some(row) = row else { return Ok(("idle", "Sent a while ago".into())) };
    let outcome: Option<String> = row.get("outcome");
    Ok(match outcome.as_deref() {
        Some("sent") if mail.comes_home => ("idle", "Accepted; on its way home".into()),
        Some("sent") => ("good", "Accepted by the mail server".into()),
        Some(_) => ("bad", "Not delivered".into()),
        None if row.get::<i64>("due_at") > desk.now => ("warn", "Deferred".into()),
        None => ("idle", "In the queue".into()),
    })
}

#[derive(Template)]
#[template(path = "oms/email_test.html")]
struct TestPage {
    frame: Frame,
    /// Id, name, whether chosen.
    stores: Vec<(String, String, bool)>,
    address: String,
    /// Whether a mail can come home by itself.
    has_listener: bool,
    items: Vec<Item>,
    errors: Errors,
}

async fn page(desk: &Desk) -> Result<TestPage, Failure> {
    let mut items = Vec::new();
    for mail in test_mail::list(&desk.app.db, desk.merchant_id(), LISTED).await? {
        let store = desk.app.stores.by_id(&mail.store_id);
        items.push(Item {
            at: moment(mail.created_at),
            store: store.map(|store| store.name.clone()).unwrap_or_default(),
            state: state(desk, &mail).await?,
            mail,
        });
    }
    let mut stores = own_stores(desk);
    stores.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(TestPage {
        frame: Frame::new(desk, Section::Email),
        stores: stores.iter().map(|s| (s.id.clone(), s.name.clone(), false)).collect(),
        address: String::new(),
        has_listener: stores.iter().any(|store| desk.app.home_address(store, &store.id).is_ok()),
        items,
        errors: Errors::default(),
    })
}

fn own_stores(desk: &Desk) -> Vec<std::sync::Arc<Store>> {
    let own = |store: &std::sync::Arc<Store>| store.merchant_id == desk.merchant_id();
    desk.app.stores.list().into_iter().filter(own).collect()
}

/// GET /oms/email/test
pub async fn show(desk: Desk) -> Result<Response, Failure> {
    Ok(html(&page(&desk).await?))
}

/// What the form posts.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SendForm {
    form_secret: String,
    store: String,
    /// `address` or `home`.
    to: String,
    address: String,
}

/// POST /oms/email/test
pub async fn send(desk: Desk, Form(form): Form<SendForm>) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let store = own_stores(&desk).into_iter().find(|store| store.id == form.store);
    let id = crate::new_id();
    let comes_home = form.to == "home";
    let Some(store) = store else {
        return refused(&desk, form, ("store", "choose a store")).await;
    };
    let (field, to) = if comes_home {
        ("store", desk.app.home_address(&store, &id).map_err(Homeless::advice))
    } else {
        let advice = "this is no address: write one, like you@example.com";
        ("address", EmailAddress::parse(&form.address).ok_or_else(|| advice.to_owned()))
    };
    let to = match to {
        Ok(to) => to,
        Err(advice) => return refused(&desk, form, (field, &advice)).await,
    };
    let app = &desk.app;
    let bucket = limit::bucket(&app.keys.counters, "test-mail", &desk.staff().id);
    let mut tx = app.db.begin().await?;
    let standing = limit::hit(&mut tx, &[(bucket, 1, PER_STAFF)], desk.now).await?;
    if standing.first().is_some_and(|s| s.over(PER_STAFF, desk.now).is_some()) {
        // The count stays: whoever keeps trying waits from the first one on.
        tx.commit().await?;
        let advice = "you have sent many test mails within the hour: try again later";
        return refused(&desk, form, ("address", advice)).await;
    }
    let new = NewTest { id: &id, store: &store, staff_id: &desk.staff().id, to: &to, comes_home };
    let with = (&app.config.mail, &app.keys.addresses);
    test_mail::send(&mut tx, with, &new, desk.now).await?;
    let to = if comes_home { "home".to_owned() } else { to.masked() };
    let detail = json!({ "to": to });
    desk.note(&mut tx, Action::TestMailSent, None, Some(&store.id), detail).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(see_other(&format!("/oms/email/test/{id}"), []))
}

async fn refused(
    desk: &Desk,
    form: SendForm,
    (field, advice): (&'static str, &str),
) -> Result<Response, Failure> {
    let mut page = page(desk).await?;
    page.stores.iter_mut().for_each(|(id, _, chosen)| *chosen = *id == form.store);
    let page = TestPage { address: form.address, errors: Errors::one(field, advice), ..page };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response())
}

#[derive(Template)]
#[template(path = "oms/email_test_result.html")]
struct ResultPage {
    frame: Frame,
    mail: TestMail,
    store: String,
    at: String,
    returned: Option<String>,
    state: (&'static str, String),
    reply: String,
    link: String,
    trouble: Option<String>,
}

/// One of the merchant's test mails and its store; others do not exist here.
async fn own(desk: &Desk, id: &str) -> Result<(TestMail, std::sync::Arc<Store>), Failure> {
    let mail = test_mail::get(&desk.app.db, desk.merchant_id(), id).await?;
    let mail = mail.ok_or(Failure::NotFound)?;
    let store = desk.app.stores.by_id(&mail.store_id).ok_or(Failure::NotFound)?;
    Ok((mail, store))
}

async fn result_page(
    desk: &Desk,
    mail: TestMail,
    store: &Store,
    trouble: Option<String>,
) -> Result<ResultPage, Failure> {
    let sql = "SELECT reply FROM outbox WHERE subject_id = $1 AND merchant_id = $2
               AND kind = 'test_mail' AND reply IS NOT NULL";
    let row = desk.app.db.row(sql, args![&mail.id, desk.merchant_id()]).await?;
    let reply: String = row.map(|row| row.get("reply")).unwrap_or_default();
    let when = |at: Micros| moment(at);
    Ok(ResultPage {
        frame: Frame::new(desk, Section::Email),
        store: store.name.clone(),
        at: moment(mail.created_at),
        returned: mail.returned_at.map(when),
        state: state(desk, &mail).await?,
        reply: super::email::without_addresses(&reply),
        link: mail.link(store),
        mail,
        trouble,
    })
}

/// GET /oms/email/test/{test}
pub async fn result(
    desk: Desk,
    Path(id): Path<String>,
    Query(_): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let (mail, store) = own(&desk, &id).await?;
    Ok(html(&result_page(&desk, mail, &store, None).await?))
}

/// What the form with the source posts.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceForm {
    form_secret: String,
    source: String,
}

/// POST /oms/email/test/{test}: the source of the mail as it arrived.
pub async fn read_back(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<SourceForm>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let (mail, store) = own(&desk, &id).await?;
    let app = &desk.app;
    // Browsers end lines of a field with CRLF, whatever was pasted: as mail has them.
    let raw = form.source.trim_start().as_bytes();
    let read =
        test_mail::returned(&app.db, &app.dns, &app.stores, &mail, raw, None, desk.now).await?;
    if let Err(why) = read {
        let trouble = format!("This cannot be compared: {why}.");
        let page = result_page(&desk, mail, &store, Some(trouble)).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response());
    }
    Ok(see_other(&format!("/oms/email/test/{id}"), []))
}
