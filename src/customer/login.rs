//! What a login compares a typed password with.

use super::{Customer, columns, read};
use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result, Row};

/// What a login compares with.
#[derive(Debug)]
pub struct Credential {
    /// Whose it is.
    pub customer: Customer,
    /// The Argon2id hash; none when the customer has never set a password.
    pub password_hash: Option<String>,
    /// Ids and hashes of the temporary passwords that staff have sent and that are alive: the newest
    /// three. Only for a login.
    pub temporary: Vec<(String, String)>,
}

/// The customer and credential behind a typed address.
///
/// # Errors
/// What the database says.
pub async fn credential(db: &Db, merchant_id: &str, key: &str) -> Result<Option<Credential>> {
    // No temporary password lives that long.
    login(db, merchant_id, key, Micros::MAX).await
}

/// The same with the temporary passwords that are alive. One statement whether there are any or not,
/// and for an address that nobody has, another customer's row is read and put aside: time must not
/// tell, and reading a row takes some.
///
/// # Errors
/// What the database says.
pub async fn login(
    db: &Db,
    merchant_id: &str,
    key: &str,
    now: Micros,
) -> Result<Option<Credential>> {
    let sql = concat!(
        "SELECT p.password_hash, t.id AS temporary_id, t.password_hash AS temporary_hash, ",
        columns!(),
        " FROM customer c JOIN credential p ON p.customer_id = c.id
          LEFT JOIN temporary_password t ON t.customer_id = c.id
            AND t.credential_version = p.version AND t.email_key = c.email_key
            AND t.used_at IS NULL AND t.voided_at IS NULL AND t.expires_at > $3
          WHERE c.merchant_id = $1 AND c.email_key = COALESCE(
            (SELECT k.email_key FROM customer k WHERE k.merchant_id = $1 AND k.email_key = $2),
            (SELECT MIN(d.email_key) FROM customer d WHERE d.merchant_id = $1))
          ORDER BY t.created_at DESC LIMIT 3"
    );
    let rows = db.rows(sql, args![merchant_id, key, now]).await?;
    let temporary = |row: &Row| {
        let id: Option<String> = row.get("temporary_id");
        id.zip(row.get("temporary_hash"))
    };
    let found = rows.first().map(|row| Credential {
        customer: read(row),
        password_hash: row.get("password_hash"),
        temporary: rows.iter().filter_map(temporary).collect(),
    });
    Ok(found.filter(|found| found.customer.email_key == key))
}
