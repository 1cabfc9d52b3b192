//! Making copies: wherever a password is set, in the transaction that sets it.

use super::envelope::{self, Bond, Envelope};
use super::keeper;
use crate::args;
use crate::clock::Micros;
use crate::config::Config;
use crate::customer::Customer;
use crate::db::{Result, Row, Tx};
use crate::password::Password;
use crate::secret::{Key, Secret};

/// Seals passwords as they are set. Exists only where the configuration allows it.
///
/// Sealing computes for a tenth of a millisecond inside of the transaction, because a copy is bound
/// to the version of the credential that only the transaction knows.
#[derive(Clone, Debug)]
pub struct Sealer {
    /// Tells our own public key from one that somebody put into the database.
    pub(super) seals: Key,
}

impl Sealer {
    /// None while the configuration does not allow copies.
    pub fn new(config: &Config, secret: &Secret) -> Option<Self> {
        config.reminder.allow_current.then(|| Self::always(secret))
    }

    /// For who makes keys: the configuration may allow them only afterwards.
    pub fn always(secret: &Secret) -> Self {
        Self { seals: secret.derive("seal keys") }
    }

    /// Seals the password that the customer has from this transaction on. Does nothing while the
    /// merchant's mode is another or there is no key.
    ///
    /// # Errors
    /// What the database says.
    pub async fn seal(
        &self,
        tx: &mut Tx,
        customer_id: &str,
        password: &Password,
        now: Micros,
    ) -> Result<()> {
        self.seal_version(tx, customer_id, None, password, now).await
    }

    /// Seals the password that a customer just logged in with, if there is no copy of it yet.
    ///
    /// # Errors
    /// What the database says.
    pub async fn catch_up(
        &self,
        tx: &mut Tx,
        customer: &Customer,
        password: &Password,
        now: Micros,
    ) -> Result<()> {
        let version = customer.credential_version;
        let sql = "SELECT s.key_id FROM sealed_password s JOIN seal_key k ON k.id = s.key_id
                   WHERE s.customer_id = $1 AND s.credential_version = $2";
        if tx.row(sql, args![&customer.id, version]).await?.is_some() {
            return Ok(());
        }
        self.seal_version(tx, &customer.id, Some(version), password, now).await
    }

    /// `version` is the one that the password was proved for: changed meanwhile, it is the password
    /// of nobody.
    async fn seal_version(
        &self,
        tx: &mut Tx,
        customer_id: &str,
        version: Option<i64>,
        password: &Password,
        now: Micros,
    ) -> Result<()> {
        let sql = "SELECT c.merchant_id, c.email_key, p.version, k.id AS key_id, k.public, k.tag,
                      i.id AS installation_id
                   FROM customer c JOIN credential p ON p.customer_id = c.id
                   JOIN sealing s ON s.merchant_id = c.merchant_id
                   JOIN installation i ON i.one = 1 JOIN seal_key k ON k.one = 1
                   WHERE c.id = $1 AND p.version = COALESCE($2, p.version)
                     AND c.blocked_at IS NULL AND c.frozen_at IS NULL";
        let Some(row) = tx.row(sql, args![customer_id, version]).await? else { return Ok(()) };
        let bond = Bond {
            installation_id: row.get("installation_id"),
            key_id: row.get("key_id"),
            merchant_id: row.get("merchant_id"),
            customer_id: customer_id.to_owned(),
            email_key: row.get("email_key"),
            credential_version: row.get("version"),
        };
        let Some(Envelope { encapped, ciphertext }) = self.pack(&row, &bond, password) else {
            return Ok(());
        };
        // Never over the copy of a later password: that was set while this one was on its way.
        tx.exec(
            "INSERT INTO sealed_password (customer_id, merchant_id, credential_version, key_id,
                encapped, ciphertext, sealed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (customer_id) DO UPDATE SET credential_version = $3, key_id = $4,
                encapped = $5, ciphertext = $6, sealed_at = $7
             WHERE sealed_password.credential_version <= $3",
            args![
                customer_id,
                bond.merchant_id,
                bond.credential_version,
                bond.key_id,
                encapped,
                ciphertext,
                now
            ],
        )
        .await?;
        Ok(())
    }

