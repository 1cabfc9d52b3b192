//! Tag lists, `a=b; c=d`, of which DKIM and DMARC records consist (RFC 6376, 3.2; RFC 9989, 4.7).

/// Tags that are looked at.
const MOST: usize = 64;

/// A tag list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<(String, String)>);

impl Tags {
    /// Reads a list. Names are put in lower case, spaces around names and values do not count.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or("a part of it is no tag")?;
            let name = name.trim().to_ascii_lowercase();
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err("a tag of it has no proper name".into());
            }
            if tags.iter().any(|(other, _)| *other == name) {
                return Err(format!("{name}= stands in it twice"));
            }
            if tags.len() == MOST {
                return Err(format!("it has more than {MOST} tags"));
            }
            tags.push((name, value.trim().to_owned()));
        }
        Ok(Self(tags))
    }

    /// A tag's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The name of the first tag.
    pub fn first(&self) -> Option<&str> {
        self.0.first().map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_read_as_they_are_written() {
        let tags = Tags::parse("v=DMARC1; P = none ;rua=mailto:a@x.test;").unwrap();
        assert_eq!((tags.first(), tags.get("p")), (Some("v"), Some("none")));
        assert_eq!(tags.get("rua"), Some("mailto:a@x.test"));
        for wrong in ["v", "=x", "p=a;p=b", "a b=c"] {
            assert!(Tags::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in ".{0,600}") {
            if let Err(why) = Tags::parse(&text) {
                prop_assert!(why.len() < 100 + text.len());
            }
        }

        #[test]
        fn what_is_written_is_read(pairs in proptest::collection::btree_map("[a-z]{1,8}", "[a-zA-Z0-9+/:@.]{0,30}", 0..12)) {
            let text = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ");
            let tags = Tags::parse(&text).unwrap();
            for (name, value) in &pairs {
                prop_assert_eq!(tags.get(name), Some(value.as_str()));
            }
        }
    }
}
