//! A member of staff forgot the password. The request path reads no account: it notes the typed
//! address, sealed, and the mail worker finds out whether there is anybody, and at which merchants
//! they work. The link that is mailed opens nothing without the second factor of whoever has one.

use super::{Staff, access};
use crate::activity::{self, Act, Action, Actor};
use crate::address::EmailAddress;
use crate::args;
use crate::clock::{DAY, HOUR, MINUTE, Micros, SECOND};
use crate::config::Config;
use crate::db::{Db, Result, Tx};
use crate::limit::{self, Window};
use crate::mail::outbox::Kind;
use crate::secret::Key;

/// Requests that are handled in one transaction.
const AT_ONCE: i64 = 64;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// On disk, or dropped because the same address was typed too often: nobody is told which.
    Taken,
    /// Too many requests from this source; so many microseconds to wait.
    TooMany(Micros),
}

/// Takes a typed address. The limits depend on who asks and what was typed, never on whether
/// anybody has it.
///
/// # Errors
/// What the database says; then nothing was taken.
pub async fn request(
    db: &Db,
    config: &Config,
    (counters, addresses): (&Key, &Key),
    address: &EmailAddress,
    source: &str,
    now: Micros,
) -> Result<Accepted> {
    let limits = &config.limits;
    let per_source = Window::new(limits.source_requests, limits.source_window);
    let per_address = Window::new(limits.address_requests, limits.address_window);
    let by_source = limit::bucket(counters, "staff-recovery-source", source);
    let by_address = limit::bucket(counters, "staff-recovery-address", address.key());
    let mut tx = db.begin().await?;
    let hits = [(by_source, 1, per_source), (by_address, 1, per_address)];
    let standings = limit::hit(&mut tx, &hits, now).await?;
    let [of_source, of_address] = [standings[0], standings[1]];
    if let Some(wait) = of_source.over(per_source, now) {
        tx.commit().await?;
        return Ok(Accepted::TooMany(wait));
    }
    if of_address.over(per_address, now).is_none() {
        let id = crate::new_id();
        let sealed = addresses.seal(&id, address.key().as_bytes());
        tx.exec(
            "INSERT INTO staff_recovery (id, address_sealed, source, created_at)
             VALUES ($1, $2, $3, $4)",
            args![&id, sealed, source, now],
        )
        .await?;
    }
    tx.commit().await?;
    Ok(Accepted::Taken)
}

/// Finds out who asked, and queues their mails. For the mail worker; says how many it queued.
///
/// # Errors
/// What the database says; then they are handled another time.
pub async fn admit(
    db: &Db,
    config: &Config,
    (addresses, activity): (&Key, &Key),
    now: Micros,
) -> Result<usize> {
    let sql = "SELECT id FROM staff_recovery WHERE handled_at IS NULL ORDER BY created_at LIMIT $1";
    let waiting = db.rows(sql, args![AT_ONCE]).await?;
    let mut queued = 0;
    for row in waiting {
        let mut tx = db.begin().await?;
        let id: String = row.get("id");
        queued += handle(&mut tx, config, (addresses, activity), &id, now).await?;
        tx.commit().await?;
    }
    Ok(queued)
}

async fn handle(
    tx: &mut Tx,
    config: &Config,
    (addresses, activity): (&Key, &Key),
    id: &str,
    now: Micros,
) -> Result<usize> {
    // What is returned is the row as it is after the update: hence two statements.
    let sql = "UPDATE staff_recovery SET handled_at = $1 WHERE id = $2 AND handled_at IS NULL
               RETURNING address_sealed, source, created_at";
    let Some(row) = tx.row(sql, args![now, id]).await? else { return Ok(0) };
    let forget = "UPDATE staff_recovery SET address_sealed = NULL WHERE id = $1";
    tx.exec(forget, args![id]).await?;
    if row.get::<i64>("created_at") < now - config.mail.give_up * SECOND {
        return Ok(0);
    }
    let sealed: Option<Vec<u8>> = row.get("address_sealed");
    let typed = sealed.and_then(|sealed| addresses.open(id, &sealed));
    let typed = typed.as_ref().and_then(|t| std::str::from_utf8(t).ok()).unwrap_or_default();
    let sql = "SELECT a.id FROM staff a JOIN staff_credential p ON p.staff_id = a.id
               WHERE a.email_key = $1 AND a.disabled_at IS NULL ORDER BY a.id";
    let mut queued = 0;
    // A mail for each merchant that the person works for: it names the merchant.
    for found in tx.rows(sql, args![typed]).await? {
        let found = access::hold(tx, &found.get::<String>("id")).await?;
        let Some(staff) = found.map(|found| found.staff) else { continue };
        let of = (&staff, row.get::<String>("source"), row.get::<i64>("created_at"));
        queued += usize::from(mail(tx, config, activity, of, now).await?);
    }
    Ok(queued)
}

/// Queues the mail to one of those whom a request is about.
async fn mail(
    tx: &mut Tx,
    config: &Config,
    activity: &Key,
    (staff, source, created_at): (&Staff, String, Micros),
    now: Micros,
) -> Result<bool> {
    if is_enough(tx, config, &staff.id, now).await? {
        return Ok(false);
    }
    tx.exec(
        "INSERT INTO staff_recovery (id, source, created_at, handled_at, staff_id)
         VALUES ($1, $2, $3, $4, $5)",
        args![crate::new_id(), &source, created_at, now, &staff.id],
    )
    .await?;
    let act = Act {
        merchant_id: &staff.merchant_id,
        actor: Actor::Doorkey,
        action: Action::StaffPasswordRequested,
        customer_id: None,
        store_id: None,
        source: &source,
        alert: false,
        detail: serde_json::json!({ "staff": &staff.id, "name": &staff.name }),
    };
    let queued = access::notify(tx, config, Kind::StaffRecovery, staff, now).await?;
    activity::write(tx, activity, &act, now).await?;
    Ok(queued)
}

/// Whether the person has been mailed as often as anybody can trigger.
async fn is_enough(tx: &mut Tx, config: &Config, staff_id: &str, now: Micros) -> Result<bool> {
    let sql = "SELECT handled_at FROM staff_recovery WHERE staff_id = $1 AND handled_at > $2";
    let rows = tx.rows(sql, args![staff_id, now - DAY]).await?;
    let since = |span: Micros| {
        let count = rows.iter().filter(|row| row.get::<i64>("handled_at") > now - span).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    };
    let limits = &config.limits;
    Ok(since(limits.mail_interval * SECOND) > 0
        || since(HOUR) >= limits.mail_per_hour
        || since(DAY) >= limits.mail_per_day)
}

/// Forgets typed addresses that nobody will handle any more, and old requests.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, config: &Config, now: Micros) -> Result<()> {
    let given_up = now - config.mail.give_up * SECOND - 10 * MINUTE;
    let sql = "UPDATE staff_recovery SET address_sealed = NULL, handled_at = $2
               WHERE created_at < $1 AND handled_at IS NULL";
    db.exec(sql, args![given_up, now]).await?;
    db.exec("DELETE FROM staff_recovery WHERE created_at < $1", args![now - 7 * DAY]).await?;
    Ok(())
}
