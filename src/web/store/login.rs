//! The login page. One failure text for every failure, and exactly one Argon2id verification
//! whoever is asked for.

use askama::Template;
use axum::extract::Query;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::address::EmailAddress;
use crate::customer::{self, Credential, Customer};
use crate::limit::{Attempt, LoginGuard};
use crate::password::{Password, Verdict};
use crate::reminder;
use crate::secret::Token;
use crate::session;
use crate::timeline::{self, Entry};
use crate::web::error::{Failure, seconds};
use crate::web::extract::{Here, Name, see_other};
use crate::web::form::Form;
use crate::web::page::{Page, html, html_shared};

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
pub struct Ask {
    /// A page inside the store.
    #[serde(default)]
    pub return_to: String,
}

/// What the page posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    email: String,
    password: String,
    #[serde(default)]
    return_to: String,
}

#[derive(Template)]
#[template(path = "store/login.html")]
struct LoginPage {
    page: Page,
    email: String,
    error: Option<String>,
    notice: Option<String>,
    return_to: String,
    prompt: String,
    picture_id: String,
    popup: bool,
}

impl LoginPage {
    fn new(here: &Here, return_to: &str) -> Self {
        let return_to = here.store.inside(return_to).unwrap_or_default().to_owned();
        Self { return_to, ..Self::of(here.page(None)) }
    }

    fn of(page: Page) -> Self {
        Self {
            prompt: page.prompt(),
            page,
            email: String::new(),
            error: None,
            notice: None,
            return_to: String::new(),
            // The popup opens with JavaScript only, and then nobody needs a picture.
            picture_id: String::new(),
            popup: false,
        }
    }
}

/// The page to look at, with the popup over it if asked for.
pub fn sample(page: Page, popup: bool) -> Response {
    html(&LoginPage { popup, ..LoginPage::of(page) })
}

/// GET: the form.
pub async fn show(here: Here, Query(ask): Query<Ask>) -> Result<Response, Failure> {
    let page = || LoginPage::new(&here, &ask.return_to);
    if here.cookie(Name::Session).is_some() {
        let session = here.session().await?;
        return Ok(html(&LoginPage { page: here.page(session.as_ref()), ..page() }));
    }
    if here.store.inside(&ask.return_to).is_some() {
        return Ok(html(&page()));
    }
    let shared = &here.store.login_page[here.language as usize];
    Ok(html_shared(shared, page))
}

/// POST: 303 with a session, 303 to the new-password page for a temporary password, 401 and the one
/// text, or 429.
pub async fn submit(here: Here, Form(form): Form<Login>) -> Result<Response, Failure> {
    let typed = typed_key(&form.email);
    let (merchant, app) = (&here.store.merchant_id, &here.app);
    let limits = &app.config.limits;
    let guard = LoginGuard::new(&app.keys.counters, limits, merchant, &here.source, &typed);
    if let Attempt::Wait(wait) = guard.enter(&app.db, here.now).await? {
        metrics::counter!("doorkey_logins", "outcome" => "throttled").increment(1);
        return Ok(throttled(&here, &form, seconds(wait)));
    }
    // Longer than any password that could have been set, so there is nothing to compare with.
    let Ok(password) = Password::read(&form.password) else { return Ok(failed(&here, &form)) };
    let found = customer::login(&app.db, merchant, &typed, here.now).await?;
    let (customer, stored, temporary) = match found {
        Some(Credential { customer, password_hash, temporary }) => {
            (Some(customer), password_hash, temporary)
        }
        None => (None, None, Vec::new()),
    };
    let (ids, hashes): (Vec<_>, Vec<_>) = temporary.into_iter().unzip();
    let (verdict, fits) = app.hasher.verify_among(password.clone(), stored, hashes).await?;
    if let (Some(customer), Some(id)) = (&customer, fits.and_then(|i| ids.get(i))) {
        return with_temporary(&here, &form, &guard, customer, id).await;
    }
    let customer = customer.filter(|c| c.blocked_at.is_none() && c.frozen_at.is_none());
    let (Some(customer), Verdict::Right | Verdict::RightButStale) = (customer, verdict) else {
        metrics::counter!("doorkey_logins", "outcome" => "failed").increment(1);
        return Ok(failed(&here, &form));
    };
    let upgraded = match verdict {
        Verdict::RightButStale => Some(app.hasher.hash(password.clone()).await?),
        Verdict::Right | Verdict::Wrong => None,
    };
    let mut tx = app.db.begin().await?;
    guard.succeeded(&mut tx).await?;
    if let Some(hash) = upgraded {
        customer::rehash(&mut tx, &customer, &hash).await?;
    }
    let (config, store, browser) = (&app.config.session, &here.store, here.browser());
    let started =
        session::start_proved(&mut tx, config, store, &customer, &browser, here.now).await?;
    let Some(token) = started else { return Ok(failed(&here, &form)) };
    if let Some(sealer) = &app.sealer {
        sealer.catch_up(&mut tx, &customer, &password, here.now).await?;
    }
    let entry = Entry::LoggedIn { by: "password" };
    timeline::write(&mut tx, &customer, Some(&here.store.id), here.now, entry).await?;
    tx.commit().await?;
    metrics::counter!("doorkey_logins", "outcome" => "right").increment(1);
    let to = match customer.password_mailed_at {
        Some(_) => change_first(&here, &form.return_to),
        None => here.landing(&form.return_to),
    };
    Ok(see_other(&to, [here.session_cookie(&token)]))
}

