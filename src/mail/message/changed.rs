//! The notice that a password was changed, with the link that freezes the account.

use super::{Content, Draft};
use crate::args;
use crate::clock::{DAY, Micros};
use crate::customer::Customer;
use crate::db::{Result, Tx};
use crate::mail::outbox::{self, Leased};
use crate::store::Store;
use crate::token::{self, NewToken, Purpose};

/// How long the link can freeze the account.
const FREEZE: Micros = 7 * DAY;

/// The notice goes to the address that the record has now, and says when and with what browser: the
/// one whose session began with the change, however late the notice.
pub(super) async fn password_changed(
    tx: &mut Tx,
    store: &Store,
    customer: &Customer,
    mail: &Leased,
    now: Micros,
) -> Result<Draft> {
    let token = NewToken {
        purpose: Purpose::Freeze,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: Some(&customer.id),
        email_key: &customer.email_key,
        subject_id: &customer.id,
        outbox_id: &mail.id,
        expires_at: now + FREEZE,
    };
    let freeze = token::mint(tx, &token, now).await?;
    outbox::minted(tx, mail, Some(&customer.id), now).await?;
    let row = tx
        .row(
            "SELECT p.set_at, s.device FROM credential p
             LEFT JOIN session s ON s.customer_id = p.customer_id AND s.created_at = p.set_at
             WHERE p.customer_id = $1 LIMIT 1",
            args![&customer.id],
        )
        .await?;
    let (at, device) = row.map_or((None, None), |row| {
        (row.get::<Option<i64>>("set_at"), row.get::<Option<String>>("device"))
    });
    Ok(Draft {
        to: customer.email.clone(),
        language: customer.language.unwrap_or(store.language),
        content: Content::PasswordChanged {
            at: at.unwrap_or(now),
            device: device.unwrap_or_default(),
            freeze,
        },
    })
}
