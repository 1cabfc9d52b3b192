//! What administrators do with their colleagues: invite, disable, enable, change the role, reset.
//! Nobody reads or sets another's password; whoever is to choose one gets a link by mail.

use super::access::{self, Credential};
use super::{Role, Staff, factor, link, session};
use crate::address::EmailAddress;
use crate::args;
use crate::clock::Micros;
use crate::config::Config;
use crate::db::{self, Db, Result, Tx};
use crate::mail::outbox::Kind;

/// Why an administrator's wish is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nobody would be left who can manage staff.
    LastAdministrator,
    /// A colleague has this address.
    Taken,
    /// The merchant has no store in whose name a mail could be sent.
    NoStore,
}

/// A line of the list.
#[derive(Clone, Debug)]
pub struct Colleague {
    /// UUIDv7.
    pub id: String,
    /// As colleagues read it.
    pub name: String,
    /// Address to log in with.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Whether they have chosen a password.
    pub enrolled: bool,
    /// Whether they have a second factor.
    pub factor: bool,
    /// Whether they may not log in.
    pub disabled: bool,
    /// When they last used the back office.
    pub seen_at: Option<Micros>,
}

/// The staff of a merchant, in the order in which they came.
///
/// # Errors
/// What the database says.
pub async fn list(db: &Db, merchant_id: &str) -> Result<Vec<Colleague>> {
    let rows = db
        .rows(
            "SELECT a.id, a.name, a.email, a.role, a.disabled_at, a.totp_confirmed_at, p.set_at,
                (SELECT MAX(s.seen_at) FROM staff_session s WHERE s.staff_id = a.id) AS seen_at
             FROM staff a LEFT JOIN staff_credential p ON p.staff_id = a.id
             WHERE a.merchant_id = $1 ORDER BY a.created_at, a.email_key",
            args![merchant_id],
        )
        .await?;
    let is = |row: &db::Row, column: &str| row.get::<Option<i64>>(column).is_some();
    let colleague = |row: &db::Row| Colleague {
        id: row.get("id"),
        name: row.get("name"),
        email: row.get("email"),
        role: Role::parse(&row.get::<String>("role")).unwrap_or(Role::Viewer),
        enrolled: is(row, "set_at"),
        factor: is(row, "totp_confirmed_at"),
        disabled: is(row, "disabled_at"),
        seen_at: row.get("seen_at"),
    };
    Ok(rows.iter().map(colleague).collect())
}

/// Adds a colleague without a password and mails the enrolment link; gives the new id.
///
/// # Errors
/// What the database says. When the address turns out to be taken meanwhile, that is
/// [`db::is_taken`], and the transaction is of no further use.
pub async fn invite(
    tx: &mut Tx,
    config: &Config,
    merchant_id: &str,
    email: &EmailAddress,
    name: &str,
    role: Role,
    now: Micros,
) -> Result<std::result::Result<String, Refused>> {
    let sql = "SELECT id FROM staff WHERE merchant_id = $1 AND email_key = $2";
    if tx.row(sql, args![merchant_id, email.key()]).await?.is_some() {
        return Ok(Err(Refused::Taken));
    }
    let id = super::add(tx, merchant_id, email, name, role, None, now).await?;
    let added = access::hold(tx, &id).await?.ok_or(db::Error::RowNotFound)?;
    let mailed = access::notify(tx, config, Kind::StaffInvitation, &added.staff, now).await?;
    Ok(if mailed { Ok(id) } else { Err(Refused::NoStore) })
}

/// Closes the back office to a colleague at once.
///
/// # Errors
/// What the database says.
pub async fn disable(
    tx: &mut Tx,
    staff: &Staff,
    now: Micros,
) -> Result<std::result::Result<(), Refused>> {
    if is_last(tx, staff).await? {
        return Ok(Err(Refused::LastAdministrator));
    }
    access::hold(tx, &staff.id).await?;
    let sql = "UPDATE staff SET disabled_at = COALESCE(disabled_at, $1) WHERE id = $2";
    tx.exec(sql, args![now, &staff.id]).await?;
    link::void_all(tx, &staff.id, now).await?;
    session::end_all(tx, &staff.id, None, now).await?;
    Ok(Ok(()))
}

/// Opens it again: the password and the second factor are those from before.
///
/// # Errors
/// What the database says.
pub async fn enable(tx: &mut Tx, staff: &Staff) -> Result<()> {
    tx.exec("UPDATE staff SET disabled_at = NULL WHERE id = $1", args![&staff.id]).await?;
    Ok(())
}

/// Gives a colleague another role. Their sessions end: the next one starts with the new role, and
/// with a second factor if it asks for one.
///
/// # Errors
/// What the database says.
pub async fn set_role(
    tx: &mut Tx,
    staff: &Staff,
    role: Role,
    now: Micros,
) -> Result<std::result::Result<(), Refused>> {
    if role != Role::Administrator && is_last(tx, staff).await? {
        return Ok(Err(Refused::LastAdministrator));
    }
    access::hold(tx, &staff.id).await?;
    let sql = "UPDATE staff SET role = $1 WHERE id = $2";
    tx.exec(sql, args![role.as_str(), &staff.id]).await?;
    session::end_all(tx, &staff.id, None, now).await?;
    Ok(Ok(()))
}

/// Takes a colleague's password, sessions and links away (and the second factor, if that is what is
/// lost), and gives what they had. Who lets them in again is the caller's to add: a mail, or a link
/// at the command line. `None` for one who is disabled, and stays so.
///
/// # Errors
/// What the database says.
pub async fn reset(
    tx: &mut Tx,
    config: &Config,
    staff: &Staff,
    without_factor: bool,
    now: Micros,
) -> Result<Option<Credential>> {
    let held = access::hold(tx, &staff.id).await?.ok_or(db::Error::RowNotFound)?;
    if held.staff.disabled_at.is_some() {
        return Ok(None);
    }
    tx.exec("DELETE FROM staff_credential WHERE staff_id = $1", args![&staff.id]).await?;
    if without_factor {
        factor::remove(tx, config, staff, now).await?;
    }
    link::void_all(tx, &staff.id, now).await?;
    session::end_all(tx, &staff.id, None, now).await?;
    Ok(Some(held))
}

/// Whether nobody else could manage staff. The merchant is held, so that two administrators cannot
/// remove each other at the same moment.
async fn is_last(tx: &mut Tx, staff: &Staff) -> Result<bool> {
    let hold = "UPDATE merchant SET name = name WHERE id = $1";
    tx.exec(hold, args![&staff.merchant_id]).await?;
    let sql = "SELECT COUNT(*) AS n FROM staff a JOIN staff_credential p ON p.staff_id = a.id
               WHERE a.merchant_id = $1 AND a.id <> $2 AND a.role = 'administrator'
                 AND a.disabled_at IS NULL";
    let others: i64 = match tx.row(sql, args![&staff.merchant_id, &staff.id]).await? {
        Some(row) => row.get("n"),
        None => 0,
    };
    let now = tx.row("SELECT role FROM staff WHERE id = $1", args![&staff.id]).await?;
    let is_administrator =
        now.is_some_and(|row| row.get::<String>("role") == Role::Administrator.as_str());
    Ok(is_administrator && others == 0)
}
