//! `doorkey customer`: the customer file without the back office.

use serde_json::{Value, json};

use super::admin::{self, PasswordSource};
use super::{Failure, key};
use crate::address::EmailAddress;
use crate::args;
use crate::clock::{Clock, Micros};
use crate::config::Config;
use crate::customer::{self, NewCustomer, contact};
use crate::db::{self, Db, Row};
use crate::locale::Language;
use crate::merchant::Merchant;
use crate::password::seal::NewPassword;
use crate::store::Store;
use crate::timeline::{self, Entry};

/// What to do with customers.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Customer {
    /// Add a customer; without a password the customer sets one by "Forgot your password?".
    Add(Add),
    /// List a merchant's customers, by address.
    List(List),
    /// Close an account: its sessions and links end, its password opens nothing.
    Block(Named),
    /// Reopen a closed account. Its old sessions and links stay dead.
    Unblock(Named),
}

/// `doorkey customer block`, `doorkey customer unblock`
#[derive(clap::Args, Clone, Debug)]
pub struct Named {
    /// Key of the merchant.
    #[arg(value_parser = admin::key)]
    merchant: String,
    /// The customer's address.
    #[arg(value_parser = admin::email)]
    email: EmailAddress,
}

/// `doorkey customer add`
#[derive(clap::Args, Clone, Debug)]
pub struct Add {
    /// Key of the merchant.
    #[arg(value_parser = admin::key)]
    merchant: String,
    /// Address to log in with; mail goes there, so it must be known to be the customer's.
    #[arg(value_parser = admin::email)]
    email: EmailAddress,
    /// First name.
    #[arg(long, value_name = "NAME", value_parser = admin::name)]
    first_name: String,
    /// Last name.
    #[arg(long, value_name = "NAME", value_parser = admin::name)]
    last_name: String,
    /// Key of the home store, to which reminders lead.
    #[arg(long, value_name = "KEY", value_parser = admin::key)]
    store: String,
    /// Your own number for the customer; without one, a number is given.
    #[arg(long, value_parser = number)]
    number: Option<String>,
    /// Company.
    #[arg(long, value_name = "NAME", value_parser = admin::name)]
    company: Option<String>,
    /// Phone number.
    #[arg(long, value_parser = admin::name)]
    phone: Option<String>,
    /// Language, where it is not the store's: en, de, es or fr.
    #[arg(long, value_parser = admin::language)]
    language: Option<Language>,
    /// Read the password from standard input, one line.
    #[arg(long, conflicts_with = "generate_password")]
    password_stdin: bool,
    /// Generate a password and show it once.
    #[arg(long)]
    generate_password: bool,
}

