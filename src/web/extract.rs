//! What a handler of a store's page works with.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

use super::device;
use super::error::Failure;
use super::page::Page;
use super::site::Site;
use crate::app::App;
use crate::clock::Micros;
use crate::locale::Language;
use crate::secret::{Digest, Token};
use crate::session::{self, Session};
use crate::store::Store;

/// Where and when, by whom and in which language.
#[derive(Clone)]
pub struct Here {
    /// The application.
    pub app: App,
    /// The store.
    pub store: Arc<Store>,
    /// The language to speak: what `?lang=` asks for, else the browser, if the store speaks it.
    pub language: Language,
    /// When the request came in.
    pub now: Micros,
    /// Who asks: a network address.
    pub source: Arc<str>,
    agent: Option<HeaderValue>,
    device: OnceLock<String>,
    cookies: CookieJar,
}

impl FromRequestParts<App> for Here {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let site = parts.extensions.get::<Site>().ok_or(Failure::NotFound)?;
        let store = site.store.clone().ok_or(Failure::NotFound)?;
        Ok(Self {
            app: app.clone(),
            language: asked(parts, &store).unwrap_or_else(|| language(&parts.headers, &store)),
            now: app.clock.now(),
            source: site.source.clone(),
            agent: parts.headers.get(header::USER_AGENT).cloned(),
            device: OnceLock::new(),
            cookies: cookies(&parts.headers),
            store,
        })
    }
}

/// The cookies exactly as they were set. Nothing is percent-decoded: a token has one spelling, and
/// a shop's cart goes back to the shop as it came.
fn cookies(headers: &HeaderMap) -> CookieJar {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| Cookie::split_parse(line.to_owned()))
        .filter_map(Result::ok)
        .fold(CookieJar::new(), CookieJar::add)
}

/// The language that the URL asks for: a shop in German links to its login page in German.
fn asked(parts: &Parts, store: &Store) -> Option<Language> {
    let query = parts.uri.query().filter(|query| query.contains("lang="))?;
    let (_, code) =
        url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang")?;
    Language::parse(&code).filter(|language| store.languages.contains(language))
}

/// The language that a browser asks for, of those that the store speaks.
pub fn language(headers: &HeaderMap, store: &Store) -> Language {
    preferred(headers.get(header::ACCEPT_LANGUAGE), Some(store))
}

/// The same from the header alone, and without a store of those that Doorkey speaks.
pub fn preferred(accepts: Option<&HeaderValue>, store: Option<&Store>) -> Language {
    let spoken = store.map_or(Language::ALL.as_slice(), |store| &store.languages);
    let wanted = accepts.and_then(|value| value.to_str().ok());
    wanted
        .and_then(|header| Language::negotiate(header, spoken))
        .unwrap_or_else(|| store.map(|store| store.language).unwrap_or_default())
}

/// Which of Doorkey's cookies.
#[derive(Clone, Copy, Debug)]
pub enum Name {
    /// The session.
    Session,
    /// The token of a recovery link, between its opening and the new password.
    Reset,
}

impl Here {
    /// The session that the browser's cookie opens here.
    ///
    /// # Errors
    /// What the database says.
    pub async fn session(&self) -> Result<Option<Session>, Failure> {
        let Some(token) = self.cookie(Name::Session).and_then(|v| Token::parse(&v)) else {
            return Ok(None);
        };
        let config = &self.app.config.session;
        let db = &self.app.db;
        let found = session::find(db, config, &self.store, token.digest(), self.now).await?;
        if let Some(session) = &found {
            session::seen(db, config, session, self.now).await?;
        }
        Ok(found)
    }

