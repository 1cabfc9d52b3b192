//! The timeline: what stands in it, for whom, page by page and live.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use doorkey::args;
use doorkey::timeline::{self, Entry};
use doorkey::web::site::Peer;
use serde_json::Value;
use tokio_stream::StreamExt;
use tower::ServiceExt;

use crate::support::app::{Options, text_of, token_of};
use crate::support::desk::{AGENT, Seat, VIEWER};
use crate::support::smtp_sink::{Fault, Plan, Step};
use crate::support::{Browser, TestApp, both};

const ADA: &str = "ada@example.test";

async fn entries(seat: &mut Seat, id: &str) -> Vec<Value> {
    let path = format!("/oms/customers/{id}/timeline");
    let accept = [("accept", "application/json")];
    let answer = seat.browser.request(Method::GET, &path, None, &accept).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["entries"].as_array().unwrap().clone()
}

/// The kinds, oldest first.
async fn kinds(seat: &mut Seat, id: &str) -> Vec<String> {
    let all = entries(seat, id).await;
    all.iter().rev().map(|e| e["kind"].as_str().unwrap().to_owned()).collect()
}

/// Waits for what is written after the answer.
async fn settled(test: &TestApp, sql: &'static str, wanted: i64) {
    for _ in 0..500 {
        let idle = test.app.openers.available_permits() == 2;
        if idle && test.count(sql).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(test.count(sql).await, wanted, "{sql}");
}

const OPENED: &str = "SELECT COUNT(*) AS n FROM timeline WHERE kind = 'link_opened'";

fn person(test: &TestApp) -> Browser {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    test.browser().with_header("sec-fetch-mode", "navigate").with_header("user-agent", agent)
}

both!(a_recovery_is_told_step_by_step, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    let mut seat = test.seat(AGENT).await;
    let link = test.link("harbor", ADA).await;
    test.wait(30);
    let mut scanner = test.browser();
    for _ in 0..5 {
        assert_eq!(scanner.get(&link).await.status, 303);
        assert_eq!(scanner.request(Method::HEAD, &link, None, &[]).await.status, 303);
        settled(&test, OPENED, 1).await;
    }
    test.wait(30);
    let mut ada = person(&test);
    for _ in 0..3 {
        assert_eq!(ada.open_link(&link).await.status, 200);
        settled(&test, OPENED, 2).await;
    }
    test.wait(30);
    assert_eq!(ada.set_password(&link, "a brand new teapot").await.status, 303);
    test.wait(30);
    assert_eq!(ada.post("/s/harbor/logout", &[]).await.status, 303);
    test.wait(30);
    assert_eq!(ada.get(&link).await.status, 303);
    settled(&test, OPENED, 3).await;
    let wanted = [
        "recovery_requested",
        "mail_queued",
        "mail_accepted",
        "link_opened",
        "link_opened",
        "password_changed",
        "logged_in",
        "session_ended",
        "link_opened",
    ];
    assert_eq!(kinds(&mut seat, &id).await, wanted);
    let told = entries(&mut seat, &id).await;
    let text = |i: usize| told[told.len() - 1 - i]["text"].as_str().unwrap().to_owned();
    assert!(text(0).contains("reference "), "{}", text(0));
    assert!(text(3).contains("scanner") && text(4) == "The link was opened");
    assert!(text(8).contains("no longer works"));
    assert_eq!(told[5]["actor"], "Mail scanner");
    assert_eq!(told[4]["store"], "Harbor Coffee");
    let page = seat.get(&format!("/oms/customers/{id}/timeline")).await;
    assert!(page.body.contains("UTC") && page.body.contains("Harbor Coffee · Customer"));
    assert!(!page.body.contains(&token_of(&link)), "no token");
});

both!(a_link_opened_as_soon_as_it_is_made_was_opened_by_a_program, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    let mut seat = test.seat(AGENT).await;
    let link = test.link("harbor", ADA).await;
    person(&test).get(&link).await;
    settled(&test, OPENED, 1).await;
    assert!(entries(&mut seat, &id).await[0]["text"].as_str().unwrap().contains("scanner"));
    test.wait(2);
    person(&test).get(&link).await;
    settled(&test, OPENED, 2).await;
    assert_eq!(entries(&mut seat, &id).await[0]["text"], "The link was opened");
    // One that nobody mailed is nobody's, and one of another store does not count.
    let made_up = format!("/s/harbor/reset?token={}", "A".repeat(43));
    let elsewhere = format!("/s/harbor-trade/reset?token={}", token_of(&link));
    for other in [&made_up, &elsewhere] {
        assert_eq!(person(&test).get(other).await.status, 303);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(test.count(OPENED).await, 2);
});

