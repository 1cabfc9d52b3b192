//! How often something may be done: counters in the database, so that one process and ten count
//! alike. What is counted is named by a keyed digest: a stolen database tells no address.

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
        let mut tx = db.begin().await?;
        // Hit first, look then: the hit holds the row, so that of many attempts at once each sees
        // those before it. A refusal drops the transaction, and the hit with it.
        let row = tx
            .row(
                "INSERT INTO counter (bucket, started_at, hits, expires_at) VALUES ($1, $2, 1, $3)
                 ON CONFLICT (bucket) DO UPDATE SET
                    hits = CASE WHEN counter.expires_at <= excluded.started_at
                        THEN 1 ELSE counter.hits + 1 END,
                    expires_at = CASE WHEN counter.expires_at <= excluded.started_at
                        THEN excluded.expires_at ELSE counter.expires_at END
                 RETURNING hits, expires_at",
                args![&self.pair, now, now + self.memory()],
            )
            .await?
            .ok_or(db::Error::RowNotFound)?;
        let before = row.get::<i64>("hits") - 1;
        let last = row.get::<i64>("expires_at") - self.memory();
        let wait = last + self.wait_after(before) - now;
        if before >= self.free && wait > 0 {
            return Ok(Attempt::Wait(wait));
        }
        let sql = "UPDATE counter SET expires_at = $1 WHERE bucket = $2";
        tx.exec(sql, args![now + self.memory(), &self.pair]).await?;
        let source = (self.source.clone(), 1, self.per_source);
        let standings = hit(&mut tx, &[source], now).await?;
        if let Some(wait) = standings.first().and_then(|s| s.over(self.per_source, now)) {
            return Ok(Attempt::Wait(wait));
        }
        tx.commit().await?;
        Ok(Attempt::Allowed)
    }

    /// The right password: this pair starts afresh, and the source gets its hit back.
    ///
    /// # Errors
    /// What the database says.
    pub async fn succeeded(&self, tx: &mut Tx) -> Result<()> {
        tx.exec("DELETE FROM counter WHERE bucket = $1", args![&self.pair]).await?;
        tx.exec("UPDATE counter SET hits = hits - 1 WHERE bucket = $1", args![&self.source])
            .await?;
        Ok(())
    }

    /// Failures are remembered for a day past the longest wait: the guard stays armed.
    fn memory(&self) -> Micros {
        self.longest + crate::clock::DAY
    }

    fn wait_after(&self, hits: i64) -> Micros {
        let doublings = u32::try_from(hits - self.free).unwrap_or(0).min(30);
        self.backoff.saturating_mul(1 << doublings).min(self.longest)
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
