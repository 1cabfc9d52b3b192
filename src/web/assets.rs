//! Stylesheets, scripts and pictures, compiled into the binary. Their URLs change with their
//! content, so browsers may keep them for good; they carry no cookie.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::{Path, Query};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

use super::error::Failure;
use crate::secret::sha256;

struct Asset {
    kind: &'static str,
    body: &'static [u8],
    version: String,
}

macro_rules! assets {
    ($($file:literal),* $(,)?) => {
        [$(($file, include_bytes!(concat!("../../assets/", $file)).as_slice())),*]
    };
}

/// By file name. A global, because assets are constants of the program.
static ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| {
    assets![
        "store.css",
        "login.js",
        "password.js",
        "captcha.js",
        "captcha-worker.js",
        "oms.css",
        "oms-record.js",
        "oms-parts.css",
        "oms.js",
        "oms-tour.js",
        "oms-copy.js",
        "oms-search.js",
        "oms.svg",
        "mailbox.css",
        "mailbox.svg",
        "shop.css",
        "shop-harbor.svg",
        "shop-hills.svg",
        "shop-lighthouse.svg",
        "shop-nightwatch.svg",
        "shop-ferry.svg",
        "shop-tide.svg",
        "shop-bottle.svg",
        "shop-mug.svg",
        "shop-sack.svg",
        "shop-sack-dark.svg",
        "shop-crate.svg",
        "shop-box.svg",
        "shop-tin-red.svg",
        "shop-tin-green.svg",
        "shop-tin-dark.svg",
        "shop-tin-blue.svg",
        "shop-pot.svg",
    ]
    .into_iter()
    .map(|(file, body)| {
        let kind = match file.rsplit_once('.').map(|(_, ending)| ending) {
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("js") => "text/javascript; charset=utf-8",
            _ => "application/octet-stream",
        };
        let version = B64.encode(&sha256(body)[..6]);
        (file, Asset { kind, body, version })
    })
    .collect()
});

/// The URL of an asset below `base`.
pub fn url(base: &str, file: &str) -> String {
    let version = ASSETS.get(file).map_or("", |asset| &asset.version);
    format!("{base}/assets/{file}?v={version}")
}

/// Serves an asset; its file name is the last part of the path.
/// Without its version (a worker is loaded so) it is kept for minutes only.
pub async fn serve(
    Path(path): Path<HashMap<String, String>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some(asset) = path.get("file").and_then(|file| ASSETS.get(file.as_str())) else {
        return Failure::NotFound.into_response();
    };
    let kept = if query.get("v") == Some(&asset.version) {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=300"
    };
    ([(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, kept)], asset.body)
        .into_response()
}
