//! What every page has: its store, its language, its texts and its assets.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::assets;
use crate::locale::Language;
use crate::store::Store;

/// The part of a template that all pages share.
#[derive(Clone, Debug)]
pub struct Page {
    store: Arc<Store>,
    language: Language,
    /// `en`
    pub lang: &'static str,
    /// `ltr` or `rtl`.
    pub dir: &'static str,
    /// The store's name.
    pub store_name: String,
    /// Stands in for a missing logo.
    pub store_initial: String,
    /// Where the browser's tab finds its icon.
    pub icon: String,
    /// Where the logo is.
    pub logo: Option<String>,
    /// What all paths of the store begin with: `/s/harbor`, or nothing.
    pub base: String,
    /// Where the store's colours are.
    pub look: String,
    /// First name of who is logged in.
    pub customer: Option<String>,
    /// Whether it is only looked at: no script runs, so what scripts un-hide is shown as it is.
    pub still: bool,
    /// Below what its assets are.
    root: String,
}

impl Page {
    /// A page of `store` in `language`, seen by `customer`.
    pub fn new(store: Arc<Store>, language: Language, customer: Option<String>) -> Self {
        let base = store.path().to_owned();
        let accent = store.accent.trim_start_matches('#');
        let logo = store.logo.as_ref().map(|version| format!("{base}/logo?v={version}"));
        Self {
            lang: language.code(),
            dir: language.dir(),
            store_name: store.name.clone(),
            store_initial: store.name.chars().next().map(String::from).unwrap_or_default(),
            icon: logo.clone().unwrap_or_else(|| format!("{base}/icon.svg?v={accent}")),
            logo,
            look: format!("{base}/look.css?v={accent}"),
            root: base.clone(),
            base,
            customer,
            still: false,
            language,
            store,
        }
    }

    /// A page to look at in the back office, which is not at the store's origin: all that it leads to
    /// is below `base`, the logo at `logo`.
    pub fn still(
        store: Arc<Store>,
        language: Language,
        customer: Option<String>,
        (base, logo): (String, String),
    ) -> Self {
        let accent = store.accent.trim_start_matches('#').to_owned();
        let has_logo = store.logo.is_some();
        Self {
            icon: logo.clone(),
            logo: has_logo.then_some(logo),
            look: format!("{base}/look.css?v={accent}"),
            base,
            still: true,
            root: String::new(),
            ..Self::new(store, language, customer)
        }
    }

    /// What all paths of the store begin with.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The store's wording of the prompt, else the language's.
    pub fn prompt(&self) -> String {
        self.store.prompt.clone().unwrap_or_else(|| self.t("forgot-prompt").to_owned())
    }

    /// What a new password has to be like.
    pub fn password_hint(&self) -> String {
        match self.store.password_min {
            Some(min) => self.t1("password-hint-min", "min", min),
            None => self.t("password-hint").to_owned(),
        }
    }

    /// The URL of an asset, which changes with its content.
    pub fn asset(&self, name: &str) -> String {
        assets::url(&self.root, name)
    }

    /// The language that it is in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// A text.
    pub fn t(&self, key: &str) -> &'static str {
        self.language.text(key)
    }

    /// A text with one argument.
    pub fn t1(&self, key: &str, name: &str, value: impl Display) -> String {
        self.language.format(key, &[(name, &value)])
    }
}

/// A page that only says something.
#[derive(Template)]
#[template(path = "store/message.html")]
pub struct Message {
    /// The page.
    pub page: Page,
    /// Heading.
    pub title: String,
    /// A sentence or two.
    pub text: String,
    /// Where to go from here: address and label.
    pub links: Vec<(String, String)>,
}

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        html(&self)
    }
}

/// Renders a template as an HTML answer.
pub fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(body) => answer(body),
        Err(error) => super::error::Failure::Internal(error.to_string()).into_response(),
    }
}

/// The same for a page that everybody sees alike: rendered once and kept.
pub fn html_shared<T: Template>(kept: &OnceLock<Bytes>, template: impl Fn() -> T) -> Response {
    if let Some(body) = kept.get() {
        return answer(body.clone());
    }
    match template().render() {
        Ok(body) => answer(kept.get_or_init(|| body.into()).clone()),
        Err(error) => super::error::Failure::Internal(error.to_string()).into_response(),
    }
}

/// The same for a page that differs in one word alone: what stands around it is kept. `word` needs no
/// escaping: it is a reference, not a text.
pub fn html_around<T: Template>(
    kept: &OnceLock<[Bytes; 2]>,
    word: &str,
    template: impl Fn(String) -> T,
) -> Response {
    // No text of a page has it, and HTML leaves it as it is.
    const GAP: char = '\u{1}';
    let around = match kept.get() {
        Some(around) => around,
        None => match template(GAP.into()).render() {
            Ok(body) => kept.get_or_init(|| {
                let (head, tail) = body.split_once(GAP).unwrap_or((&body, ""));
                [head, tail].map(|part| Bytes::copy_from_slice(part.as_bytes()))
            }),
            Err(error) => {
                return super::error::Failure::Internal(error.to_string()).into_response();
            }
        },
    };
    let [head, tail] = around;
    answer([head, word.as_bytes(), tail].concat())
}

fn answer(body: impl IntoResponse) -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}
