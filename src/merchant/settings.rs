//! What administrators set for all of a merchant's staff and stores, beside the reminder.

use crate::args;
use crate::db::{Db, Error, Result, Tx};
use crate::store;

/// A merchant's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shown to people.
    pub name: String,
    /// Whether all staff need a second factor; administrators always do.
    pub factor_required: bool,
}

/// Reads them.
///
/// # Errors
/// What the database says.
pub async fn read(db: &Db, merchant_id: &str) -> Result<Settings> {
    let sql = "SELECT name, factor_required FROM merchant WHERE id = $1";
    let row = db.row(sql, args![merchant_id]).await?.ok_or(Error::RowNotFound)?;
    let factor_required = row.get::<i64>("factor_required") != 0;
    Ok(Settings { name: row.get("name"), factor_required })
}

/// Writes them. Pages name the merchant beside the store, so stores are read again.
///
/// # Errors
/// What the database says.
pub async fn write(tx: &mut Tx, merchant_id: &str, settings: &Settings) -> Result<()> {
    let sql = "UPDATE merchant SET name = $1, factor_required = $2 WHERE id = $3";
    let factor = i64::from(settings.factor_required);
    tx.exec(sql, args![&settings.name, factor, merchant_id]).await?;
    store::touch(tx).await
}

/// How many of the staff who may log in have no second factor yet.
///
/// # Errors
/// What the database says.
pub async fn without_factor(db: &Db, merchant_id: &str) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM staff
               WHERE merchant_id = $1 AND disabled_at IS NULL AND totp_confirmed_at IS NULL";
    Ok(db.row(sql, args![merchant_id]).await?.map_or(0, |row| row.get("n")))
}
