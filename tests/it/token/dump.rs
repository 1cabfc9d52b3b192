//! Everything that an installation has written down, to be searched.

use doorkey::db::Db;
use sqlx::{AssertSqlSafe, Row};

use crate::support::TestApp;

/// Every row of every table as text, table by table; binary columns in hexadecimal. Equal before
/// and after means that nothing was changed.
pub async fn tables(test: &TestApp) -> Vec<String> {
    let mut out = Vec::new();
    match &test.app.db {
        Db::Sqlite { read, .. } => {
            let sql =
                "SELECT m.name AS t, group_concat('quote(\"' || c.name || '\")', '||'',''||') AS c
                       FROM sqlite_master m, pragma_table_info(m.name) c
                       WHERE m.type = 'table' GROUP BY m.name ORDER BY m.name";
            for table in sqlx::query(sql).fetch_all(read).await.unwrap() {
                let (name, columns): (String, String) = (table.get("t"), table.get("c"));
                let sql =
                    format!("SELECT '{name}: ' || {columns} AS line FROM \"{name}\" ORDER BY 1");
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(read).await.unwrap();
                out.extend(rows.iter().map(|row| row.get::<String, _>("line")));
            }
        }
        Db::Postgres(pool) => {
            let sql = "SELECT tablename::text AS t FROM pg_tables WHERE schemaname = 'public'
                       ORDER BY 1";
            for table in sqlx::query(sql).fetch_all(pool).await.unwrap() {
                let name: String = table.get("t");
                let sql = format!(
                    "SELECT '{name}: ' || CAST(t AS TEXT) AS line FROM \"{name}\" t ORDER BY 1"
                );
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap();
                out.extend(rows.iter().map(|row| row.get::<String, _>("line")));
            }
        }
    }
    assert!(out.len() > 20, "the dump sees the tables: {out:?}");
    out
}

/// The tables and every file of the installation, in one heap of bytes.
pub async fn everything(test: &TestApp) -> Vec<u8> {
    let mut heap = tables(test).await.join("\n").into_bytes();
    for entry in std::fs::read_dir(&test.folder).unwrap() {
        heap.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    heap
}

/// Whether `needle` stands in `heap`.
pub fn holds(heap: &[u8], needle: &[u8]) -> bool {
    // By the first byte, which is fast enough for some megabytes without optimisation.
    let mut rest = heap;
    while let Some(at) = rest.iter().position(|b| *b == needle[0]) {
        rest = &rest[at..];
        if rest.starts_with(needle) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}
