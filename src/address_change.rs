//! A change of address: pending until the new mailbox confirms it, told to the old mailbox at once,
//! and undoable from there.

use crate::address::EmailAddress;
use crate::args;
use crate::clock::{DAY, HOUR, Micros, SECOND};
use crate::config::Config;
use crate::customer::{self, Customer};
use crate::db::{self, Db, Result, Tx};
use crate::limit::{self, Window};
use crate::locale::Language;
use crate::mail::outbox::{self, Kind, Leased, NewMail};
use crate::secret::{Key, Token};
use crate::store::Store;
use crate::timeline::{self, Entry};
use crate::token::{self, NewToken, Purpose};

/// How long the old mailbox can undo a change.
const UNDO: Micros = 7 * DAY;

/// Whether a change was taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// Both mailboxes are written to.
    Yes,
    /// Too many changes in an hour: each one mails an address that nobody has confirmed.
    TooMany(Micros),
    /// The password was changed meanwhile, which ended the session that asks.
    LoggedOut,
}

/// Takes up a change; an earlier one that is still pending ends. The caller has checked the
/// password. Whether the new address is another customer's is not looked at: the answer would tell.
///
/// # Errors
/// What the database says.
pub async fn request(
    db: &Db,
    config: &Config,
    counters: &Key,
    store: &Store,
    customer: &Customer,
    new: &EmailAddress,
    now: Micros,
) -> Result<Requested> {
    let mut tx = db.begin().await?;
    let bucket = limit::bucket(counters, "address-change", &customer.id);
    if let Some(wait) = over_limit(&mut tx, config, bucket, now).await? {
        tx.commit().await?;
        return Ok(Requested::TooMany(wait));
    }
    if !customer::hold(&mut tx, customer).await? {
        return Ok(Requested::LoggedOut);
    }
    take_up(&mut tx, config, &Change { store, customer, new, staff_id: None }, now).await?;
    let entry = Entry::AddressChangeRequested;
    timeline::write(&mut tx, customer, Some(&store.id), now, entry).await?;
    tx.commit().await?;
    Ok(Requested::Yes)
}

/// A change of address that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Whose mails tell of it.
    pub store: &'a Store,
    /// Whose address.
    pub customer: &'a Customer,
    /// The new one.
    pub new: &'a EmailAddress,
    /// Who of the staff asked for it; none: the customer.
    pub staff_id: Option<&'a str>,
}

/// Takes up a change that staff ask for, in the caller's transaction: the same mails, which say so,
/// and no reminder to this customer for `reminder.address_hold`. When there were too many changes in
/// an hour nothing is taken up, and the time to wait is given; the transaction is to be committed all
/// the same. Staff have a limit of their own, so that nobody else uses it up.
///
/// # Errors
/// What the database says.
pub async fn request_by_staff(
    tx: &mut Tx,
    config: &Config,
    counters: &Key,
    change: &Change<'_>,
    now: Micros,
) -> Result<Option<Micros>> {
    let customer = change.customer;
    let bucket = limit::bucket(counters, "address-change-by-staff", &customer.id);
    if let Some(wait) = over_limit(tx, config, bucket, now).await? {
        return Ok(Some(wait));
    }
    take_up(tx, config, change, now).await?;
    let sql = "UPDATE customer SET reminder_hold_until = $1 WHERE id = $2";
    let until = now + config.reminder.address_hold * SECOND;
    tx.exec(sql, args![until, &customer.id]).await?;
    Ok(None)
}

/// How long to wait, if there were too many changes in an hour already.
async fn over_limit(
    tx: &mut Tx,
    config: &Config,
    bucket: String,
    now: Micros,
) -> Result<Option<Micros>> {
    let limit = Window { most: config.limits.mail_per_hour, window: HOUR };
    let standing = limit::hit(tx, &[(bucket, 1, limit)], now).await?;
    Ok(standing.first().and_then(|s| s.over(limit, now)))
}