/// `doorkey customer list`
#[derive(clap::Args, Clone, Debug)]
pub struct List {
    /// Key of the merchant.
    #[arg(value_parser = admin::key)]
    merchant: String,
    /// Begin behind this address: the last one of the page before.
    #[arg(long, value_name = "EMAIL", value_parser = admin::email)]
    after: Option<EmailAddress>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `doorkey customer …`.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(command: Customer, config: &Config) -> Result<(), Failure> {
    let db = admin::open(config).await?;
    let done = match command {
        Customer::Add(new) => add(&db, config, &new).await,
        Customer::List(wanted) => list(&db, &wanted).await,
        Customer::Block(named) => set_blocked(&db, &named, true).await,
        Customer::Unblock(named) => set_blocked(&db, &named, false).await,
    };
    db.close().await;
    done
}

async fn set_blocked(db: &Db, named: &Named, blocked: bool) -> Result<(), Failure> {
    let merchant = admin::merchant(db, &named.merchant).await?;
    let mut tx = db.begin().await?;
    let found = customer::by_address(&mut tx, &merchant.id, named.email.key()).await?;
    let Some(found) = found else {
        return Err(Failure(format!(
            "{} has no customer with this address; see doorkey customer list {}",
            merchant.name, named.merchant
        )));
    };
    let now = Clock::System.now();
    let entry = if blocked {
        customer::block(&mut tx, &found, now).await?;
        Entry::Blocked
    } else {
        customer::unblock(&mut tx, &found).await?;
        Entry::Unblocked
    };
    timeline::write(&mut tx, &found, None, now, entry).await?;
    tx.commit().await?;
    let done = if blocked { "is closed" } else { "is open again" };
    admin::say(&format!("the account of customer {} {done}", found.number))
}

fn number(text: &str) -> Result<String, String> {
    contact::read_number(text).ok_or_else(|| "use 1 to 40 letters, digits and signs, no @".into())
}

async fn add(db: &Db, config: &Config, new: &Add) -> Result<(), Failure> {
    let merchant = admin::merchant(db, &new.merchant).await?;
    let store = admin::store(db, Some(&merchant), &new.store).await?;
    let source = match (new.password_stdin, new.generate_password) {
        (true, _) => Some(PasswordSource::Stdin),
        (_, true) => Some(PasswordSource::Generated),
        _ => None,
    };
    let password = match source {
        Some(source) => Some(admin::new_password(source, &store.words(), &own_words(new)).await?),
        None => None,
    };
    let sealer = key::sealer(config)?;
    let hashed = password.as_ref().map(|password| {
        NewPassword::new(password.hash.clone(), password.plain.clone(), sealer.as_ref())
    });
    let number = insert(db, &merchant, &store, new, hashed, Clock::System.now()).await?;
    admin::say(&format!(
        "customer {} added to merchant {} with the number {number}",
        new.email.as_str(),
        merchant.key
    ))?;
    match password {
        Some(password) => admin::say_password(&password),
        None => admin::say(&format!(
            "no password yet: the customer sets one at {}",
            store.url("/forgot")
        )),
    }
}

fn own_words(new: &Add) -> Vec<&str> {
    let key = new.email.key();
    let local = key.split('@').next().unwrap_or_default();
    let maybe = [&new.number, &new.company, &new.phone];
    [key, local, &new.first_name, &new.last_name]
        .into_iter()
        .chain(maybe.into_iter().flatten().map(String::as_str))
        .collect()
}

/// Adds the record and says so on its timeline; gives its number.
async fn insert(
    db: &Db,
    merchant: &Merchant,
    store: &Store,
    new: &Add,
    password: Option<NewPassword>,
    now: Micros,
) -> Result<String, Failure> {
    let mut tx = db.begin().await?;
    let record = NewCustomer {
        number: new.number.as_deref(),
        email: &new.email,
        first_name: &new.first_name,
        last_name: &new.last_name,
        company: new.company.as_deref().unwrap_or_default(),
        phone: new.phone.as_deref().unwrap_or_default(),
        language: new.language,
        home_store_id: &store.id,
        password_hash: password.as_ref().map(|password| password.hash().to_owned()),
    };
    let id = match customer::add(&mut tx, &merchant.id, &record, now).await {
        Ok(id) => id,
        Err(error) => return Err(taken(&error, merchant, new)),
    };
    if let Some(password) = &password {
        password.seal(&mut tx, &id, now).await?;
    }
    let added = customer::by_id(&mut tx, &merchant.id, &id).await?;
    let added = added.ok_or(db::Error::RowNotFound)?;
    timeline::write(&mut tx, &added, Some(&store.id), now, Entry::Registered).await?;
    tx.commit().await?;
    Ok(added.number)
}

fn taken(error: &db::Error, merchant: &Merchant, new: &Add) -> Failure {
    let what = match (admin::collision(error), &new.number) {
        (None, _) => return format!("the database refused the customer: {error}").into(),
        (Some(columns), Some(number)) if !columns.contains("email") => format!("number {number}"),
        _ => format!("address {}", new.email.as_str()),
    };
    format!("merchant {} has a customer with the {what} already; choose another", merchant.key)
        .into()
}

async fn list(db: &Db, wanted: &List) -> Result<(), Failure> {
    let merchant = admin::merchant(db, &wanted.merchant).await?;
    // By the folded address, which is unique: a page begins where the last one ended, however
    // many customers come and go meanwhile.
    let after = wanted.after.as_ref().map_or("", EmailAddress::key);
    let mut rows = db
        .rows(
            "SELECT c.id, c.number, c.email, c.first_name, c.last_name, c.company, c.phone,
                c.language, c.created_at, c.blocked_at, c.frozen_at, s.key AS store, p.set_at
             FROM customer c JOIN store s ON s.id = c.home_store_id
                JOIN credential p ON p.customer_id = c.id
             WHERE c.merchant_id = $1 AND c.email_key > $2 AND c.probe_at IS NULL
             ORDER BY c.email_key LIMIT $3",
            args![&merchant.id, after, wanted.limit + 1],
        )
        .await?;
    let more = rows.len() > usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    if more {
        rows.pop();
    }
    if wanted.json {
        return admin::say_json(&rows.iter().map(object).collect::<Vec<_>>());
    }
    let head = ["number", "email", "first name", "last name", "company", "store", "status"];
    admin::say(&admin::table(head, &rows.iter().map(line).collect::<Vec<_>>()))?;
    if let (true, Some(last)) = (more, rows.last()) {
        eprintln!("there are more: --after {}", last.get::<String>("email"));
    }
    Ok(())
}

fn status(row: &Row) -> &'static str {
    let is = |state| row.get::<Option<Micros>>(state).is_some();
    match (is("blocked_at"), is("frozen_at")) {
        (true, _) => "blocked",
        (_, true) => "frozen",
        _ => "active",
    }
}

fn line(row: &Row) -> [String; 7] {
    let [number, email, first, last, company, store] =
        ["number", "email", "first_name", "last_name", "company", "store"]
            .map(|column| row.get::<String>(column));
    [number, email, first, last, company, store, status(row).to_owned()]
}

fn object(row: &Row) -> Value {
    let text = |column| row.get::<String>(column);
    let created_at = jiff::Timestamp::from_microsecond(row.get("created_at")).ok();
    json!({
        "id": text("id"),
        "number": text("number"),
        "email": text("email"),
        "first_name": text("first_name"),
        "last_name": text("last_name"),
        "company": text("company"),
        "phone": text("phone"),
        "language": row.get::<Option<String>>("language"),
        "store": text("store"),
        "status": status(row),
        "has_password": row.get::<Option<Micros>>("set_at").is_some(),
        "created_at": created_at.map(|at| at.to_string()),
    })
}
