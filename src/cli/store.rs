//! `doorkey store`: storefronts and what differs between them.

use std::io::Read;
use std::path::Path;

use serde_json::json;

use super::{Failure, admin};
use crate::address::EmailAddress;
use crate::clock::Clock;
use crate::config::{Config, LINK_TTL_CEILING};
use crate::db::{self, Db};
use crate::locale::Language;
use crate::store::{self, Access, NewStore, Setting, logo, main_origin, rules};

/// What to do with stores.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Store {
    /// Add a store to a merchant.
    Add(Add),
    /// Change settings of a store; running processes follow within a second.
    Set(Set),
    /// List the stores of all merchants.
    List {
        /// Write JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `doorkey store add`
#[derive(clap::Args, Clone, Debug)]
pub struct Add {
    /// Key of the merchant.
    #[arg(value_parser = admin::key)]
    merchant: String,
    /// Short name of the store, also in /s/KEY; unique in this installation.
    #[arg(value_parser = admin::key)]
    key: String,
    /// Name shown to customers.
    #[arg(value_parser = admin::name)]
    name: String,
    /// Where customers reach the store; links in mail are built from it. https, except on loopback.
    #[arg(long, value_name = "URL", value_parser = rules::base_url)]
    base_url: String,
    /// Who sees the store without logging in: everybody, or nobody.
    #[arg(long, value_name = "public|protected", value_parser = admin::access, default_value = "public")]
    access: Access,
    /// Language of its customers where nothing better is known: en, de, es or fr.
    #[arg(long, value_name = "LANGUAGE", value_parser = admin::language, default_value = "en")]
    language: Language,
    /// Colour of its buttons.
    #[arg(long, value_name = "#RRGGBB", value_parser = rules::accent, default_value = "#1f5c57")]
    accent: String,
    /// From address of its mail; without one, no-reply at the host of the base URL.
    #[arg(long, value_name = "ADDRESS", value_parser = admin::email)]
    sender: Option<EmailAddress>,
}

/// `doorkey store set`
#[derive(clap::Args, Clone, Debug)]
#[command(override_usage = "doorkey store set <KEY> <OPTIONS>")]
pub struct Set {
    /// Key of the store.
    #[arg(value_parser = admin::key)]
    key: String,
    #[command(flatten)]
    changes: Changes,
}

/// At least one of them.
#[derive(clap::Args, Clone, Debug)]
#[group(required = true, multiple = true)]
struct Changes {
    /// Name shown to customers.
    #[arg(long, value_parser = admin::name)]
    name: Option<String>,
    /// Where customers reach the store; links in mail are built from it. https, except on loopback.
    #[arg(long, value_name = "URL", value_parser = rules::base_url)]
    base_url: Option<String>,
    /// Who sees the store without logging in: everybody, or nobody.
    #[arg(long, value_name = "public|protected", value_parser = admin::access)]
    access: Option<Access>,
    /// Language of its customers where nothing better is known: en, de, es or fr.
    #[arg(long, value_name = "LANGUAGE", value_parser = admin::language)]
    language: Option<Language>,
    /// Colour of its buttons.
    #[arg(long, value_name = "#RRGGBB", value_parser = rules::accent)]
    accent: Option<String>,
    /// Its own wording of "Forgot your password?"; "" for the usual one.
    #[arg(long, value_name = "TEXT", value_parser = prompt)]
    prompt: Option<Clearable>,
    /// From address of its mail.
    #[arg(long, value_name = "ADDRESS", value_parser = admin::email)]
    sender: Option<EmailAddress>,
    /// Name beside the sender's address; "" for the store's.
    #[arg(long, value_name = "TEXT", value_parser = sender_name)]
    sender_name: Option<Clearable>,
    /// Languages that its pages and mails speak, like en,de; its own is always among them.
    #[arg(long, value_name = "LIST", value_parser = languages)]
    languages: Option<Languages>,
    /// Fewest characters of a new password, 8 to 32.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(rules::PASSWORD_MIN))]
    password_min: Option<i64>,
    /// Seconds that its recovery links live, at most 86400; 0 for the installation's link.ttl.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=LINK_TTL_CEILING))]
    link_ttl: Option<i64>,
    /// Name of the shop's cart cookie, to bring the cart along through recovery; "" for none.
    #[arg(long, value_name = "NAME", value_parser = cart_cookie)]
    cart_cookie: Option<Clearable>,
    /// Logo: a PNG, JPEG or WebP file of at most 512 KiB; "" for none.
    #[arg(long, value_name = "FILE", value_parser = logo_path)]
    logo: Option<Clearable>,
}

/// A value that an empty argument takes away.
#[derive(Clone, Debug)]
struct Clearable(Option<String>);

/// Several languages in one argument.
#[derive(Clone, Debug)]
struct Languages(Vec<Language>);

/// Runs `doorkey store …`.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(command: Store, config: &Config) -> Result<(), Failure> {
    let db = admin::open(config).await?;
    let done = match command {
        Store::Add(new) => add(&db, new, &main_origin(config)).await,
        Store::Set(set) => change(&db, set, &main_origin(config)).await,
        Store::List { json } => list(&db, json).await,
    };
    db.close().await;
    done
}

