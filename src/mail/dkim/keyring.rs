//! The keys that sign, opened and in memory. Only processes that send mail fill one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::Algorithm;
use super::material::context;
use super::signing::{Signers, Threads};
use crate::args;
use crate::db::{Db, Result, Row};
use crate::secret::Key;

/// By merchant and domain.
type Held = HashMap<(String, String), Arc<Signers>>;

/// The keys of all merchants that sign.
pub struct Keyring {
    seal: Key,
    held: RwLock<(i64, Arc<Held>)>,
    threads: Threads,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl Keyring {
    /// An empty one. `seal` opens what [`super::life::add`] sealed.
    pub fn new(seal: Key) -> Self {
        Self { seal, held: RwLock::default(), threads: Threads::default() }
    }

    /// Reads the keys if they changed since last time.
    ///
    /// # Errors
    /// What the database says; the old ones stay.
    pub async fn refresh(&self, db: &Db) -> Result<()> {
        let row = db.row("SELECT value FROM revision WHERE name = 'dkim'", vec![]).await?;
        let revision = row.map_or(0, |row| row.get("value"));
        if revision == self.read().0 {
            return Ok(());
        }
        let sql = "SELECT merchant_id, domain, selector, algorithm, private_sealed FROM dkim_key
                   WHERE active_at IS NOT NULL AND retired_at IS NULL";
        let mut all: HashMap<_, Signers> = HashMap::new();
        for row in db.rows(sql, args![]).await? {
            let owner = (row.get::<String>("merchant_id"), row.get::<String>("domain"));
            let signers = all.entry(owner).or_insert_with(Signers::default);
            if self.open(signers, &row).is_none() {
                let selector: String = row.get("selector");
                tracing::error!(
                    selector,
                    "a signing key cannot be opened: mails leave without its signature; was the \
                     installation's secret replaced? Make new keys"
                );
            }
        }
        let held = all.into_iter().map(|(owner, signers)| (owner, Arc::new(signers))).collect();
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = (revision, Arc::new(held));
        Ok(())
    }

    /// Whether it was filled: before, mails would leave unsigned.
    pub fn is_ready(&self) -> bool {
        self.read().0 != 0
    }

    fn open(&self, signers: &mut Signers, row: &Row) -> Option<()> {
        let (domain, selector) = (row.get::<String>("domain"), row.get::<String>("selector"));
        let context = context(&row.get::<String>("merchant_id"), &domain, &selector);
        let sealed: Option<Vec<u8>> = row.get("private_sealed");
        let private = self.seal.open(&context, &sealed?)?;
        let algorithm = Algorithm::parse(&row.get::<String>("algorithm"))?;
        signers.add(algorithm, &private, domain, selector)
    }

    fn read(&self) -> (i64, Arc<Held>) {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs a complete message of a merchant from an address of `domain` (folded): one signature in
    /// front for each key. Without keys the message comes back as it was.
    ///
    /// # Errors
    /// One line, when the message cannot be signed: it has no header, or there is no thread for it.
    pub async fn sign(
        &self,
        merchant_id: &str,
        domain: &str,
        message: Vec<u8>,
    ) -> std::result::Result<Vec<u8>, String> {
        let owner = (merchant_id.to_owned(), domain.to_owned());
        let Some(signers) = self.read().1.get(&owner).cloned() else { return Ok(message) };
        self.threads.sign(signers, message).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn no_key_is_printed() {
        let keyring = Keyring::new(Secret::new([7; 32]).derive("dkim"));
        assert_eq!(format!("{keyring:?}"), "Keyring(…)");
        assert!(!keyring.is_ready());
    }
}
