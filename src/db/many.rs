//! Many rows by one statement.

use sqlx::AssertSqlSafe;

use super::{Arg, Result, Row, Tx};

impl Tx {
    /// `head` + a list of values for `rows` + `tail`: one statement for many rows, because with
    /// PostgreSQL each statement is a round trip. All rows have the same length.
    ///
    /// # Errors
    /// What the database says.
    pub async fn many(
        &mut self,
        head: &'static str,
        rows: Vec<Vec<Arg>>,
        tail: &'static str,
    ) -> Result<Vec<Row>> {
        let mut out = Vec::new();
        let mut rows = rows.into_iter();
        while let Some(part) = next_part(&mut rows) {
            let width = part.first().map_or(0, Vec::len);
            let sql = format!("{head}{}{tail}", self.values(part.len(), width));
            let args = part.into_iter().flatten().collect();
            out.extend(self.rows(AssertSqlSafe(sql), args).await?);
        }
        Ok(out)
    }

    /// ` ($1, $2), ($3, $4)`: markers for so many rows of so many columns. For SQLite without names: it
    /// keeps named ones in a list that is walked for each, which takes time with their square.
    fn values(&self, rows: usize, width: usize) -> String {
        let named = matches!(self, Self::Postgres(_));
        let mut sql = String::with_capacity(rows * (width * 6 + 4));
        for row in 0..rows {
            sql.push_str(if row == 0 { " (" } else { ", (" });
            for column in 0..width {
                sql.push_str(if column == 0 { "" } else { ", " });
                if named {
                    sql.push('$');
                    sql.push_str(&(row * width + column + 1).to_string());
                } else {
                    sql.push('?');
                }
            }
            sql.push(')');
        }
        sql
    }
}

/// Rows for one statement of [`Tx::many`]: a multiple of eight, or the rest. So the same few statements
/// come again and again and stay prepared; preparing one for a hundred rows costs more than running
/// it. All powers of two would be fewer statements, but more round trips.
fn next_part(rows: &mut std::vec::IntoIter<Vec<Arg>>) -> Option<Vec<Vec<Arg>>> {
    let (width, left) = (rows.as_slice().first()?.len().max(1), rows.len());
    // Both databases take 32,767 parameters at most.
    let count = if left < 8 { left } else { (left / 8 * 8).min(64) };
    Some(rows.by_ref().take(count.min((32_767 / width).max(1))).collect())
}
