//! Which site a request is for. The host is looked up among the configured ones and never used for
//! anything else: links, cookies and redirects are built from the configuration alone.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

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

    fn is_https(&self) -> bool {
        self.origin().starts_with("https://")
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

/// The pages behind their door. It finds the site, refuses what is no business of ours, and rewrites
/// a store's own paths to `/s/{store}/…`, under which its pages are routed. On the way out, refusals
/// and panics become pages.
///
/// A service of its own around the router and no layer of it: a router picks the route before its
/// layers run, and each layer made of a function boxes what is inside it once more for every request.
#[derive(Clone)]
pub struct Entrance {
    app: App,
    pages: Router,
}

/// What a request comes to.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl Entrance {
    /// The door to these pages.
    pub fn new(app: App, pages: Router) -> Self {
        Self { app, pages }
    }

    /// The site of a request that may go on; else the answer.
    fn admit(&self, request: &mut Request) -> Result<Site, Box<Response>> {
        let site = match find(&self.app, request) {
            Ok((site, path)) => {
                if let Some(path) = path {
                    *request.uri_mut() = rewritten(request.uri(), &path);
                }
                site
            }
            Err(refusal) => return Err(headers::plain(refusal.into_response()).into()),
        };
        let headers = request.headers();
        if changes_something(request.method()) && !is_same_origin(headers, site.origin()) {
            let language = preferred(headers.get(header::ACCEPT_LANGUAGE), site.store.as_deref());
            let page = Failure::Forbidden.page(&site, language);
            return Err(headers::secure(page, site.is_https()).into());
        }
        Ok(site)
    }
}

impl From<Entrance> for Router {
    fn from(entrance: Entrance) -> Self {
        Self::new().fallback_service(entrance)
    }
}

impl Service<Request> for Entrance {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // As the router is: it waits for nothing.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Answer {
        let site = match self.admit(&mut request) {
            Ok(site) => site,
            Err(response) => return Box::pin(std::future::ready(Ok(*response))),
        };
        let accepts = request.headers().get(header::ACCEPT_LANGUAGE).cloned();
        request.extensions_mut().insert(site.clone());
        let answer = AssertUnwindSafe(self.pages.call(request)).catch_unwind();
        Box::pin(async move {
            let Ok(response) = answer.await.unwrap_or_else(|panic| Ok(error::panicked(&*panic)));
            let language = || preferred(accepts.as_ref(), site.store.as_deref());
            Ok(headers::secure(error::dress(response, &site, language), site.is_https()))
        })
    }
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
        source: source(&app.config, request),
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
fn host(request: &Request) -> Result<Cow<'_, str>, Refusal> {
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
    let host = match host.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    };
    let default = [":443", ":80"].into_iter().find_map(|port| host.strip_suffix(port));
    match default.filter(|name| !name.contains(':') || name.ends_with(']')) {
        Some(name) => Ok(Cow::Owned(name.to_owned())),
        None => Ok(host),
    }
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

/// The other end of a connection: what [`ConnectInfo`] carries. Spelled once for each connection, not
/// for each request.
#[derive(Clone, Debug)]
pub struct Peer {
    ip: IpAddr,
    name: Arc<str>,
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        let ip = address.ip();
        Self { ip, name: spelled(ip).into() }
    }
}

/// A listener whose small answers do not wait for the network to gather more.
pub struct Prompt(pub TcpListener);

impl Listener for Prompt {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let _ = stream.set_nodelay(true);
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Prompt>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Prompt>) -> Self {
        Self::from(*stream.remote_addr())
    }
}

/// Who asks: the socket's peer, unless that is a trusted proxy; then the right-most hop of
/// `X-Forwarded-For` that is none. IPv6 counts by /64, which is what one customer has.
fn source(config: &Config, request: &Request) -> Arc<str> {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let Some(ConnectInfo(peer)) = peer else { return "unknown".into() };
    let is_trusted = |ip| config.trusted_proxies.iter().any(|network| network.contains(ip));
    if !is_trusted(peer.ip) {
        return peer.name.clone();
    }
    let mut found = peer.ip;
    let hops = request.headers().get_all("x-forwarded-for").iter();
    let hops: Vec<_> = hops.filter_map(|h| h.to_str().ok()).flat_map(|h| h.split(',')).collect();
    for hop in hops.iter().rev() {
        let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
        found = ip;
        if !is_trusted(ip) {
            break;
        }
    }
    spelled(found).into()
}

/// An address as it is counted and logged.
fn spelled(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let s = ip.segments();
            format!("{:x}:{:x}:{:x}:{:x}::/64", s[0], s[1], s[2], s[3])
        }
    }
}
