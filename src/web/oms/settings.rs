//! Settings of the merchant: its name, the second factor of staff, and what the envelope sends.
//! Everybody sees them, administrators change them.

use std::collections::HashMap;

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::fields::Errors;
use super::frame::{Frame, Section, moment};
use super::stores::follow;
use crate::activity::Action;
use crate::clock::minutes;
use crate::merchant::settings::{self, Settings};
use crate::merchant::{self, Mode, ModeSet};
use crate::staff::Role;
use crate::store::rules;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;

#[derive(Template)]
#[template(path = "oms/settings.html")]
struct SettingsPage {
    frame: Frame,
    merchant_name: String,
    factor_required: bool,
    /// Staff who would have to set one up.
    without_factor: i64,
    /// The mode that holds.
    mode: Mode,
    /// The mode that is ticked.
    ticked: String,
    /// When and by whom `current` was consented to.
    consent: Option<(String, String)>,
    /// What has to be confirmed for `current`, today.
    today: String,
    /// Whether the operator allows `current`.
    current_allowed: bool,
    /// Minutes that a temporary password can be used, and that a link works.
    minutes: (i64, i64),
    errors: Errors,
    saved: bool,
}

/// GET /oms/settings
pub async fn show(
    desk: Desk,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let saved = query.contains_key("saved");
    Ok(html(&SettingsPage { saved, ..page(&desk).await? }))
}

async fn page(desk: &Desk) -> Result<SettingsPage, Failure> {
    let (db, config) = (&desk.app.db, &desk.app.config);
    let settings = settings::read(db, desk.merchant_id()).await?;
    let reminder = merchant::reminder(db, desk.merchant_id()).await?;
    Ok(SettingsPage {
        frame: Frame::new(desk, Section::Settings),
        merchant_name: settings.name,
        factor_required: settings.factor_required,
        without_factor: settings::without_factor(db, desk.merchant_id()).await?,
        mode: reminder.mode,
        ticked: reminder.mode.as_str().into(),
        consent: reminder.consent.map(|(at, by)| (moment(at), by)),
        today: moment(desk.now),
        current_allowed: config.reminder.allow_current,
        minutes: (minutes(config.reminder.ttl), minutes(config.link.ttl)),
        errors: Errors::default(),
        saved: false,
    })
}

fn refused(page: &SettingsPage) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, html(page)).into_response()
}

fn saved() -> Response {
    see_other("/oms/settings?saved=1", [])
}

/// What the first form posts. A box that is not ticked is not sent.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Edit {
    form_secret: String,
    name: String,
    factor_required: String,
}

/// POST /oms/settings
pub async fn save(desk: Desk, Form(form): Form<Edit>) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let factor_required = !form.factor_required.is_empty();
    let name = match rules::name(&form.name) {
        Ok(name) => name,
        Err(advice) => {
            let errors = Errors::one("name", &advice);
            let page = page(&desk).await?;
            let page = SettingsPage { merchant_name: form.name, factor_required, errors, ..page };
            return Ok(refused(&page));
        }
    };
    let before = settings::read(&desk.app.db, desk.merchant_id()).await?;
    let mut fields = Vec::new();
    if before.name != name {
        fields.push("name");
    }
    if before.factor_required != factor_required {
        fields.push("factor_required");
    }
    if !fields.is_empty() {
        let wanted = Settings { name, factor_required };
        let mut tx = desk.app.db.begin().await?;
        settings::write(&mut tx, desk.merchant_id(), &wanted).await?;
        let detail = json!({ "fields": fields, "factor_required": factor_required });
        desk.note(&mut tx, Action::SettingsChanged, None, None, detail).await?;
        tx.commit().await?;
        follow(&desk).await?;
    }
    Ok(saved())
}

/// What the form of the reminder posts.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SetReminder {
    form_secret: String,
    mode: String,
    consent: String,
}

/// POST /oms/settings/reminder
pub async fn set_reminder(desk: Desk, Form(form): Form<SetReminder>) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let before = merchant::reminder(&desk.app.db, desk.merchant_id()).await?.mode;
    let wanted = Mode::parse(&form.mode);
    if wanted == Some(before) {
        return Ok(saved());
    }
    let refuse = async |advice: &str| {
        let errors = Errors::one("mode", advice);
        let page = page(&desk).await?;
        Ok(refused(&SettingsPage { ticked: form.mode.clone(), errors, ..page }))
    };
    let Some(mode) = wanted else { return refuse("choose one of the three").await };
    let consent_by = if mode == Mode::Current {
        match consent(&desk, &form.consent) {
            Ok(by) => Some(by),
            Err(advice) => return refuse(advice).await,
        }
    } else {
        None
    };
    let mut tx = desk.app.db.begin().await?;
    let (merchant, by) = (desk.merchant_id(), consent_by.as_deref());
    let set = merchant::set_reminder_mode(&mut tx, merchant, mode, by, desk.now).await?;
    let destroyed = match set {
        ModeSet::Yes { destroyed } => destroyed,
        ModeSet::NoConsent => return refuse(NO_CONSENT).await,
        ModeSet::NoKey => {
            drop(tx);
            return refuse(NO_KEY).await;
        }
    };
    let detail = json!({ "from": before.as_str(), "to": mode.as_str() });
    desk.note(&mut tx, Action::ReminderModeChanged, None, None, detail).await?;
    if before == Mode::Current {
        let detail = json!({ "copies": destroyed });
        desk.note(&mut tx, Action::SealDestroyed, None, None, detail).await?;
    }
    tx.commit().await?;
    Ok(saved())
}

const NO_CONSENT: &str = "read the warning and tick the box below it to accept it";
const NO_KEY: &str = "there is no key to seal passwords with yet: ask the operator to run \
    `doorkey key create` where mail is sent, then try again";

/// Who consents to `current`: an administrator who gave a second factor and ticked the box, where
/// the operator allows it.
fn consent(desk: &Desk, ticked: &str) -> Result<String, &'static str> {
    let staff = desk.staff();
    if !desk.app.config.reminder.allow_current {
        return Err("the operator of this installation has not allowed this: it needs \
                    reminder.allow_current in the configuration");
    }
    if desk.session.factor_at.is_none() {
        return Err("this needs a second factor: set one up in your account and log in again");
    }
    if ticked != "1" {
        return Err(NO_CONSENT);
    }
    Ok(staff.name.clone())
}
