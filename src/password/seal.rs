//! Sealed copies of passwords, for merchants whose reminder carries the customer's own password:
//! made where a password is set, by whoever has the public key; opened by the mail process alone,
//! one at a time.
//!
//! Two switches must be on: `reminder.allow_current` in the configuration, and the merchant's mode
//! with an administrator's consent ([`crate::merchant::set_reminder_mode`]). While either is off,
//! nothing is sealed and nothing is opened.

mod envelope;
mod file;
mod keeper;
mod opener;
mod sealer;

use crate::args;
use crate::db::{Result, Tx};

pub use keeper::{Kept, Made, copies, create, key, remove, rotate, tidy};
pub use opener::{Refused, SealKeys, Sealed, Taken, is_mail_verified, mailed, refuse, take};
pub use sealer::{NewPassword, Sealer, adopt, forget_ahead};

/// Destroys a customer's copy: the password, the address or the account is not what it was.
///
/// # Errors
/// What the database says.
pub async fn destroy(tx: &mut Tx, customer_id: &str) -> Result<()> {
    tx.exec("DELETE FROM sealed_password WHERE customer_id = $1", args![customer_id]).await?;
    Ok(())
}
