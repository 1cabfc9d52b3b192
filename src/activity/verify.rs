//! Checks a merchant's chain from its first entry to its end. Names the first entry that was
//! changed, removed or inserted.

use std::fmt;

use tokio::task::spawn_blocking;

use super::{Recorded, seal};
use crate::args;
use crate::db::{Db, Error, Result, Row};
use crate::secret::Key;

/// Entries read at once: enough that the database is not what takes time, a few megabytes at most.
const PAGE: i64 = 4000;

/// What became of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Every entry stands as it was written.
    Whole {
        /// How many.
        entries: i64,
        /// The tag of the last one, in hex; empty while there is none. Noted down elsewhere, it
        /// shows later that nobody put back an older copy of the whole database.
        tag: String,
    },
    /// What stands there is not what was written.
    Broken(Break),
}

/// Where a chain breaks first, by the numbers of the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// These are gone.
    Removed {
        /// The first of them.
        first: i64,
        /// The last of them.
        last: i64,
    },
    /// This one is not what was written at its place.
    Changed(i64),
    /// This one stands outside of the chain.
    Inserted(i64),
    /// The record of where the chain ends is not what was written with this, its last entry.
    End(i64),
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed { first, last } if first == last => {
                write!(f, "entry {first} was removed")
            }
            Self::Removed { first, last } => write!(f, "entries {first} to {last} were removed"),
            Self::Changed(seq) => write!(f, "entry {seq} was changed or inserted"),
            Self::Inserted(seq) => write!(f, "entry {seq} was inserted"),
            Self::End(seq) => write!(
                f,
                "the end of the chain was changed: entries after {seq} were removed, or alerts were \
                 marked as read"
            ),
        }
    }
}

/// Checks the chain of a merchant as it stood when this was called.
///
/// # Errors
/// What the database says.
pub async fn verify(db: &Db, key: &Key, merchant_id: &str) -> Result<Finding> {
    let Some(chain) = ends(db, merchant_id).await? else {
        return Ok(Finding::Whole { entries: 0, tag: String::new() });
    };
    let (mut seq, mut tag) = (0, Vec::new());
    let mut rows = page(db, merchant_id, seq, chain.seq).await?;
    while let Some(last) = rows.last() {
        let next = page(db, merchant_id, last.get("seq"), chain.seq);
        // A page of tags takes milliseconds of a core: not on the threads that answer requests, and
        // meanwhile the next page is read.
        let (key, merchant_id) = (key.clone(), merchant_id.to_owned());
        let walked = spawn_blocking(move || walk(&rows, &key, &merchant_id, seq, tag));
        let (walked, next) = tokio::join!(walked, next);
        match walked.map_err(|_| Error::WorkerCrashed)? {
            Ok(reached) => (seq, tag) = reached,
            Err(broken) => return Ok(Finding::Broken(broken)),
        }
        rows = next?;
    }
    if seq < chain.seq {
        return Ok(Finding::Broken(Break::Removed { first: seq + 1, last: chain.seq }));
    }
    Ok(match chain.wrong(key, merchant_id, &tag) {
        Some(broken) => Finding::Broken(broken),
        None => Finding::Whole { entries: seq, tag: hex(&tag) },
    })
}

/// Where a chain begins and ends.
struct Ends {
    /// The last entry's number, as the end of the chain says.
    seq: i64,
    hash: Vec<u8>,
    seal: Vec<u8>,
    read_seq: i64,
    /// The lowest and highest number that stand there; none in an emptied chain.
    lowest: Option<i64>,
    highest: Option<i64>,
}

impl Ends {
    /// What is wrong beyond the entries themselves, the last of which is tagged `tag`.
    fn wrong(&self, key: &Key, merchant_id: &str, tag: &[u8]) -> Option<Break> {
        if let Some(lowest) = self.lowest.filter(|lowest| *lowest < 1) {
            return Some(Break::Inserted(lowest));
        }
        let sealed = seal(key, merchant_id, self.seq, tag, self.read_seq);
        if self.hash != tag || self.seal != sealed {
            return Some(Break::End(self.seq));
        }
        self.highest.filter(|highest| *highest > self.seq).map(|_| Break::Inserted(self.seq + 1))
    }
}

/// One statement, so that entries written meanwhile do not look inserted. A chain whose end was
/// deleted is walked as far as it goes, and found without a seal.
async fn ends(db: &Db, merchant_id: &str) -> Result<Option<Ends>> {
    let row = db
        .row(
            "SELECT h.seq, h.hash, h.seal, h.read_seq,
                (SELECT MIN(seq) FROM activity WHERE merchant_id = m.id) AS lowest,
                (SELECT MAX(seq) FROM activity WHERE merchant_id = m.id) AS highest
             FROM merchant m LEFT JOIN activity_head h ON h.merchant_id = m.id WHERE m.id = $1",
            args![merchant_id],
        )
        .await?;
    Ok(row.and_then(|row| {
        let highest: Option<i64> = row.get("highest");
        let seq: Option<i64> = row.get("seq");
        Some(Ends {
            seq: seq.or(highest)?,
            hash: row.get::<Option<_>>("hash").unwrap_or_default(),
            seal: row.get::<Option<_>>("seal").unwrap_or_default(),
            read_seq: row.get::<Option<_>>("read_seq").unwrap_or_default(),
            lowest: row.get("lowest"),
            highest,
        })
    }))
}

async fn page(db: &Db, merchant_id: &str, after: i64, to: i64) -> Result<Vec<Row>> {
    db.rows(
        "SELECT seq, at, staff_id, actor, action, customer_id, store_id, source, alert, detail, hash
         FROM activity WHERE merchant_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4",
        args![merchant_id, after, to, PAGE],
    )
    .await
}

/// Checks a page of entries that follow number `seq`, tagged `tag`; gives where that leads.
fn walk(
    rows: &[Row],
    key: &Key,
    merchant_id: &str,
    mut seq: i64,
    mut tag: Vec<u8>,
) -> std::result::Result<(i64, Vec<u8>), Break> {
    for row in rows {
        let entry = read(row);
        if entry.seq != seq + 1 {
            return Err(Break::Removed { first: seq + 1, last: entry.seq - 1 });
        }
        // A flag has two values; another one that also means yes was not written by us.
        let is_flag = matches!(row.get::<i64>("alert"), 0 | 1);
        let wanted = entry.tag(key, merchant_id, &tag);
        if !is_flag || row.get::<Vec<u8>>("hash") != wanted {
            return Err(Break::Changed(entry.seq));
        }
        (seq, tag) = (entry.seq, wanted.to_vec());
    }
    Ok((seq, tag))
}

fn read(row: &Row) -> Recorded {
    Recorded {
        seq: row.get("seq"),
        at: row.get("at"),
        staff_id: row.get("staff_id"),
        actor: row.get("actor"),
        action: row.get("action"),
        customer_id: row.get("customer_id"),
        store_id: row.get("store_id"),
        source: row.get("source"),
        alert: row.get::<i64>("alert") != 0,
        detail: row.get("detail"),
    }
}

/// Bytes as people compare them.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
