//! Staff: people who work in the back office, in a realm of their own. Nothing of theirs opens
//! anything of a customer's, nor the other way round.

use crate::address::EmailAddress;
use crate::args;
use crate::clock::Micros;
use crate::db::{Result, Tx};

/// What a person in the back office may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Everything, staff and settings included.
    Administrator,
    /// May change customers and send reminders.
    Agent,
    /// Reads only.
    Viewer,
}

impl Role {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Agent => "agent",
            Self::Viewer => "viewer",
        }
    }
}

/// Adds a member of staff and gives the new id.
///
/// # Errors
/// [`crate::db::is_taken`] when the address is in use by staff of any merchant.
pub async fn add(
    tx: &mut Tx,
    merchant_id: &str,
    email: &EmailAddress,
    name: &str,
    role: Role,
    password_hash: &str,
    now: Micros,
) -> Result<String> {
    let id = crate::new_id();
    tx.exec(
        "INSERT INTO staff (id, merchant_id, email, email_key, name, role, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![&id, merchant_id, email.as_str(), email.key(), name, role.as_str(), now],
    )
    .await?;
    tx.exec(
        "INSERT INTO staff_credential (staff_id, password_hash, set_at) VALUES ($1, $2, $3)",
        args![&id, password_hash, now],
    )
    .await?;
    Ok(id)
}
