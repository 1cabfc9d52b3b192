//! Staff: people who work in the back office, in a realm of their own. Nothing of theirs opens
//! anything of a customer's, nor the other way round.

pub mod access;
pub mod factor;
pub mod link;
pub mod recovery;
pub mod session;
pub mod team;

use crate::address::EmailAddress;
use crate::args;
use crate::clock::Micros;
use crate::db::{Result, Row, Tx};

/// What a person in the back office may do. The order is that of what they may: each may what those
/// after it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Role {
    /// Everything, staff and settings included.
    Administrator,
    /// May change customers and send reminders.
    Agent,
    /// Reads only.
    Viewer,
}

impl Role {
    /// All of them, from the one that may most.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Agent, Self::Viewer];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Agent => "agent",
            Self::Viewer => "viewer",
        }
    }

    /// Reads [`Role::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether this role may do what `needed` may.
    pub fn may(self, needed: Self) -> bool {
        let rank = |role| Self::ALL.iter().position(|r| *r == role);
        rank(self) <= rank(needed)
    }
}

/// What [`read`] reads, of `staff a` and `merchant m`.
macro_rules! columns {
    () => {
        "a.id AS staff_id, a.merchant_id, a.email, a.email_key, a.name, a.role, a.disabled_at,
         a.totp_confirmed_at, m.name AS merchant_name, m.key AS merchant_key,
         m.factor_required"
    };
}
pub(crate) use columns;

/// A member of staff. Passwords and second factors are not part of it.
#[derive(Clone, Debug)]
pub struct Staff {
    /// UUIDv7.
    pub id: String,
    /// Whose staff.
    pub merchant_id: String,
    /// The merchant's name.
    pub merchant_name: String,
    /// The merchant's short name, which tells apart accounts with one address.
    pub merchant_key: String,
    /// What they log in with.
    pub email: String,
    /// The same, folded.
    pub email_key: String,
    /// As colleagues read it.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Since when they may not log in.
    pub disabled_at: Option<Micros>,
    /// Since when they have a second factor.
    pub factor_since: Option<Micros>,
    /// Whether they must have one: administrators always, others by the merchant's setting.
    pub factor_required: bool,
}

/// Reads the columns of [`Staff`] from a row.
pub fn read(row: &Row) -> Staff {
    let role = Role::parse(&row.get::<String>("role")).unwrap_or(Role::Viewer);
    Staff {
        id: row.get("staff_id"),
        merchant_id: row.get("merchant_id"),
        merchant_name: row.get("merchant_name"),
        merchant_key: row.get("merchant_key"),
        email: row.get("email"),
        email_key: row.get("email_key"),
        name: row.get("name"),
        role,
        disabled_at: row.get("disabled_at"),
        factor_since: row.get("totp_confirmed_at"),
        factor_required: role == Role::Administrator || row.get::<i64>("factor_required") != 0,
    }
}

/// Adds a member of staff and gives the new id. Without a password they can only enrol.
///
/// # Errors
/// [`crate::db::is_taken`] when the address is in use by staff of this merchant.
pub async fn add(
    tx: &mut Tx,
    merchant_id: &str,
    email: &EmailAddress,
    name: &str,
    role: Role,
    password_hash: Option<&str>,
    now: Micros,
) -> Result<String> {
    let id = crate::new_id();
    tx.exec(
        "INSERT INTO staff (id, merchant_id, email, email_key, login_key, name, role, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![
            &id,
            merchant_id,
            email.as_str(),
            email.key(),
            format!("{merchant_id} {}", email.key()),
            name,
            role.as_str(),
            now
        ],
    )
    .await?;
    if let Some(hash) = password_hash {
        tx.exec(
            "INSERT INTO staff_credential (staff_id, password_hash, set_at) VALUES ($1, $2, $3)",
            args![&id, hash, now],
        )
        .await?;
    }
    Ok(id)
}
