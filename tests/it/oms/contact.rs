//! Adding customers and changing their contact data; closing and reopening accounts.

use crate::support::app::PASSWORD;
use crate::support::desk::{AGENT, Seat, VIEWER};
use crate::support::{TestApp, both};
use doorkey::args;

const ADA: &str = "ada@example.test";

/// The contact data of Ada, with some of it changed.
fn contact<'a>(store: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("first_name", "Ada"),
        ("last_name", "Marsh"),
        ("company", ""),
        ("phone", ""),
        ("number", "H-1001"),
        ("language", ""),
        ("home_store", store),
    ];
    for (name, value) in changes {
        match fields.iter_mut().find(|(field, _)| field == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    fields
}

/// Actions in Activity, oldest first, with their details.
async fn activity(test: &TestApp) -> Vec<(String, String)> {
    let sql = "SELECT action, detail FROM activity ORDER BY merchant_id, seq";
    let rows = test.app.db.rows(sql, args![]).await.unwrap();
    rows.iter().map(|row| (row.get("action"), row.get("detail"))).collect()
}

async fn timeline(test: &TestApp, id: &str) -> Vec<String> {
    let sql = "SELECT kind FROM timeline WHERE customer_id = $1 ORDER BY at, id";
    let rows = test.app.db.rows(sql, args![id]).await.unwrap();
    rows.iter().map(|row| row.get("kind")).collect()
}

async fn finds(seat: &mut Seat, q: &str, id: &str) -> bool {
    let page = seat.get(&format!("/oms/customers?q={q}")).await;
    page.body.contains(&format!("href=\"/oms/customers/{id}\""))
}

both!(a_customer_is_added_and_found_at_once, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    let store = test.store("harbor-trade").id.clone();
    let page = seat.get("/oms/customers/new").await;
    assert!(page.status == 200 && page.body.contains("Harbor Trade"));
    assert!(!page.body.contains("Northwind"), "the merchant's own stores alone");
    let fields = [
        ("email", "Zoë.K@Example.test"),
        ("first_name", " Zoë "),
        ("last_name", "Krüger"),
        ("company", "Krüger & Töchter"),
        ("home_store", &*store),
    ];
    let answer = seat.post("/oms/customers/new", &fields).await;
    assert_eq!(answer.status, 422, "not an address that mail goes to");
    assert!(
        answer.body.contains("Write one address") && answer.body.contains("Krüger &#38; Töchter")
    );
    let fields: Vec<_> = fields
        .iter()
        .map(|f| if f.0 == "email" { ("email", "Zoe.K@Example.test") } else { *f })
        .collect();
    let answer = seat.post("/oms/customers/new", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let id = test.customer_id("harbor", "zoe.k@example.test").await;
    assert_eq!(answer.location(), format!("/oms/customers/{id}"));
    for q in ["kruger", "zoe+kruger", "kruger+tochter", "zoe.k%40example"] {
        assert!(finds(&mut seat, q, &id).await, "{q}");
    }
    assert_eq!(timeline(&test, &id).await, ["registered"]);
    assert_eq!(activity(&test).await, [("customer.added".to_owned(), "{}".to_owned())]);
    assert!(test.deliver().await.is_empty(), "nobody is written to yet");
    // Somebody else's address, somebody else's number.
    for (email, number, what) in [(ADA, "", "address"), ("free@example.test", "H-1001", "number")] {
        let fields =
            [("email", email), ("number", number), ("last_name", "Other"), ("home_store", &*store)];
        let answer = seat.post("/oms/customers/new", &fields).await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains(&format!("Another customer has this {what} already")));
        let ada = test.customer_id("harbor", ADA).await;
        assert!(
            answer.body.contains(&format!("/oms/customers/{ada}\""))
                && answer.body.contains("Other")
        );
    }
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM customer").await, 7);
    assert_eq!(activity(&test).await.len(), 1);
});

