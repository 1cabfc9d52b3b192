//! Reports of mail providers over HTTP: each finds its customer with the right signature, and does
//! nothing with a wrong, an old or a used one.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use doorkey::clock::SECOND;
use doorkey::secret::hmac_sha256;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::json;

use super::*;

/// Posts a report as a program does.
async fn post(test: &TestApp, path: &str, body: &str, headers: &[(&str, &str)]) -> u16 {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    let body = Some(body.as_bytes().to_vec());
    test.browser().request(Method::POST, path, body, &all).await.status
}

fn message_id(mail: &Received) -> String {
    let parsed = mail_parser::MessageParser::default().parse(&mail.raw[..]).unwrap();
    parsed.message_id().unwrap().to_owned()
}

fn seconds(test: &TestApp) -> i64 {
    test.clock.now() / SECOND
}

/// Without its key an address answers as one that does not exist; nothing in it tells anything.
async fn assert_closed(test: &TestApp, path: &str) {
    assert_eq!(post(test, path, "{}", &[]).await, 404);
    assert_eq!(test.browser().get(path).await.status, 405);
}

async fn assert_nothing(test: &TestApp) {
    assert_eq!(outcomes(test).await, ["sent"]);
    assert_eq!(suppressed(test).await, 0);
}

both!(postmark_logs_in, |db| async move {
    assert_closed(&TestApp::start(db).await, "/hooks/postmark").await;
    let login = "postmark:0123456789abcdef";
    let test = TestApp::with(Options::new(db).set("bounce.postmark", login)).await;
    let mail = mail_to_ada(&test).await;
    let parsed = mail_parser::MessageParser::default().parse(&mail.raw[..]).unwrap();
    let mark = parsed.header_raw("X-PM-Metadata-doorkey").unwrap().trim().to_owned();
    let body = |mark: &str| {
        json!({ "RecordType": "Bounce", "Type": "HardBounce", "Email": ADA, "MessageID": "x",
            "From": "service@harbor.test", "Details": "smtp;550 5.1.1 unknown",
            "Metadata": { "doorkey": mark } })
        .to_string()
    };
    let basic = |login: &str| format!("Basic {}", B64.encode(login));
    for wrong in [basic("postmark:wrong"), basic(""), "Bearer x".to_owned()] {
        let headers = [("authorization", &*wrong)];
        assert_eq!(post(&test, "/hooks/postmark", &body(&mark), &headers).await, 401);
    }
    assert_eq!(post(&test, "/hooks/postmark", &body(&mark), &[]).await, 401);
    let right = basic(login);
    let right = [("authorization", &*right)];
    assert_eq!(post(&test, "/hooks/postmark", "nonsense", &right).await, 400);
    // An address alone, however right, is not enough.
    assert_eq!(post(&test, "/hooks/postmark", &body("b-0123"), &right).await, 200);
    assert_nothing(&test).await;
    assert_eq!(post(&test, "/hooks/postmark", &body(&mark), &right).await, 200);
    story::what_follows(&test, &mail).await;
});

both!(mailgun_signs_a_token_that_is_used_once, |db| async move {
    assert_closed(&TestApp::start(db).await, "/hooks/mailgun").await;
    let key = "key-0123456789abcdef";
    let test = TestApp::with(Options::new(db).set("bounce.mailgun_key", key)).await;
    let mail = mail_to_ada(&test).await;
    let body = |key: &str, seconds: i64, token: &str, event: &str| {
        let mac = hmac_sha256(key.as_bytes(), format!("{seconds}{token}").as_bytes());
        let mac: String = mac.iter().map(|b| format!("{b:02x}")).collect();
        json!({
            "signature": { "timestamp": seconds.to_string(), "token": token, "signature": mac },
            "event-data": { "event": event, "severity": "permanent", "reason": "bounce",
                "delivery-status": { "code": 550, "message": "5.1.1 no such user" },
                "message": { "headers": { "message-id": message_id(&mail) } }, "recipient": ADA },
        })
        .to_string()
    };
    let (now, token) = (seconds(&test), "t".repeat(50));
    let wrong = body("key-wrong", now, &token, "failed");
    assert_eq!(post(&test, "/hooks/mailgun", &wrong, &[]).await, 401);
    for at in [now - 4000, now + 1000] {
        let stale = body(key, at, &token, "failed");
        assert_eq!(post(&test, "/hooks/mailgun", &stale, &[]).await, 403, "{at}");
    }
    assert_nothing(&test).await;
    // A token that served for something harmless cannot be played back with another event.
    let harmless = body(key, now, &token, "delivered");
    assert_eq!(post(&test, "/hooks/mailgun", &harmless, &[]).await, 200);
    let replayed = body(key, now, &token, "failed");
    assert_eq!(post(&test, "/hooks/mailgun", &replayed, &[]).await, 403);
    assert_nothing(&test).await;
    let good = body(key, now, &"u".repeat(50), "failed");
    assert_eq!(post(&test, "/hooks/mailgun", &good, &[]).await, 200);
    story::what_follows(&test, &mail).await;
});

