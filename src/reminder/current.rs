//! The customer's own password in a reminder: one sealed copy opened at a time, in the mail worker,
//! compared with the customer's hash, and forgotten with the mail.

use super::order::Tools;
use crate::args;
use crate::customer::{self, Customer};
use crate::db::{Result, Row};
use crate::password::seal::{self, Refused, Taken};
use crate::password::{Busy, Password, Verdict};

/// What became of a customer's copy.
#[derive(Debug)]
pub(super) enum Opened {
    /// It holds the customer's password, as long as the credential has this version.
    Password(Password, i64),
    /// There is none.
    NoCopy,
    /// It was not opened or is not what it says.
    Refused(Refused),
}

/// Opens the customer's copy and compares it with the hash, which takes time: outside of every
/// transaction but the short one that reads.
///
/// # Errors
/// What the database says, or that there is too much to hash just now.
pub(super) async fn open(
    tools: &Tools<'_>,
    merchant_id: &str,
    customer_id: &str,
) -> Result<std::result::Result<Opened, Busy>> {
    let mut tx = tools.db.begin().await?;
    let customer = customer::by_id(&mut tx, merchant_id, customer_id).await?;
    let Some(customer) = customer else { return Ok(Ok(Opened::NoCopy)) };
    let taken = seal::take(&mut tx, tools.seals, &customer).await?;
    let sql = "SELECT password_hash FROM credential WHERE customer_id = $1";
    let row = tx.row(sql, args![customer_id]).await?;
    tx.commit().await?;
    let Taken::Copy(sealed) = taken else { return Ok(Ok(Opened::NoCopy)) };
    let password = match sealed.open(tools.seals) {
        Ok(password) => password,
        Err(refused) => return Ok(Ok(Opened::Refused(refused))),
    };
    let stored = row.and_then(|row: Row| row.get("password_hash"));
    let verdict = tools.hasher.verify(password.clone(), stored).await;
    Ok(verdict.map(|verdict| match verdict {
        Verdict::Wrong => Opened::Refused(Refused::Forged),
        Verdict::Right | Verdict::RightButStale => {
            Opened::Password(password, customer.credential_version)
        }
    }))
}

/// Gives the password for the mail, in the transaction that makes it. That it was mailed is noted
/// when the mail server took it. `None` when the credential has changed since the copy was opened.
///
/// # Errors
/// What the database says.
pub(super) async fn take(
    tx: &mut crate::db::Tx,
    password: &Password,
    version: i64,
    customer: &Customer,
) -> Result<Option<Password>> {
    if version != customer.credential_version || !customer::hold(tx, customer).await? {
        return Ok(None);
    }
    Ok(Some(password.clone()))
}
