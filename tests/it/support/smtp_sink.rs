//! A real SMTP server on loopback that records what it is sent and misbehaves on demand.
//!
//! What it does is a [`Plan`] that a test may exchange while it runs; each step of each conversation
//! looks at the plan of that moment. Nothing here sleeps to be in time: waiting is by notification.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

pub use tls::Certificate;
use tls::Certificates;

mod talk;
mod tls;

/// How long the `wait_…` helpers wait before the test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// A place in the conversation where the sink can misbehave, named by what the client just did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Connect,
    Hello,
    StartTls,
    Auth,
    Mail,
    Recipient,
    /// `DATA`, before the content.
    Data,
    /// The content and its final dot.
    Content,
    Reset,
    Quit,
}

/// What the sink does instead of its ordinary answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers this (without CRLF). 421 also closes the connection.
    Reply(&'static str),
    /// Closes the connection without an answer. At [`Step::Content`] the message is lost.
    Drop,
    /// At [`Step::Content`]: records the message, then closes the connection without an answer.
    DropRecorded,
    /// At [`Step::Content`]: records the message, then answers this all the same.
    ReplyRecorded(&'static str),
    /// Waits this long before the ordinary answer.
    Stall(Duration),
    /// At [`Step::Content`]: records the message, and repeats its links and what stands alone on a
    /// line in an answer that puts it off.
    Echo,
}

/// When the sink speaks TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    #[default]
    None,
    /// Offers `STARTTLS`.
    Start(Certificate),
    /// TLS from the first byte, as for `smtps://`.
    Implicit(Certificate),
}

/// The sink's behaviour. The default accepts everything, in clear.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Nothing listens: connections are refused, and open ones are cut.
    pub closed: bool,
    pub tls: Tls,
    /// Bytes written in clear together with the answer to `STARTTLS`.
    pub injected: Option<&'static str>,
    /// Offers `AUTH PLAIN LOGIN`; any log-in is right unless a fault says otherwise.
    pub auth: bool,
    /// What it offers instead, such as `XOAUTH2`.
    pub mechanisms: Option<&'static str>,
    /// Offers `PIPELINING`.
    pub pipelining: bool,
    /// Asks for the content even when it took no recipient, as some servers do.
    pub eager: bool,
    /// Waits this long before every single answer.
    pub delay: Duration,
    /// The first that matches a step applies; see [`Plan::at`].
    pub faults: Vec<(Step, Fault)>,
    /// The faults are for recipients at this domain alone.
    pub only: Option<&'static str>,
}

impl Plan {
    /// Accepts everything.
    pub fn accept() -> Self {
        Self::default()
    }

    /// Nothing listens.
    pub fn closed() -> Self {
        Self { closed: true, ..Self::default() }
    }

    /// Misbehaves at a step, every time.
    pub fn at(mut self, step: Step, fault: Fault) -> Self {
        self.faults.push((step, fault));
        self
    }

    /// Misbehaves only to recipients at this domain.
    pub fn only(mut self, domain: &'static str) -> Self {
        self.only = Some(domain);
        self
    }

    /// Speaks TLS.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }
}

/// A message as it arrived: dots unstuffed, line ends as sent.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub recipients: Vec<String>,
    pub raw: Vec<u8>,
    /// Whether it came over TLS.
    pub encrypted: bool,
}

impl Received {
    /// The raw message as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }
}

#[derive(Default)]
struct Record {
    messages: Vec<Received>,
    commands: Vec<String>,
    connections: usize,
    most_at_once: usize,
    pipelined: usize,
}

struct State {
    plan: Mutex<Plan>,
    record: Mutex<Record>,
    changed: Notify,
    certificates: Certificates,
}

