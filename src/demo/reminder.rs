//! The demo's reminder in the form that was asked for, ready to be tried at once.

use std::path::Path;

use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result, Tx};
use crate::demo::data;
use crate::merchant::{self, Mode, ModeSet};
use crate::password::Password;
use crate::password::seal::{self, Made, Sealer};

/// Who consents to mailing passwords that are printed in the documentation anyway.
const CONSENT: &str = "Alex Admin, by starting the demo so";

/// In which form the demo's merchants send reminders.
///
/// # Errors
/// What the database says.
pub async fn mode(db: &Db) -> Result<Mode> {
    let sql = "SELECT id FROM merchant WHERE key = 'harbor-goods'";
    match db.row(sql, vec![]).await? {
        Some(row) => merchant::reminder_mode(db, &row.get::<String>("id")).await,
        None => Ok(Mode::Temporary),
    }
}

/// Has all merchants send reminders in this form.
///
/// # Errors
/// What the database says.
pub async fn choose(db: &Db, mode: Mode, now: Micros) -> Result<()> {
    for row in db.rows("SELECT id FROM merchant", vec![]).await? {
        let id: String = row.get("id");
        if merchant::reminder_mode(db, &id).await? == mode {
            continue;
        }
        let mut tx = db.begin().await?;
        let consent = (mode == Mode::Current).then_some(CONSENT);
        let set = merchant::set_reminder_mode(&mut tx, &id, mode, consent, now).await?;
        debug_assert!(matches!(set, ModeSet::Yes { .. }));
        tx.commit().await?;
    }
    Ok(())
}

/// Sees to a key whose private half is in the file. `None`, or why it could not be written.
///
/// # Errors
/// What the database says.
pub async fn ready_key(
    db: &Db,
    sealer: &Sealer,
    file: &Path,
    now: Micros,
) -> Result<Option<String>> {
    if seal::key(db, Some(file)).await?.is_some_and(|key| key.in_file == Ok(true)) {
        return Ok(None);
    }
    Ok(match seal::rotate(db.begin().await?, sealer, file, now).await? {
        Made::NoFile(why) => Some(why),
        Made::Yes(_) | Made::There => None,
    })
}

/// Seals the password of the sample customers who have not changed it and have no copy.
///
/// # Errors
/// What the database says.
pub async fn seal_samples(
    db: &Db,
    sealer: &Sealer,
    password: &Password,
    now: Micros,
) -> Result<()> {
    let mut tx = db.begin().await?;
    for number in data::numbers() {
        for id in unchanged(&mut tx, number).await? {
            sealer.seal(&mut tx, &id, password, now).await?;
        }
    }
    tx.commit().await
}

async fn unchanged(tx: &mut Tx, number: &str) -> Result<Vec<String>> {
    let sql = "SELECT c.id FROM customer c JOIN credential p ON p.customer_id = c.id
               WHERE c.number = $1 AND p.version = 1 AND p.password_hash IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM sealed_password s WHERE s.customer_id = c.id)";
    let rows = tx.rows(sql, args![number]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}
