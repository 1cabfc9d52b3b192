//! A message that came to us, taken apart: which of the parts that can say something does.

use std::fmt;

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use super::{LARGEST, Notice, Verdict, arf, dsn, plain};
use crate::mail::parse::parse;

/// Parts with parts within that a message may have. A report has two or three; the time that a MIME
/// parser takes may grow with their square.
const NESTED: usize = 24;
/// Characters of a part that are looked at.
const PART: usize = 64 * 1024;
/// Parts that are looked at.
const PARTS: usize = 64;

/// A message that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Larger than anything that returns one of our mails.
    TooLarge,
    /// Parts within parts within parts.
    TooDeep,
    /// No message at all.
    Malformed,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the message is larger than 1 MiB",
            Self::TooDeep => "the message has too many parts within parts",
            Self::Malformed => "this is no email message",
        })
    }
}

/// Finds out what a message says. `sender` is its envelope sender, where that is known.
///
/// # Errors
/// When it cannot be read at all.
pub fn read(raw: &[u8], sender: Option<&str>) -> Result<Notice, Unreadable> {
    if raw.len() > LARGEST {
        return Err(Unreadable::TooLarge);
    }
    if nested(raw) > NESTED {
        return Err(Unreadable::TooDeep);
    }
    let message = parse(raw).ok_or(Unreadable::Malformed)?;
    // The parser takes any first line for a header; a name is printable and has no spaces.
    let is_named = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
    if !message.headers().iter().any(|header| is_named(header.name())) {
        return Err(Unreadable::Malformed);
    }
    let mut found = Found::default();
    found.look_at(&message, 0);
    let mut notice = if let Some(notice) = found.complaint.or(found.report) {
        notice
    } else if is_automatic_answer(&message) || !is_from_a_server(&message, sender) {
        Notice::nothing()
    } else {
        let text = message.body_text(0).unwrap_or_default();
        let text: String = text.chars().take(PART).collect();
        let notice = plain::read(message.subject().unwrap_or_default(), &text);
        notice.unwrap_or_else(Notice::nothing)
    };
    for clue in addressed(&message).iter().chain(&found.clues) {
        notice.clue(clue);
    }
    Ok(notice)
}

/// How often a type of parts with parts within is named, in one pass and before anything is parsed.
fn nested(raw: &[u8]) -> usize {
    let mut count = 0;
    for at in raw.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at) {
        let ends_in = |word: &[u8]| {
            at.checked_sub(word.len())
                .is_some_and(|start| raw[start..at].eq_ignore_ascii_case(word))
        };
        count += usize::from(ends_in(b"multipart") || ends_in(b"message"));
    }
    count
}

/// What the parts say.
#[derive(Default)]
struct Found {
    report: Option<Notice>,
    complaint: Option<Notice>,
    /// Of the returned mail.
    clues: Vec<String>,
}

