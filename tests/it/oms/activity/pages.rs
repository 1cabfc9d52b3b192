//! The pages that show the activity: filters, alerts, the export.

use doorkey::activity::{self, Act, Action, Actor};
use doorkey::args;
use serde_json::{Value, json};

use super::{entries, write, write_to};
use crate::support::desk::{ADMIN, AGENT, VIEWER};
use crate::support::{TestApp, both};

async fn act(test: &TestApp, staff: &str, action: Action, customer: Option<&str>, detail: Value) {
    let store = test.store("harbor");
    let sql = "SELECT a.id AS staff_id, a.merchant_id, a.email, a.email_key, a.name, a.role,
            a.disabled_at, a.totp_confirmed_at, m.name AS merchant_name, m.key AS merchant_key,
            m.factor_required
         FROM staff a JOIN merchant m ON m.id = a.merchant_id WHERE a.email_key = $1";
    let row = test.app.db.row(sql, args![staff]).await.unwrap().unwrap();
    let staff = doorkey::staff::read(&row);
    let act = Act {
        merchant_id: &store.merchant_id,
        actor: Actor::Staff(&staff),
        action,
        customer_id: customer,
        store_id: Some(&store.id),
        source: "192.0.2.7",
        alert: false,
        detail,
    };
    let mut tx = test.app.db.begin().await.unwrap();
    let key = &test.app.keys.activity;
    activity::write(&mut tx, key, &act, test.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// The cells of the list's column, newest first.
fn column(page: &str, n: usize) -> Vec<String> {
    let body = page.rsplit_once("<tbody>").map_or("", |(_, body)| body);
    let rows = body.split("<tr>").skip(1);
    let cell = |row: &str| {
        let cell = row.split("<td").nth(n).unwrap_or_default();
        let cell = cell.split_once('>').map_or("", |(_, cell)| cell);
        cell.split("</td>").next().unwrap_or_default().to_owned()
    };
    rows.map(cell).collect()
}

both!(the_page_tells_who_did_what_and_filters_it, |db| async move {
    let test = TestApp::start(db).await;
    let ada = test.customer_id("harbor", "ada@example.test").await;
    let empty = test.seat(AGENT).await.get("/oms/activity").await;
    assert!(empty.body.contains("Nothing has been done yet"), "{}", empty.body);
    let detail =
        json!({ "mode": "temporary", "from": { "role": "agent" }, "ok": true, "n": [1, 2] });
    act(&test, AGENT, Action::ReminderSent, Some(&ada), detail).await;
    test.wait(86_400);
    act(&test, ADMIN, Action::CustomerBlocked, Some(&ada), json!({})).await;
    test.wait(1);
    write_to(&test, &test.app.db, Action::StoreChanged, false, json!({ "x": "<b>" })).await;
    let mut seat = test.seat(AGENT).await;
    let page = seat.get("/oms/activity").await;
    assert_eq!(page.status, 200);
    assert_eq!(column(&page.body, 3), ["Changed a store", "Blocked a customer", "Sent a reminder"]);
    for shown in [
        &*format!("<a href=\"/oms/customers/{ada}\">Marsh</a>"),
        "192.0.2.7",
        "Harbor Coffee",
        "from role:</span> agent",
        "ok:</span> yes",
        "n:</span> 1, 2",
        "&#60;b&#62;",
        "(agent)",
    ] {
        assert!(page.body.contains(shown), "{shown} in {}", page.body);
    }
    assert!(!page.body.contains("{\"") && !page.body.contains("Export as CSV"), "no raw JSON");
    // Those who only read do not see where colleagues sit.
    let viewer = test.seat(VIEWER).await.get("/oms/activity").await;
    assert_eq!(column(&viewer.body, 3).len(), 3);
    assert!(!viewer.body.contains("192.0.2.7") && viewer.body.contains("Marsh"));

    let day = |back: i64| {
        let at = jiff::Timestamp::from_microsecond(test.clock.now() - back * 86_400_000_000);
        at.unwrap().strftime("%Y-%m-%d").to_string()
    };
    let staff = test.seat(ADMIN).await.staff_id;
    for (query, found) in [
        ("customer=H-1001", vec!["Blocked a customer", "Sent a reminder"]),
        ("action=reminder.sent", vec!["Sent a reminder"]),
        ("staff=nobody", vec!["Changed a store"]),
        (&*format!("staff={staff}"), vec!["Blocked a customer"]),
        (&*format!("staff={staff}&action=reminder.sent"), vec![]),
        (&*format!("to={}", day(1)), vec!["Sent a reminder"]),
        (&*format!("from={}", day(0)), vec!["Changed a store", "Blocked a customer"]),
        (
            &*format!("from={0}&to={0}&customer=H-1001&staff={staff}", day(0)),
            vec!["Blocked a customer"],
        ),
    ] {
        let page = seat.get(&format!("/oms/activity?{query}")).await;
        assert_eq!(column(&page.body, 3), found, "{query}");
    }
    for (query, said) in [
        ("customer=nobody%3C", "There is no customer with the number “nobody&#60;”"),
        ("from=yesterday", "“yesterday” is no date; write it like 2026-11-23"),
        ("from=2026-02-02&to=2026-02-01", "swap them"),
        ("action=made.up", "choose one of the list"),
    ] {
        let page = seat.get(&format!("/oms/activity?{query}")).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains(said), "{query}: {}", page.body);
        assert!(column(&page.body, 3).is_empty(), "{query}");
    }
    assert!(seat.get("/oms/activity?from=yesterday").await.body.contains("value=\"yesterday\""));
    assert_eq!(seat.get("/oms/activity?staff=somebody").await.status, 404);
});

both!(older_entries_are_pages_away_and_none_is_skipped, |db| async move {
    let test = TestApp::start(db).await;
    // Several entries of one moment at the edge of a page.
    for n in 0..120 {
        if n % 7 == 0 {
            test.wait(1);
        }
        write_to(&test, &test.app.db, Action::StoreChanged, false, json!({ "n": n })).await;
    }
    let mut seat = test.seat(VIEWER).await;
    let (mut seen, mut next) = (Vec::new(), Some("/oms/activity?staff=nobody".to_owned()));
    while let Some(path) = next {
        let page = seat.get(&path).await.body;
        seen.extend(column(&page, 7));
        next = page.split("<a href=\"").find(|part| part.contains(">Older</a>")).map(|part| {
            part.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
        });
    }
    let wanted: Vec<_> = (1..=120).rev().map(|n| n.to_string()).collect();
    assert_eq!(seen, wanted);
});

both!(alerts_stand_on_top_until_an_administrator_has_read_them, |db| async move {
    let test = TestApp::start(db).await;
    let alert = json!({ "limit": "an hour" });
    let first = write_to(&test, &test.app.db, Action::ReminderLimit, true, alert.clone()).await;
    let mut admin = test.seat(ADMIN).await;
    let page = admin.get("/oms/activity").await;
    assert!(page.body.contains("<h2 id=\"alerts\">Alerts"), "{}", page.body);
    assert!(page.body.contains("somebody else works with their access"), "{}", page.body);
    assert_eq!(page.hidden("upto"), first.to_string());
    for (staff, status) in [(AGENT, 403), (VIEWER, 403)] {
        let mut seat = test.seat(staff).await;
        let page = seat.get("/oms/activity").await;
        assert!(!page.body.contains("id=\"alerts\"") && page.body.contains("badge bad"));
        let fields = [("upto", &*first.to_string())];
        assert_eq!(seat.post("/oms/activity/read", &fields).await.status, status);
    }
    // One more comes up while the page is open: it was not read.
    write_to(&test, &test.app.db, Action::SealRefused, true, json!({})).await;
    let upto = first.to_string();
    assert_eq!(admin.post("/oms/activity/read", &[("upto", &upto)]).await.status, 303);
    let page = admin.get("/oms/activity").await;
    assert!(page.body.contains("Tell whoever runs Doorkey"), "the new one stays");
    assert!(!page.body.contains("somebody else works with their access"), "the old one is read");
    assert!(page.body.contains("Read the alerts"));
    // Neither back, nor beyond the end, nor twice.
    let entries_before = entries(&test).await;
    for upto in ["1", "0", "-5", "99999"] {
        assert_eq!(admin.post("/oms/activity/read", &[("upto", upto)]).await.status, 303);
    }
    assert_eq!(admin.post("/oms/activity/read", &[("upto", "x")]).await.status, 400);
    assert!(admin.get("/oms/activity").await.body.contains("id=\"alerts\""));
    assert_eq!(entries(&test).await, entries_before, "and the chain holds");
});

both!(the_export_holds_every_entry_and_runs_no_formula, |db| async move {
    let test = TestApp::start(db).await;
    let ada = test.customer_id("harbor", "ada@example.test").await;
    test.exec(
        "UPDATE customer SET last_name = '=HYPERLINK(\"x\")' WHERE email_key = 'ada@example.test'",
    )
    .await;
    let detail = json!({ "note": "two\r\nlines, \"quoted\"; ü" });
    act(&test, AGENT, Action::CustomerChanged, Some(&ada), detail).await;
    for n in 0..2100 {
        write_to(&test, &test.app.db, Action::StoreChanged, false, json!({ "n": n })).await;
    }
    let mut admin = test.seat(ADMIN).await;
    let answer = admin.get("/oms/activity.csv").await;
    assert_eq!(answer.status, 200);
    let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
    assert!(header("content-type").starts_with("text/csv; charset=utf-8"));
    assert!(header("content-disposition").starts_with("attachment; filename=\"activity-"));
    let text = String::from_utf8(answer.bytes.clone()).unwrap();
    assert!(text.ends_with("\r\n"), "RFC 4180");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().unwrap().clone();
    let at = |name: &str| head.iter().position(|h| h == name).unwrap();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let numbers: Vec<_> = rows.iter().map(|row| row[0].parse::<i64>().unwrap()).collect();
    assert_eq!(numbers, (1..=2102).rev().collect::<Vec<_>>());
    assert_eq!(&rows[0][at("action")], "activity.exported", "that it was exported is in it");
    let oldest = rows.last().unwrap();
    assert_eq!(&oldest[at("customer_last_name")], "'=HYPERLINK(\"x\")");
    assert_eq!(&oldest[at("details")], "note: two\r\nlines, \"quoted\"; ü");
    assert_eq!(oldest[at("tag")].len(), 64);
    assert!(oldest[at("time")].parse::<jiff::Timestamp>().is_ok(), "{}", &oldest[at("time")]);
    // A filter holds for the export too, and what cannot be read is no filter.
    let answer = admin.get("/oms/activity.csv?action=customer.changed").await;
    assert_eq!(csv::Reader::from_reader(&answer.bytes[..]).records().count(), 1);
    assert_eq!(admin.get("/oms/activity.csv?from=x").await.status, 400);
    let mut agent = test.seat(AGENT).await;
    assert_eq!(agent.get("/oms/activity.csv").await.status, 403);
    assert_eq!(entries(&test).await, 2103);
});

both!(another_merchants_activity_is_not_seen, |db| async move {
    let test = TestApp::start(db).await;
    let store = test.store("northwind");
    let act = Act {
        merchant_id: &store.merchant_id,
        actor: Actor::Operator,
        action: Action::StoreChanged,
        customer_id: None,
        store_id: Some(&store.id),
        source: "",
        alert: true,
        detail: json!({}),
    };
    let mut tx = test.app.db.begin().await.unwrap();
    activity::write(&mut tx, &test.app.keys.activity, &act, test.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let mut admin = test.seat(ADMIN).await;
    let page = admin.get("/oms/activity").await;
    assert!(page.body.contains("Nothing has been done yet"), "{}", page.body);
    assert_eq!(admin.post("/oms/activity/read", &[("upto", "1")]).await.status, 303);
    let answer = admin.get("/oms/activity.csv").await;
    assert_eq!(
        csv::Reader::from_reader(&answer.bytes[..]).records().count(),
        1,
        "the export itself"
    );
    write(&test, Action::StoreChanged).await;
    assert_eq!(column(&admin.get("/oms/activity").await.body, 3).len(), 2, "the control");
});
