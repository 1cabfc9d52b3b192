//! The program itself, as a child process, and its pages over a real socket.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::browser::Browser;

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program with this environment and nothing of ours but the path.
fn command(args: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorkey"));
    command.args(args).env_clear().envs(environment.iter().copied());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| OsStr::new("").into()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub fn run(args: &[&str], environment: &[(&str, &str)]) -> Output {
    command(args, environment).output().unwrap()
}

/// The same, with something on standard input.
pub fn run_with(args: &[&str], environment: &[(&str, &str)], input: &[u8]) -> Output {
    use std::io::Write;
    let mut child = command(args, environment).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // It may end before it has read everything.
    let _ = pipe.write_all(input);
    drop(pipe);
    child.wait_with_output().unwrap()
}

/// What it wrote to standard error.
pub fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The program while it runs. Killed when dropped.
pub struct Running {
    child: Child,
    /// Standard output and standard error so far.
    said: Arc<Mutex<String>>,
}

impl Running {
    /// Starts the program.
    pub fn start(args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = command(args, environment).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().unwrap(), said.clone());
        listen(child.stderr.take().unwrap(), said.clone());
        Self { child, said }
    }

    /// Everything that it said so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it said this; fails if it ends before.
    pub async fn wait_for(&mut self, text: &str) -> String {
        let wait = async {
            while !self.said().contains(text) {
                if let Some(status) = self.child.try_wait().unwrap() {
                    panic!("it ended with {status} and said: {}", self.said());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "waited in vain for {text:?}: {}", self.said());
        self.said()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends it at once, as a power cut would: SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop, as a service manager does, and waits for the end: SIGTERM.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn listen(from: impl Read + Send + 'static, said: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    });
}

/// A browser that asks a program over the network.
pub fn remote(address: SocketAddr) -> Browser {
    let router = Router::new().fallback(move |request: Request| async move {
        let answer = tokio::time::timeout(PATIENCE, exchange(address, request)).await;
        // What a browser shows when nobody answers.
        answer
            .ok()
            .flatten()
            .unwrap_or_else(|| Response::builder().status(599).body(Body::empty()).unwrap())
    });
    let mut browser = Browser::new(router);
    browser.origin = format!("http://{address}");
    browser
}

/// One request on a connection of its own; nothing if the connection breaks.
async fn exchange(address: SocketAddr, request: Request) -> Option<Response> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 10_000_000).await.ok()?;
    let mut text = format!("{} {} HTTP/1.1\r\n", parts.method, parts.uri);
    for (name, value) in &parts.headers {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().ok()?));
    }
    text.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(&[text.as_bytes(), &body].concat()).await.ok()?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).await.ok()?;
    parse(&raw)
}

fn parse(raw: &[u8]) -> Option<Response> {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&raw[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse::<u16>().ok()?;
    let mut response = Response::builder().status(status);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        assert_ne!(name, "transfer-encoding", "pages are sent whole");
        response = response.header(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    response.body(Body::from(raw[end + 4..].to_vec())).ok()
}
