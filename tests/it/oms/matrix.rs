//! Role × action × target, over every route of the back office, taken from the source text: one
//! that is added without an entry here fails.

use std::collections::BTreeSet;

use axum::http::Method;
use doorkey::args;
use doorkey::clock::HOUR;
use doorkey::store::Store;

use crate::support::desk::{ADMIN, AGENT, Seat, VIEWER};
use crate::support::routes::routes_in_the_source;
use crate::support::{TestApp, both};

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Administrator,
    Agent,
    Viewer,
    /// Logged in or not: the door itself.
    Nobody,
}
use Need::{Administrator, Agent, Nobody, Viewer};

/// Method, path, what the form posts beside its secret, and who may. In paths and fields,
/// `{customer}`, `{store}`, `{staff}` and `{suppression}` stand for ids, `{article}` for one of Help.
type Route = (&'static str, &'static str, &'static [(&'static str, &'static str)], Need);

const NOTHING: &[(&str, &str)] = &[];

const ROUTES: &[Route] = &[
    // Stores and settings
    ("GET", "/oms/stores", NOTHING, Viewer),
    ("GET", "/oms/stores/new", NOTHING, Administrator),
    ("POST", "/oms/stores/new", NOTHING, Administrator),
    ("GET", "/oms/stores/{store}", NOTHING, Viewer),
    ("POST", "/oms/stores/{store}", &[("name", "Changed")], Administrator),
    ("GET", "/oms/stores/{store}/logo", NOTHING, Viewer),
    ("POST", "/oms/stores/{store}/logo", NOTHING, Administrator),
    ("POST", "/oms/stores/{store}/logo/remove", NOTHING, Administrator),
    ("GET", "/oms/stores/{store}/mails/{kind}", NOTHING, Viewer),
    (
        "POST",
        "/oms/stores/{store}/mails/{kind}",
        &[("subject", "Changed"), ("body", "Changed\n{{ link }}")],
        Administrator,
    ),
    ("POST", "/oms/stores/{store}/mails/{kind}/reset", NOTHING, Administrator),
    ("GET", "/oms/stores/{store}/mails/{kind}/preview", NOTHING, Viewer),
    ("GET", "/oms/stores/{store}/mails/{kind}/html", NOTHING, Viewer),
    ("POST", "/oms/stores/{store}/mails/{kind}/draft", NOTHING, Administrator),
    ("GET", "/oms/stores/{store}/pages", NOTHING, Viewer),
    ("GET", "/oms/stores/{store}/pages/{*page}", NOTHING, Viewer),
    ("GET", "/oms/settings", NOTHING, Viewer),
    ("POST", "/oms/settings", &[("name", "Changed")], Administrator),
    ("POST", "/oms/settings/reminder", &[("mode", "link")], Administrator),
    ("GET", "/oms/customers/{customer}", NOTHING, Viewer),
    ("GET", "/oms/customers/{customer}/timeline", NOTHING, Viewer),
    ("GET", "/oms/customers/{customer}/timeline/live", NOTHING, Viewer),
    ("GET", "/oms", NOTHING, Nobody),
    ("GET", "/oms/login", NOTHING, Nobody),
    ("POST", "/oms/login", &[("email", VIEWER), ("password", "x")], Nobody),
    ("POST", "/oms/logout", NOTHING, Nobody),
    ("GET", "/oms/forgot", NOTHING, Nobody),
    ("POST", "/oms/forgot", &[("email", VIEWER)], Nobody),
    ("GET", "/oms/reset", NOTHING, Nobody),
    ("POST", "/oms/reset", &[("password", "x"), ("password_repeat", "x")], Nobody),
    ("GET", "/oms/enrol", NOTHING, Nobody),
    ("POST", "/oms/enrol", &[("password", "x"), ("password_repeat", "x")], Nobody),
    ("GET", "/oms/account", NOTHING, Viewer),
    ("POST", "/oms/account/password", &[("current_password", "x")], Viewer),
    ("POST", "/oms/account/sessions", &[("session", "others")], Viewer),
    ("GET", "/oms/account/factor", NOTHING, Viewer),
    ("POST", "/oms/account/factor", &[("code", "000000")], Viewer),
    ("POST", "/oms/account/factor/remove", &[("current_password", "x")], Viewer),
    ("POST", "/oms/account/codes", &[("current_password", "x")], Viewer),
    ("GET", "/oms/staff", NOTHING, Viewer),
    (
        "POST",
        "/oms/staff",
        &[("name", "Nell"), ("email", "nell@harbor.test"), ("role", "agent")],
        Administrator,
    ),
    ("POST", "/oms/staff/{staff}/role", &[("role", "agent")], Administrator),
    ("POST", "/oms/staff/{staff}/disable", NOTHING, Administrator),
    ("POST", "/oms/staff/{staff}/enable", NOTHING, Administrator),
    ("POST", "/oms/staff/{staff}/reset", NOTHING, Administrator),
    ("GET", "/oms/customers", NOTHING, Viewer),
    ("GET", "/oms/customers/new", NOTHING, Agent),
    (
        "POST",
        "/oms/customers/new",
        &[("email", "new@example.test"), ("last_name", "New"), ("home_store", "{store}")],
        Agent,
    ),
    ("GET", "/oms/customers/{customer}/edit", NOTHING, Agent),
    (
        "POST",
        "/oms/customers/{customer}/edit",
        &[("number", "H-9"), ("last_name", "New"), ("home_store", "{store}")],
        Agent,
    ),
    ("GET", "/oms/customers/{customer}/address", NOTHING, Agent),
    ("POST", "/oms/customers/{customer}/address", &[("email", "new@example.test")], Agent),
    ("POST", "/oms/customers/{customer}/block", NOTHING, Agent),
    ("POST", "/oms/customers/{customer}/unblock", NOTHING, Agent),
    ("POST", "/oms/customers/{customer}/sessions", NOTHING, Agent),
    ("GET", "/oms/activity", NOTHING, Viewer),
    ("GET", "/oms/activity.csv", NOTHING, Administrator),
    ("POST", "/oms/activity/read", &[("upto", "1")], Administrator),
    ("GET", "/oms/numbers", NOTHING, Viewer),
    ("GET", "/oms/email", NOTHING, Viewer),
    ("GET", "/oms/email/keys", NOTHING, Viewer),
    ("POST", "/oms/email/keys", &[("domain", "harbor.test")], Administrator),
    ("POST", "/oms/email/keys/rotate", &[("domain", "harbor.test")], Administrator),
    ("POST", "/oms/email/keys/activate", &[("domain", "harbor.test")], Administrator),
    ("GET", "/oms/email/doctor", NOTHING, Viewer),
    ("GET", "/oms/email/doctor/{domain}", NOTHING, Viewer),
    ("POST", "/oms/email/doctor/{domain}", NOTHING, Agent),
    ("POST", "/oms/email/probe", &[("store", "{store}"), ("to", "off")], Administrator),
    ("GET", "/oms/email/test", NOTHING, Viewer),
    (
        "POST",
        "/oms/email/test",
        &[("store", "{store}"), ("to", "address"), ("address", "me@example.test")],
        Agent,
    ),
    ("GET", "/oms/email/test/{test}", NOTHING, Viewer),
    ("POST", "/oms/email/test/{test}", &[("source", "Subject: x")], Agent),
    ("POST", "/oms/email/mails/{mail}/retry", NOTHING, Agent),
    ("POST", "/oms/email/mails/{mail}/cancel", NOTHING, Agent),
    ("GET", "/oms/email/suppressed", NOTHING, Viewer),
    ("POST", "/oms/email/suppressed/{suppression}/lift", NOTHING, Agent),
    ("POST", "/oms/customers/{customer}/reminder", NOTHING, Agent),
    // Tutorials and help
    ("GET", "/oms/tutorials", NOTHING, Viewer),
    ("POST", "/oms/tutorials/start", &[("tutorial", "email")], Viewer),
    ("GET", "/oms/tutorials/current", NOTHING, Viewer),
    ("POST", "/oms/tutorials/progress", &[("tutorial", "email"), ("step", "1")], Viewer),
    ("POST", "/oms/tutorials/stop", NOTHING, Viewer),
    ("GET", "/oms/tutorials/mail", NOTHING, Viewer),
    ("GET", "/oms/help", NOTHING, Viewer),
    ("GET", "/oms/help/{article}", NOTHING, Viewer),
];

fn routed() -> BTreeSet<(String, String)> {
    let mut found = routes_in_the_source();
    found.retain(|(_, path)| path == "/oms" || path.starts_with("/oms/"));
    found
}

#[test]
fn every_route_of_the_back_office_is_in_the_matrix() {
    let listed: BTreeSet<_> =
        ROUTES.iter().map(|(m, p, ..)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(listed, routed());
}

/// Ids of one merchant.
struct Ids {
    customer: String,
    store: String,
    staff: String,
    domain: String,
    test: String,
    mail: String,
    article: &'static str,
    suppression: String,
}

impl Ids {
    async fn of(test: &TestApp, store: &str, staff: &str) -> Self {
        let store = test.store(store);
        Self {
            customer: test.customer_id(&store.key, "ada@example.test").await,
            store: store.id.clone(),
            staff: test.seat(staff).await.staff_id,
            test: test_mail(test, &store).await,
            domain: store.sender.split_once('@').unwrap().1.into(),
            mail: failed_mail(test, &store.key).await,
            article: "phone",
            suppression: test.suppress(&store.key, "ada@example.test").await,
        }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{customer}", &self.customer)
            .replace("{store}", &self.store)
            .replace("{staff}", &self.staff)
            .replace("{domain}", &self.domain)
            .replace("{test}", &self.test)
            .replace("{kind}", "recovery")
            .replace("{mail}", &self.mail)
            .replace("{*page}", "en/login")
            .replace("{article}", self.article)
            .replace("{suppression}", &self.suppression)
    }
}

/// A test mail of this store, sent by nobody.
async fn test_mail(test: &TestApp, store: &Store) -> String {
    let id = doorkey::new_id();
    let sql = "INSERT INTO test_mail (id, merchant_id, store_id, staff_id, mark, address_sealed,
                  address_masked, created_at)
               VALUES ($1, $2, $3, 'x', 'K7QF-2M', $4, 'm', $5)";
    let now = test.clock.now();
    let values = args![&id, &store.merchant_id, &store.id, vec![0u8], now];
    test.app.db.exec(sql, values).await.unwrap();
    id
}

/// A mail about Ada's account that the mail server refused.
async fn failed_mail(test: &TestApp, store: &str) -> String {
    let (store, now) = (test.store(store), test.clock.now());
    let id = format!("failed-mail-{}", store.key);
    let ada = test.customer_id(&store.key, "ada@example.test").await;
    let sql = "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, customer_id,
                  priority, created_at, due_at, expires_at, attempts, settled_at, outcome, reply)
               VALUES ($1, 'password_changed', $2, $3, $4, $2, 1, $5, $5, $6, 1, $5, 'failed',
                  '550 no') ON CONFLICT (id) DO NOTHING";
    let args = args![&id, ada, &store.merchant_id, &store.id, now, now + HOUR];
    test.app.db.exec(sql, args).await.unwrap();
    id
}

