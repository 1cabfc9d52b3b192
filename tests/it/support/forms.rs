//! The forms beyond login and recovery, filled in.

use super::app::PASSWORD;
use super::browser::{Answer, Browser};

impl Browser {
    /// Registers an address at a store, with a fresh captcha. `more` replaces or adds fields.
    pub async fn register(&mut self, store: &str, email: &str, more: &[(&str, &str)]) -> Answer {
        let altcha = self.solve_at(&format!("/s/{store}/captcha?for=registration")).await;
        let usual = [
            ("email", email),
            ("first_name", "Rita"),
            ("last_name", "Newcomer"),
            ("password", "seven quiet lanterns"),
            ("altcha", altcha.as_str()),
        ];
        let kept = usual.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
        let fields: Vec<_> = kept.chain(more).copied().collect();
        self.post(&format!("/s/{store}/register"), &fields).await
    }

    /// Asks for another address on the account page; the browser is logged in.
    pub async fn change_address(&mut self, store: &str, new: &str) -> Answer {
        let url = format!("/s/{store}/account/email");
        let form_secret = self.get(&url).await.hidden("form_secret");
        let fields =
            [("form_secret", &*form_secret), ("current_password", PASSWORD), ("email", new)];
        self.post(&url, &fields).await
    }
}
