//! How the processes that send mail are doing, wherever they run, as they say in the database; and
//! which domains they leave alone for the moment.

use super::Report;
use crate::args;
use crate::clock::{Micros, SECOND};
use crate::db::{Db, Row};
use crate::mail::pulse;

/// Looks at both.
pub(super) async fn senders(report: &mut Report, db: &Db, now: Micros) {
    match pulse::read(db, now).await {
        Err(e) => report.fail(format!("senders: cannot be read: {e}"), "run `doorkey migrate`"),
        Ok(pulse) => match (pulse.wrong(now), pulse.alive) {
            (Some(wrong), _) => report.fail(
                format!("senders: {wrong}"),
                "see what the log of the mail process says; start it again if it hangs",
            ),
            (None, 0) => report.warn(
                "senders: no mail process has ever run on this database",
                "start `doorkey serve`, with a role that includes mail",
            ),
            (None, alive) if pulse.silent > 0 => report.warn(
                format!("senders: {alive} alive, {} fell silent", pulse.silent),
                "see what became of the silent ones: they did not stop in order",
            ),
            (None, alive) => report.ok(format!("senders: {alive} alive, mails move")),
        },
    }
    let sql = "SELECT domain, paused_until FROM mail_domain WHERE paused_until > $1
               ORDER BY domain LIMIT 20";
    let paused = db.rows(sql, args![now]).await.unwrap_or_default();
    if !paused.is_empty() {
        let said = |row: &Row| {
            let seconds = (row.get::<i64>("paused_until") - now) / SECOND;
            format!("{} ({seconds} s)", row.get::<String>("domain"))
        };
        let all: Vec<_> = paused.iter().map(said).collect();
        report.warn(
            format!("senders: paused, for they do not take mail: {}", all.join(", ")),
            "nothing, if it passes; else see what these servers answer on Email delivery",
        );
    }
}