both!(sendgrid_signs_the_body, |db| async move {
    assert_closed(&TestApp::start(db).await, "/hooks/sendgrid").await;
    let rng = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &rng);
    let pair = pair.unwrap();
    let prefix = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
    // 27 bytes of it are fixed, down to the 4 that begins the point.
    let der = [B64.decode(prefix).unwrap(), pair.public_key().as_ref()[1..].to_vec()].concat();
    let test = TestApp::with(Options::new(db).set("bounce.sendgrid_key", B64.encode(der))).await;
    let mail = mail_to_ada(&test).await;
    let body = json!([{ "event": "processed" }, { "event": "bounce", "type": "bounce",
        "status": "5.1.1", "reason": "550 5.1.1 unknown", "email": ADA,
        "smtp-id": format!("<{}>", message_id(&mail)) }])
    .to_string();
    let sign = |time: &str, body: &str| {
        B64.encode(pair.sign(&rng, format!("{time}{body}").as_bytes()).unwrap())
    };
    let send = async |body: &str, time: &str, signature: &str| {
        let name = "x-twilio-email-event-webhook";
        let (time_name, signature_name) =
            (format!("{name}-timestamp"), format!("{name}-signature"));
        let headers = [(&*time_name, time), (&*signature_name, signature)];
        post(&test, "/hooks/sendgrid", body, &headers).await
    };
    let (now, old) = (seconds(&test).to_string(), (seconds(&test) - 4000).to_string());
    let good = sign(&now, &body);
    assert_eq!(send(&body.replace("5.1.1", "5.2.1"), &now, &good).await, 401);
    assert_eq!(send(&body, &old, &good).await, 401);
    assert_eq!(send(&body, &now, "").await, 401);
    assert_eq!(send(&body, &old, &sign(&old, &body)).await, 403);
    assert_nothing(&test).await;
    assert_eq!(send(&body, &now, &good).await, 200);
    assert_eq!(send(&body, &now, &good).await, 403, "played back");
    story::what_follows(&test, &mail).await;
});

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:mail";

/// A message of SNS, signed in its second way.
fn sns(pair: &RsaKeyPair, kind: &str, topic: &str, id: &str, at: &str, message: &str) -> String {
    let url = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem";
    let link = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=x";
    let mut fields = vec![("Message", message), ("MessageId", id)];
    if kind == "SubscriptionConfirmation" {
        fields.push(("SubscribeURL", link));
    }
    fields.push(("Timestamp", at));
    if kind == "SubscriptionConfirmation" {
        fields.push(("Token", "x"));
    }
    fields.extend([("TopicArn", topic), ("Type", kind)]);
    let signed: String = fields.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect();
    let mut signature = vec![0; pair.public().modulus_len()];
    let rng = SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &rng, signed.as_bytes(), &mut signature).unwrap();
    let mut whole = json!({
        "SignatureVersion": "2", "Signature": B64.encode(signature), "SigningCertURL": url,
    });
    for (name, value) in fields {
        whole[name] = value.into();
    }
    whole.to_string()
}

both!(amazon_signs_for_our_topic, |db| async move {
    assert_closed(&TestApp::start(db).await, "/hooks/ses").await;
    let (certificate, pair) = amazon();
    let file = std::env::temp_dir().join(format!("doorkey-it-{}.pem", doorkey::new_id()));
    std::fs::write(&file, certificate).unwrap();
    let options = Options::new(db)
        .set("bounce.ses_topic", TOPIC)
        .set("bounce.ses_certificate", file.display());
    let test = TestApp::with(options).await;
    std::fs::remove_file(&file).unwrap();
    let mail = mail_to_ada(&test).await;
    let event = json!({
        "notificationType": "Bounce",
        "bounce": { "bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [
            { "emailAddress": ADA, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 unknown" }
        ]},
        "mail": { "source": mail.from, "messageId": "0101" },
    })
    .to_string();
    let moment = |seconds| jiff::Timestamp::from_second(seconds).unwrap().to_string();
    let (now, old) = (moment(seconds(&test)), moment(seconds(&test) - 4000));
    let send = async |body: &str| post(&test, "/hooks/ses", body, &[]).await;
    let good = sns(&pair, "Notification", TOPIC, "m1", &now, &event);
    // Amazon signs for everybody: another topic, rightly signed, is nobody's.
    let foreign = TOPIC.replace("1234", "9999");
    assert_eq!(send(&sns(&pair, "Notification", &foreign, "m2", &now, &event)).await, 401);
    assert_eq!(send(&good.replace("General", "NoEmail")).await, 401);
    let (_, other) = amazon();
    assert_eq!(send(&sns(&other, "Notification", TOPIC, "m3", &now, &event)).await, 401);
    assert_eq!(send(&sns(&pair, "Notification", TOPIC, "m4", &old, &event)).await, 403);
    assert_eq!(send("{}").await, 401);
    assert_nothing(&test).await;
    let subscription = sns(&pair, "SubscriptionConfirmation", TOPIC, "m5", &now, "confirm");
    assert_eq!(send(&subscription).await, 200);
    assert_eq!(send(&good).await, 200);
    assert_eq!(send(&good).await, 403, "played back");
    story::what_follows(&test, &mail).await;
});

/// A certificate and the key that it is for.
fn amazon() -> (String, RsaKeyPair) {
    use rsa::Generate;
    use rsa::pkcs8::EncodePrivateKey;
    let private = rsa::PrivateKey::generate();
    let der = private.to_pkcs8_der().unwrap();
    let pair = RsaKeyPair::from_pkcs8(der.as_bytes()).unwrap();
    let key = rcgen::KeyPair::try_from(der.as_bytes()).unwrap();
    let names = vec!["sns.amazonaws.com".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), pair)
}
