//! Who opened a link: a person's browser, or a program that checks mail on the way. It only ever
//! makes a line in the customer's timeline; the page is the same for both.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, header};

use crate::app::App;
use crate::recovery;
use crate::secret::Token;
use crate::web::extract::Here;

/// What programs that open links call themselves, or a part of it.
const PROGRAMS: [&str; 14] = [
    "bot",
    "crawl",
    "scan",
    "preview",
    "safelinks",
    "proofpoint",
    "mimecast",
    "barracuda",
    "curl",
    "wget",
    "python",
    "java/",
    "go-http",
    "okhttp",
];

/// Whoever asks for a page.
#[derive(Clone, Copy, Debug)]
pub struct Opener {
    looks_like_a_program: bool,
}

impl<S: Sync> FromRequestParts<S> for Opener {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let agent = agent.unwrap_or_default().to_ascii_lowercase();
        // Every browser of the last years says what it fetches for (Fetch Metadata).
        let browser = parts.headers.contains_key("sec-fetch-mode") && !agent.is_empty();
        let looks_like_a_program = !browser
            || parts.method == Method::HEAD
            || PROGRAMS.iter().any(|name| agent.contains(name));
        Ok(Self { looks_like_a_program })
    }
}

impl Opener {
    /// Has it noted that a link was opened, after the answer, and without making anybody wait.
    pub fn note(self, here: &Here, link: Token) {
        let Ok(permit) = here.app.openers.clone().try_acquire_owned() else { return };
        let (app, store, now): (App, _, _) = (here.app.clone(), here.store.clone(), here.now);
        tokio::spawn(async move {
            let _permit = permit;
            let noted =
                recovery::opened(&app.db, &store, &link, self.looks_like_a_program, now).await;
            if let Err(error) = noted {
                tracing::warn!(%error, "an opened link is not in the timeline");
            }
        });
    }
}
