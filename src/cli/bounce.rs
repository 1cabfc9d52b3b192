//! `doorkey bounce`: one mail that came back, on standard input, from a mail server's pipe transport.
//! What a pipe understands are exit statuses: 0 is done with, 1 says that the message is none, and 75
//! (`EX_TEMPFAIL` of sysexits) asks to be called again.

use std::io::Read;
use std::process::ExitCode;

use clap::Args;

use super::{Failure, admin, secret};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::mail::bounce::LARGEST;
use crate::mail::inbound::Taken;
use crate::password::Params;

/// Try again later.
const TEMPFAIL: u8 = 75;

/// Read a mail that came back from standard input.
#[derive(Args, Debug)]
pub struct Bounce {
    /// To whom it was sent, as the mail server knows it; without, what the message itself says.
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// Its envelope sender; empty for the null sender.
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
}

/// Runs `doorkey bounce`. Exit status 75 when it should be tried again.
///
/// # Errors
/// When the message cannot be read.
pub async fn run(command: Bounce, config: Result<Config, String>) -> Result<ExitCode, Failure> {
    let mut raw = Vec::new();
    // The rest is thrown away, so that the mail server's pipe does not break.
    let mut input = std::io::stdin().lock();
    let read = input.by_ref().take(LARGEST as u64 + 1).read_to_end(&mut raw);
    let read = read.and_then(|_| std::io::copy(&mut input, &mut std::io::sink()));
    let taken = match (read, config) {
        (Ok(_), Ok(config)) => take(&command, &config, &raw).await,
        (Err(error), _) => Err(Failure(format!("cannot read the message: {error}"))),
        (_, Err(error)) => Err(error.into()),
    };
    match taken {
        Ok(Taken::Read(_)) => Ok(ExitCode::SUCCESS),
        Ok(Taken::Unreadable(why)) => Err(Failure(format!("{why}; nothing was done"))),
        Err(failure) => {
            super::fail(&failure);
            Ok(ExitCode::from(TEMPFAIL))
        }
    }
}

async fn take(command: &Bounce, config: &Config, raw: &[u8]) -> Result<Taken, Failure> {
    let secret = secret(config, false)?;
    let db = admin::open(config).await?;
    let app = App::build(config.clone(), db, Clock::System, &secret, Params::DEFAULT).await?;
    let recipient = command.recipient.as_deref().unwrap_or_default();
    let taken = app.inbound().take(command.sender.as_deref(), recipient, raw).await;
    app.db.close().await;
    Ok(taken?)
}
