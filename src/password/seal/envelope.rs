//! The sealing itself: HPKE (RFC 9180) in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
//! ChaCha20-Poly1305. Anybody with the public key can seal; so a copy proves nothing by itself, and
//! what comes out of one must match the customer's hash before it is used.

use hpke::aead::{AeadTag, ChaCha20Poly1305};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open_inout_detached,
    single_shot_seal_inout_detached,
};
use zeroize::Zeroizing;

use crate::password::{MAX_BYTES, Password};
use crate::secret::sha256;

/// What every `info` begins with. The last byte is the version of this format.
const LABEL: &[u8] = b"doorkey sealed password\x01";
/// The plaintext: two bytes of length, the password, zeros. One size, so that the size tells nothing.
const PLAIN: usize = 2 + MAX_BYTES;
/// Bytes of a Poly1305 tag.
const TAG: usize = 16;

type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

/// What a copy is bound to: opened as anything else, it is damaged.
#[derive(Clone, Debug)]
pub(super) struct Bond {
    pub installation_id: String,
    pub key_id: String,
    pub merchant_id: String,
    pub customer_id: String,
    /// The customer's address, folded; its digest goes in.
    pub email_key: String,
    pub credential_version: i64,
}

impl Bond {
    fn info(&self) -> Vec<u8> {
        [LABEL, self.installation_id.as_bytes()].concat()
    }

    /// Every field with its length in front, so that no two bonds spell the same bytes.
    fn aad(&self) -> Vec<u8> {
        let version = self.credential_version.to_be_bytes();
        let address = sha256(self.email_key.as_bytes());
        let fields: [&[u8]; 5] = [
            self.merchant_id.as_bytes(),
            self.customer_id.as_bytes(),
            &version,
            &address,
            self.key_id.as_bytes(),
        ];
        let mut bytes = Vec::with_capacity(256);
        for field in fields {
            bytes.extend((field.len() as u64).to_be_bytes());
            bytes.extend(field);
        }
        bytes
    }
}

/// A copy as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    /// The encapsulated key, 32 bytes.
    pub encapped: Vec<u8>,
    /// Padded plaintext and tag.
    pub ciphertext: Vec<u8>,
}

/// A new pair: the private key and the public one.
pub(super) fn new_pair() -> (Zeroizing<[u8; 32]>, [u8; 32]) {
    let (private, public) = X25519HkdfSha256::gen_keypair();
    (Zeroizing::new(private.to_bytes().into()), public.to_bytes().into())
}

/// Seals a password. `None` for a public key that is none, and for a password that grew beyond
/// [`MAX_BYTES`] by normalisation: some rare signs do. That customer gets a temporary password.
pub(super) fn seal(public: &[u8], bond: &Bond, password: &Password) -> Option<Envelope> {
    let text = password.reveal().as_bytes();
    let length = u16::try_from(text.len()).ok()?;
    let mut plain = Zeroizing::new([0; PLAIN]);
    plain.get_mut(2..2 + text.len())?.copy_from_slice(text);
    plain[..2].copy_from_slice(&length.to_be_bytes());
    let public = PublicKey::from_bytes(public).ok()?;
    let (encapped, tag) =
        single_shot_seal_inout_detached::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            &bond.info(),
            InOutBuf::from(&mut plain[..]),
            &bond.aad(),
        )
        .ok()?;
    let ciphertext = [&plain[..], &tag.to_bytes()].concat();
    Some(Envelope { encapped: encapped.to_bytes().to_vec(), ciphertext })
}

