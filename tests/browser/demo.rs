//! The program under test: a `doorkey demo` in a process and a folder of its own.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::MessageParser;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::browser::Browser;

/// Everybody's password.
pub const PASSWORD: &str = "harbor-lighthouse-42";

/// A browser takes a core; more stories at once only wait for each other.
static STORIES: Semaphore = Semaphore::const_new(2);

/// A temporary folder, gone at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("doorkey-browser-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The running program.
pub struct Demo {
    /// `http://127.0.0.1:40123`
    pub origin: String,
    child: Child,
    seen: Mutex<HashSet<String>>,
    folder: Folder,
    _turn: SemaphorePermit<'static>,
}

/// An answer without a browser.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

/// A mail as its reader sees it.
pub struct Mail {
    pub id: String,
    pub subject: String,
    pub text: String,
}

impl Mail {
    /// The link in its text that has `part` in it. A link stands on a line of its own.
    pub fn link(&self, part: &str) -> &str {
        let mut lines = self.text.lines().map(str::trim);
        let found = lines.find(|line| line.starts_with("http") && line.contains(part));
        found.unwrap_or_else(|| panic!("no link with {part} in:\n{}", self.text))
    }
}

impl Demo {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with further settings by environment.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::run(&[], settings).await
    }

    /// The same where the envelope sends this: `temporary`, `link` or `current`.
    pub async fn start_as(reminder: &str) -> Self {
        Self::run(&["--reminder", reminder], &[]).await
    }

    /// Where its data is, for what only time or an accident does to it.
    pub fn database(&self) -> String {
        format!("sqlite:{}", self.folder.0.join("doorkey.db").display())
    }

    /// The same with further words on the command line.
    pub async fn run(words: &[&str], settings: &[(&str, &str)]) -> Self {
        let turn = STORIES.acquire().await.unwrap();
        let folder = Folder::new();
        // Killed when the thread of its test ends, however it ends.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_doorkey")])
            .args(["demo", "--listen", "127.0.0.1:0", "--data"])
            .arg(&folder.0)
            .args(words)
            .env("DOORKEY_CAPTCHA__DIFFICULTY", "2000")
            .env("DOORKEY_LIMITS__SOURCE_REQUESTS", "1000")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.0.join("log")).unwrap())
            .spawn()
            .expect("doorkey starts");
        // Read to the end: the program must not find its standard output closed.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let start = lines.find(|line| line.contains("Start here")).expect("where it starts");
        let origin = start.split_whitespace().last().unwrap().trim_end_matches('/').to_owned();
        lines.find(|line| line.contains("Ctrl-C")).expect("how it is stopped");
        Self { origin, child, seen: Mutex::default(), folder, _turn: turn }
    }

    /// A browser with a fresh profile.
    pub async fn browser(&self) -> Browser {
        Browser::start(&self.origin, true).await
    }

    /// A browser that runs no scripts.
    pub async fn browser_without_script(&self) -> Browser {
        Browser::start(&self.origin, false).await
    }

    /// The next mail to `to` that this story has not read yet; waits for it.
    pub async fn mail(&self, to: &str) -> Mail {
        for _ in 0..200 {
            if let Some(mail) = self.unread(to).await {
                return mail;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no mail came to {to}");
    }

    async fn unread(&self, to: &str) -> Option<Mail> {
        let list = self.get(&format!("/mailbox/messages.json?to={to}")).await;
        let list: Vec<Value> = serde_json::from_slice(&list.body).unwrap();
        let id = {
            let mut seen = self.seen.lock().unwrap();
            // Oldest first.
            let ids = list.iter().rev().map(|entry| entry["id"].as_str().unwrap().to_owned());
            ids.into_iter().find(|id| seen.insert(id.clone()))?
        };
        let raw = self.get(&format!("/mailbox/messages/{id}.eml")).await;
        let mail = MessageParser::new().parse(&raw.body).unwrap();
        let text = mail.body_text(0).unwrap().into_owned();
        Some(Mail { id, subject: mail.subject().unwrap().to_owned(), text })
    }

    /// A recovery link for `email`, asked for without a browser.
    pub async fn link(&self, store: &str, email: &str) -> String {
        let altcha = self.proof_of_work(store).await;
        let reply = self.forgot(store, &[("email", email), ("altcha", &altcha)]).await;
        assert_eq!(reply.status, 202);
        self.mail(email).await.link("/reset?token=").to_owned()
    }

    pub async fn forgot(&self, store: &str, fields: &[(&str, &str)]) -> Reply {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let body = form.extend_pairs(fields).finish();
        self.send("POST", &format!("/s/{store}/forgot"), &body).await
    }

    /// A solved challenge as the form posts it.
    pub async fn proof_of_work(&self, store: &str) -> String {
        let challenge = self.get(&format!("/s/{store}/captcha")).await;
        let challenge: altcha::Challenge = serde_json::from_slice(&challenge.body).unwrap();
        let options = altcha::SolveChallengeOptions::new(&challenge);
        let solution = altcha::solve_challenge(options).unwrap().expect("a solution");
        STANDARD.encode(json!({ "challenge": challenge, "solution": solution }).to_string())
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "").await
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Reply {
        let host = self.origin.trim_start_matches("http://");
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head, body: answer.split_off(end + 4) }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
