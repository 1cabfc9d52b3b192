//! THE list of routes, one per line, grouped by audience, and the layers around them.
//!
//! Store pages are written once, under `/s/{store}`; [`site`] leads a store's own host there.

pub mod assets;
pub mod device;
pub mod error;
pub mod extract;
pub mod form;
pub mod headers;
pub mod ops;
pub mod page;
pub mod site;
pub mod store;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use store::{account, gate, links, login, look, recovery, register};

/// Largest form, in bytes: three passwords of the longest kind, percent-encoded, and some room.
const FORM_LIMIT: usize = 16 * 1024;

/// Every page, with its layers. `shop` are the pages that stand behind a store's login, guarded for
/// protected stores; without one, a store's front page says who is logged in. `extra` are routes
/// outside of stores (the demo's mailbox).
pub fn router(app: &App, shop: Option<Router>, extra: Router) -> Router {
    let shop = shop
        .unwrap_or_else(|| {
            Router::new().route("/s/{store}/", get(gate::home)).with_state(app.clone())
        })
        .layer(from_fn_with_state(app.clone(), gate::guard));
    let pages = doorkey(app).merge(shop).merge(extra).layer(from_fn(ops::observe));
    // The site is found before a route is: hence a router around the router.
    Router::new()
        .fallback_service(pages)
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(from_fn_with_state(app.clone(), site::enter))
}

/// Doorkey's own pages alone, without layers: what a shop on the same host may ask.
pub fn doorkey(app: &App) -> Router {
    Router::new()
        // Customers: getting in
        .route("/s/{store}/login", get(login::show).post(login::submit))
        .route("/s/{store}/logout", post(login::logout))
        .route("/s/{store}/forgot", get(recovery::forgot).post(recovery::start))
        .route("/s/{store}/reset", get(recovery::reset).post(recovery::finish))
        .route("/s/{store}/not-me", get(links::not_me).post(links::not_me_confirmed))
        .route("/s/{store}/register", get(register::show).post(register::submit))
        .route("/s/{store}/register/confirm", get(links::registration).post(register::confirmed))
        .route("/s/{store}/captcha", get(store::captcha::challenge))
        .route("/s/{store}/captcha/picture/{id}", get(store::captcha::picture))
        .route("/s/{store}/captcha/sound/{id}", get(store::captcha::sound))
        .route("/s/{store}/password/check", post(store::password::check))
        // Customers: their account
        .route("/s/{store}/account", get(account::overview))
        .route("/s/{store}/account/password", get(account::password).post(account::set_password))
        .route("/s/{store}/account/email", get(account::email).post(account::set_email))
        .route(
            "/s/{store}/account/email/confirm",
            get(links::address).post(links::address_confirmed),
        )
        .route("/s/{store}/account/sessions", get(account::sessions).post(account::end_session))
        // Browsers
        .route("/s/{store}/.well-known/change-password", get(account::well_known))
        .route("/s/{store}/look.css", get(look::stylesheet))
        .route("/s/{store}/icon.svg", get(look::icon))
        .route("/s/{store}/logo", get(look::logo))
        .route("/s/{store}/assets/{file}", get(assets::serve))
        .route("/assets/{file}", get(assets::serve))
        // Shops and proxies
        .route("/s/{store}/session", get(gate::session))
        .route("/s/{store}/auth", get(gate::auth))
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
        .with_state(app.clone())
}
