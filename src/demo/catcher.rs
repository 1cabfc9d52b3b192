//! A mail server for the demo: takes every mail on a free loopback port and delivers none.
//!
//! It speaks enough of RFC 5321 for any client, so that what the demo shows is what really crossed
//! SMTP. It never relays: everything ends in one callback.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The largest message taken, in bytes.
const MAX_SIZE: usize = 1 << 20;
/// The longest command line, and the piece size for content.
const MAX_LINE: u64 = 2048;
const MAX_RECIPIENTS: usize = 100;
const MAX_CONNECTIONS: usize = 64;
/// How long a silent client is waited for (RFC 5321, 4.5.3.2.7).
const IDLE: Duration = Duration::from_secs(300);

/// A mail as it was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// The envelope's sender; empty for the null sender.
    pub from: String,
    /// The envelope's recipients, at least one.
    pub to: Vec<String>,
    /// The message, dots unstuffed, otherwise byte for byte.
    pub raw: Vec<u8>,
}

/// Where a caught mail goes. It runs before the client hears "250"; an error becomes a 451.
pub type Deliver = Arc<dyn Fn(Caught) -> io::Result<()> + Send + Sync>;

/// The listening server.
#[derive(Debug)]
pub struct Catcher {
    listener: TcpListener,
    address: SocketAddr,
}

impl Catcher {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Errors
    /// When the operating system gives no port.
    pub async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The URL for `smtp.url`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Serves until the future is dropped.
    pub async fn run(self, deliver: Deliver) {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let tcp = match self.listener.accept().await {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    // Out of file descriptors, mostly: trying again at once would spin.
                    tracing::warn!(%error, "the mail catcher cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (slots, deliver) = (Arc::clone(&slots), Arc::clone(&deliver));
            tokio::spawn(async move {
                if let Err(error) = serve(tcp, &slots, deliver).await {
                    tracing::debug!(%error, "a connection to the mail catcher broke");
                }
            });
        }
    }
}

async fn serve(tcp: TcpStream, slots: &Semaphore, deliver: Deliver) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut talk =
        Talk { wire: BufStream::new(tcp), deliver, greeted: false, from: None, to: Vec::new() };
    let Ok(_slot) = slots.try_acquire() else {
        return talk.say("421 4.7.0 mailbox.demo too many connections").await;
    };
    talk.say("220 mailbox.demo ESMTP catches everything, delivers nothing").await?;
    while let Some(line) = talk.command().await? {
        if !talk.turn(&line).await? {
            return Ok(());
        }
    }
    Ok(())
}

struct Talk {
    wire: BufStream<TcpStream>,
    deliver: Deliver,
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
}

