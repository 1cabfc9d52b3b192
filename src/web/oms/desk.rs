//! What a handler of the back office works with: who sits at it, and what they may do.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, SameSite};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use std::sync::Arc;

use crate::activity::{self, Act, Action, Actor};
use crate::app::App;
use crate::args;
use crate::clock::Micros;
use crate::customer::{self, Customer};
use crate::db::{self, Tx};
use crate::secret::{Digest, Token, sha256};
use crate::staff::session::{self, StaffSession};
use crate::staff::{Role, Staff};
use crate::web::device;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::site::Site;

/// A browser at the back office, logged in or not.
#[derive(Clone)]
pub struct Lobby {
    /// The application.
    pub app: App,
    /// When the request came in.
    pub now: Micros,
    /// Who asks: a network address.
    pub source: Arc<str>,
    /// Browser and system.
    pub device: String,
    /// What the session cookie opens.
    pub digest: Option<Digest>,
}

impl FromRequestParts<App> for Lobby {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let site = parts.extensions.get::<Site>().ok_or(Failure::NotFound)?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            app: app.clone(),
            now: app.clock.now(),
            source: site.source.clone(),
            device: device::name(agent.unwrap_or_default()),
            digest: cookie(&parts.headers, cookie_name(app)).map(|token| token.digest()),
        })
    }
}

impl Lobby {
    /// The live session of this browser.
    ///
    /// # Errors
    /// What the database says.
    pub async fn session(&self) -> db::Result<Option<StaffSession>> {
        let found = self.look().await?;
        if let Some(session) = &found {
            session::seen(&self.app.db, &self.app.config.staff, session, self.now).await?;
        }
        Ok(found)
    }

    /// The same without keeping it alive.
    async fn look(&self) -> db::Result<Option<StaffSession>> {
        let Some(digest) = self.digest else { return Ok(None) };
        session::find(&self.app.db, &self.app.config.staff, digest, self.now).await
    }

    /// The header that gives the browser its session, or with `None` takes it away.
    pub fn session_cookie(&self, token: Option<&Token>) -> HeaderValue {
        bake(&self.app, cookie_name(&self.app), token, self.app.config.staff.absolute)
    }
}

/// A member of staff at work: logged in, with the second factor where one is needed. Others are
/// led to where they get in; nothing of a page is made before that.
#[derive(Clone)]
pub struct Desk {
    /// The application.
    pub app: App,
    /// When the request came in.
    pub now: Micros,
    /// Who asks: a network address.
    pub source: Arc<str>,
    /// The session and whose it is.
    pub session: StaffSession,
}

impl FromRequestParts<App> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let lobby =
            Lobby::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let found = lobby.session().await.map_err(|e| Failure::from(e).into_response())?;
        sit_down(lobby, found, parts)
    }
}

#[expect(clippy::result_large_err, reason = "it is what the extractors answer with")]
fn sit_down(lobby: Lobby, found: Option<StaffSession>, parts: &Parts) -> Result<Desk, Response> {
    let Some(session) = found else { return Err(to_login(parts)) };
    if !session.is_full() {
        return Err(see_other("/oms/account/factor", []));
    }
    Ok(Desk { app: lobby.app, now: lobby.now, source: lobby.source, session })
}

/// The way to the login page, and back to where a GET wanted to go.
fn to_login(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("/oms", |p| p.as_str());
    if parts.method != Method::GET {
        return see_other("/oms/login", []);
    }
    let back: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    see_other(&format!("/oms/login?return_to={back}"), [])
}

/// A member of staff whose page asks by itself: that keeps no session alive, or a forgotten browser
/// would stay logged in for as long as its page is open.
#[derive(Clone)]
pub struct Unattended(pub Desk);

impl FromRequestParts<App> for Unattended {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let lobby =
            Lobby::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let found = lobby.look().await.map_err(|e| Failure::from(e).into_response())?;
        sit_down(lobby, found, parts).map(Self)
    }
}

impl Desk {
    /// Who sits here.
    pub fn staff(&self) -> &Staff {
        &self.session.staff
    }

    /// Whose customers and stores are seen here: part of every query.
    pub fn merchant_id(&self) -> &str {
        &self.session.staff.merchant_id
    }

    /// Whether this member of staff may do what `role` may.
    pub fn may(&self, role: Role) -> bool {
        self.staff().role.may(role)
    }

