//! How well and how fast mails are taken, by hour and by receiving domain: drawn on the server, with
//! the numbers in a table under the drawing. Counted off an index that holds all that is needed.

use crate::args;
use crate::clock::{DAY, HOUR, Micros, SECOND};
use crate::db::{Db, Result, Row};
use crate::locale::Language;
use crate::tutorial;

/// Hours drawn.
const HOURS: i64 = 24;
/// Mails that are counted at most by hour, the latest ones: the page stays fast on a big day.
const SAMPLE: i64 = 100_000;
/// The same by domain, which takes four times as long, and where so many tell as much.
const DOMAIN_SAMPLE: i64 = 25_000;
/// Domains listed, and of those drawn.
const DOMAINS: i64 = 25;
const DRAWN: usize = 12;

const WIDTH: f64 = 600.0;
const HEIGHT: i64 = 140;

/// How an hour or a domain took mails.
pub(super) struct Line {
    pub name: String,
    pub accepted: i64,
    pub failed: i64,
    /// From being queued to being accepted, on average and at most, in microseconds.
    average: Micros,
    longest: Micros,
}

impl Line {
    fn empty(name: String) -> Self {
        Self { name, accepted: 0, failed: 0, average: 0, longest: 0 }
    }

    fn read(row: &Row, name: String) -> Self {
        let accepted: i64 = row.get("accepted");
        let delay: i64 = row.get("delay");
        Self {
            name,
            accepted,
            failed: row.get("failed"),
            average: delay / accepted.max(1),
            longest: row.get::<Option<i64>>("longest").unwrap_or(0),
        }
    }

    /// Whether there was any mail.
    pub fn is_any(&self) -> bool {
        self.accepted + self.failed > 0
    }

    /// How many in a hundred were accepted. Rounded down: 100 % says that none failed.
    pub fn percent(&self) -> i64 {
        self.accepted * 100 / (self.accepted + self.failed).max(1)
    }

    /// How that is lit.
    pub fn badge(&self) -> &'static str {
        match self.percent() {
            98.. => "good",
            90.. => "warn",
            _ => "bad",
        }
    }

    /// The average delay in words; nothing where none was accepted.
    pub fn delay(&self) -> String {
        if self.accepted == 0 { String::new() } else { span(self.average) }
    }

    /// The longest delay in words.
    pub fn slowest(&self) -> String {
        if self.accepted == 0 { String::new() } else { span(self.longest) }
    }
}

/// `0.4 s`, `12 s`, `3 minutes`.
fn span(span: Micros) -> String {
    match span / SECOND {
        0..10 => format!("{}.{} s", span / SECOND, span % SECOND * 10 / SECOND),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds => Language::En.duration(seconds / 60 * 60),
    }
}

/// What both tables count, of the latest mails since $2.
macro_rules! counted {
    ($by:literal, $more:literal) => {
        concat!(
            "SELECT ",
            $by,
            ",
                COUNT(CASE WHEN outcome = 'sent' THEN 1 END) AS accepted,
                COUNT(CASE WHEN outcome <> 'sent' THEN 1 END) AS failed,
                CAST(SUM(CASE WHEN outcome = 'sent' THEN settled_at - created_at ELSE 0 END)
                    AS BIGINT) AS delay,
                MAX(CASE WHEN outcome = 'sent' THEN settled_at - created_at END) AS longest
             FROM (
                SELECT settled_at, created_at, outcome, domain FROM outbox
                WHERE merchant_id = $1 AND settled_at IS NOT NULL AND settled_at >= $2
                    AND outcome IN ('sent', 'failed', 'bounced', 'expired')
                    AND domain IS NOT NULL AND domain <> $3
                ORDER BY settled_at DESC LIMIT $4
             ) AS latest ",
            $more
        )
    };
}

fn practice() -> &'static str {
    tutorial::ADDRESS.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// How mails fared by hour and by domain.
pub(super) async fn read(
    db: &Db,
    merchant_id: &str,
    now: Micros,
) -> Result<(Vec<Line>, Vec<Line>)> {
    tokio::try_join!(hours(db, merchant_id, now), domains(db, merchant_id, now))
}

/// The last day by hour, oldest first, those without mail too.
async fn hours(db: &Db, merchant_id: &str, now: Micros) -> Result<Vec<Line>> {
    let first = now.div_euclid(HOUR) - HOURS + 1;
    let sql = counted!("settled_at / 3600000000 AS hour", "GROUP BY settled_at / 3600000000");
    let rows = db.rows(sql, args![merchant_id, first * HOUR, practice(), SAMPLE]).await?;
    let name = |hour: i64| {
        let at = jiff::Timestamp::from_microsecond(hour * HOUR).unwrap_or_default();
        at.strftime("%-d %b, %H:00").to_string()
    };
    let mut lines: Vec<_> = (first..first + HOURS).map(|hour| Line::empty(name(hour))).collect();
    for row in &rows {
        let hour: i64 = row.get("hour");
        let line = usize::try_from(hour - first).ok().and_then(|i| lines.get_mut(i));
        if let Some(line) = line {
            *line = Line::read(row, name(hour));
        }
    }
    Ok(lines)
}

