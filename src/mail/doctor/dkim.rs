//! The DKIM records of a sender domain, compared with the keys that sign its mail (RFC 6376, 3.6;
//! RFC 8463).

use super::tags::Tags;
use super::{Check, Level, Publish, Topic};
use crate::db::{self, Db};
use crate::mail::dkim::{self, DomainKey, Record, State};
use crate::mail::dns::{Answer, Dns, Text, Trouble, printable};

/// A key and the record that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `selector._domainkey.example.com`
    pub name: String,
    /// The record's text.
    pub value: String,
    /// Whether mails are signed with it now; otherwise it is to take over.
    pub signs: bool,
}

/// The keys of a domain whose records have to be in the DNS: those that sign, and those to come. The
/// record of a retired one may go by itself.
pub async fn keys(db: &Db, merchant_id: &str, domain: &str) -> db::Result<Vec<Wanted>> {
    let keys = dkim::of_domain(db, merchant_id, domain).await?;
    let wanted = |key: &DomainKey| {
        let signs = key.state() == State::Signing;
        let Record { name, value } = key.record();
        (signs || key.state() == State::Waiting).then_some(Wanted { name, value, signs })
    };
    Ok(keys.iter().filter_map(wanted).collect())
}

/// Looks up the record of every key.
pub(super) async fn check(dns: &Dns, domain: &str, keys: &[Wanted]) -> Check {
    if !keys.iter().any(|key| key.signs) {
        return Check::new(
            Topic::Dkim,
            Level::Warn,
            format!("Doorkey does not sign mail of {domain}. The mail server may do so itself."),
        )
        .todo("Make a signing key under Email delivery, Signing keys; or send a test mail to see whether the mail server signs.");
    }
    let mut worst =
        Check::ok(Topic::Dkim, format!("Mail of {domain} is signed, and the keys in the DNS fit."));
    let mut details = Vec::new();
    for key in keys {
        let (mut level, said) = compare(&key.value, &dns.txt(&key.name).await);
        // A key that does not sign yet spoils no mail.
        if !key.signs && level == Level::Fail {
            level = Level::Warn;
        }
        let role = if key.signs { "signs" } else { "takes over next" };
        details.push(format!("{} ({role}): {said}.", key.name));
        if (level.rank(), level == Level::Unknown)
            > (worst.level.rank(), worst.level == Level::Unknown)
        {
            worst = Check::new(Topic::Dkim, level, format!("{}: {said}.", key.name));
        }
        if level != Level::Ok && level != Level::Unknown {
            worst.publish.push(Publish::txt(&key.name, &key.value));
        }
    }
    worst.todo = match worst.level {
        Level::Ok => None,
        Level::Unknown => Some("Check again later: nothing is known to be wrong.".into()),
        _ => Some("Publish the record exactly as it stands here. Until it is there, other mail servers take the signatures for wrong.".into()),
    };
    worst.details = details;
    worst
}

/// What is wrong with the record of a key, if that is known.
pub(super) async fn wrong(dns: &Dns, key: &DomainKey) -> Option<String> {
    let Record { name, value } = key.record();
    let (level, said) = compare(&value, &dns.txt(&name).await);
    (level == Level::Fail).then_some(said)
}

/// What is in the DNS against what should be there.
fn compare(wanted: &str, found: &Answer<Vec<Text>>) -> (Level, String) {
    let texts = match found {
        Ok(texts) => texts,
        Err(trouble @ (Trouble::NoName | Trouble::NoRecord)) => {
            return (Level::Fail, format!("the record is missing ({trouble})"));
        }
        Err(trouble) => return (Level::Unknown, trouble.to_string()),
    };
    let keys: Vec<&Text> = texts.iter().filter(|t| is_key(&t.text)).collect();
    match &keys[..] {
        [] => (Level::Fail, "there is a TXT record, but none that is a DKIM key".into()),
        [one] => compare_one(wanted, one),
        more => {
            let said = format!("there are {} records where one must be", more.len());
            (Level::Fail, said)
        }
    }
}

fn is_key(text: &str) -> bool {
    Tags::parse(text).is_ok_and(|tags| tags.get("p").is_some())
        || text.trim_start().starts_with("v=DKIM1")
}

