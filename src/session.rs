//! Sessions: a browser that is logged in at one store. The cookie is a bearer token; the database
//! holds its digest. A session hangs on the credential's version, so that no change of password can
//! leave one behind.

use crate::args;
use crate::clock::{MINUTE, Micros, SECOND};
use crate::config::SessionConfig;
use crate::customer::{self, Customer};
use crate::db::{self, Db, Result, Row, Tx};
use crate::secret::{Digest, Token};
use crate::store::Store;
use crate::timeline::{self, Entry};

/// A live session and whose it is.
#[derive(Clone, Debug)]
pub struct Session {
    /// Names it in lists; not a secret.
    pub id: String,
    /// SHA-256 of its cookie.
    pub digest: Digest,
    /// Who is logged in.
    pub customer: Customer,
    /// When it was last used, to within five minutes.
    pub seen_at: Micros,
}

/// The browser that a session is started in.
#[derive(Clone, Copy, Debug)]
pub struct Browser<'a> {
    /// Browser and system, as far as they can be told.
    pub device: &'a str,
    /// What its cookie opened so far. That ends, for the cookie is about to be replaced.
    pub replaces: Option<Digest>,
}

/// Starts a session and gives the value of its cookie, the only copy there is.
///
/// # Errors
/// What the database says.
pub async fn start(
    tx: &mut Tx,
    config: &SessionConfig,
    store: &Store,
    customer_id: &str,
    browser: &Browser<'_>,
    now: Micros,
) -> Result<Token> {
    // After a change of password in this very transaction, the caller's copy of the customer is out
    // of date: the version is the one that stands.
    let started = insert(tx, config, store, (customer_id, None), browser, now).await?;
    started.ok_or(db::Error::RowNotFound)
}

/// The same for one who proved the password that `customer` was read with. `None` when it was
/// changed meanwhile; changed at the same time, it leaves a session that opens nothing.
///
/// # Errors
/// What the database says.
pub async fn start_proved(
    tx: &mut Tx,
    config: &SessionConfig,
    store: &Store,
    customer: &Customer,
    browser: &Browser<'_>,
    now: Micros,
) -> Result<Option<Token>> {
    let holder = (customer.id.as_str(), Some(customer.credential_version));
    insert(tx, config, store, holder, browser, now).await
}

async fn insert(
    tx: &mut Tx,
    config: &SessionConfig,
    store: &Store,
    (customer_id, version): (&str, Option<i64>),
    browser: &Browser<'_>,
    now: Micros,
) -> Result<Option<Token>> {
    if let Some(old) = browser.replaces {
        end(tx, old, now).await?;
    }
    let token = Token::new();
    let sql =
        "INSERT INTO session (digest, id, merchant_id, store_id, customer_id, credential_version,
            device, created_at, seen_at, expires_at)
         SELECT $1, $2, $3, $4, customer_id, version, $5, $6, $6, $7
         FROM credential WHERE customer_id = $8 AND version = COALESCE($9, version)";
    let args = args![
        token.digest(),
        crate::new_id(),
        &store.merchant_id,
        &store.id,
        browser.device,
        now,
        now + config.absolute * SECOND,
        customer_id,
        version
    ];
    Ok((tx.exec(sql, args).await? == 1).then_some(token))
}

/// The live session that this cookie opens at this store.
///
/// # Errors
/// What the database says.
pub async fn find(
    db: &Db,
    config: &SessionConfig,
    store: &Store,
    digest: Digest,
    now: Micros,
) -> Result<Option<Session>> {
    let row = db
        .row(
            concat!(
                "SELECT s.id AS session_id, s.seen_at, ",
                customer::columns!(),
                " FROM session s
             JOIN customer c ON c.id = s.customer_id
             JOIN credential p ON p.customer_id = c.id AND p.version = s.credential_version
             WHERE s.digest = $1 AND s.store_id = $2 AND s.merchant_id = c.merchant_id
               AND s.ended_at IS NULL AND s.expires_at > $3 AND s.seen_at > $4
               AND c.blocked_at IS NULL AND c.frozen_at IS NULL"
            ),
            args![&digest, &store.id, now, now - config.idle * SECOND],
        )
        .await?;
    Ok(row.map(|row| Session {
        id: row.get("session_id"),
        digest,
        customer: customer::read(&row),
        seen_at: row.get("seen_at"),
    }))
}

/// Notes that the session was used, at most every five minutes: a write for every page view would
/// be a disk flush for every page view.
///
/// # Errors
/// What the database says.
pub async fn seen(db: &Db, config: &SessionConfig, session: &Session, now: Micros) -> Result<()> {
    let step = (5 * MINUTE).min(config.idle * SECOND / 4);
    if now - session.seen_at >= step {
        let sql = "UPDATE session SET seen_at = $1 WHERE digest = $2";
        db.exec(sql, args![now, &session.digest]).await?;
    }
    Ok(())
}

