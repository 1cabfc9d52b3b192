//! `cargo bench`: how fast, as ratios against something measured in the same run, so that the
//! numbers mean the same on any machine. Raw numbers go to `target/speed.json`.
//!
//! `cargo bench -- NAME …` runs only the measurements whose name contains one of the words;
//! `cargo bench -- --small` leaves out the million customers.

mod activity;
mod client;
mod delivery;
mod desk;
mod load;
mod measure;
mod oms;
#[path = "../../tests/it/support/postgres.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "written for the stories, which use more of it")]
mod postgres;
mod queue;
mod server;
mod signing;
mod sink;
mod timing;

use std::process::ExitCode;

/// One row of the table.
struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    target: String,
    met: bool,
}

/// What is measured, and where the results go.
struct Report {
    wanted: Vec<String>,
    small: bool,
    rows: Vec<Row>,
    raw: serde_json::Map<String, serde_json::Value>,
}

impl Report {
    fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| name.contains(word.as_str()))
    }

    fn raw(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.raw.insert(name.to_owned(), value.into());
    }

    fn at_least(&mut self, what: &str, value: f64, unit: &'static str, target: f64) {
        let met = value >= target;
        self.row(what, value, unit, format!("≥ {target}"), met);
    }

    fn at_most(&mut self, what: &str, value: f64, unit: &'static str, target: f64) {
        let met = value <= target;
        self.row(what, value, unit, format!("≤ {target}"), met);
    }

    fn within(&mut self, what: &str, value: f64, low: f64, high: f64) {
        let met = (low..=high).contains(&value);
        self.row(what, value, "", format!("{low} to {high}"), met);
    }

    fn row(&mut self, what: &str, value: f64, unit: &'static str, target: String, met: bool) {
        println!(
            "{what:<66} {value:>9.3} {unit:<4} {target:>13}  {}",
            if met { "" } else { "MISSED" }
        );
        self.raw(what, value);
        self.rows.push(Row { what: what.to_owned(), value, unit, target, met });
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    // The benchmark is also the bare server that the pages are compared with.
    if let [flag, address, file] = arguments.as_slice()
        && flag == "--bare"
    {
        runtime.block_on(measure::bare(address, file));
        return ExitCode::SUCCESS;
    }
    let mut report = Report {
        small: arguments.iter().any(|a| a == "--small"),
        wanted: arguments.into_iter().filter(|a| !a.starts_with("--")).collect(),
        rows: Vec::new(),
        raw: serde_json::Map::new(),
    };
    runtime.block_on(measure::all(&mut report));
    let missed = report.rows.iter().filter(|row| !row.met).count();
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("../speed.json");
    let raw = serde_json::to_string_pretty(&report.raw).unwrap_or_default();
    if let Err(error) = std::fs::write(&file, raw) {
        eprintln!("cannot write {}: {error}", file.display());
    }
    println!(
        "\n{} measurements, {missed} missed; raw numbers in target/speed.json",
        report.rows.len()
    );
    for row in report.rows.iter().filter(|row| !row.met) {
        println!("missed: {} is {:.3} {}, target {}", row.what, row.value, row.unit, row.target);
    }
    ExitCode::SUCCESS
}
