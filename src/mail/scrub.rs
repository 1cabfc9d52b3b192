//! A mail server's answer is stored and shown, and a server may repeat in it what it was sent. Before
//! it goes anywhere, what was secret in that very mail is taken out.
//!
//! Letters and digits alone are compared, without case: servers wrap long lines, and each line of an
//! answer begins with a code. A stretch of a secret is as telling as all of it, so any eight letters
//! in a row that stand in one are taken out.

use zeroize::Zeroizing;

/// Letters and digits in a row that are taken for part of a secret.
const RUN: usize = 8;
/// A shorter secret is looked for as it is: so few letters stand in any sentence.
const LEAST: usize = 4;

/// The answer without any of `secrets`.
pub fn scrub(reply: &str, secrets: &[Zeroizing<String>]) -> String {
    let letters: Vec<char> = reply.chars().collect();
    let plain: Vec<(usize, char)> = plain(letters.iter().copied()).collect();
    let mut hidden = vec![false; letters.len()];
    for secret in secrets {
        let wanted: Vec<char> = plain_of(secret);
        if wanted.len() < LEAST {
            let exact: Vec<char> = secret.chars().collect();
            for at in found(&letters, &exact) {
                hidden[at..at + exact.len()].fill(true);
            }
            continue;
        }
        let text: Vec<char> = plain.iter().map(|(_, letter)| *letter).collect();
        let run = wanted.len().min(RUN);
        for part in wanted.windows(run) {
            for at in found(&text, part) {
                let (first, last) = (plain[at].0, plain[at + run - 1].0);
                hidden[first - same_before(&letters[..first], secret)..=last].fill(true);
                let after = last + 1;
                hidden[after..after + same_after(&letters[after..], secret)].fill(true);
            }
        }
    }
    let mut clean = String::with_capacity(reply.len());
    for (at, letter) in letters.iter().enumerate() {
        match hidden[at] {
            false => clean.push(*letter),
            true if at == 0 || !hidden[at - 1] => clean.push_str("[…]"),
            true => {}
        }
    }
    clean
}

/// Letters and digits in small letters, with where they stand.
fn plain(text: impl Iterator<Item = char>) -> impl Iterator<Item = (usize, char)> {
    text.enumerate()
        .filter(|(_, letter)| letter.is_alphanumeric())
        .map(|(at, letter)| (at, letter.to_lowercase().next().unwrap_or(letter)))
}

/// How many of the last `letters` are signs that `secret` begins with: a token may begin with a dash.
fn same_before(letters: &[char], secret: &str) -> usize {
    let signs: Vec<char> = secret.chars().take_while(|sign| !sign.is_alphanumeric()).collect();
    letters.iter().rev().zip(signs.iter().rev()).take_while(|(one, other)| one == other).count()
}

/// How many of the first `letters` are signs that `secret` ends with.
fn same_after(letters: &[char], secret: &str) -> usize {
    let signs: Vec<char> =
        secret.chars().rev().take_while(|sign| !sign.is_alphanumeric()).collect();
    letters.iter().zip(signs.iter().rev()).take_while(|(one, other)| one == other).count()
}

fn plain_of(text: &str) -> Vec<char> {
    plain(text.chars()).map(|(_, letter)| letter).collect()
}

/// Where `part` stands in `text`.
fn found(text: &[char], part: &[char]) -> Vec<usize> {
    if part.is_empty() {
        return Vec::new();
    }
    let all = text.windows(part.len()).enumerate();
    all.filter(|(_, window)| *window == part).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(reply: &str, secret: &str) -> String {
        scrub(reply, &[Zeroizing::new(secret.to_owned())])
    }

    #[test]
    fn no_stretch_of_a_secret_is_left_and_nothing_else_is_taken() {
        let words = "apple-river-stone-cloud-honey-table";
        for (reply, secret, left) in [
            ("550 no: apple-river-stone-cloud-honey-table!", words, "550 no: […]!"),
            ("550 APPLE-RIVER-STONE-CLOUD-HONEY-TABLE", words, "550 […]"),
            ("550 apple-river-st one-cloud-honey-table", words, "550 […]"),
            ("550 … stone-cloud", words, "550 … […]"),
            ("550 an apple", words, "550 an apple"),
            ("250 2.0.0 queued as 4Qx8", words, "250 2.0.0 queued as 4Qx8"),
            ("550 a1! and a1!", "a1!", "550 […] and […]"),
            ("550 says s3cret", "s3cret", "550 says […]"),
            ("550 Grüße-aus-KÖLN", "grüße-aus-köln", "550 […]"),
            ("550 token=-_abcdefgh12-! no", "-_abcdefgh12-", "550 token=[…]! no"),
            ("550 (abcdefgh12)", "-_abcdefgh12-", "550 ([…])"),
            ("550 -_-", "-_-", "550 […]"),
            ("550", "", "550"),
            ("", "secret", ""),
        ] {
            assert_eq!(clean(reply, secret), left, "{reply}");
        }
    }

    #[test]
    fn a_token_is_found_wherever_an_answer_breaks_or_ends() {
        let token = crate::secret::Token::new().reveal();
        let link = format!("554 spam: https://shop.test/reset?token={token} seen");
        assert_eq!(clean(&link, &token), "554 spam: https://shop.test/reset?token=[…] seen");
        for at in [10, 20, 30] {
            let (left, right) = token.split_at(at);
            for reply in [format!("{left} {right}"), format!("{left}= {right}"), left.to_owned()] {
                let shown = clean(&reply, &token);
                assert!(!shown.contains(left) && !shown.contains(right), "{shown}");
            }
        }
    }
}
