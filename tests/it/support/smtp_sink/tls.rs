//! The sink's certificates: a good one, and the two kinds that a client must refuse.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Which certificate the sink presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// For `localhost` and `127.0.0.1`, signed by the sink's authority.
    Valid,
    /// For the same names, signed by nobody else.
    SelfSigned,
    /// Signed by the sink's authority, for another host.
    WrongName,
}

pub(super) struct Certificates {
    valid: TlsAcceptor,
    self_signed: TlsAcceptor,
    wrong_name: TlsAcceptor,
    authority_file: PathBuf,
}

impl Certificates {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, key()).expect("an authority");
        let signed = |names: &[&str]| {
            let key = key();
            let certificate = names_of(names).signed_by(&key, &authority).expect("a signature");
            acceptor(certificate.der().clone(), &key)
        };
        let own = key();
        let alone = names_of(&["localhost", "127.0.0.1"]).self_signed(&own).expect("a signature");
        let name = format!("doorkey-sink-{:016x}.pem", u64::from_ne_bytes(random()));
        let authority_file = std::env::temp_dir().join(name);
        std::fs::write(&authority_file, authority.pem()).expect("a writable temporary directory");
        Self {
            valid: signed(&["localhost", "127.0.0.1"]),
            self_signed: acceptor(alone.der().clone(), &own),
            wrong_name: signed(&["elsewhere.test"]),
            authority_file,
        }
    }

    pub(super) fn acceptor(&self, certificate: Certificate) -> &TlsAcceptor {
        match certificate {
            Certificate::Valid => &self.valid,
            Certificate::SelfSigned => &self.self_signed,
            Certificate::WrongName => &self.wrong_name,
        }
    }

    pub(super) fn authority_file(&self) -> &Path {
        &self.authority_file
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        // Left behind, it would only be a stale public certificate.
        let _ = std::fs::remove_file(&self.authority_file);
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn random() -> [u8; 8] {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the operating system's random generator answers");
    bytes
}

fn names_of(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).expect("valid names")
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}
