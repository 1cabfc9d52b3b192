//! A link that does not work says nothing of why.

use super::{ADA, Face, PASSWORD, TestApp, both};
use crate::support::app::{link_of, reset_link, token_of};

const NEW: &str = "a brand new teapot";

/// Dead links to the store harbor, and why each is dead.
async fn dead_links(test: &TestApp) -> Vec<(&'static str, String)> {
    let base = "http://127.0.0.1:8080/s/harbor/reset?token=";
    let at_harbor = |link: &str| format!("{base}{}", token_of(link));
    let mut links = vec![("unknown", format!("{base}{}", "A".repeat(43)))];
    let foreign = test.link("northwind", ADA).await;
    links.push(("of another merchant", at_harbor(&foreign)));
    let sister = test.link("harbor-trade", "ben@example.test").await;
    links.push(("of a sister store", at_harbor(&sister)));

    links.push(("expired", test.link("harbor", ADA).await));
    test.wait(31 * 60);
    let used = test.link("harbor", "emile@example.test").await;
    assert_eq!(test.browser().set_password(&used, NEW).await.status, 303);
    test.deliver().await;
    links.push(("used", used));

    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    let mail = test.deliver().await.remove(0);
    links.push(("for another purpose", at_harbor(&link_of(&mail, "/not-me"))));
    let stop = token_of(&link_of(&mail, "/not-me"));
    let stopped = test.browser().post("/s/harbor/not-me", &[("token", &stop)]).await;
    assert_eq!(stopped.status, 200);
    links.push(("stopped", reset_link(&mail)));

    test.add_customer("harbor", "gone@example.test", Some(PASSWORD)).await;
    links.push(("a blocked customer's", test.link("harbor", "gone@example.test").await));
    test.exec("UPDATE customer SET blocked_at = 1 WHERE email_key = 'gone@example.test'").await;
    links
}

both!(every_dead_link_ends_on_the_same_page, |db| async move {
    let test = TestApp::start(db).await;
    let links = dead_links(&test).await;
    let alive = test.link("harbor", "dagmar@example.test").await;
    let dead = Face::of(&test.browser().set_password(&links[0].1, NEW).await);
    assert_eq!(dead.status, 410);
    for (why, link) in &links {
        let mut browser = test.browser();
        assert_eq!(browser.get(link).await.location(), "/s/harbor/reset", "{why}");
        let opened = browser.get("/s/harbor/reset").await;
        assert_eq!(Face::of(&opened), dead, "opening a link that is {why}");
        let used = test.browser().set_password(link, NEW).await;
        assert_eq!(Face::of(&used), dead, "using a link that is {why}");
        // Not even whether the password would have done.
        let used = test.browser().set_password(link, "short").await;
        assert_eq!(Face::of(&used), dead, "using a link that is {why}");
    }
    let page = test.browser().open_link(&alive).await;
    assert_eq!(page.status, 200);
    assert_eq!(test.browser().set_password(&alive, "short").await.status, 422);
    assert_eq!(test.browser().set_password(&alive, NEW).await.status, 303);
});

both!(dead_links_of_every_kind_end_on_one_page, |db| async move {
    let test = TestApp::start(db).await;
    assert_eq!(test.browser().register("harbor", "rita@example.test", &[]).await.status, 202);
    let register = link_of(&test.deliver().await[0], "/register/confirm");
    let mut ben = test.browser();
    assert_eq!(ben.login("harbor", "ben@example.test", PASSWORD).await.status, 303);
    assert_eq!(ben.change_address("harbor", "pat@example.test").await.status, 200);
    let mails = test.deliver().await;
    let to_new = mails.iter().find(|mail| mail.recipients == ["pat@example.test"]).unwrap();
    let confirm = link_of(to_new, "/account/email/confirm");
    let pages = ["/reset", "/not-me", "/register/confirm", "/account/email/confirm"];
    let mut dead = None;
    for page in pages {
        let token = token_of(if page == "/register/confirm" { &confirm } else { &register });
        let mut browser = test.browser();
        let opened = browser.open_link(&format!("/s/harbor{page}?token={token}")).await;
        let mut fields = vec![("token", &*token)];
        if page == "/reset" {
            fields.extend([("password", NEW), ("password_repeat", NEW)]);
        }
        let pressed = browser.post(&format!("/s/harbor{page}"), &fields).await;
        for answer in [opened, pressed] {
            assert_eq!(answer.status, 410, "{page}");
            assert_eq!(&Face::of(&answer), dead.get_or_insert(Face::of(&answer)), "{page}");
        }
    }
    // Control: where they belong, both work.
    for link in [&register, &confirm] {
        assert_eq!(test.browser().get(link).await.status, 200);
        let (page, token) = link.split_once("?token=").unwrap();
        let status = test.browser().post(page, &[("token", token)]).await.status;
        assert!([200, 303].contains(&status), "{link}: {status}");
    }
});
