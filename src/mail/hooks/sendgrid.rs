//! SendGrid's signed event webhook: ECDSA on P-256 over the time and the body as it came.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::{EVENTS, Refused, Report, for_good, is_fresh, notice, text};
use crate::clock::Micros;
use crate::mail::bounce::{Notice, Verdict};
use crate::secret::sha256;

/// What a public key of P-256 begins with in DER (RFC 5480); the point follows.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Reads the public key as SendGrid shows it; `None` when it is none.
pub fn read_key(text: &str) -> Option<Vec<u8>> {
    let der = B64.decode(text.split_whitespace().collect::<String>()).ok()?;
    let point = der.strip_prefix(&P256)?;
    (point.len() == 65 && point[0] == 4).then(|| point.to_vec())
}

/// Reads a report with the headers `X-Twilio-Email-Event-Webhook-Timestamp` and `-Signature`.
///
/// # Errors
/// See [`Refused`].
pub fn read(
    body: &[u8],
    (time, signature): (&str, &str),
    key: &[u8],
    now: Micros,
) -> Result<Report, Refused> {
    let signature = B64.decode(signature.trim()).map_err(|_| Refused::Signature)?;
    let signed = [time.as_bytes(), body].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key)
        .verify(&signed, &signature)
        .map_err(|_| Refused::Signature)?;
    if !time.parse().is_ok_and(|seconds| is_fresh(seconds, now)) {
        return Err(Refused::Stale);
    }
    // Not the signature: for each there is a second one that fits.
    let once = sha256(&[b"sendgrid ", &signed[..]].concat());
    Ok(Report { once: Some(once), ..parse(body)? })
}

/// Reads what it says.
///
/// # Errors
/// [`Refused::Malformed`].
pub fn parse(body: &[u8]) -> Result<Report, Refused> {
    let events: Vec<Value> = serde_json::from_slice(body).map_err(|_| Refused::Malformed)?;
    let notices = events.iter().take(EVENTS).map(event).collect();
    Ok(Report { notices, once: None })
}

fn event(event: &Value) -> Notice {
    let (status, said) = (text(event, "/status"), text(event, "/reason"));
    let class = text(event, "/bounce_classification");
    let verdict = match (text(event, "/event"), text(event, "/type")) {
        ("spamreport", _) => Verdict::Complaint,
        ("deferred", _) => Verdict::Delayed,
        ("bounce", "blocked") => Verdict::Lost,
        ("bounce", _) => match class {
            "Invalid Address" => Verdict::Dead,
            "Reputation" | "Content" | "Technical" | "Frequency/Volume" => Verdict::Lost,
            _ => for_good(status, said),
        },
        ("dropped", _) => match said {
            "Bounced Address" | "Invalid" => Verdict::Dead,
            "Spam Reporting Address" => Verdict::Complaint,
            _ => Verdict::Lost,
        },
        _ => Verdict::Nothing,
    };
    let said = if said.is_empty() { text(event, "/response") } else { said };
    let mut found = notice(verdict, status, said);
    for clue in ["/doorkey", "/smtp-id"] {
        found.clue(text(event, clue));
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;
    use crate::clock::SECOND;

    const NOW: i64 = 1_795_444_500;
    const BODY: &str = r#"[{"event":"bounce","type":"bounce","status":"5.1.1",
        "reason":"550 5.1.1 unknown","smtp-id":"<r.b-x@harbor.test>","email":"ada@example.test"},
        {"event":"delivered"}]"#;

    #[test]
    fn only_what_is_signed_and_fresh_is_heard() {
        let rng = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pair.as_ref(), &rng).unwrap();
        let point = pair.public_key().as_ref();
        let key = read_key(&B64.encode([&P256[..], point].concat())).unwrap();
        let sign = |time: &str, body: &str| {
            B64.encode(pair.sign(&rng, format!("{time}{body}").as_bytes()).unwrap())
        };
        let (now, time) = (NOW * SECOND, NOW.to_string());
        let good = sign(&time, BODY);
        let found = read(BODY.as_bytes(), (&time, &good), &key, now).unwrap();
        assert_eq!(found.notices.len(), 2);
        assert_eq!(found.notices[0].verdict, Verdict::Dead);
        assert_eq!(found.notices[0].clues, ["<r.b-x@harbor.test>"]);
        assert_eq!(found.notices[1].verdict, Verdict::Nothing);
        let other = BODY.replace("5.1.1", "5.2.1");
        for (body, time, signature) in [
            (&*other, &*time, &*good),
            (BODY, "1", &good),
            (BODY, &time, ""),
            (BODY, &time, "AAAA"),
        ] {
            let refused = read(body.as_bytes(), (time, signature), &key, now);
            assert_eq!(refused, Err(Refused::Signature));
        }
        let old = (NOW - 4000).to_string();
        let signature = sign(&old, BODY);
        assert_eq!(read(BODY.as_bytes(), (&old, &signature), &key, now), Err(Refused::Stale));
        assert!(read_key("AAAA").is_none() && read_key("").is_none());
    }

    #[test]
    fn events_are_told_apart() {
        for (from, to, verdict) in [
            ("\"type\":\"bounce\"", "\"type\":\"blocked\"", Verdict::Lost),
            ("\"event\":\"bounce\"", "\"event\":\"deferred\"", Verdict::Delayed),
            ("\"event\":\"bounce\"", "\"event\":\"spamreport\"", Verdict::Complaint),
            ("5.1.1", "5.7.1", Verdict::Lost),
            ("\"event\":\"bounce\"", "\"event\":\"open\"", Verdict::Nothing),
        ] {
            let report = parse(BODY.replace(from, to).as_bytes()).unwrap();
            assert_eq!(report.notices[0].verdict, verdict, "{to}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..500), text in ".{0,100}") {
            let _ = parse(&body);
            let _ = event(&serde_json::json!({"event": "bounce", "reason": text, "status": text}));
            let _ = read_key(&text);
        }
    }
}
