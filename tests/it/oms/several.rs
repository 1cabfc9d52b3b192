//! One address at several merchants: an account with each, and none that tells of another.

use doorkey::address::EmailAddress;
use doorkey::args;
use doorkey::staff::{self, Role};

use super::door::login;
use super::forgotten::choose;
use crate::support::app::{PASSWORD, link_of, text_of};
use crate::support::desk::{ADMIN, AGENT, Seat};
use crate::support::face::Face;
use crate::support::{Answer, Browser, TestApp, both};

const BOSS: &str = "boss@northwind.test";
const THERE: &str = "eight loud teapots";

/// An administrator of the other merchant.
async fn northwind(test: &TestApp) -> Seat {
    let now = test.clock.now();
    let merchant = test.store("northwind").merchant_id.clone();
    let address = EmailAddress::parse(BOSS).unwrap();
    let mut tx = test.app.db.begin().await.unwrap();
    staff::add(&mut tx, &merchant, &address, "Bo", Role::Administrator, None, now).await.unwrap();
    tx.commit().await.unwrap();
    test.seat(BOSS).await
}

/// Logs in at one merchant's.
async fn login_at(browser: &mut Browser, merchant: &str, email: &str, password: &str) -> Answer {
    let fields = [("email", email), ("password", password), ("merchant", merchant)];
    browser.post("/oms/login", &fields).await
}

/// Invites somebody, and gives what the inviter sees then.
async fn invite(seat: &mut Seat, email: &str) -> (Answer, String) {
    let fields = [("name", "Pat Twice"), ("email", email), ("role", "agent")];
    let answer = seat.post("/oms/staff", &fields).await;
    (answer, seat.get("/oms/staff").await.body)
}

both!(an_invitation_tells_nothing_about_other_merchants, |db| async move {
    let test = TestApp::start(db).await;
    let mut boss = northwind(&test).await;
    let (known, list) = invite(&mut boss, AGENT).await;
    let (unknown, other_list) = invite(&mut boss, "nobody@harbor.test").await;
    assert_eq!((known.status, known.location()), (303, "/oms/staff?done=invited"));
    assert_eq!(Face::of(&known), Face::of(&unknown));
    assert!(list.contains(AGENT) && list.contains("Invited"), "{list}");
    assert!(other_list.contains("nobody@harbor.test"));
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 2);
    for mail in &mails {
        assert!(text_of(mail).contains("Northwind Tea"), "{}", text_of(mail));
        assert!(!text_of(mail).contains("Harbor"), "{}", text_of(mail));
    }
    // The control: a colleague's address is taken, whatever its case.
    let (again, _) = invite(&mut boss, "Agent@Harbor.test").await;
    assert_eq!(again.status, 422);
    assert!(again.body.contains("A colleague has this address already."), "{}", again.body);

    // An invitation that nobody took up does not come between the person and their merchant.
    let mut agent = test.browser();
    assert_eq!(login(&mut agent, AGENT, PASSWORD, "").await.status, 303);
    assert!(agent.get("/oms/account").await.body.contains("Robin Agent"));
});

