//! `doorkey serve`: production. Also the part of serving that the demo shares.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use axum::{Router, ServiceExt};
use clap::{Args, ValueEnum};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::Service;

use super::{Failure, open, secret};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::demo::data;
use crate::mail::doctor;
use crate::mail::lmtp::{self, Place};
use crate::mail::test_mail;
use crate::password::Params;
use crate::store;
use crate::web;
use crate::web::site::{Entrance, Peer, Prompt};

/// Run in production.
#[derive(Debug, Args)]
pub struct Serve {
    /// What this process does. Any number of each may share one PostgreSQL database.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Pages and mail.
    All,
    /// Pages only.
    Web,
    /// Mail only.
    Mail,
}

/// Runs until told to stop.
///
/// # Errors
/// When it cannot start.
pub async fn run(command: Serve, config: Config) -> Result<(), Failure> {
    let db = open(&config).await?;
    let steps = db.migrate().await.map_err(|error| {
        Failure(format!("cannot bring the schema up to date: {error}; run doorkey migrate"))
    })?;
    if steps > 0 {
        tracing::info!(steps, "the schema is up to date");
    }
    check_production(&config, &db).await?;
    let secret = secret(&config, true)?;
    let metrics = install_metrics()?;
    let app = App::build(config, db, Clock::System, &secret, Params::DEFAULT).await?;
    let listener = match command.role {
        Role::Mail => None,
        Role::All | Role::Web => Some((bind(app.config.listen).await?, pages(&app))),
    };
    let ops = bind(app.config.ops_listen).await?;
    if command.role == Role::All && app.config.reminder.allow_current {
        tracing::warn!("this process can open sealed passwords and serves pages: see doctor");
    }
    if app.smtp.is_none() {
        tracing::warn!("no mail server is set: mail waits in the queue until smtp.url is");
    }
    tracing::info!(listen = %app.config.listen, ops = %app.config.ops_listen, "doorkey serves");
    serve(app, command.role, listener, Some(ops), metrics).await
}

/// A demo's passwords are printed in the documentation, and a link in clear can be read on its way.
async fn check_production(config: &Config, db: &Db) -> Result<(), Failure> {
    if data::is_demo(db).await? {
        return Err("this database holds the demo's data, whose passwords everybody knows; \
                    set database_url to another one"
            .into());
    }
    if let Some(url) = &config.oms_url {
        let url = store::read_base_url(url).ok_or_else(|| {
            format!("oms_url is {url:?}; it must be like https://oms.example.com")
        })?;
        check_https("oms_url", &url)?;
    }
    for store in store::all(db).await? {
        check_https(&format!("the base URL of the store {}", store.key), &store.base_url)?;
    }
    Ok(())
}

/// `http` is for this machine alone.
fn check_https(what: &str, url: &str) -> Result<(), Failure> {
    if store::is_safe_url(url) {
        return Ok(());
    }
    Err(Failure(format!(
        "{what} is {url}: it must begin with https://, for links in clear can be read on their way"
    )))
}

fn pages(app: &App) -> Entrance {
    web::entrance(app, None, Router::new())
}

/// Opens a listener.
///
/// # Errors
/// When the address is in use or not ours.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure(format!("cannot listen on {address}: {error}; set listen or ops_listen"))
    })
}

/// Starts to count. Once a process.
///
/// # Errors
/// When it was started before.
pub fn install_metrics() -> Result<PrometheusHandle, Failure> {
    PrometheusBuilder::new()
        .set_buckets(&[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0])
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Failure(format!("cannot start the metrics: {error}")))
}