    /// The browser, for a session to be started in it.
    pub fn browser(&self) -> session::Browser<'_> {
        let replaces = self.cookie(Name::Session).and_then(|value| Token::parse(&value));
        session::Browser { device: self.device(), replaces: replaces.map(|token| token.digest()) }
    }

    /// Browser and system, worked out only where a session starts.
    fn device(&self) -> &str {
        let agent = self.agent.as_ref().and_then(|value| value.to_str().ok());
        self.device.get_or_init(|| device::name(agent.unwrap_or_default()))
    }

    /// The parts that all pages share.
    pub fn page(&self, session: Option<&Session>) -> Page {
        let name = session.map(|s| s.customer.first_name.clone());
        Page::new(self.store.clone(), self.language, name)
    }

    /// The value of one of Doorkey's cookies.
    pub fn cookie(&self, name: Name) -> Option<String> {
        // Most visitors come without any: then its name need not be spelled.
        self.cookies.iter().next()?;
        self.cookies.get(&self.cookie_name(name)).map(|c| c.value().to_owned())
    }

    /// The value of the shop's cart cookie, if it is one that can be carried.
    pub fn cart(&self) -> Option<String> {
        let value = self.cookies.get(self.store.cart_cookie.as_deref()?)?.value();
        let fits = !value.is_empty() && value.len() <= 3000 && value.bytes().all(is_cookie_octet);
        fits.then(|| value.to_owned())
    }

    /// `__Host-` where the browser accepts it: on https and for the whole host. A store that lives
    /// under a path binds its cookies to that path, which `__Host-` forbids (RFC 6265bis, 4.1.3).
    fn cookie_name(&self, name: Name) -> String {
        let prefix = match (self.store.is_https(), self.store.path().is_empty()) {
            (true, true) => "__Host-",
            (true, false) => "__Secure-",
            (false, _) => "",
        };
        match name {
            Name::Session => format!("{prefix}doorkey"),
            Name::Reset => format!("{prefix}doorkey-reset"),
        }
    }

    fn bake(&self, name: String, value: String, seconds: i64) -> HeaderValue {
        let path = if self.store.path().is_empty() { "/" } else { self.store.path() };
        let cookie = Cookie::build((name, value))
            .path(path.to_owned())
            .http_only(true)
            .secure(self.store.is_https())
            .same_site(SameSite::Lax)
            .max_age(time::Duration::seconds(seconds))
            .build();
        HeaderValue::from_str(&cookie.to_string()).unwrap_or(HeaderValue::from_static(""))
    }

    /// The header that gives the browser its session.
    pub fn session_cookie(&self, token: &Token) -> HeaderValue {
        let seconds = self.app.config.session.absolute;
        self.bake(self.cookie_name(Name::Session), token.reveal(), seconds)
    }

    /// The header that lets a recovery link's token live outside the address bar.
    pub fn reset_cookie(&self, token: &str) -> HeaderValue {
        let seconds = self.store.link_ttl.unwrap_or(self.app.config.link.ttl);
        self.bake(self.cookie_name(Name::Reset), token.to_owned(), seconds)
    }

    /// The header that takes a cookie away.
    pub fn forget(&self, name: Name) -> HeaderValue {
        self.bake(self.cookie_name(name), String::new(), 0)
    }

    /// The header that puts a cart back, as the shop would have set it.
    pub fn cart_cookie(&self, value: &str) -> Option<HeaderValue> {
        let name = self.store.cart_cookie.clone()?;
        Some(self.bake(name, value.to_owned(), 30 * 24 * 3600))
    }

    /// A path of this store.
    pub fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.store.path())
    }

    /// Where to go after logging in: the wanted page if it is inside the store, else the front page.
    pub fn landing(&self, wanted: &str) -> String {
        self.store.inside(wanted).map_or_else(|| self.path("/"), str::to_owned)
    }

    /// The secret that forms of this session carry: a page of another site cannot know it, and it
    /// changes with every login.
    pub fn form_secret(&self, digest: Digest) -> String {
        self.app.keys.forms.tag(&B64.encode(digest.0))
    }

    /// Takes a form only with the session's own secret.
    ///
    /// # Errors
    /// [`Failure::Forbidden`].
    pub fn check_form_secret(&self, session: &Session, presented: &str) -> Result<(), Failure> {
        // Compared as digests: their comparison tells nothing about the secrets.
        let wanted = crate::secret::sha256(self.form_secret(session.digest).as_bytes());
        if wanted == crate::secret::sha256(presented.as_bytes()) {
            Ok(())
        } else {
            Err(Failure::Forbidden)
        }
    }
}

/// What a cookie's value may consist of (RFC 6265, 4.1.1).
fn is_cookie_octet(b: u8) -> bool {
    matches!(b, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

/// 303 to `location`, with cookies.
pub fn see_other(location: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    match HeaderValue::from_str(location) {
        Ok(location) => headers.insert(header::LOCATION, location),
        Err(_) => headers.insert(header::LOCATION, HeaderValue::from_static("/")),
    };
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}
