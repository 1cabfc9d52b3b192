//! Sealed copies of passwords: made where a password is set, opened by the mail process alone, gone
//! when anything about them has changed.

mod chosen;
mod commands;
mod ending;
mod making;
mod nowhere;
mod refusing;
mod story;

use std::path::PathBuf;

use doorkey::args;
use doorkey::customer::{self, Customer};
use doorkey::merchant::{self, Mode, ModeSet};
use doorkey::password::seal::{self, Made, Refused, SealKeys, Taken};
use doorkey::password::{Password, Verdict};

use crate::support::TestApp;
use crate::support::app::{Database, Options};

const ADA: &str = "ada@example.test";
const BEN: &str = "ben@example.test";
const NEW: &str = "teapot kettle lantern 7";
const OTHER: &str = "window gravel sunday 9";
const COPIES: &str = "SELECT COUNT(*) AS n FROM sealed_password";

/// An installation that may keep copies, with its private key in a file of its own.
struct Vault {
    test: TestApp,
    file: PathBuf,
}

impl Drop for Vault {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Both switches on for both sample merchants; nobody has logged in yet.
async fn vault(database: Database) -> Vault {
    let vault = locked(database).await;
    assert!(matches!(create(&vault).await, Made::Yes(_)));
    for store in ["harbor", "northwind"] {
        let set = turn(&vault, store, Mode::Current, Some("Alex Admin")).await;
        assert_eq!(set, ModeSet::Yes { destroyed: 0 });
    }
    vault
}

/// Allowed by the configuration; no key, no consent.
async fn locked(database: Database) -> Vault {
    let file = std::env::temp_dir().join(format!("doorkey-seal-{}.key", doorkey::new_id()));
    let options = Options::new(database)
        .set("reminder.allow_current", true)
        .set("reminder.seal_key_path", file.display());
    Vault { test: TestApp::with(options).await, file }
}

async fn create(vault: &Vault) -> Made {
    let (app, now) = (&vault.test.app, vault.test.clock.now());
    let sealer = app.sealer.as_ref().unwrap();
    seal::create(app.db.begin().await.unwrap(), sealer, &vault.file, now).await.unwrap()
}

async fn rotate(vault: &Vault) {
    let (app, now) = (&vault.test.app, vault.test.clock.now());
    let sealer = app.sealer.as_ref().unwrap();
    let tx = app.db.begin().await.unwrap();
    assert!(matches!(seal::rotate(tx, sealer, &vault.file, now).await.unwrap(), Made::Yes(_)));
}

/// Chooses what a merchant's envelope sends.
async fn turn(vault: &Vault, store: &str, mode: Mode, consent: Option<&str>) -> ModeSet {
    let (app, now) = (&vault.test.app, vault.test.clock.now());
    let merchant = vault.test.store(store).merchant_id.clone();
    let mut tx = app.db.begin().await.unwrap();
    let set = merchant::set_reminder_mode(&mut tx, &merchant, mode, consent, now).await.unwrap();
    tx.commit().await.unwrap();
    set
}

impl Vault {
    fn keys(&self) -> SealKeys {
        SealKeys::new(&self.test.app.config)
    }

    async fn login(&self, email: &str, password: &str) {
        assert_eq!(self.test.browser().login("harbor", email, password).await.status, 303);
    }

    async fn customer(&self, email: &str) -> Customer {
        let merchant = &self.test.store("harbor").merchant_id;
        let mut tx = self.test.app.db.begin().await.unwrap();
        customer::by_address(&mut tx, merchant, email).await.unwrap().unwrap()
    }

    /// What the mail worker gets out of a customer's copy; `None` where there is none.
    async fn open(&self, email: &str) -> Option<Result<String, Refused>> {
        self.open_with(email, &self.keys()).await
    }

    async fn open_with(&self, email: &str, keys: &SealKeys) -> Option<Result<String, Refused>> {
        let customer = self.customer(email).await;
        let mut tx = self.test.app.db.begin().await.unwrap();
        match seal::take(&mut tx, keys, &customer).await.unwrap() {
            Taken::Copy(sealed) => {
                Some(sealed.open(keys).map(|password| password.reveal().to_owned()))
            }
            Taken::NoCopy => None,
        }
    }

    /// Whether this is the customer's password.
    async fn is_right(&self, email: &str, password: &str) -> bool {
        let hash = self.test.hash_of(email).await;
        let password = Password::read(password).unwrap();
        self.test.app.hasher.verify(password, hash).await.unwrap() == Verdict::Right
    }

    /// A copy as it lies in the database.
    async fn row(&self, email: &str) -> (Vec<u8>, Vec<u8>, i64) {
        let sql = "SELECT s.encapped, s.ciphertext, s.credential_version FROM sealed_password s
                   WHERE s.customer_id = $1";
        let id = self.customer(email).await.id;
        let row = self.test.app.db.row(sql, args![id]).await.unwrap().expect("a copy");
        (row.get("encapped"), row.get("ciphertext"), row.get("credential_version"))
    }

    /// Puts bytes where a customer's copy lies.
    async fn put(&self, email: &str, (encapped, ciphertext, version): (Vec<u8>, Vec<u8>, i64)) {
        let sql = "UPDATE sealed_password SET encapped = $1, ciphertext = $2,
                      credential_version = $3 WHERE customer_id = $4";
        let id = self.customer(email).await.id;
        let args = args![encapped, ciphertext, version, id];
        assert_eq!(self.test.app.db.exec(sql, args).await.unwrap(), 1);
    }
}
