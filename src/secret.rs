//! Secrets: how they are made, digested, sealed, and kept from being printed.
//!
//! A bearer secret (a link's token, a session cookie) exists in clear only in the mail or the
//! browser; the database holds its SHA-256. Whatever must be read again later (a typed address)
//! is sealed with a key derived from the installation's one secret.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Fills a buffer from the operating system's generator.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe can be done then.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random generator answers");
    bytes
}

/// A span between half of `longest` and all of it: what many wait for at once shall not end for all
/// at the same moment.
pub fn jitter(longest: i64) -> i64 {
    let half = longest / 2;
    let draw = i64::from(u32::from_le_bytes(random()));
    longest - half + half.saturating_mul(draw) / i64::from(u32::MAX)
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What the database keeps of a bearer secret: its SHA-256. Safe to store, useless to present.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// A bearer secret: 32 random bytes, written as 43 characters of unpadded base64url (RFC 4648, 5).
pub struct Token(Zeroizing<[u8; 32]>);

impl Token {
    /// A fresh token from the operating system's generator.
    pub fn new() -> Self {
        Self(Zeroizing::new(random()))
    }

    /// Reads a presented token. Exactly one spelling is accepted: 43 characters of base64url whose
    /// unused trailing bits are zero; anything else is no token.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 43 {
            return None;
        }
        let bytes = Zeroizing::new(B64.decode(text).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// The form that travels in a mail or a cookie. The caller must not log it.
    pub fn reveal(&self) -> String {
        B64.encode(self.0.as_slice())
    }

    /// The form that is stored and looked up.
    pub fn digest(&self) -> Digest {
        Digest(sha256(self.0.as_slice()))
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The installation's one secret, from which every other key is derived by purpose.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Takes 32 bytes as the installation's secret.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads the base64 form of the configuration (RFC 4648, padded or not, either alphabet).
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text
            .trim()
            .trim_end_matches('=')
            .chars()
            .map(|c| match c {
                '+' => '-',
                '/' => '_',
                c => c,
            })
            .collect();
        let bytes = Zeroizing::new(B64.decode(Zeroizing::new(plain).as_bytes()).ok()?);
        Some(Self::new(bytes.as_slice().try_into().ok()?))
    }

    /// A key for one purpose: HMAC-SHA-256 of the purpose's name under the secret.
    pub fn derive(&self, purpose: &str) -> Key {
        Key(Zeroizing::new(hmac_sha256(self.0.as_slice(), purpose.as_bytes())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A 32-byte key for one purpose.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The raw key, for a library that takes bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A keyed digest (HMAC-SHA-256) of `data`, as 43 characters of base64url: a name under which
    /// something can be counted without storing what it is.
    pub fn tag(&self, data: &str) -> String {
        B64.encode(hmac_sha256(self.0.as_slice(), data.as_bytes()))
    }

    /// A keyed digest (HMAC-SHA-256) of `data`, raw: what a chain of entries is tied with.
    pub fn mac(&self, data: &[u8]) -> [u8; 32] {
        hmac_sha256(self.0.as_slice(), data)
    }

    /// Seals `plain` (XChaCha20-Poly1305, random 24-byte nonce in front). `context` is bound to the
    /// result: what was sealed for one row cannot be opened as another's.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; 24] = random();
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let mut out = nonce.to_vec();
        out.extend(
            self.cipher()
                .encrypt(&XNonce::from(nonce), payload)
                .expect("XChaCha20-Poly1305 seals any message below 256 GiB"),
        );
        out
    }

    /// Opens what [`Key::seal`] made with the same `context`; `None` for anything else.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, msg) = sealed.split_first_chunk::<24>()?;
        let payload = Payload { msg, aad: context.as_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// HMAC-SHA-256 (RFC 2104), for keys that others chose; ours are [`Key`]s.
///
/// # Panics
/// Never: HMAC takes a key of any length.
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_exactly_one_spelling() {
        let token = Token::new();
        let text = token.reveal();
        assert_eq!(Token::parse(&text).unwrap().digest(), token.digest());
        for wrong in [format!("{text}="), format!(" {text}"), text[1..].to_owned(), String::new()] {
            assert!(Token::parse(&wrong).is_none(), "{} characters", wrong.len());
        }
        // 43 characters carry 258 bits: the last two must be zero, or two spellings would exist.
        let last = text.chars().last().unwrap();
        let twin = B64_ALPHABET[(B64_ALPHABET.iter().position(|c| *c == last as u8).unwrap()) | 1];
        let twin = format!("{}{}", &text[..42], twin as char);
        assert!(Token::parse(&twin).is_none());
    }

    const B64_ALPHABET: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    #[test]
    fn a_sealed_value_opens_only_in_its_own_context() {
        let key = Secret::new([7; 32]).derive("test");
        let sealed = key.seal("row 1", b"ada@example.test");
        assert_eq!(key.open("row 1", &sealed).unwrap().as_slice(), b"ada@example.test");
        assert!(key.open("row 2", &sealed).is_none());
        assert!(Secret::new([8; 32]).derive("test").open("row 1", &sealed).is_none());
        assert!(key.open("row 1", &sealed[..20]).is_none());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let secret = Secret::new([65; 32]);
        let shown = format!("{:?} {:?} {:?}", secret, secret.derive("x"), Token::new());
        assert_eq!(shown, "Secret(…) Key(…) Token(…)");
    }
}
