//! Registration: a new customer, until the address is confirmed.
//!
//! The page answers alike whether the address is known or not; the mail tells the difference, to
//! the one person who may know: whoever reads that mailbox.

use crate::address::EmailAddress;
use crate::args;
use crate::captcha::Proof;
use crate::clock::{DAY, Micros, SECOND};
use crate::config::Config;
use crate::customer::{self, Customer, NewCustomer};
use crate::db::{self, Db, Result, Tx};
use crate::limit::{self, Firsts, Window};
use crate::locale::Language;
use crate::mail::outbox::{self, End, Kind, Leased, NewMail};
use crate::password::seal::{self, NewPassword};
use crate::recovery::{self, Eligibility};
use crate::secret::{Key, Token};
use crate::session;
use crate::store::Store;
use crate::timeline::{self, Entry};
use crate::token::{self, NewToken, Purpose};

/// What the form submits.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Where.
    pub store: &'a Store,
    /// Typed address.
    pub address: &'a EmailAddress,
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
    /// The page to go to afterwards, inside the store; may be empty.
    pub return_to: &'a str,
    /// The language of the page.
    pub language: Language,
    /// Who asks: a network address.
    pub source: &'a str,
    /// The solved captcha.
    pub proof: &'a Proof,
}

/// Whether a registration is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// Hash the password and [`start`].
    Yes,
    /// The same answer, and nothing is written: too many for this address.
    Silently,
    /// The captcha was used before.
    CaptchaUsed,
    /// Too many requests from this source; so many microseconds to wait.
    TooMany(Micros),
}

/// Lets a registration in, without looking whether the address is known. Decided before the password
/// is hashed: a captcha is good for one hash, and a source for as many as its limit. The counters
/// are those of recovery, so that one form cannot be used where the other is exhausted.
///
/// # Errors
/// What the database says.
pub async fn admit(
    db: &Db,
    config: &Config,
    (counters, firsts): (&Key, &Firsts),
    request: &Request<'_>,
    now: Micros,
) -> Result<Admitted> {
    let mut tx = db.begin().await?;
    let proof = vec![args![request.proof.digest, request.proof.expires_at]];
    if recovery::burn(&mut tx, proof).await?.is_empty() {
        return Ok(Admitted::CaptchaUsed);
    }
    let store = request.store;
    let limits = &config.limits;
    let source = Window::new(limits.source_requests, limits.source_window);
    let address = Window::new(limits.address_requests, limits.address_window);
    let bucket = limit::bucket(counters, "recovery-source", request.source);
    let standing = limit::hit(&mut tx, &[(bucket, 1, source)], now).await?;
    if let Some(wait) = standing[0].over(source, now) {
        tx.commit().await?;
        return Ok(Admitted::TooMany(wait));
    }
    // Only now: a source that is refused must not use up what an address has.
    let whom = format!("{}\n{}", store.merchant_id, request.address.key());
    let bucket = limit::bucket(counters, "recovery-address", &whom);
    let standing = firsts.hit(&mut tx, &[(bucket, 1, address)], now).await?;
    tx.commit().await?;
    Ok(if standing[0].over(address, now).is_none() { Admitted::Yes } else { Admitted::Silently })
}

/// Takes a registration that was let in, with the chosen password.
///
/// # Errors
/// What the database says.
pub async fn start(
    db: &Db,
    config: &Config,
    addresses: &Key,
    request: &Request<'_>,
    password: &NewPassword,
    reference: &str,
    now: Micros,
) -> Result<()> {
    let (id, store) = (crate::new_id(), request.store);
    let sealed = addresses.seal(&id, request.address.as_str().as_bytes());
    let mut tx = db.begin().await?;
    tx.exec(
        "INSERT INTO registration (id, merchant_id, store_id, reference, address_sealed,
            first_name, last_name, password_hash, return_to, language, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        args![
            &id,
            &store.merchant_id,
            &store.id,
            reference,
            sealed,
            request.first_name,
            request.last_name,
            password.hash(),
            request.return_to,
            request.language.code(),
            now
        ],
    )
    .await?;
    password.seal_ahead(&mut tx, &store.merchant_id, &id, request.address.key()).await?;
    let mail = NewMail {
        kind: Kind::Registration,
        subject_id: &id,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: None,
    };
    outbox::enqueue(&mut tx, &config.mail, &[mail], now).await?;
    tx.commit().await
}

/// What the mail worker may send.
#[derive(Debug)]
pub enum Minted {
    /// To a new address: please confirm.
    Confirm {
        /// To whom.
        to: String,
        /// Confirms.
        link: Token,
        /// When it dies.
        expires_at: Micros,
        /// The language of the page.
        language: Language,
    },
    /// To a known address: you have an account already.
    Exists(Box<Customer>),
    /// Nothing.
    Withheld(End),
}

