//! Addresses that look alike, fold alike or sort alike are different mailboxes, on every database
//! and under every locale.

use doorkey::address::EmailAddress;
use doorkey::args;
use doorkey::customer::{self, NewCustomer};
use doorkey::db;

use super::{ADA, Database, Options, PASSWORD, TestApp, both, patient, recipients, unlimited};

/// Twins: different mailboxes that a lenient comparison would take for one.
const TWINS: &[[&str; 2]] = &[
    ["mike@example.test", "mike@ex\u{430}mple.test"], // Cyrillic a
    ["mike@github.test", "mike@g\u{131}thub.test"],   // dotless i
    ["mike@istanbul.test", "mike@\u{131}stanbul.test"], // what I folds to in Turkish
    ["mike@resume.test", "mike@r\u{e9}sum\u{e9}.test"], // accents
    ["mike@strasse.test", "mike@stra\u{df}e.test"],   // sharp s
    ["mike@aether.test", "mike@\u{e6}ther.test"],     // the ligature that is a letter
    ["mike@oslo.test", "mike@\u{f8}slo.test"],
    ["mike@paypal.test", "mike@paypa\u{142}.test"],
    ["mike@b\u{fc}cher.test", "mike@buecher.test"],
    ["mike.1@example.test", "mike-1@example.test"], // punctuation that collations skip
    ["mike+1@example.test", "mike1@example.test"],
    ["mike_1@example.test", "mike1_@example.test"],
];

/// Spellings that are no address at all, though much of the world's software reads Ada's in them.
const DISGUISES: &[&str] = &[
    "\u{e0}da@example.test",   // accent
    "\u{430}da@example.test",  // Cyrillic a
    "ad\u{ff41}@example.test", // full-width a
    "\u{ff41}\u{ff44}\u{ff41}@example.test",
    "ada\u{ff20}example.test",  // full-width at
    "ada@\u{ff45}xample.test",  // full-width e
    "ada@example\u{3002}test",  // ideographic full stop
    "ada@exam\u{ad}ple.test",   // soft hyphen
    "ada@exam\u{200b}ple.test", // zero-width space
    "ada@exam\u{200d}ple.test", // zero-width joiner
    "ada@example.te\u{17f}t",   // long s
    "ada@\u{24d4}xample.test",  // circled e
    "ada@ex\u{1d41a}mple.test", // mathematical a
    "\u{202e}ada@example.test", // right-to-left override
    "\u{feff}ada@example.test",
    "\u{a0}ada@example.test",
    "ada@example.test\u{a0}",
    "\u{200b}ada@example.test",
    "ada@example.test\u{200b}",
    "a\u{200b}da@example.test",
    "\u{3000}ada@example.test",
    "\tada@example.test",
    "ada@example.test\n",
    "ada @example.test",
    "ada@ example.test",
    "a da@example.test",
    "ada@example\u{2024}test", // one dot leader
    "ada@xn--example-.test",   // punycode that decodes to plain ASCII
    "ada@XN--EXAMPLE-.test",
    "ada@xn--example.test",
    "ada@xn--.test",
    "ada@example.xn--test-",
    "ada@xn--exmple-4nf\u{e9}.test",
];

/// Adds both of a pair, asks for each, and finds each in its own mailbox.
async fn assert_apart(test: &TestApp, [one, other]: &[&str; 2]) {
    for email in [one, other] {
        test.add_customer("harbor", email, Some(PASSWORD)).await;
    }
    for (typed, twin) in [(one, other), (other, one)] {
        let stored = EmailAddress::parse(typed).unwrap();
        assert_ne!(stored.key(), EmailAddress::parse(twin).unwrap().key(), "{one} {other}");
        test.wait(2);
        for typed in [(*typed).to_owned(), stored.as_str().to_ascii_uppercase()] {
            assert_eq!(test.browser().forgot("harbor", &typed).await.status, 202, "{typed}");
            let mails = test.deliver().await;
            assert_eq!(mails.len(), 1, "{typed}");
            assert_eq!(mails[0].recipients, [stored.as_str()], "{typed}");
            test.wait(2);
        }
    }
}

async fn assert_all_apart(options: Options) {
    let test = TestApp::with(unlimited(options)).await;
    for pair in TWINS {
        assert_apart(&test, pair).await;
    }
    // Asked for alone, neither of a pair triggers mail to a customer who has the other.
    test.add_customer("harbor", "ivy@example.test", Some(PASSWORD)).await;
    for typed in ["\u{131}vy@example.test", "IVY@EXAMPLE.TE\u{15e}T", "ivy@\u{e9}xample.test"] {
        test.browser().forgot("harbor", typed).await;
        assert!(test.deliver().await.is_empty(), "{typed}");
    }
    assert_eq!(test.browser().forgot("harbor", "IVY@EXAMPLE.TEST").await.status, 202);
    assert_eq!(test.deliver().await.len(), 1);
}

