//! Folding for search: what people type on the phone is not what they wrote in the form. Case,
//! accents and punctuation do not count.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest folded text kept, in bytes: nobody searches by more, and indexes have to hold it.
const LONGEST: usize = 120;

/// Letters and digits in lower case without accents, words parted by one space, as bytes: bytes sort
/// alike in every database. `Østergård` becomes `ostergard`, `Okafor & Sons` becomes `okafor sons`.
pub fn fold(text: &str) -> Vec<u8> {
    let mut folded = String::new();
    // Compatibility decomposition (Unicode, UAX 15): ligatures and full-width letters come apart as
    // accents do.
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match whole(c) {
            Some(letters) => folded.push_str(letters),
            None if c.is_alphanumeric() => folded.push(c),
            // An apostrophe joins: O'Brien is searched as obrien.
            None if matches!(c, '\'' | '’' | '‘' | 'ʼ') => {}
            None if folded.ends_with(' ') || folded.is_empty() => {}
            None => folded.push(' '),
        }
        if folded.len() > LONGEST {
            break;
        }
    }
    let mut end = folded.len().min(LONGEST);
    while !folded.is_char_boundary(end) {
        end -= 1;
    }
    folded.truncate(end);
    folded.trim_end().as_bytes().to_vec()
}

/// The same without the spaces, for customer numbers: `H-1001` is also typed as `h1001` or `H 1001`.
pub fn fold_number(number: &str) -> Vec<u8> {
    fold(number).into_iter().filter(|b| *b != b' ').collect()
}

/// Letters whose accent is part of them, so that no decomposition takes it off.
fn whole(c: char) -> Option<&'static str> {
    Some(match c {
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'ħ' => "h",
        'ı' => "i",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_accents_and_punctuation_do_not_count() {
        for (written, folded) in [
            ("Østergård", "ostergard"),
            ("  O'Brien-Müller ", "obrien muller"),
            ("Okafor & Sons, Ltd.", "okafor sons ltd"),
            ("Łukasz Đorđević", "lukasz dordevic"),
            ("STRASSE", "strasse"),
            ("Straße", "strasse"),
            ("ＡＢＣ　１", "abc 1"),
            ("山田", "山田"),
            ("H-1001", "h 1001"),
            ("…", ""),
        ] {
            assert_eq!(String::from_utf8(fold(written)).as_deref(), Ok(folded), "{written}");
        }
        assert!(fold(&"ß".repeat(1000)).len() <= 120);
        for typed in ["H-1001", "h1001", " H 1001", "h.1001"] {
            assert_eq!(super::fold_number(typed), b"h1001", "{typed}");
        }
    }
}
