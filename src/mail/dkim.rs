//! Signed mail: DKIM (RFC 6376) with RSA-2048 and Ed25519 (RFC 8463) side by side, for the domain of
//! From, so that the signature is aligned with what the reader sees (DMARC).
//!
//! Keys belong to a merchant and a sender domain. A pair is made ([`life`]), its two records are
//! published in the domain's DNS, it is put to use and signs ([`keyring`]); the next one takes its
//! place in the same way. The records of the old one must stay for as long as mails signed with it
//! may be under way.

pub mod keyring;
pub mod life;
mod material;
pub mod signing;

use crate::args;
use crate::clock::{DAY, Micros};
use crate::db::{Db, Result, Row};

/// How long the records of a retired key must stay: mail servers hold a mail back for five days
/// (RFC 5321, 4.5.4.1), and who forwards it may do so again.
const KEEP: Micros = 7 * DAY;

/// With what a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSA-2048 with SHA-256: what every receiver verifies.
    Rsa,
    /// Ed25519 with SHA-256: what some do, with a record that fits one string.
    Ed25519,
}

impl Algorithm {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Rsa, Self::Ed25519];

    /// As stored, and as it stands in a signature behind `a=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }

    /// In words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Rsa => "RSA-2048",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// As it stands in a record behind `k=`.
    fn record_name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Made; its record is to be published before it is put to use.
    Waiting,
    /// Signs every mail from its domain.
    Signing,
    /// Signs no more; its record must stay until then.
    Retired {
        /// When the record may go.
        keep_until: Micros,
    },
}

impl State {
    /// One word, for lists and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Signing => "signing",
            Self::Retired { .. } => "retired",
        }
    }
}

/// A key as it is shown and published; the private half is not here.
#[derive(Clone, Debug)]
pub struct DomainKey {
    /// UUIDv7.
    pub id: String,
    /// Whose it is.
    pub merchant_id: String,
    /// The sender domain that it signs for.
    pub domain: String,
    /// What the selectors of a pair begin with.
    pub pair: String,
    /// Under which name its record stands.
    pub selector: String,
    /// With what it signs.
    pub algorithm: Algorithm,
    /// Base64, as in the record.
    pub public_key: String,
    /// When it was made.
    pub created_at: Micros,
    /// Since when it signs.
    pub active_at: Option<Micros>,
    /// Since when it does not any more.
    pub retired_at: Option<Micros>,
}

impl DomainKey {
    /// Where it is in its life.
    pub fn state(&self) -> State {
        match (self.active_at, self.retired_at) {
            (_, Some(at)) => State::Retired { keep_until: at + KEEP },
            (Some(_), None) => State::Signing,
            (None, None) => State::Waiting,
        }
    }

    /// What must stand in the domain's DNS.
    pub fn record(&self) -> Record {
        let kind = self.algorithm.record_name();
        Record {
            name: format!("{}._domainkey.{}", self.selector, self.domain),
            value: format!("v=DKIM1; k={kind}; p={}", self.public_key),
        }
    }
}

/// A TXT record to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The whole name, without a dot at the end.
    pub name: String,
    /// The whole text, printable ASCII.
    pub value: String,
}

impl Record {
    /// The text in strings of at most 255 bytes, which is all that one string of a TXT record holds
    /// (RFC 1035, 3.3.14). Readers join them without a space (RFC 6376, 3.6.2.2).
    pub fn strings(&self) -> Vec<&str> {
        let (mut strings, mut rest) = (Vec::new(), self.value.as_str());
        while !rest.is_empty() {
            let (string, more) = rest.split_at_checked(255).unwrap_or((rest, ""));
            strings.push(string);
            rest = more;
        }
        strings
    }

    /// The text as zone files and most providers' forms take it: `"…" "…"`.
    pub fn quoted(&self) -> String {
        let strings = self.strings();
        strings.iter().map(|string| format!("\"{string}\"")).collect::<Vec<_>>().join(" ")
    }

    /// A whole line of a zone file.
    pub fn zone_line(&self) -> String {
        format!("{}. IN TXT ( {} )", self.name, self.quoted())
    }
}

/// Reads keys: the columns of [`read`] and what follows.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, merchant_id, domain, pair, selector, algorithm, public_key, created_at,
                active_at, retired_at
             FROM dkim_key ",
            $rest
        )
    };
}

/// A merchant's keys for a domain, those that sign first, then by age, youngest first.
///
/// # Errors
/// What the database says.
pub async fn of_domain(db: &Db, merchant_id: &str, domain: &str) -> Result<Vec<DomainKey>> {
    let sql = select!("WHERE merchant_id = $1 AND domain = $2");
    Ok(sorted(db.rows(sql, args![merchant_id, domain]).await?))
}

/// All keys of a merchant, by domain.
///
/// # Errors
/// What the database says.
pub async fn of_merchant(db: &Db, merchant_id: &str) -> Result<Vec<DomainKey>> {
    Ok(sorted(db.rows(select!("WHERE merchant_id = $1"), args![merchant_id]).await?))
}

fn sorted(rows: Vec<Row>) -> Vec<DomainKey> {
    let mut keys: Vec<_> = rows.iter().filter_map(read).collect();
    keys.sort_by(|a, b| {
        let rank = |key: &DomainKey| (key.state() != State::Signing, -key.created_at);
        (&a.domain, rank(a), a.algorithm).cmp(&(&b.domain, rank(b), b.algorithm))
    });
    keys
}

fn read(row: &Row) -> Option<DomainKey> {
    Some(DomainKey {
        id: row.get("id"),
        merchant_id: row.get("merchant_id"),
        domain: row.get("domain"),
        pair: row.get("pair"),
        selector: row.get("selector"),
        algorithm: Algorithm::parse(&row.get::<String>("algorithm"))?,
        public_key: row.get("public_key"),
        created_at: row.get("created_at"),
        active_at: row.get("active_at"),
        retired_at: row.get("retired_at"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_split_where_one_string_ends() {
        let record = |n: usize| Record { name: "a._domainkey.b.test".into(), value: "x".repeat(n) };
        for (length, strings) in [(0, vec![]), (255, vec![255]), (256, vec![255, 1])] {
            let record = record(length);
            let found: Vec<_> = record.strings().iter().map(|s| s.len()).collect();
            assert_eq!(found, strings);
            assert_eq!(record.strings().concat(), record.value);
        }
        let line = record(256).zone_line();
        assert!(line.starts_with("a._domainkey.b.test. IN TXT ( \"xx"), "{line}");
        assert!(line.ends_with("x\" \"x\" )"), "{line}");
    }
}
