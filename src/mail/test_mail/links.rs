//! What became of the link: whether it still leads where it led, and still says so. Scanners that
//! rewrite links make mails look like phishing, and some of them use links up.

use percent_encoding::percent_decode_str;

/// Links of a document that are looked at.
const MOST: usize = 200;

/// A link of an HTML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it leads.
    pub href: String,
    /// What it shows, without markup.
    pub text: String,
}

/// The links of a document, by one pass over it: enough of HTML for what mail servers do to it.
pub fn links(html: &str) -> Vec<Link> {
    let mut found = Vec::new();
    let mut rest = html;
    while found.len() < MOST {
        let Some(at) = find_tag(rest) else { break };
        let tag = &rest[at..];
        let Some(end) = tag.find('>') else { break };
        let inside = &tag[end + 1..];
        let close = inside.find("</").unwrap_or(inside.len());
        // What is shown may hold markup itself: up to the end of the link, or of the document.
        let shown = find_close(inside).map_or(&inside[..close], |at| &inside[..at]);
        if let Some(href) = attribute(&tag[2..end], "href") {
            found.push(Link { href: unescape(&href), text: plain(shown) });
        }
        rest = inside;
    }
    found
}

fn find_tag(html: &str) -> Option<usize> {
    let is_a = |at: &usize| {
        let bytes = html.as_bytes();
        bytes.get(at + 1).is_some_and(|b| b.eq_ignore_ascii_case(&b'a'))
            && bytes.get(at + 2).is_some_and(u8::is_ascii_whitespace)
    };
    html.match_indices('<').map(|(at, _)| at).find(is_a)
}

fn find_close(html: &str) -> Option<usize> {
    // Not further than a link is long: else many open links would make this slow.
    let end = (0..=html.len().min(4096)).rev().find(|at| html.is_char_boundary(*at))?;
    let html = &html[..end];
    html.match_indices("</")
        .map(|(at, _)| at)
        .find(|at| html.as_bytes().get(at + 2).is_some_and(|b| b.eq_ignore_ascii_case(&b'a')))
}

/// The value of an attribute among those of a tag.
fn attribute(tag: &str, wanted: &str) -> Option<String> {
    let mut rest = tag.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| *c == '"' || *c == '\'');
            (value, rest) = match quote {
                Some(quote) => {
                    let inner = &after[1..];
                    inner.split_once(quote).unwrap_or((inner, ""))
                }
                None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
            };
            rest = rest.trim_start();
        }
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value.to_owned());
        }
        if end == 0 {
            // A stray sign: step over it.
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    None
}

fn plain(html: &str) -> String {
    let (mut text, mut inside) = (String::new(), false);
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    unescape(text.trim())
}

/// The character references that are used in addresses.
fn unescape(text: &str) -> String {
    text.replace("&#38;", "&")
        .replace("&amp;", "&")
        .replace("&#x3D;", "=")
        .replace("&#61;", "=")
        .replace("&#x2F;", "/")
        .replace("&#47;", "/")
}

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is as it was.
    Kept,
    /// It leads elsewhere now; to which host.
    Rewritten(String),
    /// It is gone.
    Gone,
}

/// Looks for the link among those of the HTML part.
pub fn in_html(html: &str, wanted: &str, mark: &str) -> Fate {
    let all = links(html);
    if all.iter().any(|link| link.href == wanted) {
        return Fate::Kept;
    }
    // Rewritten links carry the old one inside, or still show it.
    let ours = all.iter().find(|link| carries(&link.href, mark) || carries(&link.text, mark));
    match ours {
        Some(link) => Fate::Rewritten(host(&link.href)),
        None => Fate::Gone,
    }
}

/// Looks for the link in the plain text: on a line of its own.
pub fn in_text(text: &str, wanted: &str, mark: &str) -> Fate {
    if text.lines().any(|line| line.trim() == wanted) {
        return Fate::Kept;
    }
    let word = text.split_whitespace().find(|w| w.contains("://") && carries(w, mark));
    match word {
        Some(word) => Fate::Rewritten(host(word.trim_matches(['<', '>', '[', ']', '(', ')']))),
        None => Fate::Gone,
    }
}

/// Whether a text holds the mark, plain or encoded once or twice.
fn carries(text: &str, mark: &str) -> bool {
    let once = percent_decode_str(text).decode_utf8_lossy();
    let twice = percent_decode_str(&once).decode_utf8_lossy();
    text.contains(mark) || once.contains(mark) || twice.contains(mark)
}

fn host(url: &str) -> String {
    let url = url::Url::parse(url).ok();
    let host =
        url.as_ref().and_then(|url| url.host_str()).unwrap_or("something that is no address");
    crate::mail::dns::printable(host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINK: &str = "https://shop.test/login?test=K7QF-2M&x=1";

    #[test]
    fn rewriting_is_seen_in_both_parts() {
        let html =
            |href: &str, text: &str| format!("<p>Hi</p><A class=x\n HREF=\"{href}\">{text}</a>");
        let escaped = LINK.replace('&', "&amp;");
        assert_eq!(in_html(&html(&escaped, "Open"), LINK, "K7QF-2M"), Fate::Kept);
        let tracked = "https://click.evil.test/?u=https%3A%2F%2Fshop.test%2Flogin%3Ftest%3DK7QF-2M";
        let evil = || Fate::Rewritten("click.evil.test".into());
        assert_eq!(in_html(&html(tracked, "Open"), LINK, "K7QF-2M"), evil());
        assert_eq!(in_html(&html("https://click.evil.test/x9", &escaped), LINK, "K7QF-2M"), evil());
        assert_eq!(in_html("<p>nothing</p>", LINK, "K7QF-2M"), Fate::Gone);
        assert_eq!(in_text(&format!("Hi\r\n\r\n{LINK}\r\n"), LINK, "K7QF-2M"), Fate::Kept);
        assert_eq!(in_text(&format!("Hi\n<{tracked}>\n"), LINK, "K7QF-2M"), evil());
        assert_eq!(in_text("Hi", LINK, "K7QF-2M"), Fate::Gone);
    }

    proptest! {
        #[test]
        fn no_document_breaks_the_reader(html in "(<a |</a>|href|=|\"|'|>|<|é| |x){0,200}") {
            prop_assert!(links(&html).len() <= MOST);
        }

        #[test]
        fn a_link_in_any_surroundings_is_found(before in "[^<>]{0,50}", after in "[^<>]{0,50}") {
            let html = format!("<div>{before}<a href='{LINK}'>x</a>{after}</div>");
            prop_assert_eq!(in_html(&html, LINK, "K7QF-2M"), Fate::Kept);
        }
    }
}
