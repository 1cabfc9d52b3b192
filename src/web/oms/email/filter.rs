//! Which mails are asked for.

use serde::Deserialize;

use super::mails::kind_words;
use crate::clock::Micros;
use crate::mail::outbox::{End, Kind, State};
use crate::web::error::Failure;
use crate::web::oms::desk::Desk;
use crate::web::oms::filters::{self, Choice};

/// `GET /oms/email`, all of them optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// As [`State::as_str`] says it.
    pub state: String,
    /// As [`Kind::as_str`] says it.
    pub kind: String,
    /// A store's id.
    pub store: String,
    /// A receiving domain.
    pub domain: String,
    /// A customer number.
    pub customer: String,
    /// A day of UTC: `2026-11-23`.
    pub from: String,
    /// The same; that day is included.
    pub to: String,
    /// Where an older page begins.
    pub before: String,
    /// What was just done.
    pub done: String,
}

impl Asked {
    /// The page's own address with these filters.
    pub(super) fn address(&self, before: Option<&Cursor>) -> String {
        let filters = [
            ("state", &*self.state),
            ("kind", &self.kind),
            ("store", &self.store),
            ("domain", &self.domain),
            ("customer", &self.customer),
            ("from", &self.from),
            ("to", &self.to),
        ];
        filters::address(super::HERE, &filters, before.map(Cursor::text))
    }

    /// What staff just did, in words.
    pub fn done(&self) -> Option<&'static str> {
        match &*self.done {
            "retried" => Some("The email is made anew and leaves at once."),
            "cancelled" => Some("The email was taken back. It will not leave."),
            _ => None,
        }
    }
}

/// Where a page of the list begins.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    pub at: Micros,
    pub id: String,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        Some(Self { at: at.parse().ok()?, id: id.to_owned() })
    }

    fn text(&self) -> String {
        format!("{}.{}", self.at, self.id)
    }
}

/// What was asked for, as the database takes it. Empty texts filter nothing.
#[derive(Debug)]
pub(super) struct Filter {
    pub state: Option<State>,
    pub kind: String,
    pub store: String,
    pub domain: String,
    pub customer: Option<String>,
    pub from: Micros,
    pub to: Micros,
    pub before: Option<Cursor>,
}

/// The same, and what of it cannot be understood.
pub(super) struct Understood {
    pub filter: Filter,
    pub troubles: Vec<String>,
}

/// Reads the filters. What cannot be read filters nothing and is said.
pub(super) async fn understand(desk: &Desk, asked: &Asked) -> Result<Understood, Failure> {
    let mut troubles = Vec::new();
    let state = State::parse(&asked.state);
    if state.is_none() && !asked.state.is_empty() {
        troubles
            .push(format!("There is no state called “{}”: choose one of the list.", asked.state));
    }
    if Kind::parse(&asked.kind).is_none() && !asked.kind.is_empty() {
        troubles.push(format!("There is no kind called “{}”: choose one of the list.", asked.kind));
    }
    let own = |store: &crate::store::Store| store.merchant_id == desk.merchant_id();
    if !asked.store.is_empty() && !desk.app.stores.by_id(&asked.store).is_some_and(|s| own(&s)) {
        return Err(Failure::NotFound);
    }
    let customer = filters::customer(desk, &asked.customer, &mut troubles).await?;
    let (from, to) = filters::days(&asked.from, &asked.to, &mut troubles);
    let filter = Filter {
        state,
        kind: asked.kind.clone(),
        store: asked.store.clone(),
        domain: asked.domain.trim().trim_start_matches('@').to_lowercase(),
        customer,
        from: from.unwrap_or(0),
        to: to.unwrap_or(Micros::MAX),
        before: Cursor::parse(&asked.before),
    };
    Ok(Understood { filter, troubles })
}

/// The states, but for those in which no mail was ever meant to leave.
pub(super) fn states(asked: &Asked) -> Vec<Choice> {
    let shown = State::all().filter(|s| *s != State::Ended(End::Nobody));
    shown
        .map(|s| Choice::new(s.as_str(), super::mails::state_words(s).into(), &asked.state))
        .collect()
}

/// The kinds of mail.
pub(super) fn kinds(asked: &Asked) -> Vec<Choice> {
    let kind = |kind: &Kind| Choice::new(kind.as_str(), kind_words(kind.as_str()), &asked.kind);
    Kind::ALL.iter().map(kind).collect()
}

/// The merchant's stores.
pub(super) fn stores(desk: &Desk, asked: &Asked) -> Vec<Choice> {
    let mut all = desk.app.stores.list();
    all.retain(|store| store.merchant_id == desk.merchant_id());
    all.iter().map(|store| Choice::new(&store.id, store.name.clone(), &asked.store)).collect()
}
