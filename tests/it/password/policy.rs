//! One policy: registration, recovery, the account and the command line give the same verdict.

use std::io::Write;
use std::process::{Command, Stdio};

use doorkey::args;

use crate::support::app::{Database, Options, PASSWORD};
use crate::support::{TestApp, both};
use crate::token::{change_password, register};

/// Passwords and whether they are accepted of a customer with this address, called Noor Haddad.
fn candidates(email: &str) -> Vec<(String, bool)> {
    let local = email.split('@').next().unwrap();
    let phrase = "every gull over the quay wants a chip from the blue paper tonight, ";
    let long = |n| phrase.chars().cycle().take(n).collect::<String>();
    [
        ("kq7wzp1", false),
        ("kq7wzp1m", true),
        (&*long(64), true),
        (&*long(128), true),
        (&*long(1024), true),
        (&*long(1025), false),
        ("password1", false),
        ("Trustno1", false),
        ("harborcoffee", false),
        ("Harbor Goods 1", false),
        (email, false),
        (&*email.to_uppercase(), false),
        (&*format!("{local}-12"), false),
        ("NoorHaddad1", false),
        ("quietrivermossylantern", true),
        ("correct horse battery staple", true),
        ("🐙🦑🐠🐬🦀🐡🐳🐚", true),
        ("🐙🦑🐠🐬", false),
        ("   quay   gull   tar   ", true),
        ("          ", false),
        ("aaaaaaaaaaaa", false),
        ("qwertyuiop", false),
        ("пять синих якорей", true),
    ]
    .map(|(text, accepted)| (text.to_owned(), accepted))
    .to_vec()
}

/// `doorkey customer add … --password-stdin`: whether it took the password.
fn command_line(test: &TestApp, email: &str, company: &str, password: &str) -> bool {
    let company: &[&str] = if company.is_empty() { &[] } else { &["--company", company] };
    let mut child = Command::new(env!("CARGO_BIN_EXE_doorkey"))
        .args(["customer", "add", "harbor-goods", email, "--store", "harbor", "--password-stdin"])
        .args(["--first-name", "Noor", "--last-name", "Haddad"])
        .args(company)
        .env("DOORKEY_DATABASE_URL", &test.database_url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success() || said.contains("the password is refused"), "{said}");
    done.status.success()
}

/// Adds Noor Haddad with a password of her own.
async fn add(test: &TestApp, email: &str, company: &str) {
    let id = test.add_customer("harbor", email, Some(PASSWORD)).await;
    let sql = "UPDATE customer SET first_name = 'Noor', last_name = 'Haddad', company = $1
               WHERE id = $2";
    test.app.db.exec(sql, args![company, id]).await.unwrap();
}

async fn recovery(test: &TestApp, email: &str, password: &str) -> bool {
    let link = test.link("harbor", email).await;
    let status = test.browser().set_password(&link, password).await.status;
    assert!([303, 422].contains(&status), "{status}");
    test.deliver().await;
    status == 303
}

/// What the account page says of a new password, and what the meter said before.
async fn account(test: &TestApp, email: &str, password: &str) -> (bool, bool) {
    let mut browser = test.browser();
    assert_eq!(browser.login("harbor", email, PASSWORD).await.status, 303);
    let meter = browser.post("/s/harbor/password/check", &[("password", password)]).await;
    let said: serde_json::Value = serde_json::from_str(&meter.body).unwrap();
    assert_eq!(said["accepted"], said["reasons"].as_array().unwrap().is_empty());
    let status = change_password(&mut browser, PASSWORD, password).await.status;
    assert!([200, 422].contains(&status), "{status}");
    test.deliver().await;
    (status == 200, said["accepted"].as_bool().unwrap())
}

async fn registration(test: &TestApp, email: &str, password: &str) -> bool {
    let answer = register(&mut test.browser(), email, password).await;
    assert!([202, 422].contains(&answer.status), "{}", answer.body);
    test.deliver().await;
    answer.status == 202
}

both!(a_password_gets_the_same_verdict_everywhere, |db| async move {
    let test = TestApp::with(Options::new(db).set("limits.login_source_failures", 1000)).await;
    for i in 0..candidates("").len() {
        let at = |place: &str| format!("nh.kiln{i}@{place}.example");
        let wanted = candidates(&at("registration"))[i].1;
        let of = |place: &str| candidates(&at(place))[i].0.clone();
        let shown = of("any").chars().take(30).collect::<String>();
        let (email, password) = (at("registration"), of("registration"));
        assert_eq!(registration(&test, &email, &password).await, wanted, "registering: {shown}");
        let (email, password) = (at("recovery"), of("recovery"));
        add(&test, &email, "").await;
        assert_eq!(recovery(&test, &email, &password).await, wanted, "recovery: {shown}");
        let opens = test.browser().login("harbor", &email, &password).await.status == 303;
        assert_eq!(opens, wanted, "{shown}");
        let (email, password) = (at("account"), of("account"));
        add(&test, &email, "").await;
        let found = account(&test, &email, &password).await;
        assert_eq!(found, (wanted, wanted), "account and its meter: {shown}");
        if db == Database::Sqlite {
            let (email, password) = (at("command"), of("command"));
            let found = command_line(&test, &email, "", &password);
            assert_eq!(found, wanted, "command line: {shown}");
        }
    }
});

both!(the_customers_company_is_known_everywhere, |db| async move {
    let test = TestApp::start(db).await;
    for (password, wanted) in [("kaffebarbrygge", false), ("kaffebar by the brygge", true)] {
        let (company, at) = ("Kaffebar Brygge", |n: u8| format!("x{n}{wanted}@example.test"));
        add(&test, &at(1), company).await;
        assert_eq!(recovery(&test, &at(1), password).await, wanted, "recovery");
        add(&test, &at(2), company).await;
        assert_eq!(account(&test, &at(2), password).await, (wanted, wanted), "account");
        if db == Database::Sqlite {
            let found = command_line(&test, &at(3), company, password);
            assert_eq!(found, wanted, "command line");
        }
    }
});

both!(a_refusal_says_why_in_the_language_of_the_page, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", "ada@example.test").await;
    for (language, password, reason) in [
        ("en", "short", "Use at least 8 characters."),
        ("en", "password1", "It is one of the passwords that are tried first."),
        ("en", "harborcoffee1", "It is little more than the name of this store."),
        ("en", "ada.marsh", "It is little more than your own name, company, email, phone or"),
        ("en", &"x".repeat(1025), "That is longer than we can keep."),
        ("de", "short", "8 Zeichen"),
        ("es", "short", "8 caracteres"),
        ("fr", "short", "8 caractères"),
    ] {
        let mut browser = test.browser().with_header("accept-language", language);
        let answer = browser.set_password(&link, password).await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains(reason), "{language} {reason}: {}", answer.body);
        // Nothing that was typed comes back.
        assert!(password.len() < 10 || !answer.body.contains(password), "{password}");
    }
});