async fn send(seat: &mut Seat, route: &Route, ids: &Ids, with_secret: bool) -> (u16, String) {
    let (method, path, fields, _) = route;
    let path = ids.fill(path);
    let answer = if *method == "GET" {
        seat.get(&path).await
    } else {
        let filled: Vec<_> = fields.iter().map(|(n, v)| (*n, ids.fill(v))).collect();
        let fields: Vec<_> = filled.iter().map(|(n, v)| (*n, v.as_str())).collect();
        if with_secret {
            seat.post(&path, &fields).await
        } else {
            seat.browser.post(&path, &fields).await
        }
    };
    (answer.status, answer.location().to_owned())
}

/// What changes when something is done: rows in the tables that staff change.
async fn state(test: &TestApp) -> Vec<i64> {
    let mut all = Vec::new();
    for sql in [
        "SELECT COUNT(*) AS n FROM outbox",
        "SELECT COUNT(*) AS n FROM reminder",
        "SELECT COUNT(*) AS n FROM activity WHERE action <> 'access.foreign'",
        "SELECT COUNT(*) AS n FROM customer WHERE blocked_at IS NOT NULL",
        "SELECT COUNT(*) AS n FROM staff WHERE disabled_at IS NOT NULL",
        "SELECT COUNT(*) AS n FROM address_change",
        "SELECT COUNT(*) AS n FROM dkim_key",
        "SELECT COUNT(*) AS n FROM suppression WHERE ended_at IS NULL",
    ] {
        all.push(test.count(sql).await);
    }
    all
}

