//! Stores: what differs between storefronts, as data, and the copy of it that pages are served
//! from.
//!
//! Every page needs its store, so all stores are kept in memory; a revision number in the database
//! tells each running process when to read them again.

mod base_url;
pub mod logo;
pub mod rules;
mod setting;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, RwLock};

use axum::body::Bytes;

use crate::args;
use crate::db::{Db, Result, Row};
use crate::locale::Language;
use crate::wording::{self, Wordings};

pub use base_url::{
    host_of, is_loopback, is_safe_url, main_origin, name_of, origin_of, read_base_url,
};
pub use rules::{read_accent, read_key, read_name};
pub use setting::{NewStore, Setting, add, set, touch};

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
    /// Where its origin ends and its path begins: every request asks.
    pub(crate) origin_len: usize,
    /// Public or protected.
    pub access: Access,
    /// What its customers are spoken to in when nothing better is known.
    pub language: Language,
    /// What its pages and mails speak: [`Store::language`] and others.
    pub languages: Vec<Language>,
    /// `#rrggbb`.
    pub accent: String,
    /// Its own wording of "Forgot your password?".
    pub prompt: Option<String>,
    /// From address of its mails.
    pub sender: String,
    /// The name beside it, where that is not the store's.
    pub sender_name: Option<String>,
    /// Seconds a recovery link lives here, where it differs from the installation's.
    pub link_ttl: Option<i64>,
    /// Characters that a new password has at least, where that is more than everywhere.
    pub password_min: Option<usize>,
    /// Name of the shop's cart cookie, carried along by the return ticket.
    pub cart_cookie: Option<String>,
    /// Whether it has a logo; a text that changes with it, for caches.
    pub logo: Option<String>,
    /// Its own texts of mails.
    pub wordings: Wordings,
    /// Its login page as a stranger sees it, by language, once somebody has asked for it: the page
    /// that is asked for most. A changed store is read anew, with nothing here yet.
    pub login_page: [OnceLock<Bytes>; Language::ALL.len()],
    /// The same for the answer to a recovery request: what stands around the reference.
    pub answer_page: [OnceLock<[Bytes; 2]>; Language::ALL.len()],
}

impl Store {
    /// The absolute URL of one of its pages: `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// `https://host:port` of its base URL.
    pub fn origin(&self) -> &str {
        &self.base_url[..self.origin_len]
    }

    /// The path of its base URL, without a trailing slash: `/s/harbor`, or nothing.
    pub fn path(&self) -> &str {
        &self.base_url[self.origin_len..]
    }

    /// The store's own words, which a password must not consist of.
    pub fn words(&self) -> [&str; 3] {
        [&self.name, &self.merchant_name, &self.key]
    }

    /// The language to speak to somebody who would like `wanted`: that, if the store speaks it.
    pub fn spoken(&self, wanted: Option<Language>) -> Language {
        wanted.filter(|l| self.languages.contains(l)).unwrap_or(self.language)
    }

    /// The name that its mails come from.
    pub fn sender_name(&self) -> &str {
        self.sender_name.as_deref().unwrap_or(&self.name)
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
    by_id: HashMap<String, Arc<Store>>,
    /// By host and path of the base URL, written as one.
    by_place: HashMap<String, Arc<Store>>,
    hosts: HashSet<String>,
    longest_path: usize,
}

impl Held {
    fn of(revision: i64, stores: Vec<Store>) -> Self {
        let mut held = Self { revision, ..Self::default() };
        for store in stores.into_iter().map(Arc::new) {
            let host = host_of(store.origin()).to_owned();
            held.longest_path = held.longest_path.max(store.path().len());
            held.by_place.insert(format!("{host}{}", store.path()), store.clone());
            held.hosts.insert(host);
            held.by_id.insert(store.id.clone(), store.clone());
            held.by_key.insert(store.key.clone(), store);
        }
        held
    }
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
        let held = Held::of(revision, all(db).await?);
        *self.held.write().unwrap_or_else(|e| e.into_inner()) = Arc::new(held);
        Ok(())
    }

    /// The store with this key.
    pub fn by_key(&self, key: &str) -> Option<Arc<Store>> {
        self.held().by_key.get(key).cloned()
    }

