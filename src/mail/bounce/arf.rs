//! Feedback reports (ARF, RFC 5965): a mail provider passes on that a reader pressed "spam".

use super::dsn::groups;
use super::{Notice, Verdict};

/// Reads the part `message/feedback-report`; `None` when it says of what kind it is not.
pub fn read(text: &str) -> Option<Notice> {
    let groups = groups(text);
    let fields = groups.first()?;
    let kind = fields.get("feedback-type")?.to_ascii_lowercase();
    let mut notice = Notice::nothing();
    // "not-spam" takes one back, "auth-failure" is no reader's word (RFC 6591), an opt-out is not
    // about mails that one asks for.
    if matches!(kind.as_str(), "abuse" | "fraud" | "virus" | "other" | "miscategorized") {
        notice.verdict = Verdict::Complaint;
        notice.diagnostic = format!("reported as {kind}");
    }
    for name in ["original-mail-from", "original-envelope-id"] {
        if let Some(clue) = fields.get(name) {
            notice.clue(clue);
        }
    }
    Some(notice)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_readers_complaint_is_one() {
        let report = "Feedback-Type: abuse\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n\
            Original-Mail-From: <shop+b-x@harbor.test>\r\nOriginal-Rcpt-To: <ada@example.test>\r\n";
        let notice = read(report).unwrap();
        assert_eq!(notice.verdict, Verdict::Complaint);
        assert_eq!(notice.clues, ["<shop+b-x@harbor.test>"]);
        for other in ["not-spam", "auth-failure", "opt-out"] {
            let notice = read(&report.replace("abuse", other)).unwrap();
            assert_eq!(notice.verdict, Verdict::Nothing, "{other}");
        }
        assert_eq!(read("Version: 1\r\n"), None);
    }

    proptest! {
        #[test]
        fn anything_is_read(text in "(?s).{0,2000}") {
            let _ = read(&text);
            let _ = read(&format!("Feedback-Type: {text}"));
        }
    }
}
