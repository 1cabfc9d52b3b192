//! TLS on the way out: required means required, and nothing is said before it stands.

use doorkey::config::Hidden;

use super::{Second, blanked, newest, timeline};
use crate::support::app::reset_link;
use crate::support::smtp_sink::{Certificate, Plan, Tls};
use crate::support::{TestApp, both};

/// What is wrong with the server, and what the timeline says of it.
fn bad_servers() -> [(&'static str, Plan, &'static str); 5] {
    let start = |certificate| Plan::accept().tls(Tls::Start(certificate));
    let injected = "250-sink.test\r\n250 AUTH PLAIN\r\n";
    [
        ("offers no TLS", Plan::accept(), "TLS"),
        ("is signed by itself", start(Certificate::SelfSigned), "certificate"),
        ("is somebody else", start(Certificate::WrongName), "certificate"),
        (
            "talks before TLS stands",
            Plan { injected: Some(injected), ..start(Certificate::Valid) },
            "clear",
        ),
        ("is down", Plan::closed(), "refused"),
    ]
}

both!(required_tls_never_falls_back_and_never_shows, |db| async move {
    let test = TestApp::start(db).await;
    let expected = blanked(&test.browser().forgot("harbor", "nobody@example.test").await);
    test.deliver().await;
    let authority = test.sink.root_certificate().to_owned();
    let strict = Second::start(&test, |config| {
        config.smtp.tls = Some("required".into());
        config.smtp.ca_file = Some(authority);
        config.smtp.timeout = 2;
    })
    .await;
    let waiting = bad_servers().len();
    for (n, (trouble, plan, says)) in bad_servers().into_iter().enumerate() {
        let email = format!("customer{n}@example.test");
        test.add_customer("harbor", &email, None).await;
        test.sink.set(plan).await;
        // The pause after the one before is over: this server is tried, by whichever mail.
        test.wait(61);
        let answer = strict.browser().forgot("harbor", &email).await;
        assert_eq!((answer.status, blanked(&answer).2), (202, expected.2.clone()), "{trouble}");
        strict.worker.drain().await.unwrap();
        let (kind, detail) = timeline(&test, &email).await.pop().unwrap();
        assert_eq!(kind, "mail_deferred", "a server that {trouble}");
        let reply = detail["reply"].as_str().unwrap();
        assert!(reply.contains(says), "a server that {trouble}: {reply}");
        assert!(!test.sink.saw("MAIL") && test.sink.messages().is_empty(), "{trouble}");
    }
    test.sink.set(Plan::accept().tls(Tls::Start(Certificate::Valid))).await;
    test.wait(61);
    strict.worker.drain().await.unwrap();
    let mails = test.sink.take();
    assert_eq!(mails.len(), waiting);
    assert!(mails.iter().all(|mail| mail.encrypted));
    assert_eq!(newest(&test).await.outcome.as_deref(), Some("sent"));
    assert_eq!(test.browser().open_link(&reset_link(&mails[0])).await.status, 200);
});

both!(tls_from_the_first_byte_checks_the_certificate_whatever_the_policy, |db| async move {
    let test = TestApp::start(db).await;
    let (url, authority) = (test.sink.tls_url(), test.sink.root_certificate().to_owned());
    let second = Second::start(&test, |config| {
        config.smtp.url = Some(Hidden::new(url));
        config.smtp.tls = Some("none".into());
        config.smtp.ca_file = Some(authority);
        config.smtp.timeout = 2;
    })
    .await;
    test.sink.set(Plan::accept().tls(Tls::Implicit(Certificate::SelfSigned))).await;
    test.browser().forgot("harbor", "ada@example.test").await;
    second.worker.drain().await.unwrap();
    assert_eq!(newest(&test).await.outcome, None);
    assert!(!test.sink.saw("EHLO"));
    test.sink.set(Plan::accept().tls(Tls::Implicit(Certificate::Valid))).await;
    test.wait(5);
    second.worker.drain().await.unwrap();
    let mails = test.sink.take();
    assert!(mails.len() == 1 && mails[0].encrypted);
});