both!(twins_are_different_customers_with_different_mail, |db| async move {
    assert_all_apart(Options::new(db)).await;
});

/// Locales of the C library that this machine has, of those whose rules differ most.
fn installed() -> Vec<&'static str> {
    let output = std::process::Command::new("locale").arg("-a").output();
    let known =
        output.map(|o| String::from_utf8_lossy(&o.stdout).to_lowercase()).unwrap_or_default();
    let wanted = [
        ("c.utf8", "LOCALE 'C.UTF-8'"),
        ("en_us.utf8", "LOCALE 'en_US.UTF-8'"),
        ("tr_tr.utf8", "LOCALE 'tr_TR.UTF-8'"),
    ];
    let has = |name: &str| known.lines().any(|line| line == name);
    wanted.into_iter().filter(|(name, _)| has(name)).map(|(_, words)| words).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twins_stay_apart_under_every_locale_of_postgresql() {
    let mut locales = installed();
    locales.extend([
        "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'",
        "LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C'",
        // Told to skip accents, case and punctuation when comparing.
        "LOCALE_PROVIDER icu ICU_LOCALE 'und-u-ks-level1-ka-shifted' LOCALE 'C'",
    ]);
    for locale in locales {
        println!("{locale}");
        assert_all_apart(Options { locale, ..Options::new(Database::Postgres) }).await;
    }
}

both!(a_disguised_address_is_no_address, |db| async move {
    let test = patient(db).await;
    for typed in DISGUISES {
        let answer = test.browser().forgot("harbor", typed).await;
        assert_eq!(answer.status, 400, "{typed:?}");
        let answer = test.browser().register("harbor", typed, &[]).await;
        assert_eq!(answer.status, 422, "{typed:?}");
        let answer = test.browser().login("harbor", typed, PASSWORD).await;
        assert!([401, 429].contains(&answer.status), "{typed:?}");
    }
    assert_eq!(test.waiting().await, 0);
    assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
    test.deliver().await;
    assert_eq!(recipients(&test), ["RCPT TO:<ada@example.test>"]);
});

both!(a_domain_in_unicode_and_its_a_label_are_one, |db| async move {
    let test = patient(db).await;
    test.add_customer("harbor", "mike@b\u{fc}cher.test", Some(PASSWORD)).await;
    let spellings = [
        "mike@b\u{fc}cher.test",
        "mike@B\u{dc}CHER.test",
        "mike@bu\u{308}cher.test",
        "mike@xn--bcher-kva.test",
        "MIKE@XN--BCHER-KVA.TEST",
    ];
    for typed in spellings {
        assert_eq!(test.browser().forgot("harbor", typed).await.status, 202, "{typed}");
        let mails = test.deliver().await;
        assert_eq!(mails.len(), 1, "{typed}");
        assert_eq!(mails[0].recipients, ["mike@xn--bcher-kva.test"]);
        test.wait(2);
    }
});

both!(one_address_is_one_customer_of_a_merchant, |db| async move {
    let test = TestApp::start(db).await;
    let store = test.store("harbor-trade");
    let customers = "SELECT COUNT(*) AS n FROM customer";
    let before = test.count(customers).await;
    for spelling in ["ada@example.test", "ADA@example.test", " Ada@EXAMPLE.TEST "] {
        let email = EmailAddress::parse(spelling).unwrap();
        let new = NewCustomer {
            number: None,
            email: &email,
            first_name: "Guest",
            last_name: "Checkout",
            company: "",
            phone: "",
            language: None,
            home_store_id: &store.id,
            password_hash: None,
        };
        let mut tx = test.app.db.begin().await.unwrap();
        let added = customer::add(&mut tx, &store.merchant_id, &new, test.clock.now()).await;
        assert!(added.is_err_and(|error| db::is_taken(&error)), "{spelling}");
    }
    assert_eq!(test.count(customers).await, before);
    // The same address at another merchant is somebody else, with a password of their own.
    let link = test.link("northwind", ADA).await;
    assert_eq!(test.browser().set_password(&link, "a brand new teapot").await.status, 303);
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
    assert_eq!(test.browser().login("northwind", ADA, PASSWORD).await.status, 401);
    let rows = test.app.db.rows("SELECT email_key FROM customer WHERE email_key = $1", args![ADA]);
    assert_eq!(rows.await.unwrap().len(), 2);
});
