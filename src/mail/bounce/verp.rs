//! Addresses that say which mail they belong to (VERP, variable envelope return path). A mail leaves
//! with `shop+b-TAG@example.com` as its envelope sender, and its Message-ID ends in the same mark; so
//! whatever comes back, in whatever form, names the mail.
//!
//! The tag is the id of the mail's row and a keyed digest of it, in a base 32 that survives servers
//! which change case. Nobody can make one for another mail; a tag opens nothing, it only names. Plus
//! addressing is what every mail server can route. The domain stays that of the sender, or SPF would
//! not speak for the mail any more (RFC 7489, 3.1.2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

use crate::address::EmailAddress;
use crate::config::BounceConfig;
use crate::secret::{self, Key};

/// Letters of a tag: digits and letters that are not mistaken for others, in one case.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Bytes of the keyed digest: 64 bits, and no way to try them but by sending us mail.
const MAC: usize = 8;
/// Bytes of a tag: id and digest.
const BYTES: usize = 16 + MAC;
/// Letters of a tag: 195 bits for 192; the last three are zero.
const TAG: usize = 39;
/// Longest local part (RFC 5321, 4.5.3.1.1).
const LOCAL: usize = 64;
/// Longest local part that a mark can be added to: `+`, a letter, `-` and the tag have to fit, too.
pub const ROOM: usize = LOCAL - 3 - TAG;

/// What a tagged address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The envelope sender of a mail of the outbox: what comes back, comes here.
    Bounce,
    /// The recipient of a test mail that is to come home.
    Probe,
}

impl Use {
    fn letter(self) -> char {
        match self {
            Self::Bounce => 'b',
            Self::Probe => 't',
        }
    }

    fn of(letter: u8) -> Option<Self> {
        [Self::Bounce, Self::Probe].into_iter().find(|u| u.letter() == char::from(letter))
    }
}

/// What a genuine tag names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What for.
    pub usage: Use,
    /// The row.
    pub id: String,
}

/// Makes and reads tags.
#[derive(Clone, Debug)]
pub struct Verp {
    key: Key,
    is_on: bool,
    address: Option<EmailAddress>,
    has_postmark: bool,
}

impl Verp {
    /// With the key that tags are made with, and the settings.
    pub fn new(key: Key, config: &BounceConfig) -> Self {
        let address = config.address.as_deref().and_then(EmailAddress::parse);
        Self { key, is_on: config.verp, address, has_postmark: config.postmark.is_some() }
    }

    /// The envelope sender of a mail in the name of `sender`. Without a tag where tags are switched
    /// off or the local part has no room for one: the Message-ID then has to do.
    pub fn envelope(&self, sender: &str, mail_id: &str) -> String {
        let base = self.base(sender);
        let tagged = self.is_on.then(|| self.tagged(Use::Bounce, base, mail_id)).flatten();
        tagged.unwrap_or_else(|| base.to_owned())
    }

    /// The address that tags are added to: the configured one, else the sender's own.
    pub fn base<'a>(&'a self, sender: &'a str) -> &'a str {
        self.address.as_ref().map_or(sender, EmailAddress::as_str)
    }

    /// `base` with a tag for the row `id`; `None` where there is no room, or `id` is no UUID.
    pub fn tagged(&self, usage: Use, base: &str, id: &str) -> Option<String> {
        let (local, domain) = base.rsplit_once('@').filter(|_| has_room(base))?;
        let mark = self.mark(usage, id)?;
        Some(format!("{local}+{mark}@{domain}"))
    }

    /// Reads an address; `None` unless its tag is genuine.
    pub fn read(&self, address: &str) -> Option<Tag> {
        let local = address.trim().trim_matches(['<', '>']).rsplit_once('@')?.0;
        self.read_mark(local.rsplit_once('+')?.1)
    }

    /// A fresh Message-ID, without its angle brackets: unguessable, another one at each try, and
    /// readable by [`Verp::in_message_id`].
    pub fn message_id(&self, mail_id: &str, domain: &str) -> String {
        let random = B64.encode(secret::random::<18>());
        match self.mark(Use::Bounce, mail_id) {
            Some(mark) => format!("{random}.{mark}@{domain}"),
            None => format!("{random}@{domain}"),
        }
    }

    /// The mail that a Message-ID of ours names.
    pub fn in_message_id(&self, text: &str) -> Option<Tag> {
        let local = text.trim().trim_matches(['<', '>']).rsplit_once('@')?.0;
        self.read_mark(local.rsplit_once('.')?.1)
    }

    /// Any of the forms in which a clue comes: an address, a Message-ID, the bare mark.
    pub fn read_any(&self, clue: &str) -> Option<Tag> {
        self.read(clue).or_else(|| self.in_message_id(clue)).or_else(|| self.read_mark(clue.trim()))
    }

    /// Headers for providers that put others in the place of sender and Message-ID: Postmark reports
    /// what it was given as metadata, and takes these headers out of the mail.
    pub fn headers(&self, mail_id: &str) -> Vec<(&'static str, String)> {
        let mark = self.mark(Use::Bounce, mail_id).filter(|_| self.has_postmark);
        mark.map(|mark| ("X-PM-Metadata-doorkey", mark)).into_iter().collect()
    }

    /// What an address is called in a mail's row: to be compared, not to be read.
    pub fn recipient(&self, merchant_id: &str, email_key: &str) -> String {
        self.key.tag(&format!("recipient\n{merchant_id}\n{email_key}"))
    }

    fn mark(&self, usage: Use, id: &str) -> Option<String> {
        let id = uuid::Uuid::try_parse(id).ok()?.into_bytes();
        let mut bytes = [0; BYTES];
        bytes[..16].copy_from_slice(&id);
        bytes[16..].copy_from_slice(&self.mac(usage, &id));
        Some(format!("{}-{}", usage.letter(), spell(&bytes)))
    }

