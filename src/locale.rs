//! Languages and their texts. Every word that a customer reads comes from `locales/<lang>/*.ftl`
//! (Fluent). Texts without arguments are formatted once, at start: a page has dozens of them.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast::{Expression, InlineExpression, Pattern, PatternElement};
use jiff::tz::TimeZone;

use crate::clock::Micros;

/// A language that Doorkey speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English
    #[default]
    En,
    /// German
    De,
    /// Spanish
    Es,
    /// French
    Fr,
    /// English in Hebrew letters, for the tests alone: none of the languages so far is written from
    /// right to left, and everything is to be ready for one that is.
    #[cfg(test)]
    Mirrored,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::En, Self::De, Self::Es, Self::Fr];

    /// Its code (BCP 47).
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Es => "es",
            Self::Fr => "fr",
            #[cfg(test)]
            Self::Mirrored => "he",
        }
    }

    /// Which way it is written, as HTML says it.
    pub fn dir(self) -> &'static str {
        match self {
            Self::En | Self::De | Self::Es | Self::Fr => "ltr",
            #[cfg(test)]
            Self::Mirrored => "rtl",
        }
    }

    /// A name that may be written the other way, so that it does not turn the words around it: alone
    /// between marks (Unicode's bidirectional algorithm, UAX 9: FSI and PDI), where there is need.
    pub fn isolate(self, name: &str) -> String {
        if self.dir() == "rtl" || name.chars().any(is_rtl) {
            format!("\u{2068}{name}\u{2069}")
        } else {
            name.to_owned()
        }
    }

    /// Its name in English, as staff read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "German",
            Self::Es => "Spanish",
            Self::Fr => "French",
            #[cfg(test)]
            Self::Mirrored => "Mirrored",
        }
    }

    /// Reads a code; a region behind it is ignored.
    pub fn parse(code: &str) -> Option<Self> {
        let primary = code.split('-').next()?;
        Self::ALL.into_iter().find(|l| l.code().eq_ignore_ascii_case(primary))
    }

    /// The first language of an `Accept-Language` header (RFC 9110, 12.5.4) among those that are
    /// spoken here, by weight.
    pub fn negotiate(header: &str, spoken: &[Self]) -> Option<Self> {
        let mut wanted: Vec<(f32, Self)> = header
            .split(',')
            .take(20)
            .filter_map(|part| {
                let mut pieces = part.split(';');
                let language = Self::parse(pieces.next()?.trim())?;
                spoken.contains(&language).then_some(())?;
                let weight = pieces
                    .find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok())
                    .unwrap_or(1.0);
                (weight > 0.0).then_some((weight, language))
            })
            .collect();
        // Stable: of equal weights the first one stands.
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        wanted.first().map(|(_, language)| *language)
    }

    /// A text without arguments. A missing one falls back to English, then to its key; the tests
    /// make sure that neither happens.
    pub fn text(self, key: &str) -> &'static str {
        let texts = &TEXTS[self as usize];
        match texts.plain.get(key).or_else(|| TEXTS[0].plain.get_key_value(key).map(|(_, v)| v)) {
            Some(text) => text,
            None => {
                tracing::error!(key, "a text is missing");
                ""
            }
        }
    }

    /// A text with arguments. Values that are whole numbers choose plural forms.
    pub fn format(self, key: &str, arguments: &[(&str, &dyn Display)]) -> String {
        if let Some(pieces) = TEXTS[self as usize].pieces.get(key) {
            return join(pieces, arguments);
        }
        let mut args = FluentArgs::new();
        for (name, value) in arguments {
            let value = value.to_string();
            match value.parse::<i64>() {
                Ok(number) => args.set(*name, FluentValue::from(number)),
                Err(_) => args.set(*name, FluentValue::from(value)),
            }
        }
        for language in [self, Self::En] {
            let bundle = &TEXTS[language as usize].bundle;
            if let Some(pattern) = bundle.get_message(key).and_then(|m| m.value()) {
                return bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned();
            }
        }
        tracing::error!(key, "a text is missing");
        String::new()
    }

    /// A moment in words, exact to the minute, in `zone`: `14:35 CET, 23 November 2026`.
    pub fn moment(self, at: Micros, zone: &TimeZone) -> String {
        let Ok(timestamp) = jiff::Timestamp::from_microsecond(at) else { return String::new() };
        let time = timestamp.to_zoned(zone.clone());
        let month = self.text(MONTHS[usize::from(time.month().unsigned_abs()) - 1]);
        self.format(
            "moment",
            &[
                ("time", &time.strftime("%H:%M %Z")),
                ("day", &time.day()),
                ("month", &month),
                ("year", &time.year()),
            ],
        )
    }

    /// A duration in words, in the largest unit that says it well: `30 minutes`, `24 hours`.
    pub fn duration(self, seconds: i64) -> String {
        match seconds {
            s if s >= 7200 && s % 3600 == 0 => self.format("duration-hours", &[("n", &(s / 3600))]),
            s if s >= 60 => self.format("duration-minutes", &[("n", &(s / 60))]),
            s => self.format("duration-seconds", &[("n", &s)]),
        }
    }
}

/// With a capital first letter: what begins a sentence.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Whether a character is of a script that is written from right to left: Hebrew, Arabic and their
/// neighbours.
fn is_rtl(c: char) -> bool {
    matches!(u32::from(c), 0x590..=0x8ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff | 0x1_0800..=0x1_0fff
        | 0x1_e800..=0x1_efff)
}

const MONTHS: [&str; 12] = [
    "month-1", "month-2", "month-3", "month-4", "month-5", "month-6", "month-7", "month-8",
    "month-9", "month-10", "month-11", "month-12",
];

