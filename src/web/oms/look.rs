//! A store's logo: uploaded, written anew as a small PNG, taken away.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Path, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::stores::{find, follow, refuse_logo};
use crate::activity::Action;
use crate::staff::Role;
use crate::store::logo::{self, MAX_BYTES, Refusal};
use crate::store::{self, Setting};
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::store::look::mark;

/// Largest upload: a little more than the largest logo, so that one that is a little too large gets
/// an answer that says so.
pub const UPLOAD_LIMIT: usize = 2 * MAX_BYTES;

/// How long an upload may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// A form without fields of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Press {
    /// The secret of the session's forms.
    #[serde(default)]
    pub form_secret: String,
}

/// What was uploaded.
#[derive(Default)]
struct Upload {
    form_secret: String,
    file: Option<Bytes>,
}

/// GET /oms/stores/{store}/logo: as customers see it.
pub async fn show(desk: Desk, Path(id): Path<String>) -> Result<Response, Failure> {
    let store = find(&desk, &id).await?;
    match store::logo(&desk.app.db, &store.id).await? {
        Some((image, kind)) => Ok(([(header::CONTENT_TYPE, kind)], image).into_response()),
        None => mark(&store),
    }
}

/// POST /oms/stores/{store}/logo: `multipart/form-data` with `form_secret` and `logo`.
pub async fn upload(
    desk: Desk,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let upload = tokio::time::timeout(PATIENCE, read(&desk, request)).await;
    let upload = upload.map_err(|_| Failure::Slow)??;
    desk.check(Role::Administrator, &upload.form_secret)?;
    let store = find(&desk, &id).await?;
    let Some(file) = upload.file.filter(|file| !file.is_empty()) else {
        return Ok(refuse_logo(&desk, store, "Choose a file first.".into()));
    };
    // On a thread of its own. A decoder that panics has met a file that is damaged.
    let read = tokio::task::spawn_blocking(move || logo::read(&file)).await;
    match read.unwrap_or(Err(Refusal::Damaged)) {
        Ok(png) => change(&desk, &store.id, Some(png)).await,
        Err(refusal) => Ok(refuse_logo(&desk, store, format!("This file is no logo: {refusal}."))),
    }
}

/// POST /oms/stores/{store}/logo/remove
pub async fn remove(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<Press>,
) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let store = find(&desk, &id).await?;
    change(&desk, &store.id, None).await
}

async fn change(desk: &Desk, id: &str, png: Option<Vec<u8>>) -> Result<Response, Failure> {
    let detail = json!({ "fields": ["logo"], "removed": png.is_none() });
    let mut tx = desk.app.db.begin().await?;
    store::set(&mut tx, id, Setting::Logo(png)).await?;
    desk.note(&mut tx, Action::StoreChanged, None, Some(id), detail).await?;
    tx.commit().await?;
    follow(desk).await?;
    Ok(see_other(&format!("/oms/stores/{id}?saved=1#look"), []))
}

/// Reads the two parts, each at most once and no other. A plain form is read too: it has no file.
async fn read(desk: &Desk, request: Request) -> Result<Upload, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().to_vec());
    if !kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"multipart/form-data")) {
        let Form(form) = Form::<Press>::from_request(request, &desk.app).await?;
        return Ok(Upload { form_secret: form.form_secret, file: None });
    }
    let parts = Multipart::from_request(request, &desk.app).await;
    let mut parts = parts.map_err(|_| Failure::BadRequest)?;
    let (mut secret, mut file) = (None, None);
    let failed = |error: axum::extract::multipart::MultipartError| {
        if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            Failure::TooLarge
        } else {
            Failure::BadRequest
        }
    };
    while let Some(part) = parts.next_field().await.map_err(failed)? {
        match part.name() {
            Some("form_secret") if secret.is_none() => {
                secret = Some(part.text().await.map_err(failed)?);
            }
            Some("logo") if file.is_none() => file = Some(part.bytes().await.map_err(failed)?),
            _ => return Err(Failure::BadRequest),
        }
    }
    Ok(Upload { form_secret: secret.unwrap_or_default(), file })
}
