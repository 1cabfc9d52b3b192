//! A mail server that takes its time for every reply, and a client that does nothing but talk to it.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

/// What a sink takes for every single reply.
pub const REPLY: Duration = Duration::from_millis(5);
/// Replies to one mail on a kept connection: MAIL, RCPT, DATA, the content. Sent together where the
/// server offers it, they still are four replies of a server that takes its time for each.
pub const REPLIES: f64 = 4.0;

/// A mail that the sink took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub at: Instant,
    pub signatures: usize,
    pub bytes: usize,
}

/// A mail server with a thread for each connection: their pauses are exact to a tenth of a
/// millisecond while the cores have time, those of the runtime's timers are not.
pub struct Sink {
    pub address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Sink {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let taken = Arc::<Mutex<Vec<Taken>>>::default();
        let kept = taken.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = kept.clone();
                // A client that hangs up has said all.
                thread::spawn(move || drop(converse(&stream, &kept)));
            }
        });
        Self { address, taken }
    }

    /// All mails so far, in the order in which they came.
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.taken).clone()
    }
}

fn lock(taken: &Mutex<Vec<Taken>>) -> MutexGuard<'_, Vec<Taken>> {
    taken.lock().expect("no thread panicked")
}

fn converse(stream: &TcpStream, taken: &Mutex<Vec<Taken>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut say = |text: &str| {
        thread::sleep(REPLY);
        writer.write_all(text.as_bytes())
    };
    say("220 sink.test ESMTP\r\n")?;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.get(..4).unwrap_or_default() {
            "EHLO" => say("250-sink.test\r\n250 8BITMIME\r\n")?,
            "DATA" => {
                say("354 go ahead\r\n")?;
                let (mut signatures, mut bytes) = (0, 0);
                while line != ".\r\n" {
                    line.clear();
                    if reader.read_line(&mut line)? == 0 {
                        return Ok(());
                    }
                    signatures += usize::from(line.starts_with("DKIM-Signature:"));
                    bytes += line.len();
                }
                say("250 2.0.0 taken\r\n")?;
                lock(taken).push(Taken { at: Instant::now(), signatures, bytes });
            }
            "QUIT" => return say("221 bye\r\n"),
            _ => say("250 2.0.0 ok\r\n")?,
        }
    }
}

/// Hands over so many mails of so many bytes, over so many connections, with nothing else to do.
pub fn talk(address: SocketAddr, connections: usize, mails: usize, bytes: usize) {
    let mut content = "Somebody asked for a link to choose a new password.\r\n".repeat(bytes / 53);
    content.push_str(".\r\n");
    let left = AtomicUsize::new(mails);
    thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| hand_over(address, &left, &content).expect("the sink takes all"));
        }
    });
}

fn hand_over(address: SocketAddr, left: &AtomicUsize, content: &str) -> Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(&stream), &stream);
    let mut line = String::new();
    // The greeting, and two lines about what the server can.
    reader.read_line(&mut line)?;
    writer.write_all(b"EHLO bench.test\r\n")?;
    reader.read_line(&mut line)?;
    reader.read_line(&mut line)?;
    let another = |left: usize| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, another).is_ok() {
        for words in [
            "MAIL FROM:<service@bench.test>\r\n",
            "RCPT TO:<c1@bench.test>\r\n",
            "DATA\r\n",
            content,
        ] {
            writer.write_all(words.as_bytes())?;
            line.clear();
            reader.read_line(&mut line)?;
        }
    }
    Ok(())
}
