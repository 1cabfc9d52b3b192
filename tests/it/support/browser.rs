//! A browser without a screen: keeps cookies by path, follows what it is told to, fills in forms.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, header};
use doorkey::web::site::Peer;
use tower::ServiceExt;

use super::app::ORIGIN;

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    /// The same, undecoded.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Where it leads.
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |v| v.to_str().unwrap())
    }

    /// Whole `Set-Cookie` lines.
    pub fn set_cookies(&self) -> Vec<String> {
        let all = self.headers.get_all(header::SET_COOKIE);
        all.iter().map(|v| v.to_str().unwrap().to_owned()).collect()
    }

    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let from =
            self.body.find(&start).unwrap_or_else(|| panic!("no field {name}")) + start.len();
        self.body[from..].split('"').next().unwrap().to_owned()
    }
}

#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    value: String,
    path: String,
}

/// A browser. Clones share nothing.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    cookies: Vec<Cookie>,
    /// Headers on every request.
    pub headers: Vec<(String, String)>,
    /// Where it seems to come from.
    pub peer: SocketAddr,
    /// The origin that it is at.
    pub origin: String,
}

impl Browser {
    pub fn new(router: Router) -> Self {
        Self {
            router,
            cookies: Vec::new(),
            headers: Vec::new(),
            peer: SocketAddr::from(([192, 0, 2, 1], 40_000)),
            origin: ORIGIN.to_owned(),
        }
    }

    /// The same browser at another network address.
    #[allow(clippy::wrong_self_convention, reason = "it reads as what it means: asked from there")]
    pub fn from_address(mut self, address: [u8; 4]) -> Self {
        self.peer = SocketAddr::from((address, 40_000));
        self
    }

    /// With a header on every request.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub async fn get(&mut self, url: &str) -> Answer {
        self.request(Method::GET, url, None, &[]).await
    }

    /// Posts a form, as from a page of the same site.
    pub async fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let origin = self.origin.clone();
        self.request(Method::POST, url, Some(body.into_bytes()), &[("origin", &origin)]).await
    }

    /// Anything: raw body, further headers. `url` may be a path or an absolute URL of the sample
    /// stores' origin.
    pub async fn request(
        &mut self,
        method: Method,
        url: &str,
        body: Option<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let path = url.strip_prefix(&self.origin).unwrap_or(url);
        let mut request = Request::builder().method(method).uri(path);
        let all = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in all.chain(headers.iter().copied()) {
            request = request.header(name, value);
        }
        let given = request.headers_ref().unwrap();
        let (has_host, has_kind) =
            (given.contains_key(header::HOST), given.contains_key(header::CONTENT_TYPE));
        if !has_host {
            let host = self.origin.split_once("://").unwrap().1;
            request = request.header(header::HOST, host);
        }
        if body.is_some() && !has_kind {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(cookies) = self.cookies_for(path) {
            request = request.header(header::COOKIE, cookies);
        }
        let mut request = request.body(Body::from(body.unwrap_or_default())).unwrap();
        request.extensions_mut().insert(ConnectInfo(Peer::from(self.peer)));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 10_000_000).await.unwrap().to_vec();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body, bytes };
        for cookie in answer.set_cookies() {
            self.keep(&cookie);
        }
        answer
    }

    fn cookies_for(&self, path: &str) -> Option<String> {
        let path = path.split('?').next().unwrap_or_default();
        let fits = |cookie: &&Cookie| {
            cookie.path == "/"
                || path == cookie.path
                || path.strip_prefix(&cookie.path).is_some_and(|rest| rest.starts_with('/'))
        };
        let list: Vec<_> =
            self.cookies.iter().filter(fits).map(|c| format!("{}={}", c.name, c.value)).collect();
        (!list.is_empty()).then(|| list.join("; "))
    }

    fn keep(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<_> = parts.collect();
        let path = attributes.iter().find_map(|a| a.strip_prefix("Path=")).unwrap_or("/");
        self.cookies.retain(|c| !(c.name == name && c.path == path));
        if !attributes.contains(&"Max-Age=0") && !value.is_empty() {
            self.set_cookie(name, value, path);
        }
    }

    /// Plants a cookie.
    pub fn set_cookie(&mut self, name: &str, value: &str, path: &str) {
        self.cookies.push(Cookie { name: name.into(), value: value.into(), path: path.into() });
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|c| c.name == name).map(|c| c.value.as_str())
    }

    /// A solved captcha for a store's recovery form.
    pub async fn solve(&mut self, store: &str) -> String {
        self.solve_at(&format!("/s/{store}/captcha")).await
    }

    /// A solved captcha from this URL.
    pub async fn solve_at(&mut self, url: &str) -> String {
        use base64::Engine;
        let answer = self.get(url).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let challenge: altcha::Challenge = serde_json::from_str(&answer.body).unwrap();
        let solution = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&challenge))
            .unwrap()
            .expect("a solution");
        let payload = serde_json::json!({ "challenge": challenge, "solution": solution });
        base64::engine::general_purpose::STANDARD.encode(payload.to_string())
    }

    /// Asks for a recovery link, with a fresh captcha.
    pub async fn forgot(&mut self, store: &str, email: &str) -> Answer {
        self.forgot_with(store, email, &[]).await
    }

    /// The same with further fields.
    pub async fn forgot_with(&mut self, store: &str, email: &str, more: &[(&str, &str)]) -> Answer {
        let altcha = self.solve(store).await;
        let mut fields = vec![("email", email), ("altcha", altcha.as_str())];
        fields.extend(more);
        self.post(&format!("/s/{store}/forgot"), &fields).await
    }

    /// Logs in at a store.
    pub async fn login(&mut self, store: &str, email: &str, password: &str) -> Answer {
        let fields = [("email", email), ("password", password)];
        self.post(&format!("/s/{store}/login"), &fields).await
    }

    /// Opens a recovery link as a browser does: through the redirect to the clean page.
    pub async fn open_link(&mut self, link: &str) -> Answer {
        let answer = self.get(link).await;
        if answer.status == 303 { self.get(answer.location()).await } else { answer }
    }

    /// Posts a new password with the token of a link.
    pub async fn set_password(&mut self, link: &str, password: &str) -> Answer {
        let (page, token) = link.split_once("?token=").unwrap();
        let page = page.to_owned();
        let fields = [("token", token), ("password", password), ("password_repeat", password)];
        self.post(&page, &fields).await
    }

    /// Who the store says is logged in: the address, or nothing.
    pub async fn who(&mut self, store: &str) -> Option<String> {
        let answer = self.get(&format!("/s/{store}/session")).await;
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        match answer.status {
            200 => Some(body["customer"]["email"].as_str().unwrap().to_owned()),
            401 => None,
            status => panic!("{status}: {}", answer.body),
        }
    }
}