both!(contact_data_changes_and_with_it_what_the_customer_is_found_by, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    let (id, store) =
        (test.customer_id("harbor", ADA).await, test.store("harbor-trade").id.clone());
    let path = format!("/oms/customers/{id}/edit");
    let page = seat.get(&path).await;
    for text in ["value=\"Ada\"", "value=\"Marsh\"", "value=\"H-1001\""] {
        assert!(page.body.contains(text), "{text}");
    }
    let changes = [
        ("last_name", "Märsh-Ågren"),
        ("company", "Ågren AB"),
        ("number", "X/7"),
        ("phone", "+46 8 123"),
        ("language", "de"),
    ];
    let answer = seat.post(&path, &contact(&store, &changes)).await;
    assert_eq!((answer.status, answer.location()), (303, &*format!("/oms/customers/{id}")));
    for q in ["marsh+agr", "agren+ab", "x7", "ada+marsh", ADA] {
        assert!(finds(&mut seat, q, &id).await, "{q}");
    }
    assert!(!finds(&mut seat, "h1001", &id).await, "no longer");
    let found = doorkey::customer::load(&test.app.db, &test.store("harbor").merchant_id, &id).await;
    let ada = found.unwrap().unwrap();
    assert_eq!((&*ada.phone, &*ada.home_store_id), ("+46 8 123", &*store));
    assert_eq!(ada.language, Some(doorkey::locale::Language::De));
    assert_eq!(ada.email, ADA, "the address is not part of it");
    let detail = r#"{"changed":["number","last name","company","phone","language","home store"]}"#;
    assert_eq!(activity(&test).await, [("customer.changed".to_owned(), detail.to_owned())]);
    // Saved again: nothing changes, so nothing is noted.
    assert_eq!(seat.post(&path, &contact(&store, &changes)).await.status, 303);
    assert_eq!(activity(&test).await.len(), 1);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303, "still open");
});

both!(what_cannot_be_is_refused_and_kept_in_the_form, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    let (id, store) = (test.customer_id("harbor", ADA).await, test.store("harbor").id.clone());
    let path = format!("/oms/customers/{id}/edit");
    let long = "x".repeat(81);
    for (name, value, text) in [
        ("last_name", "  ", "Give a last name"),
        ("last_name", &*long, "at most 80 characters"),
        ("company", "two\nlines", "on one line"),
        ("number", "", "1 to 40 letters"),
        ("number", "ada@x", "1 to 40 letters"),
        ("number", "a b", "1 to 40 letters"),
        ("number", "H-1002", "Another customer has this number already"),
    ] {
        let changes = [("phone", "kept in the form"), (name, value)];
        let answer = seat.post(&path, &contact(&store, &changes)).await;
        assert_eq!(answer.status, 422, "{name} {value:?}");
        assert!(answer.body.contains(text), "{name} {value:?}");
        assert!(answer.body.contains("value=\"kept in the form\""), "{name} {value:?}");
    }
    // A store of another merchant, a language that is none, a field that the form does not have.
    let foreign = test.store("northwind").id.clone();
    assert_eq!(seat.post(&path, &contact(&foreign, &[])).await.status, 404);
    assert_eq!(seat.post(&path, &contact(&store, &[("language", "tlh")])).await.status, 400);
    for field in ["email", "password", "blocked_at", "merchant_id"] {
        assert_eq!(
            seat.post(&path, &contact(&store, &[(field, "x")])).await.status,
            400,
            "{field}"
        );
    }
    assert!(activity(&test).await.is_empty());
    assert_eq!(seat.post(&path, &contact(&store, &[("phone", "1")])).await.status, 303, "control");
    assert_eq!(activity(&test).await.len(), 1);
});

