//! The LMTP listener, over a real socket: what a mail server says, and what nobody should.

use std::path::PathBuf;

use doorkey::mail::lmtp::{self, Listener, Place};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;

/// A listener on a free port.
pub struct Server {
    address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(test: &TestApp) -> Self {
        let place = Place::Tcp("127.0.0.1:0".parse().unwrap());
        let listener = Listener::open(&place).await.unwrap();
        let Listener::Tcp(tcp) = &listener else { unreachable!() };
        let address = tcp.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(lmtp::serve(listener, test.app.inbound(), stopped));
        Self { address, stop, task }
    }

    pub async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.address).await.unwrap()).await
    }
}

pub struct Client<S>(BufReader<S>);

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Client<S> {
    async fn new(stream: S) -> Self {
        let mut client = Self(BufReader::new(stream));
        assert!(client.reply().await.starts_with("220 "));
        client
    }

    /// One whole reply; empty when the other side hung up.
    async fn reply(&mut self) -> String {
        let mut whole = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.unwrap_or(0) == 0 {
                return whole;
            }
            whole.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return whole;
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.reply().await
    }

    /// Sends a message up to its dot, and gives one reply for each recipient.
    pub async fn deliver(&mut self, recipients: &[&str], raw: &str) -> Vec<String> {
        assert!(self.say("LHLO mx.test").await.starts_with("250"));
        assert!(self.say("MAIL FROM:<>").await.starts_with("250"));
        for recipient in recipients {
            let reply = self.say(&format!("RCPT TO:<{recipient}>")).await;
            assert!(reply.starts_with("250"), "{recipient}: {reply}");
        }
        assert!(self.say("DATA").await.starts_with("354"));
        let stuffed = raw.replace("\r\n.", "\r\n..");
        self.0.get_mut().write_all(stuffed.as_bytes()).await.unwrap();
        self.0.get_mut().write_all(b"\r\n.\r\n").await.unwrap();
        let mut replies = Vec::new();
        for _ in recipients {
            replies.push(self.reply().await);
        }
        replies
    }
}

both!(a_mail_server_hands_a_report_over, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let server = Server::start(&test).await;
    let mut client = server.connect().await;
    for unknown in ["ada@example.test", "service+b-0123@harbor.test", "postmaster@harbor.test"] {
        client.say("LHLO mx.test").await;
        client.say("MAIL FROM:<>").await;
        let reply = client.say(&format!("RCPT TO:<{unknown}>")).await;
        assert!(reply.starts_with("550 5.1.1"), "{unknown}: {reply}");
    }
    let replies = client.deliver(&[&mail.from, "service@harbor.test"], &unknown(&mail)).await;
    assert_eq!(replies.len(), 2);
    assert!(replies.iter().all(|reply| reply.starts_with("250 2.0.0")), "{replies:?}");
    // On disk before it was answered.
    super::story::what_follows(&test, &mail).await;
    assert!(client.say("NOOP").await.starts_with("250"), "the conversation goes on");
    assert!(client.say("QUIT").await.starts_with("221"));
    assert_eq!(client.reply().await, "");
});

both!(a_database_that_is_down_keeps_the_report_at_the_mail_server, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let server = Server::start(&test).await;
    let mut client = server.connect().await;
    test.app.db.close().await;
    let replies = client.deliver(&[&mail.from], &unknown(&mail)).await;
    assert!(replies[0].starts_with("451 4.3.0"), "{replies:?}");
});

both!(abuse_is_answered_and_ends, |db| async move {
    let test = TestApp::start(db).await;
    let mail = mail_to_ada(&test).await;
    let server = Server::start(&test).await;
    // Too large: answered for each recipient, and the conversation goes on.
    let mut client = server.connect().await;
    let huge = "x".repeat(998) + "\r\n";
    let huge = format!("Subject: x\r\n\r\n{}", huge.repeat(1100));
    let replies = client.deliver(&[&mail.from], &huge).await;
    assert!(replies[0].starts_with("552 5.3.4"), "{replies:?}");
    assert!(client.say("NOOP").await.starts_with("250"));
    // A line without end, bare line feeds, and too many mistakes end it.
    for (said, code) in [("y".repeat(5000), "500"), ("NOOP\nNOOP".into(), "500")] {
        let mut client = server.connect().await;
        let reply = client.say(&said).await;
        assert!(reply.starts_with(code), "{reply}");
        let mut rest = Vec::new();
        let _ = client.0.read_to_end(&mut rest).await;
    }
    let mut client = server.connect().await;
    let mut replies = Vec::new();
    for _ in 0..30 {
        replies.push(client.say("EHLO mx.test").await);
        if replies.last().unwrap().starts_with("421") {
            break;
        }
    }
    assert!(replies.len() > 10 && replies.last().unwrap().starts_with("421"), "{replies:?}");
    // A second message smuggled behind a dot between bare line feeds is part of the first.
    let mut client = server.connect().await;
    let smuggled = format!("Subject: x\r\n\r\na\n.\nMAIL FROM:<>\nRCPT TO:<{}>\nDATA\n", mail.from);
    let replies = client.deliver(&[&mail.from], &smuggled).await;
    assert!(replies[0].starts_with("250"), "{replies:?}");
    assert!(client.say("DATA").await.starts_with("503"));
    // Gone in the middle: nothing happened.
    let mut client = server.connect().await;
    client.say("LHLO mx.test").await;
    client.say("MAIL FROM:<>").await;
    client.say(&format!("RCPT TO:<{}>", mail.from)).await;
    client.say("DATA").await;
    client.0.get_mut().write_all(unknown(&mail).as_bytes()).await.unwrap();
    drop(client);
    assert_eq!(outcomes(&test).await, ["sent"]);
    // Told to stop, it says so and ends.
    let mut waiting = server.connect().await;
    server.stop.send(true).unwrap();
    assert!(waiting.reply().await.starts_with("421"));
    server.task.await.unwrap();
});

#[tokio::test]
async fn a_socket_in_the_file_system_is_replaced_only_when_nobody_listens() {
    let test = TestApp::start(crate::support::app::Database::Sqlite).await;
    let path: PathBuf = test.folder.join("lmtp");
    let place = Place::Unix(path.clone());
    let listener = Listener::open(&place).await.unwrap();
    assert!(Listener::open(&place).await.is_err(), "in use");
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(lmtp::serve(listener, test.app.inbound(), stopped));
    let mut client = Client::new(UnixStream::connect(&path).await.unwrap()).await;
    assert!(client.say("LHLO mx.test").await.contains("PIPELINING"));
    assert!(client.say("QUIT").await.starts_with("221"));
    stop.send(true).unwrap();
    task.await.unwrap();
    Listener::open(&place).await.unwrap();
    let file = test.folder.join("no-socket");
    std::fs::write(&file, "precious").unwrap();
    assert!(Listener::open(&Place::Unix(file.clone())).await.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn other_machines_are_let_in_only_when_told_so() {
    let read = |listen: &str, open| {
        let lmtp_listen = Some(listen.to_owned());
        let config =
            doorkey::config::BounceConfig { lmtp_listen, lmtp_open: open, ..Default::default() };
        Place::read(&config)
    };
    assert!(read("127.0.0.1:2424", false).is_ok() && read("[::1]:2424", false).is_ok());
    assert!(read("unix:/run/doorkey/lmtp", false).is_ok());
    assert!(read("0.0.0.0:2424", false).unwrap_err().contains("bounce.lmtp_open"));
    assert!(read("0.0.0.0:2424", true).is_ok());
    assert!(read("here", true).unwrap_err().contains("bounce.lmtp_listen"));
}
