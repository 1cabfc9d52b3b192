//! What may be written into a mail. A text is refused with the reason and what to do, as a sentence.
//! Nothing here makes a text safe to show (templates escape everything); it keeps a mail readable,
//! with its one link, and free of addresses that lead elsewhere.

use super::{Mail, placeholder};

/// Most characters of a subject.
pub const SUBJECT_MAX: usize = 120;

/// Most characters of a body.
pub const BODY_MAX: usize = 3000;

/// Reads a subject: one line.
///
/// # Errors
/// What to change.
pub fn subject(mail: &Mail, text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("Write a subject.".into());
    }
    if text.chars().count() > SUBJECT_MAX {
        return Err(format!("Use at most {SUBJECT_MAX} characters."));
    }
    if text.contains(['\n', '\r']) {
        return Err("Write the subject on one line.".into());
    }
    let used = plain(mail, text)?;
    if let Some((name, _)) = mail.alone().find(|(name, _)| used.contains(name)) {
        return Err(format!("{} belongs into the text, not into the subject.", placeholder(name)));
    }
    Ok(text.to_owned())
}

/// Reads a body: lines end alike, and spaces around are gone.
///
/// # Errors
/// What to change.
pub fn body(mail: &Mail, text: &str) -> Result<String, String> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let text = lines.join("\n");
    let text = text.trim_matches('\n');
    if text.is_empty() {
        return Err("Write a text, or put back the usual one.".into());
    }
    if text.chars().count() > BODY_MAX {
        return Err(format!("Use at most {BODY_MAX} characters."));
    }
    let used = plain(mail, text)?;
    for (name, _) in mail.alone() {
        let shown = placeholder(name);
        match used.iter().filter(|used| **used == name).count() {
            0 => return Err(format!("Add {shown} on a line of its own.")),
            1 => {}
            _ => return Err(format!("Use {shown} once only.")),
        }
        if !text.lines().any(|line| slot(line) == Some((name, ""))) {
            return Err(format!("Put {shown} on a line of its own."));
        }
    }
    if text.lines().filter(|line| !line.is_empty()).count() <= mail.alone().count() {
        return Err("Say what the link is for.".into());
    }
    Ok(text.to_owned())
}

/// A placeholder at the start of a text: its name, and what follows.
pub(super) fn slot(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix("{{")?.split_once("}}")?;
    Some((name.trim_matches(' '), rest))
}

/// Plain words and known placeholders; gives the names of those.
fn plain<'t>(mail: &Mail, text: &'t str) -> Result<Vec<&'t str>, String> {
    if let Some(odd) = text.chars().find(|c| is_unseen(*c)) {
        return Err(format!(
            "There is an invisible character (U+{:04X}). Type the text instead of pasting it.",
            u32::from(odd)
        ));
    }
    let (words, used) = words(mail, text)?;
    let tag = |(at, _): (usize, &str)| {
        let next = words[at + 1..].chars().next();
        next.is_some_and(|c| c.is_alphabetic() || "/!?%".contains(c))
    };
    if words.match_indices('<').any(tag) {
        return Err("Write plain text: tags like <b> would be shown as they are typed.".into());
    }
    match words.split_whitespace().find(|word| is_address(word)) {
        Some(word) => {
            let shown: String = word.chars().take(60).collect();
            Err(format!(
                "\u{201c}{shown}\u{201d} reads like a web or email address. A mail has one link, \
                 Doorkey's own. If it is none, put a space after the full stop."
            ))
        }
        None => Ok(used),
    }
}

/// The text with a word in place of each placeholder, and the names of those.
fn words<'t>(mail: &Mail, text: &'t str) -> Result<(String, Vec<&'t str>), String> {
    let (mut words, mut used) = (String::with_capacity(text.len()), Vec::new());
    let known = || mail.slots.iter().map(|s| s.name).chain(mail.alone().map(|(name, _)| name));
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        words.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some((name, after)) = slot(rest) else {
            return Err(format!(
                "Braces are for placeholders only, like {}.",
                placeholder(mail.slots.first().map_or("link", |slot| slot.name))
            ));
        };
        if !known().any(|known| known == name) {
            let known: Vec<_> = known().map(placeholder).collect();
            let shown: String = name.chars().take(40).collect();
            return Err(format!(
                "There is no placeholder {}. Here you can use {}.",
                placeholder(&shown),
                known.join(", ")
            ));
        }
        used.push(name);
        words.push_str("slot");
        rest = after;
    }
    words.push_str(rest);
    Ok((words, used))
}

