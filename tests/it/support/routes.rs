//! The routes of the program, read off its source.

use std::collections::BTreeSet;

/// Methods and paths of the table of contents, src/web.rs.
pub fn routes_in_the_source() -> BTreeSet<(String, String)> {
    let source = include_str!("../../../src/web.rs");
    let mut found = BTreeSet::new();
    for call in source.split(".route(").skip(1) {
        let path = call.split('"').nth(1).unwrap().to_owned();
        let handlers = &call[..end_of_call(call)];
        for (word, method) in [
            ("get(", "GET"),
            ("post(", "POST"),
            ("put(", "PUT"),
            ("patch(", "PATCH"),
            ("delete(", "DELETE"),
        ] {
            let calls = handlers.match_indices(word).any(|(at, _)| {
                !handlers[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            });
            if calls {
                found.insert((method.to_owned(), path.clone()));
            }
        }
        assert!(
            !handlers.contains("any(") && !handlers.contains("on("),
            "spell the methods: {path}"
        );
    }
    found
}

/// Where the parenthesis that is open at the start closes.
fn end_of_call(text: &str) -> usize {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth == 0 {
            return at;
        }
    }
    panic!("no end of the call: {text}");
}
