//! Where secrets could lie: the database's files or tables, the log, other people's pages.

use std::io::Write;
use std::sync::{Arc, Mutex};

use doorkey::db::Db;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Answer, TestApp};

/// A log in memory, at trace level, of everything that happens on the threads of one runtime.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// A runtime all of whose threads write to this log, at a level at which even libraries talk.
    pub fn runtime(&self) -> tokio::runtime::Runtime {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_writer(self.clone())
            .with_ansi(false)
            .finish();
        let dispatch = tracing::Dispatch::new(subscriber);
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .on_thread_start(move || {
                // For as long as the thread lives.
                std::mem::forget(tracing::dispatcher::set_default(&dispatch));
            })
            .build()
            .unwrap()
    }

    /// What was logged.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

/// The whole database: the files of SQLite with the write-ahead log, or every row of every table of
/// PostgreSQL as text.
pub async fn database(test: &TestApp) -> Vec<u8> {
    let mut heap = Vec::new();
    match &test.app.db {
        Db::Sqlite { .. } => {
            for file in std::fs::read_dir(&test.folder).unwrap() {
                heap.extend(std::fs::read(file.unwrap().path()).unwrap());
            }
        }
        Db::Postgres(pool) => {
            let sql = "SELECT table_name::text FROM information_schema.tables
                       WHERE table_schema = 'public'";
            let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(pool).await.unwrap();
            assert!(tables.len() > 10, "{tables:?}");
            for table in tables {
                let sql = sqlx::AssertSqlSafe(format!("SELECT t::text FROM {table} t"));
                let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(pool).await.unwrap();
                heap.extend(rows.join("\n").into_bytes());
            }
        }
    }
    heap
}

/// An answer with its headers.
pub fn answer(answer: &Answer) -> Vec<u8> {
    let mut heap = format!("{}\n{:?}\n", answer.status, answer.headers).into_bytes();
    heap.extend(&answer.bytes);
    heap
}
