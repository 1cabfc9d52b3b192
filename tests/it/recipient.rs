//! To whom the mail goes: to the one address that is stored for the one account that was asked for,
//! whatever is typed, and however.

mod eligible;
mod envelope;
mod unicode;

use axum::http::Method;

use crate::support::app::{Database, PASSWORD};
use crate::support::face::Face;
use crate::support::{Answer, Options, TestApp, both};

const ADA: &str = "ada@example.test";
const FORGOT: &str = "/s/harbor/forgot";
const FORM: &str = "application/x-www-form-urlencoded";

/// Limits out of the way: these stories ask often.
async fn patient(db: Database) -> TestApp {
    TestApp::with(unlimited(Options::new(db))).await
}

fn unlimited(options: Options) -> Options {
    options
        .set("limits.mail_interval", 1)
        .set("limits.mail_per_hour", 10_000)
        .set("limits.mail_per_day", 10_000)
        .set("limits.address_requests", 10_000)
        .set("limits.source_requests", 10_000)
}

/// Posts a body as it stands.
async fn post_raw(test: &TestApp, kind: &str, body: &[u8]) -> Answer {
    let headers = [("content-type", kind), ("origin", "http://127.0.0.1:8080")];
    test.browser().request(Method::POST, FORGOT, Some(body.to_vec()), &headers).await
}

/// Everything that the mail server was told to deliver to, since the start.
fn recipients(test: &TestApp) -> Vec<String> {
    let commands = test.sink.commands();
    let verb = |line: &&String| line.to_uppercase().starts_with("RCPT");
    commands.iter().filter(verb).cloned().collect()
}

/// A solved captcha, percent-encoded for a form.
async fn captcha(test: &TestApp) -> String {
    let solved = test.browser().solve("harbor").await;
    url::form_urlencoded::byte_serialize(solved.as_bytes()).collect()
}

/// Bodies that are not one form with one address. `{c}` is a captcha that would do.
const MALFORMED: &[(&str, &str)] = &[
    (FORM, "email[]=ada@example.test&altcha={c}"),
    (FORM, "email[]=ada@example.test&email[]=evil@evil.test&altcha={c}"),
    (FORM, "email[0]=ada@example.test&email[1]=evil@evil.test&altcha={c}"),
    (FORM, "email[to]=ada@example.test&altcha={c}"),
    (FORM, "email=ada@example.test&email[]=evil@evil.test&altcha={c}"),
    (FORM, "email=ada@example.test&email=evil@evil.test&altcha={c}"),
    (FORM, "email=evil@evil.test&email=ada@example.test&altcha={c}"),
    (FORM, "email=ada@example.test&email=ada@example.test&altcha={c}"),
    (FORM, "email=ada@example.test&altcha={c}&email="),
    (FORM, "email=ada@example.test&Email=evil@evil.test&altcha={c}"),
    (FORM, "email=ada@example.test&EMAIL=evil@evil.test&altcha={c}"),
    (FORM, "email=ada@example.test&e%6dail=evil@evil.test&altcha={c}"),
    (FORM, "email=ada@example.test&email%00=evil@evil.test&altcha={c}"),
    (FORM, "email=ada@example.test&+email=evil@evil.test&altcha={c}"),
    (FORM, "email=ada@example.test&altcha={c}&altcha={c}"),
    (FORM, "email=ada@example.test%C3%28&altcha={c}"),
    (FORM, "altcha={c}"),
    (FORM, "{\"email\":\"ada@example.test\",\"altcha\":\"{c}\"}"),
    ("application/json", "{\"email\":\"ada@example.test\",\"altcha\":\"{c}\"}"),
    (
        "application/json",
        "{\"email\":[\"ada@example.test\",\"evil@evil.test\"],\"altcha\":\"{c}\"}",
    ),
    ("application/json", "{\"email\":{\"$ne\":null},\"altcha\":\"{c}\"}"),
    ("application/json", "{\"email\":null}"),
    ("application/json", "{\"email\":7}"),
    ("application/json", "{\"email\":true}"),
    ("text/plain", "email=ada@example.test&altcha={c}"),
    ("", "email=ada@example.test&altcha={c}"),
    (
        "multipart/form-data; boundary=x",
        "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nada@example.test\r\n--x--\r\n",
    ),
];

both!(only_one_form_with_one_address_is_a_request, |db| async move {
    let test = TestApp::start(db).await;
    let captcha = captcha(&test).await;
    let mut refusal = None;
    for (kind, body) in MALFORMED {
        let answer = post_raw(&test, kind, body.replace("{c}", &captcha).as_bytes()).await;
        assert_eq!(answer.status, 400, "{kind} {body}");
        let face = Face::of(&answer);
        assert_eq!(&face, refusal.get_or_insert(face.clone()), "one text: {kind} {body}");
    }
    assert_eq!(test.waiting().await, 0, "nothing was queued");
    // Control: the captcha in all of these would have done.
    let body = format!("email=ada%40example.test&altcha={captcha}");
    assert_eq!(post_raw(&test, FORM, body.as_bytes()).await.status, 202);
    assert_eq!(test.deliver().await.len(), 1);
    assert_eq!(recipients(&test), ["RCPT TO:<ada@example.test>"]);
});

