//! The account pages of a logged-in customer. Every form carries the session's secret, and every
//! change asks for the current password.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::login::Ask;
use super::password::{is_temporary, reasons};
use super::recovery::{SAMPLE_ADDRESS, repeats};
use crate::address::EmailAddress;
use crate::address_change::{self, Requested};
use crate::clock::{HOUR, Micros};
use crate::customer;
use crate::limit::{Attempt, LoginGuard};
use crate::password::{Password, Verdict};
use crate::recovery;
use crate::session::{self, Session};
use crate::web::error::{Failure, seconds};
use crate::web::extract::{Here, see_other};
use crate::web::form::Form;
use crate::web::page::{Message, Page, html};

#[derive(Template)]
#[template(path = "store/account.html")]
struct OverviewPage {
    page: Page,
    name: String,
    number: String,
    email: String,
    pending: Option<String>,
    form_secret: String,
}

#[derive(Template)]
#[template(path = "store/account_password.html")]
struct PasswordPage {
    page: Page,
    form_secret: String,
    email: String,
    error: Option<String>,
    reasons: Vec<String>,
    /// Whether the current password came by mail.
    was_mailed: bool,
    return_to: String,
}

#[derive(Template)]
#[template(path = "store/account_email.html")]
struct EmailPage {
    page: Page,
    form_secret: String,
    email: String,
    error: Option<String>,
    pending: Option<String>,
}

#[derive(Template)]
#[template(path = "store/account_sessions.html")]
struct SessionsPage {
    page: Page,
    form_secret: String,
    sessions: Vec<SessionRow>,
}

struct SessionRow {
    id: String,
    store: String,
    device: String,
    started: String,
    seen: String,
    current: bool,
}

/// A page of the account to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// The overview.
    Overview,
    /// A new password.
    Password,
    /// A new address.
    Email,
    /// Where the customer is logged in.
    Sessions,
}

/// A page to look at, with made-up facts as of `now`.
pub fn sample(page: Page, which: Sample, now: Micros) -> Response {
    let (form_secret, email) = (String::new(), SAMPLE_ADDRESS.to_owned());
    let (error, pending, reasons) = (None, None, Vec::new());
    let say = |hours| page.language().moment(now - hours * HOUR, &TimeZone::UTC);
    let row = |device: &str, hours| SessionRow {
        id: String::new(),
        store: page.store_name.clone(),
        device: device.to_owned(),
        started: say(hours),
        seen: say(0),
        current: hours == 1,
    };
    match which {
        Sample::Overview => {
            let (name, number) = ("Robin Sample".to_owned(), "C-1001".to_owned());
            html(&OverviewPage { page, name, number, email, pending, form_secret })
        }
        Sample::Password => {
            let (was_mailed, return_to) = (false, String::new());
            html(&PasswordPage { page, form_secret, email, error, reasons, was_mailed, return_to })
        }
        Sample::Email => {
            html(&EmailPage { page, form_secret, email: String::new(), error, pending })
        }
        Sample::Sessions => {
            let sessions = vec![row("Firefox, Windows", 1), row("Safari, iPhone", 30)];
            html(&SessionsPage { page, form_secret, sessions })
        }
    }
}

/// The session, or the way to the login page and back.
async fn logged_in(here: &Here, back_to: &str) -> Result<Result<Session, Response>, Failure> {
    Ok(here.session().await?.ok_or_else(|| to_login(here, back_to)))
}

fn to_login(here: &Here, back_to: &str) -> Response {
    let to = format!("{}?return_to={}", here.path("/login"), here.path(back_to));
    see_other(&to, [])
}

macro_rules! session {
    ($here:expr, $back_to:literal) => {
        match logged_in(&$here, $back_to).await? {
            Ok(session) => session,
            Err(login) => return Ok(login),
        }
    };
}

/// GET /account
pub async fn overview(here: Here) -> Result<Response, Failure> {
    let session = session!(here, "/account");
    let customer = &session.customer;
    let pending =
        address_change::pending(&here.app.db, &here.app.config, customer, here.now).await?;
    Ok(html(&OverviewPage {
        page: here.page(Some(&session)),
        name: format!("{} {}", customer.first_name, customer.last_name).trim().to_owned(),
        number: customer.number.clone(),
        email: customer.email.clone(),
        pending,
        form_secret: here.form_secret(session.digest),
    }))
}

