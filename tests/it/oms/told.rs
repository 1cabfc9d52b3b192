//! What happens to a second factor is told by mail to whom it belongs.

use super::door::{codes_on, enrol_factor, login, scan};
use super::forgotten::choose;
use crate::support::app::{PASSWORD, link_of, text_of};
use crate::support::desk::{ADMIN, AGENT};
use crate::support::smtp_sink::Received;
use crate::support::{TestApp, both};

const NEW: &str = "seven quiet lanterns";

/// The subject of the one mail, which went to this address and carries no link but the way to a new
/// password; none for no mail.
fn subject(mails: &[Received], to: &str) -> Option<String> {
    assert!(mails.len() <= 1, "{} mails", mails.len());
    let mail = mails.first()?;
    assert_eq!(mail.recipients, [to]);
    let text = text_of(mail);
    let links: Vec<_> = text.lines().filter(|line| line.contains("://")).collect();
    assert_eq!(links, ["http://127.0.0.1:8080/oms/forgot"], "{text}");
    let message = mail_parser::MessageParser::default().parse(&mail.raw[..]).unwrap();
    let html = message.body_html(0).unwrap();
    assert!(html.contains("tell an administrator now"), "{html}");
    assert!(html.contains("Harbor Goods") && text.contains("Harbor Goods"));
    message.subject().map(str::to_owned)
}

both!(each_change_of_a_second_factor_is_told, |db| async move {
    let test = TestApp::start(db).await;
    let mut agent = test.browser();
    login(&mut agent, AGENT, PASSWORD, "").await;
    assert_eq!(subject(&test.deliver().await, AGENT), None, "a log-in is nothing to tell");

    let (key, sealed, secret) = scan(&mut agent).await;
    let code = key.code(test.clock.now());
    let set_up = |code| {
        [
            ("form_secret", &*secret),
            ("key", &*sealed),
            ("code", code),
            ("current_password", PASSWORD),
        ]
    };
    assert_eq!(agent.post("/oms/account/factor", &set_up("000000")).await.status, 422);
    assert_eq!(subject(&test.deliver().await, AGENT), None, "nothing has changed");
    let done = agent.post("/oms/account/factor", &set_up(&code)).await;
    assert_eq!(done.status, 200);
    let told = subject(&test.deliver().await, AGENT);
    assert_eq!(told.as_deref(), Some("A second factor was set up"));

    test.wait(60);
    let code = key.code(test.clock.now());
    assert_eq!(login(&mut agent, AGENT, PASSWORD, &code).await.status, 303);
    assert_eq!(subject(&test.deliver().await, AGENT), None, "a code of the app is as usual");
    let codes = codes_on(&done);
    assert_eq!(login(&mut agent, AGENT, PASSWORD, &codes[0]).await.status, 303);
    let mails = test.deliver().await;
    assert!(text_of(&mails[0]).contains("\n9 left."), "{}", text_of(&mails[0]));
    assert_eq!(subject(&mails, AGENT).as_deref(), Some("A recovery code was used"));
    assert!(!String::from_utf8_lossy(&mails[0].raw).contains(&codes[0]));
    assert_eq!(login(&mut test.browser(), AGENT, PASSWORD, &codes[0]).await.status, 401);
    assert_eq!(subject(&test.deliver().await, AGENT), None, "a used one is refused");

    let secret = agent.get("/oms/account").await.hidden("form_secret");
    let prove = |password| [("form_secret", &*secret), ("current_password", password)];
    assert_eq!(agent.post("/oms/account/codes", &prove("wrong")).await.status, 422);
    assert_eq!(agent.post("/oms/account/codes", &prove(PASSWORD)).await.status, 200);
    let told = subject(&test.deliver().await, AGENT);
    assert_eq!(told.as_deref(), Some("Your recovery codes were replaced"));

    assert_eq!(agent.post("/oms/account/factor/remove", &prove(PASSWORD)).await.status, 303);
    let told = subject(&test.deliver().await, AGENT);
    assert_eq!(told.as_deref(), Some("Your second factor was removed"));
    assert_eq!(agent.post("/oms/account/factor/remove", &prove(PASSWORD)).await.status, 303);
    assert_eq!(subject(&test.deliver().await, AGENT), None, "there was none any more");
});

both!(what_others_do_to_a_second_factor_is_told_too, |db| async move {
    let test = TestApp::start(db).await;
    // A half log-in by a stranger with the password sets one up: the owner hears of it.
    let mut stranger = test.browser();
    login(&mut stranger, ADMIN, PASSWORD, "").await;
    let (_, codes) = enrol_factor(&test, &mut stranger).await;
    let told = subject(&test.deliver().await, ADMIN);
    assert_eq!(told.as_deref(), Some("A second factor was set up"));

    // A recovery code beside a mailed link.
    test.browser().post("/oms/forgot", &[("email", ADMIN)]).await;
    let link = link_of(&test.deliver().await[0], "/oms/reset");
    assert_eq!(choose(&mut stranger, &link, NEW, &codes[0]).await.status, 303);
    let mut told: Vec<_> = test.deliver().await;
    told.retain(|mail| text_of(mail).contains("recovery codes was used"));
    assert_eq!(subject(&told, ADMIN).as_deref(), Some("A recovery code was used"));

    // A colleague who resets the access, factor included; to one who has none, that is no news.
    let admin = test.seat(ADMIN).await;
    let id = test.seat(AGENT).await.staff_id;
    let (mut boss, reset) = (admin, format!("/oms/staff/{id}/reset"));
    assert_eq!(boss.post(&reset, &[("remove_factor", "1")]).await.status, 303);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1, "{:?}", mails.iter().map(text_of).collect::<Vec<_>>());
    let link = link_of(&mails[0], "/oms/enrol");
    let mut agent = test.browser();
    choose(&mut agent, &link, PASSWORD, "").await;
    let (key, sealed, secret) = scan(&mut agent).await;
    let code = key.code(test.clock.now());
    let fields = [
        ("form_secret", &*secret),
        ("key", &*sealed),
        ("code", &*code),
        ("current_password", PASSWORD),
    ];
    assert_eq!(agent.post("/oms/account/factor", &fields).await.status, 200);
    test.deliver().await;
    boss.post(&reset, &[("remove_factor", "1")]).await;
    let mut mails = test.deliver().await;
    assert_eq!(mails.len(), 2);
    mails.retain(|mail| !text_of(mail).contains("/oms/enrol"));
    assert_eq!(subject(&mails, AGENT).as_deref(), Some("Your second factor was removed"));
});
