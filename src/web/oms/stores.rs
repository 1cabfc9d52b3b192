//! Stores: the list, and one store's settings. Everybody sees them, administrators change them.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::desk::Desk;
use super::fields::{Changes, Errors, StoreForm};
use super::frame::{Frame, Section};
use crate::activity::Action;
use crate::clock::minutes;
use crate::db::{self, Tx};
use crate::locale::Language;
use crate::staff::Role;
use crate::store::{self, NewStore, Setting, Store, rules};
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;
use crate::wording::{MAILS, Mail};

#[derive(Template)]
#[template(path = "oms/stores.html")]
struct ListPage {
    frame: Frame,
    stores: Vec<Store>,
}

#[derive(Template)]
#[template(path = "oms/store_new.html")]
struct NewPage {
    frame: Frame,
    form: StoreForm,
    errors: Errors,
    usual_minutes: i64,
}

#[derive(Template)]
#[template(path = "oms/store.html")]
struct StorePage {
    frame: Frame,
    store: Store,
    form: StoreForm,
    errors: Errors,
    /// What is wrong with an uploaded logo.
    logo_error: Option<String>,
    saved: bool,
    usual_minutes: i64,
}

impl StorePage {
    /// Which mails have the store's own words, by language.
    fn mails(&self) -> Vec<(&'static Mail, Vec<(&'static str, bool)>)> {
        let own = |mail: &Mail, language: Language| self.store.wordings.get(mail, language);
        let languages = |mail: &Mail| {
            let spoken = self.store.languages.iter();
            spoken.map(|l| (l.code(), own(mail, *l).is_some())).collect()
        };
        MAILS.iter().map(|mail| (mail, languages(mail))).collect()
    }
}

/// The store with this id, if it is this merchant's.
pub(super) async fn find(desk: &Desk, id: &str) -> Result<Store, Failure> {
    store::find(&desk.app.db, desk.merchant_id(), id).await?.ok_or(Failure::NotFound)
}

/// This process follows at once, so that the next page shows the change; others within a second.
pub(super) async fn follow(desk: &Desk) -> Result<(), Failure> {
    Ok(desk.app.stores.refresh(&desk.app.db).await?)
}

/// GET /oms/stores
pub async fn list(desk: Desk) -> Result<Response, Failure> {
    let mut stores = store::of_merchant(&desk.app.db, desk.merchant_id()).await?;
    stores.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(html(&ListPage { frame: Frame::new(&desk, Section::Stores), stores }))
}

/// GET /oms/stores/{store}
pub async fn show(
    desk: Desk,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let store = find(&desk, &id).await?;
    Ok(html(&page(&desk, store, query.contains_key("saved"))))
}

fn page(desk: &Desk, store: Store, saved: bool) -> StorePage {
    StorePage {
        frame: Frame::new(desk, Section::Stores),
        form: StoreForm::of(&store),
        store,
        errors: Errors::default(),
        logo_error: None,
        saved,
        usual_minutes: usual_minutes(desk),
    }
}

/// How long links live where the store says nothing.
fn usual_minutes(desk: &Desk) -> i64 {
    minutes(desk.app.config.link.ttl)
}

/// The store's page with what is wrong with an uploaded logo.
pub(super) fn refuse_logo(desk: &Desk, store: Store, error: String) -> Response {
    let page = StorePage { logo_error: Some(error), ..page(desk, store, false) };
    (StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response()
}

/// POST /oms/stores/{store}: what differs from what is stored is checked and changed.
pub async fn save(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<StoreForm>,
) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let store = find(&desk, &id).await?;
    let refuse = |store: Store, form, errors| {
        let page = StorePage { form, errors, ..page(&desk, store, false) };
        Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response())
    };
    let changes = match form.changes(&StoreForm::of(&store)) {
        Ok(changes) => changes,
        Err(errors) => return refuse(store, form, errors),
    };
    let names: Vec<_> = changes.iter().map(|(name, _)| *name).collect();
    if names.is_empty() {
        return Ok(saved(&store.id));
    }
    let mut tx = desk.app.db.begin().await?;
    if let Some(advice) = apply(&desk, &mut tx, &store.id, &store.key, changes).await? {
        drop(tx);
        return refuse(store, form, Errors::one("base_url", &advice));
    }
    desk.note(&mut tx, Action::StoreChanged, None, Some(&store.id), json!({ "fields": names }))
        .await?;
    tx.commit().await?;
    follow(&desk).await?;
    Ok(saved(&store.id))
}

fn saved(id: &str) -> Response {
    see_other(&format!("/oms/stores/{id}?saved=1"), [])
}

/// Changes settings, or says what is wrong with the base URL; then nothing may be committed.
async fn apply(
    desk: &Desk,
    tx: &mut Tx,
    id: &str,
    key: &str,
    changes: Changes,
) -> db::Result<Option<String>> {
    for (_, setting) in changes {
        if let Setting::BaseUrl(url) = &setting {
            let main = &desk.app.main_origin;
            if let Err(advice) =
                rules::may_answer_at(tx, desk.merchant_id(), key, url, main).await?
            {
                return Ok(Some(advice));
            }
        }
        match store::set(tx, id, setting).await {
            Err(error) if db::is_taken(&error) => {
                return Ok(Some("another store has this base URL; choose another".into()));
            }
            done => done?,
        }
    }
    Ok(None)
}

/// GET /oms/stores/new
pub async fn new(desk: Desk) -> Result<Response, Failure> {
    desk.need(Role::Administrator)?;
    Ok(html(&new_page(&desk, StoreForm::empty(), Errors::default())))
}

fn new_page(desk: &Desk, form: StoreForm, errors: Errors) -> NewPage {
    let frame = Frame::new(desk, Section::Stores);
    NewPage { frame, form, errors, usual_minutes: usual_minutes(desk) }
}

/// POST /oms/stores/new
pub async fn add(desk: Desk, Form(form): Form<StoreForm>) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let refuse = |form, errors| {
        let page = new_page(&desk, form, errors);
        Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response())
    };
    let (new, rest) = match form.new_store() {
        Ok(read) => read,
        Err(errors) => return refuse(form, errors),
    };
    let app = &desk.app;
    let mut tx = app.db.begin().await?;
    let (merchant, main) = (desk.merchant_id(), &app.main_origin);
    let may = rules::may_answer_at(&mut tx, merchant, &new.key, &new.base_url, main).await?;
    if let Err(advice) = may {
        drop(tx);
        return refuse(form, Errors::one("base_url", &advice));
    }
    let id = match insert(&mut tx, &desk, &new, rest).await {
        Ok(id) => id,
        Err(error) if db::is_taken(&error) => {
            drop(tx);
            return refuse(form, taken(&error));
        }
        Err(error) => return Err(error.into()),
    };
    tx.commit().await?;
    follow(&desk).await?;
    Ok(saved(&id))
}

async fn insert(tx: &mut Tx, desk: &Desk, new: &NewStore, rest: Changes) -> db::Result<String> {
    let id = store::add(tx, desk.merchant_id(), new, desk.now).await?;
    for (_, setting) in rest {
        store::set(tx, &id, setting).await?;
    }
    let detail = json!({ "key": new.key, "access": new.access.as_str() });
    desk.note(tx, Action::StoreAdded, None, Some(&id), detail).await?;
    Ok(id)
}

/// Which of the two unique columns it was: both databases name it.
fn taken(error: &db::Error) -> Errors {
    if error.to_string().contains("base_url") {
        Errors::one("base_url", "another store has this base URL; choose another")
    } else {
        Errors::one("key", "this short name is in use; choose another")
    }
}
