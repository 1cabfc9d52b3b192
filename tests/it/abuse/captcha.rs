//! A captcha's answer is good once, in its own place and time.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorkey::secret::Secret;

use crate::support::{Browser, TestApp, both};

const TAKEN: &str = "SELECT COUNT(*) AS n FROM recovery";
const QUEUED: &str = "SELECT COUNT(*) AS n FROM outbox";

async fn ask(browser: &mut Browser, store: &str, altcha: &str) -> u16 {
    let fields = [("email", "ada@example.test"), ("altcha", altcha)];
    browser.post(&format!("/s/{store}/forgot"), &fields).await.status
}

async fn register(browser: &mut Browser, altcha: &str) -> u16 {
    let fields = [
        ("email", "new@example.test"),
        ("first_name", "New"),
        ("last_name", "Person"),
        ("password", "a brand new teapot"),
        ("altcha", altcha),
    ];
    browser.post("/s/harbor/register", &fields).await.status
}

both!(an_answer_is_good_once, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let altcha = browser.solve("harbor").await;
    assert_eq!(ask(&mut browser, "harbor", &altcha).await, 202);
    assert_eq!(ask(&mut browser, "harbor", &altcha).await, 400);
    // Not from elsewhere either, nor for somebody else.
    let mut other = test.browser().from_address([203, 0, 113, 1]);
    let fields = [("email", "ben@example.test"), ("altcha", &*altcha)];
    assert_eq!(other.post("/s/harbor/forgot", &fields).await.status, 400);
    assert_eq!((test.count(TAKEN).await, test.count(QUEUED).await), (1, 1));
    let fresh = browser.solve("harbor").await;
    assert_eq!(ask(&mut browser, "harbor", &fresh).await, 202);
    assert_eq!(test.count(TAKEN).await, 2);
});

both!(of_twenty_at_once_exactly_one_is_taken, |db| async move {
    let test = TestApp::start(db).await;
    for _ in 0..3 {
        let before = test.count(QUEUED).await;
        let altcha = test.browser().solve("harbor").await;
        let mut together = tokio::task::JoinSet::new();
        for n in 0..20 {
            let mut browser = test.browser().from_address([203, 0, 113, n]);
            let altcha = altcha.clone();
            together.spawn(async move { ask(&mut browser, "harbor", &altcha).await });
        }
        let mut answers = together.join_all().await;
        answers.sort_unstable();
        assert_eq!(answers[0], 202);
        assert!(answers[1..].iter().all(|status| *status == 400), "{answers:?}");
        assert_eq!(test.count(QUEUED).await, before + 1);
    }
});

both!(an_answer_is_good_in_its_own_place_and_time_only, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let altcha = browser.solve("harbor").await;
    for store in ["harbor-trade", "northwind"] {
        assert_eq!(ask(&mut browser, store, &altcha).await, 400, "{store}");
    }
    assert_eq!(register(&mut browser, &altcha).await, 400, "another action");
    let other = browser.solve_at("/s/harbor/captcha?for=registration").await;
    assert_eq!(ask(&mut browser, "harbor", &other).await, 400, "another action");
    assert_eq!(test.count(QUEUED).await, 0);
    // None of these used it up.
    assert_eq!(register(&mut browser, &other).await, 202);
    test.wait(599);
    assert_eq!(ask(&mut browser, "harbor", &altcha).await, 202);
    let late = browser.solve("harbor").await;
    test.wait(600);
    assert_eq!(ask(&mut browser, "harbor", &late).await, 400, "expired");
    assert_eq!(test.count(TAKEN).await, 1);
});

both!(without_a_genuine_answer_nothing_is_queued, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let genuine = browser.solve("harbor").await;
    let email = ("email", "ada@example.test");
    assert_eq!(browser.post("/s/harbor/forgot", &[email]).await.status, 400, "missing");
    let json = String::from_utf8(STANDARD.decode(&genuine).unwrap()).unwrap();
    let moved = json.replacen("\"expires\":", "\"expires\":9", 1);
    assert_ne!(moved, json);
    let elsewhere = json.replacen("\"action\":\"recovery\"", "\"action\":\"registration\"", 1);
    assert_ne!(elsewhere, json);
    let long = STANDARD.encode(format!("{json}{}", " ".repeat(5000)));
    for garbage in [
        "",
        "x",
        "null",
        "e30=",
        "bnVsbA==",
        "💥",
        "' OR 1=1--",
        &genuine[1..],
        &genuine[..genuine.len() - 8],
        &json,
        &STANDARD.encode(moved),
        &STANDARD.encode(elsewhere),
        &STANDARD.encode(format!("[{json}]")),
        &long,
    ] {
        assert_eq!(ask(&mut browser, "harbor", garbage).await, 400, "{garbage}");
    }
    let both = [email, ("captcha_id", "x"), ("captcha_code", "y"), ("altcha", "")];
    assert_eq!(browser.post("/s/harbor/forgot", &both).await.status, 400);
    assert_eq!(test.count(QUEUED).await, 0);
    assert_eq!(ask(&mut browser, "harbor", &genuine).await, 202);
});

