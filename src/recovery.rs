//! Recovery: how a customer who forgot the password gets back in. Read downwards:
//!
//! 1. [`Intake::start`] takes a typed address and a return ticket, and touches no account.
//! 2. [`mint`] is where the mail worker finds out whether there is anybody, and makes the link.
//! 3. [`peek`] shows where a link leads; it changes nothing.
//! 4. [`finish`] is the one transaction that gives the new password and lets the customer in.
//!
//! This module only queues mail; how mails look is `mail::message`'s business.

mod inside;
mod intake;
mod mint;
mod opened;
mod withhold;

pub use inside::ask_for_probe;
pub(crate) use intake::burn;
pub use intake::{Accepted, Context, Crowd, Intake, Request};
pub use mint::{Minted, Recognised, RecoveryMail, mint, recognise};
pub use opened::opened;
pub(crate) use withhold::{Eligibility, too_many};

use crate::args;
use crate::clock::{DAY, MINUTE, Micros, SECOND};
use crate::config::Config;
use crate::customer::{self, Customer};
use crate::db::{Db, Result, Tx};
use crate::mail::outbox::{self, Kind, NewMail};
use crate::password::seal::NewPassword;
use crate::secret::{Digest, Key, Token};
use crate::session;
use crate::store::Store;
use crate::timeline::{self, Entry};
use crate::token::{self, Purpose};

/// Where a live link leads.
#[derive(Debug)]
pub struct Ticket {
    /// Whose password it sets.
    pub customer: Customer,
}

/// Looks where a link leads; `None` for every link that is dead, for whatever reason.
///
/// # Errors
/// What the database says.
pub async fn peek(db: &Db, store: &Store, link: &Token, now: Micros) -> Result<Option<Ticket>> {
    let found = token::peek(db, Purpose::Recovery, &store.id, link.digest(), now).await?;
    let Some(id) = found.and_then(|found| found.customer_id) else { return Ok(None) };
    let customer = customer::load(db, &store.merchant_id, &id).await?;
    Ok(customer.map(|customer| Ticket { customer }))
}

/// What a finished recovery gives the browser.
#[derive(Debug)]
pub struct Finished {
    /// The new session's cookie.
    pub session: Token,
    /// The page that the customer wanted when asking, inside the store; may be empty.
    pub return_to: String,
    /// The cart as it was when asking: the value of the shop's cart cookie.
    pub cart: Option<String>,
}

/// Sets the new password and lets the customer in, all in one transaction: the link is used up, the
/// password changed, every other session and link ended, the notice queued, the session started.
/// `None` when the link was not live any more; then nothing happened.
///
/// # Errors
/// What the database says; then nothing happened either.
pub async fn finish(
    db: &Db,
    config: &Config,
    carts: &Key,
    store: &Store,
    link: &Token,
    password: &NewPassword,
    browser: &session::Browser<'_>,
    now: Micros,
) -> Result<Option<Finished>> {
    let mut tx = db.begin().await?;
    let found = token::redeem(&mut tx, Purpose::Recovery, &store.id, link.digest(), now).await?;
    let Some((id, subject)) = found.and_then(|f| Some((f.customer_id?, f.subject_id))) else {
        return Ok(None);
    };
    let Some(customer) = customer::by_id(&mut tx, &store.merchant_id, &id).await? else {
        return Ok(None);
    };
    customer::set_password(&mut tx, &customer, &store.id, password, now).await?;
    notify_changed(&mut tx, config, store, &customer, now).await?;
    let session =
        session::start(&mut tx, &config.session, store, &customer.id, browser, now).await?;
    let by = Entry::LoggedIn { by: "recovery" };
    timeline::write(&mut tx, &customer, Some(&store.id), now, by).await?;
    let sql = "SELECT return_to, cart_sealed FROM recovery WHERE id = $1";
    let ticket = tx.row(sql, args![&subject]).await?;
    tx.commit().await?;
    let (return_to, sealed) = match ticket {
        Some(row) => (row.get("return_to"), row.get::<Option<Vec<u8>>>("cart_sealed")),
        None => (String::new(), None),
    };
    let cart = sealed
        .and_then(|sealed| carts.open(&subject, &sealed))
        .and_then(|cart| String::from_utf8(cart.to_vec()).ok());
    Ok(Some(Finished { session, return_to, cart }))
}

