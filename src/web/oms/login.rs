//! The door of the back office. One failure text for every failure, and exactly one Argon2id
//! verification whoever is asked for.

use askama::Template;
use axum::extract::Query;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::Lobby;
use crate::activity::{self, Act, Action, Actor};
use crate::app::App;
use crate::clock::HOUR;
use crate::db;
use crate::limit::{self, Attempt, LoginGuard, Window};
use crate::locale::Language;
use crate::password::{Password, Verdict};
use crate::secret::Token;
use crate::staff::access::{self, Credential};
use crate::staff::factor::{self, Checked, Given};
use crate::staff::{Staff, session};
use crate::web::error::{Failure, seconds};
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;
use crate::web::store::login::typed_key;

/// Where everybody starts.
pub const HOME: &str = "/oms/customers";

/// The most characters of a merchant's key that are read.
const MAX_KEY: usize = 64;

/// Where half a log-in goes on: the page on which the second factor is set up.
pub const FACTOR: &str = "/oms/account/factor";

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
pub struct Ask {
    /// A page of the back office.
    #[serde(default)]
    pub return_to: String,
    /// Key of the merchant, in the addresses that mails to staff give.
    #[serde(default)]
    pub merchant: String,
}

/// What the page posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    email: String,
    password: String,
    #[serde(default)]
    code: String,
    /// For one who works for several merchants: the key of the one to go to.
    #[serde(default)]
    merchant: String,
    #[serde(default)]
    return_to: String,
}

#[derive(Template)]
#[template(path = "oms/login.html")]
struct LoginPage {
    email: String,
    merchant: String,
    return_to: String,
    error: Option<String>,
}

impl LoginPage {
    fn asset(&self, name: &str) -> String {
        super::frame::asset(name)
    }
}

/// GET /oms: where everybody starts.
pub async fn front() -> Response {
    see_other(HOME, [])
}

/// GET /oms/login: the form.
pub async fn show(lobby: Lobby, Query(ask): Query<Ask>) -> Result<Response, Failure> {
    match lobby.session().await? {
        Some(session) if session.is_full() => Ok(see_other(landing(&ask.return_to), [])),
        Some(session) if session.staff.factor_since.is_none() => Ok(see_other(FACTOR, [])),
        _ => Ok(html(&LoginPage {
            email: String::new(),
            merchant: ask.merchant.chars().take(MAX_KEY).collect(),
            return_to: inside(&ask.return_to).unwrap_or_default().to_owned(),
            error: None,
        })),
    }
}

/// POST /oms/login: 303 with a session, 401 and the one text, or 429.
pub async fn submit(lobby: Lobby, Form(form): Form<Login>) -> Result<Response, Failure> {
    let typed = typed_key(&form.email);
    let merchant = merchant_key(&form.merchant);
    let (app, now) = (&lobby.app, lobby.now);
    let guard = guard(app, &lobby.source, &typed);
    if let Attempt::Wait(wait) = guard.enter(&app.db, now).await? {
        metrics::counter!("doorkey_staff_logins", "outcome" => "throttled").increment(1);
        note_throttled(&lobby, typed, merchant);
        return Ok(throttled(&form, seconds(wait)));
    }
    // Longer than any password that could have been set, so there is nothing to compare with.
    let Ok(password) = Password::read(&form.password) else { return Ok(failed(&form)) };
    let found = access::by_address(&app.db, &typed, &merchant).await?;
    let stored = found.as_ref().and_then(|found| found.password_hash.clone());
    let verdict = app.hasher.verify(password.clone(), stored).await?;
    let proved = found.filter(|f| verdict != Verdict::Wrong && f.staff.disabled_at.is_none());
    let keys = (&app.keys.counters, &app.keys.factors);
    let checked =
        factor::check(&app.db, keys, proved.as_ref(), &lobby.source, &form.code, now).await?;
    let (proved, given) = match (proved, checked) {
        (Some(proved), Checked::NotNeeded) => (proved, None),
        (Some(proved), Checked::Fits(given)) => (proved, Some(given)),
        (Some(_), Checked::TooMany) => {
            note_throttled(&lobby, typed, merchant);
            return Ok(failed(&form));
        }
        _ => return Ok(failed(&form)),
    };
    let upgraded = match verdict {
        Verdict::RightButStale => Some(app.hasher.hash(password).await?),
        Verdict::Right | Verdict::Wrong => None,
    };
    let started = start(&lobby, &guard, &proved, given, upgraded.as_deref()).await?;
    let Some(token) = started else { return Ok(failed(&form)) };
    app.wake.notify_one();
    metrics::counter!("doorkey_staff_logins", "outcome" => "right").increment(1);
    let is_full = given.is_some() || !proved.staff.factor_required;
    let to = if is_full { landing(&form.return_to) } else { FACTOR };
    Ok(see_other(to, [lobby.session_cookie(Some(&token))]))
}

