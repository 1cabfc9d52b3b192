//! What the doctor found, remembered: a row for as long as the same is found, so that the page can say
//! since when, and what changed.

use serde::Serialize;

use super::{Check, Findings, Level, Topic};
use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result, Row, Tx};

/// Rows that are kept of a domain.
const MOST: usize = 20;

/// What is remembered of a domain.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What was found last.
    pub findings: Findings,
    /// Since when it is so.
    pub since_at: Micros,
    /// When it was last looked at.
    pub seen_at: Micros,
    /// What is different from before.
    pub changes: Vec<Change>,
}

/// Something that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// About what.
    pub topic: Topic,
    /// How it was; none where it was not looked at.
    pub before: Option<(Level, String)>,
    /// How it is.
    pub after: Option<(Level, String)>,
}

/// What is different between two looks.
fn changes(before: &Findings, after: &Findings) -> Vec<Change> {
    let of = |findings: &Findings, topic| {
        let check = findings.checks.iter().find(|check| check.topic == topic);
        check.map(|check| (check.level, check.found.clone()))
    };
    let mut topics: Vec<Topic> =
        before.checks.iter().chain(&after.checks).map(|check| check.topic).collect();
    topics.sort_unstable();
    topics.dedup();
    let change = |topic| Change { topic, before: of(before, topic), after: of(after, topic) };
    topics.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

struct Remembered {
    since_at: Micros,
    seen_at: Micros,
    findings: Findings,
}

/// A row that this program cannot read any more is as good as none.
fn read(row: &Row) -> Option<Remembered> {
    let findings = serde_json::from_str(&row.get::<String>("result")).ok()?;
    Some(Remembered { since_at: row.get("since_at"), seen_at: row.get("seen_at"), findings })
}

const NEWEST: &str = "SELECT since_at, seen_at, result FROM domain_check
    WHERE merchant_id = $1 AND domain = $2 ORDER BY since_at DESC LIMIT $3";

/// What is remembered of a merchant's domain.
///
/// # Errors
/// What the database says.
pub async fn latest(db: &Db, merchant_id: &str, domain: &str) -> Result<Option<Kept>> {
    let rows = db.rows(NEWEST, args![merchant_id, domain, 2i64]).await?;
    let mut found = rows.iter().filter_map(read);
    let Some(last) = found.next() else { return Ok(None) };
    let changes = found.next().map(|before| changes(&before.findings, &last.findings));
    Ok(Some(Kept {
        changes: changes.unwrap_or_default(),
        findings: last.findings,
        since_at: last.since_at,
        seen_at: last.seen_at,
    }))
}

/// Remembers what was found; gives the checks that are worse than when they were last known. What was
/// never known before is not worse.
///
/// # Errors
/// What the database says.
pub async fn keep(
    tx: &mut Tx,
    merchant_id: &str,
    findings: &Findings,
    now: Micros,
) -> Result<Vec<Check>> {
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let rows = tx.rows(NEWEST, args![merchant_id, &findings.domain, most]).await?;
    let history: Vec<_> = rows.iter().filter_map(read).collect();
    if let Some(last) = history.first().filter(|last| last.findings == *findings) {
        let sql = "UPDATE domain_check SET seen_at = $1
                   WHERE merchant_id = $2 AND domain = $3 AND since_at = $4";
        tx.exec(sql, args![now, merchant_id, &findings.domain, last.since_at]).await?;
        return Ok(Vec::new());
    }
    let text = serde_json::to_string(findings).unwrap_or_default();
    tx.exec(
        "INSERT INTO domain_check (merchant_id, domain, since_at, seen_at, result)
         VALUES ($1, $2, $3, $3, $4)
         ON CONFLICT (merchant_id, domain, since_at) DO UPDATE SET result = $4",
        args![merchant_id, &findings.domain, now, text],
    )
    .await?;
    if history.len() == MOST
        && let Some(oldest) = history.last()
    {
        let sql = "DELETE FROM domain_check
                   WHERE merchant_id = $1 AND domain = $2 AND since_at <= $3";
        tx.exec(sql, args![merchant_id, &findings.domain, oldest.since_at]).await?;
    }
    let known = |topic| {
        let checks = history.iter().flat_map(|old| &old.findings.checks);
        let mut of_topic = checks.filter(move |c| c.topic == topic && c.level != Level::Unknown);
        of_topic.next().map(|check| check.level.rank())
    };
    let worse = |check: &&Check| known(check.topic).is_some_and(|rank| check.level.rank() > rank);
    Ok(findings.checks.iter().filter(worse).cloned().collect())
}
