//! What the administration commands share: opening the database, reading values and passwords,
//! finding merchants and stores, writing results.

use std::fmt::Write as _;
use std::io::{IsTerminal, Read, Write as _};

use serde::Serialize;
use zeroize::Zeroizing;

use super::Failure;
use crate::activity::{self, Act, Action, Actor};
use crate::address::EmailAddress;
use crate::app::Keys;
use crate::clock::Micros;
use crate::config::Config;
use crate::db::{self, Db, Tx};
use crate::locale::Language;
use crate::merchant::Merchant;
use crate::password::policy::{self, Judgement, Reason};
use crate::password::{self, Params, Password, PasswordHasher};
use crate::secret;
use crate::store::{self, Access, Store};

/// Opens a database that exists, whatever its schema. Unlike [`Db::connect`] it creates nothing: a
/// mistyped path would otherwise give an empty database and a misleading answer.
///
/// # Errors
/// When it is missing or cannot be opened.
pub async fn connect(config: &Config) -> Result<Db, Failure> {
    if let Some(file) = db::sqlite_file(config.database_url.reveal())
        && !file.exists()
    {
        let file = file.display();
        let hint = "run `doorkey migrate` to create it, or correct database_url";
        return Err(format!("there is no database at {file}: {hint}").into());
    }
    super::open(config).await
}

/// Opens the database for a command that reads or changes records.
///
/// # Errors
/// When it cannot be opened or its schema is not this program's.
pub async fn open(config: &Config) -> Result<Db, Failure> {
    let db = connect(config).await?;
    match schema_trouble(db.schema_version().await?) {
        None => Ok(db),
        Some((what, todo)) => Err(format!("{what}: {todo}").into()),
    }
}

/// What is wrong with a schema at step `found`, and what to do.
pub fn schema_trouble(found: i64) -> Option<(String, &'static str)> {
    let wanted = Db::schema_wanted();
    match found {
        0 => Some(("the database has no schema yet".into(), "run `doorkey migrate`")),
        n if n < wanted => Some((
            format!("the schema is at step {n}, this program needs step {wanted}"),
            "run `doorkey migrate`",
        )),
        n if n > wanted => Some((
            format!("the schema is at step {n}, this program knows {wanted}"),
            "use the newer doorkey",
        )),
        _ => None,
    }
}

/// The merchant with this key.
///
/// # Errors
/// When there is none; the message names those that there are.
pub async fn merchant(db: &Db, key: &str) -> Result<Merchant, Failure> {
    let all = merchants(db).await?;
    let keys = names(all.iter().map(|m| m.key.as_str()), "add one with `doorkey merchant add`");
    all.into_iter()
        .find(|m| m.key == key)
        .ok_or_else(|| format!("there is no merchant {key}; there is {keys}").into())
}

/// All merchants, by key.
///
/// # Errors
/// What the database says.
pub async fn merchants(db: &Db) -> Result<Vec<Merchant>, Failure> {
    let rows = db.rows("SELECT id, key, name FROM merchant ORDER BY key", vec![]).await?;
    let merchant =
        |row: &db::Row| Merchant { id: row.get("id"), key: row.get("key"), name: row.get("name") };
    Ok(rows.iter().map(merchant).collect())
}

/// The store with this key, of this merchant if one is given.
///
/// # Errors
/// When there is none; the message names those that there are.
pub async fn store(db: &Db, of: Option<&Merchant>, key: &str) -> Result<Store, Failure> {
    let mut all = store::all(db).await?;
    all.retain(|s| of.is_none_or(|m| m.id == s.merchant_id));
    let whose = of.map(|m| format!(" of merchant {}", m.key)).unwrap_or_default();
    let keys = names(all.iter().map(|s| s.key.as_str()), "add one with `doorkey store add`");
    all.into_iter()
        .find(|s| s.key == key)
        .ok_or_else(|| format!("there is no store {key}{whose}; there is {keys}").into())
}

