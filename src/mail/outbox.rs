//! The outbox: mail to be sent, as rows that say what kind and about which row; never a secret,
//! never a body. A row is written in the transaction of the act that it tells of, leased by a
//! worker, and settled with the mail server's answer. A worker that dies leaves its lease to expire.

mod claim;
mod held;
mod kind;
mod past;
pub mod returned;
mod state;
mod watch;

pub use claim::{Room, claim, claim_expired, renew};
pub use held::{
    Goes, Leased, defer, goes_to, is_for, minted, minted_all, put_back, settle, settle_all,
};
pub use kind::Kind;
pub use past::{Past, past};
pub use state::{End, State};
pub use watch::{Waiting, waiting};

use crate::args;
use crate::clock::Micros;
use crate::config::MailConfig;
use crate::db::{Db, Result, Tx};

/// A mail to be queued.
#[derive(Clone, Debug)]
pub struct NewMail<'a> {
    /// What kind.
    pub kind: Kind,
    /// About which row.
    pub subject_id: &'a str,
    /// Of which merchant.
    pub merchant_id: &'a str,
    /// In which store's name.
    pub store_id: &'a str,
    /// To whom, if that is known already.
    pub customer_id: Option<&'a str>,
}

/// Queues mails in the transaction of the act, and gives their ids.
///
/// # Errors
/// What the database says.
pub async fn enqueue(
    tx: &mut Tx,
    config: &MailConfig,
    mails: &[NewMail<'_>],
    now: Micros,
) -> Result<Vec<String>> {
    let ids: Vec<_> = mails.iter().map(|_| crate::new_id()).collect();
    let rows = mails
        .iter()
        .zip(&ids)
        .map(|(mail, id)| {
            args![
                id,
                mail.kind.as_str(),
                mail.subject_id,
                mail.merchant_id,
                mail.store_id,
                mail.customer_id,
                mail.kind.priority(),
                now,
                now,
                now + mail.kind.give_up(config),
                0i64
            ]
        })
        .collect();
    tx.many(
        "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, customer_id, priority,
            created_at, due_at, expires_at, attempts) VALUES",
        rows,
        "",
    )
    .await?;
    Ok(ids)
}

/// Makes a mail that is under way due at once: whoever asks again while the mail server is down must
/// not wait out the back-off. False when it has ended meanwhile.
///
/// # Errors
/// What the database says.
pub async fn hasten(tx: &mut Tx, id: &str, now: Micros) -> Result<bool> {
    let sql = "UPDATE outbox SET due_at = CASE WHEN due_at > $1 THEN $1 ELSE due_at END
               WHERE id = $2 AND settled_at IS NULL";
    Ok(tx.exec(sql, args![now, id]).await? == 1)
}

/// Withdraws links and reminders that still wait to be mailed to a customer: after a change of
/// password they would only confuse.
///
/// # Errors
/// What the database says.
pub async fn withdraw(tx: &mut Tx, customer_id: &str, now: Micros) -> Result<()> {
    tx.exec(
        "UPDATE outbox SET settled_at = $1, outcome = 'absorbed', lease = NULL, leased_until = NULL
         WHERE customer_id = $2 AND kind IN ('recovery', 'reminder') AND settled_at IS NULL",
        args![now, customer_id],
    )
    .await?;
    Ok(())
}

/// Deletes what was settled a month ago.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    let month = now - 30 * crate::clock::DAY;
    // By merchant, as the index has it.
    let sql = "DELETE FROM outbox WHERE merchant_id IN (SELECT id FROM merchant)
               AND settled_at IS NOT NULL AND settled_at < $1";
    db.exec(sql, args![month]).await?;
    Ok(())
}
