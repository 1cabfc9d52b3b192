//! Which site a request is for. The host is looked up among the configured ones and never used for
//! anything else: links, cookies and redirects are built from the configuration alone.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::{self, Failure};
use super::extract::preferred;
use super::headers;
use crate::app::App;
use crate::config::Config;
use crate::secret;
use crate::store::{self, Store};

/// The site that a request is for.
#[derive(Clone, Debug)]
pub struct Site {
    /// The store, if the path lies in one.
    pub store: Option<Arc<Store>>,
    /// Who asks.
    pub source: Arc<str>,
    /// Names the request in logs and on error pages.
    pub request_id: RequestId,
    /// Whether it is the back office, whose refusals are pages of its own.
    pub is_oms: bool,
    main: Arc<str>,
}

impl Site {
    /// The configured origin: `https://shop.example.com`.
    pub fn origin(&self) -> &str {
        self.store.as_ref().map_or(&*self.main, |store| store.origin())
    }
}

/// Names a request. Spelled out only where somebody reads it.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(u64);

impl RequestId {
    /// Counts from a random start, so that two processes rarely use the same.
    fn next() -> Self {
        static START: LazyLock<u64> = LazyLock::new(|| u64::from_le_bytes(secret::random()));
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self(START.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::spell(self.0))
    }
}

/// Finds the site, refuses what is no business of ours, and rewrites a store's own paths to
/// `/s/{store}/…`, under which its pages are routed. On the way out, refusals become pages.
pub async fn enter(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let site = match find(&app, &request) {
        Ok((site, path)) => {
            if let Some(path) = path {
                *request.uri_mut() = rewritten(request.uri(), &path);
            }
            site
        }
        Err(refusal) => return headers::plain(refusal.into_response()),
    };
    let https = site.origin().starts_with("https://");
    let accepts = request.headers().get(header::ACCEPT_LANGUAGE).cloned();
    let language = || preferred(accepts.as_ref(), site.store.as_deref());
    if changes_something(request.method()) && !is_same_origin(request.headers(), site.origin()) {
        return headers::secure(Failure::Forbidden.page(&site, language()), https);
    }
    request.extensions_mut().insert(site.clone());
    let response = next.run(request).await;
    headers::secure(error::dress(response, &site, language), https)
}

/// Why a request is for no site of ours.
enum Refusal {
    /// It names no host, or several.
    Host,
    /// It names a host that is not configured.
    Unknown,
    /// Its path is a store's, but not the way that store is reached.
    NoStore,
    /// Typed by hand on the machine itself: the address that cookies and links are made for.
    Moved(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Host => (StatusCode::BAD_REQUEST, "The request must name one host.\n"),
            Self::Unknown => (
                StatusCode::MISDIRECTED_REQUEST,
                "This server does not know the host that you asked for.\n",
            ),
            Self::NoStore => (StatusCode::NOT_FOUND, "There is no store at this address.\n"),
            Self::Moved(to) => {
                return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
            }
        };
        (status, text).into_response()
    }
}

/// The site, and the path to route by where it differs from the one asked for.
fn find(app: &App, request: &Request) -> Result<(Site, Option<String>), Refusal> {
    let host = host(request)?;
    let path = request.uri().path();
    let main = &app.main_origin;
    let site = |store: Option<Arc<Store>>| Site {
        store,
        source: source(&app.config, request).into(),
        request_id: RequestId::next(),
        is_oms: path == "/oms" || path.starts_with("/oms/"),
        main: main.clone(),
    };
    if let Some((store, rest)) = app.stores.at(&host, path) {
        let as_it_is = store.path().strip_prefix("/s/") == Some(&*store.key) && !rest.is_empty();
        let routed = (!as_it_is)
            .then(|| format!("/s/{}{}", store.key, if rest.is_empty() { "/" } else { rest }));
        return Ok((site(Some(store)), routed));
    }
    if host == store::host_of(main) || app.stores.has_host(&host) {
        // A store is reached at its base URL and nowhere else.
        return if path.starts_with("/s/") {
            Err(Refusal::NoStore)
        } else {
            Ok((site(None), None))
        };
    }
    if store::is_loopback(&host) && store::is_loopback(main) && request.method() == Method::GET {
        let asked = request.uri().path_and_query().map_or("/", |p| p.as_str());
        return Err(Refusal::Moved(format!("{main}{asked}")));
    }
    Err(Refusal::Unknown)
}

/// The one host of the request, folded, without a default port. Two that differ are an attack or a
/// broken proxy; either way nothing good comes of guessing.
fn host(request: &Request) -> Result<String, Refusal> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let header = hosts.next().map(|h| h.to_str().map_err(|_| Refusal::Host)).transpose()?;
    if hosts.next().is_some() {
        return Err(Refusal::Host);
    }
    let target = request.uri().authority().map(|a| a.as_str());
    let host = match (header, target) {
        (Some(a), Some(b)) if !a.eq_ignore_ascii_case(b) => return Err(Refusal::Host),
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(Refusal::Host),
    };
    let host = host.to_ascii_lowercase();
    let default = [":443", ":80"].into_iter().find_map(|port| host.strip_suffix(port));
    Ok(default
        .filter(|name| !name.contains(':') || name.ends_with(']'))
        .unwrap_or(&host)
        .to_owned())
}

fn rewritten(uri: &Uri, path: &str) -> Uri {
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    target.parse::<PathAndQuery>().map(Uri::from).unwrap_or_else(|_| uri.clone())
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// What the browser says of where a request comes from (Fetch Metadata; RFC 6454). A program that
/// says nothing is let through: it carries nobody's cookies but its own.
///
/// Our pages are served with `Referrer-Policy: no-referrer`, and for those browsers send forms with
/// `Origin: null`. That alone says nothing (a sandboxed frame sends it too), so it is believed only
/// beside `Sec-Fetch-Site: same-origin`, which no page can set.
fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
    let all = |name: &str, fits: &dyn Fn(&[u8]) -> bool| {
        headers.get_all(name).iter().all(|value| fits(value.as_bytes()))
    };
    let vouched =
        headers.contains_key("sec-fetch-site") && all("sec-fetch-site", &|v| v == b"same-origin");
    all("sec-fetch-site", &|v| v == b"same-origin" || v == b"none")
        && all("origin", &|v| {
            v.eq_ignore_ascii_case(origin.as_bytes()) || (v == b"null" && vouched)
        })
}

/// Who asks: the socket's peer, unless that is a trusted proxy; then the right-most hop of
/// `X-Forwarded-For` that is none. IPv6 counts by /64, which is what one customer has.
fn source(config: &Config, request: &Request) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let Some(mut found) = peer else { return "unknown".into() };
    let is_trusted = |ip| config.trusted_proxies.iter().any(|network| network.contains(ip));
    if is_trusted(found) {
        let hops = request.headers().get_all("x-forwarded-for").iter();
        let hops: Vec<_> =
            hops.filter_map(|h| h.to_str().ok()).flat_map(|h| h.split(',')).collect();
        for hop in hops.iter().rev() {
            let Ok(ip) = hop.trim().parse::<std::net::IpAddr>() else { break };
            found = ip;
            if !is_trusted(ip) {
                break;
            }
        }
    }
    match found.to_canonical() {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => {
            let s = ip.segments();
            format!("{:x}:{:x}:{:x}:{:x}::/64", s[0], s[1], s[2], s[3])
        }
    }
}
