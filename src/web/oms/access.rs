//! Getting into the back office without a password: enrolment, and "forgot your password". A mailed
//! link lets its owner choose a password; whoever has a second factor needs that as well.

use askama::Template;
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::{self, Lobby};
use super::login::{self, FACTOR, HOME, wait_text};
use crate::activity::Action;
use crate::address::EmailAddress;
use crate::app::App;
use crate::limit::Attempt;
use crate::secret::Token;
use crate::staff::access::{self, Credential};
use crate::staff::factor::{self, Checked, Given};
use crate::staff::link::{self, Purpose};
use crate::staff::recovery::{self, Accepted};
use crate::staff::session;
use crate::web::error::{Failure, seconds};
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;
use crate::web::store::recovery::repeats;

#[derive(Template)]
#[template(path = "oms/forgot.html")]
struct ForgotPage {
    email: String,
    error: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "oms/forgot_answer.html")]
struct AnswerPage {
    minutes: i64,
}

#[derive(Template)]
#[template(path = "oms/dead_link.html")]
struct DeadPage;

#[derive(Template)]
#[template(path = "oms/choose_password.html")]
struct ChoosePage {
    path: String,
    token: String,
    is_new: bool,
    merchant: String,
    email: String,
    has_factor: bool,
    reasons: Vec<String>,
    code_error: Option<String>,
}

macro_rules! with_assets {
    ($($page:ident),*) => {$(
        impl $page {
            fn asset(&self, name: &str) -> String {
                super::frame::asset(name)
            }
        }
    )*};
}
with_assets!(ForgotPage, AnswerPage, DeadPage, ChoosePage);

/// GET /oms/forgot
pub async fn forgot() -> Response {
    html(&ForgotPage { email: String::new(), error: None })
}

/// What the page posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgot {
    email: String,
}

/// POST /oms/forgot: 202 and the one answer; 400 for what is no address; 429 by source alone.
pub async fn request(lobby: Lobby, Form(form): Form<Forgot>) -> Result<Response, Failure> {
    let Some(address) = EmailAddress::parse(&form.email) else {
        let error = Some("Please enter one address, like robin@example.com.");
        let page = ForgotPage { email: form.email.chars().take(254).collect(), error };
        return Ok((StatusCode::BAD_REQUEST, html(&page)).into_response());
    };
    let (app, now) = (&lobby.app, lobby.now);
    if app.is_queue_full() {
        return Err(Failure::Busy);
    }
    let keys = (&app.keys.counters, &app.keys.addresses);
    match recovery::request(&app.db, &app.config, keys, &address, &lobby.source, now).await? {
        Accepted::TooMany(wait) => Err(Failure::TooMany(wait)),
        Accepted::Taken => {
            app.wake.notify_one();
            let minutes = crate::clock::minutes(app.config.link.ttl);
            Ok((StatusCode::ACCEPTED, html(&AnswerPage { minutes })).into_response())
        }
    }
}

/// What a mailed link carries.
#[derive(Debug, Default, Deserialize)]
pub struct Link {
    #[serde(default)]
    token: String,
}

/// GET /oms/enrol
pub async fn enrol(
    lobby: Lobby,
    headers: HeaderMap,
    Query(link): Query<Link>,
) -> Result<Response, Failure> {
    open(&lobby, &headers, Purpose::Enrol, &link.token).await
}

/// GET /oms/reset
pub async fn reset(
    lobby: Lobby,
    headers: HeaderMap,
    Query(link): Query<Link>,
) -> Result<Response, Failure> {
    open(&lobby, &headers, Purpose::Reset, &link.token).await
}

/// Opens a link: its token goes from the address bar into a cookie, and nothing else happens, for
/// scanners open links too.
async fn open(
    lobby: &Lobby,
    headers: &HeaderMap,
    purpose: Purpose,
    presented: &str,
) -> Result<Response, Failure> {
    let name = cookie_name(&lobby.app);
    let token = match presented {
        "" => desk::cookie(headers, name),
        presented => Token::parse(presented),
    };
    let Some(token) = token else { return Ok(dead()) };
    let found = link::peek(&lobby.app.db, purpose, token.digest(), lobby.now).await?;
    let Some(found) = found else { return Ok(dead()) };
    if presented.is_empty() {
        return Ok(html(&choose(purpose, &token, &found, Vec::new(), None)));
    }
    let cookie = desk::bake(&lobby.app, name, Some(&token), purpose.life(&lobby.app.config));
    Ok(see_other(&purpose.path(), [cookie]))
}

fn choose(
    purpose: Purpose,
    token: &Token,
    found: &Credential,
    reasons: Vec<String>,
    code_error: Option<String>,
) -> ChoosePage {
    ChoosePage {
        path: purpose.path(),
        token: token.reveal(),
        is_new: purpose == Purpose::Enrol,
        merchant: found.staff.merchant_name.clone(),
        email: found.staff.email.clone(),
        has_factor: found.factor.is_some(),
        reasons,
        code_error,
    }
}

/// One page for every link that is dead, for whatever reason.
fn dead() -> Response {
    (StatusCode::GONE, html(&DeadPage)).into_response()
}

fn cookie_name(app: &App) -> &'static str {
    if desk::is_https(app) { "__Host-doorkey-staff-link" } else { "doorkey-staff-link" }
}

