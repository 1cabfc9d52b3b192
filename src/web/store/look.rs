//! A store's look: its colour as a stylesheet made from one checked value, and its logo. Data never
//! becomes script or free CSS.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::color;
use crate::store;
use crate::web::error::Failure;
use crate::web::extract::Here;

/// A year: the URL changes with the content.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// GET /look.css
pub async fn stylesheet(here: Here) -> Response {
    let kind = (header::CONTENT_TYPE, "text/css; charset=utf-8");
    ([kind, (header::CACHE_CONTROL, FOREVER)], color::stylesheet(&here.store.accent))
        .into_response()
}

/// GET /logo
pub async fn logo(here: Here) -> Result<Response, Failure> {
    let (image, kind) =
        store::logo(&here.app.db, &here.store.id).await?.ok_or(Failure::NotFound)?;
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOREVER.to_owned())];
    Ok((headers, image).into_response())
}