both!(two_accounts_with_one_address_are_two_people_to_the_program, |db| async move {
    let test = TestApp::start(db).await;
    let mut boss = northwind(&test).await;
    test.wait(1);
    invite(&mut boss, AGENT).await;
    let mails = test.deliver().await;
    let page = text_of(&mails[0]).lines().find(|l| l.contains("/oms/login")).unwrap().to_owned();
    assert!(page.ends_with("/oms/login?merchant=northwind-tea"), "{page}");
    let mut there = test.browser();
    let done = choose(&mut there, &link_of(&mails[0], "/oms/enrol"), THERE, "").await;
    assert_eq!(done.status, 303, "{}", done.body);
    test.deliver().await;
    assert!(there.get("/oms/account").await.body.contains("Pat Twice"));
    let form = test.browser().get(&page).await.body;
    assert!(form.contains("value=\"northwind-tea\"") && form.contains("<details open>"), "{form}");

    // Each password opens its own merchant alone.
    let here = test.browser();
    for (n, (merchant, password, status)) in [
        ("", PASSWORD, 303),
        ("harbor-goods", PASSWORD, 303),
        ("Northwind-Tea ", THERE, 303),
        ("northwind-tea", PASSWORD, 401),
        ("harbor-goods", THERE, 401),
        ("", THERE, 401),
        ("nowhere", PASSWORD, 401),
    ]
    .into_iter()
    .enumerate()
    {
        // From a place of its own each, so that no failure slows the next.
        let place = [198, 51, 100, u8::try_from(n).unwrap()];
        let mut browser = here.clone().from_address(place);
        let answer = login_at(&mut browser, merchant, AGENT, password).await;
        assert_eq!(answer.status, status, "{merchant} {password}");
    }
    // What ends here goes on there.
    let mut admin = test.seat(ADMIN).await;
    let sql = "SELECT a.id FROM staff a JOIN merchant m ON m.id = a.merchant_id
               WHERE a.email_key = $1 AND m.key = 'harbor-goods'";
    let row = test.app.db.row(sql, args![AGENT]).await.unwrap().unwrap();
    let path = format!("/oms/staff/{}/disable", row.get::<String>("id"));
    assert_eq!(admin.post(&path, &[]).await.status, 303);
    assert_eq!(there.get("/oms/account").await.status, 200);
    let mut elsewhere = test.browser().from_address([198, 51, 100, 77]);
    assert_eq!(login(&mut elsewhere, AGENT, PASSWORD, "").await.status, 401);
    assert_eq!(login(&mut elsewhere, AGENT, THERE, "").await.status, 303, "the one that is left");
});

both!(a_forgotten_password_is_mailed_for_each_merchant, |db| async move {
    let test = TestApp::start(db).await;
    let mut boss = northwind(&test).await;
    invite(&mut boss, AGENT).await;
    let link = link_of(&test.deliver().await[0], "/oms/enrol");
    choose(&mut test.browser(), &link, THERE, "").await;
    test.deliver().await;
    let answer = test.browser().post("/oms/forgot", &[("email", AGENT)]).await;
    let nobody = test.browser().post("/oms/forgot", &[("email", "nobody@x.test")]).await;
    assert_eq!((answer.status, Face::of(&answer)), (202, Face::of(&nobody)));
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 2);
    let of = |name: &str| mails.iter().find(|mail| text_of(mail).contains(name)).unwrap();
    let link = link_of(of("Harbor Goods"), "/oms/reset");
    let done = choose(&mut test.browser(), &link, "nine calm harbours", "").await;
    assert_eq!(done.status, 303);
    assert_eq!(login(&mut test.browser(), AGENT, "nine calm harbours", "").await.status, 303);
    let there = login_at(&mut test.browser(), "northwind-tea", AGENT, THERE).await;
    assert_eq!(there.status, 303, "the other account has the password from before");
    // Each account has its own limit, and both hold.
    test.deliver().await;
    test.browser().post("/oms/forgot", &[("email", AGENT)]).await;
    assert_eq!(test.deliver().await.len(), 0, "within a minute");
});

both!(every_failure_looks_the_same_with_a_merchant_too, |db| async move {
    let test = TestApp::start(db).await;
    let mut faces = Vec::new();
    for (who, merchant, email, password) in [
        ("a wrong password", "harbor-goods", AGENT, "not this one"),
        ("works elsewhere", "northwind-tea", AGENT, PASSWORD),
        ("nobody", "harbor-goods", "nobody@harbor.test", PASSWORD),
        ("no such merchant", "harbor-tea---", AGENT, PASSWORD),
    ] {
        let answer = login_at(&mut test.browser(), merchant, email, password).await;
        assert_eq!(answer.status, 401, "{who}");
        faces.push((who, Face::of(&answer).without(email).without(merchant)));
    }
    for (who, face) in &faces[1..] {
        assert_eq!(*face, faces[0].1, "{who}");
    }
    for odd in ["\0", "' OR 1=1 --", &"x".repeat(5000)] {
        let mut elsewhere = test.browser().from_address([198, 51, 100, 7]);
        assert_eq!(login_at(&mut elsewhere, odd, AGENT, PASSWORD).await.status, 401);
    }
    let right = login_at(&mut test.browser(), "harbor-goods", AGENT, PASSWORD).await;
    assert_eq!(right.status, 303, "the control");
});
