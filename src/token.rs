//! Mailed links. A token is 32 random bytes that live in the mail alone; its row holds the digest,
//! what it is for, at which store, for whom, and the address it was mailed to. Purpose and store
//! are part of every lookup, so no link does another's work or works at another store.

use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result, Row, Tx};
use crate::secret::{Digest, Token};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Opens the reset page: a new password may be chosen.
    Recovery,
    /// In the recovery mail: "This wasn't me" stops the link and holds further mails.
    Stop,
    /// In the notice: "This wasn't me" freezes the account.
    Freeze,
    /// Confirms a new address from its mailbox.
    ConfirmAddress,
    /// Undoes a change of address from the old mailbox.
    UndoAddress,
    /// Confirms a registration.
    Registration,
}

impl Purpose {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recovery => "recovery",
            Self::Stop => "stop",
            Self::Freeze => "freeze",
            Self::ConfirmAddress => "confirm_address",
            Self::UndoAddress => "undo_address",
            Self::Registration => "registration",
        }
    }
}

/// How many recovery links of a customer are alive at once: the newest three. Asking again must not
/// kill the link that is already in the mailbox.
pub const LIVE_LINKS: i64 = 3;

/// A token to be mailed.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// Whose customer.
    pub merchant_id: &'a str,
    /// Where alone it works.
    pub store_id: &'a str,
    /// For whom, where there is a customer yet.
    pub customer_id: Option<&'a str>,
    /// The address it is mailed to, folded.
    pub email_key: &'a str,
    /// The row that it is about.
    pub subject_id: &'a str,
    /// The mail that carries it.
    pub outbox_id: &'a str,
    /// When it dies by itself.
    pub expires_at: Micros,
}

/// Makes a token and stores its digest. The result is the only copy.
///
/// # Errors
/// What the database says.
pub async fn mint(tx: &mut Tx, new: &NewToken<'_>, now: Micros) -> Result<Token> {
    let token = Token::new();
    store(tx, &[(&token, new)], now).await?;
    Ok(token)
}