    /// Whether any store's sender fits.
    pub fn has_sender(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.held().by_key.values().any(|store| fits(&store.sender))
    }

    /// The store with this id.
    pub fn by_id(&self, id: &str) -> Option<Arc<Store>> {
        self.held().by_id.get(id).cloned()
    }

    /// The store whose base URL covers this origin and path; of several, the one with the longest
    /// path. Gives what remains of the path.
    pub fn at<'p>(&self, host: &str, path: &'p str) -> Option<(Arc<Store>, &'p str)> {
        let held = self.held();
        // Known first: written as one, "host/s" and "/a" would be "host" and "/s/a".
        if !held.hosts.contains(host) {
            return None;
        }
        let mut place = String::with_capacity(host.len() + held.longest_path);
        // Each place where the path may be cut, from behind; nothing is walked but the path itself.
        let mut end = path.len().min(held.longest_path + 1);
        loop {
            if path.as_bytes().get(end).is_none_or(|b| *b == b'/') {
                place.clear();
                place.push_str(host);
                place.push_str(path.get(..end)?);
                if let Some(store) = held.by_place.get(&place) {
                    return Some((store.clone(), &path[end..]));
                }
            }
            end = end.checked_sub(1)?;
        }
    }

    /// Whether any store answers on this host.
    pub fn has_host(&self, host: &str) -> bool {
        self.held().hosts.contains(host)
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

/// Reads stores: the columns of [`read`] and what follows.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.merchant_id, m.name AS merchant_name, s.key, s.name, s.base_url,
                s.access, s.language, s.languages, s.accent, s.prompt, s.sender, s.sender_name,
                s.link_ttl, s.password_min, s.cart_cookie, s.logo_version
             FROM store s JOIN merchant m ON m.id = s.merchant_id ",
            $rest
        )
    };
}

/// Reads all stores.
///
/// # Errors
/// What the database says.
pub async fn all(db: &Db) -> Result<Vec<Store>> {
    let rows = db.rows(select!("ORDER BY s.key"), vec![]).await?;
    let mut wordings = wording::all(db).await?;
    let with_words = |row| {
        let mut store = read(row);
        store.wordings = wordings.remove(&store.id).unwrap_or_default();
        store
    };
    Ok(rows.iter().map(with_words).collect())
}

/// Reads a merchant's stores as they are in the database, without their texts of mails.
///
/// # Errors
/// What the database says.
pub async fn of_merchant(db: &Db, merchant_id: &str) -> Result<Vec<Store>> {
    let sql = select!("WHERE s.merchant_id = $1 ORDER BY s.key");
    Ok(db.rows(sql, args![merchant_id]).await?.iter().map(read).collect())
}

/// Reads one store of a merchant as it is in the database.
///
/// # Errors
/// What the database says.
pub async fn find(db: &Db, merchant_id: &str, id: &str) -> Result<Option<Store>> {
    let sql = select!("WHERE s.merchant_id = $1 AND s.id = $2");
    let Some(row) = db.row(sql, args![merchant_id, id]).await? else { return Ok(None) };
    let mut store = read(&row);
    store.wordings = wording::of(db, id).await?;
    Ok(Some(store))
}

fn read(row: &Row) -> Store {
    let language = Language::parse(&row.get::<String>("language")).unwrap_or_default();
    let languages = row.get::<Option<String>>("languages");
    let base_url: String = row.get("base_url");
    Store {
        id: row.get("id"),
        merchant_id: row.get("merchant_id"),
        merchant_name: row.get("merchant_name"),
        key: row.get("key"),
        name: row.get("name"),
        origin_len: origin_of(&base_url).len(),
        base_url,
        access: Access::parse(&row.get::<String>("access")).unwrap_or(Access::Protected),
        language,
        languages: setting::read_languages(languages.as_deref(), language),
        accent: row.get("accent"),
        prompt: row.get("prompt"),
        sender: row.get("sender"),
        sender_name: row.get("sender_name"),
        link_ttl: row.get("link_ttl"),
        password_min: row.get::<Option<i64>>("password_min").and_then(|n| usize::try_from(n).ok()),
        cart_cookie: row.get("cart_cookie"),
        logo: row.get("logo_version"),
        wordings: Wordings::default(),
        login_page: Default::default(),
        answer_page: Default::default(),
    }
}
