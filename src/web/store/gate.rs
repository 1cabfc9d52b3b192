//! What shops and proxies ask: who is logged in; and the guard in front of what stands behind a
//! store's login.

use askama::Template;
use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::app::App;
use crate::store::Access;
use crate::web::error::Failure;
use crate::web::extract::{Here, see_other};
use crate::web::page::{Page, html};

#[derive(Template)]
#[template(path = "store/home.html")]
struct HomePage {
    page: Page,
}

/// The front page to look at.
pub fn sample(page: Page) -> Response {
    html(&HomePage { page })
}

/// GET /: the front page of a store whose shop is elsewhere.
pub async fn home(here: Here) -> Result<Response, Failure> {
    let session = here.session().await?;
    Ok(html(&HomePage { page: here.page(session.as_ref()) }))
}

/// GET /session: who is logged in, for the shop's own code.
pub async fn session(here: Here) -> Result<Response, Failure> {
    let Some(session) = here.session().await? else {
        return Ok((StatusCode::UNAUTHORIZED, Json(json!({}))).into_response());
    };
    let c = &session.customer;
    Ok(Json(json!({
        "customer": {
            "id": c.id,
            "number": c.number,
            "email": c.email,
            "first_name": c.first_name,
            "last_name": c.last_name,
        },
        "store": here.store.key,
    }))
    .into_response())
}

/// GET /auth: the same for a reverse proxy (nginx `auth_request`, Traefik and Caddy forward-auth).
pub async fn auth(here: Here) -> Result<Response, Failure> {
    let mut headers = HeaderMap::new();
    let Some(session) = here.session().await? else {
        let to = HeaderValue::from_str(&here.store.url("/login")).map_err(|_| Failure::NotFound)?;
        headers.insert(header::LOCATION, to);
        return Ok((StatusCode::UNAUTHORIZED, headers, Json(json!({}))).into_response());
    };
    for (name, value) in
        [("x-doorkey-customer", &session.customer.id), ("x-doorkey-email", &session.customer.email)]
    {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    Ok((StatusCode::OK, headers).into_response())
}

/// In front of a protected store's shop: nothing is shown without a session.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let here = match Here::from_request_parts(&mut parts, &app).await {
        Ok(here) => here,
        Err(failure) => return failure.into_response(),
    };
    if here.store.access == Access::Protected {
        match here.session().await {
            Ok(Some(_)) => {}
            Ok(None) => return to_login(&here, parts.uri.path(), parts.uri.query()),
            Err(failure) => return failure.into_response(),
        }
    }
    next.run(Request::from_parts(parts, body)).await
}

/// 303 to the login page, with the way back.
fn to_login(here: &Here, routed: &str, query: Option<&str>) -> Response {
    let rest = routed.strip_prefix("/s/").and_then(|p| p.split_once('/')).map_or("", |(_, r)| r);
    if rest.is_empty() && query.is_none() {
        return see_other(&here.path("/login"), []);
    }
    let wanted = match query {
        Some(query) => here.path(&format!("/{rest}?{query}")),
        None => here.path(&format!("/{rest}")),
    };
    let wanted = utf8_percent_encode(&wanted, NON_ALPHANUMERIC);
    see_other(&format!("{}?return_to={wanted}", here.path("/login")), [])
}