/// Queues the notice that the password was changed.
///
/// # Errors
/// What the database says.
pub async fn notify_changed(
    tx: &mut Tx,
    config: &Config,
    store: &Store,
    customer: &Customer,
    now: Micros,
) -> Result<()> {
    let notice = NewMail {
        kind: Kind::PasswordChanged,
        subject_id: &customer.id,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: Some(&customer.id),
    };
    outbox::enqueue(tx, &config.mail, &[notice], now).await.map(drop)
}

/// "This wasn't me" on a recovery mail or a reminder: links and temporary passwords die, and no
/// further one is mailed for a while.
/// False for a dead link.
///
/// # Errors
/// What the database says.
pub async fn stop(
    db: &Db,
    config: &Config,
    store: &Store,
    link: &Token,
    now: Micros,
) -> Result<bool> {
    let mut tx = db.begin().await?;
    let found = token::redeem(&mut tx, Purpose::Stop, &store.id, link.digest(), now).await?;
    let Some((id, subject)) = found.and_then(|f| Some((f.customer_id?, f.subject_id))) else {
        return Ok(false);
    };
    let Some(customer) = customer::by_id(&mut tx, &store.merchant_id, &id).await? else {
        return Ok(false);
    };
    // Of a link in a reminder, that is what it is about: then staff send no further one either.
    let sql = "UPDATE reminder SET stopped_at = $1 WHERE id = $2 AND customer_id = $3";
    tx.exec(sql, args![now, &subject, &customer.id]).await?;
    token::void_access(&mut tx, &customer.id, now).await?;
    outbox::withdraw(&mut tx, &customer.id, now).await?;
    let sql = "UPDATE customer SET hold_until = $1 WHERE id = $2";
    tx.exec(sql, args![now + config.link.hold * SECOND, &customer.id]).await?;
    timeline::write(&mut tx, &customer, Some(&store.id), now, Entry::LinkStopped).await?;
    tx.commit().await?;
    Ok(true)
}

/// "This wasn't me" on a notice: the account is frozen. Every session and link ends, the password
/// no longer opens anything, and only a new recovery link, to the confirmed address, reopens it.
/// False for a dead link.
///
/// # Errors
/// What the database says.
pub async fn freeze(db: &Db, store: &Store, link: &Token, now: Micros) -> Result<bool> {
    let mut tx = db.begin().await?;
    let found = token::redeem(&mut tx, Purpose::Freeze, &store.id, link.digest(), now).await?;
    let Some(id) = found.and_then(|f| f.customer_id) else { return Ok(false) };
    let Some(customer) = customer::by_id(&mut tx, &store.merchant_id, &id).await? else {
        return Ok(false);
    };
    customer::freeze(&mut tx, &customer, now).await?;
    timeline::write(&mut tx, &customer, Some(&store.id), now, Entry::AccountFrozen).await?;
    tx.commit().await?;
    Ok(true)
}

/// Whether a stop or freeze link is live, so that the page can ask. Changes nothing.
///
/// # Errors
/// What the database says.
pub async fn peek_not_me(
    db: &Db,
    store: &Store,
    digest: Digest,
    now: Micros,
) -> Result<Option<Purpose>> {
    for purpose in [Purpose::Stop, Purpose::Freeze, Purpose::UndoAddress] {
        if token::peek(db, purpose, &store.id, digest, now).await?.is_some() {
            return Ok(Some(purpose));
        }
    }
    Ok(None)
}

/// Forgets typed addresses that no worker will handle any more, and old requests.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, config: &Config, now: Micros) -> Result<()> {
    let given_up = now - config.mail.give_up * SECOND - 10 * MINUTE;
    let sql = "UPDATE recovery SET address_sealed = NULL
               WHERE created_at < $1 AND address_sealed IS NOT NULL";
    db.exec(sql, args![given_up]).await?;
    db.exec("DELETE FROM recovery WHERE created_at < $1", args![now - 7 * DAY]).await?;
    Ok(())
}
