//! A small LMTP server (RFC 2033): how a mail server hands us what comes back. Each recipient gets an
//! answer of its own, and `250` only when the report is in the database; whatever goes wrong here is
//! answered with "later", so that the mail server keeps it.
//!
//! What is said is in `talk`, without a socket; here it is carried. It is meant for the mail server on
//! the same machine: there is no log-in and no TLS.

pub mod talk;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::BounceConfig;
use crate::mail::inbound::{Inbound, Taken};
use talk::{Say, Talk};

/// Conversations at once. A mail server opens one or two.
const AT_ONCE: usize = 32;
/// How long the other side may take for a command, and for a whole message (RFC 5321, 4.5.3.2 asks
/// for five minutes and more of servers on the internet; ours stands next to us).
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest conversation.
const LONGEST: Duration = Duration::from_secs(600);

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An address on this machine, unless the operator says otherwise.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Place {
    /// Reads the setting; `None` where there is none.
    ///
    /// # Errors
    /// One line that says what is wrong with it.
    pub fn read(config: &BounceConfig) -> Result<Option<Self>, String> {
        let Some(text) = &config.lmtp_listen else { return Ok(None) };
        if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
            return Ok(Some(Self::Unix(path.into())));
        }
        let address: SocketAddr = text.parse().map_err(|_| {
            format!("bounce.lmtp_listen is {text:?}; use 127.0.0.1:2424 or unix:/path/to/socket")
        })?;
        if !address.ip().is_loopback() && !config.lmtp_open {
            return Err(format!(
                "bounce.lmtp_listen is {address}, which other machines can reach, and LMTP has no \
                 log-in: use 127.0.0.1 or a unix: socket, or set bounce.lmtp_open if a firewall \
                 keeps strangers out"
            ));
        }
        Ok(Some(Self::Tcp(address)))
    }
}

/// An open listener.
#[derive(Debug)]
pub enum Listener {
    /// On an address.
    Tcp(TcpListener),
    /// On a file.
    Unix(UnixListener),
}

impl Listener {
    /// Opens the place. A socket that an earlier process left behind is replaced, a file that is none
    /// is not; the socket is for its owner and group.
    ///
    /// # Errors
    /// When it is in use or not ours.
    pub async fn open(place: &Place) -> std::io::Result<Self> {
        use std::os::unix::fs::{FileTypeExt, PermissionsExt};
        let path = match place {
            Place::Tcp(address) => return TcpListener::bind(address).await.map(Self::Tcp),
            Place::Unix(path) => path,
        };
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            if tokio::net::UnixStream::connect(path).await.is_ok() {
                return Err(std::io::ErrorKind::AddrInUse.into());
            }
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
        Ok(Self::Unix(listener))
    }
}

/// Listens until told to stop, then ends what is under way at its next command.
pub async fn serve(listener: Listener, inbound: Inbound, mut stopped: watch::Receiver<bool>) {
    let (slots, mut talks) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    while !*stopped.borrow() {
        let Ok(slot) = slots.clone().acquire_owned().await else { break };
        let wire = tokio::select! {
            _ = stopped.changed() => break,
            wire = accept(&listener) => wire,
        };
        while talks.try_join_next().is_some() {}
        let wire = match wire {
            Ok(wire) => wire,
            Err(error) => {
                // Out of file descriptors, say: there is no use in trying again at once.
                tracing::warn!(%error, "cannot take an LMTP connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (inbound, stopped) = (inbound.clone(), stopped.clone());
        talks.spawn(async move {
            let talk = converse(wire.0, wire.1, &inbound, stopped);
            let _ = timeout(LONGEST, talk).await;
            drop(slot);
        });
    }
    while talks.join_next().await.is_some() {}
}

type Read = Box<dyn tokio::io::AsyncRead + Send + Unpin>;
type Write = Box<dyn AsyncWrite + Send + Unpin>;

async fn accept(listener: &Listener) -> std::io::Result<(Read, Write)> {
    Ok(match listener {
        Listener::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (read, write) = stream.into_split();
            (Box::new(read), Box::new(write))
        }
        Listener::Unix(listener) => {
            let (read, write) = listener.accept().await?.0.into_split();
            (Box::new(read), Box::new(write))
        }
    })
}

/// One conversation.
async fn converse(
    read: Read,
    mut write: Write,
    inbound: &Inbound,
    mut stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let (mut read, mut talk) = (BufReader::new(read), Talk::new());
    say(&mut write, &talk.greeting()).await?;
    loop {
        let mut line = Vec::new();
        let stop = async { stopped.wait_for(|stopped| *stopped).await.is_ok() };
        let got = tokio::select! {
            got = timeout(PATIENCE, line_of(&mut read, &mut line)) => Some(got),
            _ = stop => None,
        };
        match got {
            None => return say(&mut write, "421 4.3.2 shutting down\r\n").await,
            Some(Err(_)) => return say(&mut write, "421 4.4.2 took too long\r\n").await,
            Some(Ok(Ok(true))) => {}
            Some(Ok(_)) => return Ok(()),
        }
        match talk.command(&line, |recipient| inbound.destination(recipient).is_some()) {
            Say::Answer(text) => say(&mut write, &text).await?,
            Say::Goodbye(text) => return say(&mut write, &text).await,
            Say::Listen(text) => {
                say(&mut write, &text).await?;
                let Ok(content) = timeout(PATIENCE, content(&mut read)).await else {
                    return say(&mut write, "421 4.4.2 took too long\r\n").await;
                };
                let answers = deliver(inbound, &mut talk, content?).await;
                say(&mut write, &answers).await?;
            }
        }
    }
}

async fn say(write: &mut Write, text: &str) -> std::io::Result<()> {
    timeout(PATIENCE, write.write_all(text.as_bytes())).await??;
    write.flush().await
}

/// Reads a line with its end, as far as a line may go. False at the end of the conversation.
async fn line_of(
    read: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
) -> std::io::Result<bool> {
    let most = talk::LINE as u64 + 1;
    read.take(most).read_until(b'\n', line).await?;
    Ok(!line.is_empty())
}

/// The message up to the line with a dot; too much of it is read and thrown away, so that the
/// conversation goes on behind it.
async fn content(read: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<talk::Content> {
    let mut content = talk::Content::default();
    loop {
        let mut line = Vec::new();
        if read.take(64 * 1024).read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if content.push(&line) {
            return Ok(content);
        }
    }
}

/// Takes the message for each recipient; one answer each, in their order.
async fn deliver(inbound: &Inbound, talk: &mut Talk, content: talk::Content) -> String {
    let (sender, recipients) = talk.finish();
    let mut answers = String::new();
    for recipient in recipients {
        let answer = match content.message() {
            None => "552 5.3.4 too large",
            Some(raw) => match inbound.take(Some(&sender), &recipient, raw).await {
                Ok(Taken::Read(_)) => "250 2.0.0 taken",
                // Refused for good it would come back to us as a report about a report.
                Ok(Taken::Unreadable(why)) => {
                    tracing::info!(%why, "a message to our sender cannot be read");
                    "250 2.0.0 nothing to be read"
                }
                Err(error) => {
                    tracing::warn!(%error, "a report waits in the mail server's queue");
                    "451 4.3.0 the database does not answer; please try again"
                }
            },
        };
        answers.push_str(answer);
        answers.push_str("\r\n");
    }
    answers
}
