//! Abuse and availability: floods, evaded limits, captchas used twice, locks as weapons, full queues.

mod captcha;
mod flood;
mod queue;
mod source;

use crate::support::Answer;

/// An answer without what is random in every one: the reference and the picture's id.
fn blanked(answer: &Answer) -> (u16, Vec<String>, String) {
    let mut headers: Vec<_> =
        answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.sort();
    let body = answer.body.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    let random = |word: &str| {
        word.len() > 100 || (word.len() == 7 && word.as_bytes()[4] == b'-' && !word.contains('_'))
    };
    let words: Vec<_> = body.map(|word| if random(word) { "…" } else { word }).collect();
    (answer.status, headers, words.join(" "))
}
