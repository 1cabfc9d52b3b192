//! A store's pages to look at: as customers see them, in each language, with made-up facts. Nothing
//! in them acts: they have no session and no token, no script runs, and no form can be sent. The
//! links among them work, so that one can walk around.
//!
//! They come from the back office's own origin, in a frame: a store may be at another host, whose
//! pages no frame may hold.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::desk::Desk;
use super::frame::{Frame, Section};
use super::stores::find;
use crate::clock::{Micros, minutes};
use crate::color;
use crate::config::Config;
use crate::locale::Language;
use crate::store::Store;
use crate::token::Purpose;
use crate::web::error::Failure;
use crate::web::page::{Page, html};
use crate::web::store::{account, gate, links, login, recovery, register};

/// For the page around: as all pages, and a frame.
const FRAMING_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; font-src 'self'; frame-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// For a page in its frame. It keeps its origin, because browsers let a page without one load no
/// stylesheet of ours; without scripts and forms there is nothing that it could do with it.
const STILL_CSP: &str = "sandbox allow-same-origin; default-src 'none'; style-src 'self'; \
    img-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/// A page that may show another in a frame.
pub(super) fn framed(mut response: Response) -> Response {
    let csp = HeaderValue::from_static(FRAMING_CSP);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, csp);
    response
}

/// A page for the frame, in which nothing acts.
pub(super) fn still(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(STILL_CSP));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    response
}

/// What a page to look at shows.
#[derive(Clone, Copy)]
enum Show {
    Front,
    Login {
        popup: bool,
    },
    Recovery(recovery::Sample),
    Register,
    RegisterAnswer,
    Account(account::Sample),
    /// The page that a link in a mail opens.
    Ask(Purpose),
    /// What comes after its button.
    Done(Purpose),
}

/// All pages: their path below the store, what staff call them, and what they show. Where a page
/// has no path of its own, the path is one that no link leads to.
const PAGES: [(&str, &str, Show); 22] = [
    ("", "Front page", Show::Front),
    ("login", "Log in", Show::Login { popup: false }),
    ("login/popup", "Log in, with the popup", Show::Login { popup: true }),
    ("forgot", "Forgot your password?", Show::Recovery(recovery::Sample::Form)),
    ("forgot/answer", "The answer to it", Show::Recovery(recovery::Sample::Answer)),
    ("reset", "Choose a new password", Show::Recovery(recovery::Sample::Live)),
    ("reset/refused", "A password that is refused", Show::Recovery(recovery::Sample::Refused)),
    ("reset/dead", "A link that is dead", Show::Recovery(recovery::Sample::Dead)),
    ("not-me", "This wasn\u{2019}t me", Show::Ask(Purpose::Stop)),
    ("not-me/done", "The link is stopped", Show::Done(Purpose::Stop)),
    ("not-me/freeze", "Close the account", Show::Ask(Purpose::Freeze)),
    ("not-me/frozen", "The account is closed", Show::Done(Purpose::Freeze)),
    ("register", "Register", Show::Register),
    ("register/answer", "The answer to it", Show::RegisterAnswer),
    ("register/confirm", "Confirm a registration", Show::Ask(Purpose::Registration)),
    ("account", "Account", Show::Account(account::Sample::Overview)),
    ("account/password", "Change the password", Show::Account(account::Sample::Password)),
    ("account/email", "Change the address", Show::Account(account::Sample::Email)),
    ("account/email/confirm", "Confirm an address", Show::Ask(Purpose::ConfirmAddress)),
    ("account/email/confirmed", "The address is confirmed", Show::Done(Purpose::ConfirmAddress)),
    ("account/email/undo", "Keep the old address", Show::Ask(Purpose::UndoAddress)),
    ("account/sessions", "Where one is logged in", Show::Account(account::Sample::Sessions)),
];

/// The page that is shown when none is named.
const FIRST: &str = "login";