/// The first few of what there is, for a person who mistyped one.
fn names<'a>(keys: impl Iterator<Item = &'a str>, if_none: &str) -> String {
    let mut keys: Vec<_> = keys.take(11).collect();
    if keys.is_empty() {
        return format!("none yet: {if_none}");
    }
    if keys.len() > 10 {
        keys[10] = "…";
    }
    keys.join(", ")
}

/// Writes an entry of activity for somebody at the command line, in the transaction of the act.
///
/// # Errors
/// What the database says.
pub async fn note(
    tx: &mut Tx,
    keys: &Keys,
    merchant_id: &str,
    action: Action,
    detail: serde_json::Value,
    now: Micros,
) -> db::Result<()> {
    let act = Act {
        merchant_id,
        actor: Actor::Operator,
        action,
        customer_id: None,
        store_id: None,
        source: "",
        alert: false,
        detail,
    };
    activity::write(tx, &keys.activity, &act, now).await?;
    Ok(())
}

/// Which unique columns an error is about: the words of the database, which name them. `None` for
/// any other error.
pub fn collision(error: &db::Error) -> Option<&str> {
    db::is_taken(error).then(|| error.as_database_error().map_or("", |e| e.message()))
}

/// Where a new password comes from. It is never an argument: those stand in the process list and in
/// the shell's history.
#[derive(Clone, Copy, Debug)]
pub enum PasswordSource {
    /// One line of standard input.
    Stdin,
    /// Made here, to be shown once.
    Generated,
}

/// A password that the policy accepts.
pub struct NewPassword {
    /// Its Argon2id hash.
    pub hash: String,
    /// The password itself, where a copy is sealed.
    pub plain: Password,
    /// The same if it was generated, to be shown.
    pub generated: Option<Password>,
}

/// Reads or makes a password, judges it as everywhere, and hashes it.
///
/// # Errors
/// When standard input does not hold one line, or the policy refuses it; the message gives the
/// reasons.
pub async fn new_password(
    source: PasswordSource,
    store_words: &[&str],
    own_words: &[&str],
) -> Result<NewPassword, Failure> {
    let typed = match source {
        PasswordSource::Stdin if std::io::stdin().is_terminal() => {
            return Err("a password typed here would show: pipe it into the command".into());
        }
        PasswordSource::Stdin => read_line(std::io::stdin().lock())?,
        PasswordSource::Generated => generate(),
    };
    let read = Password::read(&typed).map_err(|long| refused(&long.into()))?;
    let judgement = policy::judge(&read, store_words, own_words);
    if !judgement.is_accepted() {
        return Err(refused(&judgement));
    }
    let hasher = PasswordHasher::new(1, Params::DEFAULT);
    let hash = hasher.hash(read.clone()).await;
    let hash = hash.map_err(|_| "the password could not be hashed: try again")?;
    let generated = matches!(source, PasswordSource::Generated).then(|| read.clone());
    Ok(NewPassword { hash, plain: read, generated })
}

fn refused(judgement: &Judgement) -> Failure {
    let reasons: Vec<_> = judgement.reasons.iter().map(|reason| explain(*reason)).collect();
    format!("the password is refused: {}", reasons.join(" ")).into()
}

fn explain(reason: Reason) -> String {
    match reason {
        Reason::TooShort { min } => Language::En.format(reason.key(), &[("min", &min)]),
        Reason::TooLong { max } => Language::En.format(reason.key(), &[("max", &max)]),
        _ => Language::En.text(reason.key()).to_owned(),
    }
}

/// One line, without its end; spaces around it belong to it.
fn read_line(input: impl Read) -> Result<Zeroizing<String>, Failure> {
    // Room for one byte too many and the line's end, so that the buffer never moves.
    let most = password::MAX_BYTES + 3;
    let mut text = Zeroizing::new(String::with_capacity(most + 1));
    let read = input.take(most as u64).read_to_string(&mut text);
    read.map_err(|e| format!("standard input cannot be read as a password: {e}"))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    match text.is_empty() || text.contains(['\n', '\r', '\0']) {
        true => Err("standard input must hold the password alone, on one line".into()),
        false => Ok(text),
    }
}

