//! Setting up the second factor: a QR code drawn here, the key as text beside it, and the recovery
//! codes, shown once. Reachable with half a log-in, for administrators begin here.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use qrcode::{Color, EcLevel, QrCode};
use serde::Deserialize;
use serde_json::json;

use super::account::{self, Panel, confirm_password};
use super::desk::{self, Desk, Lobby};
use super::login;
use crate::activity::Action;
use crate::app::App;
use crate::staff::factor::{self, FactorKey};
use crate::staff::session::{self, StaffSession};
use crate::staff::{Role, access};
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;

#[derive(Template)]
#[template(path = "oms/factor.html")]
struct FactorPage {
    form_secret: String,
    /// The key being set up, sealed for this session: nothing is stored until it is confirmed.
    key: String,
    /// The key in groups of four.
    text: String,
    url: String,
    picture: Picture,
    /// Whether the log-in is complete, so that the password is asked for and there is a way back.
    is_full: bool,
    has_factor: bool,
    required: bool,
    error: Option<String>,
    password_error: Option<String>,
}

#[derive(Template)]
#[template(path = "oms/factor_codes.html")]
struct CodesPage {
    codes: Vec<String>,
    is_new: bool,
}

impl FactorPage {
    fn asset(&self, name: &str) -> String {
        super::frame::asset(name)
    }
}

impl CodesPage {
    fn asset(&self, name: &str) -> String {
        super::frame::asset(name)
    }
}

/// A QR code as one SVG path over a square of `side` modules, quiet zone included.
struct Picture {
    side: usize,
    path: String,
}

/// Modules of white around the code (ISO/IEC 18004, 9.1).
const QUIET: usize = 4;

impl Picture {
    fn of(text: &str) -> Result<Self, Failure> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M)
            .map_err(|e| Failure::Internal(format!("no QR code: {e}")))?;
        let width = code.width();
        let dark = code.to_colors().into_iter().enumerate().filter(|(_, c)| *c == Color::Dark);
        let square = |(i, _)| format!("M{} {}h1v1h-1z", QUIET + i % width, QUIET + i / width);
        Ok(Self { side: width + 2 * QUIET, path: dark.map(square).collect() })
    }
}

/// Whoever may set up a second factor: logged in, or half logged in without having one yet. Half a
/// log-in of one who has one is nobody's.
async fn sitting(lobby: &Lobby) -> Result<Option<StaffSession>, Failure> {
    let found = lobby.session().await?;
    Ok(found.filter(|s| s.is_full() || s.staff.factor_since.is_none()))
}

fn context(session: &StaffSession) -> String {
    format!("session\n{}", session.id)
}

fn page(
    app: &App,
    session: &StaffSession,
    key: &FactorKey,
    error: Option<String>,
    password_error: Option<String>,
) -> Result<FactorPage, Failure> {
    let staff = &session.staff;
    let url = key.url(&format!("Doorkey {}", staff.merchant_name), &staff.email);
    let text = key.text();
    let groups: Vec<_> = text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    Ok(FactorPage {
        form_secret: desk::form_secret(app, session),
        key: B64.encode(key.seal(&app.keys.factors, &context(session))),
        text: groups.join(" "),
        picture: Picture::of(&url)?,
        url,
        is_full: session.is_full(),
        has_factor: staff.factor_since.is_some(),
        required: staff.factor_required,
        error,
        password_error,
    })
}

/// GET /oms/account/factor: a new key each time.
pub async fn show(lobby: Lobby) -> Result<Response, Failure> {
    let Some(session) = sitting(&lobby).await? else { return Ok(see_other("/oms/login", [])) };
    Ok(html(&page(&lobby.app, &session, &FactorKey::new(), None, None)?))
}

/// What the page posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    #[serde(default)]
    form_secret: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    current_password: String,
}

