//! How often something may be done: counters in the database, so that one process and ten count
//! alike, but for first hits that are kept in memory ([`Firsts`]). What is counted is named by a keyed
//! digest: a stolen database tells no address.

mod firsts;

pub use firsts::Firsts;

use crate::args;
use crate::clock::{Micros, SECOND};
use crate::db::{self, Db, Result, Tx};
use crate::secret::Key;

/// `most` hits in `window` microseconds; then the door is shut until the window ends.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Hits allowed.
    pub most: i64,
    /// Microseconds from the first hit.
    pub window: Micros,
}

impl Window {
    /// A limit from the configuration, whose windows are seconds.
    pub fn new(most: i64, seconds: i64) -> Self {
        Self { most, window: seconds * SECOND }
    }
}

/// Where a counter stands after a hit.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Hits in the window, this one included.
    pub hits: i64,
    /// When the window began.
    pub started_at: Micros,
}

impl Standing {
    /// Microseconds until the window ends, if this hit was over the limit.
    pub fn over(&self, limit: Window, now: Micros) -> Option<Micros> {
        (self.hits > limit.most).then(|| (self.started_at + limit.window - now).max(1))
    }
}

/// Names a counter: what is counted, and for whom.
pub fn bucket(key: &Key, what: &str, whom: &str) -> String {
    format!("{what}:{}", key.tag(&format!("{what}\n{whom}")))
}

/// Counts `count` hits on each bucket, in one statement; the answers are in the order of `buckets`,
/// which must not name a bucket twice.
///
/// # Errors
/// What the database says.
pub async fn hit(
    tx: &mut Tx,
    buckets: &[(String, i64, Window)],
    now: Micros,
) -> Result<Vec<Standing>> {
    let rows = buckets
        .iter()
        .map(|(name, count, limit)| args![name, now, *count, now + limit.window])
        .collect();
    // A row whose window has passed starts anew; excluded carries the values of this hit.
    let rows = tx
        .many(
            "INSERT INTO counter (bucket, started_at, hits, expires_at) VALUES",
            rows,
            " ON CONFLICT (bucket) DO UPDATE SET
                hits = CASE WHEN counter.expires_at <= excluded.started_at
                    THEN excluded.hits ELSE counter.hits + excluded.hits END,
                started_at = CASE WHEN counter.expires_at <= excluded.started_at
                    THEN excluded.started_at ELSE counter.started_at END,
                expires_at = CASE WHEN counter.expires_at <= excluded.started_at
                    THEN excluded.expires_at ELSE counter.expires_at END
              RETURNING bucket, hits, started_at",
        )
        .await?;
    let found: std::collections::HashMap<String, Standing> = rows
        .iter()
        .map(|row| {
            let standing = Standing { hits: row.get("hits"), started_at: row.get("started_at") };
            (row.get("bucket"), standing)
        })
        .collect();
    Ok(buckets.iter().map(|(name, ..)| found[name]).collect())
}

/// What a login attempt may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Go on; the attempt is counted already, so that a hundred at once are a hundred.
    Allowed,
    /// Wait so many microseconds.
    Wait(Micros),
}

/// The limits of a login, by who tries from where.
#[derive(Clone, Debug)]
pub struct LoginGuard {
    pair: String,
    source: String,
    free: i64,
    backoff: Micros,
    longest: Micros,
    per_source: Window,
}

impl LoginGuard {
    /// Guards one (source, typed address) pair of a store's merchant. An account alone is never
    /// counted: that would let a stranger lock its owner out.
    pub fn new(
        key: &Key,
        limits: &crate::config::Limits,
        merchant: &str,
        source: &str,
        typed: &str,
    ) -> Self {
        Self {
            pair: bucket(key, "login-pair", &format!("{merchant}\n{source}\n{typed}")),
            source: bucket(key, "login-source", source),
            free: limits.login_failures,
            backoff: limits.login_backoff * SECOND,
            longest: limits.login_backoff_max * SECOND,
            per_source: Window::new(limits.login_source_failures, limits.login_source_window),
        }
    }

