//! The markup of help articles: headings, paragraphs, lists, what to say (`>`), and inside of lines
//! bold, emphasis, code and links. As much of Markdown as the articles use, and no more.

/// The HTML of an article's body. All text is escaped.
pub fn html(source: &str) -> String {
    let mut out = String::new();
    let mut open: Option<&'static str> = None;
    for line in source.lines().map(str::trim_end) {
        let (list, content) = block(line);
        if open != list {
            close(&mut out, open);
            if let Some(name) = list {
                // An ordered list that was interrupted goes on counting.
                let start = number(line).filter(|n| name == "ol" && *n > 1);
                let start = start.map(|n| format!(" start=\"{n}\"")).unwrap_or_default();
                out.push_str(&format!("<{name}{start}>\n"));
            }
            open = list;
        }
        if content.is_empty() {
            continue;
        }
        let text = inline(content);
        out.push_str(&match (list, line) {
            (Some(_), _) => format!("<li>{text}</li>\n"),
            (None, line) if line.starts_with("## ") => format!("<h2>{text}</h2>\n"),
            (None, line) if line.starts_with("> ") => {
                format!("<blockquote class=\"say\"><p>“{text}”</p></blockquote>\n")
            }
            (None, _) => format!("<p>{text}</p>\n"),
        });
    }
    close(&mut out, open);
    out
}

/// The list that a line belongs to, and the line without its mark.
fn block(line: &str) -> (Option<&'static str>, &str) {
    if let Some(rest) = line.strip_prefix("- ") {
        (Some("ul"), rest)
    } else if number(line).is_some() {
        (Some("ol"), line.split_once(". ").map_or(line, |(_, rest)| rest))
    } else {
        (None, line.strip_prefix("## ").or_else(|| line.strip_prefix("> ")).unwrap_or(line))
    }
}

/// The number that a line of an ordered list begins with.
fn number(line: &str) -> Option<usize> {
    line.split_once(". ").and_then(|(number, _)| number.parse().ok())
}

fn close(out: &mut String, open: Option<&'static str>) {
    if let Some(name) = open {
        out.push_str(&format!("</{name}>\n"));
    }
}

/// Bold, emphasis, code, and links to other pages.
fn inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`', '[']) {
        out.push_str(&escaped(&rest[..at]));
        rest = &rest[at..];
        let (html, used) = span(rest);
        out.push_str(&html);
        rest = &rest[used..];
    }
    out.push_str(&escaped(rest));
    out
}

/// What `text` begins with, as HTML, and how many bytes of it that was. A mark that opens nothing
/// stands for itself.
fn span(text: &str) -> (String, usize) {
    for (mark, name) in [("**", "strong"), ("*", "em"), ("`", "code")] {
        if let Some((inner, _)) = text.strip_prefix(mark).and_then(|rest| rest.split_once(mark))
            && !inner.is_empty()
        {
            let used = inner.len() + 2 * mark.len();
            return (format!("<{name}>{}</{name}>", escaped(inner)), used);
        }
    }
    let link = text.strip_prefix('[').and_then(|rest| rest.split_once("]("));
    if let Some((label, rest)) = link
        && let Some((to, _)) = rest.split_once(')')
    {
        let html = format!("<a href=\"{}\">{}</a>", escaped(to), escaped(label));
        return (html, label.len() + to.len() + 4);
    }
    (escaped(&text[..1]), 1)
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::html;

    #[test]
    fn blocks_and_spans_become_html() {
        let source = "## A & B\ntext **bold** and *soft* `<b>` [there](/oms/help)\n\n- one\n- two\n\n> Say it.\n";
        assert_eq!(
            html(source),
            "<h2>A &amp; B</h2>\n<p>text <strong>bold</strong> and <em>soft</em> \
             <code>&lt;b&gt;</code> <a href=\"/oms/help\">there</a></p>\n\
             <ul>\n<li>one</li>\n<li>two</li>\n</ul>\n\
             <blockquote class=\"say\"><p>“Say it.”</p></blockquote>\n"
        );
    }

    #[test]
    fn an_interrupted_list_goes_on_counting() {
        let html = html("1. a\n2. b\n> say\n3. c\n");
        assert!(html.contains("<ol>\n<li>a</li>"), "{html}");
        assert!(html.contains("<ol start=\"3\">\n<li>c</li>"), "{html}");
    }

    #[test]
    fn a_mark_that_opens_nothing_stands_for_itself() {
        assert_eq!(html("2 * 3 [x] `y"), "<p>2 * 3 [x] `y</p>\n");
        assert_eq!(html("****"), "<p>****</p>\n");
    }
}
