//! Amazon is a server on loopback, with an authority of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rsa::Generate;
use rsa::pkcs8::EncodePrivateKey;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const HOST: &str = "sns.eu-west-1.amazonaws.com";
const URL: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abc.pem";

/// How the server answers.
#[derive(Clone, Default)]
struct Amazon {
    /// Head and body.
    answer: Vec<u8>,
    /// Says goodbye before it hangs up.
    polite: bool,
    asked: Arc<AtomicUsize>,
}

impl Amazon {
    fn new(answer: impl AsRef<[u8]>) -> Self {
        Self { answer: answer.as_ref().to_vec(), polite: true, ..Self::default() }
    }

    /// Starts it under this name; what is given fetches from it, whatever the address in a report.
    async fn start(&self, name: &str) -> Certificates {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let chain = vec![own.signed_by(&key, &authority).unwrap().der().clone()];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::Pkcs8(key.serialize_der().into()));
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Some(listener.local_addr().unwrap());
        tokio::spawn(serve(listener, acceptor, self.clone()));
        let way = Way { address, authority: Some(authority.der().clone()) };
        Certificates { way, ..Certificates::new(&BounceConfig::default()).unwrap() }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, amazon: Amazon) {
    while let Ok((tcp, _)) = listener.accept().await {
        amazon.asked.fetch_add(1, Ordering::SeqCst);
        let Ok(mut wire) = acceptor.accept(tcp).await else { continue };
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") && wire.read_buf(&mut request).await.unwrap() > 0 {}
        let wanted =
            format!("GET /SimpleNotificationService-0123abc.pem HTTP/1.0\r\nHost: {HOST}\r\n");
        assert!(request.starts_with(wanted.as_bytes()), "{}", String::from_utf8_lossy(&request));
        let _ = wire.write_all(&amazon.answer).await;
        let _ = wire.flush().await;
        if amazon.polite {
            let _ = wire.shutdown().await;
        }
    }
}

/// A certificate as Amazon publishes it, and its key.
fn published() -> (String, PublicKey) {
    let private = rsa::PrivateKey::generate();
    let key = KeyPair::try_from(private.to_pkcs8_der().unwrap().as_bytes()).unwrap();
    let names = vec!["sns.amazonaws.com".to_owned()];
    let pem = CertificateParams::new(names).unwrap().self_signed(&key).unwrap().pem();
    (pem, PublicKey { n: private.n_bytes().into(), e: private.e_bytes().into() })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_fetched_once_however_many_ask() {
    let (pem, key) = published();
    for polite in [true, false] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{pem}");
        let amazon = Amazon { polite, ..Amazon::new(answer) };
        let certificates = Arc::new(amazon.start(HOST).await);
        let asking: Vec<_> = (0..8)
            .map(|_| {
                let certificates = certificates.clone();
                tokio::spawn(async move { certificates.key(URL).await })
            })
            .collect();
        for one in asking {
            assert_eq!(*one.await.unwrap().expect("a key"), key);
        }
        assert_eq!(amazon.asked(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_certificate_from_a_server_of_that_name_is_believed() {
    let (pem, key) = published();
    let good = format!("HTTP/1.0 200 OK\r\n\r\n{pem}");
    let found = Amazon::new(&good).start(HOST).await.key(URL).await;
    assert_eq!(*found.expect("the control"), key);
    let other = Amazon::new(&good);
    assert_eq!(other.start("sns.evil.test").await.key(URL).await, None, "another host");
    let stranger = Amazon::new(&good);
    let unknown = stranger.start(HOST).await;
    let way = Way { authority: None, ..unknown.way };
    assert_eq!(Certificates { way, ..unknown }.key(URL).await, None, "vouched for by nobody");
    assert_eq!((other.asked(), stranger.asked()), (1, 1), "both were reached");
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}{pem}", "x".repeat(70_000));
    for wrong in [
        good.replace("200 OK", "404 Not Found"),
        good.replace("200 OK", "302 Found\r\nLocation: https://evil.test/x.pem"),
        good.replace("HTTP/1.0", "HTTP/9"),
        good[..good.len() - 60].to_owned(),
        good.replace("CERTIFICATE", "PUBLIC KEY"),
        long,
        "HTTP/1.1 200 OK\r\n".into(),
        String::new(),
    ] {
        let amazon = Amazon::new(&wrong);
        assert_eq!(amazon.start(HOST).await.key(URL).await, None, "{wrong}");
        assert_eq!(amazon.asked(), 1, "{wrong}");
    }
    let elsewhere = Amazon::new(&good);
    let url = URL.replace("amazonaws.com/", "evil.test/");
    assert_eq!(elsewhere.start(HOST).await.key(&url).await, None);
    assert_eq!(elsewhere.asked(), 0, "never asked");
}

#[test]
fn certificates_come_from_amazon_and_nowhere_else() {
    let good = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abc.pem";
    let host = "sns.eu-west-1.amazonaws.com";
    assert_eq!(pinned(good), Some((host, "/SimpleNotificationService-0123abc.pem")));
    for wrong in [
        good.replace("https", "http"),
        good.replace(".com/", ".com.evil.test/"),
        good.replace("sns.", "sns.evil.test/sns."),
        good.replace("https://", "https://evil.test@"),
        good.replace("eu-west-1.", "eu-west-1.evil."),
        good.replace(".com/", ".com:8443/"),
        good.replace("-0123abc", "-../../x"),
        good.replace(".pem", ".pem?x"),
        good.replace("SimpleNotificationService-0123abc.pem", ""),
        String::new(),
    ] {
        assert_eq!(pinned(&wrong), None, "{wrong}");
    }
}
