//! The merchant's settings: name, second factor, and what the envelope sends.

use doorkey::merchant::{self, Mode};

use crate::support::app::{Database, Options};
use crate::support::desk::{ADMIN, AGENT, Seat};
use crate::support::{Answer, TestApp, both};

async fn mode(test: &TestApp) -> Mode {
    let merchant = test.store("harbor").merchant_id.clone();
    merchant::reminder_mode(&test.app.db, &merchant).await.unwrap()
}

async fn set(seat: &mut Seat, fields: &[(&str, &str)]) -> Answer {
    seat.post("/oms/settings/reminder", fields).await
}

async fn noted(test: &TestApp) -> Vec<(String, serde_json::Value)> {
    let sql = "SELECT action, detail FROM activity ORDER BY seq";
    let rows = test.app.db.rows(sql, doorkey::args![]).await.unwrap();
    let detail = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
    rows.iter().map(|row| (row.get("action"), detail(row.get("detail")))).collect()
}

both!(the_name_and_the_second_factor_are_set, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    let page = seat.get("/oms/settings").await;
    assert!(page.body.contains("value=\"Harbor Goods\""), "{}", page.body);
    let answer = seat.post("/oms/settings", &[("name", " x "), ("factor_required", "1")]).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.body.contains("Use 1 to 80 characters") && answer.body.contains("value=\" x \"")
    );
    assert!(answer.body.contains("value=\"1\" aria-describedby=\"factor-hint\" checked"));
    let answer = seat.post("/oms/settings", &[("name", "Harbor"), ("factor_required", "1")]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(test.store("harbor").merchant_name, "Harbor");
    assert_eq!(test.store("northwind").merchant_name, "Northwind Tea");
    let fields = ["name", "factor_required"];
    let detail = serde_json::json!({ "factor_required": true, "fields": fields });
    assert_eq!(noted(&test).await, [("settings.changed".into(), detail)]);
    // Everybody's sessions without one lead to setting it up.
    test.exec("UPDATE staff_session SET factor_at = NULL").await;
    assert_eq!(seat.get("/oms/settings").await.location(), "/oms/account/factor");
});

both!(the_mode_of_the_reminder_is_chosen, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    assert_eq!(mode(&test).await, Mode::Temporary);
    assert_eq!(set(&mut seat, &[("mode", "link")]).await.status, 303);
    assert_eq!(mode(&test).await, Mode::Link);
    for wrong in ["", "plain"] {
        let answer = set(&mut seat, &[("mode", wrong)]).await;
        assert!(answer.status == 422 && answer.body.contains("Choose one"), "{}", answer.body);
    }
    let answer = set(&mut seat, &[("mode", "current"), ("consent", "1")]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("reminder.allow_current in the configuration"), "{}", answer.body);
    assert_eq!(mode(&test).await, Mode::Link);
    let mut agent = test.seat(AGENT).await;
    assert_eq!(set(&mut agent, &[("mode", "temporary")]).await.status, 403);
    let wanted = [(
        "settings.reminder_mode".into(),
        serde_json::json!({ "from": "temporary", "to": "link" }),
    )];
    assert_eq!(noted(&test).await, wanted);
});

async fn with_current(db: Database) -> TestApp {
    TestApp::with(Options::new(db).set("reminder.allow_current", true)).await
}

both!(the_own_password_needs_consent_and_a_key, |db| async move {
    let test = with_current(db).await;
    let mut seat = test.seat(ADMIN).await;
    let page = seat.get("/oms/settings").await;
    assert!(page.body.contains("Before you choose the customer's own password, on "));
    let answer = set(&mut seat, &[("mode", "current")]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("tick the box"), "{}", answer.body);
    assert!(answer.body.contains("value=\"current\" aria-describedby=\"current-hint\" checked"));
    let answer = set(&mut seat, &[("mode", "current"), ("consent", "1")]).await;
    assert!(answer.status == 422 && answer.body.contains("doorkey key create"), "{}", answer.body);
    assert_eq!(mode(&test).await, Mode::Temporary);
    assert_eq!(noted(&test).await, Vec::<(String, serde_json::Value)>::new());
});