both!(a_mail_that_does_not_arrive_is_told_as_it_happens, |db| async move {
    let reply = "450 4.2.1 <ada@example.test> full, see https://mx.test/x?token=abc or \
                 AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-AbCdE";
    let plan = Plan::accept().at(Step::Recipient, Fault::Reply(reply));
    let test = TestApp::with(Options::new(db).plan(plan)).await;
    let id = test.customer_id("harbor", ADA).await;
    test.browser().forgot("harbor", ADA).await;
    assert!(test.deliver().await.is_empty());
    let mut agent = test.seat(AGENT).await;
    let told = entries(&mut agent, &id).await;
    assert_eq!(told[0]["kind"], "mail_deferred");
    let text = told[0]["text"].as_str().unwrap();
    assert!(text.contains("450 4.2.1 <ada@example.test> full"), "{text}");
    assert!(text.contains("Next try "), "{text}");
    assert!(!text.contains("https://") && !text.contains("AbCdEf"), "{text}");
    assert!(told[0]["say"].as_str().unwrap().contains("makes us wait"));
    let mut viewer = test.seat(VIEWER).await;
    let told = entries(&mut viewer, &id).await;
    let text = told[0]["text"].as_str().unwrap();
    assert!(text.contains("450 4.2.1 <a•••@e•••.test> full"), "{text}");
    let page = viewer.get(&format!("/oms/customers/{id}/timeline")).await;
    assert!(!page.body.contains(ADA), "no address for a viewer");
});

async fn write(test: &TestApp, id: &str, count: usize) {
    let merchant = test.store("harbor").merchant_id.clone();
    let mut tx = test.app.db.begin().await.unwrap();
    for n in 0..count {
        let entry = Entry::RecoveryRequested { reference: format!("N-{n:03}") };
        let at = test.clock.now() + i64::try_from(n / 3).unwrap();
        timeline::write_for(&mut tx, &merchant, id, None, at, entry).await.unwrap();
    }
    tx.commit().await.unwrap();
}

both!(a_long_timeline_comes_page_by_page_and_each_entry_once, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    write(&test, &id, 120).await;
    let mut seat = test.seat(AGENT).await;
    let mut found = std::collections::BTreeSet::new();
    let (mut path, mut pages) = (format!("/oms/customers/{id}/timeline"), 0);
    loop {
        let page = seat.get(&path).await;
        pages += 1;
        for part in page.body.split("link, reference N-").skip(1) {
            assert!(found.insert(part[..3].to_owned()), "{} twice", &part[..3]);
        }
        let Some(older) = page.body.split("/timeline?before=").nth(1) else { break };
        let older = older.split('"').next().unwrap();
        path = format!("/oms/customers/{id}/timeline?before={older}");
    }
    assert_eq!((pages, found.len()), (3, 120));
    let ben = test.customer_id("harbor", "ben@example.test").await;
    let other = path.replace(&id, &ben);
    assert_eq!(seat.get(&other).await.status, 404, "another customer's entry is no place to begin");
    assert_eq!(seat.get(&path).await.status, 200);
});

/// A browser's open connection to the events.
async fn listen(test: &TestApp, seat: &Seat, id: &str) -> (u16, BodyDataStream) {
    let cookie = format!("doorkey-staff={}", seat.browser.cookie("doorkey-staff").unwrap());
    let mut request = Request::builder()
        .uri(format!("/oms/customers/{id}/timeline/live"))
        .header("host", "127.0.0.1:8080")
        .header("cookie", cookie)
        .header("accept", "text/event-stream")
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert(ConnectInfo(Peer::from(seat.browser.peer)));
    let answer = test.router.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    if status == 200 {
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
    }
    (status, answer.into_body().into_data_stream())
}

