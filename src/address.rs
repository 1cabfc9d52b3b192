//! One email address, read by one parser into one typed value that is used everywhere.
//!
//! The grammar is narrow on purpose: a dot-atom local part of ASCII (RFC 5322, 3.2.3) and a DNS
//! domain. Quoted local parts, comments, domain literals and lists are where two parsers disagree
//! and where mail ends in a stranger's box. Domains are kept as A-labels (RFC 5890), so two
//! domains are equal only if their bytes are.

use std::fmt;

/// A well-formed address. `Debug` and logs show it masked.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    text: String,
    key: String,
}

/// Longest address that SMTP carries (RFC 5321, 4.5.3.1.3, less the angle brackets).
const LONGEST: usize = 254;

impl EmailAddress {
    /// Reads one address; spaces around it are forgiven, nothing else is.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim_matches(' ');
        if typed.len() > LONGEST {
            return None;
        }
        let (local, domain) = typed.rsplit_once('@')?;
        if local.is_empty() || local.len() > 64 || !local.split('.').all(is_atom) {
            return None;
        }
        let text = format!("{local}@{}", read_domain(domain)?);
        let key = text.to_ascii_lowercase();
        (text.len() <= LONGEST).then_some(Self { text, key })
    }

    /// The address as written, with its domain as A-labels.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is stored for comparison: ASCII letters folded, nothing more. Folding by Unicode's
    /// rules would make different mailboxes equal.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The domain, folded.
    pub fn domain(&self) -> &str {
        self.key.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Enough to recognise one's own address, too little to learn another's: `a•••@e•••.test`.
    pub fn masked(&self) -> String {
        mask(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Masks an address that is already stored; see [`EmailAddress::masked`].
pub fn mask(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let (name, top) = domain.rsplit_once('.').unwrap_or((domain, ""));
    let first = |s: &str| s.chars().next().map(String::from).unwrap_or_default();
    format!("{}•••@{}•••.{top}", first(local), first(name))
}

fn is_atom(atom: &str) -> bool {
    !atom.is_empty()
        && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
}

/// A host name of at least two labels. Unicode becomes A-labels; an A-label that is not exactly
/// what its own Unicode form encodes to is refused (RUSTSEC-2024-0421).
fn read_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_strict(domain).ok()?;
    let (unicode, valid) = idna::domain_to_unicode(&ascii);
    if valid.is_err() || idna::domain_to_ascii_strict(&unicode).ok()? != ascii {
        return None;
    }
    let labels: Vec<_> = ascii.split('.').collect();
    let top = labels.last()?;
    let named = labels.len() >= 2 && !top.bytes().all(|b| b.is_ascii_digit());
    let plain = is_undisguised(domain, &labels) && labels.iter().all(|label| is_label(label));
    (named && plain).then_some(ascii)
}

/// The mapping of UTS 46 also makes ASCII of full-width letters, ligatures and the Kelvin sign, and
/// drops what cannot be seen. Nobody's address is written so: a label in ASCII must come out as it
/// was typed, and one in Unicode as an A-label.
fn is_undisguised(domain: &str, labels: &[&str]) -> bool {
    let typed: Vec<_> = domain.split('.').collect();
    typed.len() == labels.len()
        && typed.iter().zip(labels).all(|(typed, label)| {
            if typed.is_ascii() {
                typed.eq_ignore_ascii_case(label)
            } else {
                label.starts_with("xn--")
            }
        })
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_are_read_and_folded_in_ascii_only() {
        for (typed, key) in [
            ("ada@example.test", "ada@example.test"),
            ("  Ada.Marsh+shop@Example.TEST ", "ada.marsh+shop@example.test"),
            ("o'neil@mail.example.co.uk", "o'neil@mail.example.co.uk"),
            ("ada@bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ] {
            assert_eq!(EmailAddress::parse(typed).unwrap().key(), key);
        }
        let twin = EmailAddress::parse("ada@exampl\u{e9}.test").unwrap();
        assert_ne!(twin.key(), "ada@example.test");
    }

    #[test]
    fn everything_else_is_refused() {
        for typed in [
            "",
            "ada",
            "@example.test",
            "ada@",
            "ada@localhost",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "ada@example..test",
            ".ada@example.test",
            "ada.@example.test",
            "a..b@example.test",
            "ada@-example.test",
            "ada@example.test,bob@example.test",
            "ada@example.test bob@x.test",
            "ada@example.test;bob@x.test",
            "<ada@example.test>",
            "Ada <ada@example.test>",
            "\"ada\"@example.test",
            "\"a@evil.test\"@example.test",
            "ada(x)@example.test",
            "ada@example.test\r\nBcc: x@evil.test",
            "ada@example.test\0",
            "ada\u{200b}@example.test",
            "\u{a0}ada@example.test",
            "\tada@example.test",
            "ad\u{131}@example.test",
            "ada@evil.test@example.test",
            "ada%evil.test@",
            "ada@xn--example.test",
            "ada@xn--a.test",
            "ada@exam_ple.test",
            "ada@example.test.",
            "mailto:ada",
            "ada\u{ff20}example.test",
        ] {
            assert!(EmailAddress::parse(typed).is_none(), "{typed:?} was read");
        }
        assert!(EmailAddress::parse(&format!("{}@example.test", "a".repeat(65))).is_none());
        assert!(EmailAddress::parse(&format!("a@{}.test", "b.".repeat(130))).is_none());
    }

    #[test]
    fn an_address_is_shown_masked() {
        let ada = EmailAddress::parse("ada@example.test").unwrap();
        assert_eq!(format!("{ada:?}"), "a•••@e•••.test");
    }
}
