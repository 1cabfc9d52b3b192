//! Delivery reports (RFC 3464): groups of fields, one group about the report, then one a recipient.
//! Our mails have one recipient; where a mailbox forwards to several, good news of one counts.

use super::status::{self, Status};
use super::{Notice, Verdict};

/// Groups that are read: nobody forwards to more.
const GROUPS: usize = 32;
/// Fields of a group, and characters of a field's value.
const FIELDS: usize = 64;
const VALUE: usize = 1000;

/// The fields of one group, names in lower case, values unfolded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A value without the type in front of it: `rfc822; ada@example.test`.
    pub fn typed(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?;
        Some(value.split_once(';').map_or(value, |(_, rest)| rest).trim())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads groups of fields, parted by empty lines. What is no field is passed over.
pub fn groups(text: &str) -> Vec<Fields> {
    let mut groups = vec![Fields::default()];
    for line in text.lines() {
        let last = groups.len() - 1;
        if line.trim().is_empty() {
            if groups.len() == GROUPS {
                break;
            }
            if !groups[last].is_empty() {
                groups.push(Fields::default());
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = groups[last].0.last_mut()
                && value.len() < VALUE
            {
                value.push(' ');
                value.extend(line.trim().chars().take(VALUE));
            }
        } else if let Some((name, value)) = line.split_once(':')
            && groups[last].0.len() < FIELDS
            && (1..=76).contains(&name.len())
        {
            let value = value.trim().chars().take(VALUE).collect();
            groups[last].0.push((name.trim().to_ascii_lowercase(), value));
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// Reads the part `message/delivery-status`; `None` when it tells of no recipient.
pub fn read(text: &str) -> Option<Notice> {
    let mut notice = Notice::nothing();
    let mut told = false;
    for group in groups(text) {
        // The mark comes back as the envelope's identifier where a server keeps one.
        if let Some(id) = group.typed("original-envelope-id") {
            notice.clue(id);
        }
        let Some(action) = group.get("action") else { continue };
        let verdict = about(&group, &action.to_ascii_lowercase());
        if verdict == Verdict::Nothing {
            return Some(Notice { clues: notice.clues, ..Notice::nothing() });
        }
        if told && notice.verdict == Verdict::Dead {
            continue;
        }
        let diagnostic = group.typed("diagnostic-code").unwrap_or_default();
        let status = group.get("status").and_then(Status::parse);
        let status = status.or_else(|| Status::find(diagnostic)).map(|s| s.to_string());
        let code = || status::find_code(diagnostic).map(|code| code.to_string());
        notice = Notice {
            verdict,
            status: status.or_else(code).unwrap_or_default(),
            diagnostic: diagnostic.to_owned(),
            clues: notice.clues,
        };
        told = true;
    }
    told.then_some(notice)
}

fn about(group: &Fields, action: &str) -> Verdict {
    let gave_up = match action.split(|c: char| !c.is_ascii_alphabetic()).next() {
        Some("failed") => true,
        Some("delayed") => return Verdict::Delayed,
        // Delivered, relayed, expanded: it went on.
        _ => return Verdict::Nothing,
    };
    let diagnostic = group.typed("diagnostic-code").unwrap_or_default();
    let told = group.get("status").and_then(Status::parse);
    // A general code of the reporting server hides what the other one said.
    let said = Status::find(diagnostic);
    let status = told.filter(|s| s.subject != 0).or(said).or(told);
    status::judge(status, status::find_code(diagnostic), diagnostic, gave_up)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POSTFIX: &str = "Reporting-MTA: dns; mail.harbor.test\r\nX-Postfix-Queue-ID: 4B\r\n\r\n\
        Final-Recipient: rfc822; ada@example.test\r\nOriginal-Recipient: rfc822;ada@example.test\r\n\
        Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.test\r\n\
        Diagnostic-Code: smtp; 550 5.1.1 <ada@example.test>: Recipient address rejected:\r\n    \
        User unknown\r\n";

    #[test]
    fn a_report_is_read_with_its_folded_lines() {
        let notice = read(POSTFIX).unwrap();
        assert_eq!(notice.verdict, Verdict::Dead);
        assert_eq!(notice.status, "5.1.1");
        let said = "550 5.1.1 <ada@example.test>: Recipient address rejected: User unknown";
        assert_eq!(notice.diagnostic, said);
        assert_eq!(read(&POSTFIX.replace("failed", "delayed")).unwrap().verdict, Verdict::Delayed);
        assert_eq!(read(&POSTFIX.replace("failed", "relayed")).unwrap().verdict, Verdict::Nothing);
        assert_eq!(read(&POSTFIX.replace("Action", "Auction")), None);
        let one_of_two = format!("{POSTFIX}\r\nAction: delivered\r\nStatus: 2.0.0\r\n");
        assert_eq!(read(&one_of_two).unwrap().verdict, Verdict::Nothing);
        let hidden = "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 gone\n";
        assert_eq!(read(hidden).unwrap().verdict, Verdict::Dead);
        let spam = "Action: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 5.7.1 spam\n";
        assert_eq!(read(spam).unwrap().verdict, Verdict::Lost);
    }

    proptest! {
        #[test]
        fn anything_is_read_within_bounds(text in "(?s).{0,2000}", times in 0usize..200) {
            let text = format!("{}{text}{}", "A: b\n\n".repeat(times), " c\n".repeat(times));
            let groups = groups(&text);
            prop_assert!(groups.len() <= GROUPS);
            for group in &groups {
                prop_assert!(group.0.len() <= FIELDS);
                let short = |value: &String| value.chars().count() <= 2 * VALUE + 1;
                prop_assert!(group.0.iter().all(|(_, value)| short(value)));
            }
            let _ = read(&text);
        }

        #[test]
        fn a_report_cut_off_anywhere_says_less_and_never_more(at in 0usize..400) {
            if let Some(part) = POSTFIX.get(..at) && let Some(notice) = read(part) {
                prop_assert!(matches!(notice.verdict, Verdict::Dead | Verdict::Lost | Verdict::Nothing));
            }
        }
    }
}
