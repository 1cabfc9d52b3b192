//! A mail in a store's own words, in the frame that all mails share.

use std::fmt::Display;
use std::ops::Deref;

use askama::Template;

use super::templates::{Frame, write};
use crate::mail::mime::Rendered;
use crate::wording::{self, After, Block};

/// What the templates put below each other.
enum Part {
    /// A paragraph, by lines.
    Paragraph(Vec<String>),
    /// The button: where it leads.
    Button(String),
    /// A password, in a box.
    Password(String),
    /// A line across.
    Rule,
    /// An address alone.
    Address(String),
    /// A text and what it introduces.
    Fact(String, String),
}

struct Custom<'a> {
    frame: &'a Frame<'a>,
    button: &'static str,
    parts: Vec<Part>,
}

impl<'a> Deref for Custom<'a> {
    type Target = Frame<'a>;
    fn deref(&self) -> &Frame<'a> {
        self.frame
    }
}

impl Custom<'_> {
    fn t(&self, key: &str) -> &'static str {
        self.language.text(key)
    }

    fn t1(&self, key: &str, name: &str, value: impl Display) -> String {
        self.language.format(key, &[(name, &value)])
    }
}

#[derive(Template)]
#[template(path = "mail/custom.txt")]
struct CustomText<'a> {
    m: &'a Custom<'a>,
}

#[derive(Template)]
#[template(path = "mail/custom.html")]
struct CustomHtml<'a> {
    m: &'a Custom<'a>,
    subject: &'a str,
}

/// The mail of these templates, if the store has its own words for it. `fields` are theirs; they are
/// asked for only then, because a password may be among them.
pub(super) fn render(
    frame: &Frame<'_>,
    template: &str,
    fields: impl FnOnce() -> Vec<(&'static str, String)>,
) -> Option<Rendered> {
    let mail = wording::MAILS.iter().find(|mail| mail.template == template)?;
    let own = frame.store.wordings.get(mail, frame.language)?;
    let mut values = fields();
    values.push(("store", frame.store_name.clone()));
    let field = |name: &str| {
        values.iter().find(|(given, _)| *given == name).map(|(_, v)| v.clone()).unwrap_or_default()
    };
    let block = |block| match block {
        Block::Paragraph(lines) => Part::Paragraph(lines),
        Block::Link => Part::Button(field(mail.link)),
        Block::Password => Part::Password(field("password")),
    };
    let with_store = |key| frame.language.format(key, &[("store", &frame.store_name)]);
    let by_staff = field("by_staff") == "true";
    let after = |after: &After| {
        Some(match *after {
            After::Rule => Part::Rule,
            After::Text(key) => Part::Paragraph(vec![frame.language.text(key).to_owned()]),
            After::WithStore(key) => Part::Paragraph(vec![with_store(key)]),
            After::Address(name) => Part::Address(field(name)),
            After::Fact(key, name) => Part::Fact(frame.language.text(key).into(), field(name)),
            After::ByStaff(_) | After::ByStaffFact(..) if !by_staff => return None,
            After::ByStaff(key) => Part::Paragraph(vec![with_store(key)]),
            After::ByStaffFact(key, name) => Part::Fact(with_store(key), field(name)),
        })
    };
    // Only what the text may mention: a link must not end up in the middle of a sentence.
    let mentioned: Vec<_> = mail.slots.iter().map(|slot| (slot.name, field(slot.name))).collect();
    let parts = own.blocks(&mentioned).into_iter().map(block);
    let custom = Custom {
        frame,
        button: frame.language.text(mail.button),
        parts: parts.chain(mail.after.iter().filter_map(after)).collect(),
    };
    let subject = own.fill_subject(&mentioned);
    Some(Rendered {
        text: write(&CustomText { m: &custom }),
        html: write(&CustomHtml { m: &custom, subject: &subject }),
        subject,
    })
}
