//! TLS on the way to the relay, looked at as a mail would go there: version, certificate, name. The
//! sender itself (`mail::smtp`) only says yes or no; here the certificate is also read when it is
//! wrong or about to run out. Nothing is logged in and nothing is sent.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::sending::{is_near, relay_host};
use super::{Check, Level, Topic};
use crate::clock::{DAY, Micros, SECOND};
use crate::config::{Config, SmtpConfig};
use crate::mail::dns::printable;

/// How long before its end a certificate is spoken of.
const SOON: Micros = 14 * DAY;
/// For each step of the conversation.
const PATIENCE: Duration = Duration::from_secs(8);
/// Longest line of a reply, and most lines of one.
const LINE: u64 = 2048;

/// Where to look.
struct Way {
    host: String,
    port: u16,
    implicit: bool,
    policy: &'static str,
    ca_file: Option<PathBuf>,
}

/// What the other side showed.
struct Seen {
    version: &'static str,
    /// What is wrong with the certificate, if anything is.
    trouble: Option<String>,
    /// When it runs out.
    until: Option<Micros>,
}

/// Looks at the way to the mail server, and to the backup where there is one: what is worse counts.
pub(super) async fn check(config: &Config, now: Micros) -> Check {
    let Some(backup) = config.smtp.backup.as_deref() else { return one(&config.smtp, now).await };
    let (first, second) = tokio::join!(one(&config.smtp, now), one(backup, now));
    let (mut worse, other, role) = if second.level.rank() > first.level.rank() {
        (second, first, "The first relay")
    } else {
        (first, second, "The backup relay")
    };
    worse.details.push(format!("{role}: {}", other.found));
    worse
}

async fn one(smtp: &SmtpConfig, now: Micros) -> Check {
    let Some(way) = way(smtp) else {
        return Check::new(Topic::Relay, Level::Fail, "No mail server is set: all mail waits.")
            .todo("Set smtp.url in the configuration.");
    };
    let place = format!("{}:{}", way.host, way.port);
    if way.policy == "none" && !way.implicit {
        return if is_near(&way.host) {
            Check::ok(
                Topic::Relay,
                "The mail server is on this machine: nothing crosses the network.",
            )
        } else {
            Check::new(
                Topic::Relay,
                Level::Fail,
                format!("Mail goes to {place} in clear: smtp.tls is none."),
            )
            .todo("Set smtp.tls to required: the mails carry links that open accounts.")
        };
    }
    match look(&way).await {
        Err(why) => Check::new(Topic::Relay, Level::Fail, format!("{place}: {why}.")).todo(
            "See that the mail server runs and that smtp.url is right. Until then all mail waits.",
        ),
        Ok(None) => {
            let level = if way.policy == "required" { Level::Fail } else { Level::Warn };
            Check::new(Topic::Relay, level, format!("{place} offers no TLS."))
                .todo("Have the mail server's operator switch on STARTTLS, or use smtps://.")
        }
        Ok(Some(seen)) => judge(&place, &way, &seen, now),
    }
}

fn judge(place: &str, way: &Way, seen: &Seen, now: Micros) -> Check {
    let until = seen.until.map(date).unwrap_or_else(|| "a time that cannot be read".into());
    if let Some(trouble) = &seen.trouble {
        let said = format!("{place} speaks {}, but its certificate {trouble}.", seen.version);
        return Check::new(Topic::Relay, Level::Fail, said)
            .todo(format!("Renew the certificate for {}, or use in smtp.url the name that it is made for. Until then mail waits.", way.host));
    }
    let said = format!("{place} speaks {}; its certificate is good until {until}.", seen.version);
    if seen.until.is_some_and(|until| until - now < SOON) {
        return Check::new(Topic::Relay, Level::Warn, said)
            .todo("Renew the certificate: when it runs out, mail waits.");
    }
    let check = Check::ok(Topic::Relay, said);
    if way.policy == "opportunistic" && !way.implicit {
        return check.detail("smtp.tls is opportunistic: whoever sits in between can switch TLS off. required never falls back.");
    }
    check
}

fn date(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at)
        .map(|at| at.strftime("%d %b %Y").to_string())
        .unwrap_or_default()
}

