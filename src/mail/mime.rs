//! From rendered texts to the bytes of a message (RFC 5322, MIME).
//!
//! The content is plain text and HTML side by side. Nothing here can add a header: every value that
//! reaches one is reduced to a single line first, and addresses must be printable ASCII.

use std::error::Error;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};

use crate::clock::Micros;
use crate::secret;

/// The most characters of a subject or a sender's name; both are stored texts of a store.
const MAX_TEXT: usize = 200;
/// The longest line that 7-bit content may have without its CRLF (RFC 5322, 2.1.1).
const MAX_LINE: usize = 998;

/// What the templates make of one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line; line breaks become spaces.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part, a complete document.
    pub html: String,
}

/// What names a message to those who report about it.
#[derive(Clone, Debug)]
pub struct Marks {
    /// Without its angle brackets.
    pub message_id: String,
    /// Further headers, for mail providers that look for them.
    pub headers: Vec<(&'static str, String)>,
}

impl Marks {
    /// For a message that nothing will be reported about: a random Message-ID under this domain.
    pub fn random(domain: &str) -> Self {
        let id = B64.encode(secret::random::<18>());
        Self { message_id: format!("{id}@{domain}"), headers: Vec::new() }
    }
}

/// Why no message could be made: always a stored setting or address that should not have been
/// stored.
#[derive(Debug)]
pub enum ComposeError {
    /// The store's sender address is not one printable ASCII address.
    From,
    /// The recipient's address is not one printable ASCII address.
    To,
    /// The Message-ID is none: its domain comes from the store's sender.
    MessageId,
    /// The language is no BCP 47 tag.
    Language,
    /// The date is before 1970.
    Date,
    /// The library refused the parts.
    Library(lettre::error::Error),
}

impl fmt::Display for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From => f.write_str("the sender address cannot stand in a mail header"),
            Self::To => f.write_str("the recipient's address cannot stand in a mail header"),
            Self::MessageId => f.write_str("the Message-ID cannot stand in a mail header"),
            Self::Language => f.write_str("the mail's language is no language tag"),
            Self::Date => f.write_str("the mail's date is before 1970"),
            Self::Library(_) => f.write_str("the message could not be built"),
        }
    }
}

impl Error for ComposeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Library(error) => Some(error),
            _ => None,
        }
    }
}

/// Builds one message: `multipart/alternative`, marked as automatic (RFC 3834) so that nothing
/// answers it, under the given Message-ID. Every line of the result is
/// 7-bit and short enough for any server, so no relay has a reason to re-encode it.
///
/// # Errors
/// See [`ComposeError`]; the names and texts themselves cannot fail, they are reduced to what fits.
pub fn compose(
    from_name: &str,
    from_address: &str,
    to_address: &str,
    language: &str,
    rendered: &Rendered,
    marks: &Marks,
    date: Micros,
) -> Result<Vec<u8>, ComposeError> {
    let from = address(from_address).ok_or(ComposeError::From)?;
    let to = address(to_address).ok_or(ComposeError::To)?;
    if !is_tag(language) {
        return Err(ComposeError::Language);
    }
    if !is_message_id(&marks.message_id) {
        return Err(ComposeError::MessageId);
    }
    let since_1970 = Duration::from_micros(u64::try_from(date).map_err(|_| ComposeError::Date)?);
    let message_id = format!("<{}>", marks.message_id);
    let name = Some(one_line(from_name)).filter(|name| !name.is_empty());
    let mut builder = Message::builder()
        .date(UNIX_EPOCH + since_1970)
        .from(Mailbox::new(name, from))
        .to(Mailbox::new(None, to))
        .subject(one_line(&rendered.subject))
        .message_id(Some(message_id))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("Content-Language", language));
    for (name, value) in &marks.headers {
        builder = builder.raw_header(header(name, &one_line(value)));
    }
    let message = builder
        .multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, &rendered.text))
                .singlepart(part(ContentType::TEXT_HTML, &rendered.html)),
        )
        .map_err(ComposeError::Library)?;
    Ok(message.formatted())
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// 7-bit where the text allows it: links then stay readable in the raw message too. Otherwise
/// quoted-printable. Never base64, which spam filters dislike for plain text.
fn part(content_type: ContentType, content: &str) -> SinglePart {
    let content = content.lines().collect::<Vec<_>>().join("\r\n") + "\r\n";
    let plain = |line: &str| {
        line.len() <= MAX_LINE && line.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t'))
    };
    let body = if content.lines().all(plain) {
        // Body::new_with_encoding would refuse lines over 76 characters, which every link has.
        Body::dangerous_pre_encoded(content.into_bytes(), ContentTransferEncoding::SevenBit)
    } else {
        Body::new_with_encoding(content, ContentTransferEncoding::QuotedPrintable)
            .expect("quoted-printable takes any text")
    };
    SinglePart::builder().header(content_type).body(body)
}

