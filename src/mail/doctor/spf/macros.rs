//! Macros in the domains of SPF records (RFC 7208, 7): `%{ir}.sbl.example.org`.

use std::net::IpAddr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is left as it is by an upper-case macro letter (RFC 3986, 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A domain that may hold macros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Macros(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value { letter: u8, escaped: bool, keep: Option<usize>, reversed: bool, split: Vec<char> },
}

/// What macros stand for.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The envelope's sender.
    pub sender: &'a str,
    /// The domain of the record that is evaluated.
    pub domain: &'a str,
    /// Who sends.
    pub ip: IpAddr,
}

impl Macros {
    /// Reads a domain.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find('%') {
            if at > 0 {
                parts.push(Part::Text(rest[..at].to_owned()));
            }
            rest = &rest[at + 1..];
            let (part, length) = match rest.as_bytes().first() {
                Some(b'%') => (Part::Text("%".into()), 1),
                Some(b'_') => (Part::Text(" ".into()), 1),
                Some(b'-') => (Part::Text("%20".into()), 1),
                Some(b'{') => {
                    let end = rest.find('}').ok_or("has a macro without an end")?;
                    (value(&rest[1..end])?, end + 1)
                }
                _ => return Err("has a % that begins no macro".into()),
            };
            parts.push(part);
            rest = &rest[length..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The domain that it stands for: at most 253 bytes, by dropping labels from the left (7.3).
    pub fn expand(&self, facts: &Facts<'_>) -> String {
        let mut name = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Value { letter, escaped, keep, reversed, split } => {
                    let whole = meaning(*letter, facts);
                    let delimiters: &[char] = if split.is_empty() { &['.'] } else { split };
                    let mut labels: Vec<&str> = whole.split(delimiters).collect();
                    if *reversed {
                        labels.reverse();
                    }
                    let from = keep.map_or(0, |keep| labels.len().saturating_sub(keep));
                    let value = labels[from..].join(".");
                    if *escaped {
                        name.extend(utf8_percent_encode(&value, UNRESERVED));
                    } else {
                        name.push_str(&value);
                    }
                }
            }
            // Values are bounded, their number is not: nothing longer is of use.
            if name.len() > 8 * 1024 {
                break;
            }
        }
        while name.len() > 253 {
            match name.split_once('.') {
                Some((_, rest)) => name = rest.to_owned(),
                None => break,
            }
        }
        name.strip_suffix('.').unwrap_or(&name).to_owned()
    }
}

fn value(text: &str) -> Result<Part, String> {
    let unknown = || format!("has the macro %{{{text}}}, which does not exist");
    let letter = *text.as_bytes().first().ok_or_else(unknown)?;
    if !b"slodiphcrtv".contains(&letter.to_ascii_lowercase()) {
        return Err(unknown());
    }
    let rest = &text[1..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let keep = match &rest[..digits] {
        "" => None,
        digits => Some(digits.parse().ok().filter(|n| (1..=128).contains(n)).ok_or_else(unknown)?),
    };
    let rest = &rest[digits..];
    let reversed = rest.starts_with(['r', 'R']);
    let split: Vec<char> = rest[usize::from(reversed)..].chars().collect();
    if !split.iter().all(|c| ".-+,/_=".contains(*c)) {
        return Err(unknown());
    }
    let escaped = letter.is_ascii_uppercase();
    Ok(Part::Value { letter: letter.to_ascii_lowercase(), escaped, keep, reversed, split })
}

fn meaning(letter: u8, facts: &Facts<'_>) -> String {
    let (local, domain) = facts.sender.rsplit_once('@').unwrap_or(("postmaster", facts.sender));
    match letter {
        b's' => facts.sender.to_owned(),
        b'l' => local.to_owned(),
        b'o' => domain.to_owned(),
        b'd' => facts.domain.to_owned(),
        b'i' => match facts.ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => {
                let nibbles = ip.octets().into_iter().flat_map(|b| [b >> 4, b & 15]);
                nibbles.map(|n| format!("{n:x}")).collect::<Vec<_>>().join(".")
            }
        },
        b'c' => facts.ip.to_string(),
        b'v' => if facts.ip.is_ipv4() { "in-addr" } else { "ip6" }.to_owned(),
        b'h' => domain.to_owned(),
        // The validated name of the address: asking for it is discouraged, and unknown is a value.
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The examples of RFC 7208, 7.4.
    #[test]
    fn macros_expand_as_the_standard_shows() {
        let mut facts = Facts {
            sender: "strong-bad@email.example.com",
            domain: "email.example.com",
            ip: "192.0.2.3".parse().unwrap(),
        };
        for (text, expanded) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l-}", "strong.bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
            ("a%%b", "a%b"),
            ("%{S}", "strong-bad%40email.example.com"),
        ] {
            assert_eq!(Macros::parse(text).unwrap().expand(&facts), expanded, "{text}");
        }
        facts.ip = "2001:db8::cb01".parse().unwrap();
        assert_eq!(
            Macros::parse("%{ir}.%{v}._spf.%{d2}").unwrap().expand(&facts),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
        );
        for wrong in ["%", "%{", "%{x}", "%{d0}", "%{d!}", "%a"] {
            assert!(Macros::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_expanded_stays_short(text in ".{0,300}", sender in "[a-z.@-]{0,80}") {
            let facts = Facts { sender: &sender, domain: "x.test", ip: "2001:db8::1".parse().unwrap() };
            if let Ok(macros) = Macros::parse(&text) {
                let name = macros.expand(&facts);
                prop_assert!(name.len() <= 253 || !name.contains('.'), "{}", name.len());
            }
        }
    }
}
