//! Mailgun's webhooks. The signature covers a time and a token that is used once, and nothing of the
//! event: so a token that was seen is never taken again.

use serde_json::Value;

use super::{Refused, Report, for_good, is_fresh, is_same, notice, text};
use crate::clock::Micros;
use crate::mail::bounce::Verdict;
use crate::secret::{hmac_sha256, sha256};

/// Reads a report signed with the account's webhook signing key.
///
/// # Errors
/// See [`Refused`].
pub fn read(body: &[u8], key: &str, now: Micros) -> Result<Report, Refused> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Refused::Malformed)?;
    let (time, token) = (text(&body, "/signature/timestamp"), text(&body, "/signature/token"));
    let wanted = hmac_sha256(key.as_bytes(), format!("{time}{token}").as_bytes());
    let wanted: String = wanted.iter().map(|byte| format!("{byte:02x}")).collect();
    let presented = text(&body, "/signature/signature").to_ascii_lowercase();
    // Without the lengths, a digit could move from the time to the token.
    if token.len() < 16 || !is_same(presented.as_bytes(), wanted.as_bytes()) {
        return Err(Refused::Signature);
    }
    let seconds = time.parse().ok().filter(|_| time.len() == 10).ok_or(Refused::Stale)?;
    if !is_fresh(seconds, now) {
        return Err(Refused::Stale);
    }
    Ok(Report { once: Some(sha256(format!("mailgun {token}").as_bytes())), ..parse(&body)? })
}

/// Reads what it says.
///
/// # Errors
/// [`Refused::Malformed`].
pub fn parse(body: &Value) -> Result<Report, Refused> {
    let event = body.get("event-data").filter(|e| e.is_object()).ok_or(Refused::Malformed)?;
    let words =
        [text(event, "/delivery-status/message"), text(event, "/delivery-status/description")];
    let code = event.pointer("/delivery-status/code").and_then(Value::as_i64).unwrap_or(0);
    let said = match words.into_iter().find(|words| !words.is_empty()) {
        Some(words) if code != 0 => format!("{code} {words}"),
        words => words.unwrap_or_default().to_owned(),
    };
    let enhanced = text(event, "/delivery-status/enhanced-code");
    let verdict = match (text(event, "/event"), text(event, "/severity"), text(event, "/reason")) {
        ("complained", ..) | ("failed", _, "suppress-complaint") => Verdict::Complaint,
        ("failed", "temporary", _) => Verdict::Delayed,
        ("failed", _, "suppress-bounce") => Verdict::Dead,
        // "old": tried for as long as Mailgun does.
        ("failed", _, "old" | "espblock" | "greylisted") | ("rejected", ..) => Verdict::Lost,
        ("failed", ..) => for_good(enhanced, &said),
        _ => Verdict::Nothing,
    };
    let mut found = notice(verdict, enhanced, &said);
    for clue in ["/user-variables/doorkey", "/message/headers/message-id", "/envelope/sender"] {
        found.clue(text(event, clue));
    }
    Ok(Report { notices: vec![found], once: None })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::SECOND;

    const NOW: i64 = 1_795_444_500;
    const TOKEN: &str = "c8c8f4d5a1b2c3d4e5f60718293a4b5c6d7e8f9012345678a";

    fn signed(key: &str, seconds: i64, token: &str, event: &str) -> String {
        let mac = hmac_sha256(key.as_bytes(), format!("{seconds}{token}").as_bytes());
        let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            r#"{{"signature":{{"timestamp":"{seconds}","token":"{token}","signature":"{mac}"}},
               "event-data":{event}}}"#
        )
    }

    const FAILED: &str = r#"{"event":"failed","severity":"permanent","reason":"bounce",
        "delivery-status":{"code":550,"message":"5.1.1 no such user"},
        "envelope":{"sender":"shop+b-x@harbor.test"},"recipient":"ada@example.test",
        "message":{"headers":{"message-id":"r.b-x@harbor.test"}}}"#;

    #[test]
    fn only_what_is_signed_and_fresh_is_heard() {
        let now = NOW * SECOND;
        let good = signed("key", NOW - 60, TOKEN, FAILED);
        let found = read(good.as_bytes(), "key", now).unwrap();
        assert!(found.once.is_some());
        let first = &found.notices[0];
        assert_eq!((first.verdict, &*first.status), (Verdict::Dead, "5.1.1"));
        assert_eq!(first.clues.len(), 2);
        assert_eq!(read(good.as_bytes(), "other", now), Err(Refused::Signature));
        let moved = good.replace(TOKEN, &TOKEN.replace('c', "d"));
        assert_eq!(read(moved.as_bytes(), "key", now), Err(Refused::Signature));
        for seconds in [NOW - 3700, NOW + 400] {
            let body = signed("key", seconds, TOKEN, FAILED);
            assert_eq!(read(body.as_bytes(), "key", now), Err(Refused::Stale));
        }
        let short = signed("key", NOW, "", FAILED);
        assert_eq!(read(short.as_bytes(), "key", now), Err(Refused::Signature));
        assert_eq!(read(b"{}", "key", now), Err(Refused::Signature));
    }

    #[test]
    fn events_are_told_apart() {
        for (from, to, verdict) in [
            ("permanent", "temporary", Verdict::Delayed),
            ("\"failed\"", "\"complained\"", Verdict::Complaint),
            ("\"failed\"", "\"delivered\"", Verdict::Nothing),
            ("5.1.1 no such user", "mailbox full", Verdict::Lost),
            ("5.1.1 no such user", "5.7.1 spam", Verdict::Lost),
            ("\"bounce\"", "\"suppress-bounce\"", Verdict::Dead),
            ("\"bounce\"", "\"old\"", Verdict::Lost),
        ] {
            let body = format!(r#"{{"event-data":{}}}"#, FAILED.replace(from, to));
            let report = parse(&serde_json::from_str(&body).unwrap()).unwrap();
            assert_eq!(report.notices[0].verdict, verdict, "{to}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..500), text in ".{0,100}") {
            prop_assert!(read(&body, "key", 0).is_err());
            let _ = parse(&serde_json::json!({"event-data": {"event": text, "reason": text}}));
        }
    }
}
