//! What a row says of a mail that came back.

use crate::args;
use crate::clock::Micros;
use crate::db::{Result, Tx};

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
