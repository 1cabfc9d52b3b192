//! Whether mails leave signed.

use super::Report;
use crate::cli::admin;
use crate::db::Db;
use crate::mail::dkim::{self, State, life};

/// Looks at the keys of every sender domain. Whether their records are published, DNS says.
pub(super) async fn keys(report: &mut Report, db: &Db) {
    if let Err(error) = each_domain(report, db).await {
        report.fail(format!("dkim: the keys cannot be read: {}", error.0), "run `doorkey migrate`");
    }
}

async fn each_domain(report: &mut Report, db: &Db) -> Result<(), super::Failure> {
    for merchant in admin::merchants(db).await? {
        for domain in life::sender_domains(db, &merchant.id).await? {
            let keys = dkim::of_domain(db, &merchant.id, &domain).await?;
            let has = |state| keys.iter().find(|key| key.state() == state);
            let of = format!("{domain} --merchant {}", merchant.key);
            match (has(State::Signing), has(State::Waiting)) {
                (Some(key), None) => {
                    report.ok(format!("dkim: mails from {domain} are signed by {}", key.pair));
                }
                (Some(key), Some(next)) => report.warn(
                    format!("dkim: {} signs for {domain}, {} waits", key.pair, next.pair),
                    format!("publish its records, then run `doorkey key dkim activate {of}`"),
                ),
                (None, Some(next)) => report.warn(
                    format!("dkim: mails from {domain} leave unsigned, {} waits", next.pair),
                    format!("publish its records, then run `doorkey key dkim activate {of}`"),
                ),
                (None, None) => report.warn(
                    format!("dkim: mails from {domain} leave unsigned: it has no keys"),
                    format!("run `doorkey key dkim create {of}`"),
                ),
            }
        }
    }
    Ok(())
}
