//! TLS on the way to the relay: offered or not, and the certificate.

use doorkey::config::{Config, Hidden};
use doorkey::mail::dns::Dns;
use doorkey::mail::doctor::{Check, Installation, Level, Topic, examine};

use super::{DOMAIN, Ward, of, says};
use crate::support::app::Database;
use crate::support::smtp_sink::{Certificate, Plan, SmtpSink, Tls};

/// Looks at a relay.
async fn look(ward: &Ward, change: impl FnOnce(&mut Config)) -> Check {
    let app = &ward.test.app;
    let mut config = (*app.config).clone();
    change(&mut config);
    let dns = Dns::new(&config.dns);
    let installation = Installation::look(&config, &dns, ward.test.clock.now()).await;
    let (merchant, sender) = (ward.merchant(), format!("hello@{DOMAIN}"));
    let found = examine((&app.db, &dns), &installation, &merchant, DOMAIN, &sender).await.unwrap();
    of(&found, Topic::Relay)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_looked_at_as_a_mail_would_meet_it() {
    let ward = Ward::open(Database::Sqlite).await;
    ward.dns.healthy(DOMAIN);
    let sink = SmtpSink::start(Plan::accept()).await;
    let with = async |tls: Tls| {
        sink.set(Plan::accept().tls(tls)).await;
        let implicit = matches!(tls, Tls::Implicit(_));
        look(&ward, |config| {
            let url = if implicit { sink.tls_url() } else { sink.url() };
            config.smtp.url = Some(Hidden::new(url));
            config.smtp.tls = Some("required".into());
            config.smtp.ca_file = Some(sink.root_certificate().to_owned());
        })
        .await
    };
    says(
        &with(Tls::Start(Certificate::Valid)).await,
        Level::Ok,
        "TLS 1.3; its certificate is good until",
    );
    says(&with(Tls::Implicit(Certificate::Valid)).await, Level::Ok, "TLS 1.3");
    says(&with(Tls::Start(Certificate::WrongName)).await, Level::Fail, "is for another name");
    says(&with(Tls::Start(Certificate::SelfSigned)).await, Level::Fail, "signed by nobody");
    says(&with(Tls::None).await, Level::Fail, "offers no TLS");
    assert!(!sink.saw("AUTH") && !sink.saw("MAIL"), "nothing is logged in or sent");
    sink.set(Plan::closed()).await;
    let gone = look(&ward, |config| {
        config.smtp.url = Some(Hidden::new(sink.url().replace("//", "//user:hunter2@")));
        config.smtp.tls = Some("required".into());
    })
    .await;
    says(&gone, Level::Fail, "no connection");
    assert!(!format!("{gone:?}").contains("hunter2"), "{gone:?}");
    says(&look(&ward, |config| config.smtp.url = None).await, Level::Fail, "No mail server is set");
    let near = look(&ward, |_| {}).await;
    says(&near, Level::Ok, "nothing crosses the network");
    let clear = look(&ward, |config| {
        config.smtp.url = Some(Hidden::new("smtp://relay.shop.test:25"));
        config.smtp.tls = Some("none".into());
    });
    says(&clear.await, Level::Fail, "in clear");
}