/// Finds out whether the address is new and makes the mail that fits.
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
    let sql = "SELECT address_sealed, language FROM registration
               WHERE id = $1 AND merchant_id = $2 AND store_id = $3";
    let args = args![&mail.subject_id, &store.merchant_id, &store.id];
    let Some(row) = tx.row(sql, args).await? else { return Ok(Minted::Withheld(End::Nobody)) };
    let sealed: Option<Vec<u8>> = row.get("address_sealed");
    let address = sealed.and_then(|sealed| open(addresses, &mail.subject_id, &sealed));
    let known = match (&mail.customer_id, &address) {
        // An earlier try found the customer and forgot what was typed.
        (Some(id), _) => customer::by_id(tx, &store.merchant_id, id).await?,
        (None, Some(address)) => {
            customer::by_address(tx, &store.merchant_id, address.key()).await?
        }
        (None, None) => None,
    };
    if let Some(customer) = known {
        forget(tx, &mail.subject_id, now).await?;
        outbox::is_for(tx, &[(mail, &customer.id)]).await?;
        let eligibility = Eligibility::of(tx, config, &[&customer], now).await?;
        if let Some((end, reason)) = eligibility.withhold(tx, config, &customer, mail, now).await? {
            let entry = Entry::MailWithheld { reason };
            timeline::write(tx, &customer, Some(&store.id), now, entry).await?;
            return Ok(Minted::Withheld(end));
        }
        outbox::minted(tx, mail, Some(&customer.id), now).await?;
        return Ok(Minted::Exists(Box::new(customer)));
    }
    let Some(address) = address else { return Ok(Minted::Withheld(End::Nobody)) };
    let expires_at = now + config.link.confirm_ttl * SECOND;
    let token = NewToken {
        purpose: Purpose::Registration,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: None,
        email_key: address.key(),
        subject_id: &mail.subject_id,
        outbox_id: &mail.id,
        expires_at,
    };
    let link = token::mint(tx, &token, now).await?;
    outbox::minted(tx, mail, None, now).await?;
    let sql = "UPDATE registration SET handled_at = $1 WHERE id = $2";
    tx.exec(sql, args![now, &mail.subject_id]).await?;
    let language = Language::parse(&row.get::<String>("language")).unwrap_or(store.language);
    Ok(Minted::Confirm { to: address.as_str().to_owned(), link, expires_at, language })
}

fn open(addresses: &Key, id: &str, sealed: &[u8]) -> Option<EmailAddress> {
    let plain = addresses.open(id, sealed)?;
    EmailAddress::parse(std::str::from_utf8(&plain).ok()?)
}

async fn forget(tx: &mut Tx, id: &str, now: Micros) -> Result<()> {
    tx.exec(
        "UPDATE registration SET handled_at = $1, address_sealed = NULL, password_hash = NULL
         WHERE id = $2",
        args![now, id],
    )
    .await?;
    seal::forget_ahead(tx, id).await
}

/// What a confirmed registration gives the browser.
#[derive(Debug)]
pub struct Confirmed {
    /// The new session's cookie.
    pub session: Token,
    /// The page that the customer wanted, inside the store; may be empty.
    pub return_to: String,
}

/// Confirms a registration: the customer exists from here on and is logged in. `None` for a dead
/// link, which it is too when the address has become another customer's meanwhile.
///
/// # Errors
/// What the database says.
pub async fn confirm(
    db: &Db,
    config: &Config,
    addresses: &Key,
    store: &Store,
    link: &Token,
    browser: &session::Browser<'_>,
    now: Micros,
) -> Result<Option<Confirmed>> {
    let mut tx = db.begin().await?;
    let purpose = Purpose::Registration;
    let found = token::redeem(&mut tx, purpose, &store.id, link.digest(), now).await?;
    let Some(found) = found else { return Ok(None) };
    let sql = "SELECT address_sealed, first_name, last_name, password_hash, return_to, language
               FROM registration WHERE id = $1 AND merchant_id = $2";
    let row = tx.row(sql, args![&found.subject_id, &store.merchant_id]).await?;
    let Some(row) = row else { return Ok(None) };
    let sealed: Option<Vec<u8>> = row.get("address_sealed");
    let Some(address) = sealed.and_then(|s| open(addresses, &found.subject_id, &s)) else {
        return Ok(None);
    };
    let (first_name, last_name): (String, String) = (row.get("first_name"), row.get("last_name"));
    let new = NewCustomer {
        number: None,
        email: &address,
        first_name: &first_name,
        last_name: &last_name,
        company: "",
        phone: "",
        language: Language::parse(&row.get::<String>("language")),
        home_store_id: &store.id,
        password_hash: row.get("password_hash"),
    };
    // The customer's id is that of the registration: the sealed copy was made for it.
    let id = &found.subject_id;
    match customer::add_as(&mut tx, &store.merchant_id, id, &new, now).await {
        Err(error) if db::is_taken(&error) => return Ok(None),
        other => other?,
    }
    seal::adopt(&mut tx, id, now).await?;
    forget(&mut tx, id, now).await?;
    let customer = customer::by_id(&mut tx, &store.merchant_id, id).await?;
    let customer = customer.ok_or(db::Error::RowNotFound)?;
    timeline::write(&mut tx, &customer, Some(&store.id), now, Entry::Registered).await?;
    let session = session::start(&mut tx, &config.session, store, id, browser, now).await?;
    tx.commit().await?;
    Ok(Some(Confirmed { session, return_to: row.get("return_to") }))
}

/// Forgets registrations that were never confirmed.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, config: &Config, now: Micros) -> Result<()> {
    let lives = (config.link.confirm_ttl + config.mail.give_up) * SECOND + DAY;
    db.exec("DELETE FROM registration WHERE created_at < $1", args![now - lives]).await?;
    Ok(())
}
