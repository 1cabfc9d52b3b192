//! Administrators and their colleagues.

use super::door::{enrol_factor, login, scan};
use super::forgotten::choose;
use crate::support::app::{PASSWORD, link_of, text_of};
use crate::support::desk::{ADMIN, AGENT, VIEWER};
use crate::support::{Options, TestApp, both};

const NEW: &str = "seven quiet lanterns";

both!(an_invited_colleague_chooses_a_password_and_works, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.seat(ADMIN).await;
    let fields = [("name", "Nell New"), ("email", "Nell@harbor.test"), ("role", "agent")];
    let answer = admin.post("/oms/staff", &fields).await;
    assert_eq!((answer.status, answer.location()), (303, "/oms/staff?done=invited"));
    let page = admin.get("/oms/staff").await;
    assert!(page.body.contains("Nell New") && page.body.contains("Invited"), "{}", page.body);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, ["Nell@harbor.test"]);
    assert!(text_of(&mails[0]).contains("Nell New"), "{}", text_of(&mails[0]));
    let link = link_of(&mails[0], "/oms/enrol");
    let mut nell = test.browser();
    for weak in ["short", "nell@harbor.test", "Harbor Goods", "password1"] {
        assert_eq!(choose(&mut nell, &link, weak, "").await.status, 422, "{weak}");
    }
    let done = choose(&mut nell, &link, NEW, "").await;
    assert_eq!((done.status, done.location()), (303, "/oms/customers"));
    assert_eq!(nell.get(&link).await.status, 410, "once");
    assert_eq!(login(&mut test.browser(), "nell@harbor.test", NEW, "").await.status, 303);

    // What is wrong is said beside it, and what was typed stays.
    for (name, email, role, says) in [
        ("", "x@harbor.test", "agent", "enter a name"),
        ("Xa", "not an address", "agent", "one address"),
        ("Xa", "x@harbor.test", "boss", "choose a role"),
        ("Xa", "NELL@harbor.test", "agent", "already"),
    ] {
        let fields = [("name", name), ("email", email), ("role", role)];
        let answer = admin.post("/oms/staff", &fields).await;
        assert_eq!(answer.status, 422, "{says}");
        assert!(answer.body.contains(says) && answer.body.contains(email), "{}", answer.body);
    }
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM staff").await, 4);
});

both!(an_invitation_waits_three_days_and_can_be_sent_again, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.seat(ADMIN).await;
    let fields = [("name", "Nell"), ("email", "nell@harbor.test"), ("role", "administrator")];
    admin.post("/oms/staff", &fields).await;
    let first = link_of(&test.deliver().await[0], "/oms/enrol");
    assert_eq!(test.browser().get(&first).await.status, 303);
    let sql = "SELECT id FROM staff WHERE email_key = 'nell@harbor.test'";
    let id: String = test.app.db.row(sql, vec![]).await.unwrap().unwrap().get("id");
    let again = admin.post(&format!("/oms/staff/{id}/reset"), &[]).await;
    assert_eq!(again.status, 303);
    assert_eq!(test.browser().get(&first).await.status, 410, "the first one has ended");
    let mails = test.deliver().await;
    assert!(text_of(&mails[0]).contains("invites you"), "{}", text_of(&mails[0]));
    let second = link_of(&mails[0], "/oms/enrol");
    test.wait(3 * 24 * 3600 - 1);
    assert_eq!(test.browser().get(&second).await.status, 303);
    // An administrator goes on to the second factor.
    let mut nell = test.browser();
    let done = choose(&mut nell, &second, NEW, "").await;
    assert_eq!(done.location(), "/oms/account/factor");
    enrol_factor(&test, &mut nell).await;
    assert_eq!(nell.get("/oms/staff").await.status, 200);
});

both!(who_is_disabled_is_out_at_once, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.seat(ADMIN).await;
    let mut agent = test.browser();
    login(&mut agent, AGENT, PASSWORD, "").await;
    let id = test.seat(AGENT).await.staff_id;
    let answer = admin.post(&format!("/oms/staff/{id}/disable"), &[]).await;
    assert_eq!(answer.location(), "/oms/staff?done=disabled");
    assert_eq!(agent.get("/oms/account").await.status, 303);
    assert_eq!(login(&mut agent, AGENT, PASSWORD, "").await.status, 401);
    assert_eq!(admin.post(&format!("/oms/staff/{id}/reset"), &[]).await.status, 422);
    admin.post(&format!("/oms/staff/{id}/enable"), &[]).await;
    assert_eq!(agent.get("/oms/account").await.status, 303, "the old session stays ended");
    assert_eq!(login(&mut agent, AGENT, PASSWORD, "").await.status, 303);
});

both!(a_new_role_starts_with_a_new_log_in, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.seat(ADMIN).await;
    let viewer = test.seat(VIEWER).await;
    let mut browser = viewer.browser.clone();
    let role = format!("/oms/staff/{}/role", viewer.staff_id);
    assert_eq!(admin.post(&role, &[("role", "king")]).await.status, 422);
    assert_eq!(browser.get("/oms/account").await.status, 200);
    let answer = admin.post(&role, &[("role", "administrator")]).await;
    assert_eq!(answer.location(), "/oms/staff?done=role");
    assert_eq!(browser.get("/oms/account").await.status, 303);
    let answer = login(&mut browser, VIEWER, PASSWORD, "").await;
    assert_eq!(answer.location(), "/oms/account/factor", "administrators need one");
    let detail = "SELECT COUNT(*) AS n FROM activity
                  WHERE action = 'staff.role_changed' AND detail LIKE '%\"to\":\"administrator\"%'";
    assert_eq!(test.count(detail).await, 1);
});

