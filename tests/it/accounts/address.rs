//! Changing the address: with the password, confirmed by the new mailbox, undone by the old one.

use super::{ADA, NEW, OTHER, confirmation, logged_in, press, to};
use crate::support::app::{PASSWORD, link_of, text_of};
use crate::support::{TestApp, both};
use crate::token::change_address;

const MARSH: &str = "marsh@example.test";

both!(a_new_address_counts_once_its_mailbox_confirms, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = logged_in(&test, ADA, PASSWORD).await;
    let answer = change_address(&mut browser, PASSWORD, "Marsh@EXAMPLE.test").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("We sent a link to the new address."));
    for page in ["account", "account/email"] {
        let page = browser.get(&format!("/s/harbor/{page}")).await;
        assert!(page.body.contains("Waiting for you to confirm Marsh@example.test."));
    }
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 2);
    let notice = text_of(to(&mails, ADA));
    assert!(notice.contains("M•••@e•••.test") && !notice.to_lowercase().contains(MARSH));
    let link = confirmation(&mails, "Marsh@example.test");
    // Pending: mails go to the old one, logins take the old one.
    test.browser().forgot("harbor", MARSH).await;
    assert!(test.deliver().await.is_empty());
    assert_eq!(test.browser().login("harbor", MARSH, PASSWORD).await.status, 401);
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
    assert!(test.browser().get(&link).await.body.contains("Confirm your new email address"));
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA), "opening is nothing");
    let done = press(&mut test.browser(), &link).await;
    assert!(done.status == 200 && done.body.contains("Your new address is confirmed"));
    assert_eq!(browser.who("harbor").await.as_deref(), Some("Marsh@example.test"));
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 401);
    assert_eq!(test.browser().login("harbor", MARSH, PASSWORD).await.status, 303);
    assert!(!browser.get("/s/harbor/account").await.body.contains("Waiting for you"));
    assert_eq!(press(&mut test.browser(), &link).await.status, 410, "once");
    test.browser().forgot("harbor", ADA).await;
    assert!(test.deliver().await.is_empty(), "nobody has the old one");
});

both!(the_password_is_asked_for_and_cannot_be_guessed, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = logged_in(&test, ADA, PASSWORD).await;
    for i in 0..5 {
        let answer = change_address(&mut browser, "wrong", MARSH).await;
        assert_eq!(answer.status, 422, "try {i}");
        assert!(answer.body.contains("The current password is not right."));
    }
    let answer = change_address(&mut browser, PASSWORD, MARSH).await;
    assert_eq!(answer.status, 422, "even the right one has to wait");
    assert!(answer.body.contains("Too many tries in a row."));
    let answer = crate::token::change_password(&mut browser, PASSWORD, NEW).await;
    assert_eq!(answer.status, 422, "here too");
    assert!(test.deliver().await.is_empty());
    test.wait(3);
    assert_eq!(change_address(&mut browser, PASSWORD, MARSH).await.status, 200);
    assert_eq!(test.deliver().await.len(), 2);
});

both!(mails_to_addresses_that_nobody_confirmed_are_few, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = logged_in(&test, ADA, PASSWORD).await;
    for i in 0..5 {
        let answer = change_address(&mut browser, PASSWORD, &format!("x{i}@example.test")).await;
        assert_eq!(answer.status, 200, "{i}");
    }
    let refused = change_address(&mut browser, PASSWORD, "x9@example.test").await;
    assert_eq!(refused.status, 429);
    assert!(refused.headers.contains_key("retry-after"));
    let mails = test.deliver().await;
    assert!(!mails.iter().any(|mail| mail.recipients == ["x9@example.test"]));
    test.wait(3601);
    assert_eq!(change_address(&mut browser, PASSWORD, "x9@example.test").await.status, 200);
});

both!(a_second_change_ends_the_first, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = logged_in(&test, ADA, PASSWORD).await;
    change_address(&mut browser, PASSWORD, "one@example.test").await;
    let one = confirmation(&test.deliver().await, "one@example.test");
    change_address(&mut browser, PASSWORD, "two@example.test").await;
    let two = confirmation(&test.deliver().await, "two@example.test");
    assert_eq!(press(&mut test.browser(), &one).await.status, 410);
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(press(&mut test.browser(), &two).await.status, 200);
    let who = browser.who("harbor").await;
    assert_eq!(who.as_deref(), Some("two@example.test"), "the mailbox that got the token");
});

