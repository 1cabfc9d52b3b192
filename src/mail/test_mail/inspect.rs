//! A returned test mail against what was sent: the link, the headers, the texts, what servers say
//! about its authentication and what its signatures say themselves, and how long it took.

use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator};
use mail_parser::{HeaderName, Message, PartType};

use super::links::{Fate, in_html, in_text};
use super::{LONGEST, Line, TestMail, again, hops, results};
use crate::clock::Micros;
use crate::locale::Language;
use crate::mail::dns::{Dns, printable};
use crate::mail::doctor::Level;
use crate::mail::mime::{self, Rendered};
use crate::mail::parse::parse;
use crate::store::Store;

/// Headers that every way adds, and that change nothing.
const USUAL: &[&str] = &[
    "received",
    "return-path",
    "delivered-to",
    "x-original-to",
    "dkim-signature",
    "received-spf",
    "authentication-results",
    "x-received",
    "envelope-to",
    "delivery-date",
    "message-id",
];
/// Headers that make a mail look like something else, or answer elsewhere.
const SUSPECT: &[&str] = &[
    "reply-to",
    "sender",
    "precedence",
    "list-unsubscribe",
    "list-id",
    "list-unsubscribe-post",
    "disposition-notification-to",
    "return-receipt-to",
    "x-mailer",
    "bcc",
    "cc",
    "resent-from",
];

/// Says what was done to a test mail on the way.
///
/// # Errors
/// Why the source is not this mail.
pub async fn inspect(
    dns: &Dns,
    store: &Store,
    test: &TestMail,
    raw: &[u8],
    arrived_at: Option<Micros>,
) -> Result<Vec<Line>, &'static str> {
    if raw.len() > LONGEST {
        return Err("it is longer than any test mail");
    }
    let message = parse(raw).ok_or("it is not the source of a mail")?;
    let subject = message.subject().unwrap_or_default();
    if !subject.contains(&test.mark) {
        return Err("its subject is not that of this test mail");
    }
    let sent = again(store, test);
    let mut lines = vec![link(store, test, &message)];
    lines.extend(headers(store, test, &sent, &message));
    lines.push(texts(&sent, &message));
    lines.extend(said(&message));
    lines.push(signatures(dns, raw, store).await);
    lines.push(delay(&message, test, arrived_at));
    Ok(lines)
}

/// The first plain text and the first HTML of a message.
fn parts<'m>(message: &'m Message<'_>) -> (Option<&'m str>, Option<&'m str>) {
    let (mut text, mut html) = (None, None);
    for part in &message.parts {
        match &part.body {
            PartType::Text(found) if text.is_none() => text = Some(found.as_ref()),
            PartType::Html(found) if html.is_none() => html = Some(found.as_ref()),
            _ => {}
        }
    }
    (text, html)
}

fn link(store: &Store, test: &TestMail, message: &Message<'_>) -> Line {
    let wanted = test.link(store);
    let (text, html) = parts(message);
    let fates = [
        text.map(|text| in_text(text, &wanted, &test.mark)),
        html.map(|html| in_html(html, &wanted, &test.mark)),
    ];
    let advice = "Switch off click tracking and link scanning for these mails, at the mail server that sends them or the one that receives them: rewritten links look like phishing, and scanners may open them.";
    for (fate, part) in fates.iter().zip(["plain text", "HTML part"]) {
        if let Some(Fate::Rewritten(host)) = fate {
            let found = format!("In the {part} the link was rewritten: it leads to {host} now.");
            return Line::new(Level::Fail, "Link", found).todo(advice);
        }
    }
    for (fate, part) in fates.iter().zip(["plain text", "HTML part"]) {
        match fate {
            Some(Fate::Gone) => {
                let found = format!("The link is gone from the {part}.");
                return Line::new(Level::Fail, "Link", found).todo(advice);
            }
            None => {
                let found = format!("The {part} is gone altogether.");
                return Line::new(Level::Warn, "Link", found)
                    .todo("See which server turns mails into one part, and switch that off.");
            }
            _ => {}
        }
    }
    Line::new(Level::Ok, "Link", "The link arrived as it was sent, in both parts.")
}

