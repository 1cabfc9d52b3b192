//! Stores: what differs between storefronts, as data, and the copy of it that pages are served
//! from.
//!
//! Every page needs its store, so all stores are kept in memory; a revision number in the database
//! tells each running process when to read them again.

mod base_url;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

use axum::body::Bytes;

use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result, Row, Tx};
use crate::locale::Language;

pub use base_url::{host_of, is_loopback, is_safe_url, name_of, origin_of, read_base_url};

/// Who sees the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Nothing but login, recovery and registration without a session.
    Protected,
}

impl Access {
    /// As stored and as written on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Protected => "protected",
        }
    }

    /// Reads [`Access::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Public, Self::Protected].into_iter().find(|a| a.as_str() == text)
    }
}

/// One storefront of a merchant.
#[derive(Clone, Debug)]
pub struct Store {
    /// UUIDv7.
    pub id: String,
    /// Whose it is.
    pub merchant_id: String,
    /// The merchant's name, for pages and for the password policy.
    pub merchant_name: String,
    /// Short name, in `/s/{key}`.
    pub key: String,
    /// Shown to customers.
    pub name: String,
    /// Where customers reach it, without a trailing slash. Links in mail are built from this alone.
    pub base_url: String,
    /// Public or protected.
    pub access: Access,
    /// What its customers are spoken to in when nothing better is known.
    pub language: Language,
    /// `#rrggbb`.
    pub accent: String,
    /// Its own wording of "Forgot your password?".
    pub prompt: Option<String>,
    /// From address of its mails.
    pub sender: String,
    /// Seconds a recovery link lives here, where it differs from the installation's.
    pub link_ttl: Option<i64>,
    /// Name of the shop's cart cookie, carried along by the return ticket.
    pub cart_cookie: Option<String>,
    /// Whether it has a logo; a number that changes with it, for caches.
    pub logo: Option<usize>,
    /// Its login page as a stranger sees it, by language, once somebody has asked for it: the page
    /// that is asked for most. A changed store is read anew, with nothing here yet.
    pub login_page: [OnceLock<Bytes>; Language::ALL.len()],
}

impl Store {
    /// The absolute URL of one of its pages: `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// `https://host:port` of its base URL.
    pub fn origin(&self) -> &str {
        origin_of(&self.base_url)
    }

    /// The path of its base URL, without a trailing slash: `/s/harbor`, or nothing.
    pub fn path(&self) -> &str {
        &self.base_url[self.origin().len()..]
    }

    /// The store's own words, which a password must not consist of.
    pub fn words(&self) -> [&str; 3] {
        [&self.name, &self.merchant_name, &self.key]
    }

    /// Whether browsers reach it over TLS.
    pub fn is_https(&self) -> bool {
        self.base_url.starts_with("https://")
    }

    /// A page of this store to go to after login: `wanted` if it is a path inside the store, else
    /// its front page. Anything that a browser could read as another host is refused, and so is a
    /// path that dots lead out of the store.
    pub fn inside<'a>(&self, wanted: &'a str) -> Option<&'a str> {
        let rest = wanted.strip_prefix(self.path()).unwrap_or(wanted);
        let fits = wanted.len() <= 1024
            && wanted.starts_with('/')
            && !wanted.starts_with("//")
            && (self.path().is_empty() || wanted != rest)
            && (rest.is_empty() || rest.starts_with(['/', '?']))
            && !rest.starts_with("//")
            && wanted.bytes().all(|b| b.is_ascii_graphic() && !b"\\\"<>`{}|^".contains(&b));
        // Dots and slashes may hide behind percent signs, once or twice encoded: refuse any of
        // these in the path, where shops have no use for them.
        let path = wanted.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        let tricks = ["/.", "%2e", "%2f", "%5c", "%25", "%0", "%1", "//"];
        (fits && !tricks.iter().any(|trick| path.contains(trick))).then_some(wanted)
    }
}

/// Reads a colour of the form `#rrggbb`.
pub fn read_accent(text: &str) -> Option<String> {
    let hex = text.strip_prefix('#')?;
    (hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| text.to_ascii_lowercase())
}

/// Reads a store's key: lower-case letters, digits and inner hyphens, at most 40.
pub fn read_key(text: &str) -> Option<String> {
    let fits = (1..=40).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    fits.then(|| text.to_owned())
}

