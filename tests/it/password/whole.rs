//! The whole password counts: nothing is cut off, folded or trimmed, and nothing is too long to be
//! refused at once.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use doorkey::password::{Params, Password, PasswordHasher};

use super::{ADA, NEW};
use crate::support::app::{Options, PASSWORD, token_of};
use crate::support::{Answer, TestApp, both};
use crate::token::{change_address, change_password, register};

both!(every_byte_of_a_password_counts, |db| async move {
    let test = TestApp::with(Options::new(db).set("limits.login_failures", 1000)).await;
    let text = "every gull over the quay wants a chip from the blue paper tonight; ";
    for length in [64, 65, 72, 73, 128, 255, 256, 257, 1024] {
        let password: String = text.chars().cycle().take(length).collect();
        let link = test.link("harbor", ADA).await;
        assert_eq!(test.browser().set_password(&link, &password).await.status, 303, "{length}");
        test.deliver().await;
        let mut neighbours = vec![
            password[..length - 1].to_owned(),
            format!("{}~", &password[..length - 1]),
            password.to_uppercase(),
            format!(" {password}"),
            format!("{password} "),
            format!("{password}\0"),
        ];
        for cut in [8, 64, 72, 128, 255, 256].into_iter().filter(|cut| *cut < length) {
            neighbours.push(password[..cut].to_owned());
            neighbours.push(format!("{}{}", &password[..cut], "~".repeat(length - cut)));
        }
        for wrong in neighbours {
            let status = test.browser().login("harbor", ADA, &wrong).await.status;
            assert_eq!(status, 401, "{length}: {wrong:?}");
        }
        assert_eq!(test.browser().login("harbor", ADA, &password).await.status, 303, "{length}");
        test.wait(24 * 3600);
    }
});

both!(spaces_and_case_are_part_of_a_password, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    let password = "  Kettle over   the Quay ";
    assert_eq!(test.browser().set_password(&link, password).await.status, 303);
    for wrong in [password.trim(), "  Kettle over the Quay ", "  kettle over   the quay "] {
        assert_eq!(test.browser().login("harbor", ADA, wrong).await.status, 401, "{wrong:?}");
    }
    assert_eq!(test.browser().login("harbor", ADA, password).await.status, 303);
});

both!(the_same_characters_are_the_same_password_on_every_system, |db| async move {
    let test = TestApp::with(Options::new(db).set("limits.login_failures", 100)).await;
    // Composed as on Windows, decomposed as on a Mac, and Hangul both ways.
    let composed = "caf\u{e9} \u{f8}rret \u{d55c}\u{ae00} kettle";
    let decomposed =
        "cafe\u{301} \u{f8}rret \u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af} kettle";
    for (set, typed) in [(composed, decomposed), (decomposed, composed)] {
        let link = test.link("harbor", ADA).await;
        let mut browser = test.browser();
        let token = token_of(&link);
        // The repeat may be typed on another keyboard.
        let fields = [("token", &*token), ("password", set), ("password_repeat", typed)];
        assert_eq!(browser.post("/s/harbor/reset", &fields).await.status, 303);
        test.deliver().await;
        for right in [set, typed] {
            assert_eq!(test.browser().login("harbor", ADA, right).await.status, 303);
        }
        // Only what Unicode calls the same: not what merely looks alike.
        for wrong in ["cafe \u{f8}rret \u{d55c}\u{ae00} kettle", &composed.replace('k', "\u{212a}")]
        {
            assert_eq!(test.browser().login("harbor", ADA, wrong).await.status, 401, "{wrong}");
        }
        test.wait(3600);
    }
});

type Job<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Waiting<'a> = Vec<Job<'a, bool>>;

/// Gives the hashing thread work for minutes: whoever comes later is told that it is busy, or
/// waits. Dropping the result takes the work away again.
async fn keep_busy(test: &TestApp) -> Waiting<'_> {
    let slow = PasswordHasher::new(1, Params::new(256 << 10, 3, 1, None).unwrap());
    let stored = slow.hash(Password::read("x").unwrap()).await.unwrap();
    let mut waiting: Waiting<'_> = Vec::new();
    loop {
        let (hasher, stored) = (&test.app.hasher, stored.clone());
        waiting.push(Box::pin(async move {
            hasher.verify(Password::read("x").unwrap(), Some(stored)).await.is_err()
        }));
        let last = waiting.last_mut().unwrap();
        let refused = std::future::poll_fn(|context| {
            Poll::Ready(matches!(last.as_mut().poll(context), Poll::Ready(true)))
        });
        if refused.await {
            return waiting;
        }
    }
}

/// The status of an answer that comes while the hashing thread is kept busy; none if it needs that
/// thread.
async fn without_hashing(answer: impl Future<Output = Answer>, patience: u64) -> Option<u16> {
    let patience = Duration::from_millis(patience);
    let status = tokio::time::timeout(patience, answer).await.ok()?.status;
    (status != 503).then_some(status)
}

