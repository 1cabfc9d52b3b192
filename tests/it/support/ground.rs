//! An empty database of a story's own, for the program as a process; gone with the story.

use std::path::PathBuf;

use doorkey::db::Db;

use super::app::Database;
use super::postgres::{Fresh, fresh_database};

/// Where a story builds.
pub struct Ground {
    /// The value of `database_url`.
    pub url: String,
    /// The same database, its schema up to date.
    pub db: Db,
    folder: PathBuf,
    _fresh: Option<Fresh>,
}

impl Ground {
    pub async fn new(database: Database) -> Self {
        let folder = std::env::temp_dir().join(format!("doorkey-ground-{}", doorkey::new_id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (url, fresh) = match database {
            Database::Sqlite => (format!("sqlite:{}", folder.join("doorkey.db").display()), None),
            Database::Postgres => {
                let fresh = fresh_database().await;
                (fresh.url.clone(), Some(fresh))
            }
        };
        let db = Db::connect(&url).await.unwrap();
        db.migrate().await.unwrap();
        Self { url, db, folder, _fresh: fresh }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
