//! The record of a customer: who it is, how they get in, and the envelope. The password is not here,
//! and nothing on the way here could read it: what stands for it is a constant.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

use super::desk::Desk;
use super::frame::{Frame, Section, moment};
use super::timeline::{View, ago, carries, full_name};
use crate::address::mask;
use crate::address_change;
use crate::args;
use crate::customer::Customer;
use crate::locale::{Language, capitalized};
use crate::reminder::{self, Standing};
use crate::staff::Role;
use crate::store::{Access, Store};
use crate::web::error::Failure;
use crate::web::page::html;

#[derive(Template)]
#[template(path = "oms/record.html")]
struct RecordPage {
    frame: Frame,
    customer_id: String,
    name: String,
    number: String,
    badges: Vec<(&'static str, &'static str)>,
    sent: Option<Sent>,
    question: Option<String>,
    email: String,
    pending: Option<String>,
    reminder: String,
    can_send: bool,
    refusal: Option<String>,
    prompt: String,
    login_url: String,
    first_name: String,
    last_name: String,
    company: String,
    phone: String,
    language: &'static str,
    is_blocked: bool,
    stores: Vec<StoreRow>,
    view: View,
}

struct StoreRow {
    name: String,
    login_url: String,
    is_home: bool,
    is_protected: bool,
}

/// What the page says right after a click on the envelope.
struct Sent {
    what: String,
    how: String,
}

/// Why the page is shown: after a click on the envelope, or because one needs a second thought.
#[derive(Debug, Default, Deserialize)]
pub struct Why {
    /// The reminder that was just sent.
    sent: Option<String>,
    /// One went out a moment ago.
    again: Option<String>,
}

/// GET /oms/customers/{customer}
pub async fn show(
    desk: Desk,
    Path(id): Path<String>,
    Query(why): Query<Why>,
) -> Result<Response, Failure> {
    let customer = desk.customer(&id).await?;
    let app = &desk.app;
    let standing =
        reminder::standing(&app.db, &app.config, &customer, desk.staff(), desk.now).await?;
    let sent = match &why.sent {
        Some(id) => sent(&desk, &customer, &standing, id).await?,
        None => None,
    };
    let view = View::of(&desk, &customer, &standing, None).await?;
    let pending = address_change::pending(&app.db, &app.config, &customer, desk.now).await?;
    let home = app.stores.by_id(&customer.home_store_id);
    let shown = |address: &str| {
        if desk.may(Role::Agent) { address.to_owned() } else { mask(address) }
    };
    let refusal = standing.refusal.as_ref().map(reminder::Refusal::text);
    Ok(html(&RecordPage {
        frame: Frame::new(&desk, Section::Customers),
        name: full_name(&desk, &customer),
        badges: badges(&desk, &customer),
        sent,
        question: why.again.and_then(|_| question(&desk, &standing)),
        email: shown(&customer.email),
        pending: pending.as_deref().map(shown),
        reminder: contains(&standing),
        can_send: refusal.is_none(),
        refusal,
        prompt: home.as_ref().map_or_else(String::new, |store| prompt(store)),
        login_url: home.as_ref().map_or_else(String::new, |store| store.url("/login")),
        language: customer.language.or(home.map(|s| s.language)).map_or("", Language::name),
        is_blocked: customer.blocked_at.is_some(),
        stores: stores(&desk, &customer),
        view,
        customer_id: customer.id,
        number: customer.number,
        first_name: customer.first_name,
        last_name: customer.last_name,
        company: customer.company,
        phone: customer.phone,
    }))
}

fn badges(desk: &Desk, customer: &Customer) -> Vec<(&'static str, &'static str)> {
    let later = |until: Option<i64>| until.is_some_and(|until| until > desk.now);
    let all = [
        (customer.blocked_at.is_some(), "blocked", "bad"),
        (customer.frozen_at.is_some(), "frozen by the customer", "bad"),
        (later(customer.hold_until), "mails on hold", "warn"),
        (later(customer.reminder_hold_until), "address changed", "warn"),
    ];
    let mut badges: Vec<_> =
        all.into_iter().filter(|b| b.0).map(|(_, text, tone)| (text, tone)).collect();
    if badges.is_empty() {
        badges.push(("active", "good"));
    }
    badges
}

/// What a click sends, and where that is not what the merchant chose.
fn contains(standing: &Standing) -> String {
    let (sends, chosen) = (carries(standing.will_send.as_str()), carries(standing.mode.as_str()));
    if sends == chosen {
        return format!("An email with {sends}");
    }
    format!("An email with {sends}: there is no copy of this customer's password to send yet")
}

fn question(desk: &Desk, standing: &Standing) -> Option<String> {
    let last =
        standing.last.as_ref().filter(|_| standing.ask_again && standing.refusal.is_none())?;
    let (ago, by, outcome) = (ago(desk.now - last.at), &last.by, &last.outcome);
    Some(format!(
        "{by} sent one {ago}, at {}: {outcome}. Ask the caller to look into the spam folder first.",
        moment(last.at)
    ))
}

/// What was sent, to which masked address, in which form and for how long it is valid. A reminder
/// of another customer, or none at all, says nothing.
async fn sent(
    desk: &Desk,
    customer: &Customer,
    standing: &Standing,
    id: &str,
) -> Result<Option<Sent>, Failure> {
    let sql = "SELECT mode, sent_mode, store_id FROM reminder
               WHERE id = $1 AND merchant_id = $2 AND customer_id = $3";
    let args = args![id, desk.merchant_id(), &customer.id];
    let Some(row) = desk.app.db.row(sql, args).await? else { return Ok(None) };
    let (chosen, sent_mode): (String, Option<String>) = (row.get("mode"), row.get("sent_mode"));
    let mode = sent_mode.unwrap_or_else(|| standing.will_send.as_str().to_owned());
    let store = desk.app.stores.by_id(&row.get::<String>("store_id"));
    let config = &desk.app.config;
    let valid = match mode.as_str() {
        "link" => Some(store.and_then(|s| s.link_ttl).unwrap_or(config.link.ttl)),
        "current" => None,
        _ => Some(config.reminder.ttl),
    };
    let valid = match valid {
        Some(seconds) => format!("It is valid for {}.", Language::En.duration(seconds)),
        None => {
            "It stays valid; the customer is asked to choose a new one after logging in.".into()
        }
    };
    let instead = if mode == chosen {
        String::new()
    } else {
        format!(" {} could not be sent.", capitalized(carries(&chosen)))
    };
    let trouble = match desk.app.mail_trouble(desk.now) {
        Some(trouble) => format!(" The mail worker is down: {trouble}"),
        None => String::new(),
    };
    Ok(Some(Sent {
        what: format!(
            "{} is on its way to {}.",
            capitalized(carries(&mode)),
            mask(&customer.email)
        ),
        how: format!("{valid}{instead}{trouble}"),
    }))
}

/// What stands below the store's Log in button.
fn prompt(store: &Store) -> String {
    let own = store.prompt.clone();
    own.unwrap_or_else(|| store.language.text("forgot-prompt").to_owned())
}

fn stores(desk: &Desk, customer: &Customer) -> Vec<StoreRow> {
    let all = desk.app.stores.list();
    let own = all.iter().filter(|store| store.merchant_id == customer.merchant_id);
    own.map(|store| StoreRow {
        name: store.name.clone(),
        login_url: store.url("/login"),
        is_home: store.id == customer.home_store_id,
        is_protected: store.access == Access::Protected,
    })
    .collect()
}
