//! Amazon SES by way of SNS. Everybody can have SNS sign a message of their own: so besides the
//! signature it is the topic that counts, which belongs to the operator's account.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use serde_json::Value;

use super::certificate::{Certificates, PublicKey, amazon};
use super::{Refused, Report, for_good, is_fresh, notice, text};
use crate::clock::{Micros, SECOND};
use crate::mail::bounce::{Notice, Verdict};
use crate::secret::sha256;

/// What a message of SNS turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A report.
    Report(Report),
    /// Somebody wants the topic to report to us: the operator confirms it by opening this.
    Subscription(String),
}

/// Reads a message of SNS about `topic`.
///
/// # Errors
/// See [`Refused`].
pub async fn read(
    body: &[u8],
    topic: &str,
    certificates: &Certificates,
    now: Micros,
) -> Result<Message, Refused> {
    let message: Value = serde_json::from_slice(body).map_err(|_| Refused::Malformed)?;
    if text(&message, "/TopicArn") != topic {
        return Err(Refused::Signature);
    }
    let signed = signed(&message).ok_or(Refused::Malformed)?;
    let key = certificates.key(text(&message, "/SigningCertURL")).await;
    if !key.is_some_and(|key| verify(&message, signed.as_bytes(), &key)) {
        return Err(Refused::Signature);
    }
    let at: jiff::Timestamp =
        text(&message, "/Timestamp").parse().map_err(|_| Refused::Malformed)?;
    if !is_fresh(at.as_microsecond() / SECOND, now) {
        return Err(Refused::Stale);
    }
    if text(&message, "/Type") == "SubscriptionConfirmation" {
        let url = text(&message, "/SubscribeURL");
        return match amazon(url) {
            Some(_) => Ok(Message::Subscription(url.to_owned())),
            None => Err(Refused::Malformed),
        };
    }
    let once = sha256(format!("ses {}", text(&message, "/MessageId")).as_bytes());
    let report = parse(text(&message, "/Message").as_bytes())?;
    Ok(Message::Report(Report { once: Some(once), ..report }))
}

/// What the signature covers: names and values, a line each. `None` for other types of messages.
fn signed(message: &Value) -> Option<String> {
    let names: &[&str] = match text(message, "/Type") {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        "SubscriptionConfirmation" => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => return None,
    };
    let mut signed = String::new();
    for name in names {
        match message.get(name).and_then(Value::as_str) {
            Some(value) => signed.extend([name, "\n", value, "\n"]),
            None if *name == "Subject" => {}
            None => return None,
        }
    }
    Some(signed)
}

fn verify(message: &Value, signed: &[u8], key: &PublicKey) -> bool {
    let Ok(signature) = B64.decode(text(message, "/Signature")) else { return false };
    let way = match text(message, "/SignatureVersion") {
        "2" => &RSA_PKCS1_2048_8192_SHA256,
        // What topics use unless told otherwise.
        "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        _ => return false,
    };
    let key = RsaPublicKeyComponents { n: &key.n, e: &key.e };
    key.verify(way, signed, &signature).is_ok()
}

/// Reads what an event says.
///
/// # Errors
/// [`Refused::Malformed`].
pub fn parse(message: &[u8]) -> Result<Report, Refused> {
    let event: Value = serde_json::from_slice(message).map_err(|_| Refused::Malformed)?;
    let kind = [text(&event, "/notificationType"), text(&event, "/eventType")].concat();
    let mut found = match &*kind {
        "Bounce" => bounce(&event),
        "Complaint" if text(&event, "/complaint/complaintFeedbackType") != "not-spam" => {
            notice(Verdict::Complaint, "", "")
        }
        "DeliveryDelay" => {
            let recipient = "/deliveryDelay/delayedRecipients/0";
            let field = |name| text(&event, &format!("{recipient}/{name}")).to_owned();
            notice(Verdict::Delayed, &field("status"), &field("diagnosticCode"))
        }
        _ => Notice::nothing(),
    };
    let headers = event.pointer("/mail/headers").and_then(Value::as_array);
    for header in headers.into_iter().flatten().take(100) {
        if text(header, "/name").eq_ignore_ascii_case("message-id") {
            found.clue(text(header, "/value"));
        }
    }
    for clue in ["/mail/source", "/mail/commonHeaders/messageId"] {
        found.clue(text(&event, clue));
    }
    Ok(Report { notices: vec![found], once: None })
}

fn bounce(event: &Value) -> Notice {
    let recipient = "/bounce/bouncedRecipients/0";
    let field = |name| text(event, &format!("{recipient}/{name}"));
    let (status, said) = (field("status"), field("diagnosticCode"));
    let verdict = match (text(event, "/bounce/bounceType"), text(event, "/bounce/bounceSubType")) {
        ("Permanent", "NoEmail" | "Suppressed" | "OnAccountSuppressionList") => Verdict::Dead,
        ("Permanent", _) => for_good(status, said),
        _ => Verdict::Lost,
    };
    notice(verdict, status, said)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENT: &str = r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent",
        "bounceSubType":"General","bouncedRecipients":[{"emailAddress":"ada@example.test",
        "status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 unknown"}]},
        "mail":{"source":"shop+b-x@harbor.test","headers":[{"name":"Message-ID",
        "value":"<r.b-x@harbor.test>"}],"commonHeaders":{"messageId":"<r.b-x@harbor.test>"}}}"#;

    #[test]
    fn events_are_told_apart() {
        for (from, to, verdict) in [
            ("General", "General", Verdict::Dead),
            ("5.1.1", "5.7.1", Verdict::Lost),
            ("Permanent", "Transient", Verdict::Lost),
            ("notificationType\":\"Bounce", "eventType\":\"Complaint", Verdict::Complaint),
            ("notificationType\":\"Bounce", "eventType\":\"DeliveryDelay", Verdict::Delayed),
            ("notificationType\":\"Bounce", "eventType\":\"Delivery", Verdict::Nothing),
        ] {
            let report = parse(EVENT.replace(from, to).as_bytes()).unwrap();
            assert_eq!(report.notices[0].verdict, verdict, "{to}");
            assert_eq!(report.notices[0].clues.len(), 3);
        }
    }

    #[test]
    fn the_signature_covers_every_field_but_an_absent_subject() {
        let message = serde_json::json!({
            "Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": "x",
            "Timestamp": "2026-11-23T14:35:00.000Z", "Signature": "", "SignatureVersion": "1",
        });
        let plain = signed(&message).unwrap();
        let wanted = "Message\nx\nMessageId\nm\nTimestamp\n2026-11-23T14:35:00.000Z\nTopicArn\nt\n\
                      Type\nNotification\n";
        assert_eq!(plain, wanted);
        let mut without = message.clone();
        without.as_object_mut().unwrap().remove("MessageId");
        assert_eq!(signed(&without), None);
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..500), cut in 0usize..400) {
            let _ = parse(&body);
            prop_assert!(parse(&EVENT.as_bytes()[..cut.min(EVENT.len() - 1)]).is_err());
        }
    }
}
