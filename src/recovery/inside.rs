//! A recovery that the program asks for itself, to see whether the whole way works: without captcha
//! and limits, and for that very reason only for the practice customer of a probe.

use crate::args;
use crate::clock::Micros;
use crate::config::Config;
use crate::db::{Result, Tx};
use crate::mail::outbox::{self, Kind, NewMail};
use crate::secret::Key;
use crate::store::Store;

/// Asks for a link as somebody at the store's login page would; gives the request's id. `None` for
/// every customer that is not a probe's. The way from here on is everybody's.
///
/// # Errors
/// What the database says.
pub async fn ask_for_probe(
    tx: &mut Tx,
    config: &Config,
    addresses: &Key,
    store: &Store,
    customer_id: &str,
    now: Micros,
) -> Result<Option<String>> {
    let sql = "SELECT email_key FROM customer
               WHERE id = $1 AND merchant_id = $2 AND probe_at IS NOT NULL";
    let Some(row) = tx.row(sql, args![customer_id, &store.merchant_id]).await? else {
        return Ok(None);
    };
    let (id, address) = (crate::new_id(), row.get::<String>("email_key"));
    tx.exec(
        "INSERT INTO recovery (id, merchant_id, store_id, reference, address_sealed, return_to,
            cart_sealed, language, created_at)
         VALUES ($1, $2, $3, $4, $5, '', NULL, $6, $7)",
        args![
            &id,
            &store.merchant_id,
            &store.id,
            crate::reference(),
            addresses.seal(&id, address.as_bytes()),
            store.language.code(),
            now
        ],
    )
    .await?;
    let mail = NewMail {
        kind: Kind::Recovery,
        subject_id: &id,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: None,
    };
    outbox::enqueue(tx, &config.mail, &[mail], now).await?;
    Ok(Some(id))
}
