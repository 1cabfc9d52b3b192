//! Keys for the demo's sender domains, in use at once: nobody publishes anything for it.

use crate::clock::Micros;
use crate::db::{Db, Result};
use crate::mail::dkim::life::{self, Pair, Wanted};
use crate::secret::Key;

/// Makes and activates the keys that are missing: all of them at the first start.
///
/// # Errors
/// What the database says.
pub async fn ready(db: &Db, seal: &Key, now: Micros) -> Result<()> {
    let mut missing = Vec::new();
    for row in db.rows("SELECT id FROM merchant", vec![]).await? {
        let merchant: String = row.get("id");
        for domain in life::sender_domains(db, &merchant).await? {
            let mut tx = db.begin().await?;
            if life::may_add(&mut tx, &merchant, &domain, Wanted::First).await?.is_none() {
                // They are made side by side: each takes a good part of a second.
                missing.push((merchant.clone(), domain, tokio::spawn(Pair::generate())));
            }
        }
    }
    for (merchant, domain, pair) in missing {
        let pair = pair.await.expect("making keys does not panic");
        let mut tx = db.begin().await?;
        life::add(&mut tx, seal, (&merchant, &domain, Wanted::First), &pair, now).await?;
        let _ = life::activate(&mut tx, &merchant, &domain, now).await?;
        tx.commit().await?;
    }
    Ok(())
}
