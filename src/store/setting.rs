//! Adding stores and changing their settings. Every change moves the revision, by which running
//! processes know to read the stores again.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

use super::Access;
use crate::args;
use crate::clock::Micros;
use crate::db::{Result, Tx};
use crate::locale::Language;
use crate::secret::sha256;

/// What is needed to add a store; the rest has defaults and can be set later.
#[derive(Clone, Debug)]
pub struct NewStore {
    /// See [`super::Store::key`].
    pub key: String,
    /// See [`super::Store::name`].
    pub name: String,
    /// See [`super::Store::base_url`].
    pub base_url: String,
    /// See [`super::Store::access`].
    pub access: Access,
    /// See [`super::Store::language`].
    pub language: Language,
    /// See [`super::Store::accent`].
    pub accent: String,
    /// See [`super::Store::sender`].
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

/// One setting of a store, with its new value, already read and checked ([`super::rules`]).
#[derive(Clone, Debug)]
pub enum Setting {
    /// See [`super::Store::name`].
    Name(String),
    /// See [`super::Store::base_url`].
    BaseUrl(String),
    /// See [`super::Store::access`].
    Access(Access),
    /// See [`super::Store::language`].
    Language(Language),
    /// See [`super::Store::languages`]; all of them stands for those to come, too.
    Languages(Vec<Language>),
    /// See [`super::Store::accent`].
    Accent(String),
    /// See [`super::Store::prompt`].
    Prompt(Option<String>),
    /// See [`super::Store::sender`].
    Sender(String),
    /// See [`super::Store::sender_name`].
    SenderName(Option<String>),
    /// See [`super::Store::link_ttl`].
    LinkTtl(Option<i64>),
    /// See [`super::Store::password_min`].
    PasswordMin(Option<i64>),
    /// See [`super::Store::cart_cookie`].
    CartCookie(Option<String>),
    /// A PNG, from [`super::logo::read`].
    Logo(Option<Vec<u8>>),
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
        Setting::Languages(v) => {
            ("UPDATE store SET languages = $1 WHERE id = $2", args![write_languages(&v)])
        }
        Setting::Accent(v) => ("UPDATE store SET accent = $1 WHERE id = $2", args![v]),
        Setting::Prompt(v) => ("UPDATE store SET prompt = $1 WHERE id = $2", args![v]),
        Setting::Sender(v) => ("UPDATE store SET sender = $1 WHERE id = $2", args![v]),
        Setting::SenderName(v) => ("UPDATE store SET sender_name = $1 WHERE id = $2", args![v]),
        Setting::LinkTtl(v) => ("UPDATE store SET link_ttl = $1 WHERE id = $2", args![v]),
        Setting::PasswordMin(v) => ("UPDATE store SET password_min = $1 WHERE id = $2", args![v]),
        Setting::CartCookie(v) => ("UPDATE store SET cart_cookie = $1 WHERE id = $2", args![v]),
        Setting::Logo(v) => {
            let version = v.as_ref().map(|image| B64.encode(&sha256(image)[..6]));
            let kind = v.is_some().then_some("image/png");
            let sql = "UPDATE store SET logo = $1, logo_type = $2 WHERE id = $3";
            tx.exec(sql, args![v, kind, store_id]).await?;
            ("UPDATE store SET logo_version = $1 WHERE id = $2", args![version])
        }
    };
    args.push(store_id.into());
    tx.exec(sql, args).await?;
    touch(tx).await
}

/// Makes running processes read the stores again.
///
/// # Errors
/// What the database says.
pub async fn touch(tx: &mut Tx) -> Result<()> {
    tx.exec("UPDATE revision SET value = value + 1 WHERE name = 'store'", vec![]).await?;
    Ok(())
}

/// `en,de`; nothing for all.
fn write_languages(languages: &[Language]) -> Option<String> {
    let codes: Vec<_> =
        Language::ALL.into_iter().filter(|l| languages.contains(l)).map(Language::code).collect();
    (codes.len() < Language::ALL.len()).then(|| codes.join(","))
}

/// Reads [`write_languages`]; the store's own language is always among them.
pub(super) fn read_languages(stored: Option<&str>, own: Language) -> Vec<Language> {
    let is_listed = |l: &Language| match stored {
        Some(codes) => *l == own || codes.split(',').any(|code| code == l.code()),
        None => true,
    };
    Language::ALL.into_iter().filter(is_listed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_kept_and_the_stores_own_is_among_them() {
        let (en, de, all) = (Language::En, Language::De, Language::ALL);
        assert_eq!(write_languages(&all), None);
        assert_eq!(read_languages(None, de), all);
        assert_eq!(write_languages(&[de, en]).as_deref(), Some("en,de"));
        assert_eq!(read_languages(Some("en,de"), en), [en, de]);
        assert_eq!(read_languages(Some("en"), de), [en, de]);
        assert_eq!(read_languages(Some(""), de), [de]);
    }
}
