//! Just enough of an HTML parser for our own pages: elements, their attributes, their text.

/// An element as it stands in a page.
#[derive(Clone, Debug)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// All text between its start and its end, of inner elements too.
    pub text: String,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

const VOID: [&str; 6] = ["meta", "link", "input", "img", "br", "path"];

/// The elements of a page, in the order in which they start.
pub fn elements(page: &str) -> Vec<Element> {
    let mut found: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let text = unescape(&rest[..at]);
        open.iter().for_each(|i| found[*i].text.push_str(&text));
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").expect("comments end").1;
        } else if let Some(end) = rest.strip_prefix('/') {
            let (name, behind) = end.split_once('>').expect("end tags end");
            let start = open.iter().rposition(|i| found[*i].name == name);
            open.truncate(start.unwrap_or_else(|| panic!("</{name}> was never opened")));
            rest = behind;
        } else if rest.starts_with('!') {
            rest = rest.split_once('>').expect("the doctype ends").1;
        } else {
            let (element, closed, behind) = start_tag(rest);
            if !closed && !VOID.contains(&&*element.name) {
                open.push(found.len());
            }
            found.push(element);
            rest = behind;
        }
    }
    assert!(open.is_empty(), "every element ends");
    found
}

/// Reads a start tag behind its `<`; says whether it closed itself, and gives what follows.
fn start_tag(rest: &str) -> (Element, bool, &str) {
    let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/').expect("tags end");
    let name = rest[..end].to_ascii_lowercase();
    let (mut attributes, mut rest) = (Vec::new(), &rest[end..]);
    loop {
        rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix('>') {
            return (Element { name, attributes, text: String::new() }, false, behind);
        }
        if let Some(behind) = rest.strip_prefix("/>") {
            return (Element { name, attributes, text: String::new() }, true, behind);
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || "=>/".contains(c))
            .filter(|end| *end > 0)
            .unwrap_or_else(|| panic!("an odd attribute: {}", &rest[..rest.len().min(40)]));
        let attribute = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (inner, behind) = quoted.split_once('"').expect("values end");
            (value, rest) = (unescape(inner), behind);
        } else {
            assert!(!rest.starts_with('='), "every value is quoted: {attribute}");
        }
        attributes.push((attribute, value));
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, after) = behind.split_once(';').expect("every & is escaped");
        let number = entity.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16));
        let number = number.or(entity.strip_prefix('#').map(str::parse));
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            _ => char::from_u32(number.expect("a known entity").unwrap()).unwrap(),
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Which elements with which attributes a page consists of, whatever they say.
pub fn shape(page: &str) -> Vec<String> {
    let line = |e: Element| {
        let names: Vec<_> = e.attributes.into_iter().map(|(name, _)| name).collect();
        format!("{} {}", e.name, names.join(" "))
    };
    elements(page).into_iter().map(line).collect()
}

#[test]
fn the_parser_sees_what_was_smuggled_in() {
    let page = |name: &str| format!("<p class=\"a\"><input value=\"{name}\" readonly> {name}</p>");
    assert_eq!(shape(&page("Ada")), ["p class", "input value readonly"]);
    assert_eq!(shape(&page("&lt;b&gt;&quot;")), shape(&page("Ada")));
    assert_ne!(shape(&page("\" onfocus=\"x")), shape(&page("Ada")));
    assert_ne!(shape(&page("<b>x</b>")), shape(&page("Ada")));
    assert_eq!(elements(&page("&#34;&#x27;&amp;"))[0].text, " \"'&");
}
