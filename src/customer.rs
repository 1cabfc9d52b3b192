//! Customers: the merchant's customer file. One record, one password, valid at all of the
//! merchant's stores.

pub mod contact;
mod login;
pub mod search;

use std::collections::HashMap;

use crate::address::EmailAddress;
use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result, Row, Tx};
use crate::fold::{fold, fold_number};
use crate::locale::Language;
use crate::mail::outbox;
use crate::password::seal::{self, NewPassword};
use crate::suppression;
use crate::timeline::{self, Entry};
use crate::token;

pub use login::{Credential, credential, login};

/// What [`read`] reads, of `customer c` and `credential p`.
macro_rules! columns {
    () => {
        "c.id, c.merchant_id, c.number, c.email, c.email_key, c.first_name, c.last_name,
         c.company, c.phone, c.language, c.home_store_id, c.blocked_at, c.frozen_at, c.hold_until,
         c.reminder_hold_until,
         p.version AS credential_version, p.mailed_at AS password_mailed_at"
    };
}
pub(crate) use columns;

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT p.password_hash, ",
            columns!(),
            " FROM customer c JOIN credential p ON p.customer_id = c.id ",
            $condition
        )
    };
}

/// A record in the customer file. The password is not part of it: see [`Credential`].
#[derive(Clone, Debug)]
pub struct Customer {
    /// UUIDv7, also what shops see.
    pub id: String,
    /// Whose customer.
    pub merchant_id: String,
    /// The merchant's own number for the customer.
    pub number: String,
    /// The confirmed address, exactly as mail is sent to it.
    pub email: String,
    /// The address folded for comparison.
    pub email_key: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Company, may be empty.
    pub company: String,
    /// Phone, may be empty.
    pub phone: String,
    /// Spoken to in.
    pub language: Option<Language>,
    /// The store that a reminder leads to.
    pub home_store_id: String,
    /// Closed by staff.
    pub blocked_at: Option<Micros>,
    /// Frozen by "This wasn't me"; a recovery link reopens it.
    pub frozen_at: Option<Micros>,
    /// No recovery mail until then.
    pub hold_until: Option<Micros>,
    /// No reminder by staff until then: they changed the address.
    pub reminder_hold_until: Option<Micros>,
    /// Goes up with every change of the password; sessions hang on it.
    pub credential_version: i64,
    /// When this very password went out by mail: time to choose another.
    pub password_mailed_at: Option<Micros>,
}

impl Customer {
    /// The customer's own words, which a password must not consist of.
    pub fn words(&self) -> Vec<&str> {
        let local = self.email_key.split('@').next().unwrap_or_default();
        let names = [&self.first_name, &self.last_name, &self.company, &self.phone, &self.number];
        [&*self.email_key, local]
            .into_iter()
            .chain(names.map(String::as_str))
            .filter(|word| !word.is_empty())
            .collect()
    }
}

/// Reads the columns of [`Customer`] from a row.
pub fn read(row: &Row) -> Customer {
    Customer {
        id: row.get("id"),
        merchant_id: row.get("merchant_id"),
        number: row.get("number"),
        email: row.get("email"),
        email_key: row.get("email_key"),
        first_name: row.get("first_name"),
        last_name: row.get("last_name"),
        company: row.get("company"),
        phone: row.get("phone"),
        language: row.get::<Option<String>>("language").and_then(|l| Language::parse(&l)),
        home_store_id: row.get("home_store_id"),
        blocked_at: row.get("blocked_at"),
        frozen_at: row.get("frozen_at"),
        hold_until: row.get("hold_until"),
        reminder_hold_until: row.get("reminder_hold_until"),
        credential_version: row.get("credential_version"),
        password_mailed_at: row.get("password_mailed_at"),
    }
}

/// The customer with this id.
///
/// # Errors
/// What the database says.
pub async fn by_id(tx: &mut Tx, merchant_id: &str, id: &str) -> Result<Option<Customer>> {
    let sql = select!("WHERE c.merchant_id = $1 AND c.id = $2");
    Ok(tx.row(sql, args![merchant_id, id]).await?.as_ref().map(read))
}

/// The same outside a transaction.
///
/// # Errors
/// What the database says.
pub async fn load(db: &Db, merchant_id: &str, id: &str) -> Result<Option<Customer>> {
    let sql = select!("WHERE c.merchant_id = $1 AND c.id = $2");
    Ok(db.row(sql, args![merchant_id, id]).await?.as_ref().map(read))
}