/// Characters that change how others are read without being seen themselves.
fn is_unseen(c: char) -> bool {
    let marks = ['\u{ad}', '\u{34f}', '\u{61c}', '\u{180e}', '\u{2028}', '\u{2029}', '\u{feff}'];
    (c.is_control() && c != '\n')
        || marks.contains(&c)
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether mail programs or people could take a word for an address: one that names a scheme or a
/// mailbox, a host of two labels or more, or four numbers. Dates and amounts are none.
fn is_address(word: &str) -> bool {
    // The other full stops that IDNA reads as one (RFC 3490, 3.1), and what is written for them.
    let word = word.replace(['\u{3002}', '\u{ff0e}', '\u{ff61}', '\u{2024}'], ".");
    let folded = word.to_lowercase();
    let schemes = ["://", "//", "www.", "mailto:", "javascript:", "data:", "tel:", "sms:"];
    if schemes.iter().any(|scheme| folded.contains(scheme)) || folded.contains(['@', '\u{ff20}']) {
        return true;
    }
    let is_host = |part: &str| {
        let labels: Vec<_> = part.trim_matches('.').split('.').collect();
        let named = labels.last().is_some_and(|top| {
            top.chars().count() >= 2 && top.chars().all(|c| c.is_alphabetic() || c == '-')
                || top.starts_with("xn--")
        });
        let is_label = |l: &&str| !l.is_empty() && l.chars().any(char::is_alphanumeric);
        let numbers = labels.len() == 4 && labels.iter().all(|l| l.parse::<u8>().is_ok());
        labels.len() >= 2 && labels.iter().all(is_label) && (named || numbers)
    };
    folded.split(|c: char| !(c.is_alphanumeric() || "-._".contains(c))).any(is_host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wording::mail;
    use proptest::prelude::*;

    fn recovery() -> &'static Mail {
        mail("recovery").unwrap()
    }

    fn with(text: &str) -> Result<String, String> {
        body(recovery(), &format!("Hello {{{{ store }}}}\r\n\r\n{{{{link}}}}\r\n\r\n{text}"))
    }

    #[test]
    fn ordinary_words_are_accepted() {
        for text in [
            "See you at {{ store }}. It works for {{ minutes }} minutes, until {{ expires }}.",
            "Open 9.30 to 18.00, on 23.11.2026 too; 1.000.000 thanks... z.B. e.g. a.m.",
            "Fish & chips, 3 < 4 > 2, \"quoted\", it's 50% <3",
            "Gr\u{fc}\u{df}e, \u{e0} bient\u{f4}t, \u{a1}hasta luego! \u{1f44b}",
            "Version 1.2.3 costs $5 and EUR 4.50.",
        ] {
            assert!(with(text).is_ok(), "{text}: {:?}", with(text));
        }
        assert_eq!(with("x").unwrap(), "Hello {{ store }}\n\n{{link}}\n\nx");
    }

    #[test]
    fn logic_markup_and_other_links_are_refused() {
        for (text, says) in [
            ("{{7*7}}", "no placeholder"),
            ("{{ password }}", "no placeholder"),
            ("{{ store | upper }}", "no placeholder"),
            ("{{ store.name }}", "no placeholder"),
            ("${7*7}", "Braces"),
            ("#{7*7}", "Braces"),
            ("{% for a in b %}", "Braces"),
            ("{# note #}", "Braces"),
            ("{{ store", "Braces"),
            ("store }}", "Braces"),
            ("{{{ store }}}", "no placeholder"),
            ("{{ link }}", "once"),
            ("Click {{ link }}", "once"),
            ("<script>alert(1)</script>", "plain text"),
            ("<img src=x>", "plain text"),
            ("</p><!-- x", "plain text"),
            ("<%= x %>", "plain text"),
            ("https://evil.test/x", "reads like"),
            ("evil.test", "reads like"),
            ("(evil.test)", "reads like"),
            ("EVIL.TEST/x?y", "reads like"),
            ("//evil", "reads like"),
            ("www.evil", "reads like"),
            ("{{ store }}.com", "reads like"),
            ("evil.{{ store }}", "reads like"),
            ("b\u{fc}cher.example", "reads like"),
            ("evil\u{3002}test", "reads like"),
            ("evil.xn--p1ai", "reads like"),
            ("192.0.2.1", "reads like"),
            ("me@evil", "reads like"),
            ("javascript:alert(1)", "reads like"),
            ("data:text/html,x", "reads like"),
            ("ev\u{200b}il", "U+200B"),
            ("\u{202e}moc.live", "U+202E"),
            ("a\u{0}b", "U+0000"),
            ("a\tb", "U+0009"),
            ("a\u{1b}[1m", "U+001B"),
        ] {
            let refusal = with(text).expect_err(text);
            assert!(refusal.contains(says), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_mail_has_one_link_on_its_own_line() {
        let recovery = recovery();
        for (text, says) in [
            ("", "Write a text"),
            (" \r\n\n", "Write a text"),
            ("Hello", "Add"),
            ("Hello {{ link }}", "line of its own"),
            ("{{ link }}", "what the link is for"),
            ("Hello\n{{ link }}\n{{ link }}", "once"),
        ] {
            let refusal = body(recovery, text).expect_err(text);
            assert!(refusal.contains(says), "{text}: {refusal}");
        }
        assert!(body(recovery, "Hello\n{{ link }}").is_ok());
        let long = format!("{}\n{{{{ link }}}}", "x".repeat(BODY_MAX));
        assert!(body(recovery, &long).expect_err("long").contains("at most"));
    }

    #[test]
    fn a_subject_is_one_line_of_words() {
        let recovery = recovery();
        assert_eq!(subject(recovery, " At {{ store }} ").as_deref(), Ok("At {{ store }}"));
        let long = "x".repeat(SUBJECT_MAX + 1);
        for text in ["", " ", "{{ link }}", "a\nBcc: x", "a\rb", "{{ x }}", "see evil.test", &long]
        {
            assert!(subject(recovery, text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_and_what_is_accepted_stays(text in "(\\PC|[{}<. \n]){0,60}") {
            if let Ok(kept) = with(&text) {
                prop_assert_eq!(body(recovery(), &kept), Ok(kept.clone()));
                prop_assert!(!kept.contains("<script"));
            }
        }
    }
}
