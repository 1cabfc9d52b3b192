//! The demo's mailbox: every caught mail as a file, and an index of them in memory.
//!
//! A file is `<id>.eml`: the message as it came, behind one `Delivered-To` line that names the
//! envelope's recipient, as mail servers write it. With several recipients there is one file each,
//! as there would be one mailbox each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use mail_parser::{Address, MessageParser};
use serde::Serialize;

use crate::clock::{Clock, Micros};
use crate::demo::catcher::Caught;

pub use pages::routes;

mod pages;

const DELIVERED_TO: &str = "Delivered-To: ";

/// What the list shows of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Sixteen hexadecimal digits that sort by time of arrival.
    pub id: String,
    /// The envelope's recipient, without name and brackets.
    pub to: String,
    /// The From header's address, behind the name if it has one.
    pub from: String,
    /// The decoded subject.
    pub subject: String,
    /// The Date header, or the time of arrival, as RFC 3339.
    pub date: String,
}

/// Keeps caught mails under one directory. They stay until someone deletes the files.
#[derive(Debug)]
pub struct Mailbox {
    dir: PathBuf,
    clock: Clock,
    /// Oldest first.
    index: RwLock<Vec<Entry>>,
}

impl Mailbox {
    /// Opens `dir/mailbox`, making it if need be, and reads what is there.
    ///
    /// # Errors
    /// When the directory or a message in it cannot be read.
    pub fn open(dir: &Path, clock: Clock) -> io::Result<Self> {
        let dir = dir.join("mailbox");
        fs::create_dir_all(&dir)?;
        let mut index = Vec::new();
        for file in fs::read_dir(&dir)? {
            let name = file?.file_name().into_string().unwrap_or_default();
            if let Some(id) = name.strip_suffix(".eml").filter(|id| arrival(id).is_some()) {
                index.push(Entry::read(id, &fs::read(dir.join(&name))?));
            }
        }
        index.sort_unstable_by(|a: &Entry, b| a.id.cmp(&b.id));
        Ok(Self { dir, clock, index: RwLock::new(index) })
    }

    /// Files a mail, once for each recipient. On return it is listed.
    ///
    /// # Errors
    /// When the file cannot be written; the mail server then answers with 451.
    pub fn deliver(&self, mail: &Caught) -> io::Result<()> {
        // Held throughout, so that ids are unique and the index stays sorted.
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for to in &mail.to {
            // Two mails in the same microsecond, or a clock that stands still, still get an order.
            let last = index.last().and_then(|entry| arrival(&entry.id));
            let now = self.clock.now().max(last.map_or(0, |last| last + 1));
            let id = format!("{now:016x}");
            let file = [DELIVERED_TO.as_bytes(), to.as_bytes(), b"\r\n", &mail.raw].concat();
            // Written aside first: a half-written mail never carries the name of a whole one.
            let aside = self.dir.join(format!("{id}.part"));
            fs::write(&aside, &file)?;
            fs::rename(&aside, self.dir.join(format!("{id}.eml")))?;
            index.push(Entry::read(&id, &file));
        }
        Ok(())
    }

    /// What is there, newest first, as far as `wanted` says so.
    pub fn list(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.iter().rev().filter(|entry| wanted(entry)).cloned().collect()
    }

    /// One message with its raw bytes as they were sent; `None` when there is none of that id.
    ///
    /// # Errors
    /// When its file can no longer be read.
    pub fn message(&self, id: &str) -> io::Result<Option<(Entry, Vec<u8>)>> {
        let Some(entry) = self.list(|entry| entry.id == id).pop() else { return Ok(None) };
        let file = fs::read(self.dir.join(format!("{}.eml", entry.id)))?;
        let raw = split(&file).1.to_vec();
        Ok(Some((entry, raw)))
    }
}

impl Entry {
    fn read(id: &str, file: &[u8]) -> Self {
        let (to, raw) = split(file);
        let parsed = MessageParser::new().parse_headers(raw).unwrap_or_default();
        let header_to = parsed.to().map(first_address).unwrap_or_default();
        let arrived = Timestamp::from_microsecond(arrival(id).unwrap_or_default());
        let date = parsed.date().filter(|date| date.is_valid()).map(|date| date.to_rfc3339());
        Self {
            id: id.to_owned(),
            to: to.map_or(header_to, str::to_owned),
            from: parsed.from().map(first_mailbox).unwrap_or_default(),
            subject: parsed.subject().unwrap_or_default().to_owned(),
            date: date.unwrap_or_else(|| arrived.unwrap_or_default().to_string()),
        }
    }
}

