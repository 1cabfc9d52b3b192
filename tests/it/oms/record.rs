//! The record: what it shows to whom, and what stands for the password.

use doorkey::args;
use doorkey::clock::MINUTE;

use crate::support::desk::{ADMIN, AGENT, VIEWER};
use crate::support::{TestApp, both};

const ADA: &str = "ada@example.test";
const SENT: &str = "0192f000-0000-7000-8000-000000000001";

/// A click on the envelope, so many minutes ago.
async fn remind(test: &TestApp, customer: &str, staff: &str, mode: &str, minutes: i64) {
    let store = test.store("harbor");
    let at = test.clock.now() - minutes * MINUTE;
    let sql = "INSERT INTO reminder (id, merchant_id, customer_id, store_id, staff_id, mode,
                  sent_mode, created_at) VALUES ($1, $2, $3, $4, $5, $6, $6, $7)";
    let args = args![SENT, &store.merchant_id, customer, &store.id, staff, mode, at];
    test.app.db.exec(sql, args).await.unwrap();
}

/// The line of the password, from its name to the end of its place.
fn password_line(body: &str) -> String {
    let from = body.find("<dt>Password</dt>").expect("a password line");
    let end = body[from..].find("</dd>").unwrap();
    body[from..from + end].to_owned()
}