/// Serves until SIGINT or SIGTERM, then finishes what is under way.
///
/// # Errors
/// When a listener breaks.
pub async fn serve(
    app: App,
    role: Role,
    listener: Option<(TcpListener, Entrance)>,
    ops: Option<TcpListener>,
    metrics: PrometheusHandle,
) -> Result<(), Failure> {
    let (stop, stopped) = watch::channel(false);
    let live = app.live.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        live.close();
        let _ = stop.send(true);
    });
    let mut tasks = tokio::task::JoinSet::new();
    if role != Role::Web
        && let Some(place) = Place::read(&app.config.bounce)?
    {
        let listener = lmtp::Listener::open(&place).await.map_err(|error| {
            Failure(format!("cannot listen for LMTP: {error}; set bounce.lmtp_listen"))
        })?;
        tracing::info!(?place, "takes in mail that comes back");
        let (inbound, stopped) = (app.inbound(), stopped.clone());
        tasks.spawn(async move {
            lmtp::serve(listener, inbound, stopped).await;
            Ok(())
        });
    }
    if role != Role::Web {
        let (worker, stopped) = (app.worker(), stopped.clone());
        tasks.spawn(async move {
            worker.run(stopped).await;
            Ok(())
        });
    }
    if role != Role::Web {
        tasks.spawn(look_after_mail(app.clone(), stopped.clone()));
    }
    tasks.spawn(keep_metrics(metrics.clone(), stopped.clone()));
    if role != Role::Mail {
        tasks.spawn(look_around(app.clone(), stopped.clone()));
    }
    if let Some((listener, pages)) = listener {
        tasks.spawn(answer(listener, pages, stopped.clone()));
    }
    if let Some(ops) = ops {
        let router = web::ops::router(app.clone(), metrics, role != Role::Web);
        tasks.spawn(answer(ops, router, stopped));
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| Failure(format!("a part of doorkey stopped: {error}")))??;
    }
    app.db.close().await;
    Ok(())
}

async fn answer<S>(
    listener: TcpListener,
    pages: S,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), Failure>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let service = ServiceExt::into_make_service_with_connect_info::<Peer>(pages);
    axum::serve(Prompt(listener), service)
        .with_graceful_shutdown(async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        })
        .await
        .map_err(|error| Failure(format!("the listener broke: {error}")))
}

/// What other processes do shows within a second: changed stores, and how full the queue is.
async fn look_around(app: App, mut stopped: watch::Receiver<bool>) -> Result<(), Failure> {
    while !*stopped.borrow() {
        if let Err(error) = app.stores.refresh(&app.db).await {
            tracing::warn!(%error, "cannot look for changed stores");
        }
        if let Err(error) = app.look_at_queue().await {
            tracing::warn!(%error, "cannot look at the queue");
        }
        tokio::select! {
            _ = stopped.changed() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    Ok(())
}

/// Sends the doctor round and starts probes, when it is time and no other process does. What the
/// doctor asks of name servers may take minutes; stopping does not wait for it.
async fn look_after_mail(app: App, mut stopped: watch::Receiver<bool>) -> Result<(), Failure> {
    let name = crate::new_id();
    while !*stopped.borrow() {
        let now = app.clock.now();
        tokio::select! {
            _ = stopped.changed() => {}
            () = async {
                if let Err(error) = doctor::round::go(&app.doctor(), &name, now).await {
                    tracing::warn!(%error, "cannot look at the sender domains; trying again");
                }
                if let Err(error) = app.probe(now).await {
                    tracing::warn!(%error, "cannot start the probe; trying again");
                }
                if let Err(error) = test_mail::tidy(&app.db, now).await {
                    tracing::warn!(%error, "cannot forget old test mails");
                }
                tokio::time::sleep(Duration::from_secs(15)).await;
            } => {}
        }
    }
    Ok(())
}

/// Folds what was measured into its buckets. Scraping does it too, but nobody has to scrape, and
/// until then every measurement is kept.
async fn keep_metrics(
    metrics: PrometheusHandle,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), Failure> {
    while !*stopped.borrow() {
        metrics.run_upkeep();
        tokio::select! {
            _ = stopped.changed() => {}
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
    }
    Ok(())
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
