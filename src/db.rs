//! The only file that names a driver. Both databases run the same SQL text: `$1` markers, TEXT,
//! BIGINT and one blob type, no dialect outside this file.
//!
//! SQLite: WAL with `synchronous=FULL`, so a commit is on disk when it returns; one connection
//! writes and takes its lock at `BEGIN`, so writers queue here and never meet "database is locked".
//! PostgreSQL: its default durability, one pool.

mod file;
mod many;
mod value;

use std::borrow::Cow;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Postgres, SqlSafeStr, Sqlite, Transaction};

use file::create_private;
pub use file::{check_file, sqlite_file};
pub use value::{Arg, Column, Row};
use value::{postgres, sqlite};

/// What can go wrong here. Expected outcomes (a taken address) are told apart by [`is_taken`].
pub type Error = sqlx::Error;
/// A result of the database.
pub type Result<T> = std::result::Result<T, Error>;

/// The schema, oldest first. Append; never edit what has been released.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "init", include_str!("../migrations/0001_init.sql")),
    (2, "back office", include_str!("../migrations/0002_back_office.sql")),
    (3, "reminder", include_str!("../migrations/0003_reminder.sql")),
    (4, "seal", include_str!("../migrations/0004_seal.sql")),
    (5, "numbers", include_str!("../migrations/0005_numbers.sql")),
    (6, "settings", include_str!("../migrations/0006_settings.sql")),
    (7, "tutorials", include_str!("../migrations/0007_tutorials.sql")),
    (8, "dkim", include_str!("../migrations/0008_dkim.sql")),
    (9, "queue", include_str!("../migrations/0009_queue.sql")),
    (10, "bounces", include_str!("../migrations/0010_bounces.sql")),
    (11, "doctor", include_str!("../migrations/0011_doctor.sql")),
    (12, "staff addresses", include_str!("../migrations/0012_staff_addresses.sql")),
    (13, "captcha used", include_str!("../migrations/0013_captcha_used.sql")),
    (14, "delivery", include_str!("../migrations/0014_delivery.sql")),
];

/// Statements that a connection keeps prepared: all that the program has, [`Tx::many`]'s included.
const STATEMENTS: usize = 500;

/// Whether `error` says that a unique column already holds the value.
pub fn is_taken(error: &Error) -> bool {
    error.as_database_error().is_some_and(|e| e.is_unique_violation())
}

/// A database: cheap to clone, shared by the whole process.
#[derive(Clone, Debug)]
pub enum Db {
    /// A file, or several processes on one machine with one file.
    Sqlite {
        /// Connections that only read.
        read: SqlitePool,
        /// The one connection that writes.
        write: SqlitePool,
        /// The database file.
        file: PathBuf,
    },
    /// A server, shared by any number of processes.
    Postgres(PgPool),
}

