//! The numbers that a merchant wants: counted once, by day and store.

use doorkey::numbers::{self, What};
use doorkey::timeline::{self, Entry};

use crate::support::desk::{AGENT, VIEWER};
use crate::support::{TestApp, both};

const ADA: &str = "ada@example.test";
const DAY: i64 = 86_400;

/// How often since a day, all stores together, in the order of [`What::ALL`].
async fn counts(test: &TestApp, store: &str, first_day: i64) -> [i64; 6] {
    let merchant = &test.store(store).merchant_id;
    let all = numbers::read(&test.app.db, merchant, first_day).await.unwrap();
    What::ALL.map(|what| all.iter().filter(|c| c.what == what).map(|c| c.hits).sum())
}

async fn write(test: &TestApp, store: &str, email: &str, entries: Vec<Entry>) {
    let customer = test.customer_id(store, email).await;
    let (store, now) = (test.store(store), test.clock.now());
    let mut tx = test.app.db.begin().await.unwrap();
    for entry in entries {
        let (merchant, id) = (&store.merchant_id, Some(&*store.id));
        timeline::write_for(&mut tx, merchant, &customer, id, now, entry).await.unwrap();
    }
    tx.commit().await.unwrap();
}

both!(what_customers_do_is_counted_where_and_when_they_did_it, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    assert_eq!(test.browser().set_password(&link, "sandpiper dunes 7").await.status, 303);
    test.deliver().await;
    let first = numbers::day_of(test.clock.now());
    // The notice of the change is no link: it is not counted among the mails.
    assert_eq!(counts(&test, "harbor", first).await, [1, 0, 1, 0, 1, 1]);
    assert_eq!(counts(&test, "northwind", first).await, [0; 6]);
    // A person, a scanner, a link that was dead; a server's answer that looks like a field.
    write(
        &test,
        "harbor",
        ADA,
        vec![
            Entry::LinkOpened { scanner: false, dead: false },
            Entry::LinkOpened { scanner: true, dead: false },
            Entry::LinkOpened { scanner: false, dead: true },
            Entry::MailAccepted { mail: "address_notice", reply: r#""mail":"recovery""#.into() },
            Entry::ReminderQueued { mode: "temporary", sent_mode: "temporary" },
        ],
    )
    .await;
    assert_eq!(counts(&test, "harbor", first).await, [1, 1, 1, 1, 1, 1]);
    // What staff do for practice is no customer's doing.
    test.exec("UPDATE customer SET practice_at = 1 WHERE email_key = 'cleo@example.test'").await;
    let sent = Entry::ReminderQueued { mode: "temporary", sent_mode: "temporary" };
    write(&test, "harbor", "cleo@example.test", vec![sent]).await;
    assert_eq!(counts(&test, "harbor", first).await, [1, 1, 1, 1, 1, 1]);
    test.wait(DAY);
    assert_eq!(test.browser().login("harbor", ADA, "sandpiper dunes 7").await.status, 303);
    assert_eq!(counts(&test, "harbor", first).await, [1, 1, 1, 1, 1, 2]);
    assert_eq!(counts(&test, "harbor", first + 1).await, [0, 0, 0, 0, 0, 1]);
});

both!(each_entry_is_counted_once_however_often_and_by_whom_they_are_counted, |db| async move {
    let test = TestApp::start(db).await;
    let first = numbers::day_of(test.clock.now());
    let login = || vec![Entry::LoggedIn { by: "password" }];
    let mut wanted = 0;
    for pause in [0, 1, 300, 599, 601, DAY, 5 * DAY, 60] {
        test.wait(pause);
        write(&test, "harbor", ADA, login()).await;
        write(&test, "northwind", ADA, login()).await;
        wanted += 1;
        assert_eq!(counts(&test, "harbor", first).await[5], wanted, "before");
        let (db, now) = (&test.app.db, test.clock.now());
        let (a, b) = tokio::join!(numbers::fold(db, now), numbers::fold(db, now));
        assert!(a.is_ok() && b.is_ok());
        assert_eq!(counts(&test, "harbor", first).await[5], wanted, "after");
        assert_eq!(counts(&test, "northwind", first).await[5], wanted);
    }
    // What is counted stays when the timeline has gone.
    test.wait(DAY);
    numbers::fold(&test.app.db, test.clock.now()).await.unwrap();
    test.exec("DELETE FROM timeline").await;
    assert_eq!(counts(&test, "harbor", first).await[5], wanted);
    assert!(test.count("SELECT COUNT(*) AS n FROM daily_count").await <= 2 * 8);
});

both!(the_page_draws_and_lists_them, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(VIEWER).await;
    let page = seat.get("/oms/numbers").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Nobody needed help to get in") && !page.body.contains("<rect"));
    let asked = || Entry::RecoveryRequested { reference: "K7QF-2M".into() };
    let sent = || Entry::ReminderQueued { mode: "link", sent_mode: "link" };
    write(&test, "harbor", ADA, vec![asked(), asked(), sent()]).await;
    test.wait(3 * DAY);
    let mut seat = test.seat(AGENT).await;
    write(&test, "harbor-trade", "ben@example.test", vec![asked()]).await;
    let page = seat.get("/oms/numbers?days=7").await.body;
    assert!(page.contains("<strong>75 %</strong>"), "three of four without a call: {page}");
    assert_eq!(page.matches("role=\"img\"").count(), 6);
    assert_eq!(page.matches("<rect").count(), 3, "two days with requests, one with a reminder");
    assert!(page.contains("3 in 7 days; most on"), "{page}");
    let by_store = page.split("<h2>By store</h2>").nth(1).unwrap();
    assert!(
        by_store.contains("Harbor Coffee</th><td class=\"num\">2</td><td class=\"num\">1</td>")
    );
    assert!(by_store.contains("Harbor Trade</th><td class=\"num\">1</td><td class=\"num\">0</td>"));
    let by_day = page.split("<h2>By day</h2>").nth(1).unwrap();
    assert_eq!(by_day.matches("<th scope=\"row\">").count(), 7 + 1);
    // One store, fewer days.
    let trade = &test.store("harbor-trade").id;
    let page = seat.get(&format!("/oms/numbers?days=7&store={trade}")).await.body;
    assert!(page.contains("<strong>100 %</strong>") && page.matches("<rect").count() == 1);
    let page = seat.get("/oms/numbers?days=3").await.body;
    assert_eq!(page.matches("<rect").count(), 1, "the first day is out of sight");
    assert!(page.contains("<option value=\"3\" selected>"));
    for wrong in ["0", "-1", "367", "x%3Cb%3E", "99999999999999999999"] {
        let page = seat.get(&format!("/oms/numbers?days={wrong}")).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("is no number of days: type one from 1 to 366"), "{wrong}");
        assert!(!page.body.contains("x<b>"));
    }
    let foreign = &test.store("northwind").id;
    assert_eq!(seat.get(&format!("/oms/numbers?store={foreign}")).await.status, 404);
});