both!(no_field_names_another_destination, |db| async move {
    let test = TestApp::start(db).await;
    let captcha = captcha(&test).await;
    let fields = [
        "to",
        "cc",
        "bcc",
        "recipient",
        "recipients",
        "reply_to",
        "reply-to",
        "from",
        "mail",
        "email2",
        "address",
        "username",
        "customer",
        "customer_id",
        "account",
        "destination",
        "store",
        "store_id",
        "merchant",
        "base_url",
        "url",
        "host",
        "link",
        "redirect",
        "next",
        "continue",
        "callback",
        "reset_url",
        "token",
        "subject",
        "language",
        "ttl",
        "admin",
    ];
    for field in fields {
        let body = format!("email=ada@example.test&altcha={captcha}&{field}=evil%40evil.test");
        let answer = post_raw(&test, FORM, body.as_bytes()).await;
        assert_eq!(answer.status, 400, "{field}");
    }
    assert_eq!(test.waiting().await, 0);
    // What stands in the address of the page is not a field of its form.
    let fields = format!("email=ada@example.test&altcha={captcha}");
    let url = format!("{FORGOT}?email=evil@evil.test&to=evil@evil.test&email[]=x&token=x");
    let headers = [("origin", "http://127.0.0.1:8080")];
    let body = Some(fields.into_bytes());
    assert_eq!(test.browser().request(Method::POST, &url, body, &headers).await.status, 202);
    assert_eq!(test.deliver().await.len(), 1);
    assert_eq!(recipients(&test), ["RCPT TO:<ada@example.test>"]);
});

/// What has made other programs send to two addresses, or to another one.
const TRICKS: &[&str] = &[
    "ada@example.test,evil@evil.test",
    "ada@example.test, evil@evil.test",
    "evil@evil.test,ada@example.test",
    "ada@example.test;evil@evil.test",
    "ada@example.test|evil@evil.test",
    "ada@example.test evil@evil.test",
    "ada@example.test\tevil@evil.test",
    "ada@example.test\nevil@evil.test",
    "ada@example.test\r\nevil@evil.test",
    "ada@example.test\r\nBcc: evil@evil.test",
    "ada@example.test\r\nRCPT TO:<evil@evil.test>",
    "ada@example.test\r\n.\r\nMAIL FROM:<x@evil.test>",
    "ada@example.test%0d%0aBcc:evil@evil.test",
    "ada@example.test\0evil@evil.test",
    "ada@example.test\0",
    "ada@example.test> <evil@evil.test",
    "ada@example.test> SIZE=1\r\nRCPT TO:<evil@evil.test",
    "<ada@example.test>",
    "<ada@example.test>,<evil@evil.test>",
    "Ada <ada@example.test>",
    "ada@example.test <evil@evil.test>",
    "evil@evil.test <ada@example.test>",
    "ada@example.test (evil@evil.test)",
    "(evil@evil.test) ada@example.test",
    "ada(evil)@example.test",
    "\"ada@example.test\"@evil.test",
    "\"evil@evil.test ada\"@example.test",
    "\"ada\"@example.test",
    "evil@evil.test@example.test",
    "ada@example.test@evil.test",
    "@evil.test:ada@example.test",
    "ada%evil.test@example.test",
    "evil.test!ada@example.test",
    "ada@[127.0.0.1]",
    "ada@127.0.0.1",
    "ada@example.test.",
    "ada@example.test.evil.test",
    "ada@evil.test#@example.test",
    "ada@evil.test?@example.test",
    "ada\\@example.test@evil.test",
    "group:ada@example.test,evil@evil.test;",
    "mailto:ada@example.test",
    "ada@example.test?cc=evil@evil.test",
    "ada@example.test/evil@evil.test",
    "=?utf-8?q?ada=40example.test?=",
    "ada@example.test'--",
    "ada@example.test' OR '1'='1",
    "%@example.test",
    "_da@example.test",
    "*@example.test",
    "[\"ada@example.test\",\"evil@evil.test\"]",
    "{\"$gt\":\"\"}",
    "",
    " ",
];

both!(no_separator_makes_two_addresses_of_one_field, |db| async move {
    let test = patient(db).await;
    for typed in TRICKS {
        let answer = test.browser().forgot("harbor", typed).await;
        assert!([202, 400].contains(&answer.status), "{typed:?}: {}", answer.status);
        assert_eq!(test.deliver().await.len(), 0, "{typed:?} is nobody's address");
        test.wait(2);
    }
    assert_eq!(recipients(&test), Vec::<String>::new());
    for typed in [ADA, " ada@example.test ", "ADA@EXAMPLE.TEST", "Ada@Example.Test"] {
        assert_eq!(test.browser().forgot("harbor", typed).await.status, 202, "{typed:?}");
        let mails = test.deliver().await;
        assert_eq!(mails.len(), 1, "{typed:?} is hers");
        assert_eq!(mails[0].recipients, [ADA]);
        test.wait(2);
    }
    assert_eq!(recipients(&test), vec!["RCPT TO:<ada@example.test>"; 4]);
});

both!(mail_goes_to_the_address_as_it_is_stored, |db| async move {
    let test = patient(db).await;
    test.add_customer("harbor", "Zoe.O'Neil+Shop@example.test", Some(PASSWORD)).await;
    for typed in ["zoe.o'neil+shop@example.test", "ZOE.O'NEIL+SHOP@EXAMPLE.TEST"] {
        assert_eq!(test.browser().forgot("harbor", typed).await.status, 202);
        let mails = test.deliver().await;
        assert_eq!(mails.len(), 1, "{typed}");
        assert_eq!(mails[0].recipients, ["Zoe.O'Neil+Shop@example.test"]);
        test.wait(2);
    }
    // Dots and tags name another mailbox, whatever some providers make of them.
    for typed in ["zoe.o'neil@example.test", "zoeo'neil+shop@example.test"] {
        assert_eq!(test.browser().forgot("harbor", typed).await.status, 202);
        assert!(test.deliver().await.is_empty(), "{typed}");
    }
});
