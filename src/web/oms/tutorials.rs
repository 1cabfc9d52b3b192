//! Guided tutorials: the list with what has been walked, the steps for the popovers, and how far one
//! has come.

use askama::Template;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

use super::desk::Desk;
use super::frame::{Frame, Section, moment};
use crate::activity::Action;
use crate::db;
use crate::mail::message;
use crate::merchant;
use crate::password::Password;
use crate::secret::Token;
use crate::staff::Role;
use crate::store::Store;
use crate::tutorial::{self, Act, Progress, Step, Tutorial};
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;

#[derive(Template)]
#[template(path = "oms/tutorials.html")]
struct ListPage {
    frame: Frame,
    lessons: Vec<Lesson>,
    trouble: Option<&'static str>,
}

/// A tutorial on the list.
struct Lesson {
    tutorial: &'static Tutorial,
    /// When it was last walked to the end.
    finished: Option<String>,
    /// Where it goes on: a step from 1, if it was begun.
    step: Option<usize>,
    under_way: bool,
    may: bool,
}

impl Lesson {
    fn new(desk: &Desk, tutorial: &'static Tutorial, progress: &[Progress]) -> Self {
        let own = progress.iter().find(|p| p.tutorial == tutorial.key);
        Self {
            tutorial,
            finished: own.and_then(|p| p.finished_at).map(moment),
            step: own.map(|p| p.step + 1).filter(|step| *step > 1),
            under_way: own.is_some_and(|p| p.under_way),
            may: desk.may(tutorial.role),
        }
    }
}

impl ListPage {
    /// What a step asks for, in words.
    fn task(&self, step: &Step) -> String {
        match step.act {
            Act::Look => "Look".into(),
            Act::Click => "Click".into(),
            Act::Type(text) => format!("Type “{text}”"),
        }
    }
}

async fn list_page(desk: &Desk, trouble: Option<&'static str>) -> Result<ListPage, Failure> {
    let progress = tutorial::progress(&desk.app.db, &desk.staff().id).await?;
    let lessons = tutorial::ALL.iter().map(|t| Lesson::new(desk, t, &progress)).collect();
    Ok(ListPage { frame: Frame::new(desk, Section::Tutorials), lessons, trouble })
}

/// GET /oms/tutorials
pub async fn list(desk: Desk) -> Result<Response, Failure> {
    Ok(html(&list_page(&desk, None).await?))
}

/// Which tutorial, from the beginning or from where it was left.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartForm {
    #[serde(default)]
    form_secret: String,
    tutorial: String,
    /// `1`: where it was left.
    #[serde(default)]
    resume: String,
}

/// POST /oms/tutorials/start
pub async fn start(desk: Desk, Form(form): Form<StartForm>) -> Result<Response, Failure> {
    desk.check(Role::Viewer, &form.form_secret)?;
    let tutorial = tutorial::by_key(&form.tutorial).ok_or(Failure::NotFound)?;
    desk.need(tutorial.role)?;
    let resume = form.resume == "1";
    let mut practice = None;
    if tutorial.practice {
        practice = practice_customer(&desk, resume).await?;
        if practice.is_none() {
            let page = list_page(&desk, Some("There is no store yet to practise in.")).await?;
            return Ok((StatusCode::CONFLICT, html(&page)).into_response());
        }
    }
    let mut tx = desk.app.db.begin().await?;
    tutorial::start(&mut tx, &desk.staff().id, tutorial, resume, desk.now).await?;
    tx.commit().await?;
    let progress = tutorial::progress(&desk.app.db, &desk.staff().id).await?;
    let step = progress.iter().find(|p| p.under_way).map_or(0, |p| p.step);
    let (_, page) = tutorial.entry(step);
    Ok(see_other(&filled(page, practice.as_deref()), []))
}

