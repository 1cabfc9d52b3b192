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
mod opened;

pub use inside::ask_for_probe;
pub(crate) use intake::burn;
pub use intake::{Accepted, Context, Crowd, Intake, Request};
pub use opened::opened;

use crate::args;
use crate::clock::{DAY, HOUR, MINUTE, Micros, SECOND};
use crate::config::Config;
use crate::customer::{self, Customer};
use crate::db::{Db, Result, Tx};
use crate::locale::Language;
use crate::mail::outbox::{self, End, Kind, Leased, NewMail};
use crate::password::seal::NewPassword;
use crate::secret::{Digest, Key, Token};
use crate::session;
use crate::store::Store;
use crate::suppression;
use crate::timeline::{self, Entry};
use crate::token::{self, NewToken, Purpose};

/// What the mail worker may do with a request.
#[derive(Debug)]
pub enum Minted {
    /// Send this.
    Mail(Box<RecoveryMail>),
    /// Send nothing, tell nobody outside.
    Withheld(End),
}

/// What a recovery mail says. The links' tokens exist here and in the mail, nowhere else.
#[derive(Debug)]
pub struct RecoveryMail {
    /// To whom: the confirmed address of the record, never what was typed.
    pub customer: Customer,
    /// Opens the reset page.
    pub link: Token,
    /// "This wasn't me".
    pub stop: Token,
    /// When the link dies.
    pub expires_at: Micros,
    /// How long it lives, in seconds.
    pub ttl: i64,
    /// What the page showed.
    pub reference: String,
    /// The customer's language, else that of the page.
    pub language: Language,
}

/// Who asked, and how.
#[derive(Debug)]
pub struct Recognised {
    /// Whose the typed address is.
    pub customer: Customer,
    /// What the page showed.
    reference: String,
    /// The language of the page.
    language: String,
}

/// Finds out who asked; with the first look the typed address is forgotten, and the timeline tells of
/// the request. `None` where there is nobody.
///
/// # Errors
/// What the database says.
pub async fn recognise(
    tx: &mut Tx,
    addresses: &Key,
    store: &Store,
    mail: &Leased,
    now: Micros,
) -> Result<Option<Recognised>> {
    let sql = "SELECT reference, address_sealed, language FROM recovery
               WHERE id = $1 AND merchant_id = $2 AND store_id = $3";
    let args = args![&mail.subject_id, &store.merchant_id, &store.id];
    let Some(row) = tx.row(sql, args).await? else { return Ok(None) };
    let (reference, language): (String, String) = (row.get("reference"), row.get("language"));
    let customer = match &mail.customer_id {
        Some(id) => customer::by_id(tx, &store.merchant_id, id).await?,
        None => {
            let sealed: Option<Vec<u8>> = row.get("address_sealed");
            let typed = sealed.and_then(|s| addresses.open(&mail.subject_id, &s));
            let typed = typed.as_ref().and_then(|t| std::str::from_utf8(t).ok()).unwrap_or("");
            customer::by_address(tx, &store.merchant_id, typed).await?
        }
    };
    let sql = "UPDATE recovery SET handled_at = $1, address_sealed = NULL WHERE id = $2";
    tx.exec(sql, args![now, &mail.subject_id]).await?;
    let Some(customer) = customer else { return Ok(None) };
    if mail.customer_id.is_none() {
        outbox::is_for(tx, mail, &customer.id).await?;
        let entry = Entry::RecoveryRequested { reference: reference.clone() };
        timeline::write(tx, &customer, Some(&store.id), now, entry).await?;
    }
    Ok(Some(Recognised { customer, reference, language }))
}

/// Finds out who asked and makes the link. Runs in the mail worker, in the transaction that also
/// notes the mail as made; the mail is rendered and sent only after its commit.
///
/// # Errors
/// What the database says.
pub async fn mint(
    tx: &mut Tx,
    config: &Config,
    addresses: &Key,
    store: &Store,
    mail: &Leased,
    now: Micros,
) -> Result<Minted> {
    let Some(Recognised { customer, reference, language }) =
        recognise(tx, addresses, store, mail, now).await?
    else {
        return Ok(Minted::Withheld(End::Nobody));
    };
    if let Some((end, reason)) = withhold(tx, config, &customer, mail, now).await? {
        let entry = Entry::MailWithheld { reason };
        timeline::write(tx, &customer, Some(&store.id), now, entry).await?;
        return Ok(Minted::Withheld(end));
    }
    let ttl = store.link_ttl.unwrap_or(config.link.ttl);
    let expires_at = now + ttl * SECOND;
    let new = |purpose, expires_at| NewToken {
        purpose,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: Some(&customer.id),
        email_key: &customer.email_key,
        subject_id: &mail.subject_id,
        outbox_id: &mail.id,
        expires_at,
    };
    let link = token::mint(tx, &new(Purpose::Recovery, expires_at), now).await?;
    let stop = token::mint(tx, &new(Purpose::Stop, expires_at + DAY), now).await?;
    outbox::minted(tx, mail, Some(&customer.id), now).await?;
    let language = customer.language.or(Language::parse(&language)).unwrap_or(store.language);
    let mail = RecoveryMail { customer, link, stop, expires_at, ttl, reference, language };
    Ok(Minted::Mail(Box::new(mail)))
}

/// Why a customer gets no mail now, if so: a closed account, a hold by "This wasn't me", an address
/// that takes no mail, or too many mails. The caps count what was made for the customer, over all
/// stores and kinds, but for what never left: a request right after a mail was given up must not be
/// absorbed by it.
pub(crate) async fn withhold(
    tx: &mut Tx,
    config: &Config,
    customer: &Customer,
    mail: &Leased,
    now: Micros,
) -> Result<Option<(End, &'static str)>> {
    if customer.blocked_at.is_some() {
        return Ok(Some((End::Nobody, "blocked")));
    }
    if customer.hold_until.is_some_and(|until| until > now) {
        return Ok(Some((End::Nobody, "held")));
    }
    if let Some(withheld) = suppression::withhold(tx, customer, mail).await? {
        return Ok(Some(withheld));
    }
    if outbox::hasten(tx, mail, &customer.id, now).await? {
        return Ok(Some((End::Absorbed, "interval")));
    }
    let held = too_many(tx, config, &customer.id, &mail.id, now).await?;
    Ok(held.map(|reason| (End::Absorbed, reason)))
}

/// Which cap on the mails to a customer is reached, not counting the mail `except`.
///
/// # Errors
/// What the database says.
pub(crate) async fn too_many(
    tx: &mut Tx,
    config: &Config,
    customer_id: &str,
    except: &str,
    now: Micros,
) -> Result<Option<&'static str>> {
    let limits = &config.limits;
    let rows = tx
        .rows(
            "SELECT minted_at FROM outbox WHERE customer_id = $1 AND minted_at > $2 AND id <> $3
             AND kind IN ('recovery', 'registration')
             AND COALESCE(outcome, '') NOT IN ('expired', 'suppressed')
             ORDER BY minted_at DESC LIMIT 1000",
            args![customer_id, now - DAY, except],
        )
        .await?;
    let since = |span: Micros| {
        let count = rows.iter().filter(|row| row.get::<i64>("minted_at") > now - span).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    };
    Ok(if since(limits.mail_interval * SECOND) > 0 {
        Some("interval")
    } else if since(HOUR) >= limits.mail_per_hour {
        Some("hour")
    } else if since(DAY) >= limits.mail_per_day {
        Some("day")
    } else {
        None
    })
}

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
