//! Captcha: the challenge for the widget, picture and sound for visitors without JavaScript.

use axum::extract::{Path, Query};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::args;
use crate::captcha::{Action, Proof, Refusal};
use crate::recovery;
use crate::web::error::Failure;
use crate::web::extract::Here;

/// Which form asks.
#[derive(Debug, Default, Deserialize)]
pub struct For {
    /// `registration`; anything else is recovery.
    #[serde(default, rename = "for")]
    form: String,
}

/// GET /captcha: a challenge as the ALTCHA widget reads it.
pub async fn challenge(here: Here, Query(query): Query<For>) -> Response {
    let action = if query.form == "registration" { Action::Registration } else { Action::Recovery };
    let body = here.app.captcha.challenge(&here.store.id, action, here.now);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A fresh picture for a form. Nothing is stored: the id is the sealed answer.
pub fn picture_id(here: &Here, action: Action) -> String {
    here.app.captcha.picture_id(&here.store.id, action, here.now)
}

/// GET /captcha/picture/{id}
pub async fn picture(
    here: Here,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (app, store, now) = (here.app.clone(), here.store.id.clone(), here.now);
    draw(move || app.captcha.picture(&store, &id, now), "image/png").await
}

/// GET /captcha/sound/{id}
pub async fn sound(here: Here, Path((_, id)): Path<(String, String)>) -> Result<Response, Failure> {
    let (app, store, now) = (here.app.clone(), here.store.id.clone(), here.now);
    draw(move || app.captcha.sound(&store, &id, now), "audio/wav").await
}

/// Drawing takes milliseconds of a core: away from the threads that answer, few at a time.
async fn draw(
    draw: impl FnOnce() -> Option<Vec<u8>> + Send + 'static,
    kind: &'static str,
) -> Result<Response, Failure> {
    static FEW: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);
    let _turn = FEW.acquire().await.map_err(|_| Failure::Busy)?;
    let drawn = tokio::task::spawn_blocking(draw)
        .await
        .map_err(|error| Failure::Internal(error.to_string()))?
        .ok_or(Failure::NotFound)?;
    Ok(([(header::CONTENT_TYPE, kind)], drawn).into_response())
}

/// The two ways to answer.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The widget's.
    pub altcha: &'a str,
    /// Which picture.
    pub picture_id: &'a str,
    /// What was read or heard.
    pub picture_code: &'a str,
}

/// Checks an answer. Whether it was used before is decided by the commit that takes the request; a
/// picture that was answered wrongly is used up here: each is good for one guess.
///
/// # Errors
/// What the database says.
pub async fn check(
    here: &Here,
    action: Action,
    answer: &Answer<'_>,
) -> Result<Option<Proof>, Failure> {
    let (captcha, store) = (&here.app.captcha, &here.store.id);
    let checked = if answer.altcha.is_empty() {
        captcha.check_picture(store, action, answer.picture_id, answer.picture_code, here.now)
    } else {
        captcha.check(store, action, answer.altcha, here.now)
    };
    match checked {
        Ok(proof) => Ok(Some(proof)),
        Err(refusal) => {
            if let Refusal::WrongCode(proof) = refusal {
                let mut tx = here.app.db.begin().await?;
                recovery::burn(&mut tx, vec![args![proof.digest, proof.expires_at]]).await?;
                tx.commit().await?;
            }
            Ok(None)
        }
    }
}