/// The merchant's practice customer: made on first use, fresh again on each new start. None while
/// the merchant has no store.
async fn practice_customer(desk: &Desk, resume: bool) -> Result<Option<String>, Failure> {
    let (db, merchant) = (&desk.app.db, desk.merchant_id());
    if let Some(id) = tutorial::practice_customer(db, merchant).await? {
        if !resume {
            let mut tx = db.begin().await?;
            tutorial::tidy_practice_customer(&mut tx, &id, desk.now).await?;
            tx.commit().await?;
        }
        return Ok(Some(id));
    }
    let Some(store) = home_store(desk) else { return Ok(None) };
    // Nobody knows it: the record looks like one with a password, and no password opens it.
    let password = Password::read(&Token::new().reveal())
        .map_err(|_| Failure::Internal("a token is no password".into()))?;
    let hash = desk.app.hasher.hash(password).await?;
    let mut tx = db.begin().await?;
    match tutorial::add_practice_customer(&mut tx, merchant, &store.id, hash, desk.now).await {
        Ok(Some(id)) => {
            let detail = json!({ "practice": true });
            let about = (Some(id.as_str()), Some(store.id.as_str()));
            desk.note(&mut tx, Action::CustomerAdded, about.0, about.1, detail).await?;
            tx.commit().await?;
            Ok(Some(id))
        }
        Ok(None) => Ok(None),
        // A colleague was as quick.
        Err(error) if db::is_taken(&error) => {
            drop(tx);
            Ok(tutorial::practice_customer(db, merchant).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The merchant's first store.
fn home_store(desk: &Desk) -> Option<Arc<Store>> {
    let stores = desk.app.stores.list();
    stores.into_iter().find(|store| store.merchant_id == desk.merchant_id())
}

/// GET /oms/tutorials/current: what is under way, for the popovers.
pub async fn current(desk: Desk) -> Result<Json<Value>, Failure> {
    let progress = tutorial::progress(&desk.app.db, &desk.staff().id).await?;
    let under_way = progress.iter().find(|p| p.under_way);
    let known = under_way.and_then(|p| Some((p, tutorial::by_key(&p.tutorial)?)));
    let Some((progress, tutorial)) = known else { return Ok(Json(json!({ "tour": null }))) };
    let practice = tutorial::practice_customer(&desk.app.db, desk.merchant_id()).await?;
    let steps: Vec<_> =
        tutorial.steps.iter().map(|s| filled_step(s, practice.as_deref())).collect();
    Ok(Json(json!({ "tour": {
        "tutorial": tutorial.key,
        "title": tutorial.title,
        "step": progress.step.min(tutorial.steps.len() - 1),
        "steps": steps,
        "secret": desk.form_secret(),
    }})))
}

fn filled(text: &str, practice: Option<&str>) -> String {
    text.replace("{practice}", practice.unwrap_or("-"))
}

fn filled_step(step: &Step, practice: Option<&str>) -> Value {
    let mut value = json!(step);
    for field in ["page", "on"] {
        let text = filled(value[field].as_str().unwrap_or_default(), practice);
        value[field] = text.into();
    }
    value
}

/// How far one has come.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgressForm {
    #[serde(default)]
    form_secret: String,
    tutorial: String,
    step: String,
}

/// POST /oms/tutorials/progress: 204, or 409 when the tutorial is not under way any more.
pub async fn progress(desk: Desk, Form(form): Form<ProgressForm>) -> Result<StatusCode, Failure> {
    desk.check(Role::Viewer, &form.form_secret)?;
    let tutorial = tutorial::by_key(&form.tutorial).ok_or(Failure::NotFound)?;
    let step: usize = form.step.parse().map_err(|_| Failure::BadRequest)?;
    let noted = tutorial::reach(&desk.app.db, &desk.staff().id, tutorial, step, desk.now).await?;
    Ok(if noted { StatusCode::NO_CONTENT } else { StatusCode::CONFLICT })
}

/// Nothing but the secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopForm {
    #[serde(default)]
    form_secret: String,
}

/// POST /oms/tutorials/stop
pub async fn stop(desk: Desk, Form(form): Form<StopForm>) -> Result<Response, Failure> {
    desk.check(Role::Viewer, &form.form_secret)?;
    tutorial::stop(&desk.app.db, &desk.staff().id, desk.now).await?;
    Ok(see_other("/oms/tutorials", []))
}

/// What the customer would have got: a sample, with nothing in it that opens anything.
#[derive(Template)]
#[template(path = "oms/tutorial_mail.html")]
struct MailPage {
    frame: Frame,
    store: String,
    sender: String,
    subject: String,
    text: String,
}

/// GET /oms/tutorials/mail
pub async fn mail(desk: Desk) -> Result<Response, Failure> {
    let store = home_store(&desk).ok_or(Failure::NotFound)?;
    let mode = merchant::reminder(&desk.app.db, desk.merchant_id()).await?.mode;
    let sample = message::sample_reminder(&desk.app.config, &store, mode, desk.now);
    Ok(html(&MailPage {
        frame: Frame::new(&desk, Section::Tutorials),
        store: store.name.clone(),
        sender: store.sender.clone(),
        subject: sample.subject,
        text: sample.text,
    }))
}
