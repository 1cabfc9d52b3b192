//! The sample shop: what stands behind the login in the demo, and the pattern for a shop of your
//! own. It is a foreign shop and knows two public things of Doorkey: `GET {base}/session` says who
//! is logged in, and `{base}/login?return_to=…` is where to send who has to be. Whether a store is
//! protected is no business of its shop: the guard in front of it sees to that.

mod cart;
mod page;
mod products;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequestParts, Request};
use axum::http::header::{COOKIE, HOST, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{RequestPartsExt, Router};
use axum_extra::extract::CookieJar;
use serde::Deserialize;
use tower::ServiceExt;

use cart::{Cart, MAX_QUANTITY};
pub(in crate::demo) use page::html;
pub use products::Product;

/// The most that the answer of `{base}/session` may be, in bytes.
const MAX_SESSION: usize = 16 * 1024;

/// One sample store.
#[derive(Clone, Debug)]
pub struct ShopStore {
    /// Short name: `harbor`.
    pub key: String,
    /// Shown to visitors.
    pub name: String,
    /// Path of its base URL without a trailing slash: `/s/harbor`.
    pub base_path: String,
    /// The sentence at the top of the front page.
    pub tagline: &'static str,
    /// Its palette, a class in `assets/shop.css`.
    pub accent: &'static str,
    /// File name of the picture at the top of the front page.
    pub scene: &'static str,
    /// What it sells, the best first.
    pub products: &'static [Product],
}

impl ShopStore {
    /// The three stores of the demo, under `/s/{key}`.
    pub fn samples() -> Vec<Self> {
        let store = |key: &str, name: &str, tagline, scene, products| Self {
            key: key.to_owned(),
            name: name.to_owned(),
            base_path: format!("/s/{key}"),
            tagline,
            accent: "coffee",
            scene,
            products,
        };
        let coffee = "Coffee for people who get up before the boats.";
        let trade = "The same coffee by the sack, for cafés that open early.";
        let tea = "Tea for days on which the wind does the talking.";
        let harbor = "shop-harbor.svg";
        vec![
            store("harbor", "Harbor Coffee", coffee, harbor, products::COFFEES),
            Self {
                accent: "trade",
                ..store("harbor-trade", "Harbor Trade", trade, harbor, products::TRADE)
            },
            Self {
                accent: "tea",
                ..store("northwind", "Northwind Tea", tea, "shop-hills.svg", products::TEAS)
            },
        ]
    }

    /// Its login page, which leads back to `path` of this store.
    fn login(&self, path: &str) -> String {
        format!("{}/login?return_to={path}", self.base_path)
    }
}

/// The pages of `stores`. `doorkey` answers `{base_path}/session`; it is asked within the process,
/// with what a shop on the same host would pass on over HTTP.
pub fn routes(doorkey: Router, stores: Vec<ShopStore>) -> Router {
    let stores = stores.into_iter().map(|store| pages(doorkey.clone(), store));
    stores.fold(Router::new(), Router::merge)
}

/// Full literal paths, not a nested router: that would claim the store's login pages as well.
fn pages(doorkey: Router, store: ShopStore) -> Router {
    let path = |path: &str| format!("{}{path}", store.base_path);
    Router::new()
        .route(&path("/"), get(front))
        .route(&path("/cart"), get(show_cart).post(add))
        .route(&path("/cart/change"), get(back_to_cart).post(change))
        .route(&path("/checkout"), get(checkout).post(order))
        .route(&path("/thanks"), get(thanks))
        .with_state(Shop { doorkey, store: Arc::new(store) })
}

#[derive(Clone)]
struct Shop {
    doorkey: Router,
    store: Arc<ShopStore>,
}

impl Shop {
    /// Asks Doorkey who the visitor is. A shop whose login service is down goes on as if nobody was
    /// logged in.
    async fn customer(&self, parts: &Parts) -> Option<Customer> {
        // Without a cookie nobody is.
        parts.headers.get(COOKIE)?;
        let path = format!("{}/session", self.store.base_path);
        let mut request = Request::get(path).body(Body::empty()).ok()?;
        for name in [COOKIE, HOST] {
            for value in parts.headers.get_all(&name) {
                request.headers_mut().append(&name, value.clone());
            }
        }
        // What the server knows of the connection, in place of a connection.
        *request.extensions_mut() = parts.extensions.clone();
        let answer = self.doorkey.clone().oneshot(request).await;
        let Ok(answer) = answer.map_err(|never: Infallible| match never {});
        if answer.status() != StatusCode::OK {
            return None;
        }
        let body = axum::body::to_bytes(answer.into_body(), MAX_SESSION).await.ok()?;
        serde_json::from_slice(&body).map(|session: Session| session.customer).ok()
    }
}

/// What `{base}/session` says; a shop with more to do would use `id`, which never changes.
#[derive(Deserialize)]
struct Session {
    customer: Customer,
}

#[derive(Clone, Debug, Deserialize)]
struct Customer {
    email: String,
    first_name: String,
    last_name: String,
}

impl Customer {
    /// What the header calls them.
    fn short_name(&self) -> &str {
        if self.first_name.is_empty() { &self.email } else { &self.first_name }
    }
}

/// One request to the shop: which store, from whom, with what in the cart.
struct Visit {
    store: Arc<ShopStore>,
    customer: Option<Customer>,
    cart: Cart,
    /// The page to come back to after login.
    here: String,
}

impl FromRequestParts<Shop> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, Infallible> {
        let store = shop.store.clone();
        let here = match parts.method {
            Method::GET | Method::HEAD => parts.uri.path().to_owned(),
            _ => format!("{}/cart", store.base_path),
        };
        let customer = shop.customer(parts).await;
        let Ok(jar) = parts.extract::<CookieJar>().await;
        let cookie = jar.get(cart::COOKIE).map(|cookie| cookie.value());
        let cart = Cart::read(cookie.unwrap_or_default(), store.products);
        Ok(Self { store, customer, cart, here })
    }
}

