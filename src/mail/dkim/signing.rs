//! Signing: what is signed and how, and the threads that do it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mail_auth::common::crypto::{
    Algorithm as Signing, Ed25519Key, HashOutput, RsaKey, Sha256, SigningKey,
};
use mail_auth::common::headers::{HeaderWriter, Writable, Writer};
use mail_auth::dkim::{Canonicalization, DkimSigner, Done, NeedDomain};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::sync::oneshot;

use super::Algorithm;

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
#[derive(Default)]
pub(super) struct Signers {
    rsa: Option<DkimSigner<AtOnce<RsaKey<Sha256>>, Done>>,
    ed25519: Option<DkimSigner<AtOnce<Ed25519Key>, Done>>,
}

/// A key that hashes a body in one piece: the library hands it over word by word, and every call of
/// the hash function has a price.
struct AtOnce<K>(K);

impl<K: SigningKey> SigningKey for AtOnce<K> {
    type Hasher = K::Hasher;

    fn sign(&self, input: impl Writable) -> mail_auth::Result<Vec<u8>> {
        self.0.sign(input)
    }

    fn hash(&self, data: impl Writable) -> HashOutput {
        let mut whole = Whole(Vec::with_capacity(16 * 1024));
        data.write(&mut whole);
        self.0.hash(&*whole.0)
    }

    fn algorithm(&self) -> Signing {
        self.0.algorithm()
    }
}

/// Where the pieces come together.
struct Whole(Vec<u8>);

impl Writer for Whole {
    fn write(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
    }
}

impl Signers {
    /// Adds a key; `None` where it cannot be read.
    pub fn add(
        &mut self,
        algorithm: Algorithm,
        private: &[u8],
        domain: String,
        selector: String,
    ) -> Option<()> {
        match algorithm {
            Algorithm::Rsa => {
                let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(private));
                let key = AtOnce(RsaKey::from_key_der(der).ok()?);
                self.rsa = Some(signer(DkimSigner::from_key(key), domain, selector));
            }
            Algorithm::Ed25519 => {
                let key = AtOnce(Ed25519Key::from_pkcs8_der(private).ok()?);
                self.ed25519 = Some(signer(DkimSigner::from_key(key), domain, selector));
            }
        }
        Some(())
    }

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

/// How many mails are signed at once: one core stays free for what sends them. A signature with RSA
/// takes about a millisecond; behind one on each core, the answers of mail servers would wait.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).max(1))
}

/// The threads that sign, started with the first mail. They take one mail after the other off a line
/// of their own: the runtime's threads for blocking work would have to be woken for each.
#[derive(Default)]
pub(super) struct Threads(OnceLock<Sender<Work>>);

/// A mail to be signed, and where it goes then.
struct Work {
    signers: Arc<Signers>,
    message: Vec<u8>,
    answer: oneshot::Sender<Result<Vec<u8>, String>>,
}

impl Threads {
    /// Has a message signed.
    ///
    /// # Errors
    /// One line: it has no header, or signing it panicked.
    pub async fn sign(&self, signers: Arc<Signers>, message: Vec<u8>) -> Result<Vec<u8>, String> {
        let (answer, signed) = oneshot::channel();
        let line = self.0.get_or_init(start);
        line.send(Work { signers, message, answer }).map_err(|error| error.to_string())?;
        signed.await.map_err(|_| "no thread signed it".to_owned())?
    }
}

fn start() -> Sender<Work> {
    let (sender, receiver) = channel();
    let line = Arc::new(Mutex::new(receiver));
    for _ in 0..threads() {
        let line = line.clone();
        let thread = std::thread::Builder::new().name("sign".into());
        if let Err(error) = thread.spawn(move || work(&line)) {
            tracing::error!(%error, "cannot start a thread that signs");
        }
    }
    sender
}

/// Signs until nobody can ask for it any more.
fn work(line: &Mutex<Receiver<Work>>) {
    loop {
        let next = line.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Work { signers, message, answer }) = next else { return };
        let signed = catch_unwind(AssertUnwindSafe(|| signers.sign(&message)));
        let signed = signed.unwrap_or_else(|_| Err("signing it failed".into()));
        // Whoever went away needs no answer.
        let _ = answer.send(signed);
        // Where the cores are few, what talks to mail servers goes before the next signature: left to
        // itself, this thread may keep its core for several.
        std::thread::yield_now();
    }
}
