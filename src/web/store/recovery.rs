//! The recovery pages: the form, the one answer, the new-password page, the one page for dead links.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::captcha::{self, Answer};
use super::login::Ask;
use super::opener::Opener;
use super::password::{is_temporary, reasons};
use crate::address::{EmailAddress, mask};
use crate::captcha::Action;
use crate::clock;
use crate::password::Password;
use crate::password::policy::Reason;
use crate::recovery::{self, Accepted, Request};
use crate::secret::Token;
use crate::session::Session;
use crate::web::error::Failure;
use crate::web::extract::{Here, Name, see_other};
use crate::web::form::Form;
use crate::web::page::{Page, html, html_around};

#[derive(Template)]
#[template(path = "store/forgot.html")]
struct ForgotPage {
    page: Page,
    email: String,
    email_error: Option<String>,
    captcha_error: Option<String>,
    return_to: String,
    picture_id: String,
}

#[derive(Template)]
#[template(path = "store/forgot_answer.html")]
struct AnswerPage {
    page: Page,
    reference: String,
    minutes: u64,
    retry_seconds: u64,
}

#[derive(Template)]
#[template(path = "store/dead.html")]
struct DeadPage {
    page: Page,
    email: String,
    email_error: Option<String>,
    captcha_error: Option<String>,
    return_to: String,
    picture_id: String,
}

#[derive(Template)]
#[template(path = "store/reset.html")]
struct ResetPage {
    page: Page,
    token: String,
    hint: String,
    reasons: Vec<String>,
    other: Option<String>,
}

/// A page of the recovery to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// The form as a page.
    Form,
    /// The one answer.
    Answer,
    /// What a live link opens.
    Live,
    /// The same after a password that was refused.
    Refused,
    /// What a dead link opens.
    Dead,
}

/// A page to look at, with made-up facts. `minutes` is how long links live, `retry_seconds` how long
/// to wait before asking again.
pub fn sample(page: Page, which: Sample, minutes: i64, retry_seconds: i64) -> Response {
    let (email, return_to, picture_id) = (String::new(), String::new(), String::new());
    let (email_error, captcha_error) = (None, None);
    match which {
        Sample::Form => {
            html(&ForgotPage { page, email, email_error, captcha_error, return_to, picture_id })
        }
        Sample::Dead => {
            html(&DeadPage { page, email, email_error, captcha_error, return_to, picture_id })
        }
        Sample::Answer => html(&AnswerPage {
            page,
            reference: crate::SAMPLE_REFERENCE.to_owned(),
            minutes: minutes.unsigned_abs(),
            retry_seconds: retry_seconds.unsigned_abs(),
        }),
        Sample::Live | Sample::Refused => html(&ResetPage {
            token: String::new(),
            hint: mask(SAMPLE_ADDRESS),
            reasons: match which {
                Sample::Refused => vec![page.t(Reason::Common.key()).to_owned()],
                _ => Vec::new(),
            },
            other: None,
            page,
        }),
    }
}

/// Whose pages to look at show.
pub const SAMPLE_ADDRESS: &str = "robin@example.com";

/// What the recovery form posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgot {
    email: String,
    #[serde(default)]
    altcha: String,
    #[serde(default)]
    captcha_id: String,
    #[serde(default)]
    captcha_code: String,
    #[serde(default)]
    return_to: String,
}

/// GET /forgot: the form as a page.
pub async fn forgot(here: Here, Query(ask): Query<Ask>) -> Response {
    html(&ForgotPage {
        page: here.page(None),
        email: String::new(),
        email_error: None,
        captcha_error: None,
        return_to: here.store.inside(&ask.return_to).unwrap_or_default().to_owned(),
        picture_id: captcha::picture_id(&here, Action::Recovery),
    })
}

/// POST /forgot: 202 and the one answer; 400 for what is no request; 429 by source alone.
pub async fn start(here: Here, Form(form): Form<Forgot>) -> Result<Response, Failure> {
    let Some(address) = EmailAddress::parse(&form.email) else {
        return Ok(refused(&here, &form, Some("email-invalid"), None));
    };
    let answer = Answer {
        altcha: &form.altcha,
        picture_id: &form.captcha_id,
        picture_code: &form.captcha_code,
    };
    let Some(proof) = captcha::check(&here, Action::Recovery, &answer).await? else {
        return Ok(refused(&here, &form, None, Some("captcha-refused")));
    };
    let request = Request {
        store: here.store.clone(),
        address,
        return_to: here.store.inside(&form.return_to).unwrap_or_default().to_owned(),
        cart: here.cart(),
        language: here.language,
        source: here.source.to_string(),
        proof,
    };
    match here.app.intake.start(request).await? {
        Accepted::Taken { reference } => {
            metrics::counter!("doorkey_requests").increment(1);
            let ttl = here.store.link_ttl.unwrap_or(here.app.config.link.ttl);
            let page = |reference| AnswerPage {
                page: here.page(None),
                reference,
                minutes: u64::try_from(clock::minutes(ttl)).unwrap_or(1),
                retry_seconds: here.app.config.limits.mail_interval.unsigned_abs(),
            };
            let kept = &here.store.answer_page[here.language as usize];
            Ok((StatusCode::ACCEPTED, html_around(kept, &reference, page)).into_response())
        }
        Accepted::CaptchaUsed => Ok(refused(&here, &form, None, Some("captcha-refused"))),
        Accepted::TooMany(wait) => Err(Failure::TooMany(wait)),
        Accepted::Full => Err(Failure::Busy),
    }
}

