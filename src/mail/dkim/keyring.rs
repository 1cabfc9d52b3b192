//! The keys that sign, opened and in memory, and signing with them. Only processes that send mail
//! fill one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256, SigningKey};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{Canonicalization, DkimSigner, Done, NeedDomain};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::sync::Semaphore;

use super::Algorithm;
use super::material::context;
use crate::args;
use crate::db::{Db, Result, Row};
use crate::secret::Key;

/// What is signed. A name that stands twice is signed once more than it occurs, so that nobody can
/// add another such header behind the signature: of two, programs show now the first, now the last.
const SIGNED: [&str; 19] = [
    "From",
    "From",
    "To",
    "To",
    "Subject",
    "Subject",
    "Date",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
    "Content-Language",
    // Never there, and never to be added.
    "Reply-To",
    "Cc",
    "Sender",
    "List-Unsubscribe",
];

/// The signers of one domain.
struct Signers {
    rsa: Option<DkimSigner<RsaKey<Sha256>, Done>>,
    ed25519: Option<DkimSigner<Ed25519Key, Done>>,
}

/// By merchant and domain.
type Held = HashMap<(String, String), Arc<Signers>>;

/// The keys of all merchants that sign.
pub struct Keyring {
    seal: Key,
    held: RwLock<(i64, Arc<Held>)>,
    /// As many signatures are made at once as there are cores: more would only take the time from
    /// what sends.
    turns: Semaphore,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl Keyring {
    /// An empty one. `seal` opens what [`super::life::add`] sealed.
    pub fn new(seal: Key) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { seal, held: RwLock::default(), turns: Semaphore::new(cores) }
    }

    /// Reads the keys if they changed since last time.
    ///
    /// # Errors
    /// What the database says; the old ones stay.
    pub async fn refresh(&self, db: &Db) -> Result<()> {
        let row = db.row("SELECT value FROM revision WHERE name = 'dkim'", vec![]).await?;
        let revision = row.map_or(0, |row| row.get("value"));
        if revision == self.read().0 {
            return Ok(());
        }
        let sql = "SELECT merchant_id, domain, selector, algorithm, private_sealed FROM dkim_key
                   WHERE active_at IS NOT NULL AND retired_at IS NULL";
        let mut all: HashMap<_, Signers> = HashMap::new();
        for row in db.rows(sql, args![]).await? {
            let owner = (row.get::<String>("merchant_id"), row.get::<String>("domain"));
            let signers = all.entry(owner).or_insert(Signers { rsa: None, ed25519: None });
            if self.open(signers, &row).is_none() {
                let selector: String = row.get("selector");
                tracing::error!(
                    selector,
                    "a signing key cannot be opened: mails leave without its signature; was the \
                     installation's secret replaced? Make new keys"
                );
            }
        }
        let held = all.into_iter().map(|(owner, signers)| (owner, Arc::new(signers))).collect();
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = (revision, Arc::new(held));
        Ok(())
    }

    /// Whether it was filled: before, mails would leave unsigned.
    pub fn is_ready(&self) -> bool {
        self.read().0 != 0
    }

    fn open(&self, signers: &mut Signers, row: &Row) -> Option<()> {
        let (domain, selector) = (row.get::<String>("domain"), row.get::<String>("selector"));
        let context = context(&row.get::<String>("merchant_id"), &domain, &selector);
        let sealed: Option<Vec<u8>> = row.get("private_sealed");
        let private = self.seal.open(&context, &sealed?)?;
        match Algorithm::parse(&row.get::<String>("algorithm"))? {
            Algorithm::Rsa => {
                let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(private.as_slice()));
                let key = RsaKey::from_key_der(der).ok()?;
                signers.rsa = Some(signer(DkimSigner::from_key(key), domain, selector));
            }
            Algorithm::Ed25519 => {
                let key = Ed25519Key::from_pkcs8_der(&private).ok()?;
                signers.ed25519 = Some(signer(DkimSigner::from_key(key), domain, selector));
            }
        }
        Some(())
    }

    fn read(&self) -> (i64, Arc<Held>) {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs a complete message of a merchant from an address of `domain` (folded): one signature in
    /// front for each key. Without keys the message comes back as it was. Signing with RSA takes
    /// about a millisecond of a core, so it is done on a thread for such work.
    ///
    /// # Errors
    /// One line, when the message cannot be signed: it has no header, or the thread died.
    pub async fn sign(
        &self,
        merchant_id: &str,
        domain: &str,
        message: Vec<u8>,
    ) -> std::result::Result<Vec<u8>, String> {
        let owner = (merchant_id.to_owned(), domain.to_owned());
        let Some(signers) = self.read().1.get(&owner).cloned() else { return Ok(message) };
        let _turn = self.turns.acquire().await.map_err(|error| error.to_string())?;
        let work = tokio::task::spawn_blocking(move || signers.sign(&message));
        work.await.map_err(|error| error.to_string())?
    }
}

impl Signers {
    fn sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, String> {
        // The moment in `t=` is the library's own, off the machine's clock: informational, and what
        // receivers compare with theirs.
        let mut signed = Vec::with_capacity(message.len() + 2048);
        let rsa = self.rsa.as_ref().map(|signer| signer.sign(message));
        let ed25519 = self.ed25519.as_ref().map(|signer| signer.sign(message));
        for signature in [rsa, ed25519].into_iter().flatten() {
            signature.map_err(|error| error.to_string())?.write_header(&mut signed);
        }
        signed.extend_from_slice(message);
        Ok(signed)
    }
}

/// `relaxed` for both: relays fold headers and trim lines, and no reader sees the difference. No
/// `l=`, with which anybody could add to the end of a mail.
fn signer<T: SigningKey>(
    signer: DkimSigner<T, NeedDomain>,
    domain: String,
    selector: String,
) -> DkimSigner<T, Done> {
    signer
        .domain(domain)
        .selector(selector)
        .headers(SIGNED)
        .header_canonicalization(Canonicalization::Relaxed)
        .body_canonicalization(Canonicalization::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn no_key_is_printed() {
        let keyring = Keyring::new(Secret::new([7; 32]).derive("dkim"));
        assert_eq!(format!("{keyring:?}"), "Keyring(…)");
        assert!(!keyring.is_ready());
    }
}