/// The time that an id stands for; `None` for what is no id. Nothing else reaches a file name.
fn arrival(id: &str) -> Option<Micros> {
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f');
    let well_formed = id.len() == 16 && id.bytes().all(plain);
    well_formed.then(|| Micros::from_str_radix(id, 16).ok()).flatten()
}

/// Takes the recipient's line off a stored file. A file put there by hand may have none.
fn split(file: &[u8]) -> (Option<&str>, &[u8]) {
    let taken = file.strip_prefix(DELIVERED_TO.as_bytes()).and_then(|rest| {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        Some((std::str::from_utf8(&rest[..end]).ok()?, &rest[end + 2..]))
    });
    taken.map_or((None, file), |(to, raw)| (Some(to), raw))
}

fn first_address(addresses: &Address<'_>) -> String {
    addresses.first().and_then(|first| first.address()).unwrap_or_default().to_owned()
}

fn first_mailbox(addresses: &Address<'_>) -> String {
    let address = first_address(addresses);
    match addresses.first().and_then(|first| first.name()) {
        Some(name) => format!("{name} <{address}>"),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &[&str], subject: &str) -> Caught {
        Caught {
            from: "shop@example.test".to_owned(),
            to: to.iter().map(|to| (*to).to_owned()).collect(),
            raw: format!(
                "From: Shop <shop@example.test>\r\nTo: head@example.test\r\n\
                 Subject: {subject}\r\nDate: Mon, 23 Nov 2026 14:35:00 +0100\r\n\r\nHi\r\n"
            )
            .into_bytes(),
        }
    }

    /// A directory of its own, removed at the end.
    struct Dir(PathBuf);

    impl Dir {
        fn new() -> Self {
            let name = u64::from_ne_bytes(crate::secret::random());
            Self(std::env::temp_dir().join(format!("doorkey-mailbox-{name:016x}")))
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn mails_are_newest_first_even_when_the_clock_stands_still_and_after_a_restart() {
        let dir = Dir::new();
        let clock = Clock::fixed(1_795_444_500_000_000);
        let mailbox = Mailbox::open(&dir.0, clock.clone()).unwrap();
        mailbox.deliver(&mail(&["a@example.test"], "one")).unwrap();
        mailbox.deliver(&mail(&["b@example.test", "c@example.test"], "two")).unwrap();
        fs::write(dir.0.join("mailbox/notes.eml"), "not ours").unwrap();
        let again = Mailbox::open(&dir.0, clock).unwrap();
        again.deliver(&mail(&["d@example.test"], "=?utf-8?q?f=C3=BCnf?=")).unwrap();
        let list = again.list(|_| true);
        let to: Vec<&str> = list.iter().map(|entry| entry.to.as_str()).collect();
        assert_eq!(to, ["d@example.test", "c@example.test", "b@example.test", "a@example.test"]);
        assert_eq!(list[0].subject, "fünf");
        assert_eq!(list[0].from, "Shop <shop@example.test>");
        assert_eq!(list[0].date, "2026-11-23T14:35:00+01:00");
        assert!(list.is_sorted_by(|a, b| a.id > b.id));
        assert_eq!(list[1..], mailbox.list(|_| true));
    }

    #[test]
    fn a_message_comes_back_byte_for_byte_and_ids_are_no_paths() {
        let dir = Dir::new();
        let mailbox = Mailbox::open(&dir.0, Clock::fixed(1)).unwrap();
        let sent = mail(&["a@example.test"], "one");
        mailbox.deliver(&sent).unwrap();
        let id = mailbox.list(|_| true)[0].id.clone();
        assert_eq!(mailbox.message(&id).unwrap().unwrap().1, sent.raw);
        for wrong in ["", "../x", "0000000000000002", "000000000000000A", "é00000000000000"] {
            assert!(mailbox.message(wrong).unwrap().is_none());
        }
    }
}
