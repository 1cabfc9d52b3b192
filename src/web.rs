//! THE list of routes, one per line, grouped by audience, and the layers around them.
//!
//! Store pages are written once, under `/s/{store}`; [`site`] leads a store's own host there.

pub mod assets;
pub mod device;
pub mod error;
pub mod extract;
pub mod form;
pub mod headers;
pub mod hooks;
pub mod oms;
pub mod ops;
pub mod page;
pub mod site;
pub mod store;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower::layer::layer_fn;

use crate::app::App;
use oms::contact;
use site::Entrance;
use store::{account, gate, links, login, look, recovery, register};

/// Largest form, in bytes: three passwords of the longest kind, percent-encoded, and some room.
const FORM_LIMIT: usize = 16 * 1024;

/// Every page, with its layers. `shop` are the pages that stand behind a store's login, guarded for
/// protected stores; without one, a store's front page says who is logged in. `extra` are routes
/// outside of stores (the demo's mailbox).
pub fn entrance(app: &App, shop: Option<Router>, extra: Router) -> Entrance {
    let shop = shop
        .unwrap_or_else(|| {
            Router::new().route("/s/{store}/", get(gate::home)).with_state(app.clone())
        })
        .layer(from_fn_with_state(app.clone(), gate::guard));
    let pages = doorkey(app).merge(shop).merge(extra).layer(layer_fn(ops::Observed));
    Entrance::new(app.clone(), pages)
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
        // Staff: the envelope
        .route("/oms/customers/{customer}/reminder", post(oms::reminder::send))
        // Staff: stores and settings
        .route("/oms/stores", get(oms::stores::list))
        .route("/oms/stores/new", get(oms::stores::new).post(oms::stores::add))
        .route("/oms/stores/{store}", get(oms::stores::show).post(oms::stores::save))
        .route(
            "/oms/stores/{store}/logo",
            get(oms::look::show)
                .post(oms::look::upload)
                .layer(DefaultBodyLimit::max(oms::look::UPLOAD_LIMIT)),
        )
        .route("/oms/stores/{store}/logo/remove", post(oms::look::remove))
        .route(
            "/oms/stores/{store}/mails/{kind}",
            get(oms::wording::show)
                .post(oms::wording::save)
                .layer(DefaultBodyLimit::max(oms::wording::FORM_LIMIT)),
        )
        .route("/oms/stores/{store}/mails/{kind}/reset", post(oms::wording::reset))
        .route("/oms/stores/{store}/mails/{kind}/preview", get(oms::mails::show))
        .route("/oms/stores/{store}/mails/{kind}/html", get(oms::mails::frame))
        .route("/oms/stores/{store}/mails/{kind}/draft", post(oms::wording::draft))
        .route("/oms/stores/{store}/pages", get(oms::preview::show))
        .route("/oms/stores/{store}/pages/{*page}", get(oms::preview::frame))
        .route("/oms/settings", get(oms::settings::show).post(oms::settings::save))
        .route("/oms/settings/reminder", post(oms::settings::set_reminder))
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
        // Mail providers
        .route("/hooks/ses", post(hooks::from_ses).layer(DefaultBodyLimit::max(hooks::LIMIT)))
        .route(
            "/hooks/postmark",
            post(hooks::from_postmark).layer(DefaultBodyLimit::max(hooks::LIMIT)),
        )
        .route(
            "/hooks/sendgrid",
            post(hooks::from_sendgrid).layer(DefaultBodyLimit::max(hooks::LIMIT)),
        )
        .route(
            "/hooks/mailgun",
            post(hooks::from_mailgun).layer(DefaultBodyLimit::max(hooks::LIMIT)),
        )
        // Staff: tutorials and help
        .route("/oms/tutorials", get(oms::tutorials::list))
        .route("/oms/tutorials/start", post(oms::tutorials::start))
        .route("/oms/tutorials/current", get(oms::tutorials::current))
        .route("/oms/tutorials/progress", post(oms::tutorials::progress))
        .route("/oms/tutorials/stop", post(oms::tutorials::stop))
        .route("/oms/tutorials/mail", get(oms::tutorials::mail))
        .route("/oms/help", get(oms::help::list))
        .route("/oms/help/{article}", get(oms::help::article))
        // Staff: customers
        .route("/oms/customers", get(oms::customers::list))
        .route("/oms/customers/new", get(contact::show_new).post(contact::add))
        .route("/oms/customers/{customer}/edit", get(contact::show_edit).post(contact::edit))
        .route(
            "/oms/customers/{customer}/address",
            get(contact::address::show).post(contact::address::submit),
        )
        .route("/oms/customers/{customer}/block", post(contact::access::block))
        .route("/oms/customers/{customer}/unblock", post(contact::access::unblock))
        .route("/oms/customers/{customer}/sessions", post(contact::access::end_sessions))
        // Staff: activity, numbers, email delivery
        .route("/oms/activity", get(oms::activity::show))
        .route("/oms/activity.csv", get(oms::activity::export))
        .route("/oms/activity/read", post(oms::activity::mark_read))
        .route("/oms/numbers", get(oms::numbers::show))
        .route("/oms/email", get(oms::email::show))
        .route("/oms/email/mails/{mail}/retry", post(oms::email::retry))
        .route("/oms/email/mails/{mail}/cancel", post(oms::email::cancel))
        .route("/oms/email/keys", get(oms::keys::show).post(oms::keys::create))
        .route("/oms/email/keys/rotate", post(oms::keys::rotate))
        .route("/oms/email/keys/activate", post(oms::keys::activate))
        .route("/oms/email/doctor", get(oms::doctor::list))
        .route("/oms/email/doctor/{domain}", get(oms::doctor::show).post(oms::doctor::check))
        .route("/oms/email/probe", post(oms::probe::switch))
        .route("/oms/email/test", get(oms::test_mail::show).post(oms::test_mail::send))
        .route(
            "/oms/email/test/{test}",
            get(oms::test_mail::result)
                .post(oms::test_mail::read_back)
                .layer(DefaultBodyLimit::max(oms::test_mail::SOURCE_LIMIT)),
        )
        .route("/oms/email/suppressed", get(oms::suppressed::list))
        .route("/oms/email/suppressed/{suppression}/lift", post(oms::suppressed::lift))
        // Staff: the door and the own account
        .route("/oms", get(oms::login::front))
        .route("/oms/login", get(oms::login::show).post(oms::login::submit))
        .route("/oms/logout", post(oms::login::logout))
        .route("/oms/forgot", get(oms::access::forgot).post(oms::access::request))
        .route("/oms/reset", get(oms::access::reset).post(oms::access::finish_reset))
        .route("/oms/enrol", get(oms::access::enrol).post(oms::access::finish_enrol))
        .route("/oms/account", get(oms::account::overview))
        .route("/oms/account/password", post(oms::account::set_password))
        .route("/oms/account/sessions", post(oms::account::end_sessions))
        .route("/oms/account/factor", get(oms::factor::show).post(oms::factor::confirm))
        .route("/oms/account/factor/remove", post(oms::factor::remove))
        .route("/oms/account/codes", post(oms::factor::new_codes))
        // Staff: colleagues
        .route("/oms/staff", get(oms::staff::list).post(oms::staff::invite))
        .route("/oms/staff/{staff}/role", post(oms::staff::set_role))
        .route("/oms/staff/{staff}/disable", post(oms::staff::disable))
        .route("/oms/staff/{staff}/enable", post(oms::staff::enable))
        .route("/oms/staff/{staff}/reset", post(oms::staff::reset))
        // Staff: the record and its timeline
        .route("/oms/customers/{customer}", get(oms::record::show))
        .route("/oms/customers/{customer}/timeline", get(oms::timeline::show))
        .route("/oms/customers/{customer}/timeline/live", get(oms::timeline::live))
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
        .with_state(app.clone())
}
