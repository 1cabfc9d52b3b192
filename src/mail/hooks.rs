//! Reports of mail providers, as their programs send them to `/hooks/…`: what they say, and whether
//! it is them who say it. Each of [`ses`], [`postmark`], [`sendgrid`] and [`mailgun`] has its own form
//! and its own way to sign; what follows is the same as for a report by mail ([`super::bounce`]).
//!
//! An event counts for the mail whose mark it bears, never for an address alone: that of a customer is
//! known to many, and whoever has an account with the same provider could have it suppressed.

pub mod certificate;
pub mod mailgun;
pub mod postmark;
pub mod sendgrid;
pub mod ses;

use serde_json::Value;

use crate::args;
use crate::clock::{HOUR, MINUTE, Micros, SECOND};
use crate::db::Result;
use crate::mail::bounce::status::{self, Status};
use crate::mail::bounce::{self, Came, Notice, Tools, Verdict, effect};
use crate::secret::sha256;

/// How old a signed report may be: providers try again for a while.
const STALE: Micros = HOUR;
/// How far their clocks may go ahead.
const AHEAD: Micros = 5 * MINUTE;
/// Events of one report that are looked at.
const EVENTS: usize = 2000;

/// Why a report is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not signed by whom it should be.
    Signature,
    /// It was signed too long ago, or ahead of time.
    Stale,
    /// It is not in the form that was agreed on.
    Malformed,
}

/// A report that is what it says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What happened to which mails.
    pub notices: Vec<Notice>,
    /// Names the report, so that it counts once; none where the provider signs nothing that could be
    /// played back.
    pub once: Option<[u8; 32]>,
}

/// Takes up a report. False when it was taken up before: then nothing happens.
///
/// Each event has a transaction of its own, and the report counts as taken up at the end: one that is
/// interrupted is sent again, and what it did before does no harm twice.
///
/// # Errors
/// What the database says: then the provider should send it again.
pub async fn take(tools: &Tools<'_>, report: &Report) -> Result<bool> {
    if let Some(digest) = report.once {
        let sql = "SELECT expires_at FROM hook_seen WHERE digest = $1";
        if tools.db.row(sql, args![digest.to_vec()]).await?.is_some() {
            return Ok(false);
        }
    }
    for notice in report.notices.iter().take(EVENTS) {
        let Some(id) = bounce::find(tools.verp, &[], notice) else { continue };
        let mut tx = tools.db.begin().await?;
        let came = effect::take(&mut tx, tools, &id, notice).await?;
        tx.commit().await?;
        if !matches!(came, Came::ToNothing(_)) {
            tracing::info!(mail = id, verdict = ?notice.verdict, status = notice.status, "bounce");
        }
    }
    if let Some(digest) = report.once {
        let sql = "INSERT INTO hook_seen (digest, expires_at) VALUES ($1, $2)
                   ON CONFLICT (digest) DO NOTHING";
        tools.db.exec(sql, args![digest.to_vec(), tools.now + 2 * STALE]).await?;
    }
    Ok(true)
}

/// Whether a report of this second is taken now.
fn is_fresh(seconds: i64, now: Micros) -> bool {
    let at = seconds.saturating_mul(SECOND);
    at <= now.saturating_add(AHEAD) && at >= now.saturating_sub(STALE)
}

/// Compares what was presented with a secret. As digests: their comparison tells nothing.
fn is_same(presented: &[u8], secret: &[u8]) -> bool {
    sha256(presented) == sha256(secret)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A notice out of what providers tell.
fn notice(verdict: Verdict, status: &str, said: &str) -> Notice {
    let status = Status::parse(status).or_else(|| Status::find(said)).map(|s| s.to_string());
    let status = status.or_else(|| status::find_code(said).map(|code| code.to_string()));
    Notice {
        verdict,
        status: status.unwrap_or_default(),
        diagnostic: said.chars().take(1000).collect(),
        clues: Vec::new(),
    }
}

/// What a provider says has failed for good. It knows its ways, but counts filters among them: what
/// the server's own words say goes first.
fn for_good(status: &str, said: &str) -> Verdict {
    let status = Status::parse(status).filter(|s| s.subject != 0).or_else(|| Status::find(said));
    match status::judge(status, status::find_code(said), said, true) {
        Verdict::Lost if status.is_none_or(|s| s.subject == 0) && !is_about_us(said) => {
            Verdict::Dead
        }
        verdict => verdict,
    }
}

fn is_about_us(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["spam", "block", "policy", "reputation", "full", "quota", "too large", "dmarc", "spf"]
        .iter()
        .any(|word| said.contains(word))
}
