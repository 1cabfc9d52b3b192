//! Test mails: a real mail over the real way, to see how it arrives. It holds no customer's data and
//! its link opens nothing. Who gets it back, from our own listener or out of a mailbox by hand,
//! learns what was done to it on the way: [`inspect`] compares it with what was sent, which is made
//! again for that, for no mail is stored.

pub mod hops;
pub mod inspect;
pub mod links;
pub mod results;

use serde::{Deserialize, Serialize};

use crate::address::EmailAddress;
use crate::args;
use crate::clock::{DAY, Micros};
use crate::config::MailConfig;
use crate::db::{Db, Result, Row, Tx};
use crate::mail::dns::Dns;
use crate::mail::doctor::Level;
use crate::mail::message;
use crate::mail::outbox::{self, Kind, Leased, NewMail};
use crate::secret::Key;
use crate::store::{Store, Stores};

/// Longest source that is read: ten times what a test mail is when it has passed twenty servers.
pub const LONGEST: usize = 256 * 1024;
/// How long a test mail is remembered.
const KEPT: Micros = 30 * DAY;

/// A line of the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// How bad it is.
    pub level: Level,
    /// About what, in a word or two.
    pub about: String,
    /// What was found.
    pub found: String,
    /// What to do; none where there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

impl Line {
    fn new(level: Level, about: &str, found: impl Into<String>) -> Self {
        Self { level, about: about.into(), found: found.into(), todo: None }
    }

    fn todo(mut self, todo: &str) -> Self {
        self.todo = Some(todo.to_owned());
        self
    }
}

/// A test mail as it stands.
#[derive(Clone, Debug)]
pub struct TestMail {
    /// UUIDv7.
    pub id: String,
    /// Whose.
    pub merchant_id: String,
    /// In which store's name.
    pub store_id: String,
    /// What its link carries and its subject names.
    pub mark: String,
    /// Where it goes, masked.
    pub to: String,
    /// Whether it is to come home by itself.
    pub comes_home: bool,
    /// When it was asked for.
    pub created_at: Micros,
    /// What its Date says; none until it was made.
    pub made_at: Option<Micros>,
    /// When it was read back.
    pub returned_at: Option<Micros>,
    /// What was found then.
    pub result: Vec<Line>,
}

impl TestMail {
    /// The link in it: the store's login page, with a word that means nothing to it.
    pub fn link(&self, store: &Store) -> String {
        link(store, &self.mark)
    }

    /// The worst line of the result.
    pub fn level(&self) -> Option<Level> {
        self.result.iter().map(|line| line.level).max_by_key(|level| level.rank())
    }
}

fn link(store: &Store, mark: &str) -> String {
    store.url(&format!("/login?test={mark}"))
}

/// Reads test mails: the columns of [`read`] and what follows.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, merchant_id, store_id, mark, address_masked, comes_home, created_at,
                made_at, returned_at, result
             FROM test_mail ",
            $rest
        )
    };
}

fn read(row: &Row) -> TestMail {
    let result: Option<String> = row.get("result");
    TestMail {
        id: row.get("id"),
        merchant_id: row.get("merchant_id"),
        store_id: row.get("store_id"),
        mark: row.get("mark"),
        to: row.get("address_masked"),
        comes_home: row.get::<Option<i64>>("comes_home").is_some(),
        created_at: row.get("created_at"),
        made_at: row.get("made_at"),
        returned_at: row.get("returned_at"),
        result: result.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
    }
}

/// A test mail to be sent.
#[derive(Debug)]
pub struct NewTest<'a> {
    /// UUIDv7, which its address may carry already.
    pub id: &'a str,
    /// In whose name.
    pub store: &'a Store,
    /// Who wants to know.
    pub staff_id: &'a str,
    /// Where to.
    pub to: &'a EmailAddress,
    /// Whether that is our own listener.
    pub comes_home: bool,
}

