//! Where a mail goes, before it is made: asked only while some domain is paused.

use crate::address::EmailAddress;
use crate::args;
use crate::db::{Result, Tx};
use crate::mail::outbox::{Kind, Leased};
use crate::secret::Key;

/// The receiving domain of an address, folded.
pub(super) fn domain_of(address: &str) -> String {
    address.rsplit_once('@').map_or("", |(_, domain)| domain).to_ascii_lowercase()
}

/// The domain that a mail will go to; `None` where there is nobody, or nothing says it.
///
/// # Errors
/// What the database says.
pub(super) async fn destination(
    tx: &mut Tx,
    addresses: &Key,
    mail: &Leased,
) -> Result<Option<String>> {
    if let Some(domain) = &mail.domain {
        return Ok(Some(domain.clone()));
    }
    let (subject, merchant) = (&mail.subject_id, &mail.merchant_id);
    let customer = "SELECT email AS address FROM customer WHERE id = $1 AND merchant_id = $2";
    let (sql, id) = match (mail.kind, &mail.customer_id) {
        (Kind::Recovery | Kind::Registration, Some(id)) => (customer, id),
        (Kind::Recovery, None) => {
            let sql = "SELECT address_sealed FROM recovery WHERE id = $1 AND merchant_id = $2";
            return typed(tx, addresses, sql, mail).await;
        }
        (Kind::Registration, None) => {
            let sql = "SELECT address_sealed FROM registration WHERE id = $1 AND merchant_id = $2";
            return typed(tx, addresses, sql, mail).await;
        }
        (Kind::PasswordChanged, _) => (customer, subject),
        (Kind::Reminder, _) => (
            "SELECT c.email AS address FROM reminder r JOIN customer c ON c.id = r.customer_id
             WHERE r.id = $1 AND r.merchant_id = $2",
            subject,
        ),
        (Kind::AddressConfirm, _) => (
            "SELECT new_email AS address FROM address_change WHERE id = $1 AND merchant_id = $2",
            subject,
        ),
        (Kind::AddressNotice, _) => (
            "SELECT old_email AS address FROM address_change WHERE id = $1 AND merchant_id = $2",
            subject,
        ),
        // To staff.
        _ => ("SELECT email AS address FROM staff WHERE id = $1 AND merchant_id = $2", subject),
    };
    let row = tx.row(sql, args![id, merchant]).await?;
    Ok(row.map(|row| domain_of(&row.get::<String>("address"))))
}

/// The domain of an address that was typed and is still sealed.
async fn typed(
    tx: &mut Tx,
    addresses: &Key,
    sql: &'static str,
    mail: &Leased,
) -> Result<Option<String>> {
    let row = tx.row(sql, args![&mail.subject_id, &mail.merchant_id]).await?;
    let sealed = row.and_then(|row| row.get::<Option<Vec<u8>>>("address_sealed"));
    let typed = sealed.and_then(|sealed| addresses.open(&mail.subject_id, &sealed));
    let address = typed.and_then(|typed| EmailAddress::parse(std::str::from_utf8(&typed).ok()?));
    Ok(address.map(|address| address.domain().to_ascii_lowercase()))
}
