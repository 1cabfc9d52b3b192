//! Finding a customer: by what, in which order, page by page, and what whom it shows.

use doorkey::args;
use doorkey::fold::{fold, fold_number};

use crate::support::desk::{AGENT, Seat, VIEWER};
use crate::support::{TestApp, both};

/// A record of the merchant of `harbor`: first name, last name, company, number, address.
async fn add(test: &TestApp, whose: [&str; 5]) -> String {
    let [first, last, company, number, email] = whose;
    let id = test.add_customer("harbor", email, Some("a fine kettle of fish")).await;
    let mut tx = test.app.db.begin().await.unwrap();
    tx.exec(
        "UPDATE customer SET first_name = $1, last_name = $2, company = $3, number = $4,
            first_key = $5, last_key = $6, company_key = $7, number_key = $8 WHERE id = $9",
        args![
            first,
            last,
            company,
            number,
            fold(first),
            fold(last),
            fold(company),
            fold_number(number),
            &id
        ],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    id
}

/// The numbers of the customers on a page, in order.
fn numbers(page: &str) -> Vec<String> {
    let cells = page.split("<td class=\"mono\">").skip(1);
    cells.map(|cell| cell.split('<').next().unwrap().to_owned()).collect()
}

async fn find(seat: &mut Seat, q: &str) -> Vec<String> {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish();
    let answer = seat.get(&format!("/oms/customers?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    numbers(&answer.body)
}

both!(a_customer_is_found_by_whatever_the_caller_says, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    for (typed, number) in [
        ("marsh", "H-1001"),
        ("Mar", "H-1001"),
        ("  MARSH  ", "H-1001"),
        ("ada marsh", "H-1001"),
        ("Marsh, Ada", "H-1001"),
        ("ad mar", "H-1001"),
        ("ada@example.test", "H-1001"),
        ("ADA@", "H-1001"),
        ("H-1001", "H-1001"),
        ("h1001", "H-1001"),
        ("h 1001", "H-1001"),
        ("ostergard", "H-1004"),
        ("Østergå", "H-1004"),
        ("kaffebar ost", "H-1004"),
        ("okafor sons", "H-1002"),
        ("Okafor & S", "H-1002"),
        ("dagmar@", "H-1004"),
        ("emile laurent", "H-1005"),
        ("LAURENT É", "H-1005"),
    ] {
        assert_eq!(find(&mut seat, typed).await, [number], "{typed}");
    }
    for nobody in ["arsh", "ada laurent", "zzz", "@example.test", "…", "N-2001", "%", "_", "m%sh"]
    {
        assert_eq!(find(&mut seat, nobody).await, Vec::<String>::new(), "{nobody}");
    }
    let everybody = seat.get("/oms/customers").await;
    let by_last_name = ["H-1003", "H-1005", "H-1001", "H-1002", "H-1004"];
    assert_eq!(numbers(&everybody.body), by_last_name);
});

both!(what_is_named_exactly_comes_first_and_nobody_comes_twice, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    add(&test, ["Nele", "Zander", "", "Berg", "nele@example.test"]).await;
    add(&test, ["Berg", "Aalto", "Bergwerk", "B-2", "berg@example.test"]).await;
    add(&test, ["Ole", "Berg", "Berg & Berg", "Berg-9", "ole@example.test"]).await;
    add(&test, ["Anna", "Berg", "", "B-4", "anna@example.test"]).await;
    add(&test, ["Ina", "Berger", "", "B-5", "bergerin@example.test"]).await;
    let found = find(&mut seat, "berg").await;
    assert_eq!(found, ["Berg", "B-4", "Berg-9", "B-5", "B-2"], "number, last name, company");
    assert_eq!(find(&mut seat, "berg@example.test").await, ["B-2"]);
    assert_eq!(find(&mut seat, "berger").await, ["B-5"]);
    assert_eq!(find(&mut seat, "berg berg").await, ["Berg-9"], "as a company");
    assert_eq!(find(&mut seat, "berg-").await, ["Berg", "B-4", "Berg-9", "B-5", "B-2"]);
    assert_eq!(find(&mut seat, "berg aal").await, ["B-2"], "first and last name");
});

/// Follows the pages to the end.
async fn walk(seat: &mut Seat, first: &str) -> Vec<Vec<String>> {
    let (mut path, mut pages) = (first.to_owned(), Vec::new());
    loop {
        let answer = seat.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        pages.push(numbers(&answer.body));
        let Some((_, rest)) = answer.body.split_once("rel=\"next\" href=\"") else { return pages };
        path = rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
        assert!(pages.len() < 20, "it ends");
    }
}

both!(pages_hold_everybody_once_and_survive_garbage, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    // Forty with one last name, thirty whose company begins alike, ten of whom are both.
    for n in 0..60 {
        let last = if n < 40 { "Novak" } else { "Person" };
        let company = if n >= 30 { "Novak Hotels" } else { "" };
        let (number, email) = (format!("P-{n}"), format!("p{n}@example.test"));
        add(&test, ["Same", last, company, &number, &email]).await;
    }
    let pages = walk(&mut seat, "/oms/customers?q=novak").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [25, 25, 10]);
    let mut all = pages.concat();
    let is_last_name = |number: &String| number[2..].parse::<i32>().unwrap() < 40;
    assert!(all[..40].iter().all(is_last_name), "last names before companies: {all:?}");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 60, "nobody twice");
    let everybody = walk(&mut seat, "/oms/customers").await.concat();
    assert_eq!(everybody.len(), 65);
    let first = &walk(&mut seat, "/oms/customers?q=novak").await[0];
    let foreign = test.customer_id("northwind", "ada@example.test").await;
    let ada = test.customer_id("harbor", "ada@example.test").await;
    for garbage in [
        "x",
        "0",
        "9.x",
        "-1.x",
        ".",
        "0.",
        "%00",
        "'",
        &format!("0.{foreign}"),
        &format!("1.{ada}"),
    ] {
        let answer = seat.get(&format!("/oms/customers?q=novak&after={garbage}")).await;
        assert_eq!(answer.status, 200, "{garbage}");
        assert_eq!(&numbers(&answer.body), first, "{garbage}");
    }
});