/// The running sink; stops when dropped.
pub struct SmtpSink {
    address: SocketAddr,
    state: Arc<State>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl SmtpSink {
    /// Starts on a free loopback port.
    pub async fn start(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let sink = Self {
            address: listener.local_addr().expect("a bound address"),
            state: Arc::new(State {
                plan: Mutex::default(),
                record: Mutex::default(),
                changed: Notify::new(),
                certificates: Certificates::new(),
            }),
            accepting: Mutex::new(None),
        };
        let task = tokio::spawn(accept(listener, Arc::clone(&sink.state)));
        *lock(&sink.accepting) = Some(task);
        sink.set(plan).await;
        sink
    }

    /// Exchanges the plan. On return a closed port is closed, and an open one accepts.
    pub async fn set(&self, plan: Plan) {
        let closed = plan.closed;
        *lock(&self.state.plan) = plan;
        let task = lock(&self.accepting).take();
        let task = match task {
            Some(task) if closed => {
                task.abort();
                let _ = task.await;
                None
            }
            None if !closed => {
                let listener = TcpListener::bind(self.address).await.expect("our own port again");
                Some(tokio::spawn(accept(listener, Arc::clone(&self.state))))
            }
            unchanged => unchanged,
        };
        *lock(&self.accepting) = task;
    }

    /// `smtp://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// `smtps://127.0.0.1:port`, for [`Tls::Implicit`].
    pub fn tls_url(&self) -> String {
        format!("smtps://{}", self.address)
    }

    /// A PEM file of the authority that signed [`Certificate::Valid`] and [`Certificate::WrongName`].
    pub fn root_certificate(&self) -> &Path {
        self.state.certificates.authority_file()
    }

    /// Everything received so far, oldest first.
    pub fn messages(&self) -> Vec<Received> {
        lock(&self.state.record).messages.clone()
    }

    /// Everything received so far, taken out, so that the next count starts at nought.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut lock(&self.state.record).messages)
    }

    /// Every command line seen so far, over all connections; the content of messages is not one.
    pub fn commands(&self) -> Vec<String> {
        lock(&self.state.record).commands.clone()
    }

    /// Whether a command starting with `verb` (in capitals) was seen.
    pub fn saw(&self, verb: &str) -> bool {
        self.commands().iter().any(|line| line.to_uppercase().starts_with(verb))
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        lock(&self.state.record).connections
    }

    /// The most connections that were open at the same time.
    pub fn most_at_once(&self) -> usize {
        lock(&self.state.record).most_at_once
    }

    /// How many commands came together with the next one.
    pub fn pipelined(&self) -> usize {
        lock(&self.state.record).pipelined
    }

    /// Waits until at least `count` messages were received; returns all of them.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_until(|record| record.messages.len() >= count).await;
        self.messages()
    }

    /// Waits until a command starting with `verb` (in capitals) was seen.
    pub async fn wait_for_command(&self, verb: &str) {
        let said = |line: &String| line.to_uppercase().starts_with(verb);
        self.wait_until(|record| record.commands.iter().any(said)).await;
    }

    /// Waits until a client has connected.
    pub async fn wait_for_connection(&self) {
        self.wait_until(|record| record.connections > 0).await;
    }

    async fn wait_until(&self, reached: impl Fn(&Record) -> bool) {
        let wait = async {
            loop {
                let changed = self.state.changed.notified();
                if reached(&lock(&self.state.record)) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            let record = lock(&self.state.record);
            let (messages, commands) = (record.messages.len(), &record.commands);
            panic!("waited in vain: {messages} messages, commands {commands:?}");
        }
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.accepting).take() {
            task.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panicked while it held this")
}

/// Serves until aborted, which also ends every conversation.
async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut conversations = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        while conversations.try_join_next().is_some() {}
        {
            let mut record = lock(&state.record);
            record.connections += 1;
            record.most_at_once = record.most_at_once.max(conversations.len() + 1);
        }
        state.changed.notify_waiters();
        let state = Arc::clone(&state);
        // A conversation that breaks is what many tests want.
        conversations.spawn(async move { drop(talk::converse(tcp, &state).await) });
    }
}
