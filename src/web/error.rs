//! Refusals and errors as pages. What a person reads and what the log says are two things: the
//! former comes from the texts, the latter never leaves the machine.

use std::any::Any;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::oms::frame::Notice;
use super::page::{Message, Page};
use super::site::Site;
use crate::clock::{Micros, SECOND};
use crate::db;
use crate::locale::Language;
use crate::password::Busy;

/// Why a request is not answered with the page it wanted.
#[derive(Clone, Debug)]
pub enum Failure {
    /// 400: not the form of this page.
    BadRequest,
    /// 403: not from this page, or without the form's secret.
    Forbidden,
    /// 403: staff whose role does not go so far.
    NotAllowed,
    /// 404
    NotFound,
    /// 405
    Method,
    /// 408: the form did not arrive in time.
    Slow,
    /// 413
    TooLarge,
    /// 429: so many microseconds to wait.
    TooMany(Micros),
    /// 503: nothing was lost, try again.
    Busy,
    /// 500: what the log says.
    Internal(String),
}

impl From<db::Error> for Failure {
    fn from(error: db::Error) -> Self {
        match error {
            db::Error::PoolTimedOut | db::Error::PoolClosed => Self::Busy,
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<Busy> for Failure {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl IntoResponse for Failure {
    /// Only the status and the reason; [`dress`] makes a page of it, which knows store and language.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Forbidden | Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The reason behind a bare status, as axum's own refusals come.
    fn of(status: StatusCode) -> Option<Self> {
        Some(match status {
            StatusCode::BAD_REQUEST
            | StatusCode::UNPROCESSABLE_ENTITY
            | StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::BadRequest,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::Method,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::SERVICE_UNAVAILABLE => Self::Busy,
            StatusCode::INTERNAL_SERVER_ERROR => Self::Internal("see the log above".into()),
            _ => return None,
        })
    }

    fn texts(&self, language: Language, site: &Site) -> (&'static str, String) {
        let text = |title, text| (language.text(title), language.text(text).to_owned());
        match self {
            Self::BadRequest | Self::Slow => text("bad-request-title", "bad-request-text"),
            Self::Forbidden => text("forbidden-title", "forbidden-text"),
            Self::NotAllowed => text("not-allowed-title", "not-allowed-text"),
            Self::NotFound => text("not-found-title", "not-found-text"),
            Self::Method => text("method-title", "method-text"),
            Self::TooLarge => text("too-large-title", "too-large-text"),
            Self::TooMany(wait) => {
                let wait = language.duration(seconds(*wait));
                let text = language.format("too-many-text", &[("wait", &wait)]);
                (language.text("too-many-title"), text)
            }
            Self::Busy => text("busy-title", "busy-text"),
            Self::Internal(_) => {
                let text = language.format("error-text", &[("request", &site.request_id)]);
                (language.text("error-title"), text)
            }
        }
    }

    /// The page; a line of text where no store is known.
    pub fn page(&self, site: &Site, language: Language) -> Response {
        if let Self::Internal(error) = self {
            tracing::error!(error, request = %site.request_id, "a request failed");
        }
        let language = if site.is_oms { Language::En } else { language };
        let (title, text) = self.texts(language, site);
        let mut response = match &site.store {
            Some(store) => {
                let page = Page::new(store.clone(), language, None);
                let links = vec![
                    (format!("{}/", page.base()), language.text("link-front").to_owned()),
                    (format!("{}/login", page.base()), language.text("link-login").to_owned()),
                ];
                let message = Message { page, title: title.to_owned(), text, links };
                (self.status(), message).into_response()
            }
            None if site.is_oms => {
                let link = ("/oms/customers".to_owned(), "To the back office".to_owned());
                Notice { title: title.to_owned(), text, link }.answer(self.status())
            }
            None => (self.status(), format!("{title}. {text}\n")).into_response(),
        };
        if let Self::TooMany(wait) = self {
            let wait = HeaderValue::from(u64::try_from(seconds(*wait)).unwrap_or(1));
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response
    }
}

/// Whole seconds, rounded up, at least one.
pub fn seconds(wait: Micros) -> i64 {
    ((wait + SECOND - 1) / SECOND).max(1)
}

/// Makes a page of a bare refusal; any other answer stays as it is.
pub fn dress(response: Response, site: &Site, language: impl Fn() -> Language) -> Response {
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return response;
    }
    let failure = response.extensions().get::<Failure>().cloned().or_else(|| {
        let bare = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
        if bare { Failure::of(response.status()) } else { None }
    });
    let Some(failure) = failure else { return response };
    let mut page = failure.page(site, language());
    if let Some(allow) = response.headers().get(header::ALLOW) {
        page.headers_mut().insert(header::ALLOW, allow.clone());
    }
    page
}

/// A panic is a mistake in the program; the person gets a page, the log gets the reason.
pub fn panicked(reason: &(dyn Any + Send)) -> Response {
    let reason = reason
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| reason.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(reason, "a request panicked");
    (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong. It is our fault, not yours.\n")
        .into_response()
}
