//! Status codes (RFC 3463, RFC 5321) and what they say of an address: whether it is worth writing to
//! again. When in doubt it is: a good address that gets no mail costs a customer.

use super::Verdict;

/// An enhanced status code: class, subject, detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// 2: success; 4: try again; 5: for good.
    pub class: u16,
    /// What it is about: 1 the address, 2 the mailbox, 7 policy.
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

impl Status {
    /// Reads `5.1.1`, whatever stands behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut parts = text[..end].trim_end_matches('.').split('.');
        let mut number = || {
            let part = parts.next().filter(|part| (1..=3).contains(&part.len()))?;
            part.parse::<u16>().ok()
        };
        let status = Self { class: number()?, subject: number()?, detail: number()? };
        (matches!(status.class, 2 | 4 | 5) && parts.next().is_none()).then_some(status)
    }

    /// The first one in a text.
    pub fn find(text: &str) -> Option<Self> {
        words(text).find_map(Self::parse)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// The first reply code of SMTP in a text that says "no": 4xx or 5xx.
pub fn find_code(text: &str) -> Option<u16> {
    let code = |word: &str| {
        let is_code = word.len() == 3 && word.starts_with(['4', '5']);
        word.parse().ok().filter(|_| is_code)
    };
    words(text).find_map(code)
}

/// Words as codes stand among: `smtp;550-5.1.1`, `#5.1.1`, `(550)`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').filter(|word| !word.is_empty())
}

/// Words that say that there is no such mailbox, whatever the code.
const UNKNOWN: [&str; 16] = [
    "user unknown",
    "unknown user",
    "unknown recipient",
    "recipient unknown",
    "recipient not found",
    "recipnotfound",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "no mailbox here",
    "mailbox not found",
    "mailbox does not exist",
    "account that you tried to reach does not exist",
    "invalid recipient",
    "account disabled",
    "account has been disabled",
];

/// Words that say that the mailbox exists.
const EXISTS: [&str; 6] =
    ["quota", "mailbox is full", "mailbox full", "over limit", "greylist", "try again later"];

/// What a failure says of the address. `gave_up` tells a server that stopped trying from one that
/// goes on.
pub fn judge(status: Option<Status>, code: Option<u16>, text: &str, gave_up: bool) -> Verdict {
    let text = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let for_now = status.map_or_else(|| code.is_some_and(|c| c < 500), |s| s.class == 4);
    if for_now && !gave_up {
        return Verdict::Delayed;
    }
    if for_now || says(&EXISTS) {
        return Verdict::Lost;
    }
    let dead = match status.map(|s| (s.subject, s.detail)) {
        // No such address or domain, moved away, no mail wanted (RFC 7505). 7 and 8 are about the
        // sender, which is us.
        Some((1, 0..=4 | 6 | 10)) => true,
        // Disabled.
        Some((2, 1)) => true,
        // A domain that nothing is found of; Exchange's word for an unknown recipient at the edge.
        Some((4, 4)) => true,
        Some((4, 1)) => says(&["recipient address rejected"]) || says(&UNKNOWN),
        // Disabled; the mailbox or the domain has another owner (RFC 7372, RFC 7293).
        Some((7, 13 | 17 | 18)) => true,
        // Any other policy is about us or about what we said.
        Some((7, _)) => false,
        Some((0 | 2 | 5, _)) => says(&UNKNOWN),
        Some(_) => false,
        None => code.is_none_or(|c| matches!(c, 550 | 551 | 553 | 554)) && says(&UNKNOWN),
    };
    if dead { Verdict::Dead } else { Verdict::Lost }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_among_words() {
        for (text, status, code) in [
            ("smtp; 550-5.1.1 <ada@example.test>: unknown", Some("5.1.1"), Some(550)),
            (
                "host mx.example.test[192.0.2.1] said: 550 5.2.1 off (#5.2.1)",
                Some("5.2.1"),
                Some(550),
            ),
            ("#5.1.1", Some("5.1.1"), None),
            ("421 later", None, Some(421)),
            ("from 10.0.0.550 or 1234 or 99.1.1", None, None),
            ("5.1.1.1 and 5.1 and 5.1.1234 and 3.1.1", None, None),
            ("", None, None),
        ] {
            assert_eq!(Status::find(text).map(|s| s.to_string()).as_deref(), status, "{text}");
            assert_eq!(find_code(text), code, "{text}");
        }
    }

    #[test]
    fn only_what_is_about_the_address_speaks_against_it() {
        use Verdict::{Dead, Delayed, Lost};
        for (text, gave_up, verdict) in [
            ("550 5.1.1 user unknown", true, Dead),
            ("550 5.1.10 null MX", true, Dead),
            ("550 5.1.8 bad sender", true, Lost),
            ("550 5.2.1 mailbox disabled", true, Dead),
            ("552 5.2.2 mailbox full", true, Lost),
            ("550 5.1.1 mailbox is full", true, Lost),
            ("452 4.2.2 mailbox full", false, Delayed),
            ("4.4.7 delivery time expired", true, Lost),
            ("550 5.4.1 Recipient address rejected: Access denied.", true, Dead),
            ("5.4.4 Host or domain name not found", true, Dead),
            ("554 5.7.1 spam, see our policy on user unknown", true, Lost),
            ("550 5.7.17 the mailbox has another owner", true, Dead),
            ("550 5.5.0 Requested action not taken: no such user", true, Dead),
            ("550 No such user here", true, Dead),
            ("550 rejected", true, Lost),
            ("554 no such user", true, Dead),
            ("421 busy", false, Delayed),
            ("421 busy", true, Lost),
            ("", true, Lost),
        ] {
            let (status, code) = (Status::find(text), find_code(text));
            assert_eq!(judge(status, code, text, gave_up), verdict, "{text}");
        }
    }
}
