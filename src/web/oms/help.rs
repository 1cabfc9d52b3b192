//! Help: short articles, searchable. The first one opens on checks of the merchant's own mail.

mod checks;
mod markup;

use std::sync::LazyLock;

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

use super::desk::Desk;
use super::frame::{Frame, Section};
use crate::web::error::Failure;
use crate::web::page::html;
use checks::Checks;

/// An article, read once.
struct Article {
    /// Names it in its address.
    key: &'static str,
    title: String,
    /// What it is about, in a sentence.
    lead: String,
    /// The body as HTML.
    body: String,
    /// Title and text in lower case: what is searched.
    words: [String; 2],
}

macro_rules! articles {
    ($($key:literal),* $(,)?) => {
        [$(($key, include_str!(concat!("../../../help/", $key, ".md")))),*]
    };
}

/// In the order of the list. A global, because the articles are constants of the program.
static ARTICLES: LazyLock<Vec<Article>> = LazyLock::new(|| {
    let sources = articles![
        "email",
        "phone",
        "reminder",
        "passwords",
        "envelope",
        "timeline",
        "blocked",
        "protect",
        "staff",
    ];
    sources.into_iter().map(|(key, source)| Article::read(key, source)).collect()
});

impl Article {
    /// A title, a sentence, and the body in a little markup.
    fn read(key: &'static str, source: &str) -> Self {
        let (head, body) = source.split_once("\n\n").unwrap_or((source, ""));
        let (title, lead) = head.split_once('\n').unwrap_or((head, ""));
        let title = title.trim_start_matches("# ").to_owned();
        Self {
            key,
            words: [searchable(&title), searchable(&format!("{lead}\n{body}"))],
            title,
            lead: lead.to_owned(),
            body: markup::html(body),
        }
    }

    /// Whether it has all of the words; better, the more of them stand in the title.
    fn score(&self, words: &[String]) -> Option<usize> {
        let [title, text] = &self.words;
        let has = |word: &String| title.contains(word.as_str()) || text.contains(word.as_str());
        words
            .iter()
            .all(has)
            .then(|| words.iter().filter(|word| title.contains(word.as_str())).count())
    }
}

/// Without capitals and with the apostrophe that keyboards have.
fn searchable(text: &str) -> String {
    text.to_lowercase().replace('’', "'")
}

/// The articles that have all words of `q`, those first that have them in the title.
fn found(q: &str) -> Vec<&'static Article> {
    let words: Vec<_> = searchable(q).split_whitespace().map(str::to_owned).collect();
    let scored = ARTICLES.iter().filter_map(|article| Some((article.score(&words)?, article)));
    let mut scored: Vec<_> = scored.collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, article)| article).collect()
}

/// What is searched for.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "oms/help.html")]
struct ListPage {
    frame: Frame,
    q: String,
    articles: Vec<&'static Article>,
}

/// GET /oms/help
pub async fn list(desk: Desk, Query(asked): Query<Asked>) -> Response {
    let q: String = asked.q.trim().chars().take(100).collect();
    html(&ListPage { frame: Frame::new(&desk, Section::Help), articles: found(&q), q })
}

#[derive(Template)]
#[template(path = "oms/help_article.html")]
struct ArticlePage {
    frame: Frame,
    article: &'static Article,
    checks: Option<Checks>,
    others: Vec<&'static Article>,
}

/// GET /oms/help/{article}
pub async fn article(desk: Desk, Path(key): Path<String>) -> Result<Response, Failure> {
    let article = ARTICLES.iter().find(|a| a.key == key).ok_or(Failure::NotFound)?;
    let checks = if article.key == "email" { Some(Checks::of(&desk).await?) } else { None };
    let others = ARTICLES.iter().filter(|a| a.key != key).collect();
    Ok(html(&ArticlePage { frame: Frame::new(&desk, Section::Help), article, checks, others }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_article_has_a_title_a_sentence_and_a_body() {
        for Article { key, title, lead, body, .. } in ARTICLES.iter() {
            assert!(!title.is_empty() && !title.contains('#'), "{key}: {title}");
            assert!(lead.ends_with(['.', '?']) && lead.len() < 160, "{key}: {lead}");
            assert!(body.len() > 300, "{key}");
            assert!(
                !body.contains("**") && !body.contains("](") && !body.contains("\n> "),
                "{key}"
            );
        }
        assert_eq!(ARTICLES[0].title, "Make sure your email arrives");
        assert_eq!(ARTICLES[1].title, "What to say on the phone");
    }

    #[test]
    fn links_between_articles_lead_somewhere() {
        for article in ARTICLES.iter() {
            for link in article.body.split("href=\"").skip(1) {
                let link = link.split('"').next().unwrap();
                assert!(link.starts_with("/oms/"), "{}: {link}", article.key);
                if let Some(key) = link.strip_prefix("/oms/help/") {
                    assert!(ARTICLES.iter().any(|a| a.key == key), "{}: {link}", article.key);
                }
            }
        }
    }

    #[test]
    fn all_words_have_to_be_there_and_titles_go_first() {
        assert_eq!(found("").len(), ARTICLES.len());
        assert_eq!(found("Timeline")[0].key, "timeline");
        assert_eq!(found("SPF dkim")[0].key, "email");
        assert_eq!(found("WASN'T")[0].key, found("wasn’t")[0].key);
        assert!(found("spf zebra").is_empty());
    }
}