/// A text for a header: one line, no control or invisible direction characters, and nothing that a
/// decoder could take for an encoded word (RFC 2047), which may hide line breaks.
fn one_line(text: &str) -> String {
    let visible = |c: char| match c {
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        '\u{2028}' | '\u{2029}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    };
    let clean: String = text.chars().map(visible).take(MAX_TEXT).collect();
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    clean.replace("=?", "= ?").replace("?=", "? =")
}

fn address(text: &str) -> Option<Address> {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b',' | b';' | b'"');
    text.bytes().all(plain).then(|| text.parse().ok()).flatten()
}

fn is_tag(text: &str) -> bool {
    let good = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    text.len() <= 35 && text.split('-').all(good)
}

/// Characters that need no quoting, and a host name (RFC 5322, 3.6.4).
fn is_message_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.rsplit_once('@')
        .is_some_and(|(id, host)| !id.is_empty() && id.bytes().all(plain) && is_host(host))
}

fn is_host(text: &str) -> bool {
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.len() <= 253 && text.split('.').all(good)
}

#[cfg(test)]
mod tests {
    use mail_parser::{Message as Parsed, MessageParser, MimeHeaders};

    use super::*;

    const LINK: &str =
        "https://shop.example.test/reset?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const WHEN: Micros = 1_795_444_500_000_000; // 2026-11-23T14:35:00Z

    fn rendered(subject: &str, words: &str) -> Rendered {
        Rendered {
            subject: subject.to_owned(),
            text: format!("{words}\n\n{LINK}\n\n.\nEnd"),
            html: format!("<p>{words}</p>\n<a href=\"{LINK}\">{LINK}</a>"),
        }
    }

    fn make(name: &str, rendered: &Rendered) -> String {
        let raw = compose(
            name,
            "shop@example.test",
            "ada@example.test",
            "de",
            rendered,
            &Marks::random("example.test"),
            WHEN,
        );
        String::from_utf8(raw.unwrap()).unwrap()
    }