    fn read_mark(&self, mark: &str) -> Option<Tag> {
        let mark = mark.to_ascii_lowercase();
        let (letter, tag) = mark.split_once('-')?;
        let [letter] = *letter.as_bytes() else { return None };
        let (usage, bytes) = (Use::of(letter)?, unspell(tag)?);
        let (id, mac) = bytes.split_first_chunk::<16>()?;
        // Without a branch that depends on how much of it is right.
        let wrong = self.mac(usage, id).iter().zip(mac).fold(0, |wrong, (a, b)| wrong | (a ^ b));
        let id = uuid::Uuid::from_bytes(*id).to_string();
        (wrong == 0).then_some(Tag { usage, id })
    }

    fn mac(&self, usage: Use, id: &[u8; 16]) -> [u8; MAC] {
        let whole = self.key.mac(&[&b"verp 1 "[..], &[usage.letter() as u8], id].concat());
        let mut short = [0; MAC];
        short.copy_from_slice(&whole[..MAC]);
        short
    }
}

/// Whether a mark can be added to an address.
pub fn has_room(base: &str) -> bool {
    base.rsplit_once('@').is_some_and(|(local, _)| local.len() <= ROOM)
}

fn spell(bytes: &[u8; BYTES]) -> String {
    let bit = |i: usize| bytes.get(i / 8).map_or(0, |byte| usize::from(byte >> (7 - i % 8) & 1));
    let letter = |n: usize| (0..5).fold(0, |value, i| value << 1 | bit(n * 5 + i));
    (0..TAG).map(|n| char::from(LETTERS[letter(n)])).collect()
}

/// Exactly one spelling is read, but for case.
fn unspell(text: &str) -> Option<[u8; BYTES]> {
    if text.len() != TAG {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (n, letter) in text.bytes().enumerate() {
        let value = LETTERS.iter().position(|l| *l == letter)?;
        for i in 0..5 {
            if value >> (4 - i) & 1 == 1 {
                let at = n * 5 + i;
                *bytes.get_mut(at / 8)? |= 1 << (7 - at % 8);
            }
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::Secret;

    fn verp(secret: u8, config: &BounceConfig) -> Verp {
        Verp::new(Secret::new([secret; 32]).derive("bounces"), config)
    }

    #[test]
    fn a_tag_is_read_in_any_case_and_for_its_own_use_and_installation_alone() {
        let ours = verp(7, &BounceConfig::default());
        let id = crate::new_id();
        let address = ours.envelope("shop@example.test", &id);
        assert!(address.len() <= 64 + 1 + 12 && address.ends_with("@example.test"), "{address}");
        assert!(EmailAddress::parse(&address).is_some(), "{address}");
        let found = Tag { usage: Use::Bounce, id: id.clone() };
        assert_eq!(ours.read(&address).unwrap(), found);
        assert_eq!(ours.read(&format!("<{}>", address.to_uppercase())).unwrap(), found);
        assert_eq!(verp(8, &BounceConfig::default()).read(&address), None, "another secret");
        let probe = ours.tagged(Use::Probe, "shop@example.test", &id).unwrap();
        assert_eq!(ours.read(&probe).unwrap().usage, Use::Probe);
        assert_eq!(ours.read(&probe.replace("+t-", "+b-")), None, "another use");
        let message_id = ours.message_id(&id, "example.test");
        assert_ne!(message_id, ours.message_id(&id, "example.test"));
        assert_eq!(ours.in_message_id(&format!("<{message_id}>")).unwrap(), found);
        for clue in [&address, &message_id] {
            assert_eq!(ours.read_any(clue).unwrap(), found);
        }
    }

    #[test]
    fn settings_choose_the_address_and_whether_it_has_a_tag() {
        let id = crate::new_id();
        let sender = "a-rather-long-sender-name@example.test";
        let plain = verp(7, &BounceConfig { verp: false, ..Default::default() });
        assert_eq!(plain.envelope(sender, &id), sender);
        assert_eq!(verp(7, &BounceConfig::default()).envelope(sender, &id), sender, "no room");
        let address = Some("back@m.example.test".to_owned());
        let other = verp(7, &BounceConfig { address, ..Default::default() });
        let made = other.envelope(sender, &id);
        assert!(made.starts_with("back+b-") && made.ends_with("@m.example.test"), "{made}");
        assert_eq!(other.read(&made).unwrap().id, id);
        assert_eq!(other.envelope(sender, "no-uuid"), "back@m.example.test");
        // The longest that fits, and one more.
        let (most, more) = ("m".repeat(ROOM), "m".repeat(ROOM + 1));
        let marked = other.tagged(Use::Probe, &format!("{most}@example.test"), &id).unwrap();
        assert_eq!(marked.rsplit_once('@').unwrap().0.len(), LOCAL);
        assert!(EmailAddress::parse(&marked).is_some(), "{marked}");
        assert_eq!(other.tagged(Use::Probe, &format!("{more}@example.test"), &id), None);
        assert!(other.headers(&id).is_empty());
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_tag(text in ".{0,120}", at in 0usize..39, letter in 0usize..32) {
            let ours = verp(7, &BounceConfig::default());
            prop_assert_eq!(ours.read_any(&text), None);
            let address = ours.envelope("shop@example.test", "0190163d-8694-739b-aea5-966c26f8ad91");
            let start = "shop+b-".len();
            let mut forged = address.clone().into_bytes();
            forged[start + at] = LETTERS[letter];
            let forged = String::from_utf8(forged).unwrap();
            prop_assert_eq!(ours.read(&forged).is_some(), forged == address);
        }
    }
}
