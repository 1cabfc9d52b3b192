//! From the settings to a server one can connect to: the URL, the TLS policy, the trusted roots.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use url::Url;
use zeroize::Zeroizing;

use super::auth::{Auth, Login};
use super::session::Server;
use super::{SmtpSettings, TlsPolicy};

/// Makes a [`Server`] of the settings.
///
/// # Errors
/// One line that names the setting, never its secret parts.
pub(super) fn server(settings: &SmtpSettings) -> Result<Server, String> {
    let key = settings.key;
    let url = Url::parse(settings.url.trim()).map_err(|error| {
        format!("{key}.url cannot be read ({error}): write smtp://[user:password@]host[:port]")
    })?;
    let implicit_tls = match url.scheme() {
        "smtp" => false,
        "smtps" => true,
        other => {
            return Err(format!("{key}.url must start with smtp:// or smtps://, not {other}:"));
        }
    };
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| format!("{key}.url names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{key}.url must end after the host and port"));
    }
    let login = login(settings, &url)?;
    let port = url.port().unwrap_or(match (implicit_tls, &login) {
        (true, _) => 465,
        (false, Some(_)) => 587,
        (false, None) => 25,
    });
    let loopback = is_loopback(&host);
    let default = if loopback { TlsPolicy::None } else { TlsPolicy::Required };
    let policy = settings.tls.unwrap_or(default);
    if login.is_some() && policy == TlsPolicy::None && !implicit_tls && !loopback {
        return Err(format!(
            "{key}.tls = \"none\" would send the password in clear: use \"required\""
        ));
    }
    let nameable = |name: &String| name.bytes().all(|b| b.is_ascii_graphic()) && !name.is_empty();
    if !settings.hello.as_ref().is_none_or(nameable) {
        return Err("smtp.hello must be a host name".to_owned());
    }
    let name = ServerName::try_from(host.clone())
        .map_err(|_| format!("{key}.url: the host is no valid name or address"))?;
    Ok(Server {
        name,
        host,
        port,
        loopback,
        implicit_tls,
        policy,
        login,
        hello: settings.hello.clone(),
        timeout: Duration::from_secs(settings.timeout_seconds.max(1)),
        tls: tls_config(settings, implicit_tls || policy != TlsPolicy::None)?,
    })
}

fn login(settings: &SmtpSettings, url: &Url) -> Result<Option<Login>, String> {
    let (key, auth, token) = (settings.key, settings.auth, &settings.token);
    if auth == Auth::Xoauth2 && token.is_none() {
        return Err(format!("{key}.auth is xoauth2: set {key}.token or {key}.token_file"));
    }
    if url.username().is_empty() && url.password().is_none() {
        return match token {
            Some(_) => Err(format!("{key}.url must name the user of the token: smtps://user@host")),
            None => Ok(None),
        };
    }
    let decode = |text: &str| {
        percent_decode_str(text)
            .decode_utf8()
            .ok()
            .filter(|text| !text.contains(['\0', '\u{1}']))
            .map(|text| text.into_owned())
            .ok_or_else(|| format!("{key}.url: user and password must be percent-encoded UTF-8"))
    };
    Ok(Some(Login {
        user: decode(url.username())?,
        password: Zeroizing::new(decode(url.password().unwrap_or_default())?),
        token: token.clone(),
        auth,
    }))
}

fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// TLS 1.2 and 1.3 on ring. The roots are the system's, as for every other program on the machine,
/// plus the configured file. Without any, each mail is deferred with "UnknownIssuer" as the reason.
fn tls_config(settings: &SmtpSettings, used: bool) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    if used {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if let Some(path) = &settings.root_certificate {
        let unusable = |error: &dyn std::fmt::Display| {
            format!("{}.ca_file {}: {error}", settings.key, path.display())
        };
        let mut found = false;
        for certificate in CertificateDer::pem_file_iter(path).map_err(|e| unusable(&e))? {
            let certificate = certificate.map_err(|e| unusable(&e))?;
            roots.add(certificate).map_err(|e| unusable(&e))?;
            found = true;
        }
        if !found {
            return Err(unusable(&"holds no certificate"));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, tls: Option<TlsPolicy>) -> Result<Server, String> {
        server(&SmtpSettings { tls, ..SmtpSettings::new(url) })
    }

    #[test]
    fn urls_are_read_with_their_defaults() {
        for (url, host, port, implicit, policy) in [
            ("smtp://mail.example.test", "mail.example.test", 25, false, TlsPolicy::Required),
            ("smtp://u:p@mail.example.test", "mail.example.test", 587, false, TlsPolicy::Required),
            ("smtps://u:p@mail.example.test/", "mail.example.test", 465, true, TlsPolicy::Required),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, false, TlsPolicy::None),
            ("smtp://[::1]:2525", "::1", 2525, false, TlsPolicy::None),
            ("smtp://localhost", "localhost", 25, false, TlsPolicy::None),
        ] {
            let server = read(url, None).unwrap();
            assert_eq!(
                (server.host.as_str(), server.port, server.implicit_tls, server.policy),
                (host, port, implicit, policy),
                "{url}"
            );
        }
        let login =
            read("smtp://ada%40x:p%3Ass%2F@mail.example.test", None).unwrap().login.unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("ada@x", "p:ss/"));
    }

    #[test]
    fn bad_urls_are_one_line_without_the_password() {
        for url in [
            "",
            "mail.example.test",
            "http://u:hunter2@mail.example.test",
            "smtp://",
            "smtp://u:hunter2@",
            "smtp://u:hunter2@mail.example.test:port",
            "smtp://u:hunter2@mail.example.test/path",
            "smtp://u:hunter2@mail.example.test?tls=none",
            "smtp://u:hunter2%00@mail.example.test",
            "smtp://u:hunter2@bad_host name",
        ] {
            let error = read(url, None).err().unwrap_or_else(|| panic!("{url} was taken"));
            assert!(error.starts_with("smtp.url") && !error.contains('\n'), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let clear = read("smtp://u:hunter2@mail.example.test", Some(TlsPolicy::None));
        assert!(clear.err().unwrap().starts_with("smtp.tls"));
        let hello = Some("a\r\nMAIL FROM:<x@evil.test>".to_owned());
        let settings = SmtpSettings { hello, ..SmtpSettings::new("smtp://mail.example.test") };
        assert!(server(&settings).err().unwrap().starts_with("smtp.hello"));
    }
}
