//! `doorkey activity`: the record of who did what.

use super::{Failure, admin};
use crate::activity::verify::{self, Finding};
use crate::config::Config;
use crate::db::Db;
use crate::secret::Key;

/// What to do with the activity.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Activity {
    /// Check that no entry was changed, removed or inserted since it was written. Needs the
    /// installation's secret.
    Verify {
        /// Key of one merchant; without it, the chains of all are checked.
        #[arg(value_parser = admin::key)]
        merchant: Option<String>,
    },
}

/// Runs `doorkey activity …`.
///
/// # Errors
/// One line that says what is wrong and what to do, or where a chain is broken.
pub async fn run(command: Activity, config: &Config) -> Result<(), Failure> {
    let db = admin::open(config).await?;
    let Activity::Verify { merchant } = command;
    let done = match super::secret(config, false) {
        Ok(secret) => check(&db, &secret.derive("activity"), merchant.as_deref()).await,
        Err(failure) => Err(failure),
    };
    db.close().await;
    done
}

async fn check(db: &Db, key: &Key, merchant: Option<&str>) -> Result<(), Failure> {
    let merchants = match merchant {
        Some(name) => vec![admin::merchant(db, name).await?],
        None => admin::merchants(db).await?,
    };
    let (mut whole, mut broken) = (Vec::new(), Vec::new());
    for merchant in merchants {
        match verify::verify(db, key, &merchant.id).await? {
            Finding::Whole { entries, tag } => {
                whole.push([merchant.key, entries.to_string(), tag]);
            }
            Finding::Broken(place) => broken.push(format!("{}: {place}", merchant.key)),
        }
    }
    if !broken.is_empty() {
        let advice = "find out who can write to the database, and compare with a backup; if the \
                      secret was replaced, no older entry can be checked";
        return Err(format!("{}; {advice}", broken.join("; ")).into());
    }
    admin::say(&admin::table(["merchant", "entries", "last tag"], &whole))
}
