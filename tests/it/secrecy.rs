//! Finding out who has an account: whatever a visitor does without logging in, the answers for
//! known, unknown, blocked, unconfirmed and staff addresses are the same, byte for byte.

mod at_rest;
mod broken_mail;
mod dead_links;
mod routes;

use crate::support::app::{Database, PASSWORD};
use crate::support::face::Face;
use crate::support::{Answer, Options, TestApp, both};

const ADA: &str = "ada@example.test";

/// One address for every relation to the store harbor that there is.
const PEOPLE: [(&str, &str); 9] = [
    ("a customer", ADA),
    ("nobody", "nobody@example.test"),
    ("a blocked customer", "cleo@example.test"),
    ("a frozen customer", "fay@example.test"),
    ("a customer without a password", "gus@example.test"),
    ("an address that its customer has not confirmed", "pat@example.test"),
    ("a registration that nobody has confirmed", "rita@example.test"),
    ("a member of staff", "agent@harbor.test"),
    ("another merchant's customer", "tess@example.test"),
];

/// The sample merchants with all of [`PEOPLE`]; the mail of getting there is gone.
async fn everybody(options: Options) -> TestApp {
    let test = TestApp::with(options).await;
    test.add_customer("harbor", "gus@example.test", None).await;
    test.add_customer("harbor", "fay@example.test", Some(PASSWORD)).await;
    test.exec("UPDATE customer SET frozen_at = 1 WHERE email_key = 'fay@example.test'").await;
    test.add_customer("northwind", "tess@example.test", Some(PASSWORD)).await;
    let mut ben = test.browser();
    assert_eq!(ben.login("harbor", "ben@example.test", PASSWORD).await.status, 303);
    assert_eq!(ben.change_address("harbor", "pat@example.test").await.status, 200);
    assert_eq!(test.browser().register("harbor", "rita@example.test", &[]).await.status, 202);
    test.deliver().await;
    test
}

/// All answers have one face.
fn assert_alike(faces: &[(&str, Face)]) {
    for (who, face) in &faces[1..] {
        assert_eq!(face, &faces[0].1, "{who} is told from {}", faces[0].0);
    }
}

/// No `@`, and no three characters in a row of the stored address.
fn assert_tells_nothing_of(answer: &Answer, stored: &str) {
    let seen = format!("{:?}", Face::of(answer)).to_lowercase();
    assert!(!seen.contains('@'), "{seen}");
    let letters: Vec<char> = stored.to_lowercase().chars().collect();
    for run in letters.windows(3) {
        let run: String = run.iter().collect();
        assert!(!seen.contains(&run), "{run:?} of {stored} in {seen}");
    }
}

both!(asking_for_a_link_is_answered_alike_for_everybody, |db| async move {
    let test = everybody(Options::new(db)).await;
    let mut faces = Vec::new();
    for (who, email) in PEOPLE {
        let answer = test.browser().forgot("harbor", email).await;
        assert_eq!(answer.status, 202, "{who}");
        faces.push((who, Face::of(&answer)));
    }
    assert_alike(&faces);
    assert!(faces[0].1.cookies.is_empty());
    let mut mailed: Vec<_> = test.deliver().await.into_iter().flat_map(|m| m.recipients).collect();
    mailed.sort();
    assert_eq!(mailed, [ADA, "fay@example.test", "gus@example.test"], "only they may have a link");
});

both!(an_answer_repeats_nothing_of_the_stored_address, |db| async move {
    let test = TestApp::start(db).await;
    let stored = "Zq7kX.wV9@qzJx-vkw.zq";
    test.add_customer("harbor", stored, Some(PASSWORD)).await;
    for typed in [stored, "zq7kx.wv9@qzjx-vkw.zq", " ZQ7KX.WV9@QZJX-VKW.ZQ "] {
        let answer = test.browser().forgot("harbor", typed).await;
        assert_eq!(answer.status, 202);
        assert_tells_nothing_of(&answer, stored);
        let answer = test.browser().register("harbor", typed, &[]).await;
        assert_eq!(answer.status, 202);
        assert_tells_nothing_of(&answer, stored);
    }
    assert_eq!(test.deliver().await.len(), 1, "it is somebody's");
});

both!(a_failed_login_is_answered_alike_for_everybody, |db| async move {
    let test = everybody(Options::new(db)).await;
    let mut faces = Vec::new();
    for (who, email) in PEOPLE {
        let answer = test.browser().login("harbor", email, "not this one").await;
        assert_eq!(answer.status, 401, "{who}");
        faces.push((who, Face::of(&answer).without(email)));
        if email != ADA {
            // Not even the right password tells that there is an account which may not be entered.
            let answer = test.browser().login("harbor", email, PASSWORD).await;
            faces.push((who, Face::of(&answer).without(email)));
        }
    }
    assert_alike(&faces);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(test.browser().login("northwind", PEOPLE[8].1, PASSWORD).await.status, 303);
});

