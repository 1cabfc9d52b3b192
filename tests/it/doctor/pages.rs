//! Where the doctor's findings are seen: the pages, as JSON, and by `doorkey doctor`.

use axum::http::Method;
use serde_json::Value;

use super::{DOMAIN, Ward};
use crate::support::desk::{ADMIN, AGENT, VIEWER};
use crate::support::{Browser, both};

async fn json(browser: &mut Browser, path: &str) -> Value {
    let accept = [("accept", "application/json")];
    let answer = browser.request(Method::GET, path, None, &accept).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

both!(staff_see_the_verdict_and_check_again, |db| async move {
    let ward = Ward::open(db).await;
    let (mut agent, mut viewer) = (ward.test.seat(AGENT).await, ward.test.seat(VIEWER).await);
    let path = format!("/oms/email/doctor/{DOMAIN}");
    let fresh = agent.get("/oms/email/doctor").await.body;
    assert!(fresh.contains(DOMAIN) && fresh.contains("Not looked at yet."), "{fresh}");
    assert!(!fresh.contains("northwind"), "another merchant's domain: {fresh}");
    assert_eq!(agent.post(&path, &[]).await.location(), format!("{path}?checked=1"));
    let broken = agent.get(&path).await.body;
    assert!(broken.contains("has no SPF record"), "{broken}");
    assert!(broken.contains("v=spf1 ip4:192.0.2.10 ~all"), "ready to copy: {broken}");
    assert!(broken.contains("data-copy=\"spf-1-value\""), "{broken}");
    let listed = viewer.get("/oms/email/doctor").await.body;
    assert!(listed.contains("badge bad"), "{listed}");
    // Looking is for everybody; having it looked at is not.
    assert_eq!(viewer.post(&path, &[]).await.status, 403);
    assert!(!viewer.get(&path).await.body.contains("Check now"));
    // Published, it is seen at once.
    ward.test.wait(5);
    ward.dns.healthy(DOMAIN);
    agent.post(&path, &[]).await;
    let mended = agent.get(&path).await.body;
    assert!(
        mended.contains("may send for shop.test") && mended.contains("What changed"),
        "{mended}"
    );
    // Another merchant's domain does not exist here.
    assert_eq!(agent.get("/oms/email/doctor/northwind.test").await.status, 404);
    assert_eq!(agent.post("/oms/email/doctor/northwind.test", &[]).await.status, 404);
});

both!(programs_read_the_same, |db| async move {
    let ward = Ward::open(db).await;
    ward.dns.healthy(DOMAIN);
    let mut seat = ward.test.seat(AGENT).await;
    let path = format!("/oms/email/doctor/{DOMAIN}");
    let before = json(&mut seat.browser, &path).await;
    assert!(before["checks"].is_null() && before["domain"] == DOMAIN, "{before}");
    seat.post(&path, &[]).await;
    let found = json(&mut seat.browser, &path).await;
    let spf = found["checks"].as_array().unwrap().iter().find(|c| c["topic"] == "spf").unwrap();
    assert_eq!(spf["level"], "ok", "{found}");
    assert!(found["checked_at"].as_str().unwrap().ends_with('Z'), "{found}");
    let all = json(&mut seat.browser, "/oms/email/doctor").await;
    assert_eq!(all["domains"][0]["level"], "warn", "nothing is signed: {all}");
});

both!(checks_by_hand_are_limited_for_a_merchant, |db| async move {
    let ward = Ward::open(db).await;
    ward.dns.healthy(DOMAIN);
    let path = format!("/oms/email/doctor/{DOMAIN}");
    let (mut agent, mut admin) = (ward.test.seat(AGENT).await, ward.test.seat(ADMIN).await);
    for _ in 0..10 {
        assert!(agent.post(&path, &[]).await.location().ends_with("checked=1"));
    }
    let asked = ward.dns.asked().len();
    let refused = admin.post(&path, &[]).await;
    assert!(refused.location().ends_with("often=1"), "a colleague counts too");
    assert_eq!(ward.dns.asked().len(), asked, "and nobody was asked");
    assert!(admin.get(refused.location()).await.body.contains("often enough"));
    ward.test.wait(10 * 60);
    assert!(admin.post(&path, &[]).await.location().ends_with("checked=1"));
    let noted =
        ward.test.count("SELECT COUNT(*) AS n FROM activity WHERE action = 'mail.domain_checked'");
    assert_eq!(noted.await, 11);
});

both!(the_command_says_the_same_and_remembers_nothing, |db| async move {
    let ward = Ward::open(db).await;
    ward.dns.healthy(DOMAIN);
    let doctor = async |json: bool| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_doorkey"));
        command
            .arg("doctor")
            .args(json.then_some("--json"))
            .env_clear()
            .current_dir(&ward.test.folder)
            .env("DOORKEY_DATABASE_URL", &ward.test.database_url)
            .env("DOORKEY_OPS_LISTEN", "127.0.0.1:1")
            .env("DOORKEY_SMTP__URL", ward.test.sink.url())
            .env("DOORKEY_DNS__SERVERS", ward.dns.setting())
            .env("DOORKEY_DNS__TIMEOUT", "1")
            .env("DOORKEY_DOCTOR__SENDING_HOSTS", "[\"192.0.2.10\"]");
        let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        String::from_utf8(ran.stdout).unwrap()
    };
    let said = doctor(false).await;
    for line in [
        "ok    spf shop.test: Your sending hosts may send for shop.test.",
        "ok    dmarc shop.test: The policy is reject",
        "warn  dkim shop.test: Doorkey does not sign",
        "fail  spf northwind.test: northwind.test has no SPF record. — ",
    ] {
        assert!(said.contains(line), "{line:?} is missing:\n{said}");
    }
    assert!(said.contains("Publish: northwind.test TXT v=spf1 ip4:192.0.2.10 ~all"), "{said}");
    let json: Value = serde_json::from_str(&doctor(true).await).unwrap();
    let domains = json["domains"].as_array().unwrap();
    let own = domains.iter().find(|domain| domain["domain"] == DOMAIN).unwrap();
    assert_eq!(own["level"], "warn", "{own}");
    assert!(json["findings"].as_array().unwrap().iter().all(|f| f["level"].is_string()));
    assert_eq!(ward.test.count("SELECT COUNT(*) AS n FROM domain_check").await, 0);
});
