//! The life of an account: registering, changing address and password, being told of changes, and
//! being kept from guessing.

mod address;
mod backoff;
mod notices;
mod registration;

use crate::support::app::link_of;
use crate::support::smtp_sink::Received;
use crate::support::{Browser, TestApp};

const NEW: &str = "a brand new teapot";
const OTHER: &str = "another fine kettle";
const ADA: &str = "ada@example.test";

/// A browser that is logged in at `harbor`.
async fn logged_in(test: &TestApp, email: &str, password: &str) -> Browser {
    let mut browser = test.browser();
    assert_eq!(browser.login("harbor", email, password).await.status, 303);
    browser
}

/// Presses the button behind a mailed link.
async fn press(browser: &mut Browser, link: &str) -> crate::support::Answer {
    let (page, token) = link.split_once("?token=").unwrap();
    browser.post(page, &[("token", token)]).await
}

/// The one mail to this address.
fn to<'a>(mails: &'a [Received], address: &str) -> &'a Received {
    let found: Vec<_> = mails.iter().filter(|mail| mail.recipients == [address]).collect();
    assert_eq!(found.len(), 1, "mails to {address}");
    found[0]
}

/// The link by which the new mailbox confirms a change of address.
fn confirmation(mails: &[Received], address: &str) -> String {
    link_of(to(mails, address), "/account/email/confirm")
}
