//! The sink's side of one conversation.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Fault, Plan, Received, State, Step, Tls, lock};

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

struct Talk<'a> {
    state: &'a State,
    wire: BufReader<Box<dyn Wire>>,
    encrypted: bool,
    from: String,
    recipients: Vec<String>,
    /// Whom the client named last.
    to: String,
}

/// What an answer leaves of the conversation.
#[derive(PartialEq)]
enum Said {
    /// The ordinary answer.
    Usual,
    /// Another answer; the conversation goes on.
    Refused,
    /// The connection is to be closed.
    Over,
}

/// Talks to one client until either side ends it.
pub(super) async fn converse(tcp: TcpStream, state: &State) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let tls = lock(&state.plan).tls;
    let (wire, encrypted): (Box<dyn Wire>, bool) = match tls {
        Tls::Implicit(certificate) => {
            (Box::new(state.certificates.acceptor(certificate).accept(tcp).await?), true)
        }
        _ => (Box::new(tcp), false),
    };
    let wire = BufReader::new(wire);
    let (from, recipients, to) = (String::new(), Vec::new(), String::new());
    let mut talk = Talk { state, wire, encrypted, from, recipients, to };
    if talk.answer(Step::Connect, "220 sink.test ESMTP").await? != Said::Usual {
        return Ok(());
    }
    loop {
        let line = talk.line().await?;
        if line.is_empty() {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        {
            let mut record = lock(&state.record);
            record.commands.push(line.clone());
            record.pipelined += usize::from(!talk.wire.buffer().is_empty());
        }
        state.changed.notify_waiters();
        if talk.turn(&line).await? == Said::Over {
            return Ok(());
        }
        if line.eq_ignore_ascii_case("STARTTLS") && !talk.encrypted {
            talk = talk.encrypt().await?;
        }
    }
}

