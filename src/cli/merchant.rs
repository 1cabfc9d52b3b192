//! `doorkey merchant`: the businesses that this installation serves.

use serde_json::json;

use super::{Failure, admin};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::merchant;

/// What to do with merchants.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Merchant {
    /// Add a merchant: a business with its own stores, customers and staff.
    Add {
        /// Short name for the command line, like harbor.
        #[arg(value_parser = admin::key)]
        key: String,
        /// Name shown to people, like "Harbor Goods".
        #[arg(value_parser = admin::name)]
        name: String,
    },
    /// List the merchants.
    List {
        /// Write JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs `doorkey merchant …`.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(command: Merchant, config: &Config) -> Result<(), Failure> {
    let db = admin::open(config).await?;
    let done = match command {
        Merchant::Add { key, name } => add(&db, &key, &name).await,
        Merchant::List { json } => list(&db, json).await,
    };
    db.close().await;
    done
}

async fn add(db: &Db, key: &str, name: &str) -> Result<(), Failure> {
    let mut tx = db.begin().await?;
    match merchant::add(&mut tx, key, name, Clock::System.now()).await {
        Err(error) if admin::collision(&error).is_some() => {
            let what = format!("a merchant with the key {key} exists already");
            return Err(format!("{what}; choose another key").into());
        }
        other => other?,
    };
    tx.commit().await?;
    let next = format!("doorkey store add {key} KEY NAME --base-url URL");
    admin::say(&format!("merchant {key} added; give it a store: {next}"))
}

async fn list(db: &Db, json: bool) -> Result<(), Failure> {
    let all = admin::merchants(db).await?;
    if json {
        let object = |m: merchant::Merchant| json!({ "key": m.key, "name": m.name });
        return admin::say_json(&all.into_iter().map(object).collect::<Vec<_>>());
    }
    let rows: Vec<_> = all.into_iter().map(|m| [m.key, m.name]).collect();
    admin::say(&admin::table(["key", "name"], &rows))
}
