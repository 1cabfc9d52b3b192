//! The test mail of the back office: in English, in the store's name, with a link that opens nothing.

use askama::Template;

use super::templates::{Frame, write};
use crate::locale::Language;
use crate::mail::mime::Rendered;
use crate::store::Store;

struct View<'a> {
    lang: &'static str,
    dir: &'static str,
    store_name: String,
    accent: String,
    accent_ink: String,
    mark: &'a str,
    link: String,
}

impl View<'_> {
    fn t(&self, key: &str) -> &'static str {
        Language::En.text(key)
    }

    fn t1(&self, key: &str, name: &str, value: impl std::fmt::Display) -> String {
        Language::En.format(key, &[(name, &value)])
    }
}

#[derive(Template)]
#[template(path = "mail/test.txt")]
struct Text<'a> {
    m: &'a View<'a>,
}

#[derive(Template)]
#[template(path = "mail/test.html")]
struct Html<'a> {
    m: &'a View<'a>,
    subject: &'a str,
}

/// A test mail of this store with this mark: the same each time, so that one that comes back can be
/// compared with it.
pub fn render(store: &Store, mark: &str) -> Rendered {
    let Frame { lang, dir, store_name, accent, accent_ink, .. } = Frame::new(store, Language::En);
    let link = store.url(&format!("/login?test={mark}"));
    let m = &View { lang, dir, store_name, accent, accent_ink, mark, link };
    let subject = format!("Test mail {mark}");
    let html = write(&Html { m, subject: &subject });
    Rendered { text: write(&Text { m }), html, subject }
}
