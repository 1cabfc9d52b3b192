//! All mails to look at: each in its forms and languages, as HTML and as plain text, those to staff
//! too. With made-up facts: no token is made, and the links open nothing.

use std::collections::HashMap;

use axum::extract::{Path, Query};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::desk::Desk;
use super::frame::{Frame, Section};
use super::preview::{Choice, Viewer, framed, is_phone, languages, wanted, widths};
use super::stores::find;
use crate::locale::Language;
use crate::mail::message::{self, Sample};
use crate::mail::mime::Rendered;
use crate::store::Store;
use crate::web::error::Failure;
use crate::web::page::html;
use crate::wording;

/// For a mail in its frame: nothing acts, nothing is loaded, nothing leads anywhere.
const MAIL_CSP: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

type Ids = Path<(String, String)>;
type Asked = Query<HashMap<String, String>>;

/// The mail with this key, as the store words it.
pub(super) fn sample(
    desk: &Desk,
    store: &Store,
    key: &str,
    language: Language,
) -> Result<Rendered, Failure> {
    let (config, merchant_key) = (&desk.app.config, &*desk.staff().merchant_key);
    let of = Sample { config, store, merchant_key, language, now: desk.now };
    message::sample(key, &of).ok_or(Failure::NotFound)
}

/// A mail's HTML part, for the frame.
pub(super) fn alone(mail: Rendered) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, MAIL_CSP),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    ];
    (headers, mail.html).into_response()
}

/// GET /oms/stores/{store}/mails/{kind}/html?lang=: the mail alone, for the frame.
pub async fn frame(desk: Desk, ids: Ids, query: Asked) -> Result<Response, Failure> {
    let Path((id, key)) = ids;
    let store = find(&desk, &id).await?;
    let language = wanted(&store, &query)?;
    Ok(alone(sample(&desk, &store, &key, language)?))
}

/// GET /oms/stores/{store}/mails/{kind}/preview?lang=&part=html|text&size=phone
pub async fn show(desk: Desk, ids: Ids, query: Asked) -> Result<Response, Failure> {
    let Path((id, key)) = ids;
    let store = find(&desk, &id).await?;
    let language = wanted(&store, &query)?;
    let mail = sample(&desk, &store, &key, language)?;
    let is_text = match query.get("part").map(String::as_str) {
        None | Some("html") => false,
        Some("text") => true,
        Some(_) => return Err(Failure::NotFound),
    };
    let view = View { key, language, is_text, phone: is_phone(&query) };
    let from =
        if view.key.starts_with("staff_") { &store.merchant_name } else { store.sender_name() };
    let base = format!("/oms/stores/{id}/mails/{}", view.key);
    let code = language.code();
    let viewer = Viewer {
        frame: Frame::new(&desk, Section::Stores),
        title: "Mails as they are read",
        lead: "With made-up facts. The links in them open nothing.",
        label: message::sample_title(&view.key).unwrap_or_default(),
        index: view.index(&store),
        choices: view.choices(&store),
        facts: vec![("From", format!("{from} <{}>", store.sender)), ("Subject", mail.subject)],
        text: is_text.then_some(mail.text),
        source: format!("{base}/html?lang={code}"),
        is_page: false,
        phone: view.phone,
        edit: wording::mail(&view.key).map(|_| format!("{base}?lang={code}")),
        language: if message::is_english(&view.key) { Language::En.code() } else { code },
        store: store.clone(),
    };
    Ok(framed(html(&viewer)))
}

/// Which mail is looked at, and how.
#[derive(Clone)]
struct View {
    key: String,
    language: Language,
    is_text: bool,
    phone: bool,
}

impl View {
    fn url(&self, store: &Store) -> String {
        let part = if self.is_text { "text" } else { "html" };
        let size = if self.phone { "&size=phone" } else { "" };
        let (id, key, code) = (&store.id, &self.key, self.language.code());
        format!("/oms/stores/{id}/mails/{key}/preview?lang={code}&part={part}{size}")
    }

    /// All mails, looked at in the same way.
    fn index(&self, store: &Store) -> Vec<Choice> {
        let choice = |key: &'static str| Choice {
            label: message::sample_title(key).unwrap_or(key),
            url: Self { key: key.to_owned(), ..self.clone() }.url(store),
            lit: key == self.key,
        };
        message::all_samples().map(choice).collect()
    }

    /// The same mail, looked at in other ways.
    fn choices(&self, store: &Store) -> Vec<(&'static str, Vec<Choice>)> {
        let part = |(label, is_text)| Choice {
            label,
            url: Self { is_text, ..self.clone() }.url(store),
            lit: is_text == self.is_text,
        };
        let mut choices = vec![("Part", [("HTML", false), ("Plain text", true)].map(part).into())];
        if !message::is_english(&self.key) {
            let url = |language| Self { language, ..self.clone() }.url(store);
            choices.insert(0, languages(store, self.language, url));
        }
        if !self.is_text {
            choices.push(widths(self.phone, |phone| Self { phone, ..self.clone() }.url(store)));
        }
        choices
    }
}
