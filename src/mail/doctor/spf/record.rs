//! An SPF record as data (RFC 7208, 4.5 to 6). One pass over the text, which is at most 8 KiB long;
//! what is not exactly a record is refused with the reason in words.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::macros::Macros;
use crate::mail::dns::printable;

/// Terms that are looked at. The ten lookups allow for far fewer that mean anything.
const MOST_TERMS: usize = 200;

/// What a match means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// `+`, or nothing.
    Pass,
    /// `-`
    Fail,
    /// `~`
    SoftFail,
    /// `?`
    Neutral,
}

/// A host of a mechanism, with how many bits of its addresses count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// None: the domain of the record itself.
    pub domain: Option<Macros>,
    /// Of an IPv4 address.
    pub v4: u8,
    /// Of an IPv6 address.
    pub v6: u8,
}

/// What is matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Everything.
    All,
    /// What passes another domain's record.
    Include(Macros),
    /// The addresses of a host.
    A(Hosts),
    /// The addresses of a domain's mail exchangers.
    Mx(Hosts),
    /// A name that leads to the address and back.
    Ptr(Option<Macros>),
    /// A network.
    V4(Ipv4Addr, u8),
    /// A network.
    V6(Ipv6Addr, u8),
    /// A name that exists.
    Exists(Macros),
}

/// A mechanism with what a match means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// What a match means.
    pub qualifier: Qualifier,
    /// What is matched.
    pub mechanism: Mechanism,
    /// As it stands in the record, printable.
    pub text: String,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// In order: the first match decides.
    pub terms: Vec<Term>,
    /// Whose record decides when nothing matches.
    pub redirect: Option<Macros>,
}

/// Whether a TXT record is meant as SPF (RFC 7208, 4.5).
pub fn is_spf(text: &str) -> bool {
    let head = text.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("v=spf1"));
    head && text[6..].chars().next().is_none_or(|c| c == ' ')
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !is_spf(text) {
            return Err("it does not begin with v=spf1".into());
        }
        if let Some(odd) = text.chars().find(|c| !matches!(c, ' '..='~')) {
            return Err(format!("it holds a character that must not be there ({odd:?})"));
        }
        let mut record = Self::default();
        let mut seen_exp = false;
        for term in text[6..].split(' ').filter(|term| !term.is_empty()) {
            if record.terms.len() >= MOST_TERMS {
                return Err(format!("it has more than {MOST_TERMS} terms"));
            }
            match modifier(term) {
                Some(("redirect", value)) if record.redirect.is_none() => {
                    record.redirect = Some(domain(value).map_err(|why| wrong(term, &why))?);
                }
                Some(("exp", value)) if !seen_exp => {
                    domain(value).map_err(|why| wrong(term, &why))?;
                    seen_exp = true;
                }
                Some((name @ ("redirect" | "exp"), _)) => {
                    return Err(format!("{name}= stands in it twice"));
                }
                Some((_, value)) => {
                    // An unknown modifier is left alone, but has to be well-formed (6.0).
                    Macros::parse(value).map_err(|why| wrong(term, &why))?;
                }
                None => record.terms.push(mechanism(term).map_err(|why| wrong(term, &why))?),
            }
        }
        Ok(record)
    }

    /// The qualifier of `all`, if it has one.
    pub fn all(&self) -> Option<Qualifier> {
        let all = self.terms.iter().find(|term| term.mechanism == Mechanism::All);
        all.map(|term| term.qualifier)
    }
}

fn wrong(term: &str, why: &str) -> String {
    format!("“{}” {why}", printable(term))
}

/// `name=value`: a letter, then letters, digits, `-`, `_`, `.`.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let mut bytes = name.bytes();
    let good = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let known = ["redirect", "exp"].into_iter().find(|known| name.eq_ignore_ascii_case(known));
    good.then_some((known.unwrap_or(name), value))
}

fn domain(text: &str) -> Result<Macros, String> {
    if text.is_empty() {
        return Err("names no domain".into());
    }
    Macros::parse(text)
}

fn mechanism(term: &str) -> Result<Term, String> {
    let (qualifier, rest) = match term.as_bytes().first() {
        Some(b'+') => (Qualifier::Pass, &term[1..]),
        Some(b'-') => (Qualifier::Fail, &term[1..]),
        Some(b'~') => (Qualifier::SoftFail, &term[1..]),
        Some(b'?') => (Qualifier::Neutral, &term[1..]),
        _ => (Qualifier::Pass, term),
    };
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let value = rest.strip_prefix(':');
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if rest.is_empty() => Mechanism::All,
        "all" => return Err("has something behind it".into()),
        "include" => Mechanism::Include(domain(value.unwrap_or_default())?),
        "exists" => Mechanism::Exists(domain(value.unwrap_or_default())?),
        "a" => Mechanism::A(hosts(rest)?),
        "mx" => Mechanism::Mx(hosts(rest)?),
        "ptr" => Mechanism::Ptr(match value {
            Some(value) => Some(domain(value)?),
            None if rest.is_empty() => None,
            None => return Err("has something behind it".into()),
        }),
        "ip4" => v4(value.unwrap_or_default())?,
        "ip6" => v6(value.unwrap_or_default())?,
        _ => return Err("is no mechanism that exists".into()),
    };
    Ok(Term { qualifier, mechanism, text: printable(term) })
}

