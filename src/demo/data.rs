//! The demo's merchants, stores, customers and staff, all with one password that is no secret.

use indicatif::{ProgressBar, ProgressStyle};

use crate::address::EmailAddress;
use crate::args;
use crate::clock::Micros;
use crate::customer::{self, NewCustomer};
use crate::db::{Db, Result, Tx};
use crate::fold::{fold, fold_number};
use crate::locale::Language;
use crate::merchant;
use crate::staff::{self, Role};
use crate::store::{self, Access, NewStore, Setting};

/// The password of everybody in the demo.
pub const PASSWORD: &str = "harbor-lighthouse-42";

/// Marks a database as the demo's, so that `serve` refuses it: its passwords are printed in the
/// documentation.
const MARK: &str = "demo";

struct SampleStore {
    merchant: &'static str,
    key: &'static str,
    name: &'static str,
    access: Access,
    accent: &'static str,
    prompt: Option<&'static str>,
}

const MERCHANTS: [(&str, &str); 2] =
    [("harbor-goods", "Harbor Goods"), ("northwind-tea", "Northwind Tea")];

const STORES: [SampleStore; 3] = [
    SampleStore {
        merchant: "harbor-goods",
        key: "harbor",
        name: "Harbor Coffee",
        access: Access::Public,
        accent: "#1f5c57",
        prompt: None,
    },
    SampleStore {
        merchant: "harbor-goods",
        key: "harbor-trade",
        name: "Harbor Trade",
        access: Access::Protected,
        accent: "#24466f",
        prompt: Some("Lost your trade password?"),
    },
    SampleStore {
        merchant: "northwind-tea",
        key: "northwind",
        name: "Northwind Tea",
        access: Access::Public,
        accent: "#7a3b69",
        prompt: None,
    },
];

/// Home store, number, first name, last name, company, address, blocked.
type Person =
    (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, bool);

const CUSTOMERS: [Person; 6] = [
    ("harbor", "H-1001", "Ada", "Marsh", "", "ada@example.test", false),
    ("harbor-trade", "H-1002", "Ben", "Okafor", "Okafor & Sons", "ben@example.test", false),
    ("harbor", "H-1003", "Cleo", "Blocked", "", "cleo@example.test", true),
    ("harbor-trade", "H-1004", "Dagmar", "Østergård", "Kaffebar Øst", "dagmar@example.test", false),
    ("harbor", "H-1005", "Émile", "Laurent", "", "emile@example.test", false),
    ("northwind", "N-2001", "Ada", "Marsh", "", "ada@example.test", false),
];

const STAFF: [(&str, &str, Role); 3] = [
    ("admin@harbor.test", "Alex Admin", Role::Administrator),
    ("agent@harbor.test", "Robin Agent", Role::Agent),
    ("viewer@harbor.test", "Vic Viewer", Role::Viewer),
];

/// The sample customers' numbers.
pub fn numbers() -> impl Iterator<Item = &'static str> {
    CUSTOMERS.iter().map(|person| person.1)
}

/// Whether this database holds demo data.
///
/// # Errors
/// What the database says.
pub async fn is_demo(db: &Db) -> Result<bool> {
    let row = db.row("SELECT value FROM revision WHERE name = $1", args![MARK]).await?;
    Ok(row.is_some())
}

/// Puts the sample data into an empty database. `hash` is the hash of [`PASSWORD`]; everybody may
/// share it, for here the password is known anyway.
///
/// # Errors
/// What the database says; then nothing was put in.
pub async fn fill(db: &Db, origin: &str, hash: &str, now: Micros) -> Result<()> {
    let mut tx = db.begin().await?;
    tx.exec("INSERT INTO revision (name, value) VALUES ($1, 1)", args![MARK]).await?;
    for (key, name) in MERCHANTS {
        let merchant = merchant::add(&mut tx, key, name, now).await?;
        for sample in STORES.iter().filter(|s| s.merchant == key) {
            let id = add_store(&mut tx, &merchant.id, sample, origin, now).await?;
            for person in CUSTOMERS.iter().filter(|p| p.0 == sample.key) {
                add_customer(&mut tx, &merchant.id, &id, person, hash, now).await?;
            }
        }
        if key == "harbor-goods" {
            for (email, name, role) in STAFF {
                let email = address(email);
                staff::add(&mut tx, &merchant.id, &email, name, role, Some(hash), now).await?;
            }
        }
    }
    tx.commit().await
}

async fn add_store(
    tx: &mut Tx,
    merchant_id: &str,
    sample: &SampleStore,
    origin: &str,
    now: Micros,
) -> Result<String> {
    let new = NewStore {
        key: sample.key.into(),
        name: sample.name.into(),
        base_url: format!("{origin}/s/{}", sample.key),
        access: sample.access,
        language: Language::En,
        accent: sample.accent.into(),
        sender: format!("service@{}.test", sample.key),
    };
    let id = store::add(tx, merchant_id, &new, now).await?;
    store::set(tx, &id, Setting::CartCookie(Some("cart".into()))).await?;
    store::set(tx, &id, Setting::Prompt(sample.prompt.map(str::to_owned))).await?;
    Ok(id)
}