/// The customer whose confirmed address this is.
///
/// # Errors
/// What the database says.
pub async fn by_address(tx: &mut Tx, merchant_id: &str, key: &str) -> Result<Option<Customer>> {
    let sql = select!("WHERE c.merchant_id = $1 AND c.email_key = $2");
    Ok(tx.row(sql, args![merchant_id, key]).await?.as_ref().map(read))
}

/// The same for many addresses, each with its merchant's id: by both.
///
/// # Errors
/// What the database says.
pub async fn by_addresses(
    tx: &mut Tx,
    addresses: &[(&str, &str)],
) -> Result<HashMap<(String, String), Customer>> {
    let rows = tx
        .many(
            concat!("SELECT ", columns!(), " FROM (VALUES"),
            addresses.iter().map(|(merchant, key)| args![*merchant, *key]).collect(),
            ") AS v CROSS JOIN customer c JOIN credential p ON p.customer_id = c.id
             WHERE c.merchant_id = v.column1 AND c.email_key = v.column2",
        )
        .await?;
    let customers = rows.iter().map(read);
    Ok(customers.map(|c| ((c.merchant_id.clone(), c.email_key.clone()), c)).collect())
}

/// What is needed to add a customer.
#[derive(Clone, Debug)]
pub struct NewCustomer<'a> {
    /// The merchant's number for the customer; none: one is given.
    pub number: Option<&'a str>,
    /// Confirmed address.
    pub email: &'a EmailAddress,
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
    /// Company, may be empty.
    pub company: &'a str,
    /// Phone, may be empty.
    pub phone: &'a str,
    /// Spoken to in; none: the store's language.
    pub language: Option<Language>,
    /// Home store.
    pub home_store_id: &'a str,
    /// Argon2id hash, if there is a password yet.
    pub password_hash: Option<String>,
}

/// Adds a customer and gives the new id.
///
/// # Errors
/// [`crate::db::is_taken`] when the address or the number is another customer's.
pub async fn add(
    tx: &mut Tx,
    merchant_id: &str,
    new: &NewCustomer<'_>,
    now: Micros,
) -> Result<String> {
    let id = crate::new_id();
    add_as(tx, merchant_id, &id, new, now).await?;
    Ok(id)
}

/// Adds a customer under an id that was given out before.
///
/// # Errors
/// As [`add`].
pub async fn add_as(
    tx: &mut Tx,
    merchant_id: &str,
    id: &str,
    new: &NewCustomer<'_>,
    now: Micros,
) -> Result<()> {
    // Short enough to read out, and unique without a sequence that both databases would disagree on.
    let number = new.number.map_or_else(|| format!("C-{}", crate::reference()), str::to_owned);
    tx.exec(
        "INSERT INTO customer (id, merchant_id, number, email, email_key, first_name, last_name,
            company, phone, language, home_store_id, created_at, last_key, first_key, company_key,
            number_key, email_search)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        args![
            id,
            merchant_id,
            &number,
            new.email.as_str(),
            new.email.key(),
            new.first_name,
            new.last_name,
            new.company,
            new.phone,
            new.language.map(Language::code),
            new.home_store_id,
            now,
            fold(new.last_name),
            fold(new.first_name),
            fold(new.company),
            fold_number(&number),
            new.email.key().as_bytes().to_vec()
        ],
    )
    .await?;
    let set_at = new.password_hash.as_ref().map(|_| now);
    tx.exec(
        "INSERT INTO credential (customer_id, password_hash, version, set_at)
         VALUES ($1, $2, 1, $3)",
        args![id, new.password_hash.clone(), set_at],
    )
    .await?;
    Ok(())
}

/// Gives the customer a new password and ends everything that hung on the old one: every session
/// and every mailed link. A frozen account is open again, for whoever sets a password has proven
/// the mailbox or the old password.
///
/// # Errors
/// What the database says.
pub async fn set_password(
    tx: &mut Tx,
    customer: &Customer,
    store_id: &str,
    password: &NewPassword,
    now: Micros,
) -> Result<()> {
    tx.exec(
        "UPDATE credential SET password_hash = $1, version = version + 1, set_at = $2,
            mailed_at = NULL
         WHERE customer_id = $3",
        args![password.hash(), now, &customer.id],
    )
    .await?;
    tx.exec(
        "UPDATE customer SET frozen_at = NULL, hold_until = NULL WHERE id = $1",
        args![&customer.id],
    )
    .await?;
    end_access(tx, &customer.id, now).await?;
    seal::destroy(tx, &customer.id).await?;
    password.seal(tx, &customer.id, now).await?;
    timeline::write(tx, customer, Some(store_id), now, Entry::PasswordChanged).await
}

