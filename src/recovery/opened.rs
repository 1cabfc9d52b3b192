//! Somebody opened a recovery link: a line in the timeline, so that staff know it arrived. At most
//! one for each link and kind of opener, and nothing of the link changes.

use crate::args;
use crate::clock::{Micros, SECOND};
use crate::db::{Db, Result};
use crate::secret::{Token, sha256};
use crate::store::Store;
use crate::timeline::{self, Entry};
use crate::token::{self, Purpose};

/// Nobody finds, opens and clicks a mail this soon after it was made; what checks mail does.
const TOO_SOON: Micros = 2 * SECOND;

/// Notes that a link was opened, by something that `looks_like_a_program` or like a person. Called
/// after the answer is decided: it must never change or delay one.
///
/// # Errors
/// What the database says.
pub async fn opened(
    db: &Db,
    store: &Store,
    link: &Token,
    looks_like_a_program: bool,
    now: Micros,
) -> Result<()> {
    let digest = link.digest();
    let sql = "SELECT customer_id, created_at FROM token
               WHERE digest = $1 AND purpose = $2 AND store_id = $3 AND merchant_id = $4
                 AND customer_id IS NOT NULL";
    let args = args![digest, Purpose::Recovery.as_str(), &store.id, &store.merchant_id];
    let Some(row) = db.row(sql, args).await? else { return Ok(()) };
    let (customer_id, created_at): (String, Micros) =
        (row.get("customer_id"), row.get("created_at"));
    let scanner = looks_like_a_program || now - created_at < TOO_SOON;
    let dead = token::peek(db, Purpose::Recovery, &store.id, digest, now).await?.is_none();
    let entry = Entry::LinkOpened { scanner, dead };
    // The entry's id follows from what it tells of: a second one finds the first in its place.
    let name = [&digest.0[..], &[u8::from(scanner), u8::from(dead)]].concat();
    let id: String = sha256(&name)[..16].iter().map(|b| format!("{b:02x}")).collect();
    let whose = (&*store.merchant_id, &*customer_id);
    timeline::write_once(db, &id, whose, Some(&store.id), now, &entry).await
}
