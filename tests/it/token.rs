//! The tokens of mailed links: how they are made and stored, what is checked when one is presented,
//! and how long it lives.

mod checking;
pub mod dump;
mod life;
mod making;
mod matrix;
mod races;

use doorkey::args;

use crate::support::app::{PASSWORD, link_of, reset_link, token_of};
use crate::support::{Answer, Browser, TestApp};

const NEW: &str = "a brand new teapot";
const OTHER: &str = "another fine kettle";

/// Posts a new password with whatever is called a token here.
async fn redeem(browser: &mut Browser, token: &str, password: &str) -> Answer {
    let fields = [("token", token), ("password", password), ("password_repeat", password)];
    browser.post("/s/harbor/reset", &fields).await
}

/// Every customer's stored hash: what must not move when a token is refused.
async fn hashes(test: &TestApp) -> Vec<(String, Option<String>)> {
    let sql = "SELECT customer_id, password_hash FROM credential ORDER BY customer_id";
    let rows = test.app.db.rows(sql, args![]).await.unwrap();
    rows.iter().map(|row| (row.get("customer_id"), row.get("password_hash"))).collect()
}

/// One live token of each kind, all of the store `harbor`. Nothing is used up yet.
pub struct Tokens {
    pub recovery: String,
    pub stop: String,
    pub freeze: String,
    pub confirm_address: String,
    pub undo_address: String,
    pub registration: String,
}

impl Tokens {
    /// Has them mailed: to Ada (recovery, stop), Ben (freeze), Émile (both ends of a change of
    /// address) and somebody new (registration).
    pub async fn mailed(test: &TestApp) -> Self {
        test.browser().forgot("harbor", "ada@example.test").await;
        let mail = test.deliver().await.remove(0);
        let (recovery, stop) = (reset_link(&mail), link_of(&mail, "/not-me"));
        let mut ben = test.browser();
        ben.login("harbor", "ben@example.test", PASSWORD).await;
        assert_eq!(change_password(&mut ben, PASSWORD, OTHER).await.status, 200);
        let freeze = link_of(&test.deliver().await[0], "/not-me");
        let mut emile = test.browser();
        emile.login("harbor", "emile@example.test", PASSWORD).await;
        let answer = change_address(&mut emile, PASSWORD, "laurent@example.test").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mails = test.deliver().await;
        let to = |address| mails.iter().find(|m| m.recipients == [address]).unwrap();
        let confirm = link_of(to("laurent@example.test"), "/account/email/confirm");
        let undo = link_of(to("emile@example.test"), "/not-me");
        assert_eq!(register(&mut test.browser(), "new@example.test", NEW).await.status, 202);
        let registration = link_of(&test.deliver().await[0], "/register/confirm");
        Self {
            recovery: token_of(&recovery),
            stop: token_of(&stop),
            freeze: token_of(&freeze),
            confirm_address: token_of(&confirm),
            undo_address: token_of(&undo),
            registration: token_of(&registration),
        }
    }

    /// By name.
    pub fn all(&self) -> [(&'static str, &str); 6] {
        [
            ("recovery", &self.recovery),
            ("stop", &self.stop),
            ("freeze", &self.freeze),
            ("confirm_address", &self.confirm_address),
            ("undo_address", &self.undo_address),
            ("registration", &self.registration),
        ]
    }
}

/// Changes the password in the account at `harbor`, logged in.
pub async fn change_password(browser: &mut Browser, from: &str, to: &str) -> Answer {
    let secret = browser.get("/s/harbor/account/password").await.hidden("form_secret");
    let fields = [
        ("form_secret", &*secret),
        ("current_password", from),
        ("password", to),
        ("password_repeat", to),
    ];
    browser.post("/s/harbor/account/password", &fields).await
}

/// Asks for a change of address in the account at `harbor`, logged in.
pub async fn change_address(browser: &mut Browser, password: &str, to: &str) -> Answer {
    let secret = browser.get("/s/harbor/account/email").await.hidden("form_secret");
    let fields = [("form_secret", &*secret), ("current_password", password), ("email", to)];
    browser.post("/s/harbor/account/email", &fields).await
}

/// Registers Noor Haddad at `harbor`.
pub async fn register(browser: &mut Browser, email: &str, password: &str) -> Answer {
    let noor = [("first_name", "Noor"), ("last_name", "Haddad"), ("password", password)];
    browser.register("harbor", email, &noor).await
}
