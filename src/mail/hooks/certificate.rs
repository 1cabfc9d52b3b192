//! The certificate that signs Amazon's reports: from a file, or fetched from Amazon once and kept. Its
//! address comes with the report, so it is taken from nowhere but Amazon's own hosts.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsa::pkcs8::DecodePublicKey;
use rsa::traits::PublicKeyParts;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use crate::config::BounceConfig;

/// Certificates kept: Amazon has one a region and changes it once a year.
const KEPT: usize = 8;
/// The largest answer that is read; a certificate has two kilobytes.
const LARGEST: u64 = 64 * 1024;
/// How long it may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A public RSA key: modulus and exponent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Big-endian, without leading zeros.
    pub n: Vec<u8>,
    /// The same.
    pub e: Vec<u8>,
}

/// Where certificates come from.
#[derive(Debug)]
pub struct Certificates {
    file: Option<Arc<PublicKey>>,
    kept: Mutex<HashMap<String, Arc<PublicKey>>>,
    /// One is fetched at a time: a flood of made-up reports must not become a flood at Amazon.
    turn: Semaphore,
    way: Way,
}

/// How Amazon's hosts are reached.
#[derive(Debug, Default)]
struct Way {
    /// Where they are, if not where their names lead.
    address: Option<SocketAddr>,
    /// Who vouches for them, beside the system's authorities.
    authority: Option<CertificateDer<'static>>,
}

impl Certificates {
    /// Reads the configured file, if there is one.
    ///
    /// # Errors
    /// One line that says what is wrong with it.
    pub fn new(config: &BounceConfig) -> Result<Self, String> {
        let read = |path: &std::path::PathBuf| {
            let unusable =
                |what: &str| format!("bounce.ses_certificate {}: {what}", path.display());
            let pem = std::fs::read(path).map_err(|error| unusable(&error.to_string()))?;
            let key = public_key(&pem).ok_or_else(|| unusable("holds no RSA certificate"))?;
            Ok::<_, String>(Arc::new(key))
        };
        let file = config.ses_certificate.as_ref().map(read).transpose()?;
        let (kept, turn, way) = (Mutex::default(), Semaphore::new(1), Way::default());
        Ok(Self { file, kept, turn, way })
    }

    /// The key that signs reports which name the certificate at `url`; `None` when it is not Amazon's
    /// or cannot be had.
    pub async fn key(&self, url: &str) -> Option<Arc<PublicKey>> {
        if let Some(file) = &self.file {
            return Some(file.clone());
        }
        let (host, path) = pinned(url)?;
        if let Some(kept) = self.lock().get(url) {
            return Some(kept.clone());
        }
        let _turn = self.turn.acquire().await.ok()?;
        if let Some(kept) = self.lock().get(url) {
            return Some(kept.clone());
        }
        let fetched = tokio::time::timeout(PATIENCE, self.way.fetch(host, path)).await;
        let pem = match fetched.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())) {
            Ok(pem) => pem,
            Err(error) => {
                tracing::warn!(host, %error, "cannot fetch the certificate of Amazon's reports");
                return None;
            }
        };
        let key = Arc::new(public_key(&pem)?);
        let mut kept = self.lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(url.to_owned(), key.clone());
        Some(key)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<PublicKey>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Host and path of a certificate of Amazon's notification service, and of nothing else.
pub fn pinned(url: &str) -> Option<(&str, &str)> {
    let (host, path) = amazon(url)?;
    let name = path.strip_prefix("/SimpleNotificationService-")?.strip_suffix(".pem")?;
    let good = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    good.then_some((host, path))
}

/// Host and path of a URL of that service.
pub fn amazon(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://")?;
    let (host, path) = rest.split_at(rest.find('/')?);
    let region = host.strip_prefix("sns.")?;
    let region = region
        .strip_suffix(".amazonaws.com")
        .or_else(|| region.strip_suffix(".amazonaws.com.cn"))?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    ((1..=32).contains(&region.len()) && region.bytes().all(plain)).then_some((host, path))
}

fn public_key(pem: &[u8]) -> Option<PublicKey> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    let certificate = webpki::EndEntityCert::try_from(&der).ok()?;
    let spki = certificate.subject_public_key_info();
    let key = rsa::PublicKey::from_public_key_der(spki.as_ref()).ok()?;
    Some(PublicKey { n: key.n_bytes().into(), e: key.e_bytes().into() })
}

impl Way {
    /// One file over HTTPS. There is no other use for an HTTP client in the program.
    async fn fetch(&self, host: &str, path: &str) -> std::io::Result<Vec<u8>> {
        let malformed = || std::io::Error::from(ErrorKind::InvalidData);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| malformed())?;
        let stream = match self.address {
            Some(address) => TcpStream::connect(address).await?,
            None => TcpStream::connect((host, 443)).await?,
        };
        let mut wire = TlsConnector::from(self.trust()?).connect(name, stream).await?;
        // HTTP/1.0 has neither chunks nor connections that stay open.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
        wire.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        match wire.take(LARGEST).read_to_end(&mut answer).await {
            // Many a server hangs up without a word. What is cut short is no certificate anyway.
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error),
            _ => {}
        }
        let ok = answer.starts_with(b"HTTP/1.1 200 ") || answer.starts_with(b"HTTP/1.0 200 ");
        let body = answer.windows(4).position(|four| four == b"\r\n\r\n").filter(|_| ok);
        body.map(|at| answer[at + 4..].to_vec()).ok_or_else(malformed)
    }

    fn trust(&self) -> std::io::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.authority.clone());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(std::io::Error::other)?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

#[cfg(test)]
mod tests;
