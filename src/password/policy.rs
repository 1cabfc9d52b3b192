//! Which passwords are acceptable: one function for registration, change, reset, import and
//! temporary passwords alike.
//!
//! The rules are those of NIST SP 800-63B, section 3.1.1: length, no rules of composition, and
//! refusal of what an attacker tries first: common passwords, the store's words and the customer's
//! own data. Each refusal says why.

use std::cmp::Reverse;

use zxcvbn::Score;
use zxcvbn::matching::patterns::MatchPattern;

use super::{MAX_BYTES, Password, TooLong};

/// Fewest characters (Unicode scalar values).
pub const MIN_CHARACTERS: usize = 8;

/// A password must have this many characters besides the store's words and the customer's data.
const MIN_OF_ITS_OWN: usize = 4;

/// Characters of a password, and of a word, that are estimated at most. The rest of a longer
/// password is hashed like all of it.
const MAX_ESTIMATED: usize = 64;
/// Bound of characters squared times ways to read digits and signs as letters, to which the time of
/// the estimate is proportional: milliseconds. Without it a hundred well-chosen signs take half a
/// second.
const MAX_WORK: usize = 30_000;
/// Passwords of the published lists of the 20,000 most common that the estimate takes for strong
/// (`1g2w3e4r`, `zag12wsx`): in small letters, one on each line. All others it refuses by itself.
const COMMON: &str = include_str!("common.txt");
/// Words that are compared.
const MAX_WORDS: usize = 32;
/// Shorter words occur in too many good passwords by accident.
const MIN_WORD: usize = 3;

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Fewer than `min` characters.
    TooShort {
        /// The fewest that are accepted.
        min: usize,
    },
    /// More than `max` bytes.
    TooLong {
        /// The most that are accepted.
        max: usize,
    },
    /// Among the passwords that are tried first.
    Common,
    /// Little more than the name of the store or its merchant.
    ContainsStoreWord,
    /// Little more than the customer's own name, address or number.
    ContainsOwnData,
    /// The same few characters over and over.
    Repeated,
    /// A run of the alphabet, the digits or the keyboard.
    Sequence,
    /// Guessed too soon for another reason.
    TooEasy,
}

impl Reason {
    /// The key of the Fluent message that says so; `min` and `max` are its arguments.
    pub fn key(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password-reason-too-short",
            Self::TooLong { .. } => "password-reason-too-long",
            Self::Common => "password-reason-common",
            Self::ContainsStoreWord => "password-reason-store-word",
            Self::ContainsOwnData => "password-reason-own-data",
            Self::Repeated => "password-reason-repeated",
            Self::Sequence => "password-reason-sequence",
            Self::TooEasy => "password-reason-too-easy",
        }
    }
}

/// What the policy says of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// 0 (guessed at once) to 4 (strong), for the strength meter.
    pub score: u8,
    /// Every reason to refuse it; none means accepted.
    pub reasons: Vec<Reason>,
}