    /// Seals with the public key in `row`, if that is ours.
    fn pack(&self, row: &Row, bond: &Bond, password: &Password) -> Option<Envelope> {
        let public: Vec<u8> = row.get("public");
        if row.get::<Vec<u8>>("tag") != keeper::tag(&self.seals, bond, &public) {
            tracing::error!("the sealing key in the database is not ours: nothing is sealed");
            return None;
        }
        envelope::seal(&public, bond, password)
    }
}

/// A password that is about to be set: its hash, and what a copy is made of where copies are made.
#[derive(Debug)]
pub struct NewPassword {
    hash: String,
    copy: Option<(Sealer, Password)>,
}

impl NewPassword {
    /// A password that was just hashed.
    pub fn new(hash: String, password: Password, sealer: Option<&Sealer>) -> Self {
        Self { hash, copy: sealer.map(|sealer| (sealer.clone(), password)) }
    }

    /// The Argon2id hash.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Seals the copy, once the credential in this transaction is the new one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn seal(&self, tx: &mut Tx, customer_id: &str, now: Micros) -> Result<()> {
        match &self.copy {
            Some((sealer, password)) => sealer.seal(tx, customer_id, password, now).await,
            None => Ok(()),
        }
    }

    /// Seals the copy of a registration, for the customer that it becomes when it is confirmed:
    /// under the same id, with this address and the first password.
    ///
    /// # Errors
    /// What the database says.
    pub async fn seal_ahead(
        &self,
        tx: &mut Tx,
        merchant_id: &str,
        registration_id: &str,
        email_key: &str,
    ) -> Result<()> {
        let Some((sealer, password)) = &self.copy else { return Ok(()) };
        let sql = "SELECT k.id AS key_id, k.public, k.tag, i.id AS installation_id
                   FROM sealing s JOIN installation i ON i.one = 1 JOIN seal_key k ON k.one = 1
                   WHERE s.merchant_id = $1";
        let Some(row) = tx.row(sql, args![merchant_id]).await? else { return Ok(()) };
        let bond = Bond {
            installation_id: row.get("installation_id"),
            key_id: row.get("key_id"),
            merchant_id: merchant_id.to_owned(),
            customer_id: registration_id.to_owned(),
            email_key: email_key.to_owned(),
            credential_version: 1,
        };
        let Some(Envelope { encapped, ciphertext }) = sealer.pack(&row, &bond, password) else {
            return Ok(());
        };
        tx.exec(
            "INSERT INTO sealed_registration (registration_id, merchant_id, key_id, encapped,
                ciphertext)
             VALUES ($1, $2, $3, $4, $5)",
            args![registration_id, merchant_id, bond.key_id, encapped, ciphertext],
        )
        .await?;
        Ok(())
    }
}

/// Makes a confirmed registration's copy the customer's, who has the same id.
///
/// # Errors
/// What the database says.
pub async fn adopt(tx: &mut Tx, registration_id: &str, now: Micros) -> Result<()> {
    tx.exec(
        "INSERT INTO sealed_password (customer_id, merchant_id, credential_version, key_id,
            encapped, ciphertext, sealed_at)
         SELECT registration_id, merchant_id, 1, key_id, encapped, ciphertext, $2
         FROM sealed_registration WHERE registration_id = $1",
        args![registration_id, now],
    )
    .await?;
    Ok(())
}

/// Destroys a registration's copy.
///
/// # Errors
/// What the database says.
pub async fn forget_ahead(tx: &mut Tx, registration_id: &str) -> Result<()> {
    let sql = "DELETE FROM sealed_registration WHERE registration_id = $1";
    tx.exec(sql, args![registration_id]).await?;
    Ok(())
}
