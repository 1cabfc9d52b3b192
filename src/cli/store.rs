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
use crate::store::{self, Access, NewStore, Setting};

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
    #[arg(long, value_name = "URL", value_parser = base_url)]
    base_url: String,
    /// Who sees the store without logging in: everybody, or nobody.
    #[arg(long, value_name = "public|protected", value_parser = admin::access, default_value = "public")]
    access: Access,
    /// Language of its customers where nothing better is known: en, de, es or fr.
    #[arg(long, value_name = "LANGUAGE", value_parser = admin::language, default_value = "en")]
    language: Language,
    /// Colour of its buttons.
    #[arg(long, value_name = "#RRGGBB", value_parser = accent, default_value = "#1f5c57")]
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
    #[arg(long, value_name = "URL", value_parser = base_url)]
    base_url: Option<String>,
    /// Who sees the store without logging in: everybody, or nobody.
    #[arg(long, value_name = "public|protected", value_parser = admin::access)]
    access: Option<Access>,
    /// Language of its customers where nothing better is known: en, de, es or fr.
    #[arg(long, value_name = "LANGUAGE", value_parser = admin::language)]
    language: Option<Language>,
    /// Colour of its buttons.
    #[arg(long, value_name = "#RRGGBB", value_parser = accent)]
    accent: Option<String>,
    /// Its own wording of "Forgot your password?"; "" for the usual one.
    #[arg(long, value_name = "TEXT", value_parser = prompt)]
    prompt: Option<Clearable>,
    /// From address of its mail.
    #[arg(long, value_name = "ADDRESS", value_parser = admin::email)]
    sender: Option<EmailAddress>,
    /// Seconds that its recovery links live, at most 86400; 0 for the installation's link.ttl.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=LINK_TTL_CEILING))]
    link_ttl: Option<i64>,
    /// Name of the shop's cart cookie, to bring the cart along through recovery; "" for none.
    #[arg(long, value_name = "NAME", value_parser = cart_cookie)]
    cart_cookie: Option<Clearable>,
    /// Logo: a PNG, JPEG or WebP file of at most 100 kB; "" for none.
    #[arg(long, value_name = "FILE", value_parser = logo_path)]
    logo: Option<Clearable>,
}

/// A value that an empty argument takes away.
#[derive(Clone, Debug)]
struct Clearable(Option<String>);

impl Clearable {
    fn read(
        text: &str,
        reader: impl FnOnce(&str) -> Result<String, String>,
    ) -> Result<Self, String> {
        if text.is_empty() { Ok(Self(None)) } else { reader(text).map(|read| Self(Some(read))) }
    }
}

/// Runs `doorkey store …`.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(command: Store, config: &Config) -> Result<(), Failure> {
    let db = admin::open(config).await?;
    let done = match command {
        Store::Add(new) => add(&db, new).await,
        Store::Set(set) => change(&db, set).await,
        Store::List { json } => list(&db, json).await,
    };
    db.close().await;
    done
}

async fn add(db: &Db, add: Add) -> Result<(), Failure> {
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
    let added = store::add(&mut tx, &merchant.id, &new, Clock::System.now()).await;
    added.map_err(|error| taken(&error, &new.key, &new.base_url))?;
    tx.commit().await?;
    let NewStore { key, base_url, .. } = &new;
    admin::say(&format!("store {key} added: {base_url}; its mail comes from {}", new.sender))
}

async fn change(db: &Db, set: Set) -> Result<(), Failure> {
    let store = admin::store(db, None, &set.key).await?;
    let base_url = set.changes.base_url.clone().unwrap_or_default();
    let settings = set.changes.settings()?;
    let names: Vec<_> = settings.iter().map(|(name, _)| *name).collect();
    let mut tx = db.begin().await?;
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
            "sender": s.sender,
            "link_ttl": s.link_ttl,
            "cart_cookie": s.cart_cookie,
            "has_logo": s.logo.is_some(),
        })
    };
    admin::say_json(&all.iter().map(object).collect::<Vec<_>>())
}

fn base_url(text: &str) -> Result<String, String> {
    let url = store::read_base_url(text)
        .ok_or("write it like https://shop.example.com, perhaps with a port and a plain path")?;
    if store::is_safe_url(&url) { Ok(url) } else { Err("it must begin with https://".into()) }
}

fn accent(text: &str) -> Result<String, String> {
    store::read_accent(text).ok_or_else(|| "write it like #1f5c57".into())
}

fn prompt(text: &str) -> Result<Clearable, String> {
    Clearable::read(text, admin::name)
}

fn logo_path(text: &str) -> Result<Clearable, String> {
    Clearable::read(text, |path| Ok(path.to_owned()))
}

/// A cookie name (RFC 6265, 4.1.1: a token) that neither browsers nor Doorkey give a meaning.
fn cart_cookie(text: &str) -> Result<Clearable, String> {
    Clearable::read(text, |name| {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.len() > 64 || !name.bytes().all(token) {
            return Err("use at most 64 letters, digits and -_.".into());
        }
        // Browsers compare the prefixes without regard to case.
        let folded = name.to_ascii_lowercase();
        match ["__host-", "__secure-", "doorkey"].iter().find(|p| folded.starts_with(**p)) {
            Some(prefix) => Err(format!("names that begin with {prefix} are taken")),
            None => Ok(name.to_owned()),
        }
    })
}

/// Longest logo in bytes: it stands on pages that phones load.
const LOGO_MAX: usize = 100_000;

/// Reads an image; its first bytes decide what it is, not its name.
fn read_logo(path: &Path) -> Result<(Vec<u8>, &'static str), Failure> {
    let shown = path.display();
    let mut image = Vec::new();
    let most = LOGO_MAX as u64 + 1;
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut image))
        .map_err(|e| format!("cannot read the logo {shown}: {e}"))?;
    if image.len() > LOGO_MAX {
        return Err(format!("the logo {shown} is larger than 100 kB: make it smaller").into());
    }
    let kind = match &image[..] {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => return Err(format!("the logo {shown} is no PNG, JPEG or WebP image").into()),
    };
    Ok((image, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_loopback_are_safe() {
        for safe in ["https://a.test", "http://127.9.9.9:80/s/a", "http://[::1]:80", "http://[::1]"]
        {
            assert!(store::is_safe_url(safe), "{safe}");
        }
        assert!(
            store::is_safe_url("http://harbor.localhost:8080")
                && store::is_safe_url("http://localhost")
        );
        for open in ["http://a.test", "http://10.0.0.1", "http://localhost.a.test", "http://[::2]"]
        {
            assert!(!store::is_safe_url(open), "{open}");
        }
    }

    #[test]
    fn a_cart_cookie_is_nobody_elses() {
        assert_eq!(cart_cookie("cart.id_2").unwrap().0.as_deref(), Some("cart.id_2"));
        assert_eq!(cart_cookie("").unwrap().0, None);
        for wrong in ["a b", "a=b", "a;b", "\u{e9}", "__host-x", "__Secure-x", "Doorkey_session"] {
            assert!(cart_cookie(wrong).is_err(), "{wrong}");
        }
    }
}