/// The last week by receiving domain, the busiest first.
async fn domains(db: &Db, merchant_id: &str, now: Micros) -> Result<Vec<Line>> {
    let sql = counted!("domain", "GROUP BY domain ORDER BY COUNT(*) DESC, domain LIMIT $5");
    let args = args![merchant_id, now - 7 * DAY, practice(), DOMAIN_SAMPLE, DOMAINS];
    let rows = db.rows(sql, args).await?;
    Ok(rows.iter().map(|row| Line::read(row, row.get("domain"))).collect())
}

/// A chart: a column for each line. Its texts stand around the drawing, not in it: they keep their
/// size on a narrow screen.
pub(super) struct Chart {
    pub id: &'static str,
    pub title: &'static str,
    /// How much the highest column stands for.
    pub most: String,
    pub description: String,
    pub columns: Vec<Column>,
    pub first: String,
    pub last: String,
}

/// A column, in units of a drawing of [`WIDTH`] by [`HEIGHT`]: `upper` stands on `lower`.
pub(super) struct Column {
    pub x: String,
    pub width: String,
    pub label: String,
    pub lower: (i64, i64),
    pub upper: (i64, i64),
}

/// Draws success and delay, by hour and by domain.
pub(super) fn draw(hours: &[Line], domains: &[Line]) -> Vec<Chart> {
    let domains = &domains[..domains.len().min(DRAWN)];
    let mut charts = Vec::new();
    for (success, delay, lines, by) in [
        (
            ("hours", "Accepted and failed by hour"),
            ("hour-delays", "Delay by hour"),
            hours,
            ("hour", "in one hour"),
        ),
        (
            ("domains", "Accepted and failed by domain"),
            ("domain-delays", "Delay by domain"),
            domains,
            ("domain", "to one domain"),
        ),
    ] {
        if lines.iter().any(Line::is_any) {
            charts.push(chart(
                success,
                by,
                lines,
                |line| (line.accepted, line.failed),
                |line| match line.accepted + line.failed {
                    1 => "1 mail".to_owned(),
                    mails => format!("{mails} mails"),
                },
                |line| format!("{}: {} accepted, {} failed", line.name, line.accepted, line.failed),
            ));
            charts.push(chart(
                delay,
                by,
                lines,
                |line| (line.average, 0),
                |line| format!("{} on average", span(line.average)),
                |line| format!("{}: {} on average", line.name, line.delay()),
            ));
        }
    }
    charts
}

fn chart(
    (id, title): (&'static str, &'static str),
    (by, each): (&str, &str),
    lines: &[Line],
    values: impl Fn(&Line) -> (i64, i64),
    amount: impl Fn(&Line) -> String,
    label: impl Fn(&Line) -> String,
) -> Chart {
    let sum = |line: &Line| values(line).0 + values(line).1;
    let most = lines.iter().map(sum).max().unwrap_or(0).max(1);
    let step = WIDTH / lines.len() as f64;
    // What happened at all can be seen.
    let height = |value: i64| if value == 0 { 0 } else { (value * HEIGHT / most).max(2) };
    let column = |(i, line): (usize, &Line)| {
        let (lower, upper) = (height(values(line).0), height(values(line).1));
        let lower = lower.min(HEIGHT - upper);
        Column {
            x: format!("{:.2}", (i as f64 + 0.1) * step),
            width: format!("{:.2}", step * 0.8),
            label: label(line),
            lower: (HEIGHT - lower, lower),
            upper: (HEIGHT - lower - upper, upper),
        }
    };
    let busiest = lines.iter().max_by_key(|line| sum(line));
    let end = |line: Option<&Line>| line.map(|line| line.name.clone()).unwrap_or_default();
    Chart {
        id,
        title,
        most: busiest.map_or_else(String::new, |line| format!("At most {} {each}.", amount(line))),
        description: busiest.map_or_else(String::new, |line| {
            format!("{} columns, one for each {by}; the highest is {}.", lines.len(), label(line))
        }),
        columns: lines.iter().enumerate().filter(|(_, line)| line.is_any()).map(column).collect(),
        first: end(lines.first()),
        last: end(lines.last()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_exactly_as_they_matter() {
        for (micros, said) in [
            (0, "0.0 s"),
            (440_000, "0.4 s"),
            (9_990_000, "9.9 s"),
            (12 * SECOND, "12 s"),
            (119 * SECOND, "119 s"),
            (150 * SECOND, "2 minutes"),
        ] {
            assert_eq!(span(micros), said);
        }
    }

    #[test]
    fn columns_stay_inside_the_drawing_and_nothing_that_happened_is_invisible() {
        let line = |accepted, failed| Line { accepted, failed, ..Line::empty("x".into()) };
        let charts = draw(&[line(1000, 1), line(0, 0), line(1, 0), line(0, 5)], &[]);
        assert_eq!(charts.len(), 2, "no domain, no chart of domains");
        assert_eq!(charts[0].columns.len(), 3);
        for column in &charts[0].columns {
            let ((low_y, low), (up_y, up)) = (column.lower, column.upper);
            assert!(up_y >= 0 && up_y + up == low_y && low_y + low == HEIGHT, "{low_y} {up_y}");
            assert!(low + up >= 2);
        }
        assert!(charts[0].description.contains("1000 accepted, 1 failed"));
        assert_eq!(charts[0].most, "At most 1001 mails in one hour.");
        assert_eq!(charts[1].most, "At most 0.0 s on average in one hour.");
        assert!(draw(&[line(0, 0)], &[]).is_empty());
    }
}