fn headers(store: &Store, test: &TestMail, sent: &Rendered, message: &Message<'_>) -> Vec<Line> {
    let raw = mime::compose(
        store.sender_name(),
        &store.sender,
        "somebody@example.test",
        Language::En.code(),
        sent,
        &mime::Marks::random("example.test"),
        test.made_at.unwrap_or(test.created_at),
    );
    let Ok(raw) = raw else { return Vec::new() };
    let Some(ours) = parse(&raw) else { return Vec::new() };
    let (mut changed, mut missing) = (Vec::new(), Vec::new());
    for header in ours.headers() {
        // Random, or for the one recipient.
        let alike =
            matches!(header.name, HeaderName::MessageId | HeaderName::ContentType | HeaderName::To);
        match message.header(header.name.clone()) {
            None => missing.push(header.name().to_owned()),
            Some(found) if !alike && *found != header.value => {
                changed.push(header.name().to_owned())
            }
            Some(_) => {}
        }
    }
    let names: Vec<String> =
        message.headers().iter().map(|h| h.name().to_ascii_lowercase()).collect();
    let known: Vec<String> = ours.headers().iter().map(|h| h.name().to_ascii_lowercase()).collect();
    let mut added: Vec<String> = names
        .iter()
        .filter(|name| {
            !known.contains(name) && !USUAL.contains(&name.as_str()) && !name.starts_with("arc-")
        })
        .map(|name| printable(name))
        .collect();
    added.sort_unstable();
    added.dedup();
    let twice = ["from", "subject", "to", "date"]
        .into_iter()
        .find(|name| names.iter().filter(|other| other == name).count() > 1);
    vec![changes(&changed, &missing, twice), additions(&added)]
}

fn changes(changed: &[String], missing: &[String], twice: Option<&str>) -> Line {
    let advice = "Find the server that changes mails on the way. A changed header breaks the signature, and From decides whether the mail is trusted.";
    if let Some(name) = twice {
        let found = format!("The header {name} is there twice.");
        return Line::new(Level::Fail, "Headers", found).todo(advice);
    }
    match (changed, missing) {
        ([], []) => Line::new(Level::Ok, "Headers", "Every header arrived as it was sent."),
        (changed, []) => {
            let found = format!("Changed on the way: {}.", changed.join(", "));
            let weighs = changed.iter().any(|name| name.eq_ignore_ascii_case("from"));
            let level = if weighs { Level::Fail } else { Level::Warn };
            Line::new(level, "Headers", found).todo(advice)
        }
        (_, missing) => {
            let found = format!("Taken out on the way: {}.", missing.join(", "));
            Line::new(Level::Warn, "Headers", found).todo(advice)
        }
    }
}

fn additions(added: &[String]) -> Line {
    let suspect: Vec<_> = added.iter().filter(|name| SUSPECT.contains(&name.as_str())).collect();
    if !suspect.is_empty() {
        let list = suspect.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        return Line::new(Level::Warn, "Added headers", format!("Added on the way: {list}."))
            .todo("Switch these off at the mail server: they make a personal mail look like a mailing, or send answers elsewhere.");
    }
    let found = match added {
        [] => "Nothing was added that matters.".to_owned(),
        some => {
            let few = some.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("Added, and harmless: {few}.")
        }
    };
    Line::new(Level::Ok, "Added headers", found)
}

/// Without the differences that mail makes: line ends, spaces at ends of lines, empty lines.
fn worn(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect()
}

fn texts(sent: &Rendered, message: &Message<'_>) -> Line {
    let (text, html) = parts(message);
    let same =
        |found: Option<&str>, sent: &str| found.is_none_or(|found| worn(found) == worn(sent));
    let about = "Content";
    match (same(text, &sent.text), same(html, &sent.html)) {
        (true, true) => Line::new(Level::Ok, about, "The texts arrived as they were sent."),
        (text, html) => {
            let part = match (text, html) {
                (false, true) => "The plain text was",
                (true, false) => "The HTML part was",
                _ => "Both parts were",
            };
            Line::new(Level::Warn, about, format!("{part} changed on the way."))
                .todo("Look for footers, disclaimers and scanners at the mail servers on the way: they break signatures.")
        }
    }
}