both!(registering_is_answered_alike_for_everybody, |db| async move {
    let test = everybody(Options::new(db)).await;
    let mut faces = Vec::new();
    for (who, email) in PEOPLE {
        let answer = test.browser().register("harbor", email, &[]).await;
        assert_eq!(answer.status, 202, "{who}");
        faces.push((who, Face::of(&answer)));
    }
    assert_alike(&faces);
    let mails = test.deliver().await;
    let told = |email: &str| mails.iter().any(|mail| mail.recipients == [email]);
    assert!(told(ADA) && told("nobody@example.test"), "the mailbox is told");
    assert!(!told("cleo@example.test"));
});

/// What each of [`PEOPLE`] sees of the same knocks, one after the other.
async fn knocks(test: &TestApp, kind: &str) -> Vec<(&'static str, Vec<Face>)> {
    let mut seen = Vec::new();
    for (i, (who, email)) in PEOPLE.into_iter().enumerate() {
        let mut browser = test.browser().from_address([198, 51, 100, u8::try_from(i).unwrap()]);
        let mut faces = Vec::new();
        for _ in 0..6 {
            let answer = match kind {
                "login" => browser.login("harbor", email, "not this one").await,
                "forgot" => browser.forgot("harbor", email).await,
                _ => browser.register("harbor", email, &[]).await,
            };
            faces.push(Face::of(&answer).without(email));
        }
        seen.push((who, faces));
    }
    seen
}

async fn assert_throttled_alike(db: Database, kind: &str, statuses: [u16; 6]) {
    let options = Options::new(db)
        .set("limits.login_failures", 3)
        .set("limits.source_requests", 4)
        .set("limits.address_requests", 2);
    let test = everybody(options).await;
    let seen = knocks(&test, kind).await;
    let first: Vec<_> = seen[0].1.iter().map(|face| face.status).collect();
    assert_eq!(first, statuses, "{kind}: the limits do limit");
    for (who, faces) in &seen[1..] {
        assert_eq!(faces, &seen[0].1, "{kind}: {who} is told from {}", seen[0].0);
    }
}

both!(the_limit_on_logins_counts_alike_for_everybody, |db| async move {
    assert_throttled_alike(db, "login", [401, 401, 401, 429, 429, 429]).await;
});

both!(the_limits_on_asking_count_alike_for_everybody, |db| async move {
    // The third and fourth are over the typed address's limit, which does not show; the fifth is
    // over the source's, which does.
    assert_throttled_alike(db, "forgot", [202, 202, 202, 202, 429, 429]).await;
});

both!(the_limits_on_registering_count_alike_for_everybody, |db| async move {
    assert_throttled_alike(db, "register", [202, 202, 202, 202, 429, 429]).await;
});

both!(asking_changes_nothing_that_anybody_sees, |db| async move {
    let test = TestApp::start(db).await;
    let mut ada = test.browser();
    assert_eq!(ada.login("harbor", ADA, PASSWORD).await.status, 303);
    let pages =
        ["/s/harbor/", "/s/harbor/login", "/s/harbor/account", "/s/harbor/account/sessions"];
    let mut before = Vec::new();
    for page in pages {
        before.push(ada.get(page).await.body);
    }
    let session = ada.cookie("doorkey").map(str::to_owned);
    let hash = test.hash_of(ADA).await;
    let mut stranger = test.browser();
    let login_page = Face::of(&stranger.get("/s/harbor/login").await);

    assert_eq!(stranger.forgot("harbor", ADA).await.status, 202);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1, "a link was mailed");
    for (page, before) in pages.iter().zip(&before) {
        assert_eq!(&ada.get(page).await.body, before, "{page}");
    }
    assert_eq!(ada.cookie("doorkey").map(str::to_owned), session);
    assert_eq!(ada.who("harbor").await.as_deref(), Some(ADA));
    assert_eq!(test.hash_of(ADA).await, hash);
    assert_eq!(Face::of(&test.browser().get("/s/harbor/login").await), login_page);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);

    // Control: the link itself does change things.
    let link = crate::support::app::reset_link(&mails[0]);
    assert_eq!(stranger.set_password(&link, "a brand new teapot").await.status, 303);
    assert_eq!(ada.who("harbor").await, None);
    assert_ne!(test.hash_of(ADA).await, hash);
});
