//! What Doorkey sends to itself comes home through the LMTP listener, as a mail server hands it over.

use doorkey::mail::probe;

use super::lmtp::Server;
use super::*;
use crate::support::desk::ADMIN;

/// With a listener that a mail server would deliver to.
async fn with_listener(db: crate::support::app::Database) -> (TestApp, Server) {
    let options = Options::new(db).set("bounce.lmtp_listen", "127.0.0.1:2424");
    let test = TestApp::with(options.set("probe.every", 10)).await;
    let server = Server::start(&test).await;
    (test, server)
}

/// Delivers the one mail that waits to where it is addressed; gives it and the listener's answer.
async fn go_home(test: &TestApp, server: &Server) -> (Received, String) {
    let mut mails = test.deliver().await;
    assert_eq!(mails.len(), 1, "one mail");
    let mail = mails.remove(0);
    let replies = server.connect().await.deliver(&[&mail.recipients[0]], &mail.text()).await;
    (mail, replies[0].clone())
}

both!(a_test_mail_comes_home_by_itself, |db| async move {
    let (test, server) = with_listener(db).await;
    let mut agent = test.seat(AGENT).await;
    let store = test.store("harbor").id.clone();
    assert!(agent.get("/oms/email/test").await.body.contains("comes home by itself"));
    let sent = agent.post("/oms/email/test", &[("store", &store), ("to", "home")]).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let waiting = agent.get(sent.location()).await.body;
    assert!(waiting.contains("It is expected at Doorkey’s own listener"), "{waiting}");
    let (mail, reply) = go_home(&test, &server).await;
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    let read = agent.get(sent.location()).await.body;
    for words in ["Came back", "The link arrived as it was sent", "The texts arrived"] {
        assert!(read.contains(words), "{words:?} is missing: {read}");
    }
    // The same once more, changed on the way: what was found stays.
    let changed = mail.text().replace("/login?test=", "/elsewhere?test=");
    server.connect().await.deliver(&[&mail.recipients[0]], &changed).await;
    assert!(agent.get(sent.location()).await.body.contains("The link arrived as it was sent"));
});

both!(a_probe_goes_the_whole_way_through_the_listener, |db| async move {
    let (test, server) = with_listener(db).await;
    let mut admin = test.seat(ADMIN).await;
    let store = test.store("harbor").id.clone();
    let on = admin.post("/oms/email/probe", &[("store", &store), ("to", "on")]).await;
    assert_eq!(on.status, 303, "{}", on.body);
    assert_eq!(test.app.probe(test.clock.now()).await.unwrap(), 1);
    let (_, reply) = go_home(&test, &server).await;
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    let merchant = test.store("harbor").merchant_id.clone();
    let probes = probe::of_merchant(&test.app.db, &merchant).await.unwrap();
    let steps = &probes[0].steps;
    assert!(steps.home.is_some() && steps.finished.is_some(), "{probes:?}");
    assert!(steps.trouble.is_none() && probes[0].failed_at.is_none(), "{probes:?}");
});
