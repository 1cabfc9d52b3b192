//! An HTTP/1.1 client that costs little beside what it measures: one kept connection, no parsing
//! beyond status, `Set-Cookie` and length.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One kept connection.
pub struct Client {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    /// As it came, with the status line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, buffer: Vec::with_capacity(64 * 1024) })
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        self.send(request.as_bytes()).await
    }

    /// Sends a request that is written already.
    pub async fn send(&mut self, request: &[u8]) -> Answer {
        self.stream.write_all(request).await.expect("the server reads");
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("the server answers");
            assert!(read > 0, "the server hung up");
            if let Some((head, length)) = head(&self.buffer) {
                while self.buffer.len() < head + length {
                    let read = self.stream.read_buf(&mut self.buffer).await.expect("a body");
                    assert!(read > 0, "the server hung up");
                }
                let status = std::str::from_utf8(&self.buffer[9..12]).ok();
                let status = status.and_then(|s| s.parse().ok()).expect("a status");
                let body = self.buffer[head..head + length].to_vec();
                let head = String::from_utf8_lossy(&self.buffer[..head]).into_owned();
                return Answer { status, head, body };
            }
        }
    }
}

/// A form as it goes over the wire.
pub fn post(address: SocketAddr, path: &str, form: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded\
         \r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
}

/// Length of the head and of the body behind it, once the head is complete.
fn head(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|n| n.trim().parse().ok())
        .unwrap_or(0);
    Some((end, length))
}
