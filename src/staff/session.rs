//! A member of staff logged in with a browser. Their own realm: own table, own cookie, short lives.

use super::Staff;
use crate::args;
use crate::clock::{MINUTE, Micros, SECOND};
use crate::config::StaffConfig;
use crate::db::{Db, Result, Tx};
use crate::secret::{Digest, Token};

/// A live session and whose it is.
#[derive(Clone, Debug)]
pub struct StaffSession {
    /// Names it in lists; not a secret.
    pub id: String,
    /// SHA-256 of its cookie.
    pub digest: Digest,
    /// Who is logged in.
    pub staff: Staff,
    /// When the second factor was given.
    pub factor_at: Option<Micros>,
    /// When it was last used, to within a minute.
    pub seen_at: Micros,
}

impl StaffSession {
    /// Whether the person gave the second factor or need not have one. What changes or shows
    /// anything of a customer asks this first.
    pub fn is_full(&self) -> bool {
        self.factor_at.is_some()
            || (self.staff.factor_since.is_none() && !self.staff.factor_required)
    }
}

/// Starts a session and gives the value of its cookie, the only copy there is. `replaces` is what
/// the browser's cookie opened so far; that ends.
///
/// # Errors
/// What the database says.
pub async fn start(
    tx: &mut Tx,
    config: &StaffConfig,
    staff: (&str, &str),
    device: &str,
    replaces: Option<Digest>,
    factor: bool,
    now: Micros,
) -> Result<Token> {
    if let Some(old) = replaces {
        end(tx, old, now).await?;
    }
    let (staff_id, merchant_id) = staff;
    let token = Token::new();
    tx.exec(
        "INSERT INTO staff_session (digest, id, staff_id, merchant_id, device, factor_at,
            created_at, seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
        args![
            token.digest(),
            crate::new_id(),
            staff_id,
            merchant_id,
            device,
            factor.then_some(now),
            now,
            now + config.absolute * SECOND
        ],
    )
    .await?;
    Ok(token)
}

/// The live session that this cookie opens.
///
/// # Errors
/// What the database says.
pub async fn find(
    db: &Db,
    config: &StaffConfig,
    digest: Digest,
    now: Micros,
) -> Result<Option<StaffSession>> {
    let row = db
        .row(
            concat!(
                "SELECT s.id AS session_id, s.factor_at, s.seen_at, ",
                super::columns!(),
                " FROM staff_session s
             JOIN staff a ON a.id = s.staff_id AND a.merchant_id = s.merchant_id
             JOIN merchant m ON m.id = a.merchant_id
             WHERE s.digest = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND s.seen_at > $3
               AND a.disabled_at IS NULL"
            ),
            args![&digest, now, now - config.idle * SECOND],
        )
        .await?;
    Ok(row.map(|row| StaffSession {
        id: row.get("session_id"),
        digest,
        staff: super::read(&row),
        factor_at: row.get("factor_at"),
        seen_at: row.get("seen_at"),
    }))
}

/// Notes that the session was used, at most once a minute: a write for every page view would be a
/// disk flush for every page view.
///
/// # Errors
/// What the database says.
pub async fn seen(
    db: &Db,
    config: &StaffConfig,
    session: &StaffSession,
    now: Micros,
) -> Result<()> {
    if now - session.seen_at >= MINUTE.min(config.idle * SECOND / 4) {
        let sql = "UPDATE staff_session SET seen_at = $1 WHERE digest = $2";
        db.exec(sql, args![now, &session.digest]).await?;
    }
    Ok(())
}

/// Ends the session that this cookie opens.
///
/// # Errors
/// What the database says.
pub async fn end(tx: &mut Tx, digest: Digest, now: Micros) -> Result<()> {
    let sql = "UPDATE staff_session SET ended_at = $1 WHERE digest = $2 AND ended_at IS NULL";
    tx.exec(sql, args![now, digest]).await?;
    Ok(())
}

/// A live session as its owner sees it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Names it.
    pub id: String,
    /// Browser and system.
    pub device: String,
    /// When it was started.
    pub created_at: Micros,
    /// When it was last used, to within a minute.
    pub seen_at: Micros,
}

/// The live sessions of a member of staff, the newest first.
///
/// # Errors
/// What the database says.
pub async fn list(
    db: &Db,
    config: &StaffConfig,
    staff_id: &str,
    now: Micros,
) -> Result<Vec<Listed>> {
    let rows = db
        .rows(
            "SELECT id, device, created_at, seen_at FROM staff_session
             WHERE staff_id = $1 AND ended_at IS NULL AND expires_at > $2 AND seen_at > $3
             ORDER BY created_at DESC, id",
            args![staff_id, now, now - config.idle * SECOND],
        )
        .await?;
    let listed = rows.iter().map(|row| Listed {
        id: row.get("id"),
        device: row.get("device"),
        created_at: row.get("created_at"),
        seen_at: row.get("seen_at"),
    });
    Ok(listed.collect())
}

/// Ends one session of a member of staff by its name; says how many, one or none.
///
/// # Errors
/// What the database says.
pub async fn end_by_id(tx: &mut Tx, staff_id: &str, id: &str, now: Micros) -> Result<u64> {
    let sql = "UPDATE staff_session SET ended_at = $1
               WHERE id = $2 AND staff_id = $3 AND ended_at IS NULL";
    tx.exec(sql, args![now, id, staff_id]).await
}

/// Ends all sessions of a member of staff but `except`, and says how many.
///
/// # Errors
/// What the database says.
pub async fn end_all(
    tx: &mut Tx,
    staff_id: &str,
    except: Option<&Digest>,
    now: Micros,
) -> Result<u64> {
    let sql = "UPDATE staff_session SET ended_at = $1
               WHERE staff_id = $2 AND ended_at IS NULL AND ($3 IS NULL OR digest <> $3)";
    tx.exec(sql, args![now, staff_id, except.map(|d| d.0.to_vec())]).await
}
