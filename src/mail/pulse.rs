//! The pulse of the processes that send mail: each says every few seconds that it is there and when
//! something last moved, so that every other process, and the operator, see within a minute when one
//! hangs or none is left.

use crate::args;
use crate::clock::{HOUR, Micros, SECOND};
use crate::db::{Db, Result, Row};

/// How often a process says so.
pub const EVERY: Micros = 5 * SECOND;
/// Silence, or mails that do not move, for so long is trouble.
pub const SILENCE: Micros = 50 * SECOND;

/// What a process says of itself.
#[derive(Clone, Debug)]
pub struct Beat<'a> {
    /// Names it for as long as it runs.
    pub id: &'a str,
    /// When it started.
    pub started_at: Micros,
    /// When a mail last came to anything, or there was none under way.
    pub moved_at: Micros,
    /// Mails that it holds.
    pub under_way: usize,
    /// What keeps all mail from leaving.
    pub trouble: Option<&'a str>,
}

/// Says that a process is there.
///
/// # Errors
/// What the database says.
pub async fn beat(db: &Db, beat: &Beat<'_>, now: Micros) -> Result<()> {
    let under_way = i64::try_from(beat.under_way).unwrap_or(i64::MAX);
    db.exec(
        "INSERT INTO mail_process (id, started_at, beat_at, moved_at, under_way, trouble)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, moved_at = excluded.moved_at,
            under_way = excluded.under_way, trouble = excluded.trouble",
        args![beat.id, beat.started_at, now, beat.moved_at, under_way, beat.trouble],
    )
    .await?;
    Ok(())
}

/// Says that a process has stopped in order.
///
/// # Errors
/// What the database says.
pub async fn stopped(db: &Db, id: &str) -> Result<()> {
    db.exec("DELETE FROM mail_process WHERE id = $1", args![id]).await?;
    Ok(())
}

/// How the processes that send mail are doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Those heard of lately.
    pub alive: usize,
    /// Those that fell silent without having stopped.
    pub silent: usize,
    /// When any of them was last heard of.
    pub heard_at: Option<Micros>,
    /// Since when nothing moves in a process that holds mails.
    pub stuck_since: Option<Micros>,
    /// What keeps all mail of a living process from leaving.
    pub trouble: Option<String>,
}

impl Pulse {
    /// What is wrong, in a few words; nothing where no process was ever heard of, for then the queue
    /// itself says soon enough whether one is missing.
    pub fn wrong(&self, now: Micros) -> Option<String> {
        let seconds = |at: Micros| (now - at) / SECOND;
        if self.alive == 0 {
            let at = self.heard_at?;
            return Some(format!("no mail process has been heard of for {} s", seconds(at)));
        }
        if let Some(at) = self.stuck_since {
            let text = "a mail process holds mails and none has moved for";
            return Some(format!("{text} {} s", seconds(at)));
        }
        self.trouble.as_ref().map(|why| format!("the mail server takes no mail: {why}"))
    }
}

/// Looks at the processes.
///
/// # Errors
/// What the database says.
pub async fn read(db: &Db, now: Micros) -> Result<Pulse> {
    let sql = "SELECT beat_at, moved_at, under_way, trouble FROM mail_process ORDER BY beat_at";
    let rows = db.rows(sql, args![]).await?;
    let at = |row: &Row| row.get::<i64>("beat_at");
    let alive: Vec<_> = rows.iter().filter(|row| now - at(row) <= SILENCE).collect();
    let stuck = alive.iter().filter(|row| row.get::<i64>("under_way") > 0);
    let stuck = stuck.map(|row| row.get::<i64>("moved_at")).filter(|at| now - at > SILENCE);
    Ok(Pulse {
        alive: alive.len(),
        silent: rows.len() - alive.len(),
        heard_at: rows.last().map(at),
        stuck_since: stuck.min(),
        trouble: alive.iter().find_map(|row| row.get::<Option<String>>("trouble")),
    })
}

/// Forgets processes that fell silent long ago, while others are there.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    db.exec("DELETE FROM mail_process WHERE beat_at < $1", args![now - HOUR]).await?;
    Ok(())
}
