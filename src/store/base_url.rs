//! Base URLs: what links are built from and requests are told apart by.

use crate::config::Config;

/// Reads a base URL: `http` or `https`, a host of letters, digits, dots and hyphens (or an IPv6
/// address), perhaps a port and a plain path; no user, query or fragment.
pub fn read_base_url(text: &str) -> Option<String> {
    let text = text.trim_end_matches('/');
    let uri: axum::http::Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
    let fits = matches!(uri.scheme_str(), Some("http" | "https"))
        && !authority.as_str().contains('@')
        && (plain(authority.host()) || authority.host().starts_with('['))
        && uri.query().is_none()
        && !text.contains('#')
        && plain(uri.path())
        && !uri.path().contains("..")
        && !uri.path().contains("//");
    fits.then(|| {
        let path = uri.path().trim_end_matches('/');
        let scheme = uri.scheme_str().unwrap_or_default();
        let host = authority.as_str().to_ascii_lowercase();
        // Browsers leave a default port out, in Host and in Origin.
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        format!("{scheme}://{}{path}", host.strip_suffix(default_port).unwrap_or(&host))
    })
}

/// Whether what travels to this URL is safe from the network: over TLS, or within the machine.
pub fn is_safe_url(url: &str) -> bool {
    url.starts_with("https://") || is_loopback(url)
}

/// Whether a URL's host is this machine itself.
pub fn is_loopback(url: &str) -> bool {
    let name = name_of(url);
    match name.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        // RFC 6761, 6.3: names under localhost never leave the machine.
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

/// The host of a URL, without its port.
pub fn name_of(url: &str) -> &str {
    let host = host_of(url).split('/').next().unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A URL without its path.
pub fn origin_of(url: &str) -> &str {
    let start = url.find("://").map_or(0, |i| i + 3);
    url[start..].find('/').map_or(url, |i| &url[..start + i])
}

/// `host:port` of an origin.
pub fn host_of(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

/// The origin of the back office, and of stores under `/s/{store}`.
pub fn main_origin(config: &Config) -> String {
    match &config.oms_url {
        Some(url) => {
            let url = read_base_url(url).unwrap_or_else(|| url.clone());
            origin_of(&url).to_owned()
        }
        None if config.listen.ip().is_unspecified() => {
            format!("http://127.0.0.1:{}", config.listen.port())
        }
        None => format!("http://{}", config.listen),
    }
}