/// Starts the session of one who proved `proved`; `None` when that was changed meanwhile, or the
/// code used.
async fn start(
    lobby: &Lobby,
    guard: &LoginGuard,
    proved: &Credential,
    given: Option<Given>,
    upgraded: Option<&str>,
) -> Result<Option<Token>, Failure> {
    let (app, now, staff) = (&lobby.app, lobby.now, &proved.staff);
    let mut tx = app.db.begin().await?;
    let held = access::hold(&mut tx, &staff.id).await?;
    let stands = held.is_some_and(|held| {
        held.password_hash == proved.password_hash
            && held.factor == proved.factor
            && held.staff.disabled_at.is_none()
    });
    if !stands {
        return Ok(None);
    }
    if let Some(given) = given
        && !factor::spend(&mut tx, &app.config, &app.keys.counters, staff, given, now).await?
    {
        return Ok(None);
    }
    guard.succeeded(&mut tx).await?;
    if let Some(hash) = upgraded {
        access::rehash(&mut tx, &staff.id, hash).await?;
    }
    let (config, who) = (&app.config.staff, (&*staff.id, &*staff.merchant_id));
    let (device, factor) = (&lobby.device, given.is_some());
    let token = session::start(&mut tx, config, who, device, lobby.digest, factor, now).await?;
    let action = match given {
        Some(Given::Recovery(_)) => Action::StaffRecoveryCodeUsed,
        Some(Given::Step(_)) | None => Action::StaffLoggedIn,
    };
    note(&mut tx, lobby, staff, action, json!({ "factor": factor })).await?;
    tx.commit().await?;
    Ok(Some(token))
}

/// POST /oms/logout: the session ends. The form is not read: ending one's own session needs no
/// secret, and that the request comes from our own page is checked for all of them.
pub async fn logout(lobby: Lobby) -> Result<Response, Failure> {
    if let (Some(digest), Some(session)) = (lobby.digest, lobby.session().await?) {
        let mut tx = lobby.app.db.begin().await?;
        session::end(&mut tx, digest, lobby.now).await?;
        note(&mut tx, &lobby, &session.staff, Action::StaffLoggedOut, json!({})).await?;
        tx.commit().await?;
    }
    Ok(see_other("/oms/login", [lobby.session_cookie(None)]))
}

/// A merchant's key as typed: what cannot be one is looked up all the same, and found nowhere.
fn merchant_key(typed: &str) -> String {
    let key: String = typed
        .trim()
        .chars()
        .take(MAX_KEY)
        .map(|c| if c == '\0' { '\u{fffd}' } else { c })
        .collect();
    key.to_ascii_lowercase()
}

/// The brute-force guard of the staff's own realm: what is tried at a store's login counts nothing
/// here, nor the other way round.
pub fn guard(app: &App, source: &str, typed: &str) -> LoginGuard {
    let source = format!("staff\n{source}");
    LoginGuard::new(&app.keys.counters, &app.config.limits, "staff", &source, typed)
}

/// Writes what somebody did who has no desk yet, or none any more.
///
/// # Errors
/// What the database says.
pub async fn note(
    tx: &mut db::Tx,
    lobby: &Lobby,
    staff: &Staff,
    action: Action,
    detail: serde_json::Value,
) -> db::Result<()> {
    let act = Act {
        merchant_id: &staff.merchant_id,
        actor: Actor::Staff(staff),
        action,
        customer_id: None,
        store_id: None,
        source: &lobby.source,
        alert: false,
        detail,
    };
    activity::write(tx, &lobby.app.keys.activity, &act, lobby.now).await?;
    Ok(())
}

