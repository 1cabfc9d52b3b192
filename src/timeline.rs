//! The timeline: everything that happened to a customer's access, in order, for staff to read
//! during a call. Entries are written in the transaction of the act and hold no secret and no
//! address.

use serde::Serialize;

use crate::args;
use crate::clock::Micros;
use crate::customer::Customer;
use crate::db::{Result, Tx};

/// What happened. The name of the variant is the stored kind; its fields are the stored detail.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// The customer was added, by whom or what.
    Registered,
    /// Somebody asked for a recovery link at a store.
    RecoveryRequested {
        /// What the page showed, to be read out on the phone.
        reference: String,
    },
    /// A mail was not made, and why.
    MailWithheld {
        /// `blocked`, `held`, `interval`, `hour`, `day`.
        reason: &'static str,
    },
    /// The mail server took a mail.
    MailAccepted {
        /// Kind of mail.
        mail: &'static str,
        /// The server's answer.
        reply: String,
    },
    /// The mail server did not take a mail yet.
    MailDeferred {
        /// Kind of mail.
        mail: &'static str,
        /// The server's answer.
        reply: String,
        /// When it is tried again.
        next_at: Micros,
    },
    /// A mail was given up.
    MailFailed {
        /// Kind of mail.
        mail: &'static str,
        /// The server's answer.
        reply: String,
    },
    /// The password was changed.
    PasswordChanged,
    /// Somebody logged in.
    LoggedIn {
        /// `password` or `recovery`.
        by: &'static str,
    },
    /// "This wasn't me" on a recovery mail.
    LinkStopped,
    /// "This wasn't me" on a notice.
    AccountFrozen,
    /// Staff closed the account.
    Blocked,
    /// Staff reopened it.
    Unblocked,
    /// A change of address was asked for.
    AddressChangeRequested,
    /// The new address was confirmed.
    AddressChanged,
    /// A change of address was undone from the old mailbox.
    AddressChangeUndone,
}

/// Writes an entry in the transaction of the act.
///
/// # Errors
/// What the database says.
pub async fn write(
    tx: &mut Tx,
    customer: &Customer,
    store_id: Option<&str>,
    at: Micros,
    entry: Entry,
) -> Result<()> {
    write_for(tx, &customer.merchant_id, &customer.id, store_id, at, entry).await
}

/// The same where only the customer's id is at hand.
///
/// # Errors
/// What the database says.
pub async fn write_for(
    tx: &mut Tx,
    merchant_id: &str,
    customer_id: &str,
    store_id: Option<&str>,
    at: Micros,
    entry: Entry,
) -> Result<()> {
    let mut detail = serde_json::to_value(&entry).unwrap_or_default();
    let kind = detail["kind"].take();
    if let Some(fields) = detail.as_object_mut() {
        fields.remove("kind");
    }
    tx.exec(
        "INSERT INTO timeline (id, merchant_id, customer_id, store_id, at, kind, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![
            crate::new_id(),
            merchant_id,
            customer_id,
            store_id,
            at,
            kind.as_str().unwrap_or_default(),
            detail.to_string()
        ],
    )
    .await?;
    Ok(())
}
