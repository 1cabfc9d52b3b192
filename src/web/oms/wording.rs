//! The wording of a store's mails: the editor. Everybody sees it, administrators save.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::frame::{Frame, Section};
use super::look::Press;
use super::mails::{alone, sample};
use super::preview::{framed, still, wanted};
use super::stores::{find, follow};
use crate::activity::Action;
use crate::locale::Language;
use crate::mail::mime::Rendered;
use crate::staff::Role;
use crate::store::Store;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;
use crate::wording::{self, BODY_MAX, Mail, SUBJECT_MAX, Wording};

/// Largest form in bytes: the longest text, percent-encoded, and some room. A text that is too long
/// is refused by its own rule, which keeps what was typed.
pub const FORM_LIMIT: usize = 128 * 1024;

#[derive(Template)]
#[template(path = "oms/store_mail.html")]
struct EditPage {
    frame: Frame,
    here: Place,
    subject: String,
    body: String,
    subject_error: Option<String>,
    body_error: Option<String>,
    /// Whether the store has its own words here.
    is_own: bool,
    saved: bool,
    subject_max: usize,
    body_max: usize,
}

#[derive(Template)]
#[template(path = "oms/store_mail_draft.html")]
struct DraftPage {
    here: Place,
    /// What is wrong, by field; if anything is, there is nothing else to see.
    wrong: Vec<(&'static str, String)>,
    subject: String,
    text: String,
}

impl DraftPage {
    fn asset(&self, name: &str) -> String {
        super::frame::asset(name)
    }
}

/// Which mail of which store, in which language.
struct Place {
    store: Store,
    mail: &'static Mail,
    language: Language,
}

impl Place {
    /// What the page's URLs begin with.
    fn base(&self) -> String {
        format!("/oms/stores/{}/mails/{}", self.store.id, self.mail.key)
    }

    fn lang(&self) -> &'static str {
        self.language.code()
    }

    /// Placeholders that the text may use, with what they stand for.
    fn placeholders(&self) -> Vec<(String, &'static str)> {
        let alone = self.mail.alone();
        let facts = self.mail.slots.iter().map(|slot| (slot.name, slot.meaning));
        alone.chain(facts).map(|(name, means)| (wording::placeholder(name), means)).collect()
    }

    /// Those that stand once, alone on a line.
    fn alone(&self) -> String {
        let names: Vec<_> = self.mail.alone().map(|(name, _)| wording::placeholder(name)).collect();
        names.join(" and ")
    }
}

type Ids = Path<(String, String)>;
type Asked = Query<HashMap<String, String>>;

/// The store, the mail and the language that a URL names; without `lang`, the store's own.
async fn place(desk: &Desk, ids: Ids, query: &Asked) -> Result<Place, Failure> {
    let Path((id, kind)) = ids;
    let store = find(desk, &id).await?;
    let mail = wording::mail(&kind).ok_or(Failure::NotFound)?;
    Ok(Place { language: wanted(&store, query)?, store, mail })
}

/// GET /oms/stores/{store}/mails/{kind}?lang=
pub async fn show(desk: Desk, ids: Ids, query: Asked) -> Result<Response, Failure> {
    let here = place(&desk, ids, &query).await?;
    let own = here.store.wordings.get(here.mail, here.language).cloned();
    let wording = own.unwrap_or_else(|| Wording::usual(here.mail, here.language));
    Ok(framed(html(&page(&desk, here, wording, query.contains_key("saved")))))
}

fn page(desk: &Desk, here: Place, wording: Wording, saved: bool) -> EditPage {
    EditPage {
        frame: Frame::new(desk, Section::Stores),
        is_own: here.store.wordings.get(here.mail, here.language).is_some(),
        here,
        subject: wording.subject,
        body: wording.body,
        subject_error: None,
        body_error: None,
        saved,
        subject_max: SUBJECT_MAX,
        body_max: BODY_MAX,
    }
}

/// What the editor posts.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Edit {
    form_secret: String,
    subject: String,
    body: String,
}

impl Edit {
    /// The wording that is typed, or what is wrong with its subject and with its text.
    fn read(&self, mail: &Mail) -> Result<Wording, (Option<String>, Option<String>)> {
        match (wording::subject(mail, &self.subject), wording::body(mail, &self.body)) {
            (Ok(subject), Ok(body)) => Ok(Wording { subject, body }),
            (subject, body) => Err((subject.err(), body.err())),
        }
    }
}

/// POST /oms/stores/{store}/mails/{kind}?lang=
pub async fn save(
    desk: Desk,
    ids: Ids,
    query: Asked,
    Form(form): Form<Edit>,
) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let here = place(&desk, ids, &query).await?;
    let wording = match form.read(here.mail) {
        Ok(wording) => wording,
        Err(wrong) => {
            let typed = Wording { subject: form.subject, body: form.body };
            let mut page = page(&desk, here, typed, false);
            (page.subject_error, page.body_error) = wrong;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, framed(html(&page))).into_response());
        }
    };
    let Place { store, mail, language } = &here;
    let mut tx = desk.app.db.begin().await?;
    wording::save(&mut tx, &store.id, mail, *language, &wording, desk.now).await?;
    let detail = json!({ "mail": mail.key, "language": language.code() });
    desk.note(&mut tx, Action::MailWordingChanged, None, Some(&store.id), detail).await?;
    tx.commit().await?;
    follow(&desk).await?;
    Ok(back(&here))
}

fn back(here: &Place) -> Response {
    see_other(&format!("{}?lang={}&saved=1", here.base(), here.lang()), [])
}

/// POST /oms/stores/{store}/mails/{kind}/reset?lang=
pub async fn reset(
    desk: Desk,
    ids: Ids,
    query: Asked,
    Form(form): Form<Press>,
) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let here = place(&desk, ids, &query).await?;
    let Place { store, mail, language } = &here;
    let mut tx = desk.app.db.begin().await?;
    if wording::reset(&mut tx, &store.id, mail, *language).await? {
        let detail = json!({ "mail": mail.key, "language": language.code() });
        desk.note(&mut tx, Action::MailWordingReset, None, Some(&store.id), detail).await?;
    }
    tx.commit().await?;
    follow(&desk).await?;
    Ok(back(&here))
}

/// POST /oms/stores/{store}/mails/{kind}/draft?lang=&part=html|text: how the mail would look with
/// what is typed, or why it could not be saved so, for the frame. Nothing is kept.
pub async fn draft(
    desk: Desk,
    ids: Ids,
    query: Asked,
    Form(form): Form<Edit>,
) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let mut here = place(&desk, ids, &query).await?;
    let wording = match form.read(here.mail) {
        Ok(wording) => wording,
        Err((subject, body)) => {
            let wrong = [("Subject", subject), ("Text", body)];
            let wrong = wrong.into_iter().filter_map(|(field, why)| Some((field, why?))).collect();
            let page = DraftPage { here, wrong, subject: String::new(), text: String::new() };
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, still(html(&page))).into_response());
        }
    };
    here.store.wordings.put(here.mail, here.language, wording);
    let mail = sample(&desk, &here.store, here.mail.key, here.language)?;
    match query.get("part").map(String::as_str) {
        None | Some("html") => Ok(alone(mail)),
        Some("text") => {
            let Rendered { subject, text, .. } = mail;
            Ok(still(html(&DraftPage { here, wrong: Vec::new(), subject, text })))
        }
        Some(_) => Err(Failure::NotFound),
    }
}