/// 100 random bits in Crockford's base 32, in groups that can be read out.
fn generate() -> Zeroizing<String> {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut text = Zeroizing::new(String::with_capacity(23));
    for (i, byte) in Zeroizing::new(secret::random::<20>()).iter().enumerate() {
        if i > 0 && i % 5 == 0 {
            text.push('-');
        }
        text.push(char::from(LETTERS[usize::from(byte & 31)]));
    }
    text
}

/// Writes a result to standard output. Whoever stopped reading (`| head`) has seen enough.
///
/// # Errors
/// When it cannot be written.
pub fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {e}").into())
        }
        _ => Ok(()),
    }
}

/// Shows a generated password, this once: only its hash is kept.
///
/// # Errors
/// When it cannot be written.
pub fn say_password(new: &NewPassword) -> Result<(), Failure> {
    let Some(password) = &new.generated else { return Ok(()) };
    say(&format!("password, shown only now: {}", password.reveal()))
}

/// Writes a result as indented JSON.
///
/// # Errors
/// When it cannot be written.
pub fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    say(&serde_json::to_string_pretty(value).map_err(|e| e.to_string())?)
}

/// Rows under a heading, in columns.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| printable(cell))).collect();
    let mut widths = head.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in std::iter::once(&head.map(|h| h.to_uppercase())).chain(&rows) {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// What customers wrote must not steer the terminal or turn the line around.
fn printable(text: &str) -> String {
    let steers =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.replace(steers, "\u{fffd}")
}

/// Reads a key; for clap.
///
/// # Errors
/// How a key is written.
pub fn key(text: &str) -> Result<String, String> {
    store::rules::key(text)
}

/// Reads a name; for clap.
///
/// # Errors
/// How a name is written.
pub fn name(text: &str) -> Result<String, String> {
    store::rules::name(text)
}

/// Reads an address; for clap.
///
/// # Errors
/// How an address is written.
pub fn email(text: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(text).ok_or_else(|| "write one address, like ada@example.com".into())
}

/// Reads a language; for clap.
///
/// # Errors
/// Which there are.
pub fn language(text: &str) -> Result<Language, String> {
    store::rules::language(text)
}

/// Reads who sees a store; for clap.
///
/// # Errors
/// Which there are.
pub fn access(text: &str) -> Result<Access, String> {
    store::rules::access(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_on_standard_input_is_one_line() {
        let read = |text: &str| read_line(text.as_bytes()).map(|t| t.to_string()).ok();
        assert_eq!(read("one two \n").as_deref(), Some("one two "));
        assert_eq!(read("one two\r\n").as_deref(), Some("one two"));
        for wrong in ["", "\n", "\r\n", "one\ntwo\n", "one\n\n", "a\0b"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        // What is too long arrives as too long; it is not cut to what would fit.
        let long = "x".repeat(password::MAX_BYTES + 1);
        assert!(Password::read(&read(&format!("{long}\r\n")).unwrap()).is_err());
        assert!(read_line(&b"\xff\xfe\n"[..]).is_err());
    }

    #[test]
    fn a_generated_password_is_long_and_acceptable() {
        let text = generate();
        assert_eq!(text.len(), 23);
        assert_ne!(*text, *generate());
        assert!(policy::judge(&Password::read(&text).unwrap(), &[], &[]).is_accepted());
    }

    #[test]
    fn a_table_lines_up_and_cannot_be_steered() {
        let rows = [["a".to_owned(), "x\u{1b}[2J".to_owned()], ["long".to_owned(), "é".to_owned()]];
        insta::assert_snapshot!(table(["key", "name"], &rows), @r"
        KEY   NAME
        a     x�[2J
        long  é
        ");
    }
}
