//! What travels over a connection: the server's replies, what they mean for a mail, and the form in
//! which the mail itself goes out.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::Blame;

/// The longest reply line read (RFC 5321, 4.5.3.1.5 asks for 512) and the most lines of one reply.
const MAX_LINE: u64 = 2048;
const MAX_LINES: usize = 100;
/// The most characters of a reply that are kept.
const MAX_REPLY: usize = 300;

/// A server's answer.
pub(super) struct Reply {
    pub code: u16,
    /// Code and lines as one printable line.
    pub text: String,
    /// The lines without their code.
    pub lines: Vec<String>,
}

/// How far a conversation had come. Only the last three say something about the recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Connection, greeting, `EHLO`, TLS, log-in: nothing of the mail was said.
    Setup,
    /// `MAIL`: the sender was named.
    Mail,
    /// `RCPT`.
    Recipient,
    /// `DATA`: the message is announced; the server has nothing of it yet.
    Data,
    /// The message itself.
    Content,
}

/// Why a conversation did not get further.
#[derive(Debug)]
pub(super) struct Failure {
    /// Where it happened.
    pub step: Step,
    /// The reply code, when the server answered at all.
    pub code: Option<u16>,
    /// The server's answer, or what happened instead; one printable line.
    pub text: String,
}

impl Failure {
    /// Whether the server refused this recipient or message for good. Not meant are complaints about
    /// the command (500 to 504) or a missing log-in (530 to 538): those are about us, and would be
    /// answered to any recipient. 552 to `RCPT` stands for 452 (RFC 5321, 4.5.3.1.10).
    pub fn is_final(&self) -> bool {
        let Some(code) = self.code else { return false };
        match self.step {
            Step::Setup | Step::Mail => false,
            Step::Recipient | Step::Data | Step::Content if matches!(code, 500..=504 | 530..=538) => {
                false
            }
            Step::Recipient => code >= 500 && code != 552,
            Step::Data | Step::Content => code >= 500,
        }
    }

    /// Whether nobody knows if the server has the message: it was handed over and never answered.
    pub fn is_open(&self) -> bool {
        self.step == Step::Content && self.code.is_none()
    }

    /// Who is to wait. A full mailbox (RFC 3463: 4.2.x) says nothing about the others of its domain,
    /// nor does greylisting, which wants this one mail to come again; 421 is a server that goes away.
    pub fn blame(&self) -> Blame {
        match (self.step, self.code) {
            (Step::Setup, _) => Blame::Relay,
            (Step::Mail, _) | (_, None | Some(421)) => Blame::Mail,
            _ => {
                let text = self.text.to_ascii_lowercase();
                let own = ["4.2.", "greylist", "graylist"].iter().any(|word| text.contains(word));
                if own { Blame::Mail } else { Blame::Domain }
            }
        }
    }

    /// Whether the connection is of no more use: it broke, or the server said it closes it (421).
    pub fn ends_session(&self) -> bool {
        matches!(self.code, None | Some(421))
    }
}

/// Reads one whole reply, however many lines it has.
pub(super) async fn read_reply(wire: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Reply> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not SMTP");
    let mut lines = Vec::new();
    while lines.len() < MAX_LINES {
        let mut line = Vec::new();
        wire.take(MAX_LINE).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.strip_suffix('\n').ok_or_else(malformed)?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (code, rest) = line.split_at_checked(3).ok_or_else(malformed)?;
        let code = code.parse().ok().filter(|code| (200..600).contains(code));
        let code: u16 = code.ok_or_else(malformed)?;
        lines.push(rest.get(1..).unwrap_or_default().to_owned());
        if !rest.starts_with('-') {
            let text = printable(&format!("{code} {}", lines.join(" ")));
            return Ok(Reply { code, text, lines });
        }
    }
    Err(malformed())
}

/// One line without control characters, cut at [`MAX_REPLY`].
pub(super) fn printable(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.trim().chars().take(MAX_REPLY).collect()
}