both!(two_agents_on_one_record_do_not_overwrite_each_other_unseen, |db| async move {
    let test = TestApp::start(db).await;
    let (mut one, mut two) = (test.seat(AGENT).await, test.seat(AGENT).await);
    let (id, store) = (test.customer_id("harbor", ADA).await, test.store("harbor").id.clone());
    let path = format!("/oms/customers/{id}/edit");
    let state = one.get(&path).await.hidden("state");
    assert_eq!(two.get(&path).await.hidden("state"), state);
    let changes = [("phone", "111"), ("state", &*state)];
    assert_eq!(one.post(&path, &contact(&store, &changes)).await.status, 303);
    let changes = [("company", "Marsh Ltd"), ("state", &*state)];
    let answer = two.post(&path, &contact(&store, &changes)).await;
    assert_eq!(answer.status, 409);
    assert!(answer.body.contains("phone: 111") && answer.body.contains("value=\"Marsh Ltd\""));
    let state = answer.hidden("state");
    let changes = [("company", "Marsh Ltd"), ("phone", "111"), ("state", &*state)];
    assert_eq!(two.post(&path, &contact(&store, &changes)).await.status, 303, "seen and saved");
    assert_eq!(activity(&test).await.len(), 2);
});

both!(a_closed_account_is_closed_at_once_and_reopened_without_its_sessions, |db| async move {
    let test = TestApp::start(db).await;
    let (mut agent, mut viewer) = (test.seat(AGENT).await, test.seat(VIEWER).await);
    let mut ada = test.browser();
    assert_eq!(ada.login("harbor", ADA, PASSWORD).await.status, 303);
    let link = test.link("harbor", ADA).await;
    let id = test.customer_id("harbor", ADA).await;
    let record = format!("/oms/customers/{id}");
    assert_eq!(viewer.post(&format!("{record}/block"), &[]).await.status, 403);
    assert_eq!(ada.who("harbor").await.as_deref(), Some(ADA), "a viewer changes nothing");
    for _ in 0..2 {
        let answer = agent.post(&format!("{record}/block"), &[]).await;
        assert_eq!((answer.status, answer.location()), (303, &*record));
    }
    assert_eq!(ada.who("harbor").await, None);
    assert_eq!(ada.login("harbor", ADA, PASSWORD).await.status, 401);
    assert_eq!(ada.set_password(&link, "another fine kettle").await.status, 410);
    for _ in 0..2 {
        assert_eq!(agent.post(&format!("{record}/unblock"), &[]).await.status, 303);
    }
    assert_eq!(ada.who("harbor").await, None, "what was ended stays ended");
    assert_eq!(ada.login("harbor", ADA, PASSWORD).await.status, 303);
    let actions: Vec<_> = activity(&test).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["customer.blocked", "customer.unblocked"], "a second click does nothing");
    let told = timeline(&test, &id).await;
    assert_eq!(told.iter().filter(|kind| *kind == "blocked").count(), 1);
    assert_eq!(told.iter().filter(|kind| *kind == "unblocked").count(), 1);
});

both!(all_sessions_end_and_the_mailed_link_stays, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    let (mut phone, mut laptop) = (test.browser(), test.browser());
    for browser in [&mut phone, &mut laptop] {
        assert_eq!(browser.login("harbor", ADA, PASSWORD).await.status, 303);
    }
    let mut ben = test.browser();
    assert_eq!(ben.login("harbor", "ben@example.test", PASSWORD).await.status, 303);
    let link = test.link("harbor", ADA).await;
    let id = test.customer_id("harbor", ADA).await;
    for _ in 0..2 {
        let answer = agent.post(&format!("/oms/customers/{id}/sessions"), &[]).await;
        assert_eq!((answer.status, answer.location()), (303, &*format!("/oms/customers/{id}")));
    }
    assert_eq!((phone.who("harbor").await, laptop.who("harbor").await), (None, None));
    assert_eq!(ben.who("harbor").await.as_deref(), Some("ben@example.test"), "others are not met");
    let ended = ("customer.sessions_ended".to_owned(), r#"{"sessions":2}"#.to_owned());
    assert_eq!(activity(&test).await, [ended]);
    assert_eq!(phone.set_password(&link, "another fine kettle").await.status, 303);
});
