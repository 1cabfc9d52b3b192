//! Texts of mails that a store's staff change: the subject and the paragraphs, per mail and
//! language. Plain text with placeholders from a fixed list, no logic; layout, button, "this wasn't
//! me" and footer stay Doorkey's. What may be written is [`check`]'s business.

mod check;
mod mails;

use std::collections::HashMap;

pub use check::{BODY_MAX, SUBJECT_MAX, body, subject};
pub use mails::{After, MAILS, Mail, Slot, mail};

use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result, Row, Tx};
use crate::locale::Language;
use crate::store;

/// The text of one mail in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// Subject, and heading of the HTML part.
    pub subject: String,
    /// Paragraphs, separated by empty lines; the link's placeholder stands on a line of its own.
    pub body: String,
}

/// A part of a mail's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph, by lines.
    Paragraph(Vec<String>),
    /// Where the button and its address go.
    Link,
    /// Where the password goes.
    Password,
}

impl Wording {
    /// What Doorkey says itself, with placeholders for what differs.
    pub fn usual(mail: &Mail, language: Language) -> Self {
        let say = |key: &str| {
            let slots: Vec<_> =
                mail.slots.iter().map(|slot| (slot.name, placeholder(slot.name))).collect();
            let arguments: Vec<(&str, &dyn std::fmt::Display)> =
                slots.iter().map(|(name, text)| (*name, text as &dyn std::fmt::Display)).collect();
            language.format(key, &arguments)
        };
        let word = |word: &str| match word.strip_prefix('@') {
            Some(key) => say(key),
            None => word.to_owned(),
        };
        let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
        let lines = |text: &str| text.split('\n').map(line).collect::<Vec<_>>().join("\n");
        let body = lines(mail.body)
            .replace("LINK", &placeholder("link"))
            .replace("PASSWORD", &placeholder("password"));
        Self { subject: say(mail.subject), body }
    }

    /// The subject with its placeholders filled in.
    pub fn fill_subject(&self, values: &[(&str, String)]) -> String {
        fill(&self.subject, values)
    }

    /// The parts of the body with their placeholders filled in.
    pub fn blocks(&self, values: &[(&str, String)]) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut lines = Vec::new();
        for line in self.body.lines().map(str::trim).chain([""]) {
            let alone = match check::slot(line) {
                Some(("link", "")) => Some(Block::Link),
                Some(("password", "")) => Some(Block::Password),
                _ => None,
            };
            if (line.is_empty() || alone.is_some()) && !lines.is_empty() {
                blocks.push(Block::Paragraph(std::mem::take(&mut lines)));
            }
            match alone {
                Some(block) => blocks.push(block),
                None if line.is_empty() => {}
                None => lines.push(fill(line, values)),
            }
        }
        blocks
    }
}

/// How a placeholder is written.
pub fn placeholder(name: &str) -> String {
    format!("{{{{ {name} }}}}")
}

/// Puts values in, once: what looks like a placeholder inside of a value stays as it is.
fn fill(text: &str, values: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = check::slot(rest).and_then(|(name, after)| {
            values.iter().find(|(given, _)| *given == name).map(|(_, value)| (value, after))
        });
        if let Some((value, after)) = found {
            filled.push_str(value);
            rest = after;
        } else {
            filled.push_str("{{");
            rest = &rest[2..];
        }
    }
    filled + rest
}