/// What the servers on the way wrote about it, the last one first.
fn said(message: &Message<'_>) -> Vec<Line> {
    let raw = |name: &str| {
        message.headers_raw().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    };
    let mut lines = Vec::new();
    if let Some(found) = raw("Authentication-Results").and_then(results::parse) {
        let list = found.results.iter().map(|(method, result)| format!("{method} {result}"));
        let list = list.collect::<Vec<_>>().join(", ");
        let failed = found.results.iter().any(|(method, result)| {
            ["spf", "dkim", "dmarc"].contains(&method.as_str())
                && !["pass", "none", "neutral", "bestguesspass"].contains(&result.as_str())
        });
        let dmarc = found.results.iter().any(|(m, r)| m == "dmarc" && r == "pass");
        let server = printable(&found.server);
        let line = if found.results.is_empty() {
            Line::new(Level::Warn, "Authentication", format!("{server} found nothing to check."))
        } else {
            let level = if failed && !dmarc { Level::Fail } else { Level::Ok };
            Line::new(level, "Authentication", format!("{server} says: {list}."))
        };
        lines.push(if line.level == Level::Ok {
            line
        } else {
            line.todo("See what the doctor says about this sender domain.")
        });
    } else {
        let found = "No server on the way wrote down whether it trusts the mail.";
        lines.push(Line::new(Level::Unknown, "Authentication", found));
    }
    let yes =
        |name: &str| raw(name).is_some_and(|v| v.trim().to_ascii_lowercase().starts_with("yes"));
    if yes("X-Spam-Flag") || yes("X-Spam-Status") {
        lines.push(Line::new(Level::Fail, "Spam", "The receiving server takes it for spam.").todo(
            "Put SPF, DKIM and DMARC in order first; then ask the receiving server's operator.",
        ));
    }
    lines
}

/// Verifies the signatures ourselves, with the keys in the DNS.
async fn signatures(dns: &Dns, raw: &[u8], store: &Store) -> Line {
    const ABOUT: &str = "Signature";
    let (Some(message), Some(resolver)) = (AuthenticatedMessage::parse(raw), dns.resolver()) else {
        return Line::new(Level::Unknown, ABOUT, "The signatures could not be looked at.");
    };
    let domain = store.sender.rsplit_once('@').map_or("", |(_, domain)| domain);
    let found = MessageAuthenticator(resolver).verify_dkim(&message).await;
    if found.is_empty() {
        return Line::new(Level::Warn, ABOUT, "The mail carries no DKIM signature.")
            .todo("Make a signing key under Email delivery, Signing keys.");
    }
    let aligned = |signature: Option<&mail_auth::dkim::Signature>| {
        signature.is_some_and(|s| s.d.eq_ignore_ascii_case(domain))
    };
    let good = found.iter().filter(|o| matches!(o.result(), DkimResult::Pass));
    let good: Vec<_> = good.filter(|o| aligned(o.signature())).collect();
    if !good.is_empty() {
        let count = if good.len() == 1 {
            "One signature".into()
        } else {
            format!("{} signatures", good.len())
        };
        return Line::new(
            Level::Ok,
            ABOUT,
            format!("{count} of {domain} arrived whole and fit the key in the DNS."),
        );
    }
    if found.iter().any(|o| matches!(o.result(), DkimResult::TempError(_))) {
        return Line::new(Level::Unknown, ABOUT, "The key could not be asked for in the DNS.");
    }
    if found.iter().any(|o| matches!(o.result(), DkimResult::Pass)) {
        let said = format!("It is signed, but not by {domain}: that does not count for DMARC.");
        return Line::new(Level::Warn, ABOUT, said)
            .todo("Make a signing key under Email delivery, Signing keys.");
    }
    let why = found.iter().find_map(|o| match o.result() {
        DkimResult::Fail(e) | DkimResult::PermError(e) | DkimResult::Neutral(e) => {
            Some(e.to_string())
        }
        _ => None,
    });
    let why = printable(&why.unwrap_or_else(|| "no reason given".into()));
    Line::new(Level::Fail, ABOUT, format!("The signature is broken: {why}.")).todo(
        "Compare the DKIM record with the key; if it fits, a server on the way changes the mail.",
    )
}

fn delay(message: &Message<'_>, test: &TestMail, arrived_at: Option<Micros>) -> Line {
    let made_at = test.made_at.unwrap_or(test.created_at);
    let (hops, total) = hops::hops(message, made_at, arrived_at);
    let way = hops.iter().map(|hop| format!("{} {} s", hop.by, hop.seconds));
    let way = way.collect::<Vec<_>>().join(", ");
    let way = if way.is_empty() { String::new() } else { format!(" By hop: {way}.") };
    let found = format!("It took {total} seconds.{way}");
    match total {
        0..=60 => Line::new(Level::Ok, "Time", found),
        61..=300 => Line::new(Level::Warn, "Time", found)
            .todo("The hop that took longest is where to look: greylisting, or a server that is busy."),
        _ => Line::new(Level::Fail, "Time", found)
            .todo("The hop that took longest is where to look: a link may be dead before the mail is there."),
    }
}
