//! `doorkey migrate`: the schema up to date.

use super::{Failure, admin};
use crate::config::Config;
use crate::db::Db;

/// `doorkey migrate`
#[derive(clap::Args, Clone, Debug)]
pub struct Migrate {}

/// Runs `doorkey migrate`. It may be run again at any time, and by several processes at once.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(_: Migrate, config: &Config) -> Result<(), Failure> {
    let db = super::open(config).await?;
    let (before, wanted) = (db.schema_version().await?, Db::schema_wanted());
    if before > wanted
        && let Some((what, todo)) = admin::schema_trouble(before)
    {
        return Err(format!("{what}: {todo}").into());
    }
    db.migrate().await.map_err(|e| {
        format!(
            "the schema could not be brought to step {wanted} ({e}): nothing was lost, try again"
        )
    })?;
    db.close().await;
    admin::say(&match before {
        n if n == wanted => format!("the schema is up to date, at step {wanted}"),
        0 => format!("the schema is created, at step {wanted}"),
        n => format!("the schema is brought from step {n} to step {wanted}"),
    })
}
