//! Looking for secrets in a heap of bytes, in every form that they could have taken.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use doorkey::secret::{Token, sha256};

/// What must not be found, by what it is called.
#[derive(Default)]
pub struct Secrets {
    known: Vec<(String, String)>,
}

impl Secrets {
    /// Remembers one.
    pub fn add(&mut self, label: &str, secret: &str) {
        assert!(secret.len() >= 5, "{label}: too short to look for");
        if !self.known.iter().any(|(_, known)| known == secret) {
            self.known.push((label.to_owned(), secret.to_owned()));
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Everything to look for. With digests where those have no place either.
    pub fn needles(&self, with_digests: bool) -> Needles {
        let mut needles = Needles::default();
        for (label, secret) in &self.known {
            needles.forms(label, secret.as_bytes());
            if Token::parse(secret).is_some() {
                let bytes = URL_SAFE_NO_PAD.decode(secret).unwrap();
                needles.forms(&format!("{label}, decoded"), &bytes);
                if with_digests {
                    needles.forms(&format!("{label}, digest"), &sha256(&bytes));
                }
            }
        }
        needles
    }
}

/// Byte strings, found by their first two bytes.
#[derive(Default)]
pub struct Needles {
    all: Vec<(String, Vec<u8>)>,
    by_start: HashMap<[u8; 2], Vec<usize>>,
}

impl Needles {
    fn push(&mut self, label: &str, form: &str, bytes: Vec<u8>) {
        self.by_start.entry([bytes[0], bytes[1]]).or_default().push(self.all.len());
        self.all.push((format!("{label} ({form})"), bytes));
    }

    /// A secret as it is, and as it is written down.
    fn forms(&mut self, label: &str, secret: &[u8]) {
        self.push(label, "raw", secret.to_vec());
        let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        self.push(label, "hex", hex.to_uppercase().into_bytes());
        self.push(label, "hex", hex.into_bytes());
        let percent: String = secret.iter().map(|b| format!("%{b:02X}")).collect();
        self.push(label, "percent", percent.to_lowercase().into_bytes());
        self.push(label, "percent", percent.into_bytes());
        let form: String = url::form_urlencoded::byte_serialize(secret).collect();
        self.push(label, "form", form.replace('+', "%20").into_bytes());
        self.push(label, "form", form.into_bytes());
        let list = format!("{secret:?}");
        self.push(label, "list", list.trim_matches(['[', ']']).as_bytes().to_vec());
        for shift in 0..3 {
            // Inside of something longer, the same bytes are spelled in three ways.
            let shifted = [&[0; 2][..shift], secret].concat();
            let start = [0, 2, 3][shift];
            for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
                self.push(label, "base64", text.as_bytes()[start..text.len() - 1].to_vec());
            }
        }
    }

    /// What of it stands in `heap`.
    pub fn found_in(&self, heap: &[u8]) -> Vec<&str> {
        let mut starts = vec![false; 65_536];
        let place = |start: [u8; 2]| usize::from(u16::from_be_bytes(start));
        self.by_start.keys().for_each(|start| starts[place(*start)] = true);
        let mut found = Vec::new();
        for (at, pair) in heap.windows(2).enumerate() {
            let start = [pair[0], pair[1]];
            if starts[place(start)] {
                let hits = self.by_start[&start]
                    .iter()
                    .filter(|i| heap[at..].starts_with(&self.all[**i].1));
                found.extend(hits.map(|i| self.all[*i].0.as_str()));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[test]
fn every_form_is_found() {
    let token = Token::new().reveal();
    let mut secrets = Secrets::default();
    secrets.add("token", &token);
    secrets.add("password", "correct horse/battery");
    let needles = secrets.needles(true);
    let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    for (heap, label) in [
        (format!("x{token}x").into_bytes(), "token (raw)"),
        ([b"xx", &bytes[..], b"x"].concat(), "token, decoded (raw)"),
        (format!("\\x{hex}").into_bytes(), "token, decoded (hex)"),
        (URL_SAFE_NO_PAD.encode(format!("a{token}bc")).into_bytes(), "token (base64)"),
        (URL_SAFE_NO_PAD.encode(sha256(&bytes)).into_bytes(), "token, digest (base64)"),
        (format!("{bytes:?}").into_bytes(), "token, decoded (list)"),
        (b"p=correct+horse%2Fbattery&".to_vec(), "password (form)"),
        (STANDARD_NO_PAD.encode("ab correct horse/battery").into_bytes(), "password (base64)"),
    ] {
        let found = needles.found_in(&heap);
        assert!(found.contains(&label), "{label} not among {found:?}");
    }
    assert!(needles.found_in(b"correct horse battery, and nothing else").is_empty());
}