/// Ends the session that this cookie opens.
///
/// # Errors
/// What the database says.
pub async fn end(tx: &mut Tx, digest: Digest, now: Micros) -> Result<()> {
    let sql = "UPDATE session SET ended_at = $1 WHERE digest = $2 AND ended_at IS NULL";
    tx.exec(sql, args![now, digest]).await?;
    Ok(())
}

/// The same because the customer said so, which their timeline tells.
///
/// # Errors
/// What the database says.
pub async fn log_out(tx: &mut Tx, digest: Digest, now: Micros) -> Result<()> {
    let sql = "UPDATE session SET ended_at = $1 WHERE digest = $2 AND ended_at IS NULL
               RETURNING merchant_id, store_id, customer_id";
    let ended = tx.row(sql, args![now, digest]).await?;
    tell(tx, ended, false, now).await
}

async fn tell(tx: &mut Tx, ended: Option<Row>, all: bool, now: Micros) -> Result<()> {
    let Some(row) = ended else { return Ok(()) };
    let text = |column| row.get::<String>(column);
    let (merchant, store, customer) = (text("merchant_id"), text("store_id"), text("customer_id"));
    let entry = Entry::SessionEnded { all };
    timeline::write_for(tx, &merchant, &customer, Some(&store), now, entry).await
}

/// A line of "where you are logged in".
#[derive(Clone, Debug)]
pub struct Listed {
    /// Names it when it is to be ended.
    pub id: String,
    /// The store's name.
    pub store: String,
    /// Browser and system, as far as they can be told.
    pub device: String,
    /// When it began.
    pub created_at: Micros,
    /// When it was last used.
    pub seen_at: Micros,
}

/// The live sessions of a customer, newest first.
///
/// # Errors
/// What the database says.
pub async fn list(
    db: &Db,
    config: &SessionConfig,
    customer: &Customer,
    now: Micros,
) -> Result<Vec<Listed>> {
    let rows = db
        .rows(
            "SELECT s.id, t.name AS store, s.device, s.created_at, s.seen_at
             FROM session s JOIN store t ON t.id = s.store_id
             WHERE s.customer_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2
               AND s.seen_at > $3 AND s.credential_version = $4
             ORDER BY s.seen_at DESC, s.id DESC LIMIT 100",
            args![&customer.id, now, now - config.idle * SECOND, customer.credential_version],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| Listed {
            id: row.get("id"),
            store: row.get("store"),
            device: row.get("device"),
            created_at: row.get("created_at"),
            seen_at: row.get("seen_at"),
        })
        .collect())
}

/// Ends one of the customer's sessions by its id.
///
/// # Errors
/// What the database says.
pub async fn end_by_id(db: &Db, customer_id: &str, id: &str, now: Micros) -> Result<()> {
    let sql = "UPDATE session SET ended_at = $1
               WHERE customer_id = $2 AND id = $3 AND ended_at IS NULL
               RETURNING merchant_id, store_id, customer_id";
    let mut tx = db.begin().await?;
    let ended = tx.row(sql, args![now, customer_id, id]).await?;
    tell(&mut tx, ended, false, now).await?;
    tx.commit().await
}

/// Ends all of the customer's sessions but one.
///
/// # Errors
/// What the database says.
pub async fn end_others(db: &Db, customer_id: &str, keep: Digest, now: Micros) -> Result<()> {
    let sql = "UPDATE session SET ended_at = $1
               WHERE customer_id = $2 AND digest <> $3 AND ended_at IS NULL
               RETURNING merchant_id, store_id, customer_id";
    let mut tx = db.begin().await?;
    let ended = tx.row(sql, args![now, customer_id, keep]).await?;
    tell(&mut tx, ended, false, now).await?;
    tx.commit().await
}

/// Ends all of the customer's sessions; says how many there were. Mailed links stay as they are.
///
/// # Errors
/// What the database says.
pub async fn end_all(tx: &mut Tx, customer_id: &str, now: Micros) -> Result<u64> {
    let sql = "UPDATE session SET ended_at = $1 WHERE customer_id = $2 AND ended_at IS NULL";
    tx.exec(sql, args![now, customer_id]).await
}

/// Deletes sessions that ended or expired a month ago.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    let month = now - 30 * crate::clock::DAY;
    db.exec("DELETE FROM session WHERE expires_at < $1 OR ended_at < $1", args![month]).await?;
    Ok(())
}
