//! Receiving domains that do not take mail just now. One that keeps deferring is paused: its mails
//! are put back without a connection and without a link being made, so that it holds up nobody
//! else's. When the pause is over, one mail is the trial; a domain that takes it is forgotten here.
//!
//! The rows are shared by all mail processes; each keeps a copy, no older than a second.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::args;
use crate::clock::{HOUR, Micros, SECOND};
use crate::db::{Db, Result, Tx};
use crate::secret::jitter;

/// Mails in a row that a domain defers before it is paused: one or two may have reasons of their own.
pub const PATIENCE: i64 = 3;
/// The first pause; it doubles with each trial that fails.
const FIRST: Micros = 30 * SECOND;
/// The longest pause.
const LONGEST: Micros = 900 * SECOND;
/// For how long a trial may be under way before another mail may be it.
const TRIAL: Micros = 120 * SECOND;
/// How long mails wait for the end of a trial, at most.
const MEANWHILE: Micros = 10 * SECOND;

/// What one mail said about its domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It took the mail, or refused it for good: it works.
    Answers,
    /// It deferred this mail.
    Defers(String),
}

/// Whether a mail to a domain may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Open,
    /// Yes, and by how it goes all others are judged.
    Trial,
    /// Not before this moment.
    Paused(Micros),
}

/// A process's copy of what is known of domains that fail.
#[derive(Debug, Default)]
pub struct Domains {
    known: Mutex<HashMap<String, Option<Micros>>>,
    stale: AtomicBool,
    read_at: AtomicI64,
}

impl Domains {
    /// Reads anew what is older than a second, or was changed by this process.
    ///
    /// # Errors
    /// What the database says; then the copy stays as it was.
    pub async fn refresh(&self, db: &Db, now: Micros) -> Result<()> {
        let fresh = now - self.read_at.load(Ordering::Relaxed) < SECOND;
        if !self.stale.swap(false, Ordering::Relaxed) && fresh {
            return Ok(());
        }
        let rows = db.rows("SELECT domain, paused_until FROM mail_domain", args![]).await?;
        let known = rows.iter().map(|row| (row.get("domain"), row.get("paused_until")));
        *self.lock() = known.collect();
        self.read_at.store(now, Ordering::Relaxed);
        Ok(())
    }

    /// Whether any domain is paused: else nobody needs to ask for one.
    pub fn any_paused(&self) -> bool {
        self.lock().values().any(Option::is_some)
    }

    /// Whether a mail to this domain may be tried; takes the trial if it is time for one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn standing(&self, tx: &mut Tx, domain: &str, now: Micros) -> Result<Standing> {
        let known = self.lock().get(domain).copied().flatten();
        let Some(until) = known else { return Ok(Standing::Open) };
        if until > now {
            // Not all at once when it ends.
            return Ok(Standing::Paused(until + jitter(MEANWHILE)));
        }
        let sql = "UPDATE mail_domain SET trial_until = $1
                   WHERE domain = $2 AND paused_until <= $3
                     AND (trial_until IS NULL OR trial_until <= $3)";
        if tx.exec(sql, args![now + TRIAL, domain, now]).await? == 1 {
            return Ok(Standing::Trial);
        }
        Ok(Standing::Paused(now + jitter(MEANWHILE)))
    }

    /// Writes down what mails said about their domains, in the order of the domains, so that two
    /// processes cannot wait for each other.
    ///
    /// # Errors
    /// What the database says.
    pub async fn judge(
        &self,
        tx: &mut Tx,
        verdicts: &BTreeMap<String, Vec<Verdict>>,
        now: Micros,
    ) -> Result<()> {
        for (domain, verdicts) in verdicts {
            if verdicts.contains(&Verdict::Answers) {
                if self.lock().contains_key(domain) {
                    tx.exec("DELETE FROM mail_domain WHERE domain = $1", args![domain]).await?;
                    self.stale.store(true, Ordering::Relaxed);
                }
                continue;
            }
            for verdict in verdicts {
                if let Verdict::Defers(mail) = verdict {
                    fail(tx, domain, mail, now).await?;
                    self.stale.store(true, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    /// Gives back a trial that said nothing about the domain.
    ///
    /// # Errors
    /// What the database says.
    pub async fn untried(&self, tx: &mut Tx, domain: &str) -> Result<()> {
        let sql = "UPDATE mail_domain SET trial_until = NULL WHERE domain = $1";
        tx.exec(sql, args![domain]).await?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Option<Micros>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a failure. Those that were under way when the domain was paused do not lengthen the pause,
/// and one mail alone, tried again and again, is no domain.
async fn fail(tx: &mut Tx, domain: &str, mail: &str, now: Micros) -> Result<()> {
    let sql = "INSERT INTO mail_domain (domain, failures, last_mail, failed_at)
               VALUES ($1, 1, $2, $3)
               ON CONFLICT (domain) DO UPDATE SET
                  failures = CASE WHEN mail_domain.paused_until > excluded.failed_at
                     OR (mail_domain.paused_until IS NULL
                        AND mail_domain.last_mail = excluded.last_mail)
                     THEN mail_domain.failures ELSE mail_domain.failures + 1 END,
                  last_mail = excluded.last_mail, failed_at = excluded.failed_at,
                  trial_until = NULL
               RETURNING failures, paused_until";
    let Some(row) = tx.row(sql, args![domain, mail, now]).await? else { return Ok(()) };
    let failures: i64 = row.get("failures");
    let paused = row.get::<Option<i64>>("paused_until").is_some_and(|until| until > now);
    if failures < PATIENCE || paused {
        return Ok(());
    }
    let pause = pause(failures);
    tracing::warn!(domain, seconds = pause / SECOND, "a domain takes no mail: it is paused");
    let sql = "UPDATE mail_domain SET paused_until = $1 WHERE domain = $2";
    tx.exec(sql, args![now + pause, domain]).await?;
    Ok(())
}

/// Doubles from trial to trial, up to the longest.
fn pause(failures: i64) -> Micros {
    let doublings = u32::try_from(failures - PATIENCE).unwrap_or(0).min(10);
    jitter(FIRST.saturating_mul(1 << doublings).min(LONGEST))
}

/// Forgets domains that nobody has written to for a while.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    db.exec("DELETE FROM mail_domain WHERE failed_at < $1", args![now - 2 * HOUR]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_jittered_and_capped() {
        for (failures, longest) in [(3, 30), (4, 60), (5, 120), (7, 480), (8, 900), (1000, 900)] {
            let spans: Vec<_> = (0..100).map(|_| pause(failures)).collect();
            let (least, most) = (spans.iter().min().unwrap(), spans.iter().max().unwrap());
            assert!(*least >= longest * SECOND / 2, "{failures}: {least}");
            assert!(*most <= longest * SECOND, "{failures}: {most}");
            assert!(least < most, "{failures}");
        }
    }
}
