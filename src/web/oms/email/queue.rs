//! How a merchant's queue stands now.

use serde_json::{Value, json};

use crate::args;
use crate::clock::{MINUTE, Micros};
use crate::db::{Db, Result, Row};
use crate::locale::Language;
use crate::web::oms::frame::moment;

/// Paused domains listed.
const DOMAINS: i64 = 10;

/// How the merchant's queue stands.
#[derive(Default)]
pub(super) struct Queue {
    pub queued: i64,
    pub leased: i64,
    pub deferred: i64,
    /// Since when the oldest one waits, as a moment and as a duration.
    pub oldest: Option<(String, String)>,
    /// When a deferred one is tried next.
    pub next: Option<String>,
    /// Domains that take no mail just now, and until when they are left alone.
    pub paused: Vec<(String, String)>,
    oldest_at: Option<Micros>,
}

impl Queue {
    /// Mails that wait or are under way.
    pub fn waiting(&self) -> i64 {
        self.queued + self.leased + self.deferred
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "queued": self.queued,
            "leased": self.leased,
            "deferred": self.deferred,
            "oldest_at": self.oldest_at,
            "paused_domains": self.paused.iter().map(|(domain, _)| domain).collect::<Vec<_>>(),
        })
    }
}

/// Counts the queue by state.
pub(super) async fn read(db: &Db, merchant_id: &str, now: Micros) -> Result<Queue> {
    let row = db
        .row(
            "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest,
                COUNT(CASE WHEN leased_until > $2 THEN 1 END) AS leased,
                COUNT(CASE WHEN (leased_until IS NULL OR leased_until <= $2)
                    AND reply IS NOT NULL THEN 1 END) AS deferred,
                MIN(CASE WHEN due_at > $2 AND reply IS NOT NULL THEN due_at END) AS next_at
             FROM outbox WHERE settled_at IS NULL AND merchant_id = $1",
            args![merchant_id, now],
        )
        .await?;
    let Some(row) = row else { return Ok(Queue::default()) };
    let count = |name| row.get::<i64>(name);
    let oldest_at: Option<i64> = row.get("oldest");
    let age = |at: Micros| match (now - at) / MINUTE {
        0 => "less than a minute".to_owned(),
        minutes @ ..120 => Language::En.duration(minutes * 60),
        minutes => Language::En.duration(minutes / 60 * 3600),
    };
    Ok(Queue {
        queued: count("waiting") - count("leased") - count("deferred"),
        leased: count("leased"),
        deferred: count("deferred"),
        oldest: oldest_at.map(|at| (moment(at), age(at))),
        next: row.get::<Option<i64>>("next_at").map(moment),
        paused: if count("deferred") > 0 { paused(db, merchant_id, now).await? } else { vec![] },
        oldest_at,
    })
}

/// Paused domains that mails of this merchant wait for: what others send where is not its business.
async fn paused(db: &Db, merchant_id: &str, now: Micros) -> Result<Vec<(String, String)>> {
    let rows = db
        .rows(
            "SELECT d.domain, d.paused_until FROM mail_domain d
             WHERE d.paused_until > $1 AND EXISTS (SELECT 1 FROM outbox o
                WHERE o.merchant_id = $2 AND o.settled_at IS NULL AND o.domain = d.domain)
             ORDER BY d.domain LIMIT $3",
            args![now, merchant_id, DOMAINS],
        )
        .await?;
    let paused = |row: &Row| (row.get("domain"), moment(row.get("paused_until")));
    Ok(rows.iter().map(paused).collect())
}