    /// Takes the request only from who may do what `role` may.
    ///
    /// # Errors
    /// [`Failure::NotAllowed`].
    pub fn need(&self, role: Role) -> Result<(), Failure> {
        if self.may(role) { Ok(()) } else { Err(Failure::NotAllowed) }
    }

    /// The secret that the forms of this session carry.
    pub fn form_secret(&self) -> String {
        form_secret(&self.app, &self.session)
    }

    /// Takes a form only with the session's own secret, and from who may do what `role` may. The
    /// first lines of every handler that changes something.
    ///
    /// # Errors
    /// [`Failure::Forbidden`], [`Failure::NotAllowed`].
    pub fn check(&self, role: Role, presented: &str) -> Result<(), Failure> {
        check_form_secret(&self.app, &self.session, presented)?;
        self.need(role)
    }

    /// The customer with this id. Another merchant's is answered like one that does not exist, and
    /// leaves an alert: nobody comes across such an id by accident.
    ///
    /// # Errors
    /// [`Failure::NotFound`].
    pub async fn customer(&self, id: &str) -> Result<Customer, Failure> {
        let db = &self.app.db;
        if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(Failure::NotFound);
        }
        if let Some(customer) = customer::load(db, self.merchant_id(), id).await? {
            return Ok(customer);
        }
        let sql = "SELECT id FROM customer WHERE id = $1";
        if db.row(sql, args![id]).await?.is_some() {
            let act = Act {
                merchant_id: self.merchant_id(),
                actor: Actor::Staff(self.staff()),
                action: Action::ForeignId,
                customer_id: None,
                store_id: None,
                source: &self.source,
                alert: true,
                detail: serde_json::json!({ "asked_for": id }),
            };
            let mut tx = db.begin().await?;
            activity::write(&mut tx, &self.app.keys.activity, &act, self.now).await?;
            tx.commit().await?;
        }
        Err(Failure::NotFound)
    }

    /// Writes an entry of activity for this member of staff, in the transaction of the act.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note(
        &self,
        tx: &mut Tx,
        action: Action,
        customer_id: Option<&str>,
        store_id: Option<&str>,
        detail: serde_json::Value,
    ) -> db::Result<()> {
        let act = Act {
            merchant_id: self.merchant_id(),
            actor: Actor::Staff(self.staff()),
            action,
            customer_id,
            store_id,
            source: &self.source,
            alert: false,
            detail,
        };
        activity::write(tx, &self.app.keys.activity, &act, self.now).await?;
        Ok(())
    }
}

/// The secret that the forms of a session carry: a page of another site cannot know it.
pub fn form_secret(app: &App, session: &StaffSession) -> String {
    app.keys.forms.tag(&format!("staff\n{}", B64.encode(session.digest.0)))
}

/// # Errors
/// [`Failure::Forbidden`] for any other secret than the session's own.
pub fn check_form_secret(
    app: &App,
    session: &StaffSession,
    presented: &str,
) -> Result<(), Failure> {
    // Compared as digests: their comparison tells nothing about the secrets.
    let wanted = sha256(form_secret(app, session).as_bytes());
    if wanted == sha256(presented.as_bytes()) { Ok(()) } else { Err(Failure::Forbidden) }
}

/// The header that gives the browser a cookie of the back office for so many seconds, or with `None`
/// takes it away.
pub(super) fn bake(
    app: &App,
    name: &'static str,
    token: Option<&Token>,
    seconds: i64,
) -> HeaderValue {
    let seconds = if token.is_some() { seconds } else { 0 };
    let cookie = Cookie::build((name, token.map(Token::reveal).unwrap_or_default()))
        .path("/")
        .http_only(true)
        .secure(is_https(app))
        .same_site(SameSite::Lax)
        .max_age(time::Duration::seconds(seconds))
        .build();
    HeaderValue::from_str(&cookie.to_string()).unwrap_or(HeaderValue::from_static(""))
}

/// Whether the back office is reached over TLS.
pub(super) fn is_https(app: &App) -> bool {
    app.main_origin.starts_with("https://")
}

fn cookie_name(app: &App) -> &'static str {
    if is_https(app) { "__Host-doorkey-staff" } else { "doorkey-staff" }
}

/// The token in one of the browser's cookies.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<Token> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let found = cookies.find(|cookie| cookie.name() == name)?;
    Token::parse(found.value())
}
