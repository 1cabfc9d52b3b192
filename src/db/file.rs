//! The file that a SQLite database is.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::{Error, Result};

/// The file of a SQLite database; none for PostgreSQL.
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let path = || url.trim_start_matches("sqlite:").trim_start_matches("//");
    (!crate::config::is_postgres(url)).then(|| PathBuf::from(path()))
}

/// Reads a SQLite file that nobody writes to from end to end, without changing it or its folder.
///
/// # Errors
/// When it is damaged ([`Error::Protocol`] says where) or cannot be read.
pub async fn check_file(file: &Path) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
    let mut connection = options.connect().await?;
    let found: String =
        sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut connection).await?;
    connection.close().await?;
    if found == "ok" { Ok(()) } else { Err(Error::Protocol(found)) }
}

/// Creates the file for its owner alone before SQLite does so for everybody.
pub(super) fn create_private(file: &Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file)?;
    Ok(())
}