/// `:domain/24//64`, each part optional.
fn hosts(rest: &str) -> Result<Hosts, String> {
    let (rest, v6) = match rest.split_once("//") {
        Some((rest, bits)) => (rest, bits_of(bits, 128)?),
        None => (rest, 128),
    };
    // A slash may stand inside of a macro; the prefix length is what follows the last one.
    let (name, v4) = match rest.rsplit_once('/') {
        Some((name, bits)) if !bits.contains('}') => (name, bits_of(bits, 32)?),
        _ => (rest, 32),
    };
    let domain = match name.strip_prefix(':') {
        Some(name) => Some(domain(name)?),
        None if name.is_empty() => None,
        None => return Err("cannot be read".into()),
    };
    Ok(Hosts { domain, v4, v6 })
}

fn bits_of(text: &str, most: u8) -> Result<u8, String> {
    let plain = text == "0" || !text.starts_with('0');
    let bits = text.parse::<u8>().ok().filter(|bits| *bits <= most && plain);
    bits.filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
        .ok_or_else(|| "has a prefix length that is none".to_owned())
}

fn v4(text: &str) -> Result<Mechanism, String> {
    let (ip, bits) = match text.split_once('/') {
        Some((ip, bits)) => (ip, bits_of(bits, 32)?),
        None => (text, 32),
    };
    let ip = ip.parse().map_err(|_| "is no IPv4 address".to_owned())?;
    Ok(Mechanism::V4(ip, bits))
}

fn v6(text: &str) -> Result<Mechanism, String> {
    let (ip, bits) = match text.split_once('/') {
        Some((ip, bits)) => (ip, bits_of(bits, 128)?),
        None => (text, 128),
    };
    let ip = ip.parse().map_err(|_| "is no IPv6 address".to_owned())?;
    Ok(Mechanism::V6(ip, bits))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_is_read_term_by_term() {
        let text = "v=spf1 a mx:mail.example.test/24//64 ip4:192.0.2.0/24 ip6:2001:db8::/32 \
                    include:_spf.example.test ?exists:%{i}.x.test ~all exp=why.test";
        let record = Record::parse(text).unwrap();
        let texts: Vec<_> = record.terms.iter().map(|term| term.text.as_str()).collect();
        assert_eq!(texts.len(), 7, "{texts:?}");
        assert_eq!(record.all(), Some(Qualifier::SoftFail));
        let Mechanism::Mx(hosts) = &record.terms[1].mechanism else { panic!("{record:?}") };
        assert_eq!((hosts.v4, hosts.v6), (24, 64));
        assert!(Record::parse("V=SPF1 REDIRECT=_spf.example.test").unwrap().redirect.is_some());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, says) in [
            ("v=spf10 -all", "begin"),
            ("v=spf1 ip4:300.1.1.1 -all", "IPv4"),
            ("v=spf1 ip4:192.0.2.1/33", "prefix"),
            ("v=spf1 ip6:192.0.2.1", "IPv6"),
            ("v=spf1 include: -all", "names no domain"),
            ("v=spf1 inlcude:x.test", "no mechanism"),
            ("v=spf1 redirect=a.test redirect=b.test", "twice"),
            ("v=spf1 a:%{z}.test", "macro"),
            ("v=spf1 \u{7} -all", "character"),
            ("v=spf1 all:x", "behind"),
        ] {
            let error = Record::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(!is_spf("v=spf1-all") && is_spf("v=spf1"));
    }

    proptest! {
        /// Whatever stands in the DNS, reading ends, and what is said about it can be shown.
        #[test]
        fn no_text_breaks_the_reader(text in ".{0,400}") {
            for text in [text.clone(), format!("v=spf1 {text}")] {
                if let Err(why) = Record::parse(&text) {
                    prop_assert!(!why.contains(['\n', '\r', '\0']), "{why:?}");
                }
            }
        }

        /// What is read is read alike when it is written again.
        #[test]
        fn terms_keep_their_text(
            terms in proptest::collection::vec(
                "[-+~?]?(a|mx|ip4:192\\.0\\.2\\.[0-9]|include:[a-z]{1,9}\\.test|a:[a-z]{1,5}\\.test/2[0-4])",
                0..9,
            )
        ) {
            let text = format!("v=spf1 {}", terms.join(" "));
            let once = Record::parse(&text).unwrap();
            let again: Vec<_> = once.terms.iter().map(|term| term.text.clone()).collect();
            prop_assert_eq!(Record::parse(&format!("v=spf1 {}", again.join(" "))).unwrap(), once);
        }
    }
}
