//! Setting the password, sessions and hand-over to the store: what ends, what begins, and who is
//! let through.

mod endings;
mod forms;
mod gate;
mod races;

use crate::support::Browser;
use crate::support::TestApp;
use crate::support::app::PASSWORD;

const NEW: &str = "a brand new teapot";
const ADA: &str = "ada@example.test";

/// A browser that is logged in at `harbor`.
async fn logged_in(test: &TestApp, email: &str) -> Browser {
    let mut browser = test.browser();
    assert_eq!(browser.login("harbor", email, PASSWORD).await.status, 303);
    assert_eq!(browser.who("harbor").await.as_deref(), Some(email));
    browser
}

/// A browser with nothing but this session cookie.
fn with_cookie(test: &TestApp, value: &str) -> Browser {
    let mut browser = test.browser();
    browser.set_cookie("doorkey", value, "/s/harbor");
    browser
}