both!(the_list_says_how_each_customer_stands, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(AGENT).await;
    test.add_customer("harbor", "new@example.test", None).await;
    test.exec("UPDATE customer SET frozen_at = 1 WHERE email_key = 'ben@example.test'").await;
    let ada = test.customer_id("harbor", "ada@example.test").await;
    seat.post(&format!("/oms/customers/{ada}/address"), &[("email", "x@example.test")]).await;
    for (q, badges) in [
        ("laurent", &["good\">active"][..]),
        ("blocked", &["bad\">blocked"]),
        ("okafor", &["warn\">frozen"]),
        ("new@", &["idle\">no password yet"]),
        ("marsh", &["good\">active", "warn\">address change pending"]),
    ] {
        let page = seat.get(&format!("/oms/customers?q={q}")).await.body;
        let found: Vec<_> = page.split("class=\"badge ").skip(1).collect();
        assert_eq!(found.len(), badges.len(), "{q}");
        for (found, badge) in found.iter().zip(badges) {
            assert!(found.starts_with(badge), "{q}: {found}");
        }
    }
    let page = seat.get("/oms/customers?q=okafor").await.body;
    assert!(page.contains("Harbor Trade") && page.contains("Okafor &#38; Sons"));
    let id = test.customer_id("harbor", "ben@example.test").await;
    assert!(page.contains(&format!("<a href=\"/oms/customers/{id}\">Okafor</a>")), "the link");
    // A change that can no longer be confirmed is none.
    test.wait(24 * 3600 + 1);
    let mut seat = test.seat(AGENT).await;
    assert!(!seat.get("/oms/customers?q=marsh").await.body.contains("address change pending"));
});

both!(a_viewer_finds_by_address_and_sees_it_masked, |db| async move {
    let test = TestApp::start(db).await;
    for n in 0..30 {
        test.add_customer("harbor", &format!("dora{n:02}@example.test"), None).await;
    }
    let (mut viewer, mut agent) = (test.seat(VIEWER).await, test.seat(AGENT).await);
    for q in ["ada@example.test", "marsh", "dora"] {
        let path = format!("/oms/customers?q={q}");
        let (seen, whole) = (viewer.get(&path).await.body, agent.get(&path).await.body);
        assert_eq!(numbers(&seen), numbers(&whole), "{q}");
        let after_form = seen.split_once("id=\"results\"").unwrap().1;
        let table = after_form.split_once("<table").unwrap().1;
        assert!(!table.contains("@example.test") && table.contains("•••@e•••.test"), "{q}");
        assert!(!table.contains("dora0"), "not in the links either");
        assert!(whole.contains("@example.test</td>"), "{q}");
    }
    assert!(!viewer.get("/oms/customers").await.body.contains("/oms/customers/new"));
    assert!(agent.get("/oms/customers").await.body.contains("/oms/customers/new"));
});

both!(finding_nobody_helps, |db| async move {
    let test = TestApp::start(db).await;
    let (mut agent, mut viewer) = (test.seat(AGENT).await, test.seat(VIEWER).await);
    let typed = "<b>Mårsch</b> & \"co\"";
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("q", typed).finish();
    let page = agent.get(&format!("/oms/customers?{query}")).await;
    assert_eq!(page.status, 200);
    for text in
        ["No customer found for", "spell the name", "customer number", "order confirmations"]
    {
        assert!(page.body.contains(text), "{text}");
    }
    assert!(!page.body.contains("<b>M") && page.body.contains("&#60;b&#62;Mårsch"), "escaped");
    assert!(page.body.contains("No customers</p>"), "told to screen readers");
    assert!(page.body.split("class=\"empty\"").nth(1).unwrap().contains("/oms/customers/new"));
    let page = viewer.get(&format!("/oms/customers?{query}")).await.body;
    assert!(page.contains("No customer found for") && !page.contains("/oms/customers/new"));
    // Longer than anything that is kept, control characters, and a field twice.
    let long = "ä".repeat(3000);
    assert!(find(&mut agent, &long).await.is_empty());
    assert!(find(&mut agent, "\0\u{1b}\u{202e}").await.is_empty());
    assert_eq!(agent.get("/oms/customers?q=a&q=b").await.status, 400);
});
