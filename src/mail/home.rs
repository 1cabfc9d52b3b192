//! Mail that comes home: test mails and those of probes, handed over by whatever takes in mail. The
//! address named the row; anything else about the message is a stranger's word.

use std::fmt;
use std::sync::Arc;

use crate::clock::Micros;
use crate::config::Config;
use crate::db::{Db, Result};
use crate::mail::dns::Dns;
use crate::mail::{probe, test_mail};
use crate::password::PasswordHasher;
use crate::secret::Key;
use crate::store::Stores;

/// What takes it in works with.
#[derive(Clone)]
pub struct Home {
    /// Settings.
    pub config: Arc<Config>,
    /// The database.
    pub db: Db,
    /// Verifies signatures.
    pub dns: Dns,
    /// In whose name it was sent.
    pub stores: Arc<Stores>,
    /// Hashes the password that a probe chooses.
    pub hasher: Arc<PasswordHasher>,
    /// Seals typed addresses.
    pub addresses: Key,
    /// Opens carts of return tickets.
    pub carts: Key,
    /// Ties the activity's chains.
    pub activity: Key,
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Home")
    }
}

impl Home {
    /// Takes a message for the row `id`: a test mail's, or the store of a probe. True when something
    /// waited for it; a second copy, and one that is longer than any, come to nothing.
    ///
    /// # Errors
    /// What the database says: then nothing happened, and the message should be handed over again.
    pub async fn take(&self, id: &str, raw: &[u8], now: Micros) -> Result<bool> {
        if raw.len() > test_mail::LONGEST {
            return Ok(false);
        }
        if let Some(test) = test_mail::awaited(&self.db, id).await? {
            let (db, dns, stores) = (&self.db, &self.dns, &self.stores);
            let read = test_mail::returned(db, dns, stores, &test, raw, Some(now), now).await?;
            return Ok(read.is_ok());
        }
        let tools = probe::Tools {
            config: &self.config,
            db: &self.db,
            stores: &self.stores,
            addresses: &self.addresses,
            activity: &self.activity,
        };
        probe::came_home(&tools, (&self.hasher, &self.carts), id, raw, now).await
    }
}
