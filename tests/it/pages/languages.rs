//! Every page in every language: nothing empty, nothing missing, nothing heavy.

use std::collections::HashMap;

use super::atlas::walk;
use super::html::{Element, elements};
use crate::support::app::Database;
use crate::support::{Answer, TestApp, both};

/// Texts that a page must not be without, and that nothing fills in later.
fn empty_texts(page: &str) -> Vec<String> {
    let speaks = |e: &Element| match &*e.name {
        "h1" | "h2" | "title" | "button" | "label" | "a" | "li" | "dt" | "dd" | "b" => true,
        // Scripts fill these in, from their own data-text.
        "p" => !e.attributes.iter().any(|(n, v)| n.starts_with("data-text") || v == "meter-text"),
        _ => false,
    };
    let named = |e: &Element| e.attribute("aria-label").is_some_and(|label| !label.is_empty());
    let mut empty = Vec::new();
    for element in elements(page) {
        if speaks(&element) && element.text.trim().is_empty() && !named(&element) {
            empty.push(format!("{element:?}"));
        }
        for (name, value) in &element.attributes {
            let text = name.starts_with("data-text") || ["aria-label", "alt"].contains(&&**name);
            let decoration = name == "alt" && element.attribute("class") == Some("mark");
            if text && value.trim().is_empty() && !decoration {
                empty.push(format!("{name} of {element:?}"));
            }
        }
    }
    empty
}

/// Words that only a mistake in the texts lets through: a key, a placeholder, a broken argument.
fn leftovers(page: &str) -> Vec<String> {
    let said: String = elements(page).first().map(|html| html.text.clone()).unwrap_or_default();
    let odd = |word: &&str| {
        word.contains(['{', '}', '\u{2068}', '\u{2069}'])
            || (word.starts_with('$') && word.len() > 1)
            || ["None", "Some(", "null", "undefined"].contains(word)
    };
    said.split_whitespace().filter(odd).map(str::to_owned).collect()
}

fn is_page(answer: &Answer) -> bool {
    answer.headers["content-type"].as_bytes().starts_with(b"text/html")
}

#[test]
fn an_empty_text_would_be_found() {
    assert_eq!(empty_texts("<p>a</p><button aria-label=\"b\"></button>").len(), 0);
    assert_eq!(empty_texts("<h1></h1><a href=\"/\"> </a><i data-text=\"\"></i>").len(), 3);
    assert_eq!(leftovers("<html>You have {$n} mails</html>"), ["{$n}"]);
}

/// Pages of the shop behind the store, which speaks English and is not ours to check here.
const SHOP: [&str; 2] = ["GET ", "GET cart"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_speaks_every_language() {
    let mut english = HashMap::new();
    for language in ["en", "de", "es", "fr"] {
        let atlas = walk(Database::Sqlite, language).await;
        assert!(atlas.len() > 40, "{} pages", atlas.len());
        for (i, (name, answer)) in atlas.iter().enumerate() {
            assert!(is_page(answer), "{name}");
            if SHOP.contains(&&**name) {
                continue;
            }
            let page = elements(&answer.body);
            assert_eq!(page[0].attribute("lang"), Some(language), "{name}");
            let empty = empty_texts(&answer.body);
            assert!(empty.is_empty(), "{name} in {language}: {empty:#?}");
            let odd = leftovers(&answer.body);
            assert!(odd.is_empty(), "{name} in {language}: {odd:?}");
            let h1: Vec<_> = page.iter().filter(|e| e.name == "h1").collect();
            assert_eq!(h1.len(), 1, "{name} has one heading");
            if language == "en" {
                english.insert(i, h1[0].text.clone());
            } else {
                assert_ne!(h1[0].text, english[&i], "{name} in {language}");
            }
        }
    }
}

both!(no_page_weighs_more_than_60_kilobytes_with_its_assets, |db| async move {
    let test = TestApp::start(db).await;
    let mut sizes: HashMap<String, usize> = HashMap::new();
    for (name, answer) in walk(db, "de").await {
        let mut weight = answer.bytes.len();
        for element in elements(&answer.body) {
            let loaded = match &*element.name {
                "script" | "img" => element.attribute("src"),
                "link" => element.attribute("href"),
                _ => None,
            };
            let Some(url) = loaded.filter(|url| !url.contains("/captcha/")) else { continue };
            if !sizes.contains_key(url) {
                let asset = test.browser().get(url).await;
                assert_eq!(asset.status, 200, "{url}");
                sizes.insert(url.to_owned(), asset.bytes.len());
            }
            weight += sizes[url];
        }
        assert!(weight <= 60 * 1024, "{name}: {weight} bytes");
    }
    assert!(sizes.len() > 4, "assets were weighed: {sizes:?}");
});
