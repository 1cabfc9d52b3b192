//! `doorkey doctor`: what stands in the way of working well, and what to do about it. It changes
//! nothing.

mod checks;
mod domains;
mod pulse;
mod seal;

use serde::Serialize;

use super::{Failure, admin};
use crate::clock::Clock;
use crate::config::Config;

/// `doorkey doctor`
#[derive(clap::Args, Clone, Debug)]
pub struct Doctor {
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Ok,
    /// Works, but look at it.
    Warn,
    /// Does not work.
    Fail,
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct Finding {
    level: Level,
    what: String,
    /// Missing where there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

/// The findings, in the order in which they were made; and all that was found about sender domains.
#[derive(Debug, Default)]
struct Report(Vec<Finding>, Vec<serde_json::Value>);

impl Report {
    fn ok(&mut self, what: impl Into<String>) {
        self.0.push(Finding { level: Level::Ok, what: what.into(), todo: None });
    }

    fn warn(&mut self, what: impl Into<String>, todo: impl Into<String>) {
        let (what, todo) = (what.into(), Some(todo.into()));
        self.0.push(Finding { level: Level::Warn, what, todo });
    }

    fn fail(&mut self, what: impl Into<String>, todo: impl Into<String>) {
        let (what, todo) = (what.into(), Some(todo.into()));
        self.0.push(Finding { level: Level::Fail, what, todo });
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.level == level).count()
    }

    fn lines(&self) -> String {
        let line = |finding: &Finding| {
            let level = match finding.level {
                Level::Ok => "ok",
                Level::Warn => "warn",
                Level::Fail => "fail",
            };
            let todo = finding.todo.as_ref().map(|t| format!(" — {t}")).unwrap_or_default();
            // The words of mail servers and of the system are among them: one line each.
            let text: Vec<_> = finding.what.split_whitespace().collect();
            format!("{level:<4}  {}{todo}\n", text.join(" "))
        };
        self.0.iter().map(line).collect()
    }
}

/// Runs `doorkey doctor`.
///
/// # Errors
/// When anything fails: the report says what and what to do.
pub async fn run(command: Doctor, config: &Config) -> Result<(), Failure> {
    let mut report = Report::default();
    checks::everything(&mut report, config, Clock::System.now()).await;
    let failed = report.count(Level::Fail);
    if command.json {
        let (ok, findings) = (failed == 0, &report.0);
        let domains = &report.1;
        let said = serde_json::json!({ "ok": ok, "findings": findings, "domains": domains });
        admin::say_json(&said)?;
    } else {
        admin::say(&report.lines())?;
    }
    match failed {
        0 => Ok(()),
        n => {
            Err(format!("{n} of {} checks failed: see what each says to do", report.0.len()).into())
        }
    }
}