/// What the page posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choose {
    password: String,
    password_repeat: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    token: String,
    /// For password managers alone.
    #[serde(default, rename = "email")]
    _email: String,
}

/// POST /oms/enrol
pub async fn finish_enrol(
    lobby: Lobby,
    headers: HeaderMap,
    Form(form): Form<Choose>,
) -> Result<Response, Failure> {
    finish(&lobby, &headers, Purpose::Enrol, &form).await
}

/// POST /oms/reset
pub async fn finish_reset(
    lobby: Lobby,
    headers: HeaderMap,
    Form(form): Form<Choose>,
) -> Result<Response, Failure> {
    finish(&lobby, &headers, Purpose::Reset, &form).await
}

/// 303 into the back office with a session; 422 with the reasons, the link still good; 410 for any
/// dead link.
async fn finish(
    lobby: &Lobby,
    headers: &HeaderMap,
    purpose: Purpose,
    form: &Choose,
) -> Result<Response, Failure> {
    let app = &lobby.app;
    // The page's own field first: two tabs with two links share one cookie.
    let token = match form.token.as_str() {
        "" => desk::cookie(headers, cookie_name(app)),
        presented => Token::parse(presented),
    };
    let Some(token) = token else { return Ok(dead()) };
    let found = link::peek(&app.db, purpose, token.digest(), lobby.now).await?;
    let Some(found) = found else { return Ok(dead()) };
    let refuse = |reasons: Vec<String>, code_error: Option<String>| {
        let page = choose(purpose, &token, &found, reasons, code_error);
        (StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response()
    };
    let password = match access::judge(&found.staff, &form.password) {
        Ok(password) => password,
        Err(reasons) => return Ok(refuse(reasons, None)),
    };
    if !repeats(&password, &form.password_repeat) {
        return Ok(refuse(vec!["The two passwords are not the same.".into()], None));
    }
    let given = match check_code(lobby, &found, &form.code).await? {
        Ok(given) => given,
        Err(error) => return Ok(refuse(Vec::new(), Some(error))),
    };
    let hash = app.hasher.hash(password).await?;
    let Some(session) = let_in(lobby, purpose, &token, &found, given, &hash).await? else {
        return Ok(dead());
    };
    app.wake.notify_one();
    let is_full = given.is_some() || !found.staff.factor_required;
    let cookies =
        [lobby.session_cookie(Some(&session)), desk::bake(app, cookie_name(app), None, 0)];
    Ok(see_other(if is_full { HOME } else { FACTOR }, cookies))
}

/// Checks the code of one who has a second factor, guarded like a log-in. Gives the text of the
/// refusal.
async fn check_code(
    lobby: &Lobby,
    found: &Credential,
    typed: &str,
) -> Result<Result<Option<Given>, String>, Failure> {
    if found.factor.is_none() {
        return Ok(Ok(None));
    }
    let (app, now) = (&lobby.app, lobby.now);
    let guard = login::guard(app, &lobby.source, &found.staff.email_key);
    if let Attempt::Wait(wait) = guard.enter(&app.db, now).await? {
        return Ok(Err(wait_text(seconds(wait))));
    }
    let keys = (&app.keys.counters, &app.keys.factors);
    match factor::check(&app.db, keys, Some(found), &lobby.source, typed, now).await? {
        Checked::Fits(given) => Ok(Ok(Some(given))),
        Checked::NotNeeded | Checked::Wrong | Checked::TooMany => Ok(Err(
            "The code is not right. Type the one that your app shows now, or a recovery code."
                .into(),
        )),
    }
}

/// Uses the link (and the code) up, sets the password, ends everything that the old one had opened
/// and starts a session. `None` when link or code are not good any more; then nothing happened.
async fn let_in(
    lobby: &Lobby,
    purpose: Purpose,
    link: &Token,
    found: &Credential,
    given: Option<Given>,
    hash: &str,
) -> Result<Option<Token>, Failure> {
    let (app, staff) = (&lobby.app, &found.staff);
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let held = access::hold(&mut tx, &staff.id).await?;
    if held.is_none_or(|held| held.factor != found.factor)
        || !link::redeem(&mut tx, purpose, staff, link.digest(), now).await?
    {
        return Ok(None);
    }
    if let Some(given) = given {
        if !factor::spend(&mut tx, &app.config, &app.keys.counters, staff, given, now).await? {
            return Ok(None);
        }
        login::guard(app, &lobby.source, &staff.email_key).succeeded(&mut tx).await?;
    }
    access::set_password(&mut tx, &app.config, staff, hash, None, now).await?;
    let (config, who) = (&app.config.staff, (&*staff.id, &*staff.merchant_id));
    let (device, factor) = (&lobby.device, given.is_some());
    let token = session::start(&mut tx, config, who, device, lobby.digest, factor, now).await?;
    let action = match purpose {
        Purpose::Enrol => Action::StaffEnrolled,
        Purpose::Reset => Action::StaffPasswordChanged,
    };
    let detail = json!({ "by": "link", "factor": factor });
    login::note(&mut tx, lobby, staff, action, detail).await?;
    tx.commit().await?;
    Ok(Some(token))
}
