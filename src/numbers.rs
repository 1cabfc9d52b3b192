//! Numbers that a merchant wants: how often customers asked, got mail, opened links, chose passwords
//! and logged in, by day and store.
//!
//! They are counted off the timeline, which every act writes anyway. Counting as it happens would
//! make all log-ins of a store wait for one row. So the mail worker counts what is a few minutes old,
//! each entry once, into a small table ([`fold`]), and a page adds the minutes since to it
//! ([`read`]): as fast with a million entries as with ten.

use crate::args;
use crate::clock::{DAY, MINUTE, Micros};
use crate::db::{Db, Result};

/// How old an entry is when it is counted. An entry is written with the moment at which its act
/// began: one that is committed later than this would be missed.
const LATE: Micros = 10 * MINUTE;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A customer asked for a link at a store.
    Requested,
    /// Staff sent a reminder.
    Reminded,
    /// The mail server took a mail with a link or a reminder.
    Accepted,
    /// A person opened a link that was still good.
    Opened,
    /// A password was changed.
    Changed,
    /// A customer logged in.
    LoggedIn,
}

impl What {
    /// All of them, in the order in which they happen.
    pub const ALL: [Self; 6] = [
        Self::Requested,
        Self::Reminded,
        Self::Accepted,
        Self::Opened,
        Self::Changed,
        Self::LoggedIn,
    ];

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "requested" => Self::Requested,
            "reminded" => Self::Reminded,
            "accepted" => Self::Accepted,
            "opened" => Self::Opened,
            "changed" => Self::Changed,
            "logged_in" => Self::LoggedIn,
            _ => return None,
        })
    }
}

/// Which entries count as what: as [`What::parse`] reads it, or null. The detail is compact JSON of
/// our own; quotes inside of its texts are escaped, so no mail server's answer looks like a field.
/// Practice and probes are not counted.
macro_rules! what {
    () => {
        r#"CASE
            WHEN customer_id IN (SELECT id FROM customer
                WHERE practice_at IS NOT NULL OR probe_at IS NOT NULL) THEN NULL
            WHEN kind = 'recovery_requested' THEN 'requested'
            WHEN kind = 'reminder_queued' THEN 'reminded'
            WHEN kind = 'mail_accepted' AND (detail LIKE '%"mail":"recovery"%'
                OR detail LIKE '%"mail":"reminder%') THEN 'accepted'
            WHEN kind = 'link_opened' AND detail LIKE '%"scanner":false%'
                AND detail LIKE '%"dead":false%' THEN 'opened'
            WHEN kind = 'password_changed' THEN 'changed'
            WHEN kind = 'logged_in' THEN 'logged_in'
        END"#
    };
}

/// A count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// At which store; empty where none is known.
    pub store_id: String,
    /// Of what.
    pub what: What,
    /// How often.
    pub hits: i64,
}

/// The day of a moment: days since 1970-01-01, UTC.
pub fn day_of(at: Micros) -> i64 {
    at.div_euclid(DAY)
}

/// A merchant's counts since `first_day`, all that happened until now.
///
/// # Errors
/// What the database says.
pub async fn read(db: &Db, merchant_id: &str, first_day: i64) -> Result<Vec<Count>> {
    loop {
        let upto = upto(db).await?;
        let rows = db
            .rows(
                concat!(
                    "SELECT day, store_id, what, CAST(SUM(hits) AS BIGINT) AS hits,
                        (SELECT MAX(upto) FROM daily_upto) AS upto
                     FROM (
                        SELECT day, store_id, what, hits FROM daily_count
                        WHERE merchant_id = $1 AND day >= $2
                        UNION ALL
                        SELECT at / 86400000000 AS day, COALESCE(store_id, '') AS store_id, ",
                    what!(),
                    " AS what, 1 AS hits FROM timeline
                        WHERE merchant_id = $1 AND at >= $3 AND at >= $2 * 86400000000
                     ) AS every
                     WHERE what IS NOT NULL GROUP BY day, store_id, what"
                ),
                args![merchant_id, first_day, upto],
            )
            .await?;
        // The worker counted on between the two looks: some entries would be there twice.
        if rows.iter().any(|row| row.get::<i64>("upto") != upto) {
            continue;
        }
        let count = |row: &crate::db::Row| {
            Some(Count {
                day: row.get("day"),
                store_id: row.get("store_id"),
                what: What::parse(&row.get::<String>("what"))?,
                hits: row.get("hits"),
            })
        };
        return Ok(rows.iter().filter_map(count).collect());
    }
}

async fn upto(db: &Db) -> Result<i64> {
    let row = db.row("SELECT MAX(upto) AS upto FROM daily_upto", vec![]).await?;
    Ok(row.and_then(|row| row.get("upto")).unwrap_or(0))
}

/// Counts what is old enough and not counted yet, a day at most to a commit. Of several processes
/// that do so at once, one counts.
///
/// # Errors
/// What the database says; then the rest is counted next time.
pub async fn fold(db: &Db, now: Micros) -> Result<()> {
    let until = now - LATE;
    loop {
        let counted = upto(db).await?;
        let sql = "SELECT MIN(at) AS at FROM timeline WHERE at >= $1 AND at < $2";
        let row = db.row(sql, args![counted, until]).await?;
        let Some(first) = row.and_then(|row| row.get::<Option<i64>>("at")) else { return Ok(()) };
        let to = until.min(first + DAY);
        let mut tx = db.begin().await?;
        let sql = "UPDATE daily_upto SET upto = $1 WHERE upto = $2";
        if tx.exec(sql, args![to, counted]).await? == 0 {
            return Ok(());
        }
        let sql = concat!(
            "INSERT INTO daily_count (merchant_id, day, store_id, what, hits)
             SELECT merchant_id, day, store_id, what, COUNT(*) FROM (
                SELECT merchant_id, at / 86400000000 AS day, COALESCE(store_id, '') AS store_id, ",
            what!(),
            " AS what FROM timeline WHERE at >= $1 AND at < $2
             ) AS fresh
             WHERE what IS NOT NULL GROUP BY merchant_id, day, store_id, what
             ON CONFLICT (merchant_id, day, store_id, what)
             DO UPDATE SET hits = daily_count.hits + excluded.hits"
        );
        tx.exec(sql, args![first, to]).await?;
        tx.commit().await?;
    }
}
