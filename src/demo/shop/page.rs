//! The shop's pages as templates.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::cart::MAX_QUANTITY;
use super::{Customer, Visit};

/// The front page: what there is to buy.
#[derive(Template)]
#[template(path = "demo/shop_front.html")]
pub(super) struct Front {
    pub visit: Visit,
}

/// The cart.
#[derive(Template)]
#[template(path = "demo/shop_cart.html")]
pub(super) struct CartPage {
    pub visit: Visit,
}

/// The last page before the order.
#[derive(Template)]
#[template(path = "demo/shop_checkout.html")]
pub(super) struct Checkout {
    pub visit: Visit,
    pub customer: Customer,
}

/// A heading, a sentence and the way back to the shelves.
#[derive(Template)]
#[template(path = "demo/shop_message.html")]
pub(super) struct Message {
    pub visit: Visit,
    pub title: String,
    pub text: &'static str,
}

/// A page as an answer.
pub(in crate::demo) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of the sample shop cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