both!(each_role_may_what_it_may_and_no_more, |db| async move {
    // Looking and being refused change nothing, so those share a database; whoever may do
    // something does it in one where nothing has been done yet.
    let shared = TestApp::start(db).await;
    let shared_ids = Ids::of(&shared, "harbor", VIEWER).await;
    for (email, role) in [(ADMIN, Administrator), (AGENT, Agent), (VIEWER, Viewer)] {
        let mut seat = shared.seat(email).await;
        for route in ROUTES.iter().filter(|r| r.3 != Nobody) {
            let name = format!("{} {} as {role:?}", route.0, route.1);
            let may = role <= route.3;
            let status = if may && route.0 == "POST" {
                let test = TestApp::start(db).await;
                let ids = Ids::of(&test, "harbor", VIEWER).await;
                send(&mut test.seat(email).await, route, &ids, true).await.0
            } else {
                let before = state(&shared).await;
                let (status, _) = send(&mut seat, route, &shared_ids, true).await;
                // The export alone leaves a line of its own, for who may have it.
                if !may || route.1 != "/oms/activity.csv" {
                    assert_eq!(state(&shared).await, before, "{name}");
                }
                status
            };
            if may {
                assert!((200..=422).contains(&status), "{name}: {status}");
                assert!(![403, 404, 405].contains(&status), "{name}: {status}");
            } else {
                assert_eq!(status, 403, "{name}");
            }
        }
    }
});