both!(what_stands_for_the_password_is_the_same_for_everybody, |db| async move {
    let test = TestApp::start(db).await;
    let short = test.add_customer("harbor", "short@example.test", Some("teapots8")).await;
    let long =
        test.add_customer("harbor", "long@example.test", Some(&"lighthouse ".repeat(9))).await;
    let none = test.add_customer("harbor", "none@example.test", None).await;
    let mut seat = test.seat(ADMIN).await;
    let mut lines = Vec::new();
    for id in [&short, &long, &none] {
        let page = seat.get(&format!("/oms/customers/{id}")).await;
        assert_eq!(page.status, 200);
        for secret in ["teapots8", "lighthouse ", "$argon2"] {
            assert!(!page.body.contains(secret), "{secret}");
        }
        lines.push(password_line(&page.body).replace(id.as_str(), "ID"));
    }
    assert_eq!(lines[0], lines[1]);
    assert_eq!(lines[0], lines[2]);
    assert!(lines[0].contains("••••••••••"));
    assert!(lines[0].contains("encrypted: cannot be viewed"));
    let envelope = r#"<button class="envelope" type="submit" aria-label="Send a password reminder to Test Person""#;
    assert!(lines[0].contains(envelope), "{}", lines[0]);
    assert!(lines[0].contains(r#"action="/oms/customers/ID/reminder""#));
});

both!(an_agent_reads_all_of_it_and_a_viewer_no_address_and_no_button, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    let path = format!("/oms/customers/{id}");
    let page = test.seat(AGENT).await.get(&path).await.body;
    for wanted in [
        "<h1>Ada Marsh</h1>",
        "H-1001",
        ADA,
        "class=\"envelope\"",
        "Harbor Coffee",
        "Harbor Trade",
        "http://127.0.0.1:8080/s/harbor/login",
        "http://127.0.0.1:8080/s/harbor-trade/login",
        "Forgot your password?",
        "What to tell the caller",
        "No reminder has been sent yet.",
        "Edit contact data",
        "Change the address",
        "End all sessions",
        ">Block</button>",
    ] {
        assert!(page.contains(wanted), "{wanted} is missing");
    }
    assert!(!page.contains("Northwind"), "another merchant's store");
    let page = test.seat(VIEWER).await.get(&path).await.body;
    let main = page.split("<main").nth(1).unwrap();
    assert!(main.contains("a•••@e•••.test") && !page.contains(ADA));
    assert!(!main.contains("<button") && !main.contains("<form"), "{main}");
    assert!(main.contains("encrypted: cannot be viewed"));
});

both!(another_merchants_customer_is_not_found_and_that_is_told, |db| async move {
    let test = TestApp::start(db).await;
    let foreign = test.customer_id("northwind", ADA).await;
    let own = test.customer_id("harbor", ADA).await;
    let unknown = own.replace(['1', '2', '3'], "f");
    let mut seat = test.seat(AGENT).await;
    let alerts = "SELECT COUNT(*) AS n FROM activity WHERE action = 'access.foreign' AND alert = 1";
    let mut bodies = Vec::new();
    for id in [&unknown, &foreign] {
        for tail in ["", "/timeline", "/timeline/live"] {
            let answer = seat.get(&format!("/oms/customers/{id}{tail}")).await;
            assert_eq!(answer.status, 404, "{tail}");
            bodies.push(answer.body);
        }
        let wanted = if *id == unknown { 0 } else { 3 };
        assert_eq!(test.count(alerts).await, wanted);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "they can be told apart");
    for strange in ["%00", "..", "'", "x%20y"] {
        assert_eq!(seat.get(&format!("/oms/customers/{strange}")).await.status, 404, "{strange}");
    }
    assert_eq!(seat.get(&format!("/oms/customers/{own}")).await.status, 200);
    assert_eq!(test.count(alerts).await, 3);
});

both!(a_closed_account_has_its_reason_in_place_of_the_envelope, |db| async move {
    let test = TestApp::start(db).await;
    let cleo = test.customer_id("harbor", "cleo@example.test").await;
    let page = test.seat(AGENT).await.get(&format!("/oms/customers/{cleo}")).await.body;
    assert!(page.contains(r#"<button class="envelope" type="button" disabled"#));
    assert!(page.contains(r#"id="refusal""#) && page.contains("blocked</span>"));
    assert!(page.contains("Your account is closed") && page.contains(">Unblock</button>"));
    assert!(!page.contains("/reminder\""), "nothing to click");
});

both!(after_a_click_the_page_says_what_went_where, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    let mut seat = test.seat(AGENT).await;
    let path = format!("/oms/customers/{id}?sent={SENT}");
    assert!(!seat.get(&path).await.body.contains("is on its way to"), "nothing was sent yet");
    remind(&test, &id, &seat.staff_id, "temporary", 0).await;
    let page = seat.get(&path).await.body;
    assert!(page.contains("A temporary password is on its way to a•••@e•••.test."), "{page}");
    assert!(page.contains("It is valid for 60 minutes."));
    assert!(page.contains("by Robin Agent, with a temporary password"));
    // Another customer's reminder says nothing here.
    let ben = test.customer_id("harbor", "ben@example.test").await;
    let other = seat.get(&format!("/oms/customers/{ben}?sent={SENT}")).await.body;
    assert!(!other.contains("is on its way to"));
});

both!(a_second_click_is_asked_about_for_ten_minutes, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    let mut seat = test.seat(AGENT).await;
    remind(&test, &id, &seat.staff_id, "link", 3).await;
    let path = format!("/oms/customers/{id}");
    assert!(!seat.get(&path).await.body.contains("Send another reminder?"));
    let again = format!("{path}?again=1");
    let page = seat.get(&again).await.body;
    assert!(page.contains("Send another reminder?") && page.contains("3 minutes ago"));
    assert!(page.contains(r#"name="confirm" value="1""#));
    test.wait(8 * 60);
    assert!(!seat.get(&again).await.body.contains("Send another reminder?"));
});

both!(what_customers_call_themselves_is_text, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    test.exec(
        "UPDATE customer SET first_name = '<script>alert(1)</script>',
            last_name = '\" onload=\"x', company = '{{7*7}}'",
    )
    .await;
    let page = test.seat(AGENT).await.get(&format!("/oms/customers/{id}")).await.body;
    assert!(!page.contains("<script>alert") && !page.contains("\" onload=\""));
    assert!(page.contains("{{7*7}}"), "as it was typed");
});
