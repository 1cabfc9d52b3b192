//! Merchants: the businesses that one installation serves. Nothing crosses between them.

use crate::args;
use crate::clock::Micros;
use crate::db::{Result, Tx};

/// The business.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// UUIDv7.
    pub id: String,
    /// Short name for the command line.
    pub key: String,
    /// Shown to people.
    pub name: String,
}

/// Adds a merchant.
///
/// # Errors
/// [`crate::db::is_taken`] when the key is in use.
pub async fn add(tx: &mut Tx, key: &str, name: &str, now: Micros) -> Result<Merchant> {
    let merchant = Merchant { id: crate::new_id(), key: key.into(), name: name.into() };
    tx.exec(
        "INSERT INTO merchant (id, key, name, created_at) VALUES ($1, $2, $3, $4)",
        args![&merchant.id, &merchant.key, &merchant.name, now],
    )
    .await?;
    Ok(merchant)
}

/// The merchant with this key.
///
/// # Errors
/// What the database says.
pub async fn by_key(tx: &mut Tx, key: &str) -> Result<Option<Merchant>> {
    let row = tx.row("SELECT id, key, name FROM merchant WHERE key = $1", args![key]).await?;
    Ok(row.map(|row| Merchant { id: row.get("id"), key: row.get("key"), name: row.get("name") }))
}