/// GET /.well-known/change-password (W3C): where password managers lead.
pub async fn well_known(here: Here) -> Response {
    see_other(&here.path("/account/password"), [])
}

/// GET /account/password
pub async fn password(here: Here, Query(ask): Query<Ask>) -> Result<Response, Failure> {
    let session = session!(here, "/account/password");
    Ok(html(&password_page(&here, &session, &ask.return_to, None, Vec::new())))
}

fn password_page(
    here: &Here,
    session: &Session,
    return_to: &str,
    error: Option<String>,
    reasons: Vec<String>,
) -> PasswordPage {
    PasswordPage {
        page: here.page(Some(session)),
        form_secret: here.form_secret(session.digest),
        email: session.customer.email.clone(),
        error,
        reasons,
        was_mailed: session.customer.password_mailed_at.is_some(),
        return_to: here.store.inside(return_to).unwrap_or_default().to_owned(),
    }
}

/// What the password page posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    #[serde(default)]
    form_secret: String,
    current_password: String,
    password: String,
    password_repeat: String,
    #[serde(default)]
    return_to: String,
}

/// POST /account/password: every other session and link ends; this browser stays logged in, with a
/// new cookie.
pub async fn set_password(here: Here, Form(form): Form<SetPassword>) -> Result<Response, Failure> {
    let session = session!(here, "/account/password");
    here.check_form_secret(&session, &form.form_secret)?;
    let (app, customer) = (&here.app, &session.customer);
    let refuse = |error: Option<String>, reasons| {
        let page = password_page(&here, &session, &form.return_to, error, reasons);
        (StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response()
    };
    if let Err(error) = confirm_password(&here, &session, &form.current_password).await? {
        return Ok(refuse(Some(error), Vec::new()));
    }
    let (password, why_not) = reasons(&here, &form.password, Some(customer));
    let Some(password) = password.filter(|_| why_not.is_empty()) else {
        return Ok(refuse(None, why_not));
    };
    if !repeats(&password, &form.password_repeat) {
        return Ok(refuse(None, vec![here.language.text("reset-refused-repeat").to_owned()]));
    }
    if is_temporary(&here, customer, &password).await? {
        return Ok(refuse(None, vec![here.language.text("reset-refused-temporary").to_owned()]));
    }
    let password = app.new_password(password).await?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    if !customer::hold(&mut tx, customer).await? {
        return Ok(to_login(&here, "/account/password"));
    }
    customer::set_password(&mut tx, customer, &here.store.id, &password, now).await?;
    recovery::notify_changed(&mut tx, &app.config, &here.store, customer, now).await?;
    let config = &app.config.session;
    let token =
        session::start(&mut tx, config, &here.store, &customer.id, &here.browser(), now).await?;
    tx.commit().await?;
    app.wake.notify_one();
    let cookie = here.session_cookie(&token);
    if let Some(wanted) = here.store.inside(&form.return_to) {
        return Ok(see_other(wanted, [cookie]));
    }
    let mut done = notice(&here, &session, "account-password-title", "password-changed-notice");
    done.headers_mut().append(axum::http::header::SET_COOKIE, cookie);
    Ok(done)
}

/// Checks the current password, guarded like a login: a session left open must not become a place
/// to guess. Gives the text of the refusal.
async fn confirm_password(
    here: &Here,
    session: &Session,
    typed: &str,
) -> Result<Result<(), String>, Failure> {
    let (app, customer) = (&here.app, &session.customer);
    let (keys, limits) = (&app.keys.counters, &app.config.limits);
    let key = &customer.email_key;
    let guard = LoginGuard::new(keys, limits, &customer.merchant_id, &here.source, key);
    if let Attempt::Wait(wait) = guard.enter(&app.db, here.now).await? {
        let wait = here.language.duration(seconds(wait));
        return Ok(Err(here.language.format("login-wait", &[("wait", &wait)])));
    }
    let wrong = || Ok(Err(here.language.text("current-password-wrong").to_owned()));
    let Ok(password) = Password::read(typed) else { return wrong() };
    let found = customer::credential(&app.db, &customer.merchant_id, key).await?;
    let stored = found.and_then(|found| found.password_hash);
    match app.hasher.verify(password, stored).await? {
        Verdict::Right | Verdict::RightButStale => {
            let mut tx = app.db.begin().await?;
            guard.succeeded(&mut tx).await?;
            tx.commit().await?;
            Ok(Ok(()))
        }
        Verdict::Wrong => wrong(),
    }
}

fn notice(here: &Here, session: &Session, title: &str, text: &str) -> Response {
    Message {
        page: here.page(Some(session)),
        title: here.language.text(title).to_owned(),
        text: here.language.text(text).to_owned(),
        links: vec![(here.path("/account"), here.language.text("link-account").to_owned())],
    }
    .into_response()
}

/// GET /account/email
pub async fn email(here: Here) -> Result<Response, Failure> {
    let session = session!(here, "/account/email");
    Ok(html(&email_page(&here, &session, "", None).await?))
}

async fn email_page(
    here: &Here,
    session: &Session,
    typed: &str,
    error: Option<String>,
) -> Result<EmailPage, Failure> {
    let (db, config) = (&here.app.db, &here.app.config);
    Ok(EmailPage {
        page: here.page(Some(session)),
        form_secret: here.form_secret(session.digest),
        email: typed.chars().take(254).collect(),
        error,
        pending: address_change::pending(db, config, &session.customer, here.now).await?,
    })
}

/// What the address page posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetEmail {
    #[serde(default)]
    form_secret: String,
    current_password: String,
    email: String,
}