/// A message as it travels behind `DATA`: every line ends in CRLF, a leading dot is doubled, and the
/// end mark follows (RFC 5321, 4.5.2). Bare CR and LF become CRLF: servers disagree on what they
/// mean, and that disagreement is how a second message gets smuggled into one.
pub(super) fn wire_form(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 50 + 8);
    // Line by line: copied byte by byte, it cost more than putting the mail into words.
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for text in line.split(|byte| *byte == b'\r') {
            if text.starts_with(b".") {
                out.push(b'.');
            }
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop, proptest};

    use super::*;

    /// Reads a reply off these bytes, with what is left of them.
    fn read(mut bytes: &[u8]) -> (io::Result<Reply>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let reply = runtime.block_on(read_reply(&mut bytes));
        (reply, bytes.len())
    }

    /// Bytes that look like a server's answer, more or less.
    fn almost_replies() -> impl Strategy<Value = Vec<u8>> {
        let part = proptest::prop_oneof![
            prop::sample::select(vec![
                "250",
                "250-",
                "250 ",
                "2",
                "5.1.1",
                " ",
                "-",
                "\r",
                "\n",
                "\r\n",
                "354 go\r\n",
                "421-x\r\n",
                "999 ",
                "\0",
                "é"
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..40),
            (0usize..5000).prop_map(|length| vec![b'a'; length]),
        ];
        prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(bytes in almost_replies()) {
            let (reply, left) = read(&bytes);
            assert!(left <= bytes.len());
            if let Ok(reply) = reply {
                assert!((200..600).contains(&reply.code));
                assert!(reply.text.chars().count() <= MAX_REPLY);
                assert!(!reply.text.contains(char::is_control), "{:?}", reply.text);
                assert!((1..=MAX_LINES).contains(&reply.lines.len()));
                assert!(reply.lines.iter().all(|line| !line.contains('\n')));
            }
        }

        #[test]
        fn what_follows_a_reply_is_left_alone(
            code in 200u16..600,
            lines in prop::collection::vec("[ -~]{0,60}", 1..20),
            rest in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let last = lines.len() - 1;
            let mark = |n| if n == last { ' ' } else { '-' };
            let said = |(n, line): (usize, &String)| format!("{code}{}{line}\r\n", mark(n));
            let mut bytes = lines.iter().enumerate().map(said).collect::<String>().into_bytes();
            bytes.extend(&rest);
            let (reply, left) = read(&bytes);
            let reply = reply.unwrap();
            assert_eq!((reply.code, &reply.lines, left), (code, &lines, rest.len()));
        }

        #[test]
        fn a_wire_form_ends_once_and_says_the_same(raw in prop::collection::vec(
            prop::sample::select(b"ab.\r\n".to_vec()), 0..200)
        ) {
            let wire = String::from_utf8(wire_form(&raw)).unwrap();
            assert!(wire == ".\r\n" || wire.ends_with("\r\n.\r\n"), "{wire:?}");
            let lines: Vec<&str> = wire.strip_suffix(".\r\n").unwrap().split("\r\n").collect();
            assert!(lines.iter().all(|line| *line != "." && !line.contains(['\r', '\n'])));
            let text = String::from_utf8(raw).unwrap().replace("\r\n", "\n").replace('\r', "\n");
            let unstuffed = lines.iter().map(|line| line.strip_prefix('.').unwrap_or(line));
            let unstuffed = unstuffed.collect::<Vec<_>>().join("\n");
            assert_eq!(unstuffed.trim_end_matches('\n'), text.trim_end_matches('\n'));
        }
    }

    #[test]
    fn dots_are_stuffed_and_line_ends_repaired() {
        for (raw, wire) in [
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            ("", ".\r\n"),
            (".\r\n..b\r\nc.", "..\r\n...b\r\nc.\r\n.\r\n"),
            ("a\n.\nMAIL FROM:<x@y>\r.\r", "a\r\n..\r\nMAIL FROM:<x@y>\r\n..\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8(wire_form(raw.as_bytes())).unwrap(), wire, "{raw:?}");
        }
    }

    #[test]
    fn only_the_recipients_own_refusal_is_final() {
        let is_final = |step, code| Failure { step, code, text: String::new() }.is_final();
        assert!(is_final(Step::Recipient, Some(550)) && is_final(Step::Content, Some(554)));
        for (step, code) in [
            (Step::Setup, Some(554)),
            (Step::Mail, Some(550)),
            (Step::Recipient, Some(450)),
            (Step::Recipient, Some(530)),
            (Step::Recipient, Some(552)),
            (Step::Content, Some(503)),
            (Step::Content, None),
        ] {
            assert!(!is_final(step, code), "{step:?} {code:?}");
        }
    }

    #[test]
    fn a_domain_is_blamed_for_what_it_says_of_all_its_mail_only() {
        for (step, code, text, blame) in [
            (Step::Setup, None, "no connection", Blame::Relay),
            (Step::Setup, Some(421), "421 busy", Blame::Relay),
            (Step::Mail, Some(451), "451 4.7.1 later", Blame::Mail),
            (Step::Recipient, Some(451), "451 4.3.0 later", Blame::Domain),
            (Step::Content, Some(452), "452 4.3.1 no disk", Blame::Domain),
            (Step::Recipient, Some(552), "552 full", Blame::Domain),
            (Step::Recipient, Some(452), "452 4.2.2 mailbox full", Blame::Mail),
            (Step::Recipient, Some(450), "450 4.7.1 Greylisted, come again", Blame::Mail),
            (Step::Recipient, Some(421), "421 4.3.2 going down", Blame::Mail),
            (Step::Content, None, "the server closed the connection", Blame::Mail),
        ] {
            let failure = Failure { step, code, text: text.to_owned() };
            assert_eq!(failure.blame(), blame, "{text}");
        }
    }
}