impl Talk {
    /// Answers one command; `false` ends the conversation.
    async fn turn(&mut self, line: &str) -> io::Result<bool> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" if rest.trim().is_empty() => self.say("501 5.5.4 who are you?").await?,
            verb @ ("EHLO" | "HELO") => {
                self.greeted = true;
                self.forget();
                self.say(match verb {
                    "HELO" => "250 mailbox.demo",
                    _ => {
                        "250-mailbox.demo\r\n250-8BITMIME\r\n250-PIPELINING\r\n\
                         250-ENHANCEDSTATUSCODES\r\n250 SIZE 1048576"
                    }
                })
                .await?;
            }
            "MAIL" => self.mail(rest).await?,
            "RCPT" => self.recipient(rest).await?,
            "DATA" if self.to.is_empty() => self.say("503 5.5.1 RCPT first").await?,
            "DATA" => return self.data().await,
            "RSET" => {
                self.forget();
                self.say("250 2.0.0 forgotten").await?;
            }
            "NOOP" => self.say("250 2.0.0 ok").await?,
            "VRFY" => self.say("252 2.1.5 everyone has a mailbox here").await?,
            "QUIT" => {
                self.say("221 2.0.0 bye").await?;
                return Ok(false);
            }
            "EXPN" | "HELP" | "AUTH" | "STARTTLS" | "BDAT" => {
                self.say("502 5.5.1 not offered").await?;
            }
            _ => self.say("500 5.5.2 not a command").await?,
        }
        Ok(true)
    }

    async fn mail(&mut self, rest: &str) -> io::Result<()> {
        if !self.greeted {
            return self.say("503 5.5.1 EHLO first").await;
        }
        if self.from.is_some() {
            return self.say("503 5.5.1 one sender a mail").await;
        }
        let Some((address, parameters)) = path(rest, "FROM:") else {
            return self.say("501 5.5.4 write MAIL FROM:<address>").await;
        };
        let size = parameters
            .split(' ')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.eq_ignore_ascii_case("SIZE"))
            .and_then(|(_, size)| size.parse::<usize>().ok());
        if size.is_some_and(|size| size > MAX_SIZE) {
            return self.say("552 5.3.4 over 1 MiB").await;
        }
        self.from = Some(address.to_owned());
        self.say("250 2.1.0 ok").await
    }

    async fn recipient(&mut self, rest: &str) -> io::Result<()> {
        if self.from.is_none() {
            return self.say("503 5.5.1 MAIL first").await;
        }
        if self.to.len() == MAX_RECIPIENTS {
            return self.say("452 4.5.3 too many recipients").await;
        }
        match path(rest, "TO:") {
            Some((address, _)) if !address.is_empty() => {
                self.to.push(address.to_owned());
                self.say("250 2.1.5 ok").await
            }
            _ => self.say("501 5.5.4 write RCPT TO:<address>").await,
        }
    }

    async fn data(&mut self) -> io::Result<bool> {
        self.say("354 end with a line that is one dot").await?;
        let Some(raw) = self.content().await? else { return Ok(false) };
        let caught = Caught {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            raw,
        };
        if caught.raw.len() > MAX_SIZE {
            self.say("552 5.3.4 over 1 MiB").await?;
            return Ok(true);
        }
        match (self.deliver)(caught) {
            Ok(()) => self.say("250 2.0.0 caught").await?,
            Err(error) => {
                tracing::warn!(%error, "a mail could not be kept");
                self.say("451 4.3.0 cannot store it now").await?;
            }
        }
        Ok(true)
    }

    /// Reads content up to the final dot. Only CRLF ends a line here: a server that takes a bare LF
    /// for one can be given a second mail inside the first. What is over the limit is read and
    /// dropped, so that the client is still there to hear the answer.
    async fn content(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut raw = Vec::new();
        let (mut line_start, mut after_cr) = (true, false);
        loop {
            let piece = self.piece().await?;
            let rest = match piece.as_slice() {
                b"" => return Ok(None),
                b".\r\n" if line_start => return Ok(Some(raw)),
                [b'.', rest @ ..] if line_start => rest,
                whole => whole,
            };
            if raw.len() <= MAX_SIZE {
                raw.extend_from_slice(rest);
            }
            line_start = piece.ends_with(b"\r\n") || (after_cr && piece == b"\n");
            after_cr = piece.ends_with(b"\r");
        }
    }

    /// One command line without its end; `None` when the client is gone or has been silent too long.
    async fn command(&mut self) -> io::Result<Option<String>> {
        let piece = self.piece().await?;
        if piece.is_empty() {
            return Ok(None);
        }
        if !piece.ends_with(b"\n") {
            self.say("500 5.5.2 line too long").await?;
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&piece).trim_end().to_owned()))
    }

    /// A line, or as much of it as fits; empty at the end.
    async fn piece(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = Vec::new();
        let mut limited = (&mut self.wire).take(MAX_LINE);
        match timeout(IDLE, limited.read_until(b'\n', &mut piece)).await {
            Ok(read) => read.map(|_| piece),
            Err(_) => {
                self.say("421 4.4.2 mailbox.demo you said nothing for long").await?;
                Ok(Vec::new())
            }
        }
    }

    async fn say(&mut self, reply: &str) -> io::Result<()> {
        self.wire.write_all(format!("{reply}\r\n").as_bytes()).await?;
        self.wire.flush().await
    }

    fn forget(&mut self) {
        self.from = None;
        self.to.clear();
    }
}

