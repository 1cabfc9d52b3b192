//! `doorkey key dkim`: the keys that sign mail, for each sender domain of a merchant.

use serde_json::{Value, json};

use crate::activity::Action;
use crate::app::Keys;
use crate::cli::{Failure, admin, secret};
use crate::clock::{Clock, Micros};
use crate::config::Config;
use crate::db::Db;
use crate::mail::dkim::life::{self, Pair, Refused, Wanted};
use crate::mail::dkim::{self, DomainKey, State};
use crate::mail::dns::Dns;
use crate::mail::doctor;
use crate::merchant::Merchant;

/// What to do with the keys that sign mail.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Dkim {
    /// Make the first pair of keys for a domain and show the records to publish.
    Create(Of),
    /// List keys with their records.
    List {
        /// The sender domain; without it, all of the merchant's.
        domain: Option<String>,
        /// Key of the merchant.
        #[arg(long, value_parser = admin::key)]
        merchant: String,
        /// Write JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make the pair that is to take the place of the one that signs, and show its records.
    Rotate(Of),
    /// Put the new pair to use, once its records are published; the old one is retired.
    Activate {
        #[command(flatten)]
        of: Of,
        /// Even if the DNS does not show the records from here.
        #[arg(long)]
        anyway: bool,
    },
}

/// Which keys.
#[derive(clap::Args, Clone, Debug)]
pub struct Of {
    /// The sender domain: what stands behind the @ of a store's sender.
    domain: String,
    /// Key of the merchant.
    #[arg(long, value_parser = admin::key)]
    merchant: String,
}

/// Runs `doorkey key dkim …`.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(command: Dkim, db: &Db, config: &Config) -> Result<(), Failure> {
    let now = Clock::System.now();
    match command {
        Dkim::Create(of) => make(db, config, of, Wanted::First, now).await,
        Dkim::Rotate(of) => make(db, config, of, Wanted::Next, now).await,
        Dkim::Activate { of, anyway } => activate(db, config, of, anyway, now).await,
        Dkim::List { domain, merchant, json } => {
            let merchant = admin::merchant(db, &merchant).await?;
            list(db, &merchant, domain.map(folded).as_deref(), json).await
        }
    }
}

fn folded(domain: String) -> String {
    domain.to_lowercase()
}

fn refused(domain: &str, why: Refused) -> Failure {
    format!("{domain}: {}", why.advice()).into()
}

async fn make(
    db: &Db,
    config: &Config,
    of: Of,
    wanted: Wanted,
    now: Micros,
) -> Result<(), Failure> {
    let (merchant, domain) = (admin::merchant(db, &of.merchant).await?, folded(of.domain));
    let mut tx = db.begin().await?;
    if let Some(why) = life::may_add(&mut tx, &merchant.id, &domain, wanted).await? {
        return Err(refused(&domain, why));
    }
    drop(tx);
    let keys = Keys::derive(&secret(config, true)?);
    let pair = Pair::generate().await;
    let mut tx = db.begin().await?;
    let which = (&*merchant.id, &*domain, wanted);
    if let Some(why) = life::add(&mut tx, &keys.dkim, which, &pair, now).await? {
        return Err(refused(&domain, why));
    }
    let detail = json!({ "domain": domain, "keys": pair.name() });
    admin::note(&mut tx, &keys, &merchant.id, Action::DkimKeysMade, detail, now).await?;
    tx.commit().await?;
    let made = dkim::of_domain(db, &merchant.id, &domain).await?;
    let lines = made.iter().filter(|key| key.state() == State::Waiting);
    let lines: Vec<_> = lines.map(|key| key.record().zone_line()).collect();
    admin::say(&format!(
        "keys {} made for {domain}; publish these two records, then run `doorkey key dkim activate \
         {domain} --merchant {}`:\n\n{}",
        pair.name(),
        merchant.key,
        lines.join("\n\n")
    ))
}

async fn activate(
    db: &Db,
    config: &Config,
    of: Of,
    anyway: bool,
    now: Micros,
) -> Result<(), Failure> {
    let (merchant, domain) = (admin::merchant(db, &of.merchant).await?, folded(of.domain));
    if !anyway {
        let keys = dkim::of_domain(db, &merchant.id, &domain).await?;
        let waiting: Vec<_> = keys.into_iter().filter(|k| k.state() == State::Waiting).collect();
        let dns = Dns::new(&config.dns);
        if let Some(why) = doctor::unpublished(&dns, &domain, &waiting).await {
            let todo = "publish it and wait for the DNS, or say --anyway";
            return Err(format!("not activated: {why}; {todo}").into());
        }
    }
    let keys = Keys::derive(&secret(config, false)?);
    let mut tx = db.begin().await?;
    let pair = match life::activate(&mut tx, &merchant.id, &domain, now).await? {
        Ok(pair) => pair,
        Err(why) => return Err(refused(&domain, why)),
    };
    let detail = json!({ "domain": domain, "keys": pair });
    admin::note(&mut tx, &keys, &merchant.id, Action::DkimKeysActivated, detail, now).await?;
    tx.commit().await?;
    admin::say(&format!("keys {pair} sign every mail from {domain} from now on"))
}

async fn list(
    db: &Db,
    merchant: &Merchant,
    domain: Option<&str>,
    as_json: bool,
) -> Result<(), Failure> {
    let keys = match domain {
        Some(domain) => dkim::of_domain(db, &merchant.id, domain).await?,
        None => dkim::of_merchant(db, &merchant.id).await?,
    };
    if as_json {
        return admin::say_json(&keys.iter().map(object).collect::<Vec<_>>());
    }
    if keys.is_empty() {
        return admin::say("no keys: make them with `doorkey key dkim create`");
    }
    let row = |key: &DomainKey| {
        let state = match key.state() {
            State::Retired { keep_until } => format!("keep its record until {}", at(keep_until)),
            state => state.as_str().to_owned(),
        };
        let made = at(key.created_at);
        [key.domain.clone(), key.selector.clone(), key.algorithm.words().into(), made, state]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    admin::say(&admin::table(["domain", "selector", "kind", "made", "state"], &rows))?;
    let lines: Vec<_> = keys.iter().map(|key| key.record().zone_line()).collect();
    admin::say(&format!("\n{}", lines.join("\n\n")))
}

fn object(key: &DomainKey) -> Value {
    let record = key.record();
    json!({
        "domain": key.domain,
        "selector": key.selector,
        "algorithm": key.algorithm.as_str(),
        "state": key.state().as_str(),
        "created_at": at(key.created_at),
        "active_at": key.active_at.map(at),
        "retired_at": key.retired_at.map(at),
        "keep_until": match key.state() {
            State::Retired { keep_until } => Some(at(keep_until)),
            State::Waiting | State::Signing => None,
        },
        "record": { "name": record.name, "type": "TXT", "value": record.value },
    })
}

fn at(micros: Micros) -> String {
    let at = jiff::Timestamp::from_microsecond(micros).ok();
    at.map(|at| at.to_string()).unwrap_or_default()
}
