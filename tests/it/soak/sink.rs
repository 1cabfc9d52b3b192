//! A mail server that misbehaves by a seeded plan, and remembers what it took and which of it nobody
//! was told of.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use doorkey::clock::{Clock, Micros};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Longer than the program waits for an answer.
const STALL: Duration = Duration::from_secs(4);

/// A number that depends on nothing but these.
pub fn draw(seed: u64, text: &str, round: u64) -> u64 {
    let mut state = seed ^ round.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for byte in text.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        state ^= state >> 29;
    }
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state ^ (state >> 31)
}

/// What the server does with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Accept,
    Defer,
    Refuse,
    DeferContent,
    /// Takes it, and says nothing.
    DropTaken,
    /// Hangs up over the content.
    DropLost,
    Stall,
}

/// What became of the mails to one recipient.
#[derive(Clone, Debug, Default)]
pub struct Account {
    tries: u64,
    /// When it was taken, each time.
    pub taken: Vec<Micros>,
    /// How often it was taken without anybody having been told.
    pub windows: usize,
    /// Whether it was refused for good.
    pub refused: bool,
}

struct State {
    seed: u64,
    /// Until then, the bad domain takes nothing.
    bad_until: Micros,
    accounts: Mutex<HashMap<String, Account>>,
}

/// The running server.
pub struct Sink {
    pub address: SocketAddr,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

/// The domain that defers everything at first.
pub const BAD: &str = "bad.test";

impl Sink {
    pub async fn start(seed: u64, bad_until: Micros) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let accounts = Mutex::default();
        let mut sink = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(State { seed, bad_until, accounts }),
            accepting: None,
        };
        sink.accepting = Some(tokio::spawn(accept(listener, sink.state.clone())));
        sink
    }

    /// Cuts all conversations, is away for a moment, and comes back.
    pub async fn restart(&mut self, away: Duration) {
        if let Some(task) = self.accepting.take() {
            task.abort();
            let _ = task.await;
        }
        tokio::time::sleep(away).await;
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        self.accepting = Some(tokio::spawn(accept(listener, self.state.clone())));
    }

    /// What became of the mails to everybody.
    pub fn accounts(&self) -> HashMap<String, Account> {
        lock(&self.state).clone()
    }

    /// One more window: whoever sent this mail died before it could write down the answer.
    pub fn died_with(&self, recipient: &str) {
        if let Some(account) = lock(&self.state).get_mut(recipient)
            && !account.taken.is_empty()
        {
            account.windows += 1;
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(task) = self.accepting.take() {
            task.abort();
        }
    }
}

fn lock(state: &State) -> MutexGuard<'_, HashMap<String, Account>> {
    state.accounts.lock().unwrap()
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut conversations = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        let state = state.clone();
        conversations.spawn(async move { drop(converse(tcp, &state).await) });
        while conversations.try_join_next().is_some() {}
    }
}

/// Counts as a window what was taken, until the client goes on after the answer: one that hangs up
/// instead, or whose conversation is cut, may not have heard it.
struct Untold<'a> {
    state: &'a State,
    recipient: String,
    told: bool,
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        if !self.told {
            lock(self.state).entry(self.recipient.clone()).or_default().windows += 1;
        }
    }
}

async fn converse(tcp: TcpStream, state: &State) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut wire = BufReader::new(tcp);
    wire.write_all(b"220 soak.test ESMTP\r\n").await?;
    let (mut to, mut deed) = (String::new(), Deed::Accept);
    let mut line = Vec::new();
    let mut untold: Option<Untold<'_>> = None;
    loop {
        line.clear();
        if wire.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        if let Some(mut last) = untold.take() {
            last.told = true;
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        let answer = match text.get(..4).unwrap_or_default().to_uppercase().as_str() {
            "EHLO" => "250 soak.test",
            "RCPT" => {
                to = text.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                deed = state.plan(&to);
                match deed {
                    Deed::Defer => "451 4.3.0 not now",
                    Deed::Refuse => {
                        lock(state).entry(to.clone()).or_default().refused = true;
                        "550 5.1.1 no such user"
                    }
                    Deed::Stall => {
                        tokio::time::sleep(STALL).await;
                        return Ok(());
                    }
                    _ => "250 2.1.5 ok",
                }
            }
            "DATA" => "354 go ahead",
            "QUIT" => return Ok(()),
            _ => "250 ok",
        };
        wire.write_all(format!("{answer}\r\n").as_bytes()).await?;
        if answer.starts_with("354") {
            content(&mut wire).await?;
            match deed {
                Deed::DropLost => return Ok(()),
                Deed::DeferContent => {
                    wire.write_all(b"452 4.3.1 no disk\r\n").await?;
                    continue;
                }
                _ => {}
            }
            lock(state).entry(to.clone()).or_default().taken.push(Clock::System.now());
            untold = Some(Untold { state, recipient: to.clone(), told: false });
            if deed == Deed::DropTaken {
                return Ok(());
            }
            wire.write_all(b"250 2.0.0 taken\r\n").await?;
        }
    }
}

async fn content(wire: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if wire.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(());
        }
    }
}

impl State {
    fn plan(&self, to: &str) -> Deed {
        let mut accounts = lock(self);
        let account = accounts.entry(to.to_owned()).or_default();
        account.tries += 1;
        if to.ends_with(BAD) && Clock::System.now() < self.bad_until {
            return Deed::Defer;
        }
        match draw(self.seed, to, account.tries) % 100 {
            0..5 => Deed::Defer,
            5..7 => Deed::Refuse,
            7..9 => Deed::DeferContent,
            9..12 => Deed::DropTaken,
            12..14 => Deed::DropLost,
            14 if account.tries == 1 => Deed::Stall,
            _ => Deed::Accept,
        }
    }
}
