//! The file with the private key. It lies where the mail process runs, readable by that process's
//! user alone, and is read anew for every copy that is opened: no key stays in memory.

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

const HEAD: &str = "# Doorkey's sealing key: opens sealed passwords. For the mail process alone.\n";

/// What the file says.
pub(super) struct KeyFile {
    pub installation_id: String,
    pub key_id: String,
    pub private: Zeroizing<[u8; 32]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    installation: String,
    key: String,
    private: String,
}

impl KeyFile {
    /// Reads it.
    pub fn read(path: &Path) -> Result<Self> {
        let damaged = || Error::new(ErrorKind::InvalidData, "it is damaged");
        let text = Zeroizing::new(std::fs::read_to_string(path)?);
        let text: Text = toml::from_str(&text).map_err(|_| damaged())?;
        let encoded = Zeroizing::new(text.private);
        let bytes = Zeroizing::new(STANDARD.decode(&*encoded).map_err(|_| damaged())?);
        let private = Zeroizing::new(bytes.as_slice().try_into().map_err(|_| damaged())?);
        Ok(Self { installation_id: text.installation, key_id: text.key, private })
    }

    /// Writes it beside its place, on disk when this returns; [`put`] moves it there.
    pub fn write_beside(&self, path: &Path) -> Result<()> {
        let beside = beside(path);
        let private = Zeroizing::new(STANDARD.encode(*self.private));
        let (installation, key) = (&self.installation_id, &self.key_id);
        // Ids and base64 have no sign that TOML would want escaped.
        let text = Zeroizing::new(format!(
            "{HEAD}installation = \"{installation}\"\nkey = \"{key}\"\nprivate = \"{}\"\n",
            &*private
        ));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // What an interrupted command left must neither be in the way nor lend its mode.
        remove(&beside)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

/// Moves what was written beside the place to it, over what is there.
pub(super) fn put(path: &Path) -> Result<()> {
    std::fs::rename(beside(path), path)
}

/// Deletes a file that may be missing.
pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Forgets what was written beside the place.
pub(super) fn discard(path: &Path) {
    let _ = remove(&beside(path));
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}
