//! Guided tutorials: started, left and taken up again by each member of staff alone, over a customer
//! whose mails go nowhere.

use doorkey::args;
use doorkey::tutorial;

use crate::support::desk::{ADMIN, AGENT, Seat, VIEWER};
use crate::support::{TestApp, both};

async fn start(seat: &mut Seat, tutorial: &str, resume: bool) -> (u16, String) {
    let mut fields = vec![("tutorial", tutorial)];
    if resume {
        fields.push(("resume", "1"));
    }
    let answer = seat.post("/oms/tutorials/start", &fields).await;
    (answer.status, answer.location().to_owned())
}

async fn reach(seat: &mut Seat, tutorial: &str, step: usize) -> u16 {
    let step = step.to_string();
    let fields = [("tutorial", tutorial), ("step", step.as_str())];
    seat.post("/oms/tutorials/progress", &fields).await.status
}

async fn tour(seat: &mut Seat) -> serde_json::Value {
    let answer = seat.get("/oms/tutorials/current").await;
    assert_eq!(answer.status, 200);
    serde_json::from_str::<serde_json::Value>(&answer.body).unwrap()["tour"].clone()
}

both!(progress_is_kept_for_each_member_of_staff, |db| async move {
    let test = TestApp::start(db).await;
    let (mut agent, mut admin) = (test.seat(AGENT).await, test.seat(ADMIN).await);
    assert!(tour(&mut agent).await.is_null(), "nothing is under way");
    assert_eq!(reach(&mut agent, "email", 1).await, 409, "and nothing can be reached");
    assert_eq!(start(&mut agent, "email", false).await, (303, "/oms/tutorials".into()));
    assert_eq!(reach(&mut agent, "email", 2).await, 204);
    assert_eq!(tour(&mut agent).await["step"], 2);
    assert!(tour(&mut admin).await.is_null(), "a colleague's is another");
    // Left in the middle, it is offered again where it was left, and leads there.
    assert_eq!(agent.post("/oms/tutorials/stop", &[]).await.status, 303);
    assert!(tour(&mut agent).await.is_null());
    assert!(agent.get("/oms/tutorials").await.body.contains("Continue at step 3"));
    assert_eq!(start(&mut agent, "email", true).await, (303, "/oms/email/doctor".into()));
    assert_eq!(tour(&mut agent).await["step"], 2);
    // Another one ends it, and it ends by being walked.
    assert_eq!(start(&mut agent, "reminder", false).await.0, 303);
    assert_eq!(tour(&mut agent).await["tutorial"], "reminder");
    assert_eq!(reach(&mut agent, "email", 3).await, 409);
    let all = tutorial::by_key("reminder").unwrap().steps.len();
    assert_eq!(reach(&mut agent, "reminder", all + 1).await, 409, "there is no such step");
    assert_eq!(reach(&mut agent, "reminder", all).await, 204);
    assert!(tour(&mut agent).await.is_null());
    assert!(agent.get("/oms/tutorials").await.body.contains("done "));
});

both!(a_tutorial_is_for_those_who_may_do_what_it_shows, |db| async move {
    let test = TestApp::start(db).await;
    let (mut viewer, mut agent) = (test.seat(VIEWER).await, test.seat(AGENT).await);
    assert_eq!(start(&mut viewer, "reminder", false).await.0, 403);
    assert_eq!(start(&mut agent, "protect", false).await.0, 403);
    let practice = "SELECT COUNT(*) AS n FROM customer WHERE practice_at IS NOT NULL";
    assert_eq!(test.count(practice).await, 0, "a refused start leaves nothing");
    assert_eq!(start(&mut viewer, "email", false).await.0, 303);
    assert_eq!(start(&mut agent, "reminder", false).await.0, 303);
    assert_eq!(start(&mut test.seat(ADMIN).await, "protect", false).await.0, 303);
    assert_eq!(start(&mut agent, "no-such", false).await.0, 404);
});

