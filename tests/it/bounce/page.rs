//! The list of suppressed addresses.

use super::*;
use crate::support::desk::{ADMIN, VIEWER};

both!(staff_see_who_gets_no_mail_and_find_them, |db| async move {
    let test = TestApp::start(db).await;
    let page = test.seat(AGENT).await.get("/oms/email/suppressed").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("everybody can be reached"), "{}", page.body);
    test.suppress("harbor", ADA).await;
    let ada = test.customer_id("harbor", ADA).await;
    for n in 0..60 {
        test.wait(1);
        let email = format!("customer-{n:02}@example.test");
        test.add_customer("harbor", &email, None).await;
        test.suppress("harbor", &email).await;
    }
    let mut seat = test.seat(AGENT).await;
    let first = seat.get("/oms/email/suppressed").await.body;
    assert_eq!(first.matches("/lift\"").count(), 50);
    assert!(first.contains("customer-59@") && !first.contains("customer-09@"));
    let next = first.split("href=\"").find(|part| part.contains("after=")).expect("a next page");
    let next = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let second = seat.get(&next).await.body;
    assert_eq!(second.matches("/lift\"").count(), 11);
    assert!(second.contains(ADA) && second.contains(&format!("/oms/customers/{ada}")));
    for (typed, found) in [("mar", 1), ("ADA@", 1), ("customer-0", 10), ("nobody", 0), ("%", 0)] {
        let path = format!("/oms/email/suppressed?q={}", typed.replace('%', "%25"));
        let page = seat.get(&path).await.body;
        assert_eq!(page.matches("/lift\"").count(), found, "{typed}");
    }
    let mut viewer = test.seat(VIEWER).await;
    let page = viewer.get("/oms/email/suppressed?q=marsh").await.body;
    assert!(page.contains("a•••@e•••.test") && !page.contains(ADA), "{page}");
    assert_eq!(page.matches("/lift\"").count(), 0);
});

both!(lifting_twice_happens_once, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.suppress("harbor", ADA).await;
    let path = format!("/oms/email/suppressed/{id}/lift");
    assert_eq!(test.seat(VIEWER).await.post(&path, &[]).await.status, 403);
    assert_eq!(suppressed(&test).await, 1);
    for (who, done) in [(AGENT, "lifted"), (ADMIN, "over")] {
        let answer = test.seat(who).await.post(&path, &[]).await;
        assert!(answer.location().ends_with(done), "{}", answer.location());
    }
    let acts = "SELECT COUNT(*) AS n FROM activity WHERE action = 'mail.suppression_lifted'";
    assert_eq!(test.count(acts).await, 1);
    assert_eq!(kinds(&test).await.iter().filter(|k| *k == "suppression_lifted").count(), 1);
});