impl Visit {
    fn base(&self) -> &str {
        &self.store.base_path
    }

    fn asset(&self, name: &str) -> String {
        crate::web::assets::url(self.base(), name)
    }

    fn login(&self) -> String {
        self.store.login(&self.here)
    }

    /// 303 to a page of the shop.
    fn to(&self, page: &str) -> Redirect {
        Redirect::to(&format!("{}{page}", self.base()))
    }

    /// The same, with the cart as it is now.
    fn keep_and_go(&self, page: &str) -> Response {
        let path = if self.base().is_empty() { "/" } else { self.base() };
        ([(SET_COOKIE, self.cart.set_cookie(path))], self.to(page)).into_response()
    }
}

async fn front(visit: Visit) -> Response {
    html(StatusCode::OK, &page::Front { visit })
}

async fn show_cart(visit: Visit) -> Response {
    html(StatusCode::OK, &page::CartPage { visit })
}

/// The two forms around a product: put some in, and (with `/change`) how many it shall be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    sku: String,
    quantity: u8,
}

type ItemForm = Result<Form<Item>, FormRejection>;

/// The product and quantity that a form names, if it names any.
fn named(visit: &Visit, form: ItemForm) -> Option<(&'static Product, u8)> {
    let Form(Item { sku, quantity }) = form.ok()?;
    let product = visit.store.products.iter().find(|p| p.sku == sku)?;
    (quantity <= MAX_QUANTITY).then_some((product, quantity))
}

async fn add(mut visit: Visit, form: ItemForm) -> Response {
    let Some((product, more)) = named(&visit, form).filter(|(_, more)| *more > 0) else {
        return refused(visit);
    };
    visit.cart.set(product, visit.cart.quantity(product) + more);
    visit.keep_and_go("/cart")
}

/// Whoever has to log in between pressing *Update* and its answer comes back here.
async fn back_to_cart(visit: Visit) -> Redirect {
    visit.to("/cart")
}

async fn change(mut visit: Visit, form: ItemForm) -> Response {
    let Some((product, quantity)) = named(&visit, form) else { return refused(visit) };
    visit.cart.set(product, quantity);
    visit.keep_and_go("/cart")
}

fn refused(visit: Visit) -> Response {
    let text = "We looked on every shelf, but there is no such thing, or not that many of it.";
    let title = "That did not go into the cart".to_owned();
    html(StatusCode::BAD_REQUEST, &page::Message { visit, title, text })
}

async fn checkout(visit: Visit) -> Response {
    match visit.customer.clone() {
        Some(customer) => html(StatusCode::OK, &page::Checkout { visit, customer }),
        None => Redirect::to(&visit.login()).into_response(),
    }
}

async fn order(mut visit: Visit, body: Bytes) -> Response {
    if !body.is_empty() {
        return refused(visit);
    }
    if visit.customer.is_none() {
        return Redirect::to(&visit.store.login(&format!("{}/checkout", visit.base())))
            .into_response();
    }
    if visit.cart.lines.is_empty() {
        return visit.to("/cart").into_response();
    }
    visit.cart = Cart::default();
    visit.keep_and_go("/thanks")
}

async fn thanks(visit: Visit) -> Response {
    let title = match &visit.customer {
        Some(customer) => format!("Thank you, {}", customer.short_name()),
        None => "Thank you".to_owned(),
    };
    let text = "This is a sample shop: nothing was charged and nothing will arrive. \
                But you got in, and that was the point.";
    html(StatusCode::OK, &page::Message { visit, title, text })
}

#[cfg(test)]
mod tests;