/// The next piece within some seconds; `None` when the stream ended.
async fn next(events: &mut BodyDataStream) -> Option<String> {
    let piece = tokio::time::timeout(Duration::from_secs(5), events.next()).await;
    let piece = piece.expect("in time")?;
    Some(String::from_utf8(piece.unwrap().to_vec()).unwrap())
}

both!(news_comes_by_itself_and_only_of_this_customer, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    let ben = test.customer_id("harbor", "ben@example.test").await;
    let seat = test.seat(AGENT).await;
    let (_, mut ada_news) = listen(&test, &seat, &id).await;
    let (_, mut ben_news) = listen(&test, &seat, &ben).await;
    assert!(next(&mut ada_news).await.unwrap().contains("event: ready"));
    assert!(next(&mut ben_news).await.unwrap().contains("event: ready"));
    test.wait(10);
    write(&test, &id, 1).await;
    let told = next(&mut ada_news).await.unwrap();
    assert!(told.contains("event: entry") && !told.contains("N-000"), "{told}");
    assert!(told.contains("\ndata: "), "browsers drop an event without data: {told}");
    // The next look sees the same entry again, and tells of it no more.
    let quiet = tokio::time::timeout(Duration::from_millis(2500), ada_news.next()).await;
    assert!(quiet.is_err(), "told twice");
    let quiet = tokio::time::timeout(Duration::from_millis(10), ben_news.next()).await;
    assert!(quiet.is_err(), "Ben's page hears of Ada");
    write(&test, &ben, 1).await;
    assert!(next(&mut ben_news).await.unwrap().contains("event: entry"));
});

both!(who_is_logged_out_hears_nothing_more, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    let (out, stays) = (test.seat(AGENT).await, test.seat(VIEWER).await);
    let (_, mut news) = listen(&test, &out, &id).await;
    let (_, mut control) = listen(&test, &stays, &id).await;
    assert!(next(&mut news).await.is_some() && next(&mut control).await.is_some());
    let sql = "UPDATE staff_session SET ended_at = 1 WHERE staff_id = $1";
    test.app.db.exec(sql, args![&out.staff_id]).await.unwrap();
    test.wait(10);
    write(&test, &id, 1).await;
    assert_eq!(next(&mut news).await, None);
    assert!(next(&mut control).await.unwrap().contains("event: entry"));
    // A process that stops waits for nobody.
    test.app.live.close();
    assert_eq!(next(&mut control).await, None);
    assert_eq!(listen(&test, &stays, &id).await.0, 503);
});

both!(a_page_that_asks_by_itself_keeps_nobody_logged_in, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    let timeline = format!("/oms/customers/{id}/timeline?fragment=1");
    let record = format!("/oms/customers/{id}");
    let mut idle = test.seat(AGENT).await;
    let mut busy = test.seat(AGENT).await;
    for _ in 0..7 {
        test.wait(300);
        let _ = idle.get(&timeline).await;
        assert_eq!(busy.get(&record).await.status, 200);
    }
    let answer = idle.get(&timeline).await;
    assert_eq!(answer.status, 303);
    assert!(answer.location().starts_with("/oms/login"));
    assert_eq!(busy.get(&timeline).await.status, 200);
});

both!(nothing_of_a_mail_stands_in_the_timeline, |db| async move {
    let test = TestApp::start(db).await;
    let id = test.customer_id("harbor", ADA).await;
    test.browser().forgot("harbor", ADA).await;
    let mail = &test.deliver().await[0];
    let mut seat = test.seat(AGENT).await;
    let page = seat.get(&format!("/oms/customers/{id}/timeline")).await;
    let tokens: Vec<_> = text_of(mail)
        .lines()
        .filter_map(|line| line.split_once("token=").map(|(_, token)| token.trim().to_owned()))
        .collect();
    assert_eq!(tokens.len(), 2);
    assert!(tokens.iter().all(|token| !page.body.contains(token.as_str())));
    let rows = test.app.db.rows("SELECT detail FROM timeline", args![]).await.unwrap();
    let all: String = rows.iter().map(|row| row.get::<String>("detail")).collect();
    assert!(!all.contains(ADA) && tokens.iter().all(|token| !all.contains(token.as_str())));
    assert!(all.contains("reference"), "the control: there is something");
});