impl Talk<'_> {
    async fn turn(&mut self, line: &str) -> io::Result<Said> {
        let upper = line.to_ascii_uppercase();
        let verb = upper.split([' ', ':']).next().unwrap_or_default();
        match verb {
            "EHLO" => {
                let features = self.features();
                self.answer(Step::Hello, &features).await
            }
            "HELO" => self.answer(Step::Hello, "250 sink.test").await,
            "STARTTLS" => self.starttls().await,
            "AUTH" => self.log_in(&upper).await,
            "MAIL" => {
                let said = self.answer(Step::Mail, "250 2.1.0 sender ok").await?;
                if said == Said::Usual {
                    self.from = path(line);
                    self.recipients.clear();
                }
                Ok(said)
            }
            "RCPT" => {
                self.to = path(line);
                let said = self.answer(Step::Recipient, "250 2.1.5 recipient ok").await?;
                if said == Said::Usual {
                    self.recipients.push(path(line));
                }
                Ok(said)
            }
            "DATA" if self.recipients.is_empty() && !lock(&self.state.plan).eager => {
                self.write("503 5.5.1 no recipient").await.map(|()| Said::Refused)
            }
            "DATA" => match self.answer(Step::Data, "354 go ahead").await? {
                Said::Usual => self.content().await,
                other => Ok(other),
            },
            "RSET" => {
                self.recipients.clear();
                self.answer(Step::Reset, "250 2.0.0 forgotten").await
            }
            "NOOP" => self.write("250 2.0.0 ok").await.map(|()| Said::Usual),
            "QUIT" => {
                self.answer(Step::Quit, "221 2.0.0 bye").await?;
                Ok(Said::Over)
            }
            _ => self.write("500 5.5.2 what?").await.map(|()| Said::Refused),
        }
    }

    fn features(&self) -> String {
        let plan = lock(&self.state.plan);
        let mut lines = vec!["sink.test", "8BITMIME", "SIZE 10485760"];
        if matches!(plan.tls, Tls::Start(_)) && !self.encrypted {
            lines.push("STARTTLS");
        }
        let mechanisms = plan.mechanisms.map(|offered| format!("AUTH {offered}"));
        match &mechanisms {
            Some(offered) => lines.push(offered),
            None if plan.auth => lines.push("AUTH PLAIN LOGIN"),
            None => {}
        }
        if plan.pipelining {
            lines.push("PIPELINING");
        }
        let last = lines.len() - 1;
        let mark = |(i, line)| format!("250{}{line}", if i == last { ' ' } else { '-' });
        lines.into_iter().enumerate().map(mark).collect::<Vec<_>>().join("\r\n")
    }

    async fn starttls(&mut self) -> io::Result<Said> {
        let plan: Plan = lock(&self.state.plan).clone();
        if !matches!(plan.tls, Tls::Start(_)) || self.encrypted {
            self.write("502 5.5.1 no TLS here").await?;
            return Ok(Said::Over);
        }
        let go = format!("220 2.0.0 go\r\n{}", plan.injected.unwrap_or_default());
        match self.answer(Step::StartTls, go.trim_end()).await? {
            Said::Usual => Ok(Said::Usual),
            // A client that goes on in clear after a refusal is not what is tested here.
            _ => Ok(Said::Over),
        }
    }

    async fn encrypt(self) -> io::Result<Self> {
        let tls = lock(&self.state.plan).tls;
        let (Tls::Start(certificate) | Tls::Implicit(certificate)) = tls else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let acceptor = self.state.certificates.acceptor(certificate);
        let wire: Box<dyn Wire> = Box::new(acceptor.accept(self.wire.into_inner()).await?);
        Ok(Self { wire: BufReader::new(wire), encrypted: true, ..self })
    }

    async fn log_in(&mut self, command: &str) -> io::Result<Said> {
        if command.starts_with("AUTH LOGIN") {
            for prompt in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                self.write(prompt).await?;
                self.line().await?;
            }
        }
        if let Some(Fault::Reply(challenge)) = self.fault(Step::Auth)
            && challenge.starts_with("334")
        {
            self.write(challenge).await?;
            self.line().await?;
            return self.write("535 5.7.8 no such token").await.map(|()| Said::Refused);
        }
        self.answer(Step::Auth, "235 2.7.0 welcome").await
    }

    async fn content(&mut self) -> io::Result<Said> {
        let mut raw = Vec::new();
        loop {
            let line = self.line().await?;
            match line.as_slice() {
                b"" => return Ok(Said::Over),
                b".\r\n" => break,
                [b'.', rest @ ..] => raw.extend_from_slice(rest),
                whole => raw.extend_from_slice(whole),
            }
        }
        if self.recipients.is_empty() {
            return self.write("554 5.5.1 no valid recipients").await.map(|()| Said::Refused);
        }
        let fault = self.fault(Step::Content);
        if !matches!(fault, Some(Fault::Reply(_) | Fault::Drop)) {
            let message = Received {
                from: std::mem::take(&mut self.from),
                recipients: std::mem::take(&mut self.recipients),
                raw,
                encrypted: self.encrypted,
            };
            let told = told(&message.raw);
            let count = {
                let mut record = lock(&self.state.record);
                record.messages.push(message);
                record.messages.len()
            };
            self.state.changed.notify_waiters();
            if matches!(fault, Some(Fault::Echo)) {
                self.write(&format!("451 4.3.0 you said {told}")).await?;
                return Ok(Said::Refused);
            }
            return self.answer(Step::Content, &format!("250 2.0.0 queued as {count}")).await;
        }
        self.answer(Step::Content, "250").await
    }

    fn fault(&self, step: Step) -> Option<Fault> {
        let plan = lock(&self.state.plan);
        if let Some(domain) = plan.only
            && !self.to.ends_with(&format!("@{domain}"))
        {
            return None;
        }
        plan.faults.iter().find(|(at, _)| *at == step).map(|(_, fault)| fault.clone())
    }

    /// Answers a step as planned, or as usual.
    async fn answer(&mut self, step: Step, usual: &str) -> io::Result<Said> {
        match self.fault(step) {
            None => {}
            Some(Fault::Drop | Fault::DropRecorded) => return Ok(Said::Over),
            Some(Fault::Echo) => {}
            Some(Fault::Stall(time)) => tokio::time::sleep(time).await,
            Some(Fault::Reply(reply) | Fault::ReplyRecorded(reply)) => {
                self.write(reply).await?;
                let over = reply.starts_with("421") || step == Step::Connect;
                return Ok(if over { Said::Over } else { Said::Refused });
            }
        }
        self.write(usual).await?;
        Ok(Said::Usual)
    }

    async fn write(&mut self, reply: &str) -> io::Result<()> {
        let delay = lock(&self.state.plan).delay;
        if delay > Duration::ZERO {
            tokio::time::sleep(delay).await;
        }
        self.wire.write_all(format!("{reply}\r\n").as_bytes()).await?;
        self.wire.flush().await
    }

    /// The next line with its end; empty when the client has closed the connection.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.wire.read_until(b'\n', &mut line).await?;
        Ok(line)
    }
}

/// What a message has to hide: its first link with a token, else what stands alone on a line.
fn told(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw).replace("=\r\n", "");
    let lone =
        |line: &&str| line.matches('-').count() == 5 && !line.contains(' ') && !line.contains('/');
    let mut lines = text.lines().filter(lone).chain(text.lines().filter(|l| l.contains("token=")));
    lines.next().unwrap_or_default().chars().take(200).collect()
}

/// What stands between the angle brackets of `MAIL` or `RCPT`.
fn path(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(|| line.to_owned(), |(address, _)| address.to_owned())
}