struct Texts {
    bundle: FluentBundle<FluentResource>,
    plain: HashMap<String, String>,
    pieces: HashMap<String, Vec<Piece>>,
}

/// A part of a text that only puts its arguments in place, which most texts do. A page has several;
/// joining them is twenty times faster than asking Fluent, which is left to plurals.
enum Piece {
    Text(String),
    Argument(String),
}

fn pieces(pattern: &Pattern<&str>) -> Option<Vec<Piece>> {
    let piece = |element: &PatternElement<&str>| match element {
        PatternElement::TextElement { value } => Some(Piece::Text((*value).to_owned())),
        PatternElement::Placeable {
            expression: Expression::Inline(InlineExpression::VariableReference { id }),
        } => Some(Piece::Argument(id.name.to_owned())),
        PatternElement::Placeable { .. } => None,
    };
    pattern.elements.iter().map(piece).collect()
}

fn join(pieces: &[Piece], arguments: &[(&str, &dyn Display)]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Argument(name) => {
                if let Some((_, value)) = arguments.iter().find(|(given, _)| given == name) {
                    // Writing to a string does not fail.
                    let _ = write!(text, "{value}");
                }
            }
        }
    }
    text
}

macro_rules! sources {
    ($($language:literal),*) => {[$([
        include_str!(concat!("../locales/", $language, "/common.ftl")),
        include_str!(concat!("../locales/", $language, "/store.ftl")),
        include_str!(concat!("../locales/", $language, "/mail.ftl")),
    ]),*]};
}

/// In the order of [`Language`]. A global, because the texts are constants of the program: they are
/// compiled in and differ by nothing at run time.
static TEXTS: LazyLock<Vec<Texts>> = LazyLock::new(|| {
    let sources = sources!("en", "de", "es", "fr");
    let loaded = Language::ALL.iter().zip(sources).map(|(language, files)| load(*language, &files));
    #[cfg(test)]
    let loaded = loaded.chain([mirrored(load(Language::En, &sources!("en")[0]))]);
    loaded.collect()
});

/// Texts in Hebrew letters. Plurals stay as they are.
#[cfg(test)]
fn mirrored(mut texts: Texts) -> Texts {
    let mirror = |text: &mut String| {
        let letter = |c: char| match u32::from(c.to_ascii_lowercase()) {
            c @ 0x61..=0x7a => char::from_u32(0x5d0 + c - 0x61).unwrap_or('\u{5d0}'),
            _ => c,
        };
        *text = text.chars().map(letter).collect();
    };
    texts.plain.values_mut().for_each(mirror);
    for piece in texts.pieces.values_mut().flatten() {
        if let Piece::Text(text) = piece {
            mirror(text);
        }
    }
    texts
}

fn load(language: Language, files: &[&str]) -> Texts {
    let id = language.code().parse().expect("the codes of Language are valid");
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Bidirectional isolation marks would end up in URLs that people copy from text mails.
    bundle.set_use_isolating(false);
    let (mut plain, mut simple) = (HashMap::new(), HashMap::new());
    for file in files {
        let resource = FluentResource::try_new((*file).to_owned())
            .unwrap_or_else(|(_, errors)| panic!("locales/{}: {errors:?}", language.code()));
        bundle.add_resource_overriding(resource);
    }
    for key in files.iter().flat_map(|file| keys(file)) {
        let mut errors = Vec::new();
        if let Some(pattern) = bundle.get_message(key).and_then(|m| m.value()) {
            let text = bundle.format_pattern(pattern, None, &mut errors).into_owned();
            if errors.is_empty() {
                plain.insert(key.to_owned(), text);
            } else if let Some(pieces) = pieces(pattern) {
                simple.insert(key.to_owned(), pieces);
            }
        }
    }
    Texts { bundle, plain, pieces: simple }
}

/// The keys of a Fluent file: what stands in front of `=` at the start of a line.
fn keys(file: &str) -> impl Iterator<Item = &str> {
    file.lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once('=').map(|(key, _)| key.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_language_has_the_same_keys() {
        let all: Vec<BTreeSet<String>> = sources!("en", "de", "es", "fr")
            .iter()
            .map(|files| files.iter().flat_map(|f| keys(f)).map(str::to_owned).collect())
            .collect();
        for (language, found) in Language::ALL.iter().zip(&all) {
            let odd: Vec<_> = all[0].symmetric_difference(found).collect();
            assert!(odd.is_empty(), "{}: {odd:?}", language.code());
        }
        assert!(all[0].len() > 50);
    }

    #[test]
    fn the_header_is_weighed() {
        for (header, language) in [
            ("de-DE,de;q=0.9,en;q=0.8", Some(Language::De)),
            ("en;q=0.3, fr", Some(Language::Fr)),
            ("ja, es;q=0.1", Some(Language::Es)),
            ("de;q=0, ja", None),
            ("", None),
        ] {
            assert_eq!(Language::negotiate(header, &Language::ALL), language, "{header}");
        }
        let fewer = [Language::En, Language::Fr];
        assert_eq!(Language::negotiate("de, fr;q=0.5, en;q=0.2", &fewer), Some(Language::Fr));
    }

    #[test]
    fn moments_and_durations_are_words() {
        let at = 1_795_444_500_000_000;
        let said = Language::ALL.map(|l| l.moment(at, &TimeZone::UTC));
        assert_eq!(
            said,
            [
                "14:35 UTC, 23 November 2026",
                "23. November 2026, 14:35 UTC",
                "14:35 UTC del 23 de noviembre de 2026",
                "23 novembre 2026, 14:35 UTC",
            ]
        );
        let said = [30, 60, 1800, 5400, 86400].map(|s| Language::En.duration(s));
        assert_eq!(said, ["30 seconds", "one minute", "30 minutes", "90 minutes", "24 hours"]);
    }
}