both!(another_merchants_ids_are_not_found_and_nothing_happens, |db| async move {
    let test = TestApp::start(db).await;
    let own = Ids::of(&test, "harbor", VIEWER).await;
    let sql = "INSERT INTO staff (id, merchant_id, email, email_key, login_key, name, role, created_at)
               SELECT 'foreign-staff', merchant_id, 'f@n.test', 'f@n.test', 'x f@n.test', 'F', 'viewer', 0
               FROM store WHERE key = 'northwind'";
    test.exec(sql).await;
    let foreign = Ids {
        customer: test.customer_id("northwind", "ada@example.test").await,
        store: test.store("northwind").id.clone(),
        staff: "foreign-staff".into(),
        domain: "northwind.test".into(),
        test: test_mail(&test, &test.store("northwind")).await,
        mail: failed_mail(&test, "northwind").await,
        article: "no-such",
        suppression: test.suppress("northwind", "ada@example.test").await,
    };
    let mut seat = test.seat(ADMIN).await;
    for route in ROUTES.iter().filter(|r| r.1.contains('{')) {
        let before = state(&test).await;
        let (status, _) = send(&mut seat, route, &foreign, true).await;
        assert_eq!(status, 404, "{} {}", route.0, route.1);
        assert_eq!(state(&test).await, before, "{} {}", route.0, route.1);
        let x = || "x".to_owned();
        let (domain, test_id, mail, suppression) = (x(), x(), x(), x());
        let unknown = Ids {
            customer: x(),
            store: x(),
            staff: x(),
            domain,
            test: test_id,
            mail,
            article: "x",
            suppression,
        };
        assert_eq!(send(&mut seat, route, &unknown, true).await.0, 404, "{} {}", route.0, route.1);
    }
    // The control: the same requests with ids of one's own are answered.
    for route in ROUTES.iter().filter(|r| r.1.contains('{') && r.0 == "GET") {
        assert_eq!(send(&mut seat, route, &own, true).await.0, 200, "{} {}", route.0, route.1);
    }
});

both!(without_a_session_or_a_secret_nothing_happens, |db| async move {
    let test = TestApp::start(db).await;
    let ids = Ids::of(&test, "harbor", VIEWER).await;
    for route in ROUTES.iter().filter(|r| r.3 != Nobody) {
        let name = format!("{} {}", route.0, route.1);
        let before = state(&test).await;
        let mut stranger = test.seat(ADMIN).await;
        stranger.browser = test.browser();
        let (status, location) = send(&mut stranger, route, &ids, true).await;
        assert_eq!(status, 303, "{name}");
        assert!(location.starts_with("/oms/login"), "{name}: {location}");
        if route.0 == "POST" {
            let mut seat = test.seat(ADMIN).await;
            let (status, _) = send(&mut seat, route, &ids, false).await;
            assert_eq!(status, 403, "{name} without the secret");
            let path = ids.fill(route.1);
            let foreign = [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")];
            let body = format!("form_secret={}", seat.secret).into_bytes();
            let answer = seat.browser.request(Method::POST, &path, Some(body), &foreign).await;
            assert_eq!(answer.status, 403, "{name} from another site");
            let is_page = ROUTES.iter().any(|r| r.0 == "GET" && r.1 == route.1);
            let looked = seat.get(&path).await.status;
            assert!(is_page || looked == 405, "{name} by GET: {looked}");
        }
        assert_eq!(state(&test).await, before, "{name}");
    }
});