both!(the_practice_customer_is_made_once_and_begins_anew, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    start(&mut agent, "reminder", false).await;
    let id = test.customer_id("harbor", tutorial::ADDRESS).await;
    let steps = tour(&mut agent).await["steps"].clone();
    let record = format!("/oms/customers/{id}");
    assert!(steps.as_array().unwrap().iter().any(|s| s["page"] == *record), "{steps}");
    assert!(!steps.to_string().contains("{practice}"), "{steps}");
    // What practising left behind is gone with the next start, and the customer is the same.
    let blocked = "UPDATE customer SET blocked_at = 1, email = 'a@b.test' WHERE id = $1";
    test.app.db.exec(blocked, args![&id]).await.unwrap();
    let trace = "INSERT INTO timeline (id, merchant_id, customer_id, at, kind, detail)
                 SELECT 'trace', merchant_id, id, 1, 'blocked', '{}' FROM customer WHERE id = $1";
    test.app.db.exec(trace, args![&id]).await.unwrap();
    start(&mut agent, "reminder", true).await;
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM timeline WHERE id = 'trace'").await, 1);
    start(&mut test.seat(ADMIN).await, "reminder", false).await;
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM timeline WHERE id = 'trace'").await, 0);
    assert_eq!(test.customer_id("harbor", tutorial::ADDRESS).await, id);
    let open =
        "SELECT COUNT(*) AS n FROM customer WHERE practice_at IS NOT NULL AND blocked_at IS NULL
                AND email = email_key";
    assert_eq!(test.count(open).await, 1);
    // Nobody else's customer is touched by that.
    assert!(!test.customer_id("northwind", "ada@example.test").await.is_empty());
});

both!(mail_to_the_practice_customer_is_never_sent, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    start(&mut agent, "reminder", false).await;
    let id = test.customer_id("harbor", tutorial::ADDRESS).await;
    let ada = test.customer_id("harbor", "ada@example.test").await;
    let mail = "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, customer_id,
                    priority, created_at, due_at, expires_at, attempts)
                SELECT $2, 'password_changed', id, merchant_id, home_store_id, id, 0, 0, 0, $3, 0
                FROM customer WHERE id = $1";
    for customer in [&id, &ada] {
        let values = args![customer, doorkey::new_id(), i64::MAX];
        test.app.db.exec(mail, values).await.unwrap();
    }
    let sent = test.deliver().await;
    assert_eq!(sent.len(), 1, "the control, to Ada");
    let shown = "SELECT detail FROM timeline WHERE customer_id = $1 AND kind = 'mail_accepted'";
    let row = test.app.db.row(shown, args![&id]).await.unwrap();
    let detail: String = row.expect("the timeline moves all the same").get("detail");
    assert!(detail.contains(tutorial::REPLY), "{detail}");
});

both!(the_envelope_can_be_practised_again_and_again, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.seat(AGENT).await;
    for _ in 0..2 {
        start(&mut agent, "reminder", false).await;
        let id = test.customer_id("harbor", tutorial::ADDRESS).await;
        let record = format!("/oms/customers/{id}");
        let answer = agent.post(&format!("{record}/reminder"), &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert!(test.deliver().await.is_empty(), "nothing is sent");
        let shown = agent.get(&record).await.body;
        assert!(shown.contains(tutorial::REPLY), "the timeline moves: {shown}");
    }
    // The control: to a real customer the same click sends.
    let ada = test.customer_id("harbor", "ada@example.test").await;
    assert_eq!(agent.post(&format!("/oms/customers/{ada}/reminder"), &[]).await.status, 303);
    assert_eq!(test.deliver().await.len(), 1);
});

both!(the_steps_stand_on_the_page_in_words, |db| async move {
    let test = TestApp::start(db).await;
    let text = test.seat(VIEWER).await.get("/oms/tutorials").await.body;
    for tutorial in tutorial::ALL {
        assert!(text.contains(tutorial.title), "{}", tutorial.key);
        for step in tutorial.steps {
            assert!(text.contains(step.title), "{}: {}", tutorial.key, step.title);
        }
    }
    assert!(text.contains("For administrators"), "what a viewer may not start says so");
});

both!(the_sample_of_the_mail_follows_the_merchants_choice_and_opens_nothing, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(VIEWER).await;
    let temporary = seat.get("/oms/tutorials/mail").await;
    assert_eq!(temporary.status, 200);
    assert!(temporary.body.contains("made-up-for-this-sample-only"), "{}", temporary.body);
    assert!(!temporary.body.contains("/reset?token="), "{}", temporary.body);
    test.exec("UPDATE merchant SET reminder_mode = 'link' WHERE key = 'harbor-goods'").await;
    let link = seat.get("/oms/tutorials/mail").await.body;
    assert!(link.contains("/reset?token=made-up"), "{link}");
    assert!(!link.contains("made-up-for-this-sample-only"), "{link}");
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM token").await, 0, "nothing is minted");
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM outbox").await, 0, "nothing is sent");
});