/// Posts this password wherever one is taken, and gives what is answered without hashing.
async fn everywhere(
    test: &TestApp,
    token: &str,
    password: &str,
    patience: u64,
) -> Vec<(&'static str, Option<u16>)> {
    let mut ada = test.browser();
    ada.set_cookie("doorkey", &session(test), "/s/harbor");
    let mut again = ada.clone();
    let reset = [("token", token), ("password", password), ("password_repeat", password)];
    let [mut a, mut b, mut c, mut d] = [0; 4].map(|_| test.browser());
    let answers: Vec<(_, Job<'_, Answer>)> = vec![
        ("login", Box::pin(a.login("harbor", ADA, password))),
        ("unknown", Box::pin(b.login("harbor", "nobody@example.test", password))),
        ("reset", Box::pin(c.post("/s/harbor/reset", &reset))),
        ("current", Box::pin(change_password(&mut ada, password, NEW))),
        ("address", Box::pin(change_address(&mut again, password, "m@example.test"))),
        ("register", Box::pin(register(&mut d, "n@example.test", password))),
    ];
    let mut found = Vec::new();
    for (place, answer) in answers {
        found.push((place, without_hashing(answer, patience).await));
    }
    found
}

/// The cookie of a session that was put aside by [`put_session_aside`].
fn session(test: &TestApp) -> String {
    std::fs::read_to_string(test.folder.join("session")).unwrap()
}

async fn put_session_aside(test: &TestApp) {
    let mut ada = test.browser();
    assert_eq!(ada.login("harbor", ADA, PASSWORD).await.status, 303);
    std::fs::write(test.folder.join("session"), ada.cookie("doorkey").unwrap()).unwrap();
}

both!(what_is_too_long_is_refused_before_any_hashing, |db| async move {
    let options = Options::new(db).set("password.threads", 1).set("limits.login_failures", 100);
    let test = TestApp::with(options).await;
    put_session_aside(&test).await;
    let token = token_of(&test.link("harbor", ADA).await);
    let busy = keep_busy(&test).await;
    let long = "every gull ".repeat(100);
    let found = everywhere(&test, &token, &long[..1025], 20_000).await;
    let refused = [401, 401, 422, 422, 422, 422].map(Some);
    assert_eq!(found.iter().map(|(_, status)| *status).collect::<Vec<_>>(), refused, "{found:?}");
    // One byte less has to be hashed, and there is nobody to do it.
    let found = everywhere(&test, &token, &long[..1024], 300).await;
    assert!(found.iter().all(|(_, status)| status.is_none()), "{found:?}");
    drop(busy);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
});

both!(a_login_is_hashed_whoever_is_asked_for, |db| async move {
    let test = TestApp::with(Options::new(db).set("password.threads", 1)).await;
    test.add_customer("harbor", "gus@example.test", None).await;
    test.exec("UPDATE customer SET frozen_at = 1 WHERE number = 'H-1005'").await;
    let everybody = [
        ADA,
        "nobody@example.test",
        "cleo@example.test",
        "gus@example.test",
        "emile@example.test",
        "agent@harbor.test",
        "not an address",
    ];
    let busy = keep_busy(&test).await;
    for email in everybody {
        let mut browser = test.browser();
        let answer = browser.login("harbor", email, "whatever it is");
        let status = without_hashing(answer, 300).await;
        assert_eq!(status, None, "{email}: as much work as for everybody");
    }
    drop(busy);
    let mut seen = Vec::new();
    for email in everybody {
        let answer = test.browser().login("harbor", email, "whatever it is").await;
        seen.push((answer.status, answer.body.replace(email, "")));
    }
    assert!(seen.iter().all(|one| *one == seen[0]) && seen[0].0 == 401);
});

both!(a_registration_is_admitted_before_it_is_hashed, |db| async move {
    let options = Options::new(db).set("password.threads", 1).set("limits.source_requests", 2);
    let test = TestApp::with(options).await;
    let mut browser = test.browser();
    let used = browser.solve_at("/s/harbor/captcha?for=registration").await;
    let fields = [("password", NEW), ("altcha", &*used)];
    assert_eq!(browser.register("harbor", "n@example.test", &fields).await.status, 202);
    let busy = keep_busy(&test).await;
    let again = browser.register("harbor", "n@example.test", &fields);
    assert_eq!(without_hashing(again, 20_000).await, Some(400), "a captcha is good for one hash");
    let mut second = browser.clone();
    let fresh = register(&mut second, "n@example.test", NEW);
    assert_eq!(without_hashing(fresh, 300).await, None, "a new one is let in, and waits");
    let third = register(&mut browser, "n@example.test", NEW);
    assert_eq!(without_hashing(third, 20_000).await, Some(429), "too many from here");
    drop(busy);
});
