//! The domain itself: whether it is typed right, and whether a store may send from it at all.

use super::dmarc::{Policy, forbids, is_known};
use super::{Check, Level, Topic};
use crate::mail::dns::Answer;

/// Where people have mailboxes of their own. Nobody else can publish records for these.
const FREE: &[&str] = &[
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "ymail.com",
    "aol.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "gmx.de",
    "gmx.net",
    "gmx.com",
    "web.de",
    "t-online.de",
    "freenet.de",
    "proton.me",
    "protonmail.com",
    "mail.com",
    "mail.ru",
    "yandex.com",
    "yandex.ru",
    "zoho.com",
    "fastmail.com",
    "orange.fr",
    "wanadoo.fr",
    "laposte.net",
    "free.fr",
    "libero.it",
    "hotmail.co.uk",
    "yahoo.co.uk",
    "qq.com",
    "163.com",
    "126.com",
];

/// Says whether mail can be sent from this domain.
pub(super) fn check(domain: &str, policy: &Answer<Policy>) -> Check {
    if FREE.contains(&domain) {
        return freemail(domain, policy);
    }
    if let Some(meant) = FREE.iter().find(|free| is_one_slip(domain, free)) {
        let found = format!("{domain} looks like {meant} with a slip of the finger.");
        return Check::new(Topic::Name, Level::Fail, found)
            .todo("Correct the store's sender. It should be an address at a domain of your own.");
    }
    Check::ok(Topic::Name, format!("{domain} is no mailbox provider's and looks typed right."))
}

fn freemail(domain: &str, policy: &Answer<Policy>) -> Check {
    let own = "Give the store a sender at a domain of your own.";
    match forbids(policy) {
        Some(wish) => Check::new(
            Topic::Name,
            Level::Fail,
            format!("{domain} belongs to a mailbox provider, who asks others to {} mail that it did not send itself.", verb(wish.as_str())),
        )
        .todo(own),
        None if is_known(policy) => Check::new(
            Topic::Name,
            Level::Warn,
            format!("{domain} belongs to a mailbox provider: you cannot publish records for it, so your mail looks forged."),
        )
        .todo(own),
        None => Check::new(
            Topic::Name,
            Level::Warn,
            format!("{domain} belongs to a mailbox provider; its policy could not be asked for."),
        )
        .todo(own),
    }
}

fn verb(wish: &str) -> &'static str {
    if wish == "reject" { "refuse" } else { "put aside as spam" }
}

/// Whether one letter too many, too few or wrong, or two swapped, make the one of the other.
fn is_one_slip(typed: &str, meant: &str) -> bool {
    let (typed, meant) = (typed.as_bytes(), meant.as_bytes());
    if typed == meant || typed.len().abs_diff(meant.len()) > 1 {
        return false;
    }
    let start = typed.iter().zip(meant).take_while(|(a, b)| a == b).count();
    let (typed, meant) = (&typed[start..], &meant[start..]);
    match typed.len().cmp(&meant.len()) {
        std::cmp::Ordering::Greater => typed[1..] == *meant,
        std::cmp::Ordering::Less => meant[1..] == *typed,
        std::cmp::Ordering::Equal => {
            let swapped = typed.len() > 1 && typed[0] == meant[1] && typed[1] == meant[0];
            typed[1..] == meant[1..] || (swapped && typed[2..] == meant[2..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::dns::Trouble;

    #[test]
    fn one_slip_is_seen_and_other_names_are_left_alone() {
        for typed in ["gmial.com", "gmai.com", "gmaill.com", "gmsil.com", "gmail.con", "otlook.com"]
        {
            assert!(FREE.iter().any(|free| is_one_slip(typed, free)), "{typed}");
        }
        for typed in ["gmail.com", "harborcoffee.com", "example.test", "g.com"] {
            assert!(
                !FREE.iter().any(|free| is_one_slip(typed, free)) || FREE.contains(&typed),
                "{typed}"
            );
        }
        assert_eq!(check("gmial.com", &Ok(Policy::Missing)).level, Level::Fail);
        assert_eq!(check("harborcoffee.com", &Ok(Policy::Missing)).level, Level::Ok);
        assert_eq!(check("gmail.com", &Ok(Policy::Missing)).level, Level::Warn);
        assert_eq!(check("gmail.com", &Err(Trouble::NoAnswer("x"))).level, Level::Warn);
    }
}
