//! What receiving servers wrote about a mail's authentication (RFC 8601): read tolerantly, in one
//! pass, and never believed to be more than their word.

/// Longest header that is read, and most results of one.
const LONGEST: usize = 8 * 1024;
const MOST: usize = 50;

/// One header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Who says so.
    pub server: String,
    /// Method and result, in lower case: `("spf", "pass")`.
    pub results: Vec<(String, String)>,
}

/// Reads the value of an `Authentication-Results` header; none where it is not one.
pub fn parse(value: &str) -> Option<Results> {
    let end = (0..=value.len().min(LONGEST)).rev().find(|at| value.is_char_boundary(*at))?;
    let parts = split(&value[..end]);
    let mut parts = parts.iter().map(|part| part.trim());
    // A version may follow the server's name.
    let server = parts.next()?.split_whitespace().next()?.to_owned();
    let results = parts.filter_map(result).take(MOST).collect();
    Some(Results { server, results })
}

/// `method[/version] = result …`
fn result(part: &str) -> Option<(String, String)> {
    let (method, rest) = part.split_once('=')?;
    let method = method.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
    let result = rest.split_whitespace().next()?.to_ascii_lowercase();
    let word = |text: &str| {
        !text.is_empty()
            && text.len() <= 40
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    (word(&method) && word(&result)).then_some((method, result))
}

/// At semicolons outside of quotes and comments; comments are left out. They may nest.
fn split(value: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for c in value.chars() {
        if escaped {
            escaped = false;
            if depth == 0 {
                part.push(c);
            }
            continue;
        }
        match c {
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => {
                quoted = !quoted;
                part.push(c);
            }
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                part.push(' ');
            }
            ';' if !quoted && depth == 0 => parts.push(std::mem::take(&mut part)),
            c if depth == 0 => part.push(c),
            _ => {}
        }
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// After the examples of RFC 8601, appendix B.
    #[test]
    fn results_are_read_as_servers_write_them() {
        let found = parse(
            "mx.example.com 1; spf=pass (ok; \\) really (nested)) smtp.mailfrom=example.net;\r\n \
             dkim = FAIL reason=\"bad; signature\" header.i=@x.test; dmarc/1=none",
        )
        .unwrap();
        assert_eq!(found.server, "mx.example.com");
        let pairs: Vec<_> = found.results.iter().map(|(m, r)| format!("{m}={r}")).collect();
        assert_eq!(pairs, ["spf=pass", "dkim=fail", "dmarc=none"]);
        assert_eq!(parse("mx.example.com; none").unwrap().results, []);
        assert!(parse("  ").is_none());
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(value in ".{0,500}") {
            if let Some(found) = parse(&value) {
                prop_assert!(found.results.len() <= MOST);
                let plain = |t: &String| t.bytes().all(|b| b.is_ascii_graphic());
                prop_assert!(found.results.iter().all(|(m, r)| plain(m) && plain(r)));
            }
        }
    }
}
