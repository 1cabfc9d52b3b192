//! A member of staff at work in a browser.

use doorkey::args;
use doorkey::customer;
use doorkey::staff::session;
use doorkey::suppression;
use doorkey::web::oms::desk;

use super::{Answer, Browser, TestApp};

/// The sample staff.
pub const ADMIN: &str = "admin@harbor.test";
pub const AGENT: &str = "agent@harbor.test";
pub const VIEWER: &str = "viewer@harbor.test";

/// A browser that is logged in to the back office.
#[derive(Clone)]
pub struct Seat {
    pub browser: Browser,
    /// What every form of this session carries.
    pub secret: String,
    pub staff_id: String,
}

impl TestApp {
    /// Sits a member of staff down, with a second factor given: how one gets there is told by the
    /// stories of the door.
    pub async fn seat(&self, email: &str) -> Seat {
        let sql = "SELECT id, merchant_id FROM staff WHERE email_key = $1";
        let row = self.app.db.row(sql, args![email]).await.unwrap().expect("sample staff");
        let (id, merchant): (String, String) = (row.get("id"), row.get("merchant_id"));
        let mut tx = self.app.db.begin().await.unwrap();
        let config = &self.app.config.staff;
        let now = self.clock.now();
        let token = session::start(&mut tx, config, (&id, &merchant), "Test", None, true, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let found = session::find(&self.app.db, config, token.digest(), now).await.unwrap();
        let secret = desk::form_secret(&self.app, &found.expect("a live session"));
        let mut browser = self.browser();
        browser.set_cookie("doorkey-staff", &token.reveal(), "/");
        Seat { browser, secret, staff_id: id }
    }

    /// Suppresses the address of a customer of the merchant of `store`, and gives the id.
    pub async fn suppress(&self, store: &str, email: &str) -> String {
        let id = self.customer_id(store, email).await;
        let merchant = self.store(store).merchant_id.clone();
        let mut tx = self.app.db.begin().await.unwrap();
        let customer = customer::by_id(&mut tx, &merchant, &id).await.unwrap().unwrap();
        let (customer, reason) = (&customer, suppression::Reason::Bounced);
        let new = suppression::New { customer, outbox_id: "x", reason, reply: "550 5.1.1 gone" };
        assert!(suppression::begin(&mut tx, &new, self.clock.now()).await.unwrap());
        tx.commit().await.unwrap();
        let sql = "SELECT id FROM suppression WHERE customer_id = $1 AND ended_at IS NULL";
        self.app.db.row(sql, args![&id]).await.unwrap().unwrap().get("id")
    }

    /// The id of the customer with this address at the merchant of `store`.
    pub async fn customer_id(&self, store: &str, email: &str) -> String {
        let sql = "SELECT id FROM customer WHERE merchant_id = $1 AND email_key = $2";
        let merchant = &self.store(store).merchant_id;
        let row = self.app.db.row(sql, args![merchant, email]).await.unwrap();
        row.expect("a customer").get("id")
    }
}

impl Seat {
    pub async fn get(&mut self, path: &str) -> Answer {
        self.browser.get(path).await
    }

    /// Posts a form as its page does, with the session's secret.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("form_secret", self.secret.as_str())];
        all.extend(fields);
        self.browser.post(path, &all).await
    }
}