async fn add(db: &Db, add: Add, main_origin: &str) -> Result<(), Failure> {
    let merchant = admin::merchant(db, &add.merchant).await?;
    let sender = match add.sender {
        Some(sender) => sender,
        None => EmailAddress::parse(&format!("no-reply@{}", store::name_of(&add.base_url)))
            .ok_or("no sender follows from this base URL: give one with --sender ADDRESS")?,
    };
    let new = NewStore {
        key: add.key,
        name: add.name,
        base_url: add.base_url,
        access: add.access,
        language: add.language,
        accent: add.accent,
        sender: sender.as_str().to_owned(),
    };
    let mut tx = db.begin().await?;
    rules::may_answer_at(&mut tx, &merchant.id, &new.key, &new.base_url, main_origin).await??;
    let added = store::add(&mut tx, &merchant.id, &new, Clock::System.now()).await;
    added.map_err(|error| taken(&error, &new.key, &new.base_url))?;
    tx.commit().await?;
    let NewStore { key, base_url, .. } = &new;
    admin::say(&format!("store {key} added: {base_url}; its mail comes from {}", new.sender))
}

async fn change(db: &Db, set: Set, main_origin: &str) -> Result<(), Failure> {
    let store = admin::store(db, None, &set.key).await?;
    let base_url = set.changes.base_url.clone();
    let settings = set.changes.settings()?;
    let names: Vec<_> = settings.iter().map(|(name, _)| *name).collect();
    let mut tx = db.begin().await?;
    if let Some(url) = &base_url {
        rules::may_answer_at(&mut tx, &store.merchant_id, &store.key, url, main_origin).await??;
    }
    let base_url = base_url.unwrap_or_default();
    for (_, setting) in settings {
        let changed = store::set(&mut tx, &store.id, setting).await;
        changed.map_err(|error| taken(&error, &store.key, &base_url))?;
    }
    tx.commit().await?;
    admin::say(&format!("store {}: {} set", store.key, names.join(", ")))
}

impl Changes {
    /// What was given, under its name.
    fn settings(self) -> Result<Vec<(&'static str, Setting)>, Failure> {
        let logo = match self.logo {
            None => None,
            Some(Clearable(None)) => Some(None),
            Some(Clearable(Some(path))) => Some(Some(read_logo(Path::new(&path))?)),
        };
        let sender = self.sender.map(|sender| sender.as_str().to_owned());
        let ttl = self.link_ttl.map(|seconds| (seconds > 0).then_some(seconds));
        let all = [
            ("name", self.name.map(Setting::Name)),
            ("base URL", self.base_url.map(Setting::BaseUrl)),
            ("access", self.access.map(Setting::Access)),
            ("language", self.language.map(Setting::Language)),
            ("accent", self.accent.map(Setting::Accent)),
            ("prompt", self.prompt.map(|text| Setting::Prompt(text.0))),
            ("sender", sender.map(Setting::Sender)),
            ("sender name", self.sender_name.map(|name| Setting::SenderName(name.0))),
            ("languages", self.languages.map(|list| Setting::Languages(list.0))),
            ("password length", self.password_min.map(|n| Setting::PasswordMin(Some(n)))),
            ("link life", ttl.map(Setting::LinkTtl)),
            ("cart cookie", self.cart_cookie.map(|name| Setting::CartCookie(name.0))),
            ("logo", logo.map(Setting::Logo)),
        ];
        Ok(all.into_iter().filter_map(|(name, setting)| Some((name, setting?))).collect())
    }
}

fn taken(error: &db::Error, key: &str, base_url: &str) -> Failure {
    match admin::collision(error) {
        Some(columns) if columns.contains("base_url") => {
            format!("another store has the base URL {base_url}; choose another").into()
        }
        Some(_) => format!(
            "a store with the key {key} exists already; choose another key or use `doorkey store set`"
        )
        .into(),
        None => format!("the database refused the store: {error}").into(),
    }
}

async fn list(db: &Db, json: bool) -> Result<(), Failure> {
    let merchants = admin::merchants(db).await?;
    let merchant = |store: &store::Store| {
        merchants.iter().find(|m| m.id == store.merchant_id).map_or("", |m| &m.key).to_owned()
    };
    let all = store::all(db).await?;
    if !json {
        let row = |s: &store::Store| {
            let (access, key) = (s.access.as_str().to_owned(), s.key.clone());
            [key, merchant(s), s.name.clone(), access, s.base_url.clone(), s.sender.clone()]
        };
        let head = ["key", "merchant", "name", "access", "base url", "sender"];
        return admin::say(&admin::table(head, &all.iter().map(row).collect::<Vec<_>>()));
    }
    let object = |s: &store::Store| {
        json!({
            "key": s.key,
            "merchant": merchant(s),
            "name": s.name,
            "base_url": s.base_url,
            "access": s.access.as_str(),
            "language": s.language.code(),
            "accent": s.accent,
            "prompt": s.prompt,
            "languages": s.languages.iter().map(|l| l.code()).collect::<Vec<_>>(),
            "sender": s.sender,
            "sender_name": s.sender_name,
            "password_min": s.password_min,
            "link_ttl": s.link_ttl,
            "cart_cookie": s.cart_cookie,
            "has_logo": s.logo.is_some(),
        })
    };
    admin::say_json(&all.iter().map(object).collect::<Vec<_>>())
}

fn prompt(text: &str) -> Result<Clearable, String> {
    rules::prompt(text).map(Clearable)
}

fn sender_name(text: &str) -> Result<Clearable, String> {
    rules::sender_name(text).map(Clearable)
}

fn cart_cookie(text: &str) -> Result<Clearable, String> {
    rules::cart_cookie(text).map(Clearable)
}

fn languages(text: &str) -> Result<Languages, String> {
    rules::languages(text).map(Languages)
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn logo_path(text: &str) -> Result<Clearable, String> {
    Ok(Clearable((!text.is_empty()).then(|| text.to_owned())))
}

/// Reads an image file.
fn read_logo(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let mut image = Vec::new();
    let most = logo::MAX_BYTES as u64 + 1;
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut image))
        .map_err(|e| format!("cannot read the logo {shown}: {e}"))?;
    logo::read(&image).map_err(|refusal| format!("the logo {shown}: {refusal}").into())
}