fn compare_one(wanted: &str, found: &Text) -> (Level, String) {
    if found.cut {
        return (Level::Fail, "the record is longer than any key".into());
    }
    let (Ok(wanted), tags) = (Tags::parse(wanted), Tags::parse(&found.text)) else {
        return (Level::Unknown, "the key in use cannot be read".into());
    };
    let tags = match tags {
        Ok(tags) => tags,
        Err(why) => return (Level::Fail, format!("the record cannot be used: {why}")),
    };
    let packed = |tags: &Tags| {
        let p = tags.get("p").unwrap_or_default();
        p.chars().filter(|c| !c.is_whitespace()).collect::<String>()
    };
    let kind = |tags: &Tags| tags.get("k").unwrap_or("rsa").to_ascii_lowercase();
    let version = tags.get("v");
    if version.is_some_and(|v| v != "DKIM1") || (version.is_some() && tags.first() != Some("v")) {
        return (Level::Fail, "the record does not begin with v=DKIM1".into());
    }
    if packed(&tags).is_empty() {
        return (Level::Fail, "the key is revoked: its p= is empty".into());
    }
    if kind(&tags) != kind(&wanted) {
        return (
            Level::Fail,
            format!("the record holds a key of another kind ({})", printable(&kind(&tags))),
        );
    }
    if packed(&tags) != packed(&wanted) {
        return (Level::Fail, "the record holds another key than the one that signs".into());
    }
    let listed = |name: &str, wanted: &str| {
        tags.get(name)
            .is_none_or(|list| list.split(':').any(|v| v.trim() == wanted || v.trim() == "*"))
    };
    if !listed("h", "sha256") {
        return (Level::Fail, "the record's h= leaves out sha256".into());
    }
    if !listed("s", "email") {
        return (Level::Fail, "the record's s= is not for email".into());
    }
    if tags.get("t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y")) {
        return (Level::Warn, "the key fits, but t=y says that it is only a test".into());
    }
    (Level::Ok, "the record fits the key".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTED: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn one(text: &str) -> (Level, String) {
        compare(WANTED, &Ok(vec![Text { text: text.into(), cut: false }]))
    }

    #[test]
    fn the_record_is_compared_with_the_key() {
        assert_eq!(one(WANTED).0, Level::Ok);
        assert_eq!(
            one("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7Ty WQHOg7hcvPapiMlrwIaaPcHURo=").0,
            Level::Ok
        );
        for (text, level, says) in [
            ("v=DKIM1; k=ed25519; p=", Level::Fail, "revoked"),
            ("v=DKIM1; k=ed25519; p=AAAA", Level::Fail, "another key"),
            (
                "v=DKIM1; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
                Level::Fail,
                "another kind",
            ),
            (&format!("{WANTED}; t=y"), Level::Warn, "test"),
            (&format!("{WANTED}; h=sha1"), Level::Fail, "h="),
            (&format!("{WANTED}; s=web"), Level::Fail, "s="),
            (&format!("k=ed25519; {}", &WANTED[..9]), Level::Fail, "none that is a DKIM key"),
            ("hello", Level::Fail, "none that is a DKIM key"),
        ] {
            let (found, said) = one(text);
            assert!(found == level && said.contains(says), "{text}: {found:?} {said}");
        }
        let two = vec![Text { text: WANTED.into(), cut: false }; 2];
        assert!(compare(WANTED, &Ok(two)).1.contains("2 records"));
        assert_eq!(compare(WANTED, &Err(Trouble::NoName)).0, Level::Fail);
        assert_eq!(compare(WANTED, &Err(Trouble::NoAnswer("x"))).0, Level::Unknown);
    }

    proptest! {
        /// No other text is taken for the key, and what is said about it can be shown.
        #[test]
        fn no_record_breaks_the_comparison(text in ".{0,300}") {
            for text in [text.clone(), format!("v=DKIM1; k=ed25519; p={text}"), format!("{WANTED}; {text}")] {
                let (level, said) = one(&text);
                prop_assert!(!said.contains(['\n', '\r', '\0']), "{said:?}");
                prop_assert!(level != Level::Ok || text.contains("11qYAYKxCrfVS"), "{text}");
            }
        }
    }
}
