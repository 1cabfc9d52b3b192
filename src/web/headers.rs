//! Headers that every answer carries, errors included.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Everything from the page's own origin, nothing inline, no frames. `data:` is not allowed either:
/// nothing here needs it.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    media-src 'self'; connect-src 'self'; worker-src 'self'; font-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// What is added where it is missing, made once: a value out of a text is checked sign by sign.
static ALWAYS: [(HeaderName, HeaderValue); 8] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP)),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Adds what is missing; an answer that set its own (the demo's mailbox, cached assets) keeps it.
pub fn secure(mut response: Response, https: bool) -> Response {
    let headers = response.headers_mut();
    // Once, instead of growing from insert to insert.
    headers.reserve(12);
    for (name, value) in &ALWAYS {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    if https {
        // Two years: what browsers' preload lists ask for.
        headers
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(HeaderValue::from_static("max-age=63072000"));
    }
    response
}

/// For refusals before any site is known: a line of text.
pub fn plain(response: Response) -> Response {
    secure(response, false)
}