fn refused(
    here: &Here,
    form: &Forgot,
    email: Option<&'static str>,
    captcha: Option<&'static str>,
) -> Response {
    let text = |key: &'static str| here.language.text(key).to_owned();
    let page = ForgotPage {
        page: here.page(None),
        email: form.email.chars().take(254).collect(),
        email_error: email.map(text),
        captcha_error: captcha.map(text),
        return_to: here.store.inside(&form.return_to).unwrap_or_default().to_owned(),
        picture_id: captcha::picture_id(here, Action::Recovery),
    };
    (StatusCode::BAD_REQUEST, html(&page)).into_response()
}

/// The one page for every dead link: 410, whatever the reason, with the form right on it.
pub fn dead(here: &Here) -> Response {
    let page = DeadPage {
        page: here.page(None),
        email: String::new(),
        email_error: None,
        captcha_error: None,
        return_to: String::new(),
        picture_id: captcha::picture_id(here, Action::Recovery),
    };
    let mut response = (StatusCode::GONE, html(&page)).into_response();
    let forget = here.forget(Name::Reset);
    response.headers_mut().append(axum::http::header::SET_COOKIE, forget);
    response
}

/// The token of a link, as it comes in an address.
#[derive(Debug, Default, Deserialize)]
pub struct Presented {
    /// What was mailed, or what is left of it.
    pub token: Option<String>,
}

/// GET /reset: takes the token out of the address bar; then the page. Nothing changes, however
/// often and by whomever it is opened.
pub async fn reset(
    here: Here,
    opener: Opener,
    Query(query): Query<Presented>,
) -> Result<Response, Failure> {
    if let Some(presented) = query.token {
        // Only what has the form of a token goes into a cookie.
        let Some(token) = Token::parse(&presented) else { return Ok(dead(&here)) };
        let answer = see_other(&here.path("/reset"), [here.reset_cookie(&token.reveal())]);
        opener.note(&here, token);
        return Ok(answer);
    }
    let Some(token) = here.cookie(Name::Reset).and_then(|value| Token::parse(&value)) else {
        return Ok(dead(&here));
    };
    let ticket = recovery::peek(&here.app.db, &here.store, &token, here.now).await?;
    let Some(ticket) = ticket else { return Ok(dead(&here)) };
    let session = here.session().await?;
    let other = somebody_else(session.as_ref(), &ticket.customer.id);
    Ok(html(&page(&here, &token, &ticket.customer.email, Vec::new(), other)))
}

fn page(
    here: &Here,
    token: &Token,
    email: &str,
    reasons: Vec<String>,
    other: Option<String>,
) -> ResetPage {
    ResetPage { page: here.page(None), token: token.reveal(), hint: mask(email), reasons, other }
}

/// Who else is logged in with this browser, masked.
fn somebody_else(session: Option<&Session>, customer_id: &str) -> Option<String> {
    let session = session.filter(|session| session.customer.id != customer_id)?;
    Some(mask(&session.customer.email))
}

/// What the new-password page posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    password: String,
    password_repeat: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    switch: String,
}

/// POST /reset: 303 into the store with a session; 422 with the reasons, the link still good; 410
/// for any dead link.
pub async fn finish(here: Here, Form(form): Form<Reset>) -> Result<Response, Failure> {
    // The page's own field first: two tabs with two links share one cookie.
    let presented = match form.token.as_str() {
        "" => here.cookie(Name::Reset).unwrap_or_default(),
        token => token.to_owned(),
    };
    let Some(token) = Token::parse(&presented) else { return Ok(dead(&here)) };
    let (app, store) = (&here.app, &here.store);
    let Some(ticket) = recovery::peek(&app.db, store, &token, here.now).await? else {
        return Ok(dead(&here));
    };
    let customer = &ticket.customer;
    let session = here.session().await?;
    let other = somebody_else(session.as_ref(), &customer.id);
    let refuse = |reasons: Vec<String>, other: Option<String>| {
        let page = page(&here, &token, &customer.email, reasons, other);
        (StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response()
    };
    if other.is_some() && form.switch != "1" {
        return Ok(refuse(Vec::new(), other));
    }
    let (password, why_not) = reasons(&here, &form.password, Some(customer));
    let Some(password) = password.filter(|_| why_not.is_empty()) else {
        return Ok(refuse(why_not, other));
    };
    if !repeats(&password, &form.password_repeat) {
        let text = here.language.text("reset-refused-repeat");
        return Ok(refuse(vec![text.to_owned()], other));
    }
    if is_temporary(&here, customer, &password).await? {
        let text = here.language.text("reset-refused-temporary");
        return Ok(refuse(vec![text.to_owned()], other));
    }
    let password = app.new_password(password).await?;
    let carts = &app.keys.carts;
    let now = app.clock.now();
    let browser = here.browser();
    let done =
        recovery::finish(&app.db, &app.config, carts, store, &token, &password, &browser, now)
            .await?;
    let Some(done) = done else { return Ok(dead(&here)) };
    app.wake.notify_one();
    metrics::counter!("doorkey_recoveries").increment(1);
    let mut cookies = vec![here.session_cookie(&done.session), here.forget(Name::Reset)];
    // A cart that lies in this browser already is the one in front of the customer: it stays.
    if here.cart().is_none() {
        cookies.extend(done.cart.as_deref().and_then(|cart| here.cart_cookie(cart)));
    }
    Ok(see_other(&here.landing(&done.return_to), cookies))
}

/// Whether the repeat is the same password, as it would be hashed.
pub fn repeats(password: &Password, repeat: &str) -> bool {
    Password::read(repeat).is_ok_and(|repeat| repeat.reveal() == password.reveal())
}
