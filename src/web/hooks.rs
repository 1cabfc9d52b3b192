//! Where mail providers report what became of mails. Each address answers only when its key is
//! configured; the answers say nothing but whether a report was taken, and are read by programs.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::Failure;
use crate::app::App;
use crate::mail::bounce::Tools;
use crate::mail::hooks::{self, Refused, Report, mailgun, postmark, sendgrid, ses};

/// Largest report, in bytes: SendGrid gathers up to 768 KiB.
pub const LIMIT: usize = 1024 * 1024;
/// How long one may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// A report as it came.
#[derive(Debug)]
pub struct Posted {
    headers: HeaderMap,
    body: Bytes,
}

impl FromRequest<App> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let headers = request.headers().clone();
        let body = tokio::time::timeout(PATIENCE, Bytes::from_request(request, app)).await;
        match body.map_err(|_| Failure::Slow)? {
            Ok(body) => Ok(Self { headers, body }),
            Err(refused) if refused.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Failure::TooLarge)
            }
            Err(_) => Err(Failure::BadRequest),
        }
    }
}

impl Posted {
    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Amazon SES, by SNS.
///
/// # Errors
/// What the database says.
pub async fn from_ses(State(app): State<App>, posted: Posted) -> Result<Response, Failure> {
    let topic = app.config.bounce.ses_topic.as_deref().ok_or(Failure::NotFound)?;
    let read = ses::read(&posted.body, topic, &app.certificates, app.clock.now()).await;
    match read {
        Ok(ses::Message::Report(report)) => take(&app, Ok(report)).await,
        Ok(ses::Message::Subscription(url)) => {
            tracing::warn!(url, "Amazon wants to report here: open this link to confirm it");
            Ok(StatusCode::OK.into_response())
        }
        Err(refused) => take(&app, Err(refused)).await,
    }
}

/// Postmark.
///
/// # Errors
/// What the database says.
pub async fn from_postmark(State(app): State<App>, posted: Posted) -> Result<Response, Failure> {
    let login = app.config.bounce.postmark.as_ref().ok_or(Failure::NotFound)?;
    let authorization = posted.header(header::AUTHORIZATION);
    take(&app, postmark::read(&posted.body, authorization, login.reveal())).await
}

/// SendGrid.
///
/// # Errors
/// What the database says.
pub async fn from_sendgrid(State(app): State<App>, posted: Posted) -> Result<Response, Failure> {
    let key = app.config.bounce.sendgrid_key.as_deref().ok_or(Failure::NotFound)?;
    let key = sendgrid::read_key(key)
        .ok_or_else(|| Failure::Internal("bounce.sendgrid_key is no key of P-256".into()))?;
    let name = |what| format!("x-twilio-email-event-webhook-{what}");
    let signed = (posted.header(name("timestamp")), posted.header(name("signature")));
    take(&app, sendgrid::read(&posted.body, signed, &key, app.clock.now())).await
}

/// Mailgun.
///
/// # Errors
/// What the database says.
pub async fn from_mailgun(State(app): State<App>, posted: Posted) -> Result<Response, Failure> {
    let key = app.config.bounce.mailgun_key.as_ref().ok_or(Failure::NotFound)?;
    take(&app, mailgun::read(&posted.body, key.reveal(), app.clock.now())).await
}

async fn take(app: &App, read: Result<Report, Refused>) -> Result<Response, Failure> {
    let status = match read {
        Ok(report) => {
            let (db, verp, activity) = (&app.db, &app.verp, &app.keys.activity);
            let tools = Tools { db, verp, activity, now: app.clock.now() };
            if hooks::take(&tools, &report).await? { StatusCode::OK } else { StatusCode::FORBIDDEN }
        }
        Err(Refused::Signature) => StatusCode::UNAUTHORIZED,
        Err(Refused::Stale) => StatusCode::FORBIDDEN,
        Err(Refused::Malformed) => StatusCode::BAD_REQUEST,
    };
    Ok(status.into_response())
}
