//! How the settings of a store are written: one reader each, for the command line and for the back
//! office. A refusal says what to do, as half a sentence.

use super::{Access, host_of, is_safe_url, origin_of, read_base_url};
use crate::address::EmailAddress;
use crate::args;
use crate::config::LINK_TTL_CEILING;
use crate::db::{self, Tx};
use crate::locale::Language;

/// What a reader gives: the value, or what to do about the text.
pub type Read<T> = Result<T, String>;

/// Fewest and most characters that a store may ask of a new password. Fewer than eight are refused
/// everywhere (NIST SP 800-63B, 3.1.1.2); more than these no person would choose.
pub const PASSWORD_MIN: std::ops::RangeInclusive<i64> = 8..=32;

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

/// Reads a key.
///
/// # Errors
/// How a key is written.
pub fn key(text: &str) -> Read<String> {
    read_key(text)
        .ok_or_else(|| "use 1 to 40 lower-case letters, digits and inner hyphens".to_owned())
}

/// Reads a name.
///
/// # Errors
/// How a name is written.
pub fn name(text: &str) -> Read<String> {
    let rule = "use 1 to 80 characters, no control characters and no spaces around";
    read_name(text).ok_or_else(|| rule.to_owned())
}

/// Reads a base URL; plain http is for the machine itself only.
///
/// # Errors
/// How a base URL is written.
pub fn base_url(text: &str) -> Read<String> {
    let url = read_base_url(text)
        .ok_or("write it like https://shop.example.com, perhaps with a port and a plain path")?;
    if is_safe_url(&url) { Ok(url) } else { Err("it must begin with https://".into()) }
}

/// Reads who sees a store.
///
/// # Errors
/// Which there are.
pub fn access(text: &str) -> Read<Access> {
    Access::parse(text).ok_or_else(|| "use public or protected".into())
}

/// Reads a language.
///
/// # Errors
/// Which there are.
pub fn language(text: &str) -> Read<Language> {
    Language::parse(text)
        .ok_or_else(|| format!("use one of {}", Language::ALL.map(Language::code).join(", ")))
}

/// Reads a list of languages, separated by commas.
///
/// # Errors
/// Which there are.
pub fn languages(text: &str) -> Read<Vec<Language>> {
    text.split(',').map(|code| language(code.trim())).collect()
}

/// Reads a colour.
///
/// # Errors
/// How a colour is written.
pub fn accent(text: &str) -> Read<String> {
    read_accent(text).ok_or_else(|| "write it like #1f5c57".into())
}

/// Reads the wording of the prompt; nothing for the usual one.
///
/// # Errors
/// How it is written.
pub fn prompt(text: &str) -> Read<Option<String>> {
    optional(text, name)
}

/// Reads a sender's address.
///
/// # Errors
/// How an address is written.
pub fn sender(text: &str) -> Read<String> {
    let address = EmailAddress::parse(text);
    address
        .map(|a| a.as_str().to_owned())
        .ok_or_else(|| "write one address, like ada@example.com".into())
}

/// Reads a sender's name; nothing for the store's.
///
/// # Errors
/// How it is written.
pub fn sender_name(text: &str) -> Read<Option<String>> {
    optional(text, name)
}

/// Reads the life of recovery links in minutes and gives seconds; nothing for the installation's.
///
/// # Errors
/// What it may be.
pub fn link_minutes(text: &str) -> Read<Option<i64>> {
    let most = LINK_TTL_CEILING / 60;
    optional(text, |text| {
        let minutes = digits(text).filter(|n| (1..=most).contains(n));
        minutes.map(|n| n * 60).ok_or_else(|| format!("use 1 to {most} minutes"))
    })
}

/// Reads the fewest characters of a new password; nothing for eight.
///
/// # Errors
/// What it may be.
pub fn password_min(text: &str) -> Read<Option<i64>> {
    optional(text, |text| {
        let (least, most) = (PASSWORD_MIN.start(), PASSWORD_MIN.end());
        let fits = digits(text).filter(|n| PASSWORD_MIN.contains(n));
        fits.ok_or_else(|| format!("use {least} to {most} characters"))
    })
}

/// Reads a cookie name (RFC 6265, 4.1.1: a token) that neither browsers nor Doorkey give a meaning;
/// nothing for none.
///
/// # Errors
/// How it is written, or that it is taken.
pub fn cart_cookie(text: &str) -> Read<Option<String>> {
    optional(text, |name| {
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

fn optional<T>(text: &str, reader: impl FnOnce(&str) -> Read<T>) -> Read<Option<T>> {
    if text.is_empty() { Ok(None) } else { reader(text).map(Some) }
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Paths of the main host that are Doorkey's own.
const OWN_PATHS: [&str; 5] = ["", "oms", "assets", "mailbox", "s"];

/// Whether a store may answer at a base URL. The store is found by the URL of a request, so a URL
/// that covers the back office, or that lies on the host of another merchant's store, would take
/// their pages over.
///
/// # Errors
/// What the database says.
pub async fn may_answer_at(
    tx: &mut Tx,
    merchant_id: &str,
    key: &str,
    base_url: &str,
    main_origin: &str,
) -> db::Result<Read<()>> {
    let host = host_of(origin_of(base_url));
    if host == host_of(main_origin) {
        let path = &base_url[origin_of(base_url).len()..];
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let own = path.strip_prefix("/s/") == Some(key);
        let taken = !own && OWN_PATHS.contains(&first);
        let advice = format!("on this host use {main_origin}/s/{key}, or use another host");
        return Ok(if taken { Err(advice) } else { Ok(()) });
    }
    let sql = "SELECT base_url FROM store WHERE merchant_id <> $1";
    let others = tx.rows(sql, args![merchant_id]).await?;
    let is_foreign =
        others.iter().any(|row| host_of(origin_of(&row.get::<String>("base_url"))) == host);
    let advice = format!("the host {host} belongs to another merchant's store; use another host");
    Ok(if is_foreign { Err(advice) } else { Ok(()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_loopback_are_safe() {
        for safe in ["https://a.test", "http://127.9.9.9:80/s/a", "http://[::1]:80", "http://[::1]"]
        {
            assert!(base_url(safe).is_ok(), "{safe}");
        }
        for loopback in ["http://harbor.localhost:8080", "http://localhost"] {
            assert!(base_url(loopback).is_ok(), "{loopback}");
        }
        for open in ["http://a.test", "http://10.0.0.1", "http://localhost.a.test", "http://[::2]"]
        {
            assert!(base_url(open).is_err(), "{open}");
        }
    }

    #[test]
    fn a_cart_cookie_is_nobody_elses() {
        assert_eq!(cart_cookie("cart.id_2").unwrap().as_deref(), Some("cart.id_2"));
        assert_eq!(cart_cookie("").unwrap(), None);
        for wrong in ["a b", "a=b", "a;b", "\u{e9}", "__host-x", "__Secure-x", "Doorkey_session"] {
            assert!(cart_cookie(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_have_a_floor_and_a_ceiling() {
        assert_eq!(link_minutes("30"), Ok(Some(1800)));
        assert_eq!(link_minutes("1440"), Ok(Some(86_400)));
        assert_eq!((link_minutes(""), password_min("")), (Ok(None), Ok(None)));
        assert_eq!(password_min("12"), Ok(Some(12)));
        for wrong in ["0", "1441", "-5", "+5", "1.5", "half", "99999999999999999999", "\u{661}"] {
            assert!(link_minutes(wrong).is_err(), "{wrong}");
        }
        for wrong in ["7", "33", "-8", "ten"] {
            assert!(password_min(wrong).is_err(), "{wrong}");
        }
    }
}
