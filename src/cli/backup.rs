//! `doorkey backup`: a consistent copy of a SQLite database while it runs.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Failure, admin};
use crate::config::{self, Config};
use crate::db;
use crate::secret::Token;

/// `doorkey backup`
#[derive(clap::Args, Clone, Debug)]
pub struct Backup {
    /// The file to write; it must not exist yet.
    file: PathBuf,
}

/// Removes the unfinished copy, whatever ends this. Once renamed, there is nothing to remove.
struct Partial(String);

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs `doorkey backup`. The copy is whole or absent: it is written under another name, checked,
/// brought to disk, and only then given its own. Any schema may be copied, for the moment before
/// `doorkey migrate` is when a copy is wanted most.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(command: Backup, config: &Config) -> Result<(), Failure> {
    if config::is_postgres(config.database_url.reveal()) {
        return Err("backup copies SQLite databases: use pg_dump for PostgreSQL".into());
    }
    let shown = command.file.display();
    let Some((folder, partial)) = places(&command.file) else {
        return Err(format!("{shown} cannot be the name of a file: choose another").into());
    };
    // Follows no link: one that leads nowhere exists as well.
    if command.file.symlink_metadata().is_ok() {
        return Err(format!("{shown} exists already: choose another name or move it away").into());
    }
    let db = admin::connect(config).await?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .map_err(|e| format!("cannot write in {}: {e}", folder.display()))?;
    let partial = Partial(partial);
    let copied = db.backup(&partial.0).await;
    copied.map_err(|e| format!("the copy failed ({e}): nothing was kept"))?;
    db.close().await;
    let checked = db::check_file(Path::new(&partial.0)).await;
    checked.map_err(|e| format!("the copy is damaged ({e}) and was removed: check the disk"))?;
    let size = keep(&partial.0, &folder, &command.file)
        .map_err(|e| format!("the copy could not be kept as {shown}: {e}"))?;
    let mut done = format!("{shown}: {size} bytes, checked");
    if let Some(file) = super::secret_file(config).filter(|_| config.secret.is_none()) {
        done.push_str(&format!("; the secret in {} is not in it: copy it too", file.display()));
    }
    admin::say(&done)
}

/// The folder of the copy, and its name while it is unfinished. SQLite takes names in UTF-8.
fn places(file: &Path) -> Option<(PathBuf, String)> {
    let file = std::path::absolute(file).ok()?;
    let folder = file.parent()?.to_owned();
    let name = file.file_name()?.to_str()?;
    let partial = folder.join(format!(".{name}.{}.partial", &Token::new().reveal()[..8]));
    Some((folder, partial.to_str()?.to_owned()))
}

/// Brings the copy to disk, then gives it its name, then brings the name to disk.
fn keep(partial: &str, folder: &Path, file: &Path) -> std::io::Result<u64> {
    let copy = File::open(partial)?;
    copy.sync_all()?;
    std::fs::rename(partial, file)?;
    File::open(folder)?.sync_all()?;
    Ok(copy.metadata()?.len())
}
