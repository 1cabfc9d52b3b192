//! One connection to a mail server: the client's side of RFC 5321, with `STARTTLS` (RFC 3207) and
//! `PIPELINING` (RFC 2920); logging in is in `auth`.
//!
//! Every command and the whole message leave in one write each, and TCP_NODELAY is set: small writes
//! that wait for a delayed acknowledgement cost about 40 ms a mail.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::TlsPolicy;
use super::auth::Login;
use super::reply::{Failure, Reply, Step, printable, read_reply};

/// The server to talk to, as read from the settings.
pub(super) struct Server {
    pub name: ServerName<'static>,
    pub host: String,
    pub port: u16,
    pub loopback: bool,
    pub implicit_tls: bool,
    pub policy: TlsPolicy,
    pub login: Option<Login>,
    pub hello: Option<String>,
    pub timeout: Duration,
    pub tls: Arc<ClientConfig>,
}

impl Server {
    /// `host:port`, for people.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

trait Wire: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Wire for T {}

/// An open conversation, past `EHLO`, TLS and log-in.
pub(super) struct Session {
    wire: BufReader<Box<dyn Wire>>,
    timeout: Duration,
    /// The lines of the `EHLO` reply after the first, in capitals.
    features: Vec<String>,
    pub(super) tls: Option<&'static str>,
    pub(super) logged_in: bool,
}

impl Session {
    /// Connects and does everything that comes before a mail.
    pub async fn open(server: &Server) -> Result<Self, Failure> {
        let connect = TcpStream::connect((server.host.as_str(), server.port));
        let tcp = match timeout(server.timeout, connect).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(error)) => return Err(setup(format!("{}: {error}", server.place()))),
            Err(_) => return Err(setup(format!("{}: no connection in time", server.place()))),
        };
        tcp.set_nodelay(true).map_err(|error| setup(error.to_string()))?;
        let hello = match (&server.hello, tcp.local_addr().map(|address| address.ip())) {
            (Some(name), _) => name.clone(),
            (None, Ok(std::net::IpAddr::V6(ip))) => format!("[IPv6:{ip}]"),
            (None, Ok(std::net::IpAddr::V4(ip))) => format!("[{ip}]"),
            (None, Err(_)) => "localhost".to_owned(),
        };
        let mut session = Self {
            wire: BufReader::new(Box::new(tcp)),
            timeout: server.timeout,
            features: Vec::new(),
            tls: None,
            logged_in: false,
        };
        if server.implicit_tls {
            session = session.encrypt(server).await?;
        }
        session.reply(Step::Setup, 220).await?;
        session.ehlo(&hello).await?;
        if !server.implicit_tls && server.policy != TlsPolicy::None {
            session = session.starttls(server, &hello).await?;
        }
        if let Some(login) = &server.login {
            session.log_in(login, server.loopback).await?;
        }
        Ok(session)
    }

    /// What was found on the way, for the operator.
    pub fn describe(&self) -> String {
        let tls = self.tls.map_or("no TLS".to_owned(), |version| {
            format!("{version} with a verified certificate")
        });
        let login = if self.logged_in { "logged in" } else { "no log-in" };
        format!("ready, {tls}, {login}")
    }

    /// Hands over one message, in the form of [`super::reply::wire_form`]; returns the server's final
    /// answer.
    pub async fn deliver(
        &mut self,
        from: &str,
        to: &str,
        content: &[u8],
    ) -> Result<String, Failure> {
        if self.feature("PIPELINING").is_some() {
            self.announce(from, to).await?;
        } else {
            self.command(Step::Mail, &format!("MAIL FROM:<{from}>"), 250).await?;
            self.command(Step::Recipient, &format!("RCPT TO:<{to}>"), 250).await?;
            self.command(Step::Data, "DATA", 354).await?;
        }
        self.write(Step::Content, content).await?;
        Ok(self.reply(Step::Content, 250).await?.text)
    }

    /// All that comes before the content, in one write and one round trip.
    async fn announce(&mut self, from: &str, to: &str) -> Result<(), Failure> {
        let group = format!("MAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n");
        self.write(Step::Mail, group.as_bytes()).await?;
        let mut refused = None;
        for step in [Step::Mail, Step::Recipient] {
            match self.reply(step, 250).await {
                Ok(_) => {}
                // Nothing follows on a connection that ends.
                Err(failure) if failure.ends_session() => return Err(refused.unwrap_or(failure)),
                Err(failure) => refused = refused.or(Some(failure)),
            }
        }
        let go = self.reply(Step::Data, 354).await;
        let Some(refused) = refused else { return go.map(drop) };
        // A server may ask for the message all the same. An empty one to nobody ends that (RFC 2920,
        // 3.1). After a refused sender it is not certain that there is nobody: then the connection is
        // given up, which sends nothing at all.
        if go.is_ok() && refused.step == Step::Recipient {
            let _ = self.command(Step::Setup, ".", 250).await;
        }
        Err(refused)
    }

    /// Forgets the mail begun, so that the connection can carry another.
    pub async fn reset(&mut self) -> Result<(), Failure> {
        self.command(Step::Setup, "RSET", 250).await.map(drop)
    }

    /// Takes leave and waits for the answer.
    pub async fn quit(mut self) {
        // Whatever the server says to QUIT, the connection ends here.
        let _ = self.command(Step::Setup, "QUIT", 221).await;
    }

    /// Takes leave of a server that is in trouble, without waiting for it.
    pub async fn leave(mut self) {
        let _ = self.write(Step::Setup, b"QUIT\r\n").await;
    }

    async fn ehlo(&mut self, hello: &str) -> Result<(), Failure> {
        let reply = self.command(Step::Setup, &format!("EHLO {hello}"), 250).await?;
        self.features = reply.lines.iter().skip(1).map(|line| line.to_uppercase()).collect();
        Ok(())
    }

    pub(super) fn feature(&self, keyword: &str) -> Option<&str> {
        self.features
            .iter()
            .find(|line| line.split([' ', '=']).next() == Some(keyword))
            .map(String::as_str)
    }

    async fn starttls(mut self, server: &Server, hello: &str) -> Result<Self, Failure> {
        if self.feature("STARTTLS").is_none() {
            if server.policy == TlsPolicy::Opportunistic {
                return Ok(self);
            }
            self.leave().await;
            return Err(setup("the server offers no TLS, and smtp.tls requires it".to_owned()));
        }
        self.command(Step::Setup, "STARTTLS", 220).await?;
        // Whatever came in clear behind that reply would otherwise be taken for the server's answers
        // inside TLS (CVE-2011-0411). What arrives later breaks the handshake by itself.
        if !self.wire.buffer().is_empty() {
            return Err(setup(
                "the server went on in clear after STARTTLS: not trusted".to_owned(),
            ));
        }
        let mut session = self.encrypt(server).await?;
        session.ehlo(hello).await?;
        Ok(session)
    }

    async fn encrypt(mut self, server: &Server) -> Result<Self, Failure> {
        let connector = TlsConnector::from(Arc::clone(&server.tls));
        let handshake = connector.connect(server.name.clone(), self.wire.into_inner());
        let stream = match timeout(self.timeout, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(setup(format!("TLS failed: {error}"))),
            Err(_) => return Err(setup("TLS failed: no answer in time".to_owned())),
        };
        let version = stream.get_ref().1.protocol_version();
        self.tls = Some(match version {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS 1.2",
        });
        self.wire = BufReader::new(Box::new(stream));
        self.features.clear();
        Ok(self)
    }

    pub(super) async fn command(
        &mut self,
        step: Step,
        line: &str,
        wanted: u16,
    ) -> Result<Reply, Failure> {
        let line = Zeroizing::new(format!("{line}\r\n"));
        self.write(step, line.as_bytes()).await?;
        self.reply(step, wanted).await
    }

    async fn write(&mut self, step: Step, bytes: &[u8]) -> Result<(), Failure> {
        let write = async {
            self.wire.write_all(bytes).await?;
            self.wire.flush().await
        };
        match timeout(self.timeout, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(broken(step, &error)),
            Err(_) => Err(Failure { step, code: None, text: "the server stopped reading".into() }),
        }
    }

    /// Reads one whole reply and compares its code with the one that lets the conversation go on.
    async fn reply(&mut self, step: Step, wanted: u16) -> Result<Reply, Failure> {
        let reply = match timeout(self.timeout, read_reply(&mut self.wire)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Err(broken(step, &error)),
            Err(_) => {
                let text = format!("no answer within {} s", self.timeout.as_secs());
                return Err(Failure { step, code: None, text });
            }
        };
        // 251 (will forward) and 252 (cannot verify) let RCPT go on like 250 (RFC 5321, 4.2.3).
        if reply.code == wanted || (step == Step::Recipient && matches!(reply.code, 251 | 252)) {
            return Ok(reply);
        }
        Err(Failure { step, code: Some(reply.code), text: reply.text })
    }
}

pub(super) fn setup(text: String) -> Failure {
    Failure { step: Step::Setup, code: None, text: printable(&text) }
}

fn broken(step: Step, error: &io::Error) -> Failure {
    let text = match error.kind() {
        io::ErrorKind::UnexpectedEof if step == Step::Content => {
            "the server closed the connection before it confirmed the message".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        _ => format!("connection lost: {error}"),
    };
    Failure { step, code: None, text: printable(&text) }
}
