//! Registration pages. The answer is the same for every address; the mail tells the difference.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::captcha::{self, Answer};
use super::links::Confirm;
use super::login::Ask;
use super::password::reasons_with;
use super::recovery::dead;
use crate::address::EmailAddress;
use crate::captcha::Action;
use crate::clock;
use crate::password::Password;
use crate::registration::{self, Admitted, Request};
use crate::secret::Token;
use crate::web::error::Failure;
use crate::web::extract::{Here, see_other};
use crate::web::form::Form;
use crate::web::page::{Page, html};

#[derive(Template)]
#[template(path = "store/register.html")]
struct RegisterPage {
    page: Page,
    email: String,
    first_name: String,
    last_name: String,
    email_error: Option<String>,
    name_error: Option<String>,
    captcha_error: Option<String>,
    reasons: Vec<String>,
    return_to: String,
    picture_id: String,
}

#[derive(Template)]
#[template(path = "store/register_answer.html")]
struct AnswerPage {
    page: Page,
    reference: String,
    minutes: u64,
}

/// What the form posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    email: String,
    first_name: String,
    last_name: String,
    password: String,
    #[serde(default)]
    altcha: String,
    #[serde(default)]
    captcha_id: String,
    #[serde(default)]
    captcha_code: String,
    #[serde(default)]
    return_to: String,
}

fn page(here: &Here, return_to: &str) -> RegisterPage {
    RegisterPage {
        return_to: here.store.inside(return_to).unwrap_or_default().to_owned(),
        picture_id: captcha::picture_id(here, Action::Registration),
        ..empty(here.page(None))
    }
}

fn empty(page: Page) -> RegisterPage {
    RegisterPage {
        page,
        email: String::new(),
        first_name: String::new(),
        last_name: String::new(),
        email_error: None,
        name_error: None,
        captcha_error: None,
        reasons: Vec::new(),
        return_to: String::new(),
        picture_id: String::new(),
    }
}

/// The form to look at.
pub fn sample(page: Page) -> Response {
    html(&empty(page))
}

/// The answer to look at; `minutes` is how long the mailed link lives.
pub fn sample_answer(page: Page, minutes: i64) -> Response {
    let reference = crate::SAMPLE_REFERENCE.to_owned();
    html(&AnswerPage { page, reference, minutes: minutes.unsigned_abs() })
}

/// GET /register
pub async fn show(here: Here, Query(ask): Query<Ask>) -> Response {
    html(&page(&here, &ask.return_to))
}

/// POST /register: 202 and the one answer; 400 or 422 with what to mend; 429 by source alone.
pub async fn submit(here: Here, Form(form): Form<Register>) -> Result<Response, Failure> {
    let text = |key: &'static str| Some(here.language.text(key).to_owned());
    let address = EmailAddress::parse(&form.email);
    let names = (name(&form.first_name), name(&form.last_name));
    let local = form.email.split('@').next().unwrap_or_default();
    let own = [&*form.email, local, &*form.first_name, &*form.last_name];
    let own: Vec<&str> = own.into_iter().filter(|word| !word.trim().is_empty()).collect();
    let (password, why_not) = reasons_with(&here, &form.password, &own);
    let mut again = RegisterPage {
        email: form.email.chars().take(254).collect(),
        first_name: form.first_name.chars().take(100).collect(),
        last_name: form.last_name.chars().take(100).collect(),
        email_error: address.is_none().then(|| text("email-invalid")).flatten(),
        name_error: (names.0.is_none() || names.1.is_none())
            .then(|| text("name-invalid"))
            .flatten(),
        reasons: why_not,
        ..page(&here, &form.return_to)
    };
    let (Some(address), (Some(first_name), Some(last_name)), Some(password), true) =
        (address, names, password, again.reasons.is_empty())
    else {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&again)).into_response());
    };
    let answer = Answer {
        altcha: &form.altcha,
        picture_id: &form.captcha_id,
        picture_code: &form.captcha_code,
    };
    again.captcha_error = text("captcha-refused");
    let Some(proof) = captcha::check(&here, Action::Registration, &answer).await? else {
        return Ok((StatusCode::BAD_REQUEST, html(&again)).into_response());
    };
    if here.app.is_queue_full() {
        return Err(Failure::Busy);
    }
    let return_to = here.store.inside(&form.return_to).unwrap_or_default();
    let request = Request {
        store: &here.store,
        address: &address,
        first_name: &first_name,
        last_name: &last_name,
        return_to,
        language: here.language,
        source: &here.source,
        proof: &proof,
    };
    take(&here, &request, password, &again).await
}

/// Takes a registration whose fields and captcha are right.
async fn take(
    here: &Here,
    request: &Request<'_>,
    password: Password,
    again: &RegisterPage,
) -> Result<Response, Failure> {
    let (app, reference) = (&here.app, crate::reference());
    let (db, config, keys) = (&app.db, &app.config, &app.keys);
    let counting = (&keys.counters, &*app.firsts);
    match registration::admit(db, config, counting, request, here.now).await? {
        Admitted::Yes => {
            let (password, addresses) = (app.new_password(password).await?, &keys.addresses);
            let now = app.clock.now();
            registration::start(db, config, addresses, request, &password, &reference, now).await?;
            app.wake.notify_one();
        }
        // As much work as for the others.
        Admitted::Silently => drop(app.hasher.hash(password).await?),
        Admitted::CaptchaUsed => {
            return Ok((StatusCode::BAD_REQUEST, html(again)).into_response());
        }
        Admitted::TooMany(wait) => return Err(Failure::TooMany(wait)),
    }
    let minutes = u64::try_from(clock::minutes(config.link.confirm_ttl)).unwrap_or(1);
    let page = AnswerPage { page: here.page(None), reference, minutes };
    Ok((StatusCode::ACCEPTED, html(&page)).into_response())
}

/// A person's name as it may stand in mails and on pages: no control characters, 1 to 100
/// characters.
fn name(typed: &str) -> Option<String> {
    let name = typed.trim();
    let fits = (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned())
}

/// POST /register/confirm: the customer exists and is logged in.
pub async fn confirmed(here: Here, Form(form): Form<Confirm>) -> Result<Response, Failure> {
    let Some(token) = Token::parse(&form.token) else { return Ok(dead(&here)) };
    let app = &here.app;
    let confirmed = registration::confirm(
        &app.db,
        &app.config,
        &app.keys.addresses,
        &here.store,
        &token,
        &here.browser(),
        here.now,
    )
    .await?;
    Ok(match confirmed {
        Some(done) => {
            see_other(&here.landing(&done.return_to), [here.session_cookie(&done.session)])
        }
        None => dead(&here),
    })
}
