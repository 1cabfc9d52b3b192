//! The mailbox in the browser. Mails are foreign content here: their HTML is shown in a frame that
//! may run nothing and load nothing.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::{Entry, Mailbox};
use crate::mail::parse::parse;

/// How many messages one page lists.
const PAGE: usize = 50;

/// For the mailbox's own pages: its stylesheet, its icon, its frame, its search form.
const PAGE_CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// For a mail's HTML in its frame: no script, nothing loaded, links open outside of the frame.
const MAIL_CSP: &str = "sandbox allow-popups allow-popups-to-escape-sandbox \
    allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'; \
    frame-ancestors 'self'";

/// The pages under `/mailbox`. Everything there is uncached and without a referrer.
pub fn routes(mailbox: Arc<Mailbox>) -> Router {
    Router::new()
        .route("/mailbox", get(list))
        .route("/mailbox/messages.json", get(list_json))
        .route("/mailbox/messages/{name}", get(message))
        .with_state(mailbox)
}

#[derive(Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
    to: Option<String>,
    before: Option<String>,
    #[serde(default)]
    live: Option<u8>,
}

#[derive(Template)]
#[template(path = "demo/mailbox.html")]
struct ListPage<'a> {
    q: &'a str,
    live: bool,
    paged: bool,
    total: usize,
    rows: Vec<Row>,
    /// The last id on this page when there are older ones.
    older: Option<String>,
}

struct Row {
    entry: Entry,
    date: String,
}

async fn list(State(mailbox): State<Arc<Mailbox>>, Query(wanted): Query<Wanted>) -> Response {
    let needle = wanted.q.trim().to_lowercase();
    let found = |text: &str| text.to_lowercase().contains(&needle);
    let all = mailbox.list(|entry| found(&entry.to) || found(&entry.subject));
    let total = all.len();
    let before = wanted.before.as_deref();
    let mut rest = all.into_iter().filter(|entry| before.is_none_or(|id| entry.id.as_str() < id));
    let shown: Vec<Entry> = rest.by_ref().take(PAGE).collect();
    let older = shown.last().map(|entry| entry.id.clone()).filter(|_| rest.next().is_some());
    let rows = shown.into_iter().map(|entry| Row { date: readable(&entry.date), entry }).collect();
    page(&ListPage {
        q: wanted.q.trim(),
        live: wanted.live == Some(1),
        paged: before.is_some(),
        total,
        rows,
        older,
    })
}

async fn list_json(State(mailbox): State<Arc<Mailbox>>, Query(wanted): Query<Wanted>) -> Response {
    let to = wanted.to.as_deref();
    let entries = mailbox.list(|entry| to.is_none_or(|to| entry.to.eq_ignore_ascii_case(to)));
    (safe(PAGE_CSP), Json(entries)).into_response()
}

#[derive(Template)]
#[template(path = "demo/mail.html")]
struct MailPage<'a> {
    entry: &'a Entry,
    date: String,
    headers: &'a str,
    text: Vec<Piece<'a>>,
    has_html: bool,
}

/// One address serves the three views of a message, told apart by the ending.
async fn message(State(mailbox): State<Arc<Mailbox>>, Path(name): Path<String>) -> Response {
    let (id, view) = name.split_once('.').unwrap_or((&name, ""));
    let (entry, raw) = match mailbox.message(id) {
        Ok(Some(found)) => found,
        Ok(None) => return plain(StatusCode::NOT_FOUND, "There is no such message."),
        Err(error) => {
            tracing::warn!(%error, "a message's file cannot be read");
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "The message cannot be read.");
        }
    };
    if view == "eml" {
        return (safe(PAGE_CSP), [(CONTENT_TYPE, "message/rfc822")], raw).into_response();
    }
    let parsed = parse(&raw).unwrap_or_default();
    // The parser makes an HTML body of plain text, and the other way round: ask for real parts.
    let html_part = parsed.html_part(0).filter(|part| part.is_text_html());
    match (view, html_part) {
        ("html", Some(_)) => {
            let html = parsed.body_html(0).unwrap_or_default();
            let kind = [(CONTENT_TYPE, "text/html; charset=utf-8")];
            (safe(MAIL_CSP), kind, open_links_outside(&html)).into_response()
        }
        ("", html_part) => {
            let text = parsed.body_text(0).unwrap_or_default();
            let head = String::from_utf8_lossy(&raw);
            page(&MailPage {
                date: readable(&entry.date),
                entry: &entry,
                headers: head.split("\r\n\r\n").next().unwrap_or_default(),
                text: pieces(&text),
                has_html: html_part.is_some(),
            })
        }
        _ => plain(StatusCode::NOT_FOUND, "There is no such view of the message."),
    }
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let kind = [(CONTENT_TYPE, "text/html; charset=utf-8")];
            (safe(PAGE_CSP), kind, html).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a mailbox page cannot be rendered");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be shown.")
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, safe(PAGE_CSP), text).into_response()
}

fn safe(csp: &'static str) -> [(HeaderName, &'static str); 4] {
    [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, csp),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
}