/// Holds the customer's credential until the transaction ends, if it is still the one that
/// `customer` was read with. False when the password was changed meanwhile: then whoever proved the
/// old one is too late, and must not get a session or a change out of it.
///
/// # Errors
/// What the database says.
pub async fn hold(tx: &mut Tx, customer: &Customer) -> Result<bool> {
    let sql = "UPDATE credential SET version = version WHERE customer_id = $1 AND version = $2";
    Ok(tx.exec(sql, args![&customer.id, customer.credential_version]).await? == 1)
}

/// Replaces the hash by one of today's strength for the same password. Nothing ends, and nothing
/// happens if the password was changed meanwhile.
///
/// # Errors
/// What the database says.
pub async fn rehash(tx: &mut Tx, customer: &Customer, password_hash: &str) -> Result<()> {
    tx.exec(
        "UPDATE credential SET password_hash = $1 WHERE customer_id = $2 AND version = $3",
        args![password_hash, &customer.id, customer.credential_version],
    )
    .await?;
    Ok(())
}

/// Ends every session, voids every mailed link that gives access, withdraws links that still wait to
/// be mailed, and ends a change of address that is pending: whoever asked for it may be the very
/// person who is being locked out.
///
/// # Errors
/// What the database says.
pub async fn end_access(tx: &mut Tx, customer_id: &str, now: Micros) -> Result<()> {
    tx.exec(
        "UPDATE session SET ended_at = $1 WHERE customer_id = $2 AND ended_at IS NULL",
        args![now, customer_id],
    )
    .await?;
    tx.exec(
        "UPDATE address_change SET ended_at = $1
         WHERE customer_id = $2 AND confirmed_at IS NULL AND ended_at IS NULL",
        args![now, customer_id],
    )
    .await?;
    token::void_access(tx, customer_id, now).await?;
    outbox::withdraw(tx, customer_id, now).await
}

/// Gives the customer another confirmed address.
///
/// # Errors
/// [`crate::db::is_taken`] when it is another customer's.
pub async fn set_address(
    tx: &mut Tx,
    customer: &Customer,
    new: &EmailAddress,
    now: Micros,
) -> Result<()> {
    let sql = "UPDATE customer SET email = $1, email_key = $2, email_search = $3 WHERE id = $4";
    let search = new.key().as_bytes().to_vec();
    tx.exec(sql, args![new.as_str(), new.key(), search, &customer.id]).await?;
    suppression::address_changed(tx, customer, new.key(), now).await?;
    seal::destroy(tx, &customer.id).await
}

/// Freezes the account: the password opens nothing, every session and link ends. So does what is
/// under way with the password at this moment, for the credential is another from here on ([`hold`]).
///
/// # Errors
/// What the database says.
pub async fn freeze(tx: &mut Tx, customer: &Customer, now: Micros) -> Result<()> {
    let sql = "UPDATE credential SET version = version + 1 WHERE customer_id = $1";
    tx.exec(sql, args![&customer.id]).await?;
    tx.exec("UPDATE customer SET frozen_at = $1 WHERE id = $2", args![now, &customer.id]).await?;
    seal::destroy(tx, &customer.id).await?;
    end_access(tx, &customer.id, now).await
}

/// Closes the account: the password opens nothing, every session and link ends. What was mailed
/// before stays dead when the account is reopened.
///
/// # Errors
/// What the database says.
pub async fn block(tx: &mut Tx, customer: &Customer, now: Micros) -> Result<()> {
    tx.exec("UPDATE customer SET blocked_at = $1 WHERE id = $2", args![now, &customer.id]).await?;
    seal::destroy(tx, &customer.id).await?;
    end_access(tx, &customer.id, now).await
}

/// Reopens a closed account, as it was less its sessions and links.
///
/// # Errors
/// What the database says.
pub async fn unblock(tx: &mut Tx, customer: &Customer) -> Result<()> {
    tx.exec("UPDATE customer SET blocked_at = NULL WHERE id = $1", args![&customer.id]).await?;
    Ok(())
}
