//! What opens the back office to a member of staff: the password and, where there is one, the
//! second factor. Everything that changes either holds the person's row first ([`hold`]), so that a
//! log-in and a change of what it is checked against come one after the other.

use super::{Staff, columns, link, read, session};
use crate::args;
use crate::clock::{DAY, Micros};
use crate::config::Config;
use crate::db::{Db, Result, Row, Tx};
use crate::locale::Language;
use crate::mail::outbox::{self, Kind, NewMail};
use crate::password::policy::{self, Reason};
use crate::password::{MAX_BYTES, Password};
use crate::secret::Digest;

/// A member of staff with what a log-in is checked against.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Whose.
    pub staff: Staff,
    /// Argon2id; `None` until the person has chosen a password.
    pub password_hash: Option<String>,
    /// The sealed key of the second factor, once it is confirmed.
    pub factor: Option<Vec<u8>>,
}

impl Credential {
    fn read(row: &Row) -> Self {
        let staff = read(row);
        let sealed: Option<Vec<u8>> = row.get("totp_sealed");
        Self {
            factor: sealed.filter(|_| staff.factor_since.is_some()),
            password_hash: row.get("password_hash"),
            staff,
        }
    }
}

macro_rules! credential {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", a.totp_sealed, p.password_hash FROM staff a
             JOIN merchant m ON m.id = a.merchant_id
             LEFT JOIN staff_credential p ON p.staff_id = a.id WHERE ",
            $condition
        )
    };
}

/// Who logs in with this address at the merchant with this key, disabled or not. An address may be
/// in use at several merchants: without a key it is the account that the person has had for longest
/// among those that they can log in to. An invitation that nobody took up changes nothing by that,
/// so that no merchant can come between a person and another one.
///
/// One account, and not whichever of them the password fits: a log-in costs one verification.
///
/// # Errors
/// What the database says.
pub async fn by_address(db: &Db, email_key: &str, merchant: &str) -> Result<Option<Credential>> {
    let sql = credential!(
        "a.email_key = $1 AND ($2 = '' OR m.key = $2)
         ORDER BY CASE WHEN p.staff_id IS NULL OR a.disabled_at IS NOT NULL THEN 1 ELSE 0 END,
            a.created_at, a.id LIMIT 1"
    );
    let row = db.row(sql, args![email_key, merchant]).await?;
    Ok(row.as_ref().map(Credential::read))
}

/// The keys of the merchants at whom this address is in use. For the operator alone.
///
/// # Errors
/// What the database says.
pub async fn merchants_of(db: &Db, email_key: &str) -> Result<Vec<String>> {
    let sql = "SELECT m.key FROM staff a JOIN merchant m ON m.id = a.merchant_id
               WHERE a.email_key = $1 ORDER BY m.key";
    Ok(db.rows(sql, args![email_key]).await?.iter().map(|row| row.get("key")).collect())
}

/// A member of this merchant's staff.
///
/// # Errors
/// What the database says.
pub async fn by_id(db: &Db, merchant_id: &str, id: &str) -> Result<Option<Credential>> {
    let sql = credential!("a.id = $1 AND a.merchant_id = $2");
    Ok(db.row(sql, args![id, merchant_id]).await?.as_ref().map(Credential::read))
}

/// Holds a member of staff until the transaction ends, and gives them as they are now.
///
/// # Errors
/// What the database says.
pub async fn hold(tx: &mut Tx, id: &str) -> Result<Option<Credential>> {
    tx.exec("UPDATE staff SET disabled_at = disabled_at WHERE id = $1", args![id]).await?;
    let row = tx.row(credential!("a.id = $1"), args![id]).await?;
    Ok(row.as_ref().map(Credential::read))
}

/// Gives a member of staff, who is held, a new password: all links and every session but `except`
/// end, and a notice goes out.
///
/// # Errors
/// What the database says.
pub async fn set_password(
    tx: &mut Tx,
    config: &Config,
    staff: &Staff,
    hash: &str,
    except: Option<&Digest>,
    now: Micros,
) -> Result<()> {
    tx.exec(
        "INSERT INTO staff_credential (staff_id, password_hash, set_at) VALUES ($1, $2, $3)
         ON CONFLICT (staff_id) DO UPDATE
            SET password_hash = excluded.password_hash, set_at = excluded.set_at",
        args![&staff.id, hash, now],
    )
    .await?;
    link::void_all(tx, &staff.id, now).await?;
    session::end_all(tx, &staff.id, except, now).await?;
    notify(tx, config, Kind::StaffPasswordChanged, staff, now).await?;
    Ok(())
}

/// Stores the same password hashed with today's cost.
///
/// # Errors
/// What the database says.
pub async fn rehash(tx: &mut Tx, id: &str, hash: &str) -> Result<()> {
    let sql = "UPDATE staff_credential SET password_hash = $1 WHERE staff_id = $2";
    tx.exec(sql, args![hash, id]).await?;
    Ok(())
}

/// Queues a mail to a member of staff. Mail leaves in the name of a store, so it is the merchant's
/// first one; false when there is none yet, and nobody to write in the name of.
///
/// # Errors
/// What the database says.
pub async fn notify(
    tx: &mut Tx,
    config: &Config,
    kind: Kind,
    staff: &Staff,
    now: Micros,
) -> Result<bool> {
    let Some(store_id) = first_store(tx, &staff.merchant_id).await? else { return Ok(false) };
    let mail = NewMail {
        kind,
        subject_id: &staff.id,
        merchant_id: &staff.merchant_id,
        store_id: &store_id,
        customer_id: None,
    };
    outbox::enqueue(tx, &config.mail, &[mail], now).await?;
    Ok(true)
}

/// In whose name the merchant writes to its staff.
async fn first_store(tx: &mut Tx, merchant_id: &str) -> Result<Option<String>> {
    let sql = "SELECT id FROM store WHERE merchant_id = $1 ORDER BY created_at, id LIMIT 1";
    Ok(tx.row(sql, args![merchant_id]).await?.map(|row| row.get("id")))
}

/// Reads a new password of a member of staff, or says why it is refused.
///
/// # Errors
/// The reasons, in words.
pub fn judge(staff: &Staff, typed: &str) -> std::result::Result<Password, Vec<String>> {
    let too_long = |_| vec![explain(Reason::TooLong { max: MAX_BYTES })];
    let password = Password::read(typed).map_err(too_long)?;
    let local = staff.email_key.split('@').next().unwrap_or_default();
    let own = [staff.email_key.as_str(), local, staff.name.as_str()];
    let judgement = policy::judge(&password, &[&staff.merchant_name], &own);
    if judgement.is_accepted() {
        return Ok(password);
    }
    Err(judgement.reasons.iter().map(|reason| explain(*reason)).collect())
}

fn explain(reason: Reason) -> String {
    match reason {
        Reason::TooShort { min } => Language::En.format(reason.key(), &[("min", &min)]),
        Reason::TooLong { max } => Language::En.format(reason.key(), &[("max", &max)]),
        _ => Language::En.text(reason.key()).to_owned(),
    }
}

/// Deletes sessions and links that ended a week ago.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    let week = now - 7 * DAY;
    db.exec("DELETE FROM staff_session WHERE expires_at < $1", args![week]).await?;
    db.exec("DELETE FROM staff_token WHERE expires_at < $1", args![week]).await?;
    Ok(())
}
