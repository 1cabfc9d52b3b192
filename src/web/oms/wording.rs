//! The wording of a store's mails: the editor, and how a mail looks. Everybody sees both,
//! administrators save.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::frame::{Frame, Section};
use super::look::Press;
use super::stores::{find, follow};
use crate::activity::Action;
use crate::locale::Language;
use crate::mail::message;
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

/// For the page around a mail: as all pages, and a frame.
const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// For a mail in its frame: nothing acts, nothing is loaded, nothing leads anywhere.
const MAIL_CSP: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

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
#[template(path = "oms/store_mail_preview.html")]
struct PreviewPage {
    frame: Frame,
    here: Place,
    subject: String,
    /// The text part; without it the HTML part is shown.
    text: Option<String>,
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
    let language = match query.get("lang") {
        Some(code) => Language::parse(code).filter(|l| store.languages.contains(l)),
        None => Some(store.language),
    };
    Ok(Place { language: language.ok_or(Failure::NotFound)?, store, mail })
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

/// POST /oms/stores/{store}/mails/{kind}?lang=
pub async fn save(
    desk: Desk,
    ids: Ids,
    query: Asked,
    Form(form): Form<Edit>,
) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let here = place(&desk, ids, &query).await?;
    let subject = wording::subject(here.mail, &form.subject);
    let body = wording::body(here.mail, &form.body);
    let (subject, body) = match (subject, body) {
        (Ok(subject), Ok(body)) => (subject, body),
        (subject, body) => {
            let typed = Wording { subject: form.subject, body: form.body };
            let mut page = page(&desk, here, typed, false);
            (page.subject_error, page.body_error) = (subject.err(), body.err());
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, framed(html(&page))).into_response());
        }
    };
    let Place { store, mail, language } = &here;
    let wording = Wording { subject, body };
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

fn sample(desk: &Desk, here: &Place) -> Result<Rendered, Failure> {
    let Place { store, mail, language } = here;
    let config = &desk.app.config;
    message::sample(mail, config, store, *language, desk.now).ok_or(Failure::NotFound)
}

/// GET /oms/stores/{store}/mails/{kind}/preview?lang=&part=html|text
pub async fn preview(desk: Desk, ids: Ids, query: Asked) -> Result<Response, Failure> {
    let here = place(&desk, ids, &query).await?;
    let Rendered { subject, text, .. } = sample(&desk, &here)?;
    let text = match query.get("part").map(String::as_str) {
        None | Some("html") => None,
        Some("text") => Some(text),
        Some(_) => return Err(Failure::NotFound),
    };
    let frame = Frame::new(&desk, Section::Stores);
    Ok(framed(html(&PreviewPage { frame, here, subject, text })))
}

/// A page that may show a mail in a frame.
fn framed(mut response: Response) -> Response {
    let csp = HeaderValue::from_static(PAGE_CSP);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, csp);
    response
}

/// GET /oms/stores/{store}/mails/{kind}/html?lang=: the mail alone, for the frame.
pub async fn frame(desk: Desk, ids: Ids, query: Asked) -> Result<Response, Failure> {
    let here = place(&desk, ids, &query).await?;
    let mail = sample(&desk, &here)?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, MAIL_CSP),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    ];
    Ok((headers, mail.html).into_response())
}
