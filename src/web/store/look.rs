//! A store's look: its colour as a stylesheet made from one checked value, and its logo. Data never
//! becomes script or free CSS.

use askama::Template;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::color;
use crate::store::{self, Store};
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

#[derive(Template)]
#[template(path = "store/icon.svg")]
struct Icon {
    accent: String,
    ink: String,
    initial: String,
}

/// GET /icon.svg: the mark of a store without a logo, for the browser's tab.
pub async fn icon(here: Here) -> Result<Response, Failure> {
    mark(&here.store)
}

/// What stands for a store without a logo: the first letter of its name, in its colour.
pub fn mark(store: &Store) -> Result<Response, Failure> {
    let (accent, ink) = color::button(&store.accent);
    let initial = store.name.chars().next().map(String::from).unwrap_or_default();
    let image = Icon { accent, ink, initial }.render();
    let image = image.map_err(|error| Failure::Internal(error.to_string()))?;
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, FOREVER)];
    Ok((headers, image).into_response())
}

/// GET /logo
pub async fn logo(here: Here) -> Result<Response, Failure> {
    let (image, kind) =
        store::logo(&here.app.db, &here.store.id).await?.ok_or(Failure::NotFound)?;
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOREVER.to_owned())];
    Ok((headers, image).into_response())
}
