//! The private listener: health, readiness, metrics; and the line in the log that every request
//! leaves. Keep this listener away from the public network.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics::{Counter, Histogram, counter, histogram};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tower::Service;

use super::site::{Answer, Site};
use crate::app::App;
use crate::clock::{MINUTE, SECOND};
use crate::db::Db;
use crate::mail::{outbox, pulse};

/// The routes of the private listener.
pub fn router(app: App, metrics: PrometheusHandle, works_mail: bool) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move |State(app): State<App>| ready(app, works_mail)))
        .route("/metrics", get(move || scrape(metrics.clone())))
        .with_state(app)
}

/// 200 when everything that this process needs is there, else 503 and what is missing.
async fn ready(app: App, works_mail: bool) -> Response {
    let now = app.clock.now();
    let mut wrong: Vec<Cow<'static, str>> = Vec::new();
    let mut oldest_seconds = None;
    match app.db.schema_version().await {
        Ok(version) if version == Db::schema_wanted() => {
            match outbox::waiting(&app.db, now).await {
                Ok(waiting) => {
                    oldest_seconds = waiting.oldest_due_at.map(|due| (now - due) / SECOND);
                }
                Err(_) => wrong.push("the mail queue cannot be read".into()),
            }
            if !works_mail && let Ok(pulse) = pulse::read(&app.db, now).await {
                wrong.extend(pulse.wrong(now).map(Cow::from));
            }
        }
        Ok(_) => wrong.push("the schema is not this program's: run doorkey migrate".into()),
        Err(_) => wrong.push("the database does not answer".into()),
    }
    if app.smtp.is_none() {
        wrong.push("no mail server is set: set smtp.url".into());
    }
    if works_mail {
        let at = |of: &AtomicI64| of.load(Ordering::Relaxed);
        let (alive_at, moved_at) = (at(&app.worker_alive_at), at(&app.worker_moved_at));
        if now - alive_at > MINUTE {
            wrong.push("the mail worker has stopped".into());
        } else if moved_at != 0 && now - moved_at > pulse::SILENCE {
            wrong.push("the mail worker holds mails and none moves".into());
        }
    }
    if oldest_seconds.is_some_and(|age| age > 60) {
        wrong.push("mail has been due for more than a minute".into());
    }
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": wrong.is_empty(),
        "wrong": wrong,
        "oldest_waiting_seconds": oldest_seconds,
    });
    (status, Json(body)).into_response()
}

async fn scrape(metrics: PrometheusHandle) -> Response {
    metrics.run_upkeep();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.render()).into_response()
}

/// A line in the log and a count for every request: the route, never the address, for addresses
/// carry tokens. Pages that were merely read are a matter for `debug`.
#[derive(Clone)]
pub struct Observed<S>(pub S);

impl<S> Service<Request> for Observed<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Answer {
        let site = request.extensions().get::<Site>().cloned();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let method = request.method().clone();
        let started = tokio::time::Instant::now();
        let answer = self.0.call(request);
        Box::pin(async move {
            let response = answer.await?;
            let route = route.as_ref().map_or("none", MatchedPath::as_str);
            note(site.as_ref(), route, &method, response.status().as_u16(), started.elapsed());
            Ok(response)
        })
    }
}

fn note(site: Option<&Site>, route: &str, method: &Method, status: u16, elapsed: Duration) {
    count(route, status, elapsed);
    let Some(site) = site else { return };
    let store = site.store.as_ref().map_or("", |store| &store.key);
    let (micros, id, source) = (elapsed.as_micros() as u64, site.request_id, &*site.source);
    if method == Method::GET && status < 400 {
        tracing::debug!(%method, route, status, micros, store, source, request = %id, "request");
    } else {
        tracing::info!(%method, route, status, micros, store, source, request = %id, "request");
    }
}

/// Looking a counter up by its labels costs more than counting: each thread keeps those it has met.
fn count(route: &str, status: u16, elapsed: Duration) {
    static SECONDS: LazyLock<Histogram> = LazyLock::new(|| histogram!("doorkey_http_seconds"));
    type Classes = [OnceCell<Counter>; 4];
    thread_local! {
        static MET: RefCell<HashMap<String, Classes>> = RefCell::default();
    }
    SECONDS.record(elapsed.as_secs_f64());
    let class = usize::from(status / 100).clamp(2, 5) - 2;
    let add = |classes: &Classes| {
        classes[class]
            .get_or_init(|| {
                let class = ["2xx", "3xx", "4xx", "5xx"][class];
                counter!("doorkey_http_requests", "route" => route.to_owned(), "status" => class)
            })
            .increment(1);
    };
    MET.with_borrow_mut(|met| match met.get(route) {
        Some(classes) => add(classes),
        None => add(met.entry(route.to_owned()).or_default()),
    });
}
