//! `doorkey key`: the key that sealed passwords are opened with. To be run where mail is sent, by the
//! user that sends it: the private half is written to a file there and goes nowhere else. The keys
//! that sign mail are in [`dkim`].

mod dkim;

use std::path::Path;

use serde_json::{Value, json};

use super::{Failure, admin, secret};
use crate::activity::{self, Act, Action, Actor};
use crate::clock::{Clock, Micros};
use crate::config::Config;
use crate::db::{Db, Tx};
use crate::password::seal::{self, Kept, Made, Sealer};
use crate::secret::Secret;

/// What to do with the key.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Key {
    /// Make the key: the private half in the file reminder.seal_key_path, the public one in the
    /// database.
    Create,
    /// Show the key, how many copies hang on it, and whether the file fits.
    List {
        /// Write JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put a new key in its place. The copies go with the old one; each customer's next log-in makes
    /// a new one.
    Rotate,
    /// Destroy the key and every sealed copy.
    Remove,
    /// The keys that sign mail (DKIM).
    #[command(subcommand)]
    Dkim(dkim::Dkim),
}

/// Runs `doorkey key …`.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(command: Key, config: &Config) -> Result<(), Failure> {
    let db = admin::open(config).await?;
    let now = Clock::System.now();
    let done = match command {
        Key::Create => create(&db, config, now).await,
        Key::List { json } => list(&db, config, json).await,
        Key::Rotate => rotate(&db, config, now).await,
        Key::Remove => remove(&db, config, now).await,
        Key::Dkim(command) => dkim::run(command, &db, config).await,
    };
    db.close().await;
    done
}

/// What seals passwords that are set at the command line; none where nothing is sealed.
///
/// # Errors
/// When it is allowed and the installation's secret cannot be read.
pub fn sealer(config: &Config) -> Result<Option<Sealer>, Failure> {
    if !config.reminder.allow_current {
        return Ok(None);
    }
    Ok(Sealer::new(config, &secret(config, false)?))
}

fn path(config: &Config) -> Result<&Path, Failure> {
    config.reminder.seal_key_path.as_deref().ok_or_else(|| {
        "reminder.seal_key_path is not set: name a file that only the process that sends mail \
         can read"
            .into()
    })
}

async fn create(db: &Db, config: &Config, now: Micros) -> Result<(), Failure> {
    let (path, secret) = (path(config)?, secret(config, true)?);
    let made = seal::create(db.begin().await?, &Sealer::always(&secret), path, now).await?;
    said(made, path, "made")?;
    if config.reminder.allow_current {
        return Ok(());
    }
    admin::say("it is not used until reminder.allow_current is true")
}

fn said(made: Made, path: &Path, done: &str) -> Result<(), Failure> {
    let file = path.display();
    match made {
        Made::Yes(id) => admin::say(&format!("key {id} {done}; its private half is in {file}")),
        Made::There => {
            Err("there is a key already: see doorkey key list; replace it with doorkey key rotate"
                .into())
        }
        Made::NoFile(why) => {
            let todo = "correct reminder.seal_key_path, then run doorkey key rotate";
            Err(format!("cannot write {file}: {why}; {todo}").into())
        }
    }
}

async fn list(db: &Db, config: &Config, as_json: bool) -> Result<(), Failure> {
    let path = config.reminder.seal_key_path.as_deref();
    let kept = seal::key(db, path).await?;
    if as_json {
        return admin::say_json(&kept.iter().map(object).collect::<Vec<_>>());
    }
    let Some(kept) = kept else {
        return admin::say("no key: make one with doorkey key create");
    };
    let file = match &kept.in_file {
        Ok(true) => "fits".to_owned(),
        Ok(false) => "holds another key: run doorkey key rotate".to_owned(),
        Err(why) => why.clone(),
    };
    let row = [kept.id.clone(), made_at(&kept), kept.copies.to_string(), file];
    admin::say(&admin::table(["key", "made", "copies", "file"], &[row]))
}

fn made_at(kept: &Kept) -> String {
    let at = jiff::Timestamp::from_microsecond(kept.created_at).ok();
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn object(kept: &Kept) -> Value {
    json!({
        "id": kept.id,
        "created_at": made_at(kept),
        "copies": kept.copies,
        "in_file": kept.in_file == Ok(true),
    })
}

async fn rotate(db: &Db, config: &Config, now: Micros) -> Result<(), Failure> {
    let (path, secret) = (path(config)?, secret(config, true)?);
    let mut tx = db.begin().await?;
    let destroyed = note(&mut tx, &secret, now).await?;
    let made = seal::rotate(tx, &Sealer::always(&secret), path, now).await?;
    said(made, path, "made in place of the old one")?;
    destroyed_so_many(destroyed)
}

async fn remove(db: &Db, config: &Config, now: Micros) -> Result<(), Failure> {
    let path = config.reminder.seal_key_path.as_deref();
    let mut tx = db.begin().await?;
    let destroyed = note(&mut tx, &secret(config, true)?, now).await?;
    if let Err(why) = seal::remove(tx, path).await? {
        let file = path.map(|path| path.display().to_string()).unwrap_or_default();
        return Err(format!("the copies are destroyed, but not {file}: {why}; delete it").into());
    }
    admin::say("the key is destroyed")?;
    destroyed_so_many(destroyed)
}

fn destroyed_so_many(copies: i64) -> Result<(), Failure> {
    admin::say(&format!("sealed copies destroyed: {copies}"))
}

/// Tells every merchant whose copies are about to go; says how many those are.
async fn note(tx: &mut Tx, secret: &Secret, now: Micros) -> Result<i64, Failure> {
    let (key, mut all) = (secret.derive("activity"), 0);
    for (merchant_id, copies) in seal::copies(tx).await? {
        all += copies;
        let act = Act {
            merchant_id: &merchant_id,
            actor: Actor::Operator,
            action: Action::SealDestroyed,
            customer_id: None,
            store_id: None,
            source: "",
            alert: false,
            detail: json!({ "copies": copies }),
        };
        activity::write(tx, &key, &act, now).await?;
    }
    Ok(all)
}