/// Tells the administrators that somebody tries a colleague's door, once an hour. Beside the answer,
/// not before it: how long it takes depends on whether there is such a colleague.
fn note_throttled(lobby: &Lobby, typed: String, merchant: String) {
    let lobby = lobby.clone();
    tokio::spawn(async move {
        if let Err(error) = try_note_throttled(&lobby, &typed, &merchant).await {
            tracing::warn!(%error, "cannot note that staff log-ins are held back");
        }
    });
}

async fn try_note_throttled(lobby: &Lobby, typed: &str, merchant: &str) -> db::Result<()> {
    const ONCE: Window = Window { most: 1, window: HOUR };
    let app = &lobby.app;
    let bucket = limit::bucket(&app.keys.counters, "staff-throttled", typed);
    let mut tx = app.db.begin().await?;
    let standings = limit::hit(&mut tx, &[(bucket, 1, ONCE)], lobby.now).await?;
    let again = standings.first().is_some_and(|s| s.over(ONCE, lobby.now).is_some());
    tx.commit().await?;
    let found = access::by_address(&app.db, typed, merchant).await?;
    let Some(found) = found.filter(|_| !again) else { return Ok(()) };
    let staff = &found.staff;
    let act = Act {
        merchant_id: &staff.merchant_id,
        actor: Actor::Doorkey,
        action: Action::StaffLoginThrottled,
        customer_id: None,
        store_id: None,
        source: &lobby.source,
        alert: true,
        detail: json!({ "staff": &staff.id, "name": &staff.name }),
    };
    let mut tx = app.db.begin().await?;
    activity::write(&mut tx, &app.keys.activity, &act, lobby.now).await?;
    tx.commit().await
}

/// Where to go after logging in: the wanted page if it is one of the back office.
fn landing(wanted: &str) -> &str {
    inside(wanted).unwrap_or(HOME)
}

/// `wanted` if it is a page of the back office, and nothing that a browser could read as another
/// host or a path that dots lead elsewhere.
fn inside(wanted: &str) -> Option<&str> {
    let path = wanted.split(['?', '#']).next().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_graphic() && !b"\\\"<>`{}|^".contains(&b);
    let fits = wanted.len() <= 1024
        && path.starts_with("/oms/")
        && wanted.bytes().all(plain)
        && !["//", "/.", "%"].iter().any(|trick| path.contains(trick));
    fits.then_some(wanted)
}

fn failed(form: &Login) -> Response {
    metrics::counter!("doorkey_staff_logins", "outcome" => "failed").increment(1);
    let text = "The email, password or code is not right.";
    (StatusCode::UNAUTHORIZED, again(form, text.into())).into_response()
}

fn throttled(form: &Login, seconds: i64) -> Response {
    let retry = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
    (StatusCode::TOO_MANY_REQUESTS, retry, again(form, wait_text(seconds))).into_response()
}

/// What is said to one who tried too often.
pub fn wait_text(seconds: i64) -> String {
    let wait = Language::En.duration(seconds);
    format!("Too many attempts. Please wait {wait}, then try again.")
}

fn again(form: &Login, error: String) -> Response {
    html(&LoginPage {
        email: form.email.clone(),
        merchant: form.merchant.chars().take(MAX_KEY).collect(),
        return_to: inside(&form.return_to).unwrap_or_default().to_owned(),
        error: Some(error),
    })
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn only_pages_of_the_back_office_are_returned_to() {
        for good in ["/oms/customers", "/oms/customers?q=m%C3%A4rz&after=x", "/oms/staff#me"] {
            assert_eq!(inside(good), Some(good));
        }
        for bad in [
            "",
            "/",
            "/oms",
            "/s/harbor/",
            "//evil.test/oms/",
            "https://evil.test/oms/",
            "/oms//evil.test",
            "/oms/../s/harbor",
            "/oms/%2e%2e/x",
            "/oms/a\\b",
            "/oms/a b",
            "/oms/\u{e4}",
        ] {
            assert_eq!(inside(bad), None, "{bad}");
        }
    }
}