/// Opens a copy; `None` for one that was sealed with another key or for something else, and for
/// bytes that are no copy.
pub(super) fn open(private: &[u8; 32], bond: &Bond, envelope: &Envelope) -> Option<Password> {
    let private = PrivateKey::from_bytes(private).ok()?;
    let encapped = EncappedKey::from_bytes(&envelope.encapped).ok()?;
    let (sealed, tag) = envelope.ciphertext.split_last_chunk::<TAG>()?;
    let tag = AeadTag::from_bytes(tag).ok()?;
    let mut plain = Zeroizing::new([0; PLAIN]);
    plain.copy_from_slice(<&[u8; PLAIN]>::try_from(sealed).ok()?);
    single_shot_open_inout_detached::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private,
        &encapped,
        &bond.info(),
        InOutBuf::from(&mut plain[..]),
        &bond.aad(),
        &tag,
    )
    .ok()?;
    let length = usize::from(u16::from_be_bytes([plain[0], plain[1]]));
    let text = std::str::from_utf8(plain.get(2..2 + length)?).ok()?;
    Password::read(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bond() -> Bond {
        let text = |text: &str| text.to_owned();
        Bond {
            installation_id: text("here"),
            key_id: text("key"),
            merchant_id: text("merchant"),
            customer_id: text("ada"),
            email_key: text("ada@example.test"),
            credential_version: 3,
        }
    }

    fn password(text: &str) -> Password {
        Password::read(text).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_the_private_key_alone() {
        let ((private, public), (other, _)) = (new_pair(), new_pair());
        let sealed = seal(&public, &bond(), &password("pässword of ada")).unwrap();
        let opened = open(&private, &bond(), &sealed).unwrap();
        assert_eq!(opened.reveal(), "pässword of ada");
        assert!(open(&other, &bond(), &sealed).is_none());
        assert!(open(&public, &bond(), &sealed).is_none());
    }

    #[test]
    fn a_copy_opens_for_nothing_but_what_it_was_made_for() {
        let (private, public) = new_pair();
        let sealed = seal(&public, &bond(), &password("teapot")).unwrap();
        let changes: [fn(&mut Bond); 6] = [
            |bond| bond.installation_id.push('x'),
            |bond| bond.key_id.push('x'),
            |bond| bond.merchant_id.push('x'),
            |bond| bond.customer_id.push('x'),
            |bond| bond.email_key.push('x'),
            |bond| bond.credential_version += 1,
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut other = bond();
            change(&mut other);
            assert!(open(&private, &other, &sealed).is_none(), "field {at}");
        }
        // What one field loses the next one cannot gain.
        let mut shifted = bond();
        shifted.merchant_id.push('a');
        shifted.customer_id.remove(0);
        assert!(open(&private, &shifted, &sealed).is_none());
    }

    #[test]
    fn all_copies_have_one_size_and_none_is_like_another() {
        let (private, public) = new_pair();
        let lengths = [0, 1, 8, 64, 1024];
        let sealed = lengths.map(|n| seal(&public, &bond(), &password(&"p".repeat(n))).unwrap());
        for (copy, length) in sealed.iter().zip(lengths) {
            assert_eq!((copy.encapped.len(), copy.ciphertext.len()), (32, 1042));
            assert_eq!(open(&private, &bond(), copy).unwrap().reveal().len(), length);
        }
        let again = seal(&public, &bond(), &password(&"p".repeat(64))).unwrap();
        assert_ne!(again.ciphertext, sealed[3].ciphertext);
        // U+FB2C as one sign is two bytes shorter than in form C.
        assert!(seal(&public, &bond(), &password(&"\u{fb2c}".repeat(341))).is_none());
    }

    #[test]
    fn damaged_bytes_do_not_open() {
        let (private, public) = new_pair();
        let good = seal(&public, &bond(), &password("teapot")).unwrap();
        for at in [0, 500, 1041] {
            let mut bad = good.clone();
            bad.ciphertext[at] ^= 1;
            assert!(open(&private, &bond(), &bad).is_none(), "byte {at}");
        }
        let mut bad = good.clone();
        bad.encapped[7] ^= 1;
        assert!(open(&private, &bond(), &bad).is_none());
        for length in [0, 15, 16, 1041] {
            let mut bad = good.clone();
            bad.ciphertext.truncate(length);
            assert!(open(&private, &bond(), &bad).is_none(), "{length} bytes");
        }
        let bad = Envelope { encapped: Vec::new(), ..good };
        assert!(open(&private, &bond(), &bad).is_none());
    }
}