impl Db {
    /// Opens the database that `url` names; a missing SQLite file is created, readable by its owner
    /// alone.
    ///
    /// # Errors
    /// When it cannot be opened or reached.
    pub async fn connect(url: &str) -> Result<Self> {
        if crate::config::is_postgres(url) {
            let options = PgConnectOptions::from_str(url)?
                .application_name("doorkey")
                .statement_cache_capacity(STATEMENTS)
                .disable_statement_logging();
            // Once without the pool, which would try for half a minute and then hide the reason.
            options.connect().await?.close().await?;
            let pool = PgPoolOptions::new()
                .max_connections(16)
                .acquire_timeout(Duration::from_secs(30))
                .connect_with(options)
                .await?;
            return Ok(Self::Postgres(pool));
        }
        let file = sqlite_file(url).unwrap_or_default();
        create_private(&file).map_err(Error::Io)?;
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // 32 MiB of log instead of 4: the pages that every commit touches are carried over to the
            // file once in a while, not with every dozen of commits, which all wait for it.
            .pragma("wal_autocheckpoint", "8000")
            // What a statement for many rows would undo is kept aside while it runs: in memory, not in
            // a file.
            .pragma("temp_store", "MEMORY")
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(20))
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        let pool = |connections| {
            SqlitePoolOptions::new()
                .min_connections(1)
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(30))
                .idle_timeout(None)
                .max_lifetime(None)
                // There is no server that could have hung up meanwhile.
                .test_before_acquire(false)
        };
        let write = pool(1).connect_with(options.clone()).await?;
        let read = pool(4).connect_with(options.pragma("query_only", "ON")).await?;
        Ok(Self::Sqlite { read, write, file })
    }

    /// Brings the schema up to date; says how many steps that took.
    ///
    /// # Errors
    /// When a step fails or the schema is newer than this program.
    pub async fn migrate(&self) -> std::result::Result<usize, sqlx::migrate::MigrateError> {
        let blob = if matches!(self, Self::Postgres(_)) { "BYTEA" } else { "BLOB" };
        let steps: Vec<_> = MIGRATIONS
            .iter()
            .map(|(version, name, sql)| {
                let sql = AssertSqlSafe(sql.replace(" BLOB", &format!(" {blob}"))).into_sql_str();
                Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
            })
            .collect();
        let before = self.schema_version().await.unwrap_or(0);
        let migrator = Migrator::with_migrations(steps);
        match self {
            Self::Sqlite { write, .. } => migrator.run(write).await?,
            Self::Postgres(pool) => migrator.run(pool).await?,
        }
        Ok(MIGRATIONS.iter().filter(|(version, ..)| *version > before).count())
    }

    /// The newest step that the schema has, 0 for an empty database.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn schema_version(&self) -> Result<i64> {
        let sql = "SELECT COALESCE(MAX(version), 0) AS version FROM _sqlx_migrations";
        match self.row(sql, vec![]).await {
            Ok(row) => Ok(row.map_or(0, |r| r.get("version"))),
            Err(Error::Database(_)) => Ok(0),
            Err(e) => Err(e),
        }
    }

    /// The newest step that this program knows.
    pub fn schema_wanted() -> i64 {
        MIGRATIONS.last().map_or(0, |(version, ..)| *version)
    }

    /// Starts a transaction that may write. On SQLite it holds the write lock from here on, so keep
    /// slow work (hashing, sending) outside.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Runs one statement in a transaction of its own; says how many rows it touched.
    ///
    /// # Errors
    /// What the database says.
    pub async fn exec(&self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        Ok(match self {
            Self::Sqlite { write, .. } => {
                sqlx::query_with(sql, sqlite(args)?).execute(write).await?.rows_affected()
            }
            Self::Postgres(pool) => {
                sqlx::query_with(sql, postgres(args)?).execute(pool).await?.rows_affected()
            }
        })
    }

    /// Runs one statement that changes rows and gives some back, in a transaction of its own.
    ///
    /// # Errors
    /// What the database says; then nothing happened.
    pub async fn exec_rows(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite { write, .. } => {
                let rows = sqlx::query_with(sql, sqlite(args)?).fetch_all(write).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(_) => self.rows(sql, args).await,
        }
    }

    /// Reads at most one row.
    ///
    /// # Errors
    /// What the database says.
    pub async fn row(&self, sql: &'static str, args: Vec<Arg>) -> Result<Option<Row>> {
        Ok(match self {
            Self::Sqlite { read, .. } => {
                sqlx::query_with(sql, sqlite(args)?).fetch_optional(read).await?.map(Row::Sqlite)
            }
            Self::Postgres(pool) => sqlx::query_with(sql, postgres(args)?)
                .fetch_optional(pool)
                .await?
                .map(Row::Postgres),
        })
    }

    /// Reads all rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rows(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Sqlite { read, .. } => {
                let rows = sqlx::query_with(sql, sqlite(args)?).fetch_all(read).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(pool) => {
                let rows = sqlx::query_with(sql, postgres(args)?).fetch_all(pool).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Writes a consistent copy of a running SQLite database to `file`.
    ///
    /// # Errors
    /// When the database is PostgreSQL ([`Error::Configuration`]) or the copy fails.
    pub async fn backup(&self, file: &str) -> Result<()> {
        match self {
            Self::Sqlite { write, .. } => {
                sqlx::query("VACUUM INTO $1").bind(file).execute(write).await?;
                Ok(())
            }
            Self::Postgres(_) => Err(Error::Configuration(
                "backup copies SQLite databases; use pg_dump for PostgreSQL".into(),
            )),
        }
    }

    /// The claim of work from a queue is the one place where the databases need their own words:
    /// PostgreSQL skips rows that other workers hold, SQLite has one writer and needs nothing.
    pub fn skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "",
            Self::Postgres(_) => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Closes all connections; on SQLite this folds the write-ahead log into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction. Dropped without [`Tx::commit`], it never happened.
pub enum Tx {
    /// On the one writing connection.
    Sqlite(Transaction<'static, Sqlite>),
    /// On a connection of the pool.
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// Makes it happen; on disk when this returns.
    ///
    /// # Errors
    /// What the database says; then nothing happened.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }

    /// Runs a statement; says how many rows it touched.
    ///
    /// # Errors
    /// What the database says.
    pub async fn exec(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<u64> {
        Ok(match self {
            Self::Sqlite(tx) => {
                sqlx::query_with(sql, sqlite(args)?).execute(&mut **tx).await?.rows_affected()
            }
            Self::Postgres(tx) => {
                sqlx::query_with(sql, postgres(args)?).execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// Runs a statement that gives at most one row.
    ///
    /// # Errors
    /// What the database says.
    pub async fn row(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs a statement that gives rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rows(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Sqlite(tx) => {
                let rows = sqlx::query_with(sql, sqlite(args)?).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                let rows = sqlx::query_with(sql, postgres(args)?).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }
}
