//! Making, replacing and destroying the key. The public half is in the database, the private one in
//! the file that only the mail process reads; the two change together, and copies go with their key.

use std::path::Path;

use super::envelope::{Bond, new_pair};
use super::file::{self, KeyFile};
use super::{SealKeys, Sealer};
use crate::args;
use crate::clock::Micros;
use crate::db::{self, Db, Tx};
use crate::secret::Key;

/// The key that copies are sealed with.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// Since when.
    pub created_at: Micros,
    /// How many copies hang on it.
    pub copies: i64,
    /// Whether the file holds its private half; the error says why it cannot be read.
    pub in_file: Result<bool, String>,
}

/// What came of making a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// There is a key, with this id.
    Yes(String),
    /// There was one before.
    There,
    /// The file could not be written.
    NoFile(String),
}

/// What ties a public key to this installation.
pub(super) fn tag(seals: &Key, bond: &Bond, public: &[u8]) -> Vec<u8> {
    tag_of(seals, &bond.installation_id, &bond.key_id, public)
}

fn tag_of(seals: &Key, installation: &str, id: &str, public: &[u8]) -> Vec<u8> {
    let text = format!("{installation}\n{id}\n");
    seals.mac(&[text.as_bytes(), public].concat()).to_vec()
}

/// The key there is, compared with the file at `path`.
///
/// # Errors
/// What the database says.
pub async fn key(db: &Db, path: Option<&Path>) -> db::Result<Option<Kept>> {
    let sql = "SELECT k.id, k.created_at, i.id AS installation_id,
                  (SELECT COUNT(*) FROM sealed_password s WHERE s.key_id = k.id) AS copies
               FROM seal_key k JOIN installation i ON i.one = 1";
    let Some(row) = db.row(sql, vec![]).await? else { return Ok(None) };
    let (id, installation): (String, String) = (row.get("id"), row.get("installation_id"));
    let in_file = match path.map(KeyFile::read) {
        None => Err("reminder.seal_key_path is not set".to_owned()),
        Some(Err(error)) => Err(error.to_string()),
        Some(Ok(file)) => Ok(file.key_id == id && file.installation_id == installation),
    };
    let (created_at, copies) = (row.get("created_at"), row.get("copies"));
    Ok(Some(Kept { id, created_at, copies, in_file }))
}

/// Makes the first key, and commits.
///
/// # Errors
/// What the database says.
pub async fn create(mut tx: Tx, sealer: &Sealer, path: &Path, now: Micros) -> db::Result<Made> {
    if tx.row("SELECT id FROM seal_key", vec![]).await?.is_some() {
        return Ok(Made::There);
    }
    make(tx, sealer, path, now).await
}

/// Puts a new key in the place of the old one, if there is one, and commits. The copies go with the old key; the
/// customers' next log-ins make new ones.
///
/// # Errors
/// What the database says.
pub async fn rotate(mut tx: Tx, sealer: &Sealer, path: &Path, now: Micros) -> db::Result<Made> {
    tx.exec("DELETE FROM seal_key", vec![]).await?;
    make(tx, sealer, path, now).await
}

/// The file is written beside its place, moved there after the commit: a mail process tidies up by
/// deleting a key that the database does not know ([`tidy`]), which must not be the new one.
async fn make(mut tx: Tx, sealer: &Sealer, path: &Path, now: Micros) -> db::Result<Made> {
    let sql = "INSERT INTO installation (one, id) VALUES (1, $1) ON CONFLICT (one) DO NOTHING";
    tx.exec(sql, args![crate::new_id()]).await?;
    let row = tx.row("SELECT id FROM installation", vec![]).await?;
    let installation_id: String = row.ok_or(db::Error::RowNotFound)?.get("id");
    let (private, public) = new_pair();
    let key_id = crate::new_id();
    let tag = tag_of(&sealer.seals, &installation_id, &key_id, &public);
    let key = KeyFile { installation_id, key_id: key_id.clone(), private };
    if let Err(error) = key.write_beside(path) {
        file::discard(path);
        return Ok(Made::NoFile(error.to_string()));
    }
    let sql = "INSERT INTO seal_key (id, one, public, tag, created_at) VALUES ($1, 1, $2, $3, $4)";
    let put = tx.exec(sql, args![&key_id, public.to_vec(), tag, now]).await;
    let done = match put {
        Ok(_) => tx.commit().await,
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        file::discard(path);
        return Err(error);
    }
    Ok(match file::put(path) {
        Ok(()) => Made::Yes(key_id),
        Err(error) => Made::NoFile(error.to_string()),
    })
}

/// How many copies each merchant has: those of whom a key's end takes them.
///
/// # Errors
/// What the database says.
pub async fn copies(tx: &mut Tx) -> db::Result<Vec<(String, i64)>> {
    let sql = "SELECT merchant_id, COUNT(*) AS n FROM sealed_password GROUP BY merchant_id";
    let rows = tx.rows(sql, vec![]).await?;
    Ok(rows.iter().map(|row| (row.get("merchant_id"), row.get("n"))).collect())
}

/// Destroys the key, both halves, and with it every copy. An error of the file comes as text, for
/// the rest is done by then.
///
/// # Errors
/// What the database says.
pub async fn remove(mut tx: Tx, path: Option<&Path>) -> db::Result<Result<(), String>> {
    tx.exec("DELETE FROM seal_key", vec![]).await?;
    tx.commit().await?;
    Ok(path.map_or(Ok(()), file::remove).map_err(|error| error.to_string()))
}

/// Deletes the private key once the database knows it no more: it was replaced, or the last merchant
/// turned the mode off. A key of another installation is left alone, for then it is the database
/// that was mistaken. For the mail process.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, keys: &SealKeys) -> db::Result<()> {
    let Some(path) = keys.path().filter(|path| path.exists()) else { return Ok(()) };
    let Ok(file) = KeyFile::read(path) else { return Ok(()) };
    let sql = "SELECT i.id, (SELECT COUNT(*) FROM seal_key k WHERE k.id = $1) AS known
               FROM installation i";
    let row = db.row(sql, args![&file.key_id]).await?;
    let gone = row.is_some_and(|row| {
        row.get::<String>("id") == file.installation_id && row.get::<i64>("known") == 0
    });
    if gone {
        match file::remove(path) {
            Ok(()) => tracing::info!("deleted the private key, which opens nothing any more"),
            Err(error) => tracing::warn!(%error, "cannot delete the private key"),
        }
    }
    Ok(())
}