both!(another_spelling_of_a_used_answer_is_used_too, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let altcha = browser.solve("harbor").await;
    let mut answer: serde_json::Value =
        serde_json::from_slice(&STANDARD.decode(&altcha).unwrap()).unwrap();
    assert_eq!(ask(&mut browser, "harbor", &altcha).await, 202);
    let pretty = serde_json::to_string_pretty(&answer).unwrap();
    answer["solution"]["counter"] = 0.into();
    answer["solution"]["time"] = 1.5.into();
    answer["more"] = "x".into();
    let key = answer["solution"]["derivedKey"].as_str().unwrap().to_uppercase();
    answer["solution"]["derivedKey"] = key.into();
    for text in [pretty, answer.to_string(), format!(" {answer}\n")] {
        assert_eq!(ask(&mut browser, "harbor", &STANDARD.encode(text)).await, 400);
    }
    assert_eq!(test.count(QUEUED).await, 1);
});

/// The code of a picture, as a person reads it: the tests know the installation's secret.
fn code_of(id: &str) -> String {
    let key = Secret::new([42; 32]).derive("captcha picture");
    let plain = key.open("", &URL_SAFE_NO_PAD.decode(id).unwrap()).unwrap();
    String::from_utf8(plain[..5].to_vec()).unwrap()
}

async fn picture(browser: &mut Browser, page: &str) -> String {
    browser.get(page).await.hidden("captcha_id")
}

async fn guess(browser: &mut Browser, store: &str, id: &str, code: &str) -> u16 {
    let fields = [("email", "ada@example.test"), ("captcha_id", id), ("captcha_code", code)];
    browser.post(&format!("/s/{store}/forgot"), &fields).await.status
}

both!(a_picture_is_good_for_one_guess, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let id = picture(&mut browser, "/s/harbor/forgot").await;
    let code = code_of(&id);
    assert_eq!(guess(&mut browser, "harbor", &id, "AAAAA").await, 400);
    assert_eq!(guess(&mut browser, "harbor", &id, &code).await, 400, "the second guess");
    let id = picture(&mut browser, "/s/harbor/forgot").await;
    let code = code_of(&id).to_lowercase();
    let typed = format!(" {} {}", &code[..2], &code[2..]);
    assert_eq!(guess(&mut browser, "harbor", &id, &typed).await, 202);
    assert_eq!(guess(&mut browser, "harbor", &id, &typed).await, 400, "the second use");
    assert_eq!(test.count(QUEUED).await, 1);
});

both!(a_picture_is_good_in_its_own_place_and_time_only, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = test.browser();
    let id = picture(&mut browser, "/s/harbor/forgot").await;
    let code = code_of(&id);
    assert_eq!(guess(&mut browser, "northwind", &id, &code).await, 400, "another store");
    assert_eq!(browser.get(&format!("/s/northwind/captcha/picture/{id}")).await.status, 404);
    let other = picture(&mut browser, "/s/harbor/register").await;
    assert_eq!(guess(&mut browser, "harbor", &other, &code_of(&other)).await, 400, "other action");
    assert_eq!(guess(&mut browser, "harbor", &code, &code).await, 400, "no id");
    assert_eq!(guess(&mut browser, "harbor", &id, "").await, 400, "no code");
    assert_eq!(guess(&mut browser, "harbor", &"A".repeat(2000), &code).await, 400);
    assert_eq!(test.count(QUEUED).await, 0);
    let drawn = browser.get(&format!("/s/harbor/captcha/picture/{id}")).await;
    assert_eq!((drawn.status, &drawn.bytes[1..4]), (200, &b"PNG"[..]));
    assert_eq!(guess(&mut browser, "harbor", &id, &code).await, 202);
    let late = picture(&mut browser, "/s/harbor/forgot").await;
    test.wait(600);
    assert_eq!(guess(&mut browser, "harbor", &late, &code_of(&late)).await, 400, "expired");
    assert_eq!(browser.get(&format!("/s/harbor/captcha/picture/{late}")).await.status, 404);
});

both!(of_twenty_guesses_at_once_one_counts, |db| async move {
    let test = TestApp::start(db).await;
    for right in [false, true] {
        let before = test.count(QUEUED).await;
        let id = picture(&mut test.browser(), "/s/harbor/forgot").await;
        let code = if right { code_of(&id) } else { "AAAAA".into() };
        let mut together = tokio::task::JoinSet::new();
        for n in 0..20 {
            let mut browser = test.browser().from_address([203, 0, 113, n]);
            let (id, code) = (id.clone(), code.clone());
            together.spawn(async move { guess(&mut browser, "harbor", &id, &code).await });
        }
        let taken = together.join_all().await.iter().filter(|status| **status == 202).count();
        assert_eq!(taken, usize::from(right));
        assert_eq!(test.count(QUEUED).await, before + i64::from(right));
        assert_eq!(guess(&mut test.browser(), "harbor", &id, &code_of(&id)).await, 400);
    }
});