impl Judgement {
    /// Whether the password may be used.
    pub fn is_accepted(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// What cannot even be read as a [`Password`] is refused in the same words.
impl From<TooLong> for Judgement {
    fn from(_: TooLong) -> Self {
        Self { score: 0, reasons: vec![Reason::TooLong { max: MAX_BYTES }] }
    }
}

/// Judges a password. `store_words` are the names of the store and its merchant, `own_words` the
/// customer's addresses, names, company and number, all as they are stored. Takes milliseconds for
/// the longest passwords.
pub fn judge(password: &Password, store_words: &[&str], own_words: &[&str]) -> Judgement {
    let text = password.reveal();
    let (store_words, own_words) = (words(store_words), words(own_words));
    let mut reasons = Vec::new();
    if text.chars().count() < MIN_CHARACTERS {
        reasons.push(Reason::TooShort { min: MIN_CHARACTERS });
    }
    if is_listed(text) {
        reasons.push(Reason::Common);
    }
    reasons.extend(context(text, &store_words, &own_words));
    let inputs: Vec<&str> = own_words.iter().chain(&store_words).map(String::as_str).collect();
    let estimate = zxcvbn::zxcvbn(estimated_part(text), &inputs);
    let weak = estimate.score() < Score::Two;
    // A refusal already explained by a word or by the length needs no second explanation.
    if weak && reasons.is_empty() {
        reasons.push(why_weak(&estimate, &store_words, &own_words));
    }
    let score = u8::from(estimate.score());
    Judgement { score: if reasons.is_empty() { score } else { score.min(1) }, reasons }
}

impl Judgement {
    /// The same where more characters are asked for than everywhere.
    pub fn asking(mut self, password: &Password, min: usize) -> Self {
        if min > MIN_CHARACTERS && password.reveal().chars().count() < min {
            self.reasons.retain(|reason| !matches!(reason, Reason::TooShort { .. }));
            self.reasons.insert(0, Reason::TooShort { min });
            self.score = self.score.min(1);
        }
        self
    }
}

/// The longest beginning of a password whose estimate stays within [`MAX_WORK`].
fn estimated_part(text: &str) -> &str {
    let mut seen = Vec::new();
    for (count, (at, character)) in text.char_indices().enumerate() {
        if !seen.contains(&character) {
            seen.push(character);
        }
        if count >= MAX_ESTIMATED || count * count * readings(&seen) > MAX_WORK {
            return &text[..at];
        }
    }
    text
}

/// In how many ways the estimate tries to read the digits and signs among `seen` as letters: of the
/// signs for a, c, g, i, l, s and t one each at a time, and twice as many for a sign that stands
/// for two letters.
fn readings(seen: &[char]) -> usize {
    let kinds = |signs: &str| seen.iter().filter(|sign| signs.contains(**sign)).count();
    let ways = ["4@", "({[<", "69", "1!|", "1|7", "$5", "+7"].map(|signs| kinds(signs).max(1));
    ways.iter().product::<usize>() << kinds("1|7")
}

/// Refuses what consists of the given words and hardly anything else.
fn context(text: &str, store_words: &[String], own_words: &[String]) -> Vec<Reason> {
    let folded = fold(text);
    let mut longest_first: Vec<&String> = store_words.iter().chain(own_words).collect();
    longest_first.sort_by_key(|word| Reverse(word.len()));
    let own_part = longest_first.iter().fold(folded.clone(), |rest, word| rest.replace(*word, ""));
    let mut reasons = Vec::new();
    if own_part.chars().count() < MIN_OF_ITS_OWN {
        let occur = |words: &[String]| words.iter().any(|word| folded.contains(word));
        if occur(store_words) {
            reasons.push(Reason::ContainsStoreWord);
        }
        if occur(own_words) {
            reasons.push(Reason::ContainsOwnData);
        }
    }
    reasons
}

fn is_listed(text: &str) -> bool {
    let small = text.to_lowercase();
    COMMON.lines().any(|listed| listed == small)
}

/// Names the one pattern that makes up a weak password, as far as there is one.
fn why_weak(estimate: &zxcvbn::Entropy, store_words: &[String], own_words: &[String]) -> Reason {
    let patterns = || estimate.sequence().iter().map(|part| &part.pattern);
    let found_in = |words: &[String]| {
        patterns().any(|pattern| match pattern {
            MatchPattern::Dictionary(word) => words.contains(&word.matched_word),
            _ => false,
        })
    };
    if found_in(own_words) {
        return Reason::ContainsOwnData;
    }
    if found_in(store_words) {
        return Reason::ContainsStoreWord;
    }
    match estimate.sequence() {
        [only] => match only.pattern {
            MatchPattern::Dictionary(_) => Reason::Common,
            MatchPattern::Repeat(_) => Reason::Repeated,
            MatchPattern::Sequence(_) | MatchPattern::Spatial(_) => Reason::Sequence,
            _ => Reason::TooEasy,
        },
        _ => Reason::TooEasy,
    }
}

/// The form in which words are compared: small letters, without spaces and ASCII punctuation.
fn fold(text: &str) -> String {
    let matters = |c: &char| !c.is_whitespace() && !c.is_ascii_punctuation();
    text.chars().filter(matters).flat_map(char::to_lowercase).collect()
}

/// The given texts, folded, whole and in their parts: "Harbor Coffee" is three words.
fn words(texts: &[&str]) -> Vec<String> {
    let mut words = Vec::new();
    for text in texts {
        let text: String = text.chars().take(MAX_ESTIMATED).collect();
        words.push(fold(&text));
        words.extend(text.split_once('@').map(|(local, _)| fold(local)));
        words.extend(text.split(|c: char| !c.is_alphanumeric()).map(fold));
    }
    words.retain(|word| word.chars().count() >= MIN_WORD);
    words.sort_unstable();
    words.dedup();
    words.truncate(MAX_WORDS);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STORE: &[&str] = &["Harbor Coffee", "Harbor Goods"];
    const OWN: &[&str] = &["ada.marsh@example.test", "Ada", "Marsh", "C-100042"];

    fn reasons(text: &str) -> Vec<Reason> {
        judge(&Password::read(text).unwrap(), STORE, OWN).reasons
    }

    #[test]
    fn long_enough_is_eight_characters_and_long_is_welcome() {
        assert_eq!(reasons("kq7wzp1"), [Reason::TooShort { min: 8 }]);
        assert_eq!(reasons("kq7wzp1m"), []);
        let too_long = Judgement::from(Password::read(&"x".repeat(MAX_BYTES + 1)).unwrap_err());
        assert_eq!(too_long.reasons, [Reason::TooLong { max: 1024 }]);
        // Characters, not bytes: four emoji are 16 bytes and still too short.
        assert_eq!(reasons("🐙🦑🐠🐬"), [Reason::TooShort { min: 8 }]);
        let phrase = "every gull over the quay wants a chip from the blue paper tonight, ";
        for length in [64, 128, 1024] {
            let long: String = phrase.chars().cycle().take(length).collect();
            assert_eq!(reasons(&long), [], "{length} characters");
        }
    }

    #[test]
    fn no_composition_is_asked_for() {
        for good in [
            "correct horse battery staple",
            "harbor-lighthouse-42",
            "quietrivermossylantern",
            "🐙🦑🐠🐬🦀🐡🐳🐚",
            "пять синих якорей",
            "   quay   gull   tar   ",
            "ada likes mossy lanterns",
        ] {
            assert_eq!(reasons(good), [], "{good}");
        }
    }

    #[test]
    fn what_is_tried_first_is_refused_with_the_reason() {
        for (bad, reason) in [
            ("password", Reason::Common),
            ("Password1", Reason::Common),
            ("trustno1", Reason::Common),
            ("sunshine", Reason::Common),
            ("P@ssw0rd", Reason::Common),
            ("1g2w3e4r", Reason::Common),
            ("Zag12wsx", Reason::Common),
            ("aaaaaaaaaaaa", Reason::Repeated),
            ("abcabcabcabc", Reason::Repeated),
            ("ghijklmnop", Reason::Sequence),
            ("letmein2024", Reason::TooEasy),
        ] {
            assert_eq!(reasons(bad), [reason], "{bad}");
        }
    }

    #[test]
    fn words_of_the_store_and_the_customer_need_company() {
        for bad in ["harborcoffee", "Harbor Coffee", "HARBOR-coffee!1", "harbor99!", "h@rb0r12"] {
            assert_eq!(reasons(bad), [Reason::ContainsStoreWord], "{bad}");
        }
        for bad in ["ada.marsh@example.test", "AdaMarsh", "ada.marsh1", "marsh-ada-12", "C-100042!"]
        {
            assert_eq!(reasons(bad), [Reason::ContainsOwnData], "{bad}");
        }
        let both = [Reason::ContainsStoreWord, Reason::ContainsOwnData];
        assert_eq!(reasons("ada@harbor"), both);
    }

    #[test]
    fn a_refused_password_never_looks_strong() {
        let judgement = judge(&Password::read("ada.marsh@example.test").unwrap(), STORE, OWN);
        assert!(!judgement.is_accepted() && judgement.score < 2);
        let judgement = judge(&Password::read("harbor-lighthouse-42").unwrap(), STORE, OWN);
        assert!(judgement.is_accepted() && judgement.score >= 2);
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in ".{0,200}", store in ".{0,40}", own in ".{0,40}") {
            let judgement = judge(&Password::read(&text).unwrap(), &[&store], &[&own]);
            prop_assert!(judgement.score <= 4);
            prop_assert!(judgement.is_accepted() || judgement.score < 2);
        }

        #[test]
        fn a_long_random_password_is_accepted(text in "[a-z0-9]{16,64}") {
            prop_assert_eq!(judge(&Password::read(&text).unwrap(), STORE, OWN).reasons, vec![]);
        }
    }
}