/// A name as people write it: no control characters, 1 to 80 characters, no spaces around.
pub fn read_name(text: &str) -> Option<String> {
    let fits = (1..=80).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// What is needed to add a store; the rest has defaults and can be set later.
#[derive(Clone, Debug)]
pub struct NewStore {
    /// See [`Store::key`].
    pub key: String,
    /// See [`Store::name`].
    pub name: String,
    /// See [`Store::base_url`].
    pub base_url: String,
    /// See [`Store::access`].
    pub access: Access,
    /// See [`Store::language`].
    pub language: Language,
    /// See [`Store::accent`].
    pub accent: String,
    /// See [`Store::sender`].
    pub sender: String,
}

/// Adds a store and gives its id.
///
/// # Errors
/// [`crate::db::is_taken`] when the key or the base URL is in use.
pub async fn add(tx: &mut Tx, merchant_id: &str, new: &NewStore, now: Micros) -> Result<String> {
    let id = crate::new_id();
    tx.exec(
        "INSERT INTO store (id, merchant_id, key, name, base_url, access, language, accent, sender,
            created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        args![
            &id,
            merchant_id,
            &new.key,
            &new.name,
            &new.base_url,
            new.access.as_str(),
            new.language.code(),
            &new.accent,
            &new.sender,
            now
        ],
    )
    .await?;
    touch(tx).await?;
    Ok(id)
}

/// One setting of a store, with its new value, already read and checked.
#[derive(Clone, Debug)]
pub enum Setting {
    /// See [`Store::name`].
    Name(String),
    /// See [`Store::base_url`].
    BaseUrl(String),
    /// See [`Store::access`].
    Access(Access),
    /// See [`Store::language`].
    Language(Language),
    /// See [`Store::accent`].
    Accent(String),
    /// See [`Store::prompt`].
    Prompt(Option<String>),
    /// See [`Store::sender`].
    Sender(String),
    /// See [`Store::link_ttl`].
    LinkTtl(Option<i64>),
    /// See [`Store::cart_cookie`].
    CartCookie(Option<String>),
    /// The image and its media type.
    Logo(Option<(Vec<u8>, &'static str)>),
}

/// Changes a setting. Running processes follow within a second.
///
/// # Errors
/// [`crate::db::is_taken`] when a base URL is another store's.
pub async fn set(tx: &mut Tx, store_id: &str, setting: Setting) -> Result<()> {
    let (sql, mut args) = match setting {
        Setting::Name(v) => ("UPDATE store SET name = $1 WHERE id = $2", args![v]),
        Setting::BaseUrl(v) => ("UPDATE store SET base_url = $1 WHERE id = $2", args![v]),
        Setting::Access(v) => ("UPDATE store SET access = $1 WHERE id = $2", args![v.as_str()]),
        Setting::Language(v) => ("UPDATE store SET language = $1 WHERE id = $2", args![v.code()]),
        Setting::Accent(v) => ("UPDATE store SET accent = $1 WHERE id = $2", args![v]),
        Setting::Prompt(v) => ("UPDATE store SET prompt = $1 WHERE id = $2", args![v]),
        Setting::Sender(v) => ("UPDATE store SET sender = $1 WHERE id = $2", args![v]),
        Setting::LinkTtl(v) => ("UPDATE store SET link_ttl = $1 WHERE id = $2", args![v]),
        Setting::CartCookie(v) => ("UPDATE store SET cart_cookie = $1 WHERE id = $2", args![v]),
        Setting::Logo(v) => {
            let (image, kind) = v.unzip();
            tx.exec("UPDATE store SET logo = $1 WHERE id = $2", args![image, store_id]).await?;
            ("UPDATE store SET logo_type = $1 WHERE id = $2", args![kind])
        }
    };
    args.push(store_id.into());
    tx.exec(sql, args).await?;
    touch(tx).await
}

async fn touch(tx: &mut Tx) -> Result<()> {
    tx.exec("UPDATE revision SET value = value + 1 WHERE name = 'store'", vec![]).await?;
    Ok(())
}

/// A store's logo and its media type.
///
/// # Errors
/// What the database says.
pub async fn logo(db: &Db, store_id: &str) -> Result<Option<(Vec<u8>, String)>> {
    let sql = "SELECT logo, logo_type FROM store WHERE id = $1 AND logo IS NOT NULL";
    let row = db.row(sql, args![store_id]).await?;
    Ok(row.map(|row| (row.get("logo"), row.get("logo_type"))))
}

/// All stores, in memory.
#[derive(Debug, Default)]
pub struct Stores {
    held: RwLock<Arc<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    revision: i64,
    by_key: HashMap<String, Arc<Store>>,
}

impl Stores {
    /// Reads the stores if they changed since last time.
    ///
    /// # Errors
    /// What the database says; the old copy stays.
    pub async fn refresh(&self, db: &Db) -> Result<()> {
        let row = db.row("SELECT value FROM revision WHERE name = 'store'", vec![]).await?;
        let revision = row.map_or(0, |row| row.get("value"));
        if revision == self.held().revision {
            return Ok(());
        }
        let by_key = all(db).await?.into_iter().map(|s| (s.key.clone(), Arc::new(s))).collect();
        *self.held.write().unwrap_or_else(|e| e.into_inner()) = Arc::new(Held { revision, by_key });
        Ok(())
    }

    /// The store with this key.
    pub fn by_key(&self, key: &str) -> Option<Arc<Store>> {
        self.held().by_key.get(key).cloned()
    }

    /// The store with this id.
    pub fn by_id(&self, id: &str) -> Option<Arc<Store>> {
        self.held().by_key.values().find(|store| store.id == id).cloned()
    }

    /// The store whose base URL covers this origin and path; of several, the one with the longest
    /// path. Gives what remains of the path.
    pub fn at<'p>(&self, host: &str, path: &'p str) -> Option<(Arc<Store>, &'p str)> {
        self.held()
            .by_key
            .values()
            .filter(|store| host_of(store.origin()) == host)
            .filter_map(|store| {
                let rest = path.strip_prefix(store.path())?;
                (rest.is_empty() || rest.starts_with('/')).then(|| (store.clone(), rest))
            })
            .max_by_key(|(store, _)| store.path().len())
    }

    /// Whether any store answers on this host.
    pub fn has_host(&self, host: &str) -> bool {
        self.held().by_key.values().any(|store| host_of(store.origin()) == host)
    }

    /// All of them, by name.
    pub fn list(&self) -> Vec<Arc<Store>> {
        let mut list: Vec<_> = self.held().by_key.values().cloned().collect();
        list.sort_by(|a, b| (&a.merchant_id, &a.name).cmp(&(&b.merchant_id, &b.name)));
        list
    }

    fn held(&self) -> Arc<Held> {
        self.held.read().unwrap_or_else(|e| e.into_inner()).clone()
    }
}

/// Reads all stores.
///
/// # Errors
/// What the database says.
pub async fn all(db: &Db) -> Result<Vec<Store>> {
    let rows = db
        .rows(
            "SELECT s.id, s.merchant_id, m.name AS merchant_name, s.key, s.name, s.base_url,
                s.access, s.language, s.accent, s.prompt, s.sender, s.link_ttl, s.cart_cookie,
                CAST(LENGTH(s.logo) AS BIGINT) AS logo_length
             FROM store s JOIN merchant m ON m.id = s.merchant_id ORDER BY s.key",
            vec![],
        )
        .await?;
    Ok(rows.iter().map(read).collect())
}

fn read(row: &Row) -> Store {
    Store {
        id: row.get("id"),
        merchant_id: row.get("merchant_id"),
        merchant_name: row.get("merchant_name"),
        key: row.get("key"),
        name: row.get("name"),
        base_url: row.get("base_url"),
        access: Access::parse(&row.get::<String>("access")).unwrap_or(Access::Protected),
        language: Language::parse(&row.get::<String>("language")).unwrap_or_default(),
        accent: row.get("accent"),
        prompt: row.get("prompt"),
        sender: row.get("sender"),
        link_ttl: row.get("link_ttl"),
        cart_cookie: row.get("cart_cookie"),
        logo: row.get::<Option<i64>>("logo_length").and_then(|n| usize::try_from(n).ok()),
        login_page: Default::default(),
    }
}