/// Queues a test mail, in the transaction that also notes who did it.
///
/// # Errors
/// What the database says.
pub async fn send(
    tx: &mut Tx,
    (config, addresses): (&MailConfig, &Key),
    new: &NewTest<'_>,
    now: Micros,
) -> Result<()> {
    let (store, address) = (new.store, new.to);
    tx.exec(
        "INSERT INTO test_mail (id, merchant_id, store_id, staff_id, mark, address_sealed,
            address_masked, comes_home, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            new.id,
            &store.merchant_id,
            &store.id,
            new.staff_id,
            crate::reference(),
            addresses.seal(new.id, address.as_str().as_bytes()),
            if new.comes_home { "Doorkey’s own listener".into() } else { address.masked() },
            new.comes_home.then_some(now),
            now
        ],
    )
    .await?;
    let mail = NewMail {
        kind: Kind::TestMail,
        subject_id: new.id,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: None,
    };
    outbox::enqueue(tx, config, &[mail], now).await.map(drop)
}

/// What the worker writes.
#[derive(Debug)]
pub struct Made {
    /// To whom.
    pub to: String,
    /// What the subject names.
    pub mark: String,
}

/// Makes a test mail; none where its row is gone.
///
/// # Errors
/// What the database says.
pub async fn make(
    tx: &mut Tx,
    addresses: &Key,
    mail: &Leased,
    now: Micros,
) -> Result<Option<Made>> {
    let sql = "UPDATE test_mail SET made_at = $1 WHERE id = $2 AND merchant_id = $3
               RETURNING mark, address_sealed";
    let rows = tx.rows(sql, args![now, &mail.subject_id, &mail.merchant_id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let sealed: Vec<u8> = row.get("address_sealed");
    let to = addresses.open(&mail.subject_id, &sealed);
    let to = to.and_then(|to| String::from_utf8(to.to_vec()).ok());
    outbox::minted(tx, mail, None, now).await?;
    Ok(to.map(|to| Made { to, mark: row.get("mark") }))
}

/// A merchant's latest test mails.
///
/// # Errors
/// What the database says.
pub async fn list(db: &Db, merchant_id: &str, most: i64) -> Result<Vec<TestMail>> {
    let sql = select!("WHERE merchant_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2");
    Ok(db.rows(sql, args![merchant_id, most]).await?.iter().map(read).collect())
}

/// One test mail of a merchant.
///
/// # Errors
/// What the database says.
pub async fn get(db: &Db, merchant_id: &str, id: &str) -> Result<Option<TestMail>> {
    let sql = select!("WHERE merchant_id = $1 AND id = $2");
    Ok(db.row(sql, args![merchant_id, id]).await?.as_ref().map(read))
}

/// A test mail that came to our own listener.
///
/// # Errors
/// What the database says.
pub async fn awaited(db: &Db, id: &str) -> Result<Option<TestMail>> {
    let sql = select!("WHERE id = $1 AND comes_home IS NOT NULL AND returned_at IS NULL");
    Ok(db.row(sql, args![id]).await?.as_ref().map(read))
}

/// Reads a returned test mail and remembers what was found. `arrived_at` is when our listener had it;
/// a source pasted by hand has no such moment. The first return counts for good at the listener; by
/// hand it may be read again.
///
/// # Errors
/// What the database says. The inner error says why this is not the mail.
pub async fn returned(
    db: &Db,
    dns: &Dns,
    stores: &Stores,
    test: &TestMail,
    raw: &[u8],
    arrived_at: Option<Micros>,
    now: Micros,
) -> Result<std::result::Result<Vec<Line>, &'static str>> {
    let Some(store) = stores.by_id(&test.store_id) else { return Ok(Err("its store is gone")) };
    let lines = match inspect::inspect(dns, &store, test, raw, arrived_at).await {
        Ok(lines) => lines,
        Err(why) => return Ok(Err(why)),
    };
    let text = serde_json::to_string(&lines).unwrap_or_default();
    let sql = "UPDATE test_mail SET returned_at = $1, result = $2
               WHERE id = $3 AND merchant_id = $4";
    db.exec(sql, args![now, text, &test.id, &test.merchant_id]).await?;
    Ok(Ok(lines))
}

/// What was sent, made again.
fn again(store: &Store, test: &TestMail) -> crate::mail::mime::Rendered {
    message::render_test(store, &test.mark)
}

/// Forgets old ones.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    db.exec("DELETE FROM test_mail WHERE created_at < $1", args![now - KEPT]).await?;
    Ok(())
}