/// The address between `<` and `>` behind `prefix`, and the parameters after it. Control characters
/// and spaces are no part of an address.
fn path<'a>(rest: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let (start, tail) = rest.split_at_checked(prefix.len())?;
    if !start.eq_ignore_ascii_case(prefix) {
        return None;
    }
    let (address, parameters) = tail.trim_start().strip_prefix('<')?.split_once('>')?;
    let plain = |c: char| !c.is_control() && c != ' ' && c != '<';
    (address.len() <= 254 && address.chars().all(plain)).then_some((address, parameters))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Says `script` to a fresh catcher, all at once; returns the reply codes and what was caught.
    async fn talk(script: &[u8]) -> (Vec<String>, Vec<Caught>) {
        let caught: Arc<Mutex<Vec<Caught>>> = Arc::default();
        let catcher = Catcher::bind().await.unwrap();
        let mut tcp = TcpStream::connect(catcher.address).await.unwrap();
        let kept = Arc::clone(&caught);
        let server = tokio::spawn(catcher.run(Arc::new(move |mail| {
            if mail.raw.starts_with(b"Full") {
                return Err(io::ErrorKind::StorageFull.into());
            }
            kept.lock().unwrap().push(mail);
            Ok(())
        })));
        tcp.write_all(script).await.unwrap();
        tcp.shutdown().await.unwrap();
        let mut replies = String::new();
        tcp.read_to_string(&mut replies).await.unwrap();
        server.abort();
        let last_lines = replies.lines().filter(|line| line.as_bytes()[3] == b' ');
        let codes = last_lines.map(|line| line[..3].to_owned()).collect();
        (codes, std::mem::take(&mut caught.lock().unwrap()))
    }

    #[tokio::test]
    async fn a_mail_is_caught_byte_for_byte() {
        let script = b"EHLO me\r\nMAIL FROM:<> SIZE=9\r\nRCPT TO:<a@x.test>\r\n\
            rcpt to: <b@x.test>\r\nDATA\r\nA: b\r\n\r\n..dot\r\n.\n.\r.\r\nend\r\n.\r\nQUIT\r\n";
        let (codes, caught) = talk(script).await;
        assert_eq!(codes, ["220", "250", "250", "250", "250", "354", "250", "221"]);
        let to = vec!["a@x.test".to_owned(), "b@x.test".to_owned()];
        // The stuffed dot of "..dot" and of ".\n" is gone; "." behind a bare LF or CR is content.
        let raw = b"A: b\r\n\r\n.dot\r\n\n.\r.\r\nend\r\n".to_vec();
        assert_eq!(caught, [Caught { from: String::new(), to, raw }]);
    }

    #[tokio::test]
    async fn commands_out_of_order_or_malformed_are_refused() {
        let script = b"MAIL FROM:<a@x.test>\r\nHELO\r\nHELO me\r\nRCPT TO:<a@x.test>\r\nDATA\r\n\
            MAIL TO:<a@x.test>\r\nMAIL FROM:<a b@x.test>\r\nMAIL FROM:<a@x.test> SIZE=2000000\r\n\
            MAIL FROM:<a@x.test>\r\nRCPT TO:<>\r\nRSET\r\nRCPT TO:<a@x.test>\r\nNOOP\r\nWHAT\r\n\
            VRFY a\r\nSTARTTLS\r\n";
        let (codes, caught) = talk(script).await;
        let expected = [
            "220", "503", "501", "250", "503", "503", "501", "501", "552", "250", "501", "250",
            "503", "250", "500", "252", "502",
        ];
        assert_eq!(codes, expected);
        assert!(caught.is_empty());
    }

    #[tokio::test]
    async fn the_size_limit_holds_and_the_conversation_goes_on() {
        let mail = "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n";
        let long = "x".repeat(MAX_SIZE + 1);
        // 2047 characters: the CR ends one piece and the LF begins the next.
        let edge = "y".repeat(2047);
        let script = format!(
            "EHLO me\r\n{mail}{long}\r\n.\r\n{mail}{edge}\r\n.\r\n{mail}Full\r\n.\r\nQUIT\r\n"
        );
        let (codes, caught) = talk(script.as_bytes()).await;
        let expected = [
            "220", "250", "250", "250", "354", "552", "250", "250", "354", "250", "250", "250",
            "354", "451", "221",
        ];
        assert_eq!(codes, expected);
        assert_eq!(caught.len(), 1);
        assert_eq!(caught[0].raw.len(), 2049);
    }

    #[tokio::test]
    async fn a_command_line_without_end_closes_the_connection() {
        let (codes, _) = talk("N".repeat(3000).as_bytes()).await;
        assert_eq!(codes, ["220", "500"]);
    }
}