/// Ends what is pending, and has both mailboxes written to.
async fn take_up(tx: &mut Tx, config: &Config, change: &Change<'_>, now: Micros) -> Result<()> {
    let Change { store, customer, new, staff_id } = *change;
    end_pending(tx, &customer.id, now).await?;
    let id = crate::new_id();
    let language = customer.language.unwrap_or(store.language);
    tx.exec(
        "INSERT INTO address_change (id, merchant_id, store_id, customer_id, old_email, new_email,
            language, created_at, staff_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            &id,
            &store.merchant_id,
            &store.id,
            &customer.id,
            &customer.email,
            new.as_str(),
            language.code(),
            now,
            staff_id
        ],
    )
    .await?;
    let mails = [Kind::AddressConfirm, Kind::AddressNotice].map(|kind| NewMail {
        kind,
        subject_id: &id,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: Some(&customer.id),
    });
    outbox::enqueue(tx, &config.mail, &mails, now).await.map(drop)
}

async fn end_pending(tx: &mut Tx, customer_id: &str, now: Micros) -> Result<()> {
    tx.exec(
        "UPDATE address_change SET ended_at = $1
         WHERE customer_id = $2 AND confirmed_at IS NULL AND ended_at IS NULL",
        args![now, customer_id],
    )
    .await?;
    tx.exec(
        "UPDATE token SET voided_at = $1 WHERE customer_id = $2 AND purpose = 'confirm_address'
         AND used_at IS NULL AND voided_at IS NULL",
        args![now, customer_id],
    )
    .await?;
    Ok(())
}

/// The new address that a customer has yet to confirm.
///
/// # Errors
/// What the database says.
pub async fn pending(
    db: &Db,
    config: &Config,
    customer: &Customer,
    now: Micros,
) -> Result<Option<String>> {
    let row = db
        .row(
            "SELECT new_email FROM address_change WHERE customer_id = $1 AND confirmed_at IS NULL
             AND ended_at IS NULL AND created_at > $2 ORDER BY created_at DESC LIMIT 1",
            args![&customer.id, now - config.link.confirm_ttl * SECOND],
        )
        .await?;
    Ok(row.map(|row| row.get("new_email")))
}

/// A mail about a change of address.
#[derive(Debug)]
pub struct ChangeMail {
    /// To which of the two mailboxes.
    pub to: String,
    /// The new address.
    pub new_email: EmailAddress,
    /// Confirms at the new address, undoes at the old one.
    pub link: Token,
    /// When the link dies.
    pub expires_at: Micros,
    /// The customer's language.
    pub language: Language,
    /// Whether the store's staff asked for the change.
    pub by_staff: bool,
}

/// Makes the mail to the new address or the notice to the old one; `None` when the change has ended
/// meanwhile.
///
/// # Errors
/// What the database says.
pub async fn mint(
    tx: &mut Tx,
    config: &Config,
    store: &Store,
    mail: &Leased,
    now: Micros,
) -> Result<Option<ChangeMail>> {
    let row = tx
        .row(
            "SELECT customer_id, old_email, new_email, language, confirmed_at, ended_at, staff_id
             FROM address_change WHERE id = $1 AND merchant_id = $2",
            args![&mail.subject_id, &store.merchant_id],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (confirm, over) = (
        mail.kind == Kind::AddressConfirm,
        row.get::<Option<i64>>("confirmed_at").is_some()
            || row.get::<Option<i64>>("ended_at").is_some(),
    );
    let customer_id: String = row.get("customer_id");
    let old = EmailAddress::parse(&row.get::<String>("old_email"));
    let new = EmailAddress::parse(&row.get::<String>("new_email"));
    let (Some(old), Some(new)) = (old, new) else { return Ok(None) };
    if confirm && over {
        return Ok(None);
    }
    let (purpose, to, lives) = if confirm {
        (Purpose::ConfirmAddress, &new, config.link.confirm_ttl * SECOND)
    } else {
        (Purpose::UndoAddress, &old, UNDO)
    };
    let expires_at = now + lives;
    let token = NewToken {
        purpose,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: Some(&customer_id),
        email_key: to.key(),
        subject_id: &mail.subject_id,
        outbox_id: &mail.id,
        expires_at,
    };
    let link = token::mint(tx, &token, now).await?;
    outbox::minted(tx, mail, Some(&customer_id), now).await?;
    let language = Language::parse(&row.get::<String>("language")).unwrap_or(store.language);
    let (to, by_staff) = (to.as_str().to_owned(), row.get::<Option<String>>("staff_id").is_some());
    Ok(Some(ChangeMail { to, new_email: new, link, expires_at, language, by_staff }))
}

/// What confirming came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The record has the new address.
    Yes,
    /// Another customer has it: whoever reads that mailbox may know.
    Taken,
    /// The link is dead.
    Dead,
}

