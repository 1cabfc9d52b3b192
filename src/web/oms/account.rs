//! The own account of a member of staff: password, second factor, recovery codes, sessions. What
//! changes access asks for the current password: a desk left open must not become a door.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::{Desk, Lobby};
use super::frame::{Frame, Section, moment};
use super::login::{guard, wait_text};
use crate::activity::Action;
use crate::limit::Attempt;
use crate::password::{Password, Verdict};
use crate::staff::session::{self, StaffSession};
use crate::staff::{Role, access, factor};
use crate::web::error::{Failure, seconds};
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;
use crate::web::store::recovery::repeats;

#[derive(Template)]
#[template(path = "oms/account.html")]
struct AccountPage {
    frame: Frame,
    name: String,
    email: String,
    done: Option<&'static str>,
    password_error: Option<String>,
    reasons: Vec<String>,
    factor_since: Option<String>,
    factor_required: bool,
    factor_error: Option<String>,
    codes_left: i64,
    codes_error: Option<String>,
    sessions: Vec<SessionRow>,
}

struct SessionRow {
    id: String,
    device: String,
    started: String,
    seen: String,
    current: bool,
}

/// Where on the page a refusal stands.
pub(super) enum Panel {
    /// At the current password.
    Current(String),
    /// At the new password.
    New(Vec<String>),
    /// At the second factor.
    Factor(String),
    /// At the recovery codes.
    Codes(String),
}

async fn page(desk: &Desk) -> Result<AccountPage, Failure> {
    let (app, staff) = (&desk.app, desk.staff());
    let listed = session::list(&app.db, &app.config.staff, &staff.id, desk.now).await?;
    let row = |row: session::Listed| SessionRow {
        current: row.id == desk.session.id,
        started: moment(row.created_at),
        seen: moment(row.seen_at),
        id: row.id,
        device: row.device,
    };
    Ok(AccountPage {
        frame: Frame::new(desk, Section::Account),
        name: staff.name.clone(),
        email: staff.email.clone(),
        done: None,
        password_error: None,
        reasons: Vec::new(),
        factor_since: staff.factor_since.map(moment),
        factor_required: staff.factor_required,
        factor_error: None,
        codes_left: factor::codes_left(&app.db, &staff.id).await?,
        codes_error: None,
        sessions: listed.into_iter().map(row).collect(),
    })
}

/// What just happened, by name.
#[derive(Debug, Default, Deserialize)]
pub struct Done {
    #[serde(default)]
    done: String,
}

/// GET /oms/account
pub async fn overview(desk: Desk, Query(Done { done }): Query<Done>) -> Result<Response, Failure> {
    let done = match done.as_str() {
        "password" => Some("Your password is changed. You are logged out everywhere else."),
        "factor-removed" => Some("Your second factor is removed."),
        "sessions" => Some("Done: logged out there."),
        _ => None,
    };
    Ok(html(&AccountPage { done, ..page(&desk).await? }))
}

/// The page with a refusal, 422.
pub(super) async fn refuse(desk: &Desk, panel: Panel) -> Result<Response, Failure> {
    let mut page = page(desk).await?;
    match panel {
        Panel::Current(error) => page.password_error = Some(error),
        Panel::New(reasons) => page.reasons = reasons,
        Panel::Factor(error) => page.factor_error = Some(error),
        Panel::Codes(error) => page.codes_error = Some(error),
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response())
}

/// Checks the current password, guarded like a log-in. Gives the text of the refusal.
pub(super) async fn confirm_password(
    lobby: &Lobby,
    session: &StaffSession,
    typed: &str,
) -> Result<Result<(), String>, Failure> {
    let (app, staff) = (&lobby.app, &session.staff);
    let guard = guard(app, &lobby.source, &staff.email_key);
    if let Attempt::Wait(wait) = guard.enter(&app.db, lobby.now).await? {
        return Ok(Err(wait_text(seconds(wait))));
    }
    let wrong = || Ok(Err("Your current password is not right.".to_owned()));
    let Ok(password) = Password::read(typed) else { return wrong() };
    let found = access::by_id(&app.db, &staff.merchant_id, &staff.id).await?;
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

/// What the password form posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    #[serde(default)]
    form_secret: String,
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    password_repeat: String,
    /// For password managers alone.
    #[serde(default, rename = "email")]
    _email: String,
}

/// POST /oms/account/password: every other session and link ends, this browser gets a new cookie,
/// and a notice goes out.
pub async fn set_password(
    desk: Desk,
    lobby: Lobby,
    Form(form): Form<SetPassword>,
) -> Result<Response, Failure> {
    desk.check(Role::Viewer, &form.form_secret)?;
    let (app, staff) = (&desk.app, desk.staff());
    if let Err(error) = confirm_password(&lobby, &desk.session, &form.current_password).await? {
        return refuse(&desk, Panel::Current(error)).await;
    }
    let password = match access::judge(staff, &form.password) {
        Ok(password) => password,
        Err(reasons) => return refuse(&desk, Panel::New(reasons)).await,
    };
    if !repeats(&password, &form.password_repeat) {
        let reasons = vec!["The two passwords are not the same.".to_owned()];
        return refuse(&desk, Panel::New(reasons)).await;
    }
    let hash = app.hasher.hash(password).await?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let held = access::hold(&mut tx, &staff.id).await?;
    // Meanwhile disabled or reset by a colleague: a password set now would undo that.
    if held.is_none_or(|h| h.staff.disabled_at.is_some() || h.password_hash.is_none()) {
        return Ok(see_other("/oms/login", []));
    }
    access::set_password(&mut tx, &app.config, staff, &hash, None, now).await?;
    let (config, who) = (&app.config.staff, (&*staff.id, &*staff.merchant_id));
    let factor = desk.session.factor_at.is_some();
    let token = session::start(&mut tx, config, who, &lobby.device, None, factor, now).await?;
    let detail = json!({ "by": "current password" });
    desk.note(&mut tx, Action::StaffPasswordChanged, None, None, detail).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(see_other("/oms/account?done=password", [lobby.session_cookie(Some(&token))]))
}

/// What the list of sessions posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndSessions {
    #[serde(default)]
    form_secret: String,
    /// The id of one, or `others`.
    #[serde(default)]
    session: String,
}

/// POST /oms/account/sessions: ends one, or all others.
pub async fn end_sessions(desk: Desk, Form(form): Form<EndSessions>) -> Result<Response, Failure> {
    desk.check(Role::Viewer, &form.form_secret)?;
    let (id, now) = (&desk.staff().id, desk.now);
    let mut tx = desk.app.db.begin().await?;
    let ended = if form.session == "others" {
        session::end_all(&mut tx, id, Some(&desk.session.digest), now).await?
    } else {
        session::end_by_id(&mut tx, id, &form.session.replace('\0', ""), now).await?
    };
    if ended > 0 {
        let detail = json!({ "sessions": ended });
        desk.note(&mut tx, Action::StaffSessionsEnded, None, None, detail).await?;
    }
    tx.commit().await?;
    Ok(see_other("/oms/account?done=sessions", []))
}
