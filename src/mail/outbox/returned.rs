//! What a row says of a mail that may come back: to whom it went, and that it did.

use super::Leased;
use crate::args;
use crate::clock::Micros;
use crate::db::{Result, Tx};

/// Notes to whom a mail goes, by a name that tells nothing.
///
/// # Errors
/// What the database says.
pub async fn address(tx: &mut Tx, mail: &Leased, recipient: &str) -> Result<()> {
    let sql = "UPDATE outbox SET recipient = $1 WHERE id = $2 AND lease = $3";
    tx.exec(sql, args![recipient, &mail.id, &mail.lease]).await?;
    Ok(())
}

/// A mail came back. False when it did before, or has ended otherwise. One that is being tried once
/// more, for nobody knew whether the server had it, ends with this.
///
/// # Errors
/// What the database says.
pub async fn bounced(tx: &mut Tx, id: &str, reply: &str, now: Micros) -> Result<bool> {
    let touched = tx
        .exec(
            "UPDATE outbox SET outcome = 'bounced', reply = $1,
                settled_at = COALESCE(settled_at, $2), lease = NULL, leased_until = NULL
             WHERE id = $3 AND (outcome = 'sent' OR settled_at IS NULL)",
            args![reply, now, id],
        )
        .await?;
    Ok(touched == 1)
}
