//! Reports in the words of servers that write no RFC 3464: qmail's, Exim's, Postfix' without its
//! report, Exchange's. Only the words above the returned mail are read: below stands what we wrote
//! ourselves, and a customer's mailbox may have a strange name.

use super::status::{self, Status};
use super::{Notice, Verdict};

/// Characters of words that are read.
const LONGEST: usize = 16 * 1024;

/// Where the returned mail begins.
const RETURNED: [&str; 7] = [
    "--- below this line is a copy of the message",
    "------ this is a copy of",
    "--- original message",
    "-----original message",
    "original message headers",
    "--- the header of the original message",
    "--- returned message",
];

/// How a report begins to say that a server gave up.
const GAVE_UP: [&str; 18] = [
    "this is a permanent error",
    "could not be delivered",
    "couldn't be delivered",
    "wasn't delivered",
    "was not delivered",
    "wasn't able to deliver",
    "unable to deliver",
    "not been able to deliver",
    "undeliverable",
    "undelivered mail returned",
    "delivery has failed",
    "delivery failed",
    "delivery to the following recipient failed",
    "returned to sender",
    "address couldn't be found",
    "i've given up on your message",
    "permanent fatal errors",
    "failed permanently",
];

/// How one says that it goes on.
const GOES_ON: [&str; 6] = [
    "has not yet been delivered",
    "could not be delivered for the last",
    "this is a warning message only",
    "will be retried",
    "will keep trying",
    "delivery is delayed",
];

/// Reads the words of a report; `None` when they are none.
pub fn read(subject: &str, text: &str) -> Option<Notice> {
    let said = above(text);
    let all = format!("{subject}\n{said}").to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| all.contains(word));
    let gave_up = !says(&GOES_ON);
    if gave_up && !says(&GAVE_UP) {
        return None;
    }
    let reason = reason(said);
    let status = Status::find(reason);
    let code = status::find_code(reason);
    let verdict =
        if gave_up { status::judge(status, code, reason, true) } else { Verdict::Delayed };
    let named = status.map(|s| s.to_string()).or_else(|| code.map(|c| c.to_string()));
    let diagnostic = reason.chars().take(500).collect();
    let mut notice =
        Notice { verdict, status: named.unwrap_or_default(), diagnostic, clues: vec![] };
    for line in text.lines().skip(said.lines().count()) {
        let header = line.split_once(':').filter(|(name, _)| {
            ["message-id", "return-path"].iter().any(|n| name.trim().eq_ignore_ascii_case(n))
        });
        if let Some((_, value)) = header {
            notice.clue(value);
        }
    }
    Some(notice)
}

/// What stands above the returned mail.
fn above(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let start = line.trim_start().to_ascii_lowercase();
        if end > LONGEST || RETURNED.iter().any(|mark| start.starts_with(mark)) {
            break;
        }
        end += line.len();
    }
    &text[..end]
}

/// From the first line that bears a code on, else from the address on: before that stand greetings.
fn reason(said: &str) -> &str {
    let from = |fits: &dyn Fn(&str) -> bool| {
        let mut at = 0;
        for line in said.split_inclusive('\n') {
            if fits(line) {
                return Some(&said[at..]);
            }
            at += line.len();
        }
        None
    };
    from(&|line| Status::find(line).is_some() || status::find_code(line).is_some())
        .or_else(|| from(&|line| line.contains('@')))
        .unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QMAIL: &str = "Hi. This is the qmail-send program at mx.example.test.\n\
        I'm afraid I wasn't able to deliver your message to the following addresses.\n\
        This is a permanent error; I've given up. Sorry it didn't work out.\n\n\
        <ada@example.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n\
        --- Below this line is a copy of the message.\n\n\
        Return-Path: <shop+b-x@harbor.test>\nReceived: (qmail 1 invoked)\n\
        Message-ID: <random.b-x@harbor.test>\nSubject: 550 5.7.1 quota\n";
    const EXIM: &str = "This message was created automatically by mail delivery software.\n\n\
        A message that you sent could not be delivered to one or more of its\n\
        recipients. This is a permanent error. The following address(es) failed:\n\n  \
        ada@example.test\n    host mx.example.test [192.0.2.1]\n    \
        SMTP error from remote mail server after RCPT TO:<ada@example.test>:\n    \
        550 No such user here\n\n\
        ------ This is a copy of the message, including all the headers. ------\n\nMessage-ID: <x>\n";
    const EXIM_LATE: &str = "This message was created automatically by mail delivery software.\n\
        A message that you sent has not yet been delivered to one or more of its recipients after \
        more than 24 hours.\n";
    const EXCHANGE: &str = "Delivery has failed to these recipients or groups:\n\n\
        ada@example.test\nThe email address you entered couldn't be found.\n\n\
        Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP'\n\n\
        Original message headers:\n\nMessage-ID: <random.b-x@harbor.test>\n";
    const POSTFIX: &str = "This is the mail system at host mx.example.test.\n\n\
        I'm sorry to have to inform you that your message could not\n\
        be delivered to one or more recipients. It's attached below.\n\n\
        <ada@example.test>: host mx[192.0.2.1] said: 552 5.2.2 mailbox full (in reply to RCPT)\n\
        It was undeliverable.\n";

    #[test]
    fn the_words_of_common_servers_are_read() {
        for (text, verdict, status, clues) in [
            (QMAIL, Verdict::Dead, "5.1.1", 2),
            (EXIM, Verdict::Dead, "550", 1),
            (EXIM_LATE, Verdict::Delayed, "", 0),
            (EXCHANGE, Verdict::Dead, "5.1.10", 1),
            (POSTFIX, Verdict::Lost, "5.2.2", 0),
        ] {
            let notice = read("Mail delivery", text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((notice.verdict, &*notice.status), (verdict, status), "{text}");
            assert_eq!(notice.clues.len(), clues, "{text}");
        }
        for text in ["I am on holiday until the 5.1.1", "Your parcel was delivered", ""] {
            assert_eq!(read("Re: Choose a new password", text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read(text in "(?s).{0,3000}") {
            let _ = read(&text, &text);
            let _ = read("undeliverable", &format!("{text}\n--- Below this line is a copy of the message\n{text}"));
        }
    }
}
