//! `doorkey staff`: the people who work in the back office.

use serde_json::json;

use super::Failure;
use super::admin::{self, PasswordSource};
use crate::address::EmailAddress;
use crate::args;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, Row};
use crate::staff::{self, Role};

/// What to do with staff.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Staff {
    /// Add a member of staff; without --password-stdin a password is generated and shown once.
    Add(Add),
    /// List the staff of one merchant, or of all.
    List {
        /// Key of the merchant.
        #[arg(value_parser = admin::key)]
        merchant: Option<String>,
        /// Write JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `doorkey staff add`
#[derive(clap::Args, Clone, Debug)]
pub struct Add {
    /// Key of the merchant.
    #[arg(value_parser = admin::key)]
    merchant: String,
    /// Address to log in with.
    #[arg(value_parser = admin::email)]
    email: EmailAddress,
    /// Name, as colleagues read it.
    #[arg(value_parser = admin::name)]
    name: String,
    /// What the person may do.
    #[arg(long)]
    role: Role,
    /// Read the password from standard input, one line.
    #[arg(long)]
    password_stdin: bool,
}

/// Runs `doorkey staff …`.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(command: Staff, config: &Config) -> Result<(), Failure> {
    let db = admin::open(config).await?;
    let done = match command {
        Staff::Add(new) => add(&db, &new).await,
        Staff::List { merchant, json } => list(&db, merchant.as_deref(), json).await,
    };
    db.close().await;
    done
}

async fn add(db: &Db, new: &Add) -> Result<(), Failure> {
    let merchant = admin::merchant(db, &new.merchant).await?;
    let source = if new.password_stdin { PasswordSource::Stdin } else { PasswordSource::Generated };
    let local = new.email.key().split('@').next().unwrap_or_default();
    let own = [new.email.key(), local, &new.name];
    let password = admin::new_password(source, &[&merchant.name, &merchant.key], &own).await?;
    let mut tx = db.begin().await?;
    let (email, role, now) = (&new.email, new.role, Clock::System.now());
    let added =
        staff::add(&mut tx, &merchant.id, email, &new.name, role, &password.hash, now).await;
    match added {
        Err(error) if admin::collision(&error).is_some() => {
            let email = email.as_str();
            return Err(format!("{email} is the address of other staff; choose another").into());
        }
        other => other?,
    };
    tx.commit().await?;
    let done =
        format!("{} added to merchant {} as {}", email.as_str(), merchant.key, role.as_str());
    admin::say(&done)?;
    admin::say_password(&password)
}

async fn list(db: &Db, merchant: Option<&str>, json: bool) -> Result<(), Failure> {
    let merchant = match merchant {
        Some(key) => Some(admin::merchant(db, key).await?),
        None => None,
    };
    let rows = db
        .rows(
            "SELECT m.key AS merchant, s.email, s.name, s.role, s.disabled_at
             FROM staff s JOIN merchant m ON m.id = s.merchant_id
             WHERE $1 = '' OR m.id = $1 ORDER BY m.key, s.email_key",
            args![merchant.map(|m| m.id).unwrap_or_default()],
        )
        .await?;
    let status = |row: &Row| match row.get::<Option<i64>>("disabled_at") {
        Some(_) => "disabled",
        None => "active",
    };
    if json {
        let object = |row: &Row| {
            json!({
                "merchant": row.get::<String>("merchant"),
                "email": row.get::<String>("email"),
                "name": row.get::<String>("name"),
                "role": row.get::<String>("role"),
                "status": status(row),
            })
        };
        return admin::say_json(&rows.iter().map(object).collect::<Vec<_>>());
    }
    let line = |row: &Row| {
        let [merchant, email, name, role] =
            ["merchant", "email", "name", "role"].map(|column| row.get::<String>(column));
        [email, name, role, merchant, status(row).to_owned()]
    };
    let head = ["email", "name", "role", "merchant", "status"];
    admin::say(&admin::table(head, &rows.iter().map(line).collect::<Vec<_>>()))
}
