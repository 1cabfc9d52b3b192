//! Headers that every answer carries, errors included.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Everything from the page's own origin, nothing inline, no frames. `data:` is not allowed either:
/// nothing here needs it.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    media-src 'self'; connect-src 'self'; worker-src 'self'; font-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Adds what is missing; an answer that set its own (the demo's mailbox, cached assets) keeps it.
pub fn secure(mut response: Response, https: bool) -> Response {
    let headers = response.headers_mut();
    // Once, instead of growing from insert to insert.
    headers.reserve(12);
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
        (PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
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