fn way(smtp: &SmtpConfig) -> Option<Way> {
    let host = relay_host(smtp)?;
    let url = url::Url::parse(smtp.url.as_ref()?.reveal().trim()).ok()?;
    let implicit = url.scheme() == "smtps";
    let login = !url.username().is_empty();
    let port = url.port().unwrap_or(match (implicit, login) {
        (true, _) => 465,
        (false, true) => 587,
        (false, false) => 25,
    });
    let default = if is_near(&host) { "none" } else { "required" };
    let policy = match smtp.tls.as_deref().unwrap_or(default) {
        "none" => "none",
        "opportunistic" => "opportunistic",
        _ => "required",
    };
    Some(Way { host, port, implicit, policy, ca_file: smtp.ca_file.clone() })
}

/// Connects and shakes hands; none where TLS is not offered.
async fn look(way: &Way) -> Result<Option<Seen>, String> {
    let connect = TcpStream::connect((way.host.as_str(), way.port));
    let tcp = timed(connect).await.map_err(|e| format!("no connection ({e})"))?;
    let tcp = if way.implicit {
        tcp
    } else {
        match greet(tcp).await.map_err(|e| format!("it does not talk like a mail server ({e})"))? {
            Some(tcp) => tcp,
            None => return Ok(None),
        }
    };
    let verifier = Arc::new(Witness::new(way)?);
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(way.host.clone()).map_err(|_| "its name is none".to_owned())?;
    let connector = TlsConnector::from(Arc::new(config));
    let tls = timed(connector.connect(name, tcp))
        .await
        .map_err(|e| format!("no TLS could be agreed on ({})", printable(&e.to_string())))?;
    let version = match tls.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    let seen = verifier.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (trouble, until) = seen.unwrap_or((Some("was not shown".into()), None));
    Ok(Some(Seen { version, trouble, until }))
}

async fn timed<T>(what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, what).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Up to the answer to `STARTTLS`. What came in clear behind that answer is thrown away with the
/// buffer: it must not be taken for something that came over TLS.
async fn greet(tcp: TcpStream) -> io::Result<Option<TcpStream>> {
    let mut wire = BufReader::new(tcp);
    timed(reply(&mut wire, "220")).await?;
    wire.write_all(b"EHLO [127.0.0.1]\r\n").await?;
    let features = timed(reply(&mut wire, "250")).await?;
    if !features.iter().any(|line| line.eq_ignore_ascii_case("STARTTLS")) {
        let _ = wire.write_all(b"QUIT\r\n").await;
        return Ok(None);
    }
    wire.write_all(b"STARTTLS\r\n").await?;
    timed(reply(&mut wire, "220")).await?;
    Ok(Some(wire.into_inner()))
}

/// The texts of a reply's lines, if it has this code.
async fn reply(wire: &mut BufReader<TcpStream>, code: &str) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    while lines.len() < 100 {
        let mut line = Vec::new();
        (&mut *wire).take(LINE).read_until(b'\n', &mut line).await?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !line.starts_with(code) {
            return Err(io::Error::other(format!("it said “{}”", printable(&line))));
        }
        let last = line.as_bytes().get(3) != Some(&b'-');
        lines.push(line.get(4..).unwrap_or_default().trim().to_owned());
        if last {
            return Ok(lines);
        }
    }
    Err(io::Error::other("its answer does not end"))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Lets every certificate pass and remembers what a strict check says: nothing but the handshake goes
/// over the connection.
#[derive(Debug)]
struct Witness {
    strict: Arc<WebPkiServerVerifier>,
    seen: Mutex<Option<(Option<String>, Option<Micros>)>>,
}

impl Witness {
    fn new(way: &Way) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = &way.ca_file {
            let own =
                CertificateDer::pem_file_iter(file).map_err(|e| format!("smtp.ca_file: {e}"))?;
            roots.add_parsable_certificates(own.filter_map(Result::ok));
        }
        let strict = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|_| "this machine trusts no certificate authority".to_owned())?;
        Ok(Self { strict, seen: Mutex::default() })
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let checked = self.strict.verify_server_cert(end_entity, intermediates, name, ocsp, now);
        let seen = (checked.err().map(|error| trouble(&error)), not_after(end_entity));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}

fn trouble(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "has run out".into(),
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "is for another name".into(),
        // One that bears the name of an authority and not its signature is signed by nobody, too.
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => "is signed by nobody whom this machine trusts".into(),
        other => format!("is not good ({})", printable(&other.to_string())),
    }
}

fn not_after(certificate: &CertificateDer<'_>) -> Option<Micros> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    parsed.validity().not_after.timestamp().checked_mul(SECOND)
}
