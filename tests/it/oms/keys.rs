//! The page of signing keys: made, published, activated, replaced, by administrators.

use doorkey::mail::dkim::{self, State};

use crate::support::app::Options;
use crate::support::desk::{ADMIN, AGENT, Seat};
use crate::support::dkim::verify;
use crate::support::dns::NameServer;
use crate::support::{Answer, TestApp, both};

const DOMAIN: &str = "harbor.test";

async fn act(seat: &mut Seat, act: &str, domain: &str) -> Answer {
    seat.post(&format!("/oms/email/keys{act}"), &[("domain", domain)]).await
}

async fn noted(test: &TestApp) -> Vec<(String, serde_json::Value)> {
    let sql = "SELECT action, detail FROM activity ORDER BY seq";
    let rows = test.app.db.rows(sql, vec![]).await.unwrap();
    let detail = |text: String| serde_json::from_str(&text).unwrap();
    rows.iter().map(|row| (row.get("action"), detail(row.get("detail")))).collect()
}

both!(keys_are_made_published_activated_and_replaced, |db| async move {
    let test = TestApp::start(db).await;
    let merchant = test.store("harbor").merchant_id.clone();
    let mut seat = test.seat(ADMIN).await;
    let page = seat.get("/oms/email/keys").await;
    // Harbor Trade sends from a domain of its own; the other merchant's is nowhere.
    assert!(page.body.contains("harbor.test") && page.body.contains("harbor-trade.test"));
    assert!(!page.body.contains("northwind") && page.body.contains("leave unsigned"));
    for (path, says) in [("/activate", "No keys wait"), ("/rotate", "create the first")] {
        let answer = act(&mut seat, path, DOMAIN).await;
        assert!(answer.status == 422 && answer.body.contains(says), "{}", answer.body);
    }
    for foreign in ["northwind.test", "evil.test", ""] {
        let answer = act(&mut seat, "", foreign).await;
        assert_eq!(answer.status, 422, "{foreign}");
        assert!(answer.body.contains("No store of this merchant"), "{}", answer.body);
    }
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM dkim_key").await, 0);
    assert!(noted(&test).await.is_empty());
    assert_eq!(act(&mut seat, "", DOMAIN).await.location(), "/oms/email/keys?done=made");
    assert_eq!(act(&mut seat, "", DOMAIN).await.status, 422, "one pair waits at a time");
    let keys = dkim::of_domain(&test.app.db, &merchant, DOMAIN).await.unwrap();
    let page = seat.get("/oms/email/keys?done=made").await.body;
    for key in &keys {
        assert_eq!(key.state(), State::Waiting);
        let record = key.record();
        let shown = record.quoted().replace('"', "&#34;");
        assert!(page.contains(&record.name) && page.contains(&shown), "{shown} in {page}");
        assert!(record.strings().iter().all(|string| string.len() <= 255));
    }
    assert!(keys[0].record().quoted().contains("\" \""), "RSA takes two strings");
    let answer = act(&mut seat, "/activate", DOMAIN).await;
    assert_eq!(answer.location(), "/oms/email/keys?done=activated");
    test.browser().forgot("harbor", "ada@example.test").await;
    assert_eq!(verify(&test.deliver().await[0].raw, &keys), [true, true]);
    assert_eq!(act(&mut seat, "", DOMAIN).await.status, 422, "rotate instead");
    assert_eq!(act(&mut seat, "/rotate", DOMAIN).await.status, 303);
    assert_eq!(act(&mut seat, "/activate", DOMAIN).await.status, 303);
    let page = seat.get("/oms/email/keys").await.body;
    assert!(page.contains("Keep both records until"), "{page}");
    let new = dkim::of_domain(&test.app.db, &merchant, DOMAIN).await.unwrap()[0].pair.clone();
    let detail = |pair: &str| serde_json::json!({ "domain": DOMAIN, "keys": pair });
    let expected = [
        ("dkim.keys_made", &keys[0].pair),
        ("dkim.keys_activated", &keys[0].pair),
        ("dkim.keys_made", &new),
        ("dkim.keys_activated", &new),
    ];
    let expected = expected.map(|(action, pair)| (action.to_owned(), detail(pair)));
    assert_eq!(noted(&test).await, expected);
});

both!(others_look_at_the_keys_and_change_nothing, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    let page = agent.get("/oms/email/keys").await;
    assert!(page.status == 200 && page.body.contains("An administrator can make"));
    assert!(!page.body.contains("action=\"/oms/email/keys"), "{}", page.body);
    for path in ["", "/rotate", "/activate"] {
        assert_eq!(act(&mut agent, path, DOMAIN).await.status, 403, "{path}");
    }
    let mut admin = test.seat(ADMIN).await;
    let page = admin.get("/oms/email/keys").await;
    assert!(page.body.contains("action=\"/oms/email/keys\""), "the control");
});

both!(keys_are_activated_once_the_dns_shows_their_records, |db| async move {
    let names = NameServer::start().await;
    let test = TestApp::with(Options::new(db).set("dns.servers", names.setting())).await;
    let merchant = test.store("harbor").merchant_id.clone();
    let mut seat = test.seat(ADMIN).await;
    assert_eq!(act(&mut seat, "", DOMAIN).await.status, 303);
    let keys = dkim::of_domain(&test.app.db, &merchant, DOMAIN).await.unwrap();
    let refused = act(&mut seat, "/activate", DOMAIN).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("Not activated.") && refused.body.contains("is missing"));
    assert!(refused.body.contains("name=\"anyway\""), "{}", refused.body);
    // One of the two, and another key under the name of the other.
    names.txt(&keys[0].record().name, &keys[0].record().value);
    names.txt(&keys[1].record().name, "v=DKIM1; k=ed25519; p=AAAA");
    let refused = act(&mut seat, "/activate", DOMAIN).await;
    assert!(refused.status == 422 && refused.body.contains("another key"), "{}", refused.body);
    assert!(noted(&test).await.iter().all(|(action, _)| action != "dkim.keys_activated"));
    let anyway = [("domain", DOMAIN), ("anyway", "1")];
    assert_eq!(seat.post("/oms/email/keys/activate", &anyway).await.status, 303);
    // The next pair, with everything as it should be.
    assert_eq!(act(&mut seat, "/rotate", DOMAIN).await.status, 303);
    for key in dkim::of_domain(&test.app.db, &merchant, DOMAIN).await.unwrap() {
        if key.state() == State::Waiting {
            names.txt(&key.record().name, &key.record().value);
        }
    }
    assert_eq!(act(&mut seat, "/activate", DOMAIN).await.status, 303, "the control");
});