/// A temporary password gives no session: it is used up for the page where a new one is chosen.
async fn with_temporary(
    here: &Here,
    form: &Login,
    guard: &LoginGuard,
    customer: &Customer,
    id: &str,
) -> Result<Response, Failure> {
    let (app, store) = (&here.app, &here.store);
    let mut tx = app.db.begin().await?;
    guard.succeeded(&mut tx).await?;
    let wanted = (store.inside(&form.return_to).unwrap_or_default(), here.language);
    let config = &app.config;
    let token = reminder::redeem(&mut tx, config, store, customer, id, wanted, here.now).await?;
    let Some(token) = token else { return Ok(failed(here, form)) };
    tx.commit().await?;
    metrics::counter!("doorkey_logins", "outcome" => "temporary").increment(1);
    Ok(see_other(&here.path("/reset"), [here.reset_cookie(&token.reveal())]))
}

/// The page for a new password, from which the customer goes on to where they wanted to.
fn change_first(here: &Here, return_to: &str) -> String {
    let to = here.landing(return_to);
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", &to).finish();
    format!("{}?{query}", here.path("/account/password"))
}

/// What is looked up and counted: the canonical address, or, for what is no address, its first
/// bytes, which nobody has.
pub fn typed_key(typed: &str) -> String {
    match EmailAddress::parse(typed) {
        Some(address) => address.key().to_owned(),
        None => typed.to_ascii_lowercase().chars().take(254).filter(|c| *c != '\0').collect(),
    }
}

fn failed(here: &Here, form: &Login) -> Response {
    let error = here.language.text("login-failed").to_owned();
    (StatusCode::UNAUTHORIZED, again(here, form, error)).into_response()
}

fn throttled(here: &Here, form: &Login, seconds: i64) -> Response {
    let wait = here.language.duration(seconds);
    let error = here.language.format("login-wait", &[("wait", &wait)]);
    let retry = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
    (StatusCode::TOO_MANY_REQUESTS, retry, again(here, form, error)).into_response()
}

fn again(here: &Here, form: &Login, error: String) -> Response {
    let page = LoginPage::new(here, &form.return_to);
    html(&LoginPage { email: form.email.clone(), error: Some(error), ..page })
}

/// POST: the session ends. The form is not read: our own pages send a secret with it and shops
/// nothing, and ending one's own session needs neither.
pub async fn logout(here: Here) -> Result<Response, Failure> {
    if let Some(token) = here.cookie(Name::Session).and_then(|v| Token::parse(&v)) {
        let mut tx = here.app.db.begin().await?;
        session::log_out(&mut tx, token.digest(), here.now).await?;
        tx.commit().await?;
    }
    Ok(see_other(&here.path("/login"), [here.forget(Name::Session)]))
}