both!(an_address_that_another_customer_has_is_not_given_twice, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = logged_in(&test, ADA, PASSWORD).await;
    let answer = change_address(&mut browser, PASSWORD, "ben@example.test").await;
    let free = change_address(&mut browser, PASSWORD, "free@example.test").await;
    assert_eq!((answer.status, &answer.body), (free.status, &free.body), "the page does not tell");
    change_address(&mut browser, PASSWORD, "ben@example.test").await;
    let mails = test.deliver().await;
    let last = mails.iter().rfind(|mail| mail.recipients == ["ben@example.test"]).unwrap();
    let link = link_of(last, "/account/email/confirm");
    let taken = press(&mut test.browser(), &link).await;
    assert!(taken.body.contains("This address is in use"), "{}", taken.body);
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(test.browser().login("harbor", "ben@example.test", PASSWORD).await.status, 303);
});

both!(the_old_mailbox_undoes_the_change_and_closes_the_account, |db| async move {
    let test = TestApp::start(db).await;
    let mut thief = logged_in(&test, ADA, PASSWORD).await;
    change_address(&mut thief, PASSWORD, "thief@example.test").await;
    let mails = test.deliver().await;
    let undo = link_of(to(&mails, ADA), "/not-me");
    assert_eq!(press(&mut thief, &confirmation(&mails, "thief@example.test")).await.status, 200);
    // A link to the thief's mailbox, and a second address beyond it.
    let link = test.link("harbor", "thief@example.test").await;
    change_address(&mut thief, PASSWORD, "second@example.test").await;
    let second = confirmation(&test.deliver().await, "second@example.test");
    let mut owner = test.browser();
    assert!(owner.get(&undo).await.body.contains("Bring back my address"));
    assert_eq!(thief.who("harbor").await.as_deref(), Some("thief@example.test"), "opened only");
    assert_eq!(press(&mut owner, &undo).await.status, 200);
    assert_eq!(thief.who("harbor").await, None);
    assert_eq!(thief.login("harbor", "thief@example.test", PASSWORD).await.status, 401);
    assert_eq!(thief.login("harbor", ADA, PASSWORD).await.status, 401, "frozen");
    assert_eq!(thief.set_password(&link, OTHER).await.status, 410);
    assert_eq!(press(&mut thief, &second).await.status, 410);
    assert_eq!(press(&mut owner, &undo).await.status, 410, "once");
    test.wait(61);
    let link = test.link("harbor", ADA).await;
    assert_eq!(owner.set_password(&link, NEW).await.status, 303);
    assert_eq!(owner.who("harbor").await.as_deref(), Some(ADA));
});

both!(undoing_before_anything_is_confirmed_stops_the_change, |db| async move {
    let test = TestApp::start(db).await;
    let mut thief = logged_in(&test, ADA, PASSWORD).await;
    change_address(&mut thief, PASSWORD, "thief@example.test").await;
    let mails = test.deliver().await;
    assert_eq!(press(&mut test.browser(), &link_of(to(&mails, ADA), "/not-me")).await.status, 200);
    let confirm = confirmation(&mails, "thief@example.test");
    assert_eq!(press(&mut thief, &confirm).await.status, 410);
    assert_eq!(thief.who("harbor").await, None);
    let link = test.link("harbor", ADA).await;
    let mut owner = test.browser();
    assert_eq!(owner.set_password(&link, NEW).await.status, 303);
    let page = owner.get("/s/harbor/account").await;
    assert!(page.body.contains(ADA) && !page.body.contains("Waiting for you"));
});

both!(a_thief_who_changes_everything_can_still_be_undone, |db| async move {
    let test = TestApp::start(db).await;
    let mut thief = logged_in(&test, ADA, PASSWORD).await;
    assert_eq!(crate::token::change_password(&mut thief, PASSWORD, OTHER).await.status, 200);
    let freeze = link_of(to(&test.deliver().await, ADA), "/not-me");
    change_address(&mut thief, OTHER, "thief@example.test").await;
    let mails = test.deliver().await;
    let undo = link_of(to(&mails, ADA), "/not-me");
    assert_eq!(press(&mut thief, &confirmation(&mails, "thief@example.test")).await.status, 200);
    assert_eq!(crate::token::change_password(&mut thief, OTHER, NEW).await.status, 200);
    test.deliver().await;
    // The freezing link was for the address that is no longer the account's; the undoing one is
    // what stands against a change of address.
    assert_eq!(press(&mut test.browser(), &freeze).await.status, 410);
    assert_eq!(press(&mut test.browser(), &undo).await.status, 200);
    assert_eq!(thief.who("harbor").await, None);
    let link = test.link("harbor", ADA).await;
    let mut owner = test.browser();
    assert_eq!(owner.set_password(&link, "the owner's own kettle").await.status, 303);
    assert_eq!(owner.who("harbor").await.as_deref(), Some(ADA));
});