/// POST /account/email: mails the new address a link and tells the old one.
pub async fn set_email(here: Here, Form(form): Form<SetEmail>) -> Result<Response, Failure> {
    let session = session!(here, "/account/email");
    here.check_form_secret(&session, &form.form_secret)?;
    let app = &here.app;
    let text = |key: &str| here.language.text(key).to_owned();
    let (address, error) = match EmailAddress::parse(&form.email) {
        None => (None, Some(text("email-invalid"))),
        Some(address) => match confirm_password(&here, &session, &form.current_password).await? {
            Err(error) => (None, Some(error)),
            Ok(()) => (Some(address), None),
        },
    };
    let Some(address) = address else {
        let page = email_page(&here, &session, &form.email, error).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response());
    };
    let (counters, customer) = (&app.keys.counters, &session.customer);
    let (db, config, store) = (&app.db, &app.config, &here.store);
    let requested =
        address_change::request(db, config, counters, store, customer, &address, here.now).await?;
    match requested {
        Requested::Yes => {
            app.wake.notify_one();
            Ok(notice(&here, &session, "account-email-title", "address-requested-notice"))
        }
        Requested::LoggedOut => Ok(to_login(&here, "/account/email")),
        Requested::TooMany(wait) => Err(Failure::TooMany(wait)),
    }
}

/// GET /account/sessions
pub async fn sessions(here: Here) -> Result<Response, Failure> {
    let session = session!(here, "/account/sessions");
    let (db, config) = (&here.app.db, &here.app.config.session);
    let listed = session::list(db, config, &session.customer, here.now).await?;
    let say = |at| here.language.moment(at, &TimeZone::UTC);
    let sessions = listed
        .into_iter()
        .map(|row| SessionRow {
            current: row.id == session.id,
            started: say(row.created_at),
            seen: say(row.seen_at),
            id: row.id,
            store: row.store,
            device: row.device,
        })
        .collect();
    let form_secret = here.form_secret(session.digest);
    Ok(html(&SessionsPage { page: here.page(Some(&session)), form_secret, sessions }))
}

/// What the sessions page posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndSession {
    #[serde(default)]
    form_secret: String,
    session: String,
}

/// POST /account/sessions: ends one, or all others.
pub async fn end_session(here: Here, Form(form): Form<EndSession>) -> Result<Response, Failure> {
    let session = session!(here, "/account/sessions");
    here.check_form_secret(&session, &form.form_secret)?;
    let (db, id) = (&here.app.db, &session.customer.id);
    if form.session == "others" {
        session::end_others(db, id, session.digest, here.now).await?;
    } else {
        session::end_by_id(db, id, &form.session, here.now).await?;
    }
    Ok(see_other(&here.path("/account/sessions"), []))
}
