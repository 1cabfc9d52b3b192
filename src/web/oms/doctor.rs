//! The doctor's page: each sender domain of the merchant with its verdict; each domain with its
//! checks, the records to publish, and what changed. As JSON for programs.

use std::collections::HashMap;

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::frame::{Frame, Section, moment};
use super::probe::Probes;
use super::timeline::wants_json;
use crate::activity::Action;
use crate::clock::Micros;
use crate::limit::{self, Window};
use crate::mail::doctor::kept::{self, Change, Kept};
use crate::mail::doctor::{self, Check, Installation, Level, Sender, round};
use crate::staff::Role;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;

/// Checks that staff of a merchant may ask for in ten minutes: each asks dozens of questions of
/// other people's name servers.
const BY_HAND: Window = Window { most: 10, window: 10 * crate::clock::MINUTE };

/// A domain on the list.
struct Line {
    domain: String,
    stores: String,
    level: Level,
    /// The first thing to look at.
    summary: String,
    /// When it was looked at.
    checked: Option<String>,
}

impl Line {
    fn new(domain: &str, sender: &Sender, kept: Option<&Kept>) -> Self {
        let summary = match kept {
            None => "Not looked at yet.".to_owned(),
            Some(kept) => match kept.findings.worst() {
                None => "All is as it should be.".to_owned(),
                Some(check) => check.found.clone(),
            },
        };
        Self {
            domain: domain.to_owned(),
            stores: sender.stores.join(", "),
            level: kept.map_or(Level::Unknown, |kept| kept.findings.level()),
            summary,
            checked: kept.map(|kept| moment(kept.seen_at)),
        }
    }
}

#[derive(Template)]
#[template(path = "oms/email_doctor.html")]
struct ListPage {
    frame: Frame,
    lines: Vec<Line>,
    probes: Probes,
}

#[derive(Template)]
#[template(path = "oms/email_doctor_domain.html")]
struct DomainPage {
    frame: Frame,
    domain: String,
    stores: String,
    level: Level,
    checks: Vec<Check>,
    changes: Vec<Change>,
    /// When it was looked at, and since when it is so.
    times: Option<(String, String)>,
    /// Just checked, or asked for too often.
    done: bool,
    too_often: bool,
}

/// RFC 3339.
fn stamp(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at).map(|at| at.to_string()).unwrap_or_default()
}

/// GET /oms/email/doctor
pub async fn list(desk: Desk, headers: HeaderMap) -> Result<Response, Failure> {
    let app = &desk.app;
    let (mut lines, mut exported) = (Vec::new(), Vec::new());
    for (domain, sender) in doctor::domains(&app.stores.list(), desk.merchant_id()) {
        let kept = kept::latest(&app.db, desk.merchant_id(), &domain).await?;
        exported.push(json!({
            "domain": domain,
            "level": kept.as_ref().map(|kept| kept.findings.level().as_str()),
            "checked_at": kept.as_ref().map(|kept| stamp(kept.seen_at)),
        }));
        lines.push(Line::new(&domain, &sender, kept.as_ref()));
    }
    if wants_json(&headers) {
        return Ok(Json(json!({ "domains": exported })).into_response());
    }
    let probes = Probes::of(&desk).await?;
    Ok(html(&ListPage { frame: Frame::new(&desk, Section::Email), lines, probes }))
}

/// The sender of one of the merchant's own domains; others do not exist here.
fn own(desk: &Desk, domain: &str) -> Result<Sender, Failure> {
    let mut own = doctor::domains(&desk.app.stores.list(), desk.merchant_id());
    own.remove(domain).ok_or(Failure::NotFound)
}

/// GET /oms/email/doctor/{domain}
pub async fn show(
    desk: Desk,
    Path(domain): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let sender = own(&desk, &domain)?;
    let kept = kept::latest(&desk.app.db, desk.merchant_id(), &domain).await?;
    if wants_json(&headers) {
        return Ok(Json(exported(&domain, kept.as_ref())).into_response());
    }
    let times = kept.as_ref().map(|kept| (moment(kept.seen_at), moment(kept.since_at)));
    let level = kept.as_ref().map_or(Level::Unknown, |kept| kept.findings.level());
    let (checks, changes) =
        kept.map(|kept| (kept.findings.checks, kept.changes)).unwrap_or_default();
    Ok(html(&DomainPage {
        frame: Frame::new(&desk, Section::Email),
        stores: sender.stores.join(", "),
        level,
        checks,
        changes,
        times,
        domain,
        done: query.contains_key("checked"),
        too_often: query.contains_key("often"),
    }))
}

fn exported(domain: &str, kept: Option<&Kept>) -> serde_json::Value {
    json!({
        "domain": domain,
        "level": kept.map(|kept| kept.findings.level().as_str()),
        "checked_at": kept.map(|kept| stamp(kept.seen_at)),
        "since": kept.map(|kept| stamp(kept.since_at)),
        "checks": kept.map(|kept| &kept.findings.checks),
        "changes": kept.map(|kept| &kept.changes),
    })
}

/// What the button posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckForm {
    #[serde(default)]
    form_secret: String,
}

/// POST /oms/email/doctor/{domain}: looks now.
pub async fn check(
    desk: Desk,
    Path(domain): Path<String>,
    Form(form): Form<CheckForm>,
) -> Result<Response, Failure> {
    desk.check(Role::Agent, &form.form_secret)?;
    let sender = own(&desk, &domain)?;
    let app = &desk.app;
    let page = format!("/oms/email/doctor/{domain}");
    let bucket = limit::bucket(&app.keys.counters, "doctor", desk.merchant_id());
    let mut tx = app.db.begin().await?;
    let standing = limit::hit(&mut tx, &[(bucket, 1, BY_HAND)], desk.now).await?;
    tx.commit().await?;
    if standing.first().is_some_and(|s| s.over(BY_HAND, desk.now).is_some()) {
        return Ok(see_other(&format!("{page}?often=1"), []));
    }
    let tools = app.doctor();
    let installation = Installation::look(&app.config, &app.dns, desk.now).await;
    let merchant = desk.merchant_id();
    let asked = (&app.db, &app.dns);
    let found = doctor::examine(asked, &installation, merchant, &domain, &sender.address).await?;
    round::note(&tools, merchant, &found, desk.now).await?;
    let mut tx = app.db.begin().await?;
    let detail = json!({ "domain": domain, "level": found.level().as_str() });
    desk.note(&mut tx, Action::DomainChecked, None, None, detail).await?;
    tx.commit().await?;
    Ok(see_other(&format!("{page}?checked=1"), []))
}
