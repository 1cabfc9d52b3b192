//! Links for staff: enrolment (choose the first password, or a new one after a reset by a colleague)
//! and a forgotten password. The token lives in the mail alone, its digest in the database; a link
//! never stands in for the second factor.

use super::Staff;
use super::access::{self, Credential};
use crate::args;
use crate::clock::{Micros, SECOND};
use crate::config::Config;
use crate::db::{Db, Result, Tx};
use crate::secret::{Digest, Token};
use crate::store;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An administrator or the operator lets the person in.
    Enrol,
    /// The person forgot the password.
    Reset,
}

impl Purpose {
    /// As stored, and the page that the link opens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enrol => "enrol",
            Self::Reset => "reset",
        }
    }

    /// Seconds that a link lives from its making.
    pub fn life(self, config: &Config) -> i64 {
        match self {
            Self::Enrol => config.staff.invitation,
            Self::Reset => config.link.ttl,
        }
    }

    /// The page, below the back office's origin.
    pub fn path(self) -> String {
        format!("/oms/{}", self.as_str())
    }
}

/// A fresh link: the only copy of its token.
#[derive(Debug)]
pub struct Minted {
    /// The address to open.
    pub url: String,
    /// When it dies by itself.
    pub expires_at: Micros,
}

/// Makes a link and stores the digest of its token.
///
/// # Errors
/// What the database says.
pub async fn mint(
    tx: &mut Tx,
    config: &Config,
    purpose: Purpose,
    (staff_id, email_key): (&str, &str),
    now: Micros,
) -> Result<Minted> {
    let token = Token::new();
    let expires_at = now + purpose.life(config) * SECOND;
    tx.exec(
        "INSERT INTO staff_token (digest, purpose, staff_id, email_key, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        args![token.digest(), purpose.as_str(), staff_id, email_key, now, expires_at],
    )
    .await?;
    let origin = store::main_origin(config);
    let url = format!("{origin}{}?token={}", purpose.path(), token.reveal());
    Ok(Minted { url, expires_at })
}

/// Live means: this purpose, not used, not voided, not expired, mailed to the address that the
/// person still has, the person not disabled.
macro_rules! live {
    () => {
        "digest = $1 AND purpose = $2 AND used_at IS NULL AND voided_at IS NULL AND expires_at > $3
         AND EXISTS (SELECT 1 FROM staff s WHERE s.id = staff_token.staff_id
            AND s.email_key = staff_token.email_key AND s.disabled_at IS NULL)"
    };
}

/// Whose a live link is. Changes nothing.
///
/// # Errors
/// What the database says.
pub async fn peek(
    db: &Db,
    purpose: Purpose,
    digest: Digest,
    now: Micros,
) -> Result<Option<Credential>> {
    let sql = concat!(
        "SELECT s.id, s.merchant_id FROM staff s
         WHERE s.id = (SELECT staff_id FROM staff_token WHERE ",
        live!(),
        ")"
    );
    let row = db.row(sql, args![digest, purpose.as_str(), now]).await?;
    let Some(row) = row else { return Ok(None) };
    access::by_id(db, &row.get::<String>("merchant_id"), &row.get::<String>("id")).await
}

/// Uses a link up: one guarded update, so that of any number of callers exactly one wins.
///
/// # Errors
/// What the database says.
pub async fn redeem(
    tx: &mut Tx,
    purpose: Purpose,
    staff: &Staff,
    digest: Digest,
    now: Micros,
) -> Result<bool> {
    let sql = concat!("UPDATE staff_token SET used_at = $3 WHERE staff_id = $4 AND ", live!());
    let touched = tx.exec(sql, args![digest, purpose.as_str(), now, &staff.id]).await?;
    Ok(touched == 1)
}

/// Ends all live links of a member of staff.
///
/// # Errors
/// What the database says.
pub async fn void_all(tx: &mut Tx, staff_id: &str, now: Micros) -> Result<()> {
    let sql = "UPDATE staff_token SET voided_at = $1
               WHERE staff_id = $2 AND used_at IS NULL AND voided_at IS NULL";
    tx.exec(sql, args![now, staff_id]).await?;
    Ok(())
}
