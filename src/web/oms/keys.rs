//! Signing keys: for each sender domain the keys that sign its mails, where they are in their life,
//! and the records to publish. Everybody sees them, administrators make and activate them. The
//! private halves are on no page.

use std::collections::HashMap;

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::frame::{Frame, Section, moment};
use crate::activity::Action;
use crate::mail::dkim::life::{self, Pair, Refused, Wanted};
use crate::mail::dkim::{self, DomainKey, State};
use crate::mail::doctor;
use crate::staff::Role;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;

/// Two keys under one name, as they are shown.
struct Shown {
    name: String,
    state: State,
    badge: (&'static str, &'static str),
    /// What that means and what to do, in a sentence or two.
    words: String,
    keys: Vec<DomainKey>,
}

/// A sender domain.
struct Domain {
    name: String,
    pairs: Vec<Shown>,
    signs: bool,
    waits: bool,
    /// Whether a store still sends from it.
    is_sender: bool,
}

#[derive(Template)]
#[template(path = "oms/keys.html")]
struct KeysPage {
    frame: Frame,
    domains: Vec<Domain>,
    done: Option<&'static str>,
    error: Option<String>,
    /// The domain whose keys can be activated only by saying so twice.
    unpublished: Option<String>,
}

/// GET /oms/email/keys
pub async fn show(
    desk: Desk,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let done = query.get("done").and_then(|done| match done.as_str() {
        "made" => Some("New keys are made. Publish their two records, then activate them."),
        "activated" => Some("The keys sign every mail from now on."),
        _ => None,
    });
    Ok(html(&KeysPage { done, ..page(&desk).await? }))
}

async fn page(desk: &Desk) -> Result<KeysPage, Failure> {
    let (db, merchant) = (&desk.app.db, desk.merchant_id());
    let senders = life::sender_domains(db, merchant).await?;
    let mut keys = dkim::of_merchant(db, merchant).await?;
    let mut names = senders.clone();
    names.extend(keys.iter().map(|key| key.domain.clone()));
    let domain = |name: String| {
        let own: Vec<_> = keys.extract_if(.., |key| key.domain == name).collect();
        let has = |state| own.iter().any(|key| key.state() == state);
        Domain {
            signs: has(State::Signing),
            waits: has(State::Waiting),
            is_sender: senders.contains(&name),
            name,
            pairs: pairs(own),
        }
    };
    Ok(KeysPage {
        frame: Frame::new(desk, Section::Email),
        domains: names.into_iter().map(domain).collect(),
        done: None,
        error: None,
        unpublished: None,
    })
}

fn pairs(keys: Vec<DomainKey>) -> Vec<Shown> {
    let mut pairs: Vec<Shown> = Vec::new();
    for key in keys {
        match pairs.iter_mut().find(|pair| pair.name == key.pair) {
            Some(pair) => pair.keys.push(key),
            None => {
                let (badge, words) = words(&key);
                let (name, state) = (key.pair.clone(), key.state());
                pairs.push(Shown { name, state, badge, words, keys: vec![key] });
            }
        }
    }
    pairs
}

fn words(key: &DomainKey) -> ((&'static str, &'static str), String) {
    match key.state() {
        State::Signing => {
            let since = key.active_at.map(moment).unwrap_or_default();
            let text =
                format!("In use since {since}. Both records must stand in the domain's DNS.");
            (("good", "Signing"), text)
        }
        State::Waiting => {
            let text = "They sign nothing yet. Publish both records; when the DNS shows them, which \
                        can take an hour, activate the keys.";
            (("warn", "To be published"), text.into())
        }
        State::Retired { keep_until } => {
            let until = moment(keep_until);
            let text = format!(
                "Replaced. Keep both records until {until}: mails that are signed \
                 with them may still be under way. Then remove them; this entry goes by itself."
            );
            (("idle", "Retired"), text)
        }
    }
}

/// What the forms post.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    form_secret: String,
    domain: String,
}

/// POST /oms/email/keys
pub async fn create(desk: Desk, Form(asked): Form<Asked>) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &asked.form_secret)?;
    make(&desk, &asked.domain, Wanted::First).await
}

/// POST /oms/email/keys/rotate
pub async fn rotate(desk: Desk, Form(asked): Form<Asked>) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &asked.form_secret)?;
    make(&desk, &asked.domain, Wanted::Next).await
}

async fn make(desk: &Desk, domain: &str, wanted: Wanted) -> Result<Response, Failure> {
    let merchant = desk.merchant_id();
    // Asked twice: making the keys takes a while, and nothing may be held meanwhile.
    let mut tx = desk.app.db.begin().await?;
    let refused = life::may_add(&mut tx, merchant, domain, wanted).await?;
    drop(tx);
    if let Some(why) = refused {
        return refuse(desk, why).await;
    }
    let pair = Pair::generate().await;
    let mut tx = desk.app.db.begin().await?;
    let seal = &desk.app.keys.dkim;
    let added = life::add(&mut tx, seal, (merchant, domain, wanted), &pair, desk.now).await?;
    if let Some(why) = added {
        drop(tx);
        return refuse(desk, why).await;
    }
    let detail = json!({ "domain": domain, "keys": pair.name() });
    desk.note(&mut tx, Action::DkimKeysMade, None, None, detail).await?;
    tx.commit().await?;
    Ok(see_other("/oms/email/keys?done=made", []))
}

/// What the form that activates posts.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Activate {
    form_secret: String,
    domain: String,
    /// Whatever the DNS says.
    anyway: String,
}

/// POST /oms/email/keys/activate
pub async fn activate(desk: Desk, Form(asked): Form<Activate>) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &asked.form_secret)?;
    if asked.anyway.is_empty() {
        let keys = dkim::of_domain(&desk.app.db, desk.merchant_id(), &asked.domain).await?;
        let waiting: Vec<_> = keys.into_iter().filter(|k| k.state() == State::Waiting).collect();
        let why = doctor::unpublished(&desk.app.dns, &asked.domain, &waiting).await;
        if let Some(why) = why {
            let error =
                format!("Not activated. {why}. Publish it, wait for the DNS, and try again.");
            let (error, unpublished) = (Some(error), Some(asked.domain));
            let page = KeysPage { error, unpublished, ..page(&desk).await? };
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response());
        }
    }
    let mut tx = desk.app.db.begin().await?;
    let pair = life::activate(&mut tx, desk.merchant_id(), &asked.domain, desk.now).await?;
    let pair = match pair {
        Ok(pair) => pair,
        Err(why) => {
            drop(tx);
            return refuse(&desk, why).await;
        }
    };
    let detail = json!({ "domain": asked.domain, "keys": pair });
    desk.note(&mut tx, Action::DkimKeysActivated, None, None, detail).await?;
    tx.commit().await?;
    Ok(see_other("/oms/email/keys?done=activated", []))
}

async fn refuse(desk: &Desk, why: Refused) -> Result<Response, Failure> {
    let mut text = why.advice().to_owned();
    text[..1].make_ascii_uppercase();
    let page = KeysPage { error: Some(format!("{text}.")), ..page(desk).await? };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response())
}