/// A store's own texts, by mail and language.
#[derive(Clone, Debug, Default)]
pub struct Wordings(HashMap<(&'static str, Language), Wording>);

impl Wordings {
    /// The text of this mail, if it is the store's own.
    pub fn get(&self, mail: &Mail, language: Language) -> Option<&Wording> {
        self.0.get(&(mail.key, language))
    }

    /// Puts a text in that [`subject`] and [`body`] accepted.
    pub fn put(&mut self, mail: &Mail, language: Language, wording: Wording) {
        self.0.insert((mail.key, language), wording);
    }

    /// Takes a row in. One that would not be accepted today is left out: the usual text is better
    /// than a mail without its link.
    fn take(&mut self, row: &Row) {
        let (kind, code): (String, String) = (row.get("kind"), row.get("language"));
        let wording = Wording { subject: row.get("subject"), body: row.get("body") };
        let (Some(mail), Some(language)) = (mail(&kind), Language::parse(&code)) else { return };
        if subject(mail, &wording.subject).is_ok() && body(mail, &wording.body).is_ok() {
            self.0.insert((mail.key, language), wording);
        } else {
            tracing::warn!(kind, code, "a store's own text of a mail is not usable");
        }
    }
}

/// All texts of all stores, by store.
///
/// # Errors
/// What the database says.
pub async fn all(db: &Db) -> Result<HashMap<String, Wordings>> {
    let sql = "SELECT store_id, kind, language, subject, body FROM mail_wording";
    let mut found: HashMap<String, Wordings> = HashMap::new();
    for row in db.rows(sql, vec![]).await? {
        found.entry(row.get("store_id")).or_default().take(&row);
    }
    Ok(found)
}

/// The texts of one store.
///
/// # Errors
/// What the database says.
pub async fn of(db: &Db, store_id: &str) -> Result<Wordings> {
    let sql = "SELECT kind, language, subject, body FROM mail_wording WHERE store_id = $1";
    let mut found = Wordings::default();
    for row in db.rows(sql, args![store_id]).await? {
        found.take(&row);
    }
    Ok(found)
}

/// Keeps a text that [`subject`] and [`body`] accepted. Running processes follow within a second.
///
/// # Errors
/// What the database says.
pub async fn save(
    tx: &mut Tx,
    store_id: &str,
    mail: &Mail,
    language: Language,
    wording: &Wording,
    now: Micros,
) -> Result<()> {
    tx.exec(
        "INSERT INTO mail_wording (store_id, kind, language, subject, body, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (store_id, kind, language) DO UPDATE
            SET subject = $4, body = $5, changed_at = $6",
        args![store_id, mail.key, language.code(), &wording.subject, &wording.body, now],
    )
    .await?;
    store::touch(tx).await
}

/// Goes back to the usual text; whether there was another.
///
/// # Errors
/// What the database says.
pub async fn reset(tx: &mut Tx, store_id: &str, mail: &Mail, language: Language) -> Result<bool> {
    let sql = "DELETE FROM mail_wording WHERE store_id = $1 AND kind = $2 AND language = $3";
    let gone = tx.exec(sql, args![store_id, mail.key, language.code()]).await? > 0;
    store::touch(tx).await?;
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(text: &str) -> Block {
        Block::Paragraph(text.lines().map(str::to_owned).collect())
    }

    #[test]
    fn the_usual_texts_are_acceptable_and_whole() {
        for mail in MAILS {
            for language in Language::ALL {
                let usual = Wording::usual(mail, language);
                let name = format!("{} in {}", mail.key, language.code());
                assert_eq!(subject(mail, &usual.subject).as_ref(), Ok(&usual.subject), "{name}");
                assert_eq!(body(mail, &usual.body).as_ref(), Ok(&usual.body), "{name}");
                assert!(!usual.body.contains(['@', '$']), "{name}: {}", usual.body);
                assert_eq!(usual.blocks(&[]).iter().filter(|b| **b == Block::Link).count(), 1);
            }
        }
    }

    #[test]
    fn placeholders_are_filled_once() {
        let wording = Wording {
            subject: "At {{ store }}".into(),
            body: "One {{store}},\ntwo {{ other }}.\n\n\n  {{ link }}\nThree".into(),
        };
        let values = [("store", "A {{ other }} B".to_owned()), ("other", "x".to_owned())];
        assert_eq!(wording.fill_subject(&values), "At A {{ other }} B");
        assert_eq!(
            wording.blocks(&values),
            [paragraph("One A {{ other }} B,\ntwo x."), Block::Link, paragraph("Three")]
        );
        assert_eq!(fill("{{7*7}} {{ {{store}}", &[("store", "S".into())]), "{{7*7}} {{ S");
    }
}