impl Found {
    fn look_at(&mut self, message: &Message<'_>, depth: usize) {
        for part in message.parts.iter().take(PARTS) {
            let kind = part.content_type().map(|t| {
                let (main, sub) = (t.ctype(), t.subtype().unwrap_or_default());
                format!("{main}/{sub}").to_ascii_lowercase()
            });
            match (kind.as_deref(), &part.body) {
                (_, PartType::Message(returned)) if depth < 2 => self.clues.extend(marks(returned)),
                // What we sent holds no reports: one in it is somebody's own.
                (_, PartType::Message(_)) => {}
                (Some("message/delivery-status" | "message/global-delivery-status"), _) => {
                    self.report = self.report.take().or_else(|| dsn::read(&text(part.contents())));
                }
                (Some("message/feedback-report"), _) => {
                    self.complaint =
                        self.complaint.take().or_else(|| arf::read(&text(part.contents())));
                }
                (Some("text/rfc822-headers" | "message/global-headers"), _) => {
                    let head = text(part.contents());
                    if let Some(head) = MessageParser::default().parse_headers(head.as_bytes()) {
                        self.clues.extend(marks(&head));
                    }
                }
                _ => {}
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(PART)]).into_owned()
}

/// Where a returned mail bears our mark.
fn marks(message: &Message<'_>) -> Vec<String> {
    let id = message.message_id().map(str::to_owned);
    let path = message.return_path().as_text().map(str::to_owned);
    id.into_iter().chain(path).collect()
}

/// To whom a message says that it was sent, and what it says that it answers: for the ways in that
/// lose the envelope.
fn addressed(message: &Message<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["To", "Delivered-To", "X-Original-To", "In-Reply-To", "References"] {
        let value = message.header_raw(name).unwrap_or_default();
        let value: String = value.chars().take(4096).collect();
        let is_end = |c: char| c.is_whitespace() || ",;<>\"()".contains(c);
        let words = value.split(is_end).filter(|word| word.contains('@')).take(8);
        found.extend(words.map(str::to_owned));
    }
    found
}

/// Whether a program answered for a person (RFC 3834): a vacation note, a ticket system.
fn is_automatic_answer(message: &Message<'_>) -> bool {
    let says = |name: &str, word: &str| {
        let value = message.header_raw(name).unwrap_or_default().trim_start();
        value.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    ["X-Autoreply", "X-Autorespond", "X-Vacation"].iter().any(|n| message.header_raw(*n).is_some())
        || says("Auto-Submitted", "auto-replied")
        || ["Automatic reply", "Auto:", "Out of office", "Autoreply"]
            .iter()
            .any(|subject| says("Subject", subject))
}

/// Whether it comes from a mail server and not from a person: by the null sender, else by its name.
fn is_from_a_server(message: &Message<'_>, sender: Option<&str>) -> bool {
    if let Some(sender) = sender {
        return sender.is_empty() || is_daemon(sender);
    }
    let path = message.header_raw("Return-Path").map(str::trim);
    let from = message.from().and_then(|from| from.first()).and_then(|from| from.address());
    path == Some("<>") || from.is_some_and(is_daemon)
}

fn is_daemon(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default();
    ["mailer-daemon", "postmaster"].iter().any(|name| local.eq_ignore_ascii_case(name))
}

impl Notice {
    /// Whether there is anything to take up.
    pub fn says_something(&self) -> bool {
        self.verdict != Verdict::Nothing
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A report as Postfix makes it, with the returned mail's headers.
    fn report(status: &str) -> String {
        format!(
            "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.test (Mail Delivery System)\r\n\
             Subject: Undelivered Mail Returned to Sender\r\nTo: shop+b-x@harbor.test\r\n\
             Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"B\"\r\n\r\n\
             --B\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n\
             --B\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n\
             Final-Recipient: rfc822; ada@example.test\r\nAction: failed\r\nStatus: {status}\r\n\
             Diagnostic-Code: smtp; 550 {status} <ada@example.test>\r\n\r\n\
             --B\r\nContent-Type: text/rfc822-headers\r\n\r\n\
             Message-ID: <random.b-x@harbor.test>\r\nReturn-Path: <shop+b-x@harbor.test>\r\n\r\n\
             --B--\r\n"
        )
    }

    #[test]
    fn a_report_is_found_among_the_parts_with_its_clues() {
        let notice = read(report("5.1.1").as_bytes(), None).unwrap();
        assert_eq!((notice.verdict, &*notice.status), (Verdict::Dead, "5.1.1"));
        for clue in ["shop+b-x@harbor.test", "random.b-x@harbor.test"] {
            assert!(notice.clues.iter().any(|c| c == clue), "{clue} in {:?}", notice.clues);
        }
        let whole = report("4.2.2").replace("text/rfc822-headers", "message/rfc822");
        let notice = read(whole.as_bytes(), Some("")).unwrap();
        assert_eq!(notice.verdict, Verdict::Lost);
        assert!(notice.clues.iter().any(|c| c.starts_with("random.")), "{:?}", notice.clues);
        let global = report("5.1.1")
            .replace("message/delivery-status", "message/global-delivery-status")
            .replace("text/rfc822-headers", "message/global-headers");
        let notice = read(global.as_bytes(), None).unwrap();
        assert_eq!(notice.verdict, Verdict::Dead);
        assert!(notice.clues.iter().any(|c| c.starts_with("random.")), "{:?}", notice.clues);
    }

    #[test]
    fn notes_of_people_and_their_programs_are_nothing() {
        let note =
            |head: &str| format!("{head}To: shop@harbor.test\r\n\r\n550 5.1.1 undeliverable");
        for (head, sender, verdict) in [
            ("From: MAILER-DAEMON@mx.test\r\n", None, Verdict::Lost),
            ("From: x@mx.test\r\n", Some(""), Verdict::Lost),
            ("Return-Path: <>\r\n", None, Verdict::Lost),
            ("From: ada@example.test\r\n", None, Verdict::Nothing),
            ("From: ada@example.test\r\n", Some("ada@example.test"), Verdict::Nothing),
            ("Auto-Submitted: auto-replied (vacation)\r\n", Some(""), Verdict::Nothing),
            ("Subject: Out of Office: undeliverable\r\n", Some(""), Verdict::Nothing),
            ("X-Autoreply: yes\r\n", Some(""), Verdict::Nothing),
        ] {
            let notice = read(note(head).as_bytes(), sender).unwrap();
            let found =
                if notice.verdict == Verdict::Dead { Verdict::Lost } else { notice.verdict };
            assert_eq!(found, verdict, "{head}");
        }
    }

    #[test]
    fn bombs_are_not_unpacked() {
        let mut bomb = String::from("From: x@y.test\r\n");
        for n in 0..5_000 {
            bomb += &format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
        }
        assert_eq!(read(bomb.as_bytes(), None), Err(Unreadable::TooDeep));
        assert_eq!(read(&vec![b'a'; LARGEST + 1], None), Err(Unreadable::TooLarge));
        assert_eq!(read(b"", None), Err(Unreadable::Malformed));
        let long = format!("Subject: {}\r\n\r\n", "=?utf-8?q?a?= ".repeat(50_000));
        assert!(read(long.as_bytes(), None).is_ok());
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(
            raw in proptest::collection::vec(any::<u8>(), 0..2000),
            at in 0usize..1500,
            cut in 0usize..1500,
        ) {
            let _ = read(&raw, None);
            let mut whole = report("5.1.1").into_bytes();
            whole.truncate(cut);
            let _ = read(&whole, Some(""));
            let mut spliced = report("5.1.1").into_bytes();
            let at = at.min(spliced.len());
            spliced.splice(at..at, raw);
            let _ = read(&spliced, None);
        }
    }
}