both!(the_last_administrator_stays, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.seat(ADMIN).await;
    let own = admin.staff_id.clone();
    let (role, disable) = (format!("/oms/staff/{own}/role"), format!("/oms/staff/{own}/disable"));
    for (path, fields) in [(&role, &[("role", "agent")][..]), (&disable, &[])] {
        let answer = admin.post(path, fields).await;
        assert_eq!(answer.status, 422, "{path}");
        assert!(answer.body.contains("nobody else could manage staff"), "{}", answer.body);
    }
    // A second one who has not chosen a password yet is none.
    let fields = [("name", "Nell"), ("email", "nell@harbor.test"), ("role", "administrator")];
    admin.post("/oms/staff", &fields).await;
    assert_eq!(admin.post(&disable, &[]).await.status, 422);
    assert_eq!(admin.get("/oms/staff").await.status, 200);
    // Two who remove each other at the same moment: one stays.
    let mut agent = test.seat(AGENT).await;
    admin.post(&format!("/oms/staff/{}/role", agent.staff_id), &[("role", "administrator")]).await;
    agent = test.seat(AGENT).await;
    let other = format!("/oms/staff/{}/disable", agent.staff_id);
    let (a, b) = tokio::join!(admin.post(&other, &[]), agent.post(&disable, &[]));
    let left = "SELECT COUNT(*) AS n FROM staff a JOIN staff_credential p ON p.staff_id = a.id
                WHERE a.role = 'administrator' AND a.disabled_at IS NULL";
    assert_eq!(test.count(left).await, 1, "{} {}", a.status, b.status);
});

both!(a_reset_ends_password_and_sessions_and_the_factor_if_asked, |db| async move {
    let test = TestApp::start(db).await;
    let mut admin = test.seat(ADMIN).await;
    let mut agent = test.browser();
    login(&mut agent, AGENT, PASSWORD, "").await;
    let id = test.seat(AGENT).await.staff_id;
    let (key, sealed, secret) = scan(&mut agent).await;
    let code = key.code(test.clock.now());
    let fields = [
        ("form_secret", &*secret),
        ("key", &sealed),
        ("code", &code),
        ("current_password", PASSWORD),
    ];
    assert_eq!(agent.post("/oms/account/factor", &fields).await.status, 200);
    test.deliver().await;
    test.wait(60);

    let reset = format!("/oms/staff/{id}/reset");
    assert_eq!(admin.post(&reset, &[]).await.location(), "/oms/staff?done=reset");
    assert_eq!(agent.get("/oms/account").await.status, 303);
    let code = key.code(test.clock.now());
    assert_eq!(login(&mut test.browser(), AGENT, PASSWORD, &code).await.status, 401);
    let mails = test.deliver().await;
    assert_eq!((mails.len(), &*mails[0].recipients[0]), (1, AGENT));
    let link = link_of(&mails[0], "/oms/enrol");
    assert_eq!(choose(&mut agent, &link, NEW, "").await.status, 422, "the factor is still there");
    let code = key.code(test.clock.now());
    assert_eq!(choose(&mut agent, &link, NEW, &code).await.status, 303);
    test.deliver().await;

    admin.post(&reset, &[("remove_factor", "1")]).await;
    let link = link_of(&test.deliver().await[0], "/oms/enrol");
    assert_eq!(choose(&mut agent, &link, PASSWORD, "").await.status, 303);
    assert_eq!(test.count("SELECT COUNT(*) AS n FROM staff_recovery_code").await, 0);
    let own = format!("/oms/staff/{}/reset", admin.staff_id);
    assert_eq!(admin.post(&own, &[]).await.status, 422, "not oneself");
});

both!(nobody_is_invited_by_an_agent_or_into_another_merchant, |db| async move {
    let test = TestApp::with(Options::new(db)).await;
    let mut agent = test.seat(AGENT).await;
    let fields = [("name", "Nell"), ("email", "nell@harbor.test"), ("role", "administrator")];
    assert_eq!(agent.post("/oms/staff", &fields).await.status, 403);
    let page = agent.get("/oms/staff").await.body;
    assert!(page.contains(ADMIN) && !page.contains("Invite a colleague"), "{page}");
    assert_eq!(test.waiting().await, 0);
    let sql = "INSERT INTO staff (id, merchant_id, email, email_key, login_key, name, role, created_at)
               SELECT 'foreign', merchant_id, 'f@n.test', 'f@n.test', 'x f@n.test', 'Foreigner', 'viewer', 0
               FROM store WHERE key = 'northwind'";
    test.exec(sql).await;
    let mut admin = test.seat(ADMIN).await;
    assert!(!admin.get("/oms/staff").await.body.contains("Foreigner"));
    assert_eq!(admin.post("/oms/staff/foreign/disable", &[]).await.status, 404);
    let alerts = "SELECT COUNT(*) AS n FROM activity WHERE action = 'access.foreign' AND alert = 1";
    assert_eq!(test.count(alerts).await, 1);
});