    /// Counts the attempt before any hashing. A refused one is not counted: a browser that keeps
    /// knocking must not push its own waiting time up forever.
    ///
    /// # Errors
    /// What the database says.
    pub async fn enter(&self, db: &Db, now: Micros) -> Result<Attempt> {
        // One statement that looks and counts: of many attempts at once each sees those before it,
        // and the way of a log-in that succeeds has one turn of the database less for each that is
        // saved here. A pair's row is left alone while it has to wait. Its memory has no fixed
        // start, so the column of the start takes over the expiry that the attempt before had set.
        let rows = db
            .exec_rows(
                "INSERT INTO counter (bucket, started_at, hits, expires_at)
                 VALUES ($1, $3, 1, $4), ($2, $3, 1, $5)
                 ON CONFLICT (bucket) DO UPDATE SET
                    hits = CASE WHEN counter.expires_at <= excluded.started_at
                        THEN 1 ELSE counter.hits + 1 END,
                    started_at = CASE
                        WHEN counter.bucket = $1 THEN counter.expires_at
                        WHEN counter.expires_at <= excluded.started_at THEN excluded.started_at
                        ELSE counter.started_at END,
                    expires_at = CASE
                        WHEN counter.bucket = $1 OR counter.expires_at <= excluded.started_at
                        THEN excluded.expires_at ELSE counter.expires_at END
                 WHERE counter.bucket = $2 OR counter.hits < $6
                    OR counter.expires_at - $7 + CASE WHEN counter.hits - $6 >= $8
                        THEN $9 ELSE $10 << CAST(counter.hits - $6 AS INTEGER) END <= $3
                 RETURNING bucket, hits, started_at",
                args![
                    &self.pair,
                    &self.source,
                    now,
                    now + self.memory(),
                    now + self.per_source.window,
                    self.free,
                    self.memory(),
                    self.doublings(),
                    self.longest,
                    self.backoff
                ],
            )
            .await?;
        let find = |name: &str| rows.iter().find(|row| row.get::<String>("bucket") == name);
        let (pair, source) = (find(&self.pair), find(&self.source).ok_or(db::Error::RowNotFound)?);
        if pair.is_none() {
            let sql = "UPDATE counter SET hits = hits - 1 WHERE bucket = $1";
            db.exec(sql, args![&self.source]).await?;
            return Ok(Attempt::Wait(self.wait(db, now).await?));
        }
        let standing = Standing { hits: source.get("hits"), started_at: source.get("started_at") };
        if let Some(wait) = standing.over(self.per_source, now) {
            let sql = "UPDATE counter SET hits = hits - 1, expires_at = started_at
                 WHERE bucket = $1 AND hits > 1";
            db.exec(sql, args![&self.pair]).await?;
            return Ok(Attempt::Wait(wait));
        }
        Ok(Attempt::Allowed)
    }

    /// How long a pair that was refused has to wait.
    async fn wait(&self, db: &Db, now: Micros) -> Result<Micros> {
        let sql = "SELECT hits, expires_at FROM counter WHERE bucket = $1";
        let row = db.row(sql, args![&self.pair]).await?;
        let until = row.map_or(0, |row| {
            let over = row.get::<i64>("hits") - self.free;
            let wait = if over >= self.doublings() { self.longest } else { self.backoff << over };
            row.get::<i64>("expires_at") - self.memory() + wait
        });
        Ok((until - now).max(1))
    }

    /// The right password: this pair starts afresh, and the source gets its hit back. The rows in
    /// the order in which [`LoginGuard::enter`] takes them, or two log-ins could wait for each
    /// other.
    ///
    /// # Errors
    /// What the database says.
    pub async fn succeeded(&self, tx: &mut Tx) -> Result<()> {
        tx.exec(
            "INSERT INTO counter (bucket, started_at, hits, expires_at)
             VALUES ($1, 0, 0, 0), ($2, 0, 0, 0)
             ON CONFLICT (bucket) DO UPDATE
                SET hits = CASE WHEN counter.bucket = $1 THEN 0 ELSE counter.hits - 1 END",
            args![&self.pair, &self.source],
        )
        .await?;
        Ok(())
    }

    /// Failures are remembered for a day past the longest wait: the guard stays armed.
    fn memory(&self) -> Micros {
        self.longest + crate::clock::DAY
    }

    /// Failures past the free ones after which the wait is the longest.
    fn doublings(&self) -> i64 {
        (0..30).find(|n| self.backoff << n >= self.longest).unwrap_or(30)
    }
}

/// Forgets counters and used captchas whose time has passed.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    db.exec("DELETE FROM counter WHERE expires_at < $1", args![now]).await?;
    db.exec("DELETE FROM captcha_used WHERE expires_at < $1", args![now]).await?;
    Ok(())
}