    fn parse(raw: &str) -> Parsed<'_> {
        MessageParser::new().parse(raw).unwrap()
    }

    #[test]
    fn a_message_says_what_it_should_and_nothing_else() {
        let raw = make("Harbor Coffee", &rendered("Choose a new password", "Hello"));
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        let mut names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split_once(':').unwrap().0)
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "Auto-Submitted",
                "Content-Language",
                "Content-Type",
                "Date",
                "From",
                "MIME-Version",
                "Message-ID",
                "Subject",
                "To"
            ]
        );
        assert!(head.contains("Date: Mon, 23 Nov 2026 14:35:00 +0000"), "{head}");
        assert!(head.contains("From: \"Harbor Coffee\" <shop@example.test>"), "{head}");
        let parsed = parse(&raw);
        assert!(parsed.message_id().unwrap().ends_with("@example.test"));
        assert!(parsed.content_type().unwrap().c_subtype.as_deref() == Some("alternative"));
        assert!(raw.contains(&format!("\r\n{LINK}\r\n")), "7-bit text keeps links readable");
        assert_ne!(raw, make("Harbor Coffee", &rendered("Choose a new password", "Hello")));
    }

    #[test]
    fn links_stay_whole_beside_any_words() {
        for words in ["Grüße", "日本語のパスワード", &"x".repeat(3000), "a\u{0}b"] {
            let raw = make("Höfn & Söhne", &rendered("Paßwort ändern für Höfn", words));
            assert!(raw.is_ascii() && raw.split("\r\n").all(|line| line.len() <= 998), "{raw}");
            let parsed = parse(&raw);
            assert_eq!(parsed.subject().unwrap(), "Paßwort ändern für Höfn");
            let from = parsed.from().unwrap().first().unwrap();
            assert_eq!(from.name().unwrap(), "Höfn & Söhne");
            let text = parsed.body_text(0).unwrap();
            assert!(text.lines().any(|line| line == LINK), "{text}");
            assert!(parsed.body_html(0).unwrap().contains(&format!("href=\"{LINK}\"")));
        }
    }

    #[test]
    fn no_name_adds_a_header() {
        for name in [
            "\r\nBcc: x@evil.test",
            "Shop\nBcc: x@evil.test\n\nbody",
            "\r\n.\r\nMAIL FROM:<x@evil.test>",
            "=?utf-8?q?=0d=0aBcc:?=",
            "=?utf-8?b?DQpCY2M6IHg=?=",
            "a\" <x@evil.test>, \"b",
            "Sho\u{2028}Bcc: x\u{202e}p",
            "é\r\nBcc: x@evil.test",
            &"long name ".repeat(100),
        ] {
            let raw = make(name, &rendered(name, "Hello"));
            let (head, _) = raw.split_once("\r\n\r\n").unwrap();
            for line in head.split("\r\n") {
                let lower = line.to_lowercase();
                assert!(!lower.starts_with("bcc") && !lower.starts_with('.'), "{name:?}: {head}");
                assert!(!line.contains(['\r', '\n']), "{head}");
            }
            let parsed = parse(&raw);
            assert!(parsed.bcc().is_none());
            assert_eq!(parsed.from().unwrap().iter().count(), 1, "{head}");
            let from = parsed.from().unwrap().first().unwrap();
            assert_eq!(from.address().unwrap(), "shop@example.test", "{head}");
            let decoded = format!("{:?}{:?}", from.name(), parsed.subject());
            assert!(!decoded.contains("\\r") && !decoded.contains("\\n"), "{decoded}");
        }
    }

    #[test]
    fn addresses_tags_and_domains_are_checked() {
        let content = rendered("x", "y");
        let good = ("shop@example.test", "ada@example.test", "de", "example.test");
        let make = |(from, to, tag, host): (&str, &str, &str, &str)| {
            compose("Shop", from, to, tag, &content, &Marks::random(host), WHEN).map(drop)
        };
        assert!(make(good).is_ok());
        for bad in [
            "ada@example.test\r\nBcc: x@evil.test",
            "ada@example.test, x@evil.test",
            "<ada@example.test>",
            "ada",
            "ädä@example.test",
            "",
        ] {
            assert!(matches!(make((bad, good.1, good.2, good.3)), Err(ComposeError::From)));
            assert!(matches!(make((good.0, bad, good.2, good.3)), Err(ComposeError::To)));
        }
        for bad in ["", "de\r\nX: y", "de_DE", "de-"] {
            assert!(matches!(make((good.0, good.1, bad, good.3)), Err(ComposeError::Language)));
        }
        for bad in ["", "a b", "a>\r\nX: y", "a..b", "ä.test"] {
            assert!(matches!(make((good.0, good.1, good.2, bad)), Err(ComposeError::MessageId)));
        }
        assert!(compose("S", good.0, good.1, "de", &content, &Marks::random(good.3), -1).is_err());
    }
}