/// The same of many, in their order.
///
/// # Errors
/// What the database says.
pub async fn mint_all(tx: &mut Tx, new: &[NewToken<'_>], now: Micros) -> Result<Vec<Token>> {
    let tokens: Vec<_> = new.iter().map(|_| Token::new()).collect();
    store(tx, &tokens.iter().zip(new).collect::<Vec<_>>(), now).await?;
    Ok(tokens)
}

async fn store(tx: &mut Tx, tokens: &[(&Token, &NewToken<'_>)], now: Micros) -> Result<()> {
    let row = |(token, new): &(&Token, &NewToken<'_>)| {
        args![
            token.digest(),
            new.purpose.as_str(),
            new.merchant_id,
            new.store_id,
            new.customer_id,
            new.email_key,
            new.subject_id,
            new.outbox_id,
            now,
            new.expires_at
        ]
    };
    let head = "INSERT INTO token (digest, purpose, merchant_id, store_id, customer_id, email_key,
                   subject_id, outbox_id, created_at, expires_at)
                VALUES";
    tx.many(head, tokens.iter().map(row).collect(), "").await.map(drop)
}

/// What a live token leads to.
#[derive(Clone, Debug)]
pub struct Found {
    /// For whom, where there is a customer yet.
    pub customer_id: Option<String>,
    /// The row that it is about.
    pub subject_id: String,
    /// When it dies by itself.
    pub expires_at: Micros,
}

impl Found {
    fn read(row: &Row) -> Self {
        Self {
            customer_id: row.get("customer_id"),
            subject_id: row.get("subject_id"),
            expires_at: row.get("expires_at"),
        }
    }
}

/// Live means: this purpose, this store, not used, not voided, not expired; for a customer, mailed
/// to the address that is still the confirmed one (an unconfirmed new address and the old address
/// of an undone change are the two exceptions), the account not blocked; for recovery, among the
/// newest three.
macro_rules! live {
    () => {
        "digest = $1 AND purpose = $2 AND store_id = $3
         AND used_at IS NULL AND voided_at IS NULL AND expires_at > $4
         AND (customer_id IS NULL OR EXISTS (
            SELECT 1 FROM customer c WHERE c.id = token.customer_id
            AND c.merchant_id = token.merchant_id AND c.blocked_at IS NULL
            AND (c.email_key = token.email_key
                OR token.purpose IN ('confirm_address', 'undo_address'))))
         AND (purpose <> 'recovery' OR $5 > (
            SELECT COUNT(*) FROM token newer WHERE newer.customer_id = token.customer_id
            AND newer.purpose = token.purpose AND newer.created_at > token.created_at
            AND newer.voided_at IS NULL))"
    };
}

/// Looks whether a token is live. Changes nothing: scanners may look as often as they like.
///
/// # Errors
/// What the database says.
pub async fn peek(
    db: &Db,
    purpose: Purpose,
    store_id: &str,
    digest: Digest,
    now: Micros,
) -> Result<Option<Found>> {
    let sql = concat!("SELECT customer_id, subject_id, expires_at FROM token WHERE ", live!());
    let args = args![digest, purpose.as_str(), store_id, now, LIVE_LINKS];
    Ok(db.row(sql, args).await?.as_ref().map(Found::read))
}

/// Uses a token up: one guarded update, so that of any number of callers exactly one wins.
///
/// First the customer's credential row is locked. Two links of one customer redeemed at the same
/// moment would otherwise each hold their own row and wait for the other's.
///
/// # Errors
/// What the database says.
pub async fn redeem(
    tx: &mut Tx,
    purpose: Purpose,
    store_id: &str,
    digest: Digest,
    now: Micros,
) -> Result<Option<Found>> {
    tx.exec(
        "UPDATE credential SET version = version
         WHERE customer_id = (SELECT customer_id FROM token WHERE digest = $1)",
        args![digest],
    )
    .await?;
    let sql = concat!(
        "UPDATE token SET used_at = $4 WHERE ",
        live!(),
        " RETURNING customer_id, subject_id, expires_at"
    );
    let args = args![digest, purpose.as_str(), store_id, now, LIVE_LINKS];
    Ok(tx.row(sql, args).await?.as_ref().map(Found::read))
}

/// Voids a customer's live tokens and temporary passwords that give access. Those that only protect
/// (stop, freeze, undo) stay: a thief who changes the password must not kill the owner's way to
/// object.
///
/// # Errors
/// What the database says.
pub async fn void_access(tx: &mut Tx, customer_id: &str, now: Micros) -> Result<()> {
    tx.exec(
        "UPDATE token SET voided_at = $1 WHERE customer_id = $2
         AND purpose IN ('recovery', 'confirm_address') AND used_at IS NULL AND voided_at IS NULL",
        args![now, customer_id],
    )
    .await?;
    let sql = "UPDATE temporary_password SET voided_at = $1
               WHERE customer_id = $2 AND used_at IS NULL AND voided_at IS NULL";
    tx.exec(sql, args![now, customer_id]).await?;
    Ok(())
}

/// Voids what one try of a mail carried that certainly did not arrive, so that it does not count
/// among the newest three. A try of which nobody knows keeps it: it may lie in the mailbox.
///
/// # Errors
/// What the database says.
pub async fn void_try(tx: &mut Tx, outbox_id: &str, minted_at: Micros, now: Micros) -> Result<()> {
    for sql in [
        "UPDATE token SET voided_at = $1 WHERE outbox_id = $2 AND created_at = $3
         AND used_at IS NULL AND voided_at IS NULL",
        "UPDATE temporary_password SET voided_at = $1 WHERE outbox_id = $2 AND created_at = $3
         AND used_at IS NULL AND voided_at IS NULL",
    ] {
        tx.exec(sql, args![now, outbox_id, minted_at]).await?;
    }
    Ok(())
}

/// Deletes tokens that died a week ago.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    let week = now - 7 * crate::clock::DAY;
    db.exec("DELETE FROM token WHERE expires_at < $1", args![week]).await?;
    Ok(())
}
