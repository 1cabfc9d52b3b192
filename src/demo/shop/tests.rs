//! The shop against a Doorkey of three lines: what it asks, what it shows, what it remembers.

use axum::http::HeaderMap;

use super::*;

/// Logs in as Ada whoever sends `sid=ada` to the right host.
fn doorkey() -> Router {
    let session = async |headers: HeaderMap| {
        let says = |name, value| headers.get(name).is_some_and(|v| v == value);
        let ada = r#"{"customer":{"id":"7","number":"C-7","email":"ada@example.test",
            "first_name":"Ada","last_name":"Marsh"},"store":{"key":"harbor"}}"#;
        match says(HOST, "shop.test") && headers[COOKIE].to_str().unwrap().contains("sid=ada") {
            true => (StatusCode::OK, ada),
            false => (StatusCode::UNAUTHORIZED, "{}"),
        }
    };
    Router::new()
        .route("/s/{store}/session", get(session))
        .route("/s/{store}/login", get(async || "the login page"))
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `Location`.
    fn to(&self) -> (u16, &str) {
        (self.status.as_u16(), self.header("location"))
    }
}

async fn ask(method: &str, path: &str, cookie: &str, form: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(HOST, "shop.test");
    if !form.is_empty() {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    if !cookie.is_empty() {
        request = request.header(COOKIE, cookie);
    }
    let app = routes(doorkey(), ShopStore::samples()).merge(doorkey());
    let answer = app.oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn see(path: &str, cookie: &str) -> Answer {
    ask("GET", path, cookie, "").await
}

async fn post_form(path: &str, cookie: &str, form: &str) -> Answer {
    ask("POST", path, cookie, form).await
}

#[tokio::test]
async fn a_visitor_sees_the_shelves_and_no_cookie() {
    let page = see("/s/harbor/", "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Lighthouse Blend") && page.body.contains("€11.90"));
    assert!(page.body.contains(r#"href="/s/harbor/login?return_to=/s/harbor/""#));
    assert_eq!(page.header("set-cookie"), "");
    assert_eq!(see("/s/harbor/login", "").await.body, "the login page");
}

#[tokio::test]
async fn the_header_knows_who_is_logged_in() {
    let page = see("/s/harbor/cart", "sid=ada; cart=mug.3").await.body;
    assert!(page.contains("Hello Ada") && page.contains(r#"href="/s/harbor/account""#));
    assert!(page.contains(r#"action="/s/harbor/logout""#) && page.contains("€48.00"));
    assert!(!page.contains("/s/harbor/login"));
}

#[tokio::test]
async fn the_cart_is_kept_in_a_cookie() {
    let path = "/s/harbor/cart";
    let kept = "; Path=/s/harbor; Max-Age=2592000; HttpOnly; SameSite=Lax";
    for (cart, page, form, then) in [
        ("", "", "sku=mug&quantity=1", "mug.1"),
        ("cart=mug.1", "", "sku=cold-brew&quantity=2", "mug.1_cold-brew.2"),
        ("cart=mug.98", "", "sku=mug&quantity=5", "mug.99"),
        ("cart=mug.1_cold-brew.2", "/change", "sku=mug&quantity=7", "mug.7_cold-brew.2"),
        ("cart=mug.1_cold-brew.2", "/change", "sku=mug&quantity=0", "cold-brew.2"),
    ] {
        let answer = post_form(&format!("{path}{page}"), cart, form).await;
        assert_eq!(answer.to(), (303, path), "{form}");
        assert_eq!(answer.header("set-cookie"), format!("cart={then}{kept}"));
    }
    assert_eq!(see("/s/harbor/cart/change", "cart=mug.1").await.to(), (303, path));
    let emptied = post_form("/s/harbor/cart/change", "cart=mug.1", "sku=mug&quantity=0").await;
    assert!(emptied.header("set-cookie").starts_with("cart=; Path=/s/harbor; Max-Age=0;"));
}

#[tokio::test]
async fn odd_forms_are_refused() {
    for form in [
        "sku=mug",
        "sku=mug&quantity=0",
        "sku=mug&quantity=100",
        "sku=mug&quantity=-1",
        "sku=pot&quantity=1",
        "sku=mug&sku=mug&quantity=1",
        "sku=mug&quantity=1&price=0",
    ] {
        let answer = post_form("/s/harbor/cart", "", form).await;
        assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (400, ""), "{form}");
    }
    assert_eq!(post_form("/s/harbor/checkout", "sid=ada; cart=mug.1", "a=b").await.status, 400);
}

#[tokio::test]
async fn checking_out_needs_a_login() {
    let login = (303, "/s/harbor/login?return_to=/s/harbor/checkout");
    assert_eq!(see("/s/harbor/checkout", "cart=mug.1").await.to(), login);
    assert_eq!(post_form("/s/harbor/checkout", "cart=mug.1", "").await.to(), login);

    let page = see("/s/harbor/checkout", "sid=ada; cart=mug.1").await.body;
    assert!(page.contains("You are checking out as Ada Marsh, ada@example.test"));
    assert!(page.contains("Place order") && page.contains("€16.00"));

    let ordered = post_form("/s/harbor/checkout", "sid=ada; cart=mug.1", "").await;
    assert_eq!(ordered.to(), (303, "/s/harbor/thanks"));
    assert!(ordered.header("set-cookie").starts_with("cart=;"));
    assert!(see("/s/harbor/thanks", "sid=ada").await.body.contains("Thank you, Ada"));
    let nothing = post_form("/s/harbor/checkout", "sid=ada", "").await;
    assert_eq!((nothing.to(), nothing.header("set-cookie")), ((303, "/s/harbor/cart"), ""));
}

#[tokio::test]
async fn names_are_text() {
    let evil = async || r#"{"customer":{"email":"e","first_name":"<b>&","last_name":"\""}}"#;
    let doorkey = Router::new().route("/s/{store}/session", get(evil));
    let request = Request::get("/s/harbor/checkout").header(COOKIE, "a=b").body(Body::empty());
    let answer = routes(doorkey, ShopStore::samples()).oneshot(request.unwrap()).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("as &#60;b&#62;&#38; &#34;, e"));
}

#[test]
fn pictures_are_assets() {
    for store in ShopStore::samples() {
        for name in store.products.iter().map(|product| product.picture).chain([store.scene]) {
            let url = crate::web::assets::url("", name);
            assert!(!url.ends_with("?v="), "{name} is missing in web/assets.rs");
        }
    }
}
