//! Postmark's webhooks for bounces and spam complaints. They are not signed: Postmark logs in with the
//! name and the password that stand in the URL one gives it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use serde_json::Value;

use super::{Refused, Report, is_same, notice, text};
use crate::mail::bounce::Verdict;

/// Reads a report. `authorization` is the header of that name, `login` the agreed `user:password`.
///
/// # Errors
/// See [`Refused`].
pub fn read(body: &[u8], authorization: &str, login: &str) -> Result<Report, Refused> {
    let presented = authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, value)| B64.decode(value.trim()).ok())
        .ok_or(Refused::Signature)?;
    if !is_same(&presented, login.as_bytes()) {
        return Err(Refused::Signature);
    }
    parse(body)
}

/// Reads what it says.
///
/// # Errors
/// [`Refused::Malformed`].
pub fn parse(body: &[u8]) -> Result<Report, Refused> {
    let event: Value = serde_json::from_slice(body).map_err(|_| Refused::Malformed)?;
    if !event.is_object() {
        return Err(Refused::Malformed);
    }
    let verdict = match (text(&event, "/RecordType"), text(&event, "/Type")) {
        ("SpamComplaint", _) | (_, "SpamComplaint") => Verdict::Complaint,
        ("Bounce", "HardBounce" | "BadEmailAddress") => Verdict::Dead,
        ("Bounce", "Transient" | "DnsError") => Verdict::Delayed,
        ("Bounce", "SoftBounce" | "Blocked" | "SpamNotification" | "DMARCPolicy" | "Unknown") => {
            Verdict::Lost
        }
        _ => Verdict::Nothing,
    };
    let mut found = notice(verdict, "", text(&event, "/Details"));
    for clue in ["/Metadata/doorkey", "/From"] {
        found.clue(text(&event, clue));
    }
    Ok(Report { notices: vec![found], once: None })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HARD: &str = r#"{"RecordType":"Bounce","Type":"HardBounce","Email":"ada@example.test",
        "From":"shop@harbor.test","Details":"smtp;550 5.1.1 unknown","Metadata":{"doorkey":"b-x"}}"#;

    #[test]
    fn only_who_logs_in_is_heard() {
        let basic = |login: &str| format!("Basic {}", B64.encode(login));
        let found = read(HARD.as_bytes(), &basic("pm:secret"), "pm:secret").unwrap();
        let first = &found.notices[0];
        assert_eq!((first.verdict, &*first.status), (Verdict::Dead, "5.1.1"));
        assert_eq!(first.clues, ["b-x", "shop@harbor.test"]);
        for wrong in
            [basic("pm:other"), basic(""), "Basic !".into(), "Bearer x".into(), String::new()]
        {
            assert_eq!(read(HARD.as_bytes(), &wrong, "pm:secret"), Err(Refused::Signature));
        }
        for (from, to, verdict) in [
            ("HardBounce", "SoftBounce", Verdict::Lost),
            ("HardBounce", "Transient", Verdict::Delayed),
            ("HardBounce", "AutoResponder", Verdict::Nothing),
            ("\"Bounce\"", "\"SpamComplaint\"", Verdict::Complaint),
            ("\"Bounce\"", "\"Delivery\"", Verdict::Nothing),
        ] {
            let report = parse(HARD.replace(from, to).as_bytes()).unwrap();
            assert_eq!(report.notices[0].verdict, verdict, "{to}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..500), cut in 0usize..250) {
            let _ = parse(&body);
            prop_assert!(parse(&HARD.as_bytes()[..cut.min(HARD.len() - 1)]).is_err());
        }
    }
}