/// Confirms the new address. Recovery links mailed to the old one die with it.
///
/// # Errors
/// What the database says.
pub async fn confirm(db: &Db, store: &Store, link: &Token, now: Micros) -> Result<Confirmed> {
    let mut tx = db.begin().await?;
    let purpose = Purpose::ConfirmAddress;
    let found = token::redeem(&mut tx, purpose, &store.id, link.digest(), now).await?;
    let Some(found) = found else { return Ok(Confirmed::Dead) };
    let sql = "UPDATE address_change SET confirmed_at = $1
               WHERE id = $2 AND merchant_id = $3 AND confirmed_at IS NULL AND ended_at IS NULL
               RETURNING customer_id, new_email";
    let row = tx.row(sql, args![now, &found.subject_id, &store.merchant_id]).await?;
    let Some(row) = row else { return Ok(Confirmed::Dead) };
    let id: String = row.get("customer_id");
    let customer = customer::by_id(&mut tx, &store.merchant_id, &id).await?;
    let new = EmailAddress::parse(&row.get::<String>("new_email"));
    let (Some(customer), Some(new)) = (customer, new) else { return Ok(Confirmed::Dead) };
    match customer::set_address(&mut tx, &customer, &new, now).await {
        Err(error) if db::is_taken(&error) => return Ok(Confirmed::Taken),
        other => other?,
    }
    token::void_access(&mut tx, &customer.id, now).await?;
    outbox::withdraw(&mut tx, &customer.id, now).await?;
    timeline::write(&mut tx, &customer, Some(&store.id), now, Entry::AddressChanged).await?;
    tx.commit().await?;
    Ok(Confirmed::Yes)
}

/// Undoes a change from the old mailbox: the old address is back, every session and link ends, and
/// the account is frozen, for whoever asked for the change knew the password. False for a dead
/// link, and where somebody else has registered the old address since.
///
/// # Errors
/// What the database says.
pub async fn undo(db: &Db, store: &Store, link: &Token, now: Micros) -> Result<bool> {
    let mut tx = db.begin().await?;
    let purpose = Purpose::UndoAddress;
    let found = token::redeem(&mut tx, purpose, &store.id, link.digest(), now).await?;
    let Some(found) = found else { return Ok(false) };
    let sql = "UPDATE address_change SET ended_at = $1 WHERE id = $2 AND merchant_id = $3
               RETURNING customer_id, old_email";
    let row = tx.row(sql, args![now, &found.subject_id, &store.merchant_id]).await?;
    let Some(row) = row else { return Ok(false) };
    let id: String = row.get("customer_id");
    let customer = customer::by_id(&mut tx, &store.merchant_id, &id).await?;
    let old = EmailAddress::parse(&row.get::<String>("old_email"));
    let (Some(customer), Some(old)) = (customer, old) else { return Ok(false) };
    match customer::set_address(&mut tx, &customer, &old, now).await {
        Err(error) if db::is_taken(&error) => return Ok(false),
        other => other?,
    }
    customer::freeze(&mut tx, &customer, now).await?;
    timeline::write(&mut tx, &customer, Some(&store.id), now, Entry::AddressChangeUndone).await?;
    tx.commit().await?;
    Ok(true)
}