/// Something to look at in a frame, beside the list of all there is.
#[derive(Template)]
#[template(path = "oms/viewer.html")]
pub(super) struct Viewer {
    pub frame: Frame,
    pub store: Store,
    pub title: &'static str,
    pub lead: &'static str,
    /// What is shown.
    pub label: &'static str,
    /// All that can be shown.
    pub index: Vec<Choice>,
    /// In which ways it can be shown.
    pub choices: Vec<(&'static str, Vec<Choice>)>,
    /// What else is to be known of it.
    pub facts: Vec<(&'static str, String)>,
    /// Instead of a frame.
    pub text: Option<String>,
    /// What the frame loads.
    pub source: String,
    pub is_page: bool,
    pub phone: bool,
    /// Where it can be changed.
    pub edit: Option<String>,
    pub language: &'static str,
}

/// A link to another view, lit if it is this one.
pub(super) struct Choice {
    pub label: &'static str,
    pub url: String,
    pub lit: bool,
}

/// The choice of a language that the store speaks.
pub(super) fn languages(
    store: &Store,
    lit: Language,
    url: impl Fn(Language) -> String,
) -> (&'static str, Vec<Choice>) {
    let choice = |l: &Language| Choice { label: l.name(), url: url(*l), lit: *l == lit };
    ("Language", store.languages.iter().map(choice).collect())
}

/// The choice between a wide window and a phone's.
pub(super) fn widths(phone: bool, url: impl Fn(bool) -> String) -> (&'static str, Vec<Choice>) {
    let choice = |(label, is)| Choice { label, url: url(is), lit: is == phone };
    ("Width", [("Wide", false), ("Phone", true)].map(choice).into())
}

/// GET /oms/stores/{store}/pages?page=&lang=&size=phone: a page in its frame, and the list of all.
pub async fn show(
    desk: Desk,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let store = find(&desk, &id).await?;
    let language = wanted(&store, &query)?;
    let path = query.get("page").map_or(FIRST, String::as_str);
    let found = PAGES.iter().find(|(known, ..)| *known == path);
    let (page, label, _) = *found.ok_or(Failure::NotFound)?;
    let phone = is_phone(&query);
    let id = &store.id;
    let url = |page: &str, language: Language, phone: bool| {
        let size = if phone { "&size=phone" } else { "" };
        format!("/oms/stores/{id}/pages?page={page}&lang={}{size}", language.code())
    };
    let choice = |(path, label, _): &(&'static str, &'static str, Show)| Choice {
        label,
        url: url(path, language, phone),
        lit: *path == page,
    };
    let viewer = Viewer {
        frame: Frame::new(&desk, Section::Stores),
        title: "Pages as customers see them",
        lead: "With made-up facts. Links lead from one page to the next; no form can be sent.",
        label,
        index: PAGES.iter().map(choice).collect(),
        choices: vec![
            languages(&store, language, |l| url(page, l, phone)),
            widths(phone, |phone| url(page, language, phone)),
        ],
        facts: Vec::new(),
        text: None,
        source: format!("/oms/stores/{id}/pages/{}/{page}", language.code()),
        is_page: true,
        phone,
        edit: None,
        language: language.code(),
        store: store.clone(),
    };
    Ok(framed(html(&viewer)))
}

/// Whether a query asks for a phone's width.
pub(super) fn is_phone(query: &HashMap<String, String>) -> bool {
    query.get("size").is_some_and(|size| size == "phone")
}

/// The language that a query asks for; without one, the store's own.
pub(super) fn wanted(store: &Store, query: &HashMap<String, String>) -> Result<Language, Failure> {
    query.get("lang").map_or(Ok(store.language), |code| spoken(store, code))
}

/// A language of the store, by its code.
fn spoken(store: &Store, code: &str) -> Result<Language, Failure> {
    Language::parse(code).filter(|l| store.languages.contains(l)).ok_or(Failure::NotFound)
}

/// GET /oms/stores/{store}/pages/{language}/{page}: the page alone, for the frame; and its colours
/// at `look.css`.
pub async fn frame(
    desk: Desk,
    Path((id, path)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let store = find(&desk, &id).await?;
    let (code, path) = path.split_once('/').ok_or(Failure::NotFound)?;
    let language = spoken(&store, code)?;
    if path == "look.css" {
        let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
        return Ok((kind, color::stylesheet(&store.accent)).into_response());
    }
    let found = PAGES.iter().find(|(known, ..)| *known == path.trim_end_matches('/'));
    let (.., what) = *found.ok_or(Failure::NotFound)?;
    let base = format!("/oms/stores/{id}/pages/{code}");
    let version = store.logo.as_deref().unwrap_or_default();
    let logo = format!("/oms/stores/{id}/logo?v={version}");
    let made = render(&desk.app.config, Arc::new(store), language, what, (base, logo), desk.now);
    Ok(still(made.ok_or(Failure::NotFound)?))
}

fn render(
    config: &Config,
    store: Arc<Store>,
    language: Language,
    what: Show,
    places: (String, String),
    now: Micros,
) -> Option<Response> {
    let hold = config.link.hold;
    let ttl = store.link_ttl.unwrap_or(config.link.ttl);
    let customer = matches!(what, Show::Account(_)).then(|| "Robin".to_owned());
    let page = Page::still(store, language, customer, places);
    Some(match what {
        Show::Front => gate::sample(page),
        Show::Login { popup } => login::sample(page, popup),
        Show::Recovery(which) => {
            recovery::sample(page, which, minutes(ttl), config.limits.mail_interval)
        }
        Show::Register => register::sample(page),
        Show::RegisterAnswer => register::sample_answer(page, minutes(config.link.confirm_ttl)),
        Show::Account(which) => account::sample(page, which, now),
        Show::Ask(purpose) => return links::sample(page, purpose, hold),
        Show::Done(purpose) => return links::sample_done(page, purpose, hold),
    })
}
