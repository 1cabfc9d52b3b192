//! Every page that a store can show, met once each: what the other files here look at.

use axum::http::Method;

use crate::support::app::{Options, PASSWORD};
use crate::support::{Answer, Browser, TestApp};
use crate::token::{Tokens, change_address, change_password, register};

const NEW: &str = "a brand new teapot";

/// Walks through the store `harbor` in one language and brings every page home, by name.
pub async fn walk(db: crate::support::app::Database, language: &str) -> Vec<(String, Answer)> {
    let options = Options::new(db).set("limits.login_failures", 3);
    let test = TestApp::with(options).await;
    let tokens = Tokens::mailed(&test).await;
    let fresh = || test.browser().with_header("accept-language", language);
    let mut atlas = Atlas(Vec::new());
    strangers(&mut atlas, &mut fresh()).await;
    refusals(&mut atlas, &mut fresh()).await;
    links(&mut atlas, &mut fresh(), &tokens).await;
    account(&mut atlas, &mut fresh()).await;
    shop(&mut atlas, &mut fresh()).await;
    objections(&mut atlas, &mut fresh(), &tokens).await;
    atlas.0
}

struct Atlas(Vec<(String, Answer)>);

impl Atlas {
    fn add(&mut self, name: &str, status: u16, answer: Answer) {
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
        self.0.push((name.to_owned(), answer));
    }

    async fn get(&mut self, browser: &mut Browser, status: u16, page: &str) {
        let answer = browser.get(&format!("/s/harbor/{page}")).await;
        self.add(&format!("GET {}", page.split('?').next().unwrap()), status, answer);
    }
}

/// What anybody sees.
async fn strangers(atlas: &mut Atlas, browser: &mut Browser) {
    for page in ["login", "forgot", "register"] {
        atlas.get(browser, 200, page).await;
        atlas.get(browser, 200, &format!("{page}?return_to=/s/harbor/checkout")).await;
    }
    atlas.get(browser, 410, "reset").await;
    atlas.get(browser, 404, "nowhere").await;
    atlas.get(browser, 405, "logout").await;
    let answer = browser.forgot("harbor", "ada@example.test").await;
    atlas.add("POST forgot", 202, answer);
    let answer = register(browser, "newer@example.test", NEW).await;
    atlas.add("POST register", 202, answer);
}

/// Forms sent back, and errors.
async fn refusals(atlas: &mut Atlas, browser: &mut Browser) {
    let answer = browser.post("/s/harbor/forgot", &[("email", "nonsense")]).await;
    atlas.add("forgot without an address", 400, answer);
    let answer = browser.post("/s/harbor/forgot", &[("email", "ada@example.test")]).await;
    atlas.add("forgot without a captcha", 400, answer);
    let answer = register(browser, "nonsense", "short").await;
    atlas.add("register, all wrong", 422, answer);
    let names = [("first_name", ""), ("last_name", "")];
    let fields = [names[0], names[1], ("email", "a@example.test"), ("password", NEW)];
    let answer = browser.post("/s/harbor/register", &fields).await;
    atlas.add("register without names", 422, answer);
    let named = [("first_name", "A"), ("last_name", "B"), fields[2], fields[3]];
    let answer = browser.post("/s/harbor/register", &named).await;
    atlas.add("register without a captcha", 400, answer);
    let answer = browser.login("harbor", "ada@example.test", "wrong").await;
    atlas.add("login refused", 401, answer);
    for _ in 0..2 {
        browser.login("harbor", "ada@example.test", "wrong").await;
    }
    let answer = browser.login("harbor", "ada@example.test", "wrong").await;
    atlas.add("login throttled", 429, answer);
    let answer = browser.post("/s/harbor/login", &[("nothing", "1")]).await;
    atlas.add("not the form of this page", 400, answer);
    let big = [("email", "x".repeat(20_000))].map(|(n, v)| (n, v));
    let answer = browser.post("/s/harbor/login", &[(big[0].0, &*big[0].1)]).await;
    atlas.add("too large", 413, answer);
    let body = Some(b"email=a&password=b".to_vec());
    let headers = [("origin", "https://evil.test")];
    let answer = browser.request(Method::POST, "/s/harbor/login", body, &headers).await;
    atlas.add("from elsewhere", 403, answer);
}

