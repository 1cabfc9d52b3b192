//! An answer as a stranger compares it with others: all of it but what is random by design.

use super::browser::Answer;

/// Status, headers, cookies and body, with random values blanked. Two requests that must not be
/// told apart have equal faces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Face {
    pub status: u16,
    /// Names and values, sorted, less the cookies.
    pub headers: Vec<(String, String)>,
    /// Names, lengths of the values, attributes.
    pub cookies: Vec<(String, usize, String)>,
    pub body: String,
}

impl Face {
    pub fn of(answer: &Answer) -> Self {
        let mut headers: Vec<_> = answer
            .headers
            .iter()
            // The length follows the body, in which random values may be escaped differently.
            .filter(|(name, _)| !["set-cookie", "content-length"].contains(&name.as_str()))
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into())
            })
            .collect();
        headers.sort();
        let cookies = answer.set_cookies();
        let cookies = cookies.iter().map(|line| {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.len(), attributes.to_owned())
        });
        Self {
            status: answer.status,
            cookies: cookies.collect(),
            headers,
            body: blank(&answer.body),
        }
    }

    /// The same with what the visitor typed taken out, where the page repeats it.
    pub fn without(mut self, typed: &str) -> Self {
        self.body = self.body.replace(typed, "(typed)");
        self
    }
}

/// Blanks references (`K7QF-2M`) and everything that is too long to be a word.
fn blank(body: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let (mut blanked, mut word) = (String::new(), String::new());
    for c in body.chars().map(Some).chain([None]) {
        match c {
            Some(c) if is_word(c) => word.push(c),
            other => {
                blanked.push_str(if is_random(&word) { "(random)" } else { &word });
                word.clear();
                blanked.extend(other);
            }
        }
    }
    blanked
}

fn is_random(word: &str) -> bool {
    let reference = word.len() == 7
        && word.bytes().enumerate().all(|(i, b)| {
            if i == 4 { b == b'-' } else { b.is_ascii_uppercase() || b.is_ascii_digit() }
        });
    reference || word.len() >= 20
}
