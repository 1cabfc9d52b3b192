//! What is said in a conversation by LMTP (RFC 2033), without a socket: commands in, answers out.
//! Strict where two readers could disagree: a line ends with CRLF, and so does the dot that ends a
//! message, or one message could smuggle another in.

use crate::mail::bounce::LARGEST;

/// Longest line of a command, with its end (RFC 5321, 4.5.3.1.4 asks for 512; addresses are long).
pub const LINE: usize = 1024;
/// Recipients of one message. Ours go to one, and so do reports about them.
const RECIPIENTS: usize = 20;
/// Mistakes that are answered before the conversation ends.
const MISTAKES: u32 = 20;

/// What to do after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// Answer this.
    Answer(String),
    /// Answer this, then take the message up to its end.
    Listen(String),
    /// Answer this and hang up.
    Goodbye(String),
}

/// A conversation.
#[derive(Debug, Default)]
pub struct Talk {
    greeted: bool,
    sender: Option<String>,
    recipients: Vec<String>,
    mistakes: u32,
}

impl Talk {
    /// One that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is said first.
    pub fn greeting(&self) -> String {
        "220 doorkey LMTP ready\r\n".into()
    }

    /// Answers a line, as it came; `is_ours` says which recipients are known.
    pub fn command(&mut self, line: &[u8], is_ours: impl Fn(&str) -> bool) -> Say {
        let Some(line) = line.strip_suffix(b"\r\n").filter(|_| line.len() <= LINE) else {
            // What follows is the rest of it, and no command.
            return Say::Goodbye("500 5.5.2 lines end with CRLF and are shorter\r\n".into());
        };
        let printable = line.iter().all(|b| matches!(b, b' '..=b'~'));
        let Some(line) = std::str::from_utf8(line).ok().filter(|_| printable) else {
            return self.mistake("500 5.5.2 that is not ASCII");
        };
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match &*verb.to_ascii_uppercase() {
            "LHLO" => self.hello(rest),
            "HELO" | "EHLO" => self.mistake("500 5.5.1 this is LMTP: say LHLO"),
            "MAIL" => self.mail(rest),
            "RCPT" => self.recipient(rest, is_ours),
            "DATA" => self.data(rest),
            "RSET" => {
                self.forget();
                answer("250 2.0.0 forgotten")
            }
            "NOOP" => answer("250 2.0.0 still here"),
            "VRFY" => answer("252 2.1.5 send and see"),
            "QUIT" => Say::Goodbye("221 2.0.0 goodbye\r\n".into()),
            _ => self.mistake("500 5.5.1 unknown command"),
        }
    }

    /// Who sent the message to whom; the next one begins anew.
    pub fn finish(&mut self) -> (String, Vec<String>) {
        let found = (self.sender.take().unwrap_or_default(), std::mem::take(&mut self.recipients));
        self.forget();
        found
    }

    fn forget(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    fn mistake(&mut self, text: &str) -> Say {
        self.mistakes += 1;
        if self.mistakes > MISTAKES {
            return Say::Goodbye("421 4.7.0 too many mistakes\r\n".into());
        }
        answer(text)
    }

    fn hello(&mut self, name: &str) -> Say {
        if name.trim().is_empty() {
            return self.mistake("501 5.5.4 say who you are");
        }
        self.greeted = true;
        self.forget();
        Say::Answer(format!(
            "250-doorkey\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n\
             250 SIZE {LARGEST}\r\n"
        ))
    }

    fn mail(&mut self, rest: &str) -> Say {
        if !self.greeted || self.sender.is_some() {
            return self.mistake("503 5.5.1 not now");
        }
        let Some((sender, options)) = path(rest, "FROM:") else {
            return self.mistake("501 5.5.4 MAIL FROM:<sender>");
        };
        for option in options.split_ascii_whitespace() {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match &*name.to_ascii_uppercase() {
                "SIZE" if value.parse::<usize>().is_ok_and(|size| size > LARGEST) => {
                    return answer("552 5.3.4 too large");
                }
                "SIZE" | "BODY" | "RET" | "ENVID" => {}
                _ => return self.mistake("555 5.5.4 unknown parameter"),
            }
        }
        self.sender = Some(sender.to_owned());
        answer("250 2.1.0 go on")
    }

    fn recipient(&mut self, rest: &str, is_ours: impl Fn(&str) -> bool) -> Say {
        if self.sender.is_none() {
            return self.mistake("503 5.5.1 MAIL first");
        }
        let Some((recipient, _)) = path(rest, "TO:").filter(|(path, _)| !path.is_empty()) else {
            return self.mistake("501 5.5.4 RCPT TO:<recipient>");
        };
        if self.recipients.len() == RECIPIENTS {
            return answer("452 4.5.3 enough");
        }
        if !is_ours(recipient) {
            return self.mistake("550 5.1.1 no such address here");
        }
        self.recipients.push(recipient.to_owned());
        answer("250 2.1.5 go on")
    }

    fn data(&mut self, rest: &str) -> Say {
        if !rest.is_empty() {
            return self.mistake("501 5.5.4 DATA alone");
        }
        if self.recipients.is_empty() {
            return self.mistake("503 5.5.1 RCPT first");
        }
        Say::Listen("354 end with a dot\r\n".into())
    }
}

fn answer(text: &str) -> Say {
    Say::Answer(format!("{text}\r\n"))
}

/// What stands between the angle brackets behind `word`, and what stands behind them. A source route
/// is passed over (RFC 5321, appendix C).
fn path<'a>(rest: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let start = rest.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
    let rest = rest[start.len()..].trim_start().strip_prefix('<')?;
    let (path, options) = rest.split_once('>')?;
    if path.len() > 320 || !(options.is_empty() || options.starts_with(' ')) {
        return None;
    }
    let path = if path.starts_with('@') { path.split_once(':')?.1 } else { path };
    Some((path, options))
}

