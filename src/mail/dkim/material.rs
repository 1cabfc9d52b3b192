//! Making a pair of keys, and what they look like at rest.

use std::convert::Infallible;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use mail_auth::common::crypto::Ed25519Key;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use rsa::rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use super::Algorithm;
use crate::secret::random;

/// Of the RSA modulus. The library's own choice, 3072, takes three times as long for each signature
/// and a record of three strings, which more DNS forms get wrong than right; receivers must take
/// 2048 (RFC 8301, 3.2).
const RSA_BITS: usize = 2048;

/// One key: its private half as PKCS #8, its public half as records hold it.
pub(super) struct Material {
    pub algorithm: Algorithm,
    pub private: Zeroizing<Vec<u8>>,
    pub public: String,
}

/// A fresh pair, in memory alone.
pub struct Pair {
    pub(super) name: String,
    pub(super) keys: Vec<Material>,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pair({})", self.name)
    }
}

impl Pair {
    /// What both selectors begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a pair on a thread of its own: finding the primes takes a good part of a second.
    ///
    /// # Panics
    /// When the operating system has no randomness to give, as [`crate::secret::random`].
    pub async fn generate() -> Self {
        tokio::task::spawn_blocking(Self::generate_here).await.expect("making keys does not panic")
    }

    /// The same on this thread.
    fn generate_here() -> Self {
        let rsa = rsa::PrivateKey::new(&mut System, RSA_BITS).expect("2048 bits make a key");
        let private = rsa.to_pkcs8_der().expect("a fresh key can be written");
        let public = rsa.as_public_key().to_public_key_der().expect("a fresh key can be written");
        let rsa = Material {
            algorithm: Algorithm::Rsa,
            private: Zeroizing::new(private.as_bytes().to_vec()),
            public: B64.encode(public.as_bytes()),
        };
        let private = Ed25519Key::generate_pkcs8().expect("the operating system has randomness");
        let private = Zeroizing::new(private);
        let key = Ed25519Key::from_pkcs8_der(&private).expect("a fresh key can be read");
        let ed25519 = Material {
            algorithm: Algorithm::Ed25519,
            private,
            public: B64.encode(key.public_key()),
        };
        Self { name: name(), keys: vec![rsa, ed25519] }
    }
}

/// The operating system's generator, for the library that looks for primes.
struct System;

impl TryRng for System {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(random()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(random()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(32) {
            chunk.copy_from_slice(&Zeroizing::new(random::<32>())[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for System {}

/// A selector tells nobody anything; it must only never have been used before in this domain, or
/// whoever kept the old record would reject the new key's signatures.
fn name() -> String {
    let number = u64::from_le_bytes(random());
    format!("doorkey-{}", crate::spell(number).replace('-', "").to_lowercase())
}

/// The selector of one key of a pair.
pub(super) fn selector(pair: &str, algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Rsa => format!("{pair}-r"),
        Algorithm::Ed25519 => format!("{pair}-e"),
    }
}

/// What a sealed key is bound to: it cannot be put to use for another merchant or domain.
pub(super) fn context(merchant_id: &str, domain: &str, selector: &str) -> String {
    format!("dkim\n{merchant_id}\n{domain}\n{selector}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pair_is_of_the_kinds_and_sizes_that_it_should_be() {
        let (one, two) = (Pair::generate().await, Pair::generate().await);
        let public = |pair: &Pair, n: usize| B64.decode(&pair.keys[n].public).unwrap();
        // 256 bytes of modulus, with 38 of what stands around it in a SubjectPublicKeyInfo.
        assert_eq!((public(&one, 0).len(), public(&one, 1).len()), (294, 32));
        assert!(public(&one, 0) != public(&two, 0) && public(&one, 1) != public(&two, 1));
        assert_ne!(one.name(), two.name());
        assert_eq!(format!("{one:?}"), format!("Pair({})", one.name()));
        for name in [one.name(), two.name()] {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(name.len() < 40 && name.bytes().all(plain), "{name}");
        }
    }
}