/// POST /oms/account/factor: a code proves that the app has the key. Every other session ends, this
/// one gets a new cookie, and the recovery codes are shown.
pub async fn confirm(lobby: Lobby, Form(form): Form<Confirm>) -> Result<Response, Failure> {
    let Some(session) = sitting(&lobby).await? else { return Ok(see_other("/oms/login", [])) };
    let (app, now, staff) = (&lobby.app, lobby.now, &session.staff);
    desk::check_form_secret(app, &session, &form.form_secret)?;
    let refuse = |key: &FactorKey, error: Option<&str>, password_error: Option<String>| {
        let page = page(app, &session, key, error.map(str::to_owned), password_error)?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response())
    };
    let sealed = B64.decode(&form.key).unwrap_or_default();
    let Some(key) = FactorKey::open(&app.keys.factors, &context(&session), &sealed) else {
        let text = "This page was too old. Please scan the new code.";
        return refuse(&FactorKey::new(), Some(text), None);
    };
    // Half a log-in has just given the password.
    if session.is_full()
        && let Err(error) = confirm_password(&lobby, &session, &form.current_password).await?
    {
        return refuse(&key, None, Some(error));
    }
    let Some(step) = key.step(&form.code, now) else {
        let text = "The code is not right. Type the six digits that the app shows now; if it still \
                    fails, check the clock of your phone.";
        return refuse(&key, Some(text), None);
    };
    let mut tx = app.db.begin().await?;
    let held = access::hold(&mut tx, &staff.id).await?;
    if held.is_none_or(|h| h.staff.factor_since != staff.factor_since) {
        return Ok(see_other("/oms/login", []));
    }
    let codes =
        factor::confirm(&mut tx, &app.config, &app.keys.factors, staff, (&key, step), now).await?;
    session::end_all(&mut tx, &staff.id, None, now).await?;
    let (config, who) = (&app.config.staff, (&*staff.id, &*staff.merchant_id));
    let token = session::start(&mut tx, config, who, &lobby.device, None, true, now).await?;
    login::note(&mut tx, &lobby, staff, Action::StaffFactorAdded, json!({})).await?;
    tx.commit().await?;
    app.wake.notify_one();
    let mut done = html(&CodesPage { codes, is_new: true });
    done.headers_mut().append(header::SET_COOKIE, lobby.session_cookie(Some(&token)));
    Ok(done)
}

/// What the forms on the own account post.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prove {
    #[serde(default)]
    form_secret: String,
    #[serde(default)]
    current_password: String,
}

/// POST /oms/account/factor/remove: for those who may do without.
pub async fn remove(
    desk: Desk,
    lobby: Lobby,
    Form(form): Form<Prove>,
) -> Result<Response, Failure> {
    desk.check(Role::Viewer, &form.form_secret)?;
    let (app, staff) = (&desk.app, desk.staff());
    if staff.factor_required {
        let text = "Your role needs a second factor. You can set up another one in its place.";
        return account::refuse(&desk, Panel::Factor(text.into())).await;
    }
    if let Err(error) = confirm_password(&lobby, &desk.session, &form.current_password).await? {
        return account::refuse(&desk, Panel::Factor(error)).await;
    }
    let mut tx = app.db.begin().await?;
    access::hold(&mut tx, &staff.id).await?;
    factor::remove(&mut tx, &app.config, staff, desk.now).await?;
    session::end_all(&mut tx, &staff.id, Some(&desk.session.digest), desk.now).await?;
    desk.note(&mut tx, Action::StaffFactorRemoved, None, None, json!({})).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(see_other("/oms/account?done=factor-removed", []))
}

/// POST /oms/account/codes: new recovery codes; the old ones end.
pub async fn new_codes(
    desk: Desk,
    lobby: Lobby,
    Form(form): Form<Prove>,
) -> Result<Response, Failure> {
    desk.check(Role::Viewer, &form.form_secret)?;
    let (app, staff) = (&desk.app, desk.staff());
    if staff.factor_since.is_none() {
        let text = "Recovery codes stand in for a second factor: set one up first.";
        return account::refuse(&desk, Panel::Factor(text.into())).await;
    }
    if let Err(error) = confirm_password(&lobby, &desk.session, &form.current_password).await? {
        return account::refuse(&desk, Panel::Codes(error)).await;
    }
    let mut tx = app.db.begin().await?;
    access::hold(&mut tx, &staff.id).await?;
    let codes = factor::new_codes(&mut tx, &app.config, staff, desk.now).await?;
    desk.note(&mut tx, Action::StaffCodesRenewed, None, None, json!({})).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(html(&CodesPage { codes, is_new: false }))
}
