//! What goes into a statement and what comes out of it, on either driver.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Postgres, Row as _, Sqlite};

use super::{Error, Result};
use crate::secret::Digest;

/// The one value of an SQL parameter.
#[derive(Clone, Debug)]
pub enum Arg {
    /// TEXT
    Text(Option<String>),
    /// BIGINT
    Int(Option<i64>),
    /// BLOB, BYTEA
    Bytes(Option<Vec<u8>>),
}

macro_rules! arg_from {
    ($($from:ty => $variant:ident($value:ident => $into:expr)),* $(,)?) => {$(
        impl From<$from> for Arg {
            fn from($value: $from) -> Self { Self::$variant($into) }
        }
    )*};
}
arg_from! {
    &str => Text(v => Some(v.to_owned())),
    &String => Text(v => Some(v.clone())),
    String => Text(v => Some(v)),
    Option<String> => Text(v => v),
    Option<&str> => Text(v => v.map(str::to_owned)),
    i64 => Int(v => Some(v)),
    Option<i64> => Int(v => v),
    Vec<u8> => Bytes(v => Some(v)),
    Option<Vec<u8>> => Bytes(v => v),
    Digest => Bytes(v => Some(v.0.to_vec())),
    &Digest => Bytes(v => Some(v.0.to_vec())),
}

/// The parameters of a statement, in order.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Arg::from($value)),*] };
}

/// A row of a result. Columns are read by name.
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

/// A type that a column can be read as, on both databases.
pub trait Column:
    for<'r> sqlx::Decode<'r, Sqlite>
    + sqlx::Type<Sqlite>
    + for<'r> sqlx::Decode<'r, Postgres>
    + sqlx::Type<Postgres>
{
}
impl<T> Column for T where
    T: for<'r> sqlx::Decode<'r, Sqlite>
        + sqlx::Type<Sqlite>
        + for<'r> sqlx::Decode<'r, Postgres>
        + sqlx::Type<Postgres>
{
}

impl Row {
    /// The column called `name`.
    ///
    /// # Panics
    /// When the query has no such column or it is of another type: a mistake in the program.
    pub fn get<T: Column>(&self, name: &str) -> T {
        match self {
            Self::Sqlite(row) => row.get(name),
            Self::Postgres(row) => row.get(name),
        }
    }
}

/// The parameters as SQLite's driver takes them.
pub(super) fn sqlite(args: Vec<Arg>) -> Result<SqliteArguments> {
    let mut out = SqliteArguments::default();
    for arg in args {
        match arg {
            Arg::Text(v) => out.add(v),
            Arg::Int(v) => out.add(v),
            Arg::Bytes(v) => out.add(v),
        }
        .map_err(Error::Encode)?;
    }
    Ok(out)
}

/// The parameters as PostgreSQL's driver takes them.
pub(super) fn postgres(args: Vec<Arg>) -> Result<PgArguments> {
    let mut out = PgArguments::default();
    for arg in args {
        match arg {
            Arg::Text(v) => out.add(v),
            Arg::Int(v) => out.add(v),
            Arg::Bytes(v) => out.add(v),
        }
        .map_err(Error::Encode)?;
    }
    Ok(out)
}
