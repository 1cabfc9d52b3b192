//! The front door of the demo: its stores, its mailbox and who can log in.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::shop::html;

/// The page at `/`. It greets whoever has just typed `doorkey demo`.
#[derive(Clone, Debug, Template)]
#[template(path = "demo/index.html")]
pub struct Index {
    /// The stores, of all merchants.
    pub stores: Vec<StoreLink>,
    /// URL of the mailbox that catches all mail.
    pub mailbox: String,
    /// Who can log in to the stores.
    pub customers: Vec<Login>,
    /// URL of the back office.
    pub oms: String,
    /// Who can log in to it.
    pub staff: Vec<Login>,
    /// The password of all of them.
    pub password: String,
}

/// A store to visit.
#[derive(Clone, Debug)]
pub struct StoreLink {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub merchant: String,
    /// Its front page.
    pub url: String,
    /// Its login page.
    pub login: String,
    /// Whether it is hidden from visitors who are not logged in.
    pub protected: bool,
}

/// Somebody to log in as.
#[derive(Clone, Debug)]
pub struct Login {
    /// Email address.
    pub email: String,
    /// What to know about them: "Ada Marsh, at home in Harbor Coffee".
    pub who: String,
}

impl Index {
    /// The page as an answer.
    pub fn answer(&self) -> Response {
        html(StatusCode::OK, self)
    }

    fn asset(&self, name: &str) -> String {
        crate::web::assets::url("", name)
    }
}
