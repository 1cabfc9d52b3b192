//! Links in mails that act: each opens a page that asks, and only its button acts. Mail scanners
//! open links; they do not press buttons of ours.

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::recovery::{Presented, dead};
use crate::address_change::{self, Confirmed};
use crate::locale::Language;
use crate::recovery;
use crate::secret::Token;
use crate::token::{self, Purpose};
use crate::web::error::Failure;
use crate::web::extract::Here;
use crate::web::form::Form;
use crate::web::page::{Message, Page, html};

#[derive(Template)]
#[template(path = "store/confirm.html")]
struct ConfirmPage {
    page: Page,
    title: String,
    text: String,
    action: String,
    token: String,
    button: String,
    danger: bool,
}

/// What a confirming button posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The link's token.
    pub token: String,
}

/// GET /not-me
pub async fn not_me(here: Here, Query(query): Query<Presented>) -> Result<Response, Failure> {
    let Some(token) = query.token.as_deref().and_then(Token::parse) else {
        return Ok(dead(&here));
    };
    let (db, store) = (&here.app.db, &here.store);
    let found = recovery::peek_not_me(db, store, token.digest(), here.now).await?;
    let Some(purpose) = found else { return Ok(dead(&here)) };
    Ok(match words(purpose) {
        Some(words) => ask(&here, &token, "/not-me", words, purpose != Purpose::Stop),
        None => dead(&here),
    })
}

/// Title, text and button of the page that asks.
fn words(purpose: Purpose) -> Option<[&'static str; 3]> {
    match purpose {
        Purpose::Stop => Some(["stop-title", "stop-text", "stop-button"]),
        Purpose::Freeze => Some(["freeze-title", "freeze-text", "freeze-button"]),
        Purpose::UndoAddress => Some(["undo-title", "undo-text", "undo-button"]),
        Purpose::ConfirmAddress => {
            Some(["confirm-address-title", "confirm-address-text", "confirm-address-button"])
        }
        Purpose::Registration => Some([
            "confirm-registration-title",
            "confirm-registration-text",
            "confirm-registration-button",
        ]),
        // The new-password page asks by itself.
        Purpose::Recovery => None,
    }
}

fn ask(here: &Here, token: &Token, path: &str, words: [&'static str; 3], danger: bool) -> Response {
    let hold = here.app.config.link.hold;
    html(&confirm_page(here.page(None), hold, &token.reveal(), path, (words, danger)))
}

fn confirm_page(
    page: Page,
    hold: i64,
    token: &str,
    path: &str,
    ([title, text, button], danger): ([&'static str; 3], bool),
) -> ConfirmPage {
    ConfirmPage {
        title: page.t(title).to_owned(),
        text: fill(page.language(), &page.store_name, hold, text),
        action: format!("{}{path}", page.base()),
        token: token.to_owned(),
        button: page.t(button).to_owned(),
        danger,
        page,
    }
}

/// The page that asks, to look at; `hold` seconds is how long "This wasn't me" holds mails back.
pub fn sample(page: Page, purpose: Purpose, hold: i64) -> Option<Response> {
    let danger = matches!(purpose, Purpose::Freeze | Purpose::UndoAddress);
    Some(html(&confirm_page(page, hold, "", "/not-me", (words(purpose)?, danger))))
}

/// A text that may name the store, and how long a hold lasts.
fn fill(language: Language, store: &str, hold: i64, key: &str) -> String {
    language.format(key, &[("store", &store), ("hold", &language.duration(hold))])
}

/// POST /not-me: stops the link, freezes the account, or undoes the change of address.
pub async fn not_me_confirmed(here: Here, Form(form): Form<Confirm>) -> Result<Response, Failure> {
    let Some(token) = Token::parse(&form.token) else { return Ok(dead(&here)) };
    let (app, store) = (&here.app, &*here.store);
    if recovery::stop(&app.db, &app.config, store, &token, here.now).await? {
        return Ok(done(&here, STOPPED));
    }
    if recovery::freeze(&app.db, store, &token, here.now).await? {
        return Ok(done(&here, FROZEN));
    }
    if address_change::undo(&app.db, store, &token, here.now).await? {
        return Ok(done(&here, UNDONE));
    }
    Ok(dead(&here))
}

/// Title and text of what comes after the button, and whether it offers a new link.
type Done = (&'static str, &'static str, bool);

const STOPPED: Done = ("stop-done-title", "stop-done-text", false);
const FROZEN: Done = ("freeze-done-title", "freeze-done-text", true);
const UNDONE: Done = ("undo-done-title", "freeze-done-text", true);
const CONFIRMED: Done = ("confirm-address-done-title", "confirm-address-done-text", false);

fn done(here: &Here, words: Done) -> Response {
    done_page(here.page(None), here.app.config.link.hold, words)
}

fn done_page(page: Page, hold: i64, (title, text, offer_link): Done) -> Response {
    let (path, label) = if offer_link { ("/forgot", "ask-for-link") } else { ("/", "link-front") };
    Message {
        title: page.t(title).to_owned(),
        text: fill(page.language(), &page.store_name, hold, text),
        links: vec![(format!("{}{path}", page.base()), page.t(label).to_owned())],
        page,
    }
    .into_response()
}

/// What its button leads to, to look at.
pub fn sample_done(page: Page, purpose: Purpose, hold: i64) -> Option<Response> {
    let words = match purpose {
        Purpose::Stop => STOPPED,
        Purpose::Freeze => FROZEN,
        Purpose::UndoAddress => UNDONE,
        Purpose::ConfirmAddress => CONFIRMED,
        // The customer is logged in, and lands in the store.
        Purpose::Registration | Purpose::Recovery => return None,
    };
    Some(done_page(page, hold, words))
}

/// GET /account/email/confirm
pub async fn address(here: Here, Query(query): Query<Presented>) -> Result<Response, Failure> {
    show(&here, query, Purpose::ConfirmAddress, "/account/email/confirm").await
}

/// GET /register/confirm
pub async fn registration(here: Here, Query(query): Query<Presented>) -> Result<Response, Failure> {
    show(&here, query, Purpose::Registration, "/register/confirm").await
}

async fn show(
    here: &Here,
    query: Presented,
    purpose: Purpose,
    path: &str,
) -> Result<Response, Failure> {
    let Some(token) = query.token.as_deref().and_then(Token::parse) else { return Ok(dead(here)) };
    let (db, store) = (&here.app.db, &here.store.id);
    let found = token::peek(db, purpose, store, token.digest(), here.now).await?;
    Ok(match (found, words(purpose)) {
        (Some(_), Some(words)) => ask(here, &token, path, words, false),
        _ => dead(here),
    })
}

/// POST /account/email/confirm
pub async fn address_confirmed(here: Here, Form(form): Form<Confirm>) -> Result<Response, Failure> {
    let Some(token) = Token::parse(&form.token) else { return Ok(dead(&here)) };
    let confirmed = address_change::confirm(&here.app.db, &here.store, &token, here.now).await?;
    Ok(match confirmed {
        Confirmed::Yes => done(&here, CONFIRMED),
        Confirmed::Taken => {
            done(&here, ("confirm-address-taken-title", "confirm-address-taken-text", false))
        }
        Confirmed::Dead => dead(&here),
    })
}