/// A message as it comes in, line by line.
#[derive(Debug, Default)]
pub struct Content {
    bytes: Vec<u8>,
    is_too_large: bool,
    /// Whether the next piece begins a line.
    mid_line: bool,
}

impl Content {
    /// Takes a piece that ends with a line feed, or is too long to; true at the end of the message.
    pub fn push(&mut self, piece: &[u8]) -> bool {
        let begins = !std::mem::replace(&mut self.mid_line, !piece.ends_with(b"\r\n"));
        if begins && piece == b".\r\n" {
            return true;
        }
        let piece = if begins { piece.strip_prefix(b".").unwrap_or(piece) } else { piece };
        if self.bytes.len() + piece.len() > LARGEST {
            self.is_too_large = true;
            self.bytes = Vec::new();
        }
        if !self.is_too_large {
            self.bytes.extend_from_slice(piece);
        }
        false
    }

    /// The message; `None` when it is too large.
    pub fn message(&self) -> Option<&[u8]> {
        (!self.is_too_large).then_some(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(talk: &mut Talk, line: &str) -> String {
        let line = format!("{line}\r\n");
        match talk.command(line.as_bytes(), |recipient| recipient.starts_with("shop")) {
            Say::Answer(text) | Say::Listen(text) | Say::Goodbye(text) => text,
        }
    }

    #[test]
    fn a_message_is_taken_in_its_order_only() {
        let mut talk = Talk::new();
        for (line, code) in [
            ("MAIL FROM:<>", "503"),
            ("EHLO mx", "500"),
            ("LHLO", "501"),
            ("LHLO mx.test", "250-"),
            ("RCPT TO:<shop@harbor.test>", "503"),
            ("DATA", "503"),
            ("MAIL FROM:<> SIZE=99999999", "552"),
            ("MAIL FROM:<> X=1", "555"),
            ("MAIL FROM:<a@b.test>x", "501"),
            ("MAIL FROM: <> SIZE=100 BODY=8BITMIME", "250"),
            ("MAIL FROM:<>", "503"),
            ("RCPT TO:<>", "501"),
            ("RCPT TO:<ada@example.test>", "550"),
            ("rcpt to:<@relay.test:shop@harbor.test>", "250"),
            ("DATA now", "501"),
            ("DATA", "354"),
        ] {
            assert!(said(&mut talk, line).starts_with(code), "{line}");
        }
        assert_eq!(talk.finish(), (String::new(), vec!["shop@harbor.test".into()]));
        assert!(said(&mut talk, "DATA").starts_with("503"), "all is forgotten");
        assert!(said(&mut talk, "QUIT").starts_with("221"));
    }

    #[test]
    fn only_a_dot_between_crlfs_ends_a_message() {
        let mut content = Content::default();
        for piece in ["Subject: x\r\n", "\r\n", "..dot\r\n", "a\n", ".\n", ".\r\n", "b\r\n"] {
            assert!(!content.push(piece.as_bytes()), "{piece:?}");
        }
        assert!(content.push(b".\r\n"));
        let whole = "Subject: x\r\n\r\n.dot\r\na\n.\n.\r\nb\r\n";
        assert_eq!(content.message().unwrap(), whole.as_bytes());
        let mut huge = Content::default();
        for _ in 0..=LARGEST / 1000 {
            assert!(!huge.push(&[b"x".repeat(999), b"\n".to_vec()].concat()));
        }
        assert!(huge.push(b".\r\n") || huge.message().is_none());
    }

    proptest! {
        #[test]
        fn any_lines_are_answered_with_one_reply_each(
            lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..40)
        ) {
            let mut talk = Talk::new();
            talk.command(b"LHLO x\r\n", |_| true);
            for mut line in lines {
                line.extend(b"\r\n");
                match talk.command(&line, |_| true) {
                    Say::Answer(text) => {
                        let last = text.lines().last().unwrap_or_default();
                        prop_assert!(text.ends_with("\r\n") && last.as_bytes()[3] == b' ');
                    }
                    Say::Listen(_) => prop_assert!(!talk.finish().1.is_empty()),
                    Say::Goodbye(_) => break,
                }
            }
        }
    }
}
