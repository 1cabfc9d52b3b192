//! The command line: one file a command. Results go to standard output, logs and errors to standard
//! error; an error is one line that says what was wrong and what to do. Exit status 0, 1 for
//! failure, 2 for wrong usage.

pub mod activity;
pub mod admin;
pub mod backup;
pub mod bounce;
pub mod customer;
pub mod demo;
pub mod doctor;
pub mod key;
pub mod merchant;
pub mod migrate;
pub mod serve;
pub mod staff;
pub mod store;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, is_postgres};
use crate::db::{self, Db};
use crate::secret::{Secret, random};

/// Gets an online store's customers back in: login, password recovery, reminders.
#[derive(Debug, Parser)]
#[command(name = "doorkey", version, max_term_width = 100)]
struct Cli {
    /// The configuration file (TOML). Every key can also be set by environment: `smtp.url` as
    /// DOORKEY_SMTP__URL.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    config: Option<PathBuf>,
    /// How logs on standard error look.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, help_heading = "Everywhere")]
    log_format: LogFormat,
    /// How much is logged: error, warn, info, debug or trace.
    #[arg(
        long,
        global = true,
        default_value = "info",
        value_name = "LEVEL",
        help_heading = "Everywhere"
    )]
    log_level: tracing::Level,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything: sample stores and customers, and a mailbox that catches all mail.
    Demo(demo::Demo),
    /// Run in production: pages, mail worker, or both.
    Serve(serve::Serve),
    /// Bring the database's schema up to date.
    Migrate(migrate::Migrate),
    /// Check configuration, database, mail and DNS, and say what to do.
    ///
    /// A line for each finding: ok, warn or fail, and what to do about it. For every sender domain: SPF
    /// for the hosts that send, DKIM against the key in use, DMARC, MX, reverse DNS and the relay's TLS,
    /// with the record to publish. It changes nothing, and ends with status 1 when anything fails.
    Doctor(doctor::Doctor),
    /// Read a mail that came back from standard input: for a mail server's pipe.
    Bounce(bounce::Bounce),
    /// Write a consistent copy of a SQLite database while it runs.
    Backup(backup::Backup),
    /// Merchants: the businesses.
    #[command(subcommand)]
    Merchant(merchant::Merchant),
    /// Stores: the merchants' storefronts.
    #[command(subcommand)]
    Store(store::Store),
    /// Staff: people who work in the back office.
    #[command(subcommand)]
    Staff(staff::Staff),
    /// Customers: the merchants' customer files.
    #[command(subcommand)]
    Customer(customer::Customer),
    /// The keys that sign mail, and the key for reminders that carry the customer's own password.
    #[command(subcommand)]
    Key(key::Key),
    /// Activity: the record of who did what.
    #[command(subcommand)]
    Activity(activity::Activity),
}

/// Why a command failed: one line.
#[derive(Debug)]
pub struct Failure(pub String);

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<db::Error> for Failure {
    fn from(error: db::Error) -> Self {
        Self(format!("database: {error}"))
    }
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    start_log(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure(format!("cannot start: {error}"))),
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(failure) => fail(&failure),
    }
}

/// Help and version are answers and printed as they are; a mistake is one line. clap's own text of
/// it goes on for several, with the usage that `--help` shows better.
fn misused(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::{
        DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion,
    };
    if !matches!(
        error.kind(),
        DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        let text = error.render().to_string();
        let text = text.split("\n\nUsage:").next().unwrap_or_default();
        let text = text.split("\n\nFor more").next().unwrap_or_default();
        let words: Vec<_> = text.trim_start_matches("error: ").split_whitespace().collect();
        eprintln!("doorkey: {}; see --help", words.join(" "));
        return ExitCode::from(2);
    }
    // A closed pipe is no reason to fail.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn fail(failure: &Failure) -> ExitCode {
    let line: Vec<&str> = failure.0.split_whitespace().collect();
    eprintln!("doorkey: {}", line.join(" "));
    ExitCode::FAILURE
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let config = Config::load(cli.config.as_deref(), std::env::vars());
    // A mail must not be lost over a mistake in a file: this command asks for patience instead.
    if let Command::Bounce(command) = cli.command {
        return bounce::run(command, config).await;
    }
    let config = config?;
    match cli.command {
        Command::Demo(command) => demo::run(command, config).await,
        Command::Serve(command) => serve::run(command, config).await,
        Command::Migrate(command) => migrate::run(command, &config).await,
        Command::Doctor(command) => doctor::run(command, &config).await,
        Command::Bounce(_) => Ok(()),
        Command::Backup(command) => backup::run(command, &config).await,
        Command::Merchant(command) => merchant::run(command, &config).await,
        Command::Store(command) => store::run(command, &config).await,
        Command::Staff(command) => staff::run(command, &config).await,
        Command::Customer(command) => customer::run(command, &config).await,
        Command::Key(command) => key::run(command, &config).await,
        Command::Activity(command) => activity::run(command, &config).await,
    }
    .map(|()| ExitCode::SUCCESS)
}

/// Only our own events go below `info`: what libraries say there is theirs to word, and may hold
/// what must not be written down.
fn start_log(cli: &Cli) {
    let level = cli.log_level;
    let others = level.min(tracing::Level::INFO);
    let filter = EnvFilter::new(format!("{others},sqlx::postgres::notice=warn,doorkey={level}"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match cli.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

/// Opens the configured database.
///
/// # Errors
/// When it cannot be opened or reached.
pub async fn open(config: &Config) -> Result<Db, Failure> {
    Db::connect(config.database_url.reveal()).await.map_err(|error| {
        // The URL may hold a password; what the driver says does not.
        Failure(format!("cannot open the database: {error}; check database_url"))
    })
}

/// The installation's secret: from the configuration, else from the file `secret` beside a SQLite
/// database, which is made, readable by its owner alone, if `create` says so.
///
/// # Errors
/// When there is none, or it cannot be read or made.
pub fn secret(config: &Config, create: bool) -> Result<Secret, Failure> {
    if let Some(secret) = config.secret()? {
        return Ok(secret);
    }
    let Some(file) = secret_file(config) else {
        return Err("secret is not set: with PostgreSQL every process needs the same one; \
                    make it with openssl rand -base64 32 and set secret_file"
            .into());
    };
    match std::fs::read_to_string(&file) {
        Ok(text) => Secret::parse(&text).ok_or_else(|| {
            Failure(format!("{} is damaged: restore it from a backup", file.display()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && create => {
            make_secret(&file).map_err(|e| Failure(format!("cannot write {}: {e}", file.display())))
        }
        Err(error) => Err(Failure(format!(
            "cannot read {}: {error}; it is made by the first doorkey serve",
            file.display()
        ))),
    }
}

/// Where the secret of a SQLite installation lies.
pub fn secret_file(config: &Config) -> Option<PathBuf> {
    let url = config.database_url.reveal();
    if is_postgres(url) {
        return None;
    }
    let database = Path::new(url.trim_start_matches("sqlite:").trim_start_matches("//"));
    Some(database.parent().unwrap_or(Path::new("")).join("secret"))
}

fn make_secret(file: &Path) -> std::io::Result<Secret> {
    use base64::Engine;
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    let bytes: [u8; 32] = random();
    let text = zeroize::Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(bytes));
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut handle =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    handle.write_all(text.as_bytes())?;
    handle.write_all(b"\n")?;
    handle.sync_all()?;
    Ok(Secret::new(bytes))
}