/// What links in mails open.
async fn links(atlas: &mut Atlas, browser: &mut Browser, tokens: &Tokens) {
    for token in [&tokens.stop, &tokens.freeze, &tokens.undo_address] {
        atlas.get(browser, 200, &format!("not-me?token={token}")).await;
    }
    let token = &tokens.confirm_address;
    atlas.get(browser, 200, &format!("account/email/confirm?token={token}")).await;
    let token = &tokens.registration;
    atlas.get(browser, 200, &format!("register/confirm?token={token}")).await;
    let token = &tokens.recovery;
    let answer = browser.open_link(&format!("/s/harbor/reset?token={token}")).await;
    atlas.add("reset", 200, answer);
    let answer = reset(browser, token, "password", "password").await;
    atlas.add("reset with a common password", 422, answer);
    let answer = reset(browser, token, NEW, "something else").await;
    atlas.add("reset with another repeat", 422, answer);
    let mut cleo = browser.clone();
    cleo.login("harbor", "emile@example.test", PASSWORD).await;
    let answer = cleo.open_link(&format!("/s/harbor/reset?token={token}")).await;
    atlas.add("reset, somebody else logged in", 200, answer);
    let answer = reset(&mut cleo, token, NEW, NEW).await;
    atlas.add("reset, not switched", 422, answer);
}

async fn reset(browser: &mut Browser, token: &str, password: &str, repeat: &str) -> Answer {
    let fields = [("token", token), ("password", password), ("password_repeat", repeat)];
    browser.post("/s/harbor/reset", &fields).await
}

/// The account of somebody who is logged in, twice.
async fn account(atlas: &mut Atlas, browser: &mut Browser) {
    let dagmar = "dagmar@example.test";
    browser.clone().login("harbor-trade", dagmar, PASSWORD).await;
    assert_eq!(browser.login("harbor", dagmar, PASSWORD).await.status, 303);
    let answer = change_address(browser, PASSWORD, "nonsense").await;
    atlas.add("address refused", 422, answer);
    let answer = change_address(browser, "wrong", "ost@example.test").await;
    atlas.add("address with a wrong password", 422, answer);
    atlas.get(browser, 200, "account").await;
    let answer = change_address(browser, PASSWORD, "ost@example.test").await;
    atlas.add("address asked for", 200, answer);
    for page in ["login", "account", "account/password", "account/email", "account/sessions"] {
        atlas.get(browser, 200, page).await;
    }
    let answer = change_password(browser, "wrong", NEW).await;
    atlas.add("password with a wrong password", 422, answer);
    let answer = change_password(browser, PASSWORD, "harbor coffee").await;
    atlas.add("password refused", 422, answer);
    let answer = change_password(browser, PASSWORD, NEW).await;
    atlas.add("password changed", 200, answer);
    atlas.get(browser, 200, "account/sessions").await;
    let fields = [("form_secret", "guessed"), ("session", "others")];
    let answer = browser.post("/s/harbor/account/sessions", &fields).await;
    atlas.add("without the form's secret", 403, answer);
}

/// The shop that stands behind.
async fn shop(atlas: &mut Atlas, browser: &mut Browser) {
    atlas.get(browser, 200, "").await;
    atlas.get(browser, 200, "cart").await;
}

/// The buttons of the links, pressed.
async fn objections(atlas: &mut Atlas, browser: &mut Browser, tokens: &Tokens) {
    let confirm = "/s/harbor/account/email/confirm";
    for (name, url, token, status) in [
        ("stopped", "/s/harbor/not-me", &tokens.stop, 200),
        ("frozen", "/s/harbor/not-me", &tokens.freeze, 200),
        ("confirmed", confirm, &tokens.confirm_address, 200),
        ("undone", "/s/harbor/not-me", &tokens.undo_address, 200),
        ("dead", confirm, &tokens.confirm_address, 410),
    ] {
        let answer = browser.post(url, &[("token", token)]).await;
        atlas.add(name, status, answer);
    }
}