/// The date for people, in the zone that the mail names: `23 Nov 2026, 14:35:00 +00:00`.
fn readable(rfc3339: &str) -> String {
    let Some((day, time)) = rfc3339.split_once('T') else { return rfc3339.to_owned() };
    let (clock, zone) = time.split_at(time.find(['Z', '+', '-']).unwrap_or(time.len()));
    let clock = clock.split('.').next().unwrap_or_default();
    let zone = if matches!(zone, "Z" | "+00:00" | "-00:00") { "UTC" } else { zone };
    let day = day.parse::<jiff::civil::Date>();
    let day = day.map_or_else(|_| rfc3339.to_owned(), |day| day.strftime("%-d %b %Y").to_string());
    format!("{day}, {clock} {zone}")
}

/// A stretch of a text part: words as they are, or a link.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Words(&'a str),
    Link(&'a str),
}

/// Finds the http and https links in a text. A link ends at white space, a quotation mark or an
/// angle bracket; a full stop or comma at its end belongs to the sentence.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let link_start =
        |text: &str| [text.find("https://"), text.find("http://")].into_iter().flatten().min();
    while let Some(start) = link_start(rest) {
        let (words, tail) = rest.split_at(start);
        let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"');
        let end = tail.find(ends).unwrap_or(tail.len());
        let link = tail[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
        if !words.is_empty() {
            pieces.push(Piece::Words(words));
        }
        pieces.push(Piece::Link(link));
        rest = &tail[link.len()..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Words(rest));
    }
    pieces
}

/// Makes a mail's links open in a tab of their own, as a mail program does: in the frame, the pages
/// they lead to would refuse to be shown. It has to stand in the head, or the page would lose its
/// document type.
fn open_links_outside(html: &str) -> String {
    const BASE: &str = "<base target=\"_blank\">";
    let lower = html.to_ascii_lowercase();
    let head = lower.find("<head").and_then(|at| Some(at + lower[at..].find('>')? + 1));
    let (before, after) = html.split_at(head.unwrap_or(0));
    format!("{before}{BASE}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_and_nothing_is_lost() {
        use Piece::{Link, Words};
        let text = "Go:\nhttps://a.test/reset?token=x-_\nor (http://b.test/), not\thttps";
        let found = pieces(text);
        let expected = [
            Words("Go:\n"),
            Link("https://a.test/reset?token=x-_"),
            Words("\nor ("),
            Link("http://b.test/"),
            Words("), not\thttps"),
        ];
        assert_eq!(found, expected);
        assert_eq!(pieces(""), []);
        assert_eq!(pieces("http://"), [Link("http://")]);
    }

    #[test]
    fn dates_are_readable() {
        assert_eq!(readable("2026-11-23T14:35:00Z"), "23 Nov 2026, 14:35:00 UTC");
        assert_eq!(readable("2026-11-03T04:05:00.5+01:00"), "3 Nov 2026, 04:05:00 +01:00");
        assert_eq!(readable("odd"), "odd");
    }

    #[test]
    fn the_base_stands_in_the_head() {
        let made = open_links_outside("<!doctype html><HTML><HEAD lang=\"x\"><title>");
        assert_eq!(made, "<!doctype html><HTML><HEAD lang=\"x\"><base target=\"_blank\"><title>");
        assert_eq!(open_links_outside("<p>"), "<base target=\"_blank\"><p>");
    }
    #[tokio::test]
    async fn a_message_has_three_views_and_its_html_is_locked_in() {
        let dir = std::env::temp_dir().join("doorkey-mailbox-views");
        let mailbox = Arc::new(Mailbox::open(&dir, crate::clock::Clock::fixed(1)).unwrap());
        let mail = |kind: &str, body: &str| crate::demo::catcher::Caught {
            from: String::new(),
            to: vec!["ada@example.test".to_owned()],
            raw: format!("Subject: <x>\r\nContent-Type: text/{kind}\r\n\r\n{body}").into_bytes(),
        };
        mailbox.deliver(&mail("plain", "<script>1</script> https://a.test/?b&c")).unwrap();
        mailbox.deliver(&mail("html", "<script>2</script>")).unwrap();
        let ids: Vec<String> = mailbox.list(|_| true).into_iter().map(|entry| entry.id).collect();
        let view = async |name: String| {
            let answer = message(State(Arc::clone(&mailbox)), Path(name)).await;
            let csp = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), 100_000).await.unwrap();
            (status, csp, String::from_utf8(body.to_vec()).unwrap())
        };
        let (status, csp, page) = view(ids[1].clone()).await;
        assert_eq!((status, csp.as_str()), (200, PAGE_CSP));
        assert!(!page.contains("<script") && !page.contains("<iframe"), "{page}");
        assert!(page.contains("href=\"https://a.test/?b&#38;c\""), "{page}");
        assert!(view(ids[0].clone()).await.2.contains("<iframe"));
        let (status, csp, html) = view(format!("{}.html", ids[0])).await;
        assert_eq!((status, csp.as_str()), (200, MAIL_CSP));
        assert!(html.contains("<script>2</script>"), "shown as it is; the policy disarms it");
        assert!(view(format!("{}.eml", ids[1])).await.2.starts_with("Subject: <x>\r\n"));
        for gone in [format!("{}.html", ids[1]), format!("{}.txt", ids[0]), "x".to_owned()] {
            assert_eq!(view(gone.clone()).await.0, 404, "{gone}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