async fn add_customer(
    tx: &mut Tx,
    merchant_id: &str,
    store_id: &str,
    person: &Person,
    hash: &str,
    now: Micros,
) -> Result<()> {
    let (_, number, first_name, last_name, company, email, blocked) = *person;
    let new = NewCustomer {
        number: Some(number),
        email: &address(email),
        first_name,
        last_name,
        company,
        phone: "",
        language: None,
        home_store_id: store_id,
        password_hash: Some(hash.to_owned()),
    };
    let id = customer::add(tx, merchant_id, &new, now).await?;
    if blocked {
        tx.exec("UPDATE customer SET blocked_at = $1 WHERE id = $2", args![now, id]).await?;
    }
    Ok(())
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("the demo's addresses are well-formed")
}

/// The stores answer where the demo listens this time.
///
/// # Errors
/// What the database says.
pub async fn move_to(db: &Db, origin: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    for sample in &STORES {
        let sql = "SELECT id FROM store WHERE key = $1 AND base_url <> $2";
        let url = format!("{origin}/s/{}", sample.key);
        if let Some(row) = tx.row(sql, args![sample.key, &url]).await? {
            store::set(&mut tx, &row.get::<String>("id"), Setting::BaseUrl(url)).await?;
        }
    }
    tx.commit().await
}

const FIRST: [&str; 16] = [
    "Alma", "Bruno", "Chiara", "Deniz", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaja",
    "Luca", "Mira", "Noor", "Oskar", "Petra",
];
const LAST: [&str; 16] = [
    "Abbott",
    "Berg",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Hansen",
    "Ivanov",
    "Jansen",
    "Keller",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okoye",
    "Petrov",
];
const TRADE: [&str; 5] = ["Roasters", "Café", "Hotels", "& Daughters", "Catering"];

/// Adds generated customers until there are `wanted`, with a progress bar. They share the demo's
/// password.
///
/// # Errors
/// What the database says.
pub async fn generate(db: &Db, wanted: u64, hash: &str, now: Micros) -> Result<()> {
    let sql = "SELECT COUNT(*) AS n FROM customer WHERE number LIKE 'G-%'";
    let have: i64 = db.row(sql, vec![]).await?.map_or(0, |row| row.get("n"));
    let have = have.unsigned_abs();
    let sql = "SELECT id, merchant_id FROM store WHERE key = 'harbor'";
    let Some(store) = db.row(sql, vec![]).await? else { return Ok(()) };
    let (store_id, merchant_id): (String, String) = (store.get("id"), store.get("merchant_id"));
    let bar = ProgressBar::new(wanted.saturating_sub(have)).with_style(
        ProgressStyle::with_template("{bar:32} {pos}/{len} customers, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut next = have + 1;
    while next <= wanted {
        let end = (next + 2000).min(wanted + 1);
        let (mut customers, mut credentials) = (Vec::new(), Vec::new());
        for n in next..end {
            let id = crate::new_id();
            let index = usize::try_from(n).unwrap_or(0);
            let (first, last) = (FIRST[index % 16], LAST[index / 16 % 16]);
            let email =
                format!("{}.{}.{n}@customers.test", first.to_lowercase(), last.to_lowercase());
            let number = format!("G-{n}");
            // Every third buys for a company.
            let company = &match index % 3 {
                0 => format!("{last} {}", TRADE[index / 3 % TRADE.len()]),
                _ => String::new(),
            };
            customers.push(args![
                &id,
                &merchant_id,
                &number,
                &email,
                &email,
                first,
                last,
                company,
                "",
                &store_id,
                now,
                fold(last),
                fold(first),
                fold(company),
                fold_number(&number),
                email.clone().into_bytes()
            ]);
            credentials.push(args![id, hash, 1i64, now]);
        }
        let mut tx = db.begin().await?;
        tx.many(
            "INSERT INTO customer (id, merchant_id, number, email, email_key, first_name,
                last_name, company, phone, home_store_id, created_at, last_key, first_key,
                company_key, number_key, email_search) VALUES",
            customers,
            "",
        )
        .await?;
        let head = "INSERT INTO credential (customer_id, password_hash, version, set_at) VALUES";
        tx.many(head, credentials, "").await?;
        tx.commit().await?;
        bar.inc(end - next);
        next = end;
    }
    bar.finish_and_clear();
    Ok(())
}

/// What the demo prints and its front page lists: stores by name, key, merchant and access.
pub fn stores() -> impl Iterator<Item = (&'static str, &'static str, &'static str, Access)> {
    STORES.iter().map(|s| {
        let merchant = MERCHANTS.iter().find(|m| m.0 == s.merchant).map_or("", |m| m.1);
        (s.name, s.key, merchant, s.access)
    })
}
