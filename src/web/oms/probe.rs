//! The recovery probe on the doctor's page: how it does at each store, and its switch.

use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::fields::sentence;
use super::frame::moment;
use crate::activity::Action;
use crate::mail::inbound::Homeless;
use crate::mail::probe::{self, Probe};
use crate::staff::Role;
use crate::store::Store;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;

/// The probes of a merchant's stores.
pub struct Probes {
    /// Minutes between two runs.
    pub every: i64,
    /// Why there can be none here.
    pub unavailable: Option<String>,
    /// One a store.
    pub lines: Vec<Line>,
}

/// The probe of a store, on or off.
pub struct Line {
    /// Names the store.
    pub store_id: String,
    /// What it is called.
    pub store: String,
    /// Whether it is switched on.
    pub is_on: bool,
    /// A class of the stylesheet.
    pub tone: &'static str,
    /// The verdict in a word.
    pub word: &'static str,
    /// What the last run took.
    pub text: String,
    /// Why it cannot be switched on.
    pub unavailable: Option<String>,
}

impl Line {
    fn new(store: &Store, probe: Option<&Probe>, unavailable: Option<String>) -> Self {
        let (tone, word, text) = match probe {
            None => ("idle", "off", String::new()),
            Some(probe) => words(probe),
        };
        Self {
            store_id: store.id.clone(),
            store: store.name.clone(),
            is_on: probe.is_some(),
            tone,
            word,
            text,
            unavailable: unavailable.filter(|_| probe.is_none()),
        }
    }
}

fn words(probe: &Probe) -> (&'static str, &'static str, String) {
    let Some(asked_at) = probe.asked_at else {
        return ("idle", "not yet", "begins within a minute.".into());
    };
    let seconds = |took: i64| format!("{}.{} s", took / 1000, took % 1000 / 100);
    let at = moment(asked_at);
    if let Some(since) = probe.failed_at {
        let why = probe.steps.trouble.as_deref().unwrap_or("a run is under way");
        return ("bad", "wrong", format!("fails since {}: {why}.", moment(since)));
    }
    match (probe.ended_at, probe.steps.home, probe.steps.finished) {
        (Some(_), Some(home), Some(all)) => {
            let text =
                format!("mail home in {}, all done in {}; {at}.", seconds(home), seconds(all));
            ("good", "fine", text)
        }
        _ => ("idle", "under way", format!("since {at}.")),
    }
}

fn own_stores(desk: &Desk) -> Vec<std::sync::Arc<Store>> {
    let mut own = desk.app.stores.list();
    own.retain(|store| store.merchant_id == desk.merchant_id());
    own.sort_by(|a, b| a.name.cmp(&b.name));
    own
}

impl Probes {
    /// How the probes of the merchant's stores do.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of(desk: &Desk) -> Result<Self, Failure> {
        let stores = own_stores(desk);
        let probes = probe::of_merchant(&desk.app.db, desk.merchant_id()).await?;
        let every = desk.app.config.probe.every;
        let homeless = |store: &Store| desk.app.home_address(store, &store.id).err();
        let unavailable = if every == 0 {
            Some("Switched off for this installation: the operator can set probe.every.".into())
        } else if stores.iter().all(|store| homeless(store) == Some(Homeless::NoListener)) {
            Some(sentence(&Homeless::NoListener.advice()))
        } else {
            None
        };
        let line = |store: &std::sync::Arc<Store>| {
            let probe = probes.iter().find(|probe| probe.store_id == store.id);
            Line::new(store, probe, homeless(store).map(|why| sentence(&why.advice())))
        };
        Ok(Self { every, unavailable, lines: stores.iter().map(line).collect() })
    }
}

/// What the switch posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    #[serde(default)]
    form_secret: String,
    store: String,
    /// `on` or `off`.
    to: String,
}

/// POST /oms/email/probe
pub async fn switch(desk: Desk, Form(form): Form<Switch>) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let store = own_stores(&desk).into_iter().find(|store| store.id == form.store);
    let store = store.ok_or(Failure::NotFound)?;
    let mut tx = desk.app.db.begin().await?;
    let on = match form.to.as_str() {
        "on" => {
            let home = desk.app.home_address(&store, &store.id);
            let home = home.map_err(|_| Failure::BadRequest)?;
            probe::switch_on(&mut tx, &store, &home, desk.now).await?;
            true
        }
        "off" => {
            probe::switch_off(&mut tx, &store, desk.now).await?;
            false
        }
        _ => return Err(Failure::BadRequest),
    };
    let detail = json!({ "on": on });
    desk.note(&mut tx, Action::ProbeSwitched, None, Some(&store.id), detail).await?;
    tx.commit().await?;
    Ok(see_other("/oms/email/doctor", []))
}
