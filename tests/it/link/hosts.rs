//! The request's host, over a real socket: one that is configured, or no answer.

use std::net::SocketAddr;

use doorkey::store::Access;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{ADA, ORIGIN, Options, PASSWORD, TestApp, add_store, both, browser_at, link_at};
use crate::support::app::reset_link;

/// The program behind a real HTTP listener.
async fn listen(test: &TestApp) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = test.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// Sends bytes as they stand and gives all that comes back until the connection ends.
async fn say(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A recovery request for Ada, with these lines for a host.
fn request(target: &str, lines: &str, captcha: &str) -> String {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("email", ADA), ("altcha", captcha)])
        .finish();
    format!(
        "POST {target} HTTP/1.1\r\n{lines}Connection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
        body.len()
    )
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or(0)
}

const FORGOT: &str = "/s/harbor/forgot";

/// Target, header lines, answer.
const HOSTS: &[(&str, &str, u16)] = &[
    (FORGOT, "Host: evil.test\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:8080.evil.test\r\n", 421),
    (FORGOT, "Host: evil.127.0.0.1:8080\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:1@evil.test\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:8080@evil.test\r\n", 421),
    (FORGOT, "Host: evil.test@127.0.0.1:8080\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:evil\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:8081\r\n", 421),
    (FORGOT, "Host: 127.0.0.1\r\n", 421),
    (FORGOT, "Host: localhost:8080\r\n", 421),
    (FORGOT, "Host: [::1]:8080\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:8080.\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:8080, evil.test\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:8080 evil.test\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:8080/evil.test\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:8080#evil.test\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:8080?evil.test\r\n", 421),
    (FORGOT, "Host: 127.0.0.1:8080\\evil.test\r\n", 421),
    (FORGOT, "Host: http://127.0.0.1:8080\r\n", 421),
    (FORGOT, "Host: \r\n", 421),
    (FORGOT, "", 400),
    (FORGOT, "X-Forwarded-Host: 127.0.0.1:8080\r\n", 400),
    (FORGOT, "Host: 127.0.0.1:8080\r\nHost: 127.0.0.1:8080\r\n", 400),
    (FORGOT, "Host: 127.0.0.1:8080\r\nHost: evil.test\r\n", 400),
    (FORGOT, "Host: evil.test\r\nHost: 127.0.0.1:8080\r\n", 400),
    (FORGOT, "Host: 127.0.0.1:8080\r\n evil.test\r\n", 400),
    (FORGOT, " Host: evil.test\r\nHost: 127.0.0.1:8080\r\n", 400),
    (FORGOT, "Host : evil.test\r\nHost: 127.0.0.1:8080\r\n", 400),
    ("http://evil.test/s/harbor/forgot", "Host: 127.0.0.1:8080\r\n", 400),
    ("http://127.0.0.1:8080/s/harbor/forgot", "Host: evil.test\r\n", 400),
    ("http://evil.test/s/harbor/forgot", "Host: evil.test\r\n", 421),
    ("http://evil.test@127.0.0.1:8080/s/harbor/forgot", "Host: 127.0.0.1:8080\r\n", 400),
    ("http://127.0.0.1:8080@evil.test/s/harbor/forgot", "Host: 127.0.0.1:8080\r\n", 400),
    ("//evil.test/s/harbor/forgot", "Host: 127.0.0.1:8080\r\n", 404),
];

both!(only_a_configured_host_is_answered, |db| async move {
    let test = TestApp::start(db).await;
    let address = listen(&test).await;
    let captcha = test.browser().solve("harbor").await;
    for (target, lines, wanted) in HOSTS {
        let answer = say(address, &request(target, lines, &captcha)).await;
        assert_eq!(status(&answer), *wanted, "{target} {lines:?}: {answer}");
        assert!(!answer.contains("evil.test"), "{target} {lines:?}: {answer}");
    }
    assert_eq!(test.waiting().await, 0, "nothing was taken");
    // Control: the same request to the right host, in both forms of a target.
    let right = "Host: 127.0.0.1:8080\r\n";
    let answer = say(address, &request(FORGOT, right, &captcha)).await;
    assert_eq!(status(&answer), 202, "{answer}");
    let captcha = test.browser().solve("harbor").await;
    let target = format!("{ORIGIN}{FORGOT}");
    assert_eq!(status(&say(address, &request(&target, right, &captcha)).await), 202);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    assert!(reset_link(&mails[0]).starts_with(&format!("{ORIGIN}/s/harbor/reset?token=")));
});

both!(each_request_of_a_connection_has_its_own_host, |db| async move {
    let test = TestApp::start(db).await;
    let address = listen(&test).await;
    let captcha = test.browser().solve("harbor").await;
    let first = "GET /s/harbor/login HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
    let second = request(FORGOT, "Host: evil.test\r\n", &captcha);
    let answer = say(address, &format!("{first}{second}")).await;
    assert_eq!(status(&answer), 200);
    assert_eq!(answer.matches("HTTP/1.1 421 ").count(), 1, "{answer}");
    assert_eq!(test.waiting().await, 0);
    let second = request(FORGOT, "Host: 127.0.0.1:8080\r\n", &captcha);
    let answer = say(address, &format!("{first}{second}")).await;
    assert_eq!(answer.matches("HTTP/1.1 202 ").count(), 1, "{answer}");
    assert_eq!(test.waiting().await, 1);
});

both!(the_machine_itself_is_led_to_the_configured_address, |db| async move {
    let test = TestApp::start(db).await;
    for host in ["localhost:8080", "127.0.0.1:9999", "[::1]:8080"] {
        let mut browser = test.browser().with_header("host", host);
        for path in ["/s/harbor/login", "//evil.test/", "/\\evil.test"] {
            let answer = browser.get(path).await;
            assert_eq!(answer.status, 307, "{host}{path}");
            assert!(answer.location().starts_with(&format!("{ORIGIN}/")), "{}", answer.location());
        }
    }
    let mut stranger = test.browser().with_header("host", "localhost.evil.test:8080");
    assert_eq!(stranger.get("/s/harbor/login").await.status, 421);
});

both!(a_store_answers_at_its_base_url_and_nowhere_else, |db| async move {
    let test = TestApp::start(db).await;
    add_store(&test, "tea", "https://tea.example.test", Access::Public).await;
    add_store(&test, "cups", "https://brand.example.test:8443/cups", Access::Public).await;
    let table = [
        ("https://tea.example.test", "/login", 200),
        ("https://tea.example.test:443", "/login", 200),
        ("https://tea.example.test:8443", "/login", 421),
        ("https://tea.example.test", "/s/tea/login", 404),
        ("https://tea.example.test", "/s/harbor/login", 404),
        ("https://tea.example.test", "/cups/login", 404),
        ("https://brand.example.test:8443", "/cups/login", 200),
        ("https://brand.example.test:8443", "/login", 404),
        ("https://brand.example.test:8443", "/cupsandmore/login", 404),
        ("https://brand.example.test:8443", "/s/cups/login", 404),
        ("https://brand.example.test", "/cups/login", 421),
        (ORIGIN, "/s/harbor/login", 200),
        (ORIGIN, "/s/tea/login", 404),
        (ORIGIN, "/s/cups/login", 404),
        (ORIGIN, "/login", 404),
        (ORIGIN, "/s/nosuch/login", 404),
        (ORIGIN, "/s//login", 404),
        (ORIGIN, "/S/harbor/login", 404),
        (ORIGIN, "/s/Harbor/login", 404),
        (ORIGIN, "/s/harbor/../tea/login", 404),
    ];
    for (origin, path, wanted) in table {
        let answer = browser_at(&test, origin).get(path).await;
        assert_eq!(answer.status, wanted, "{origin}{path}");
    }
    let page = browser_at(&test, "https://tea.example.test").get("/login").await;
    assert!(page.body.contains("Store tea") && page.body.contains("action=\"/login\""));
});

both!(a_default_port_in_a_base_url_is_no_other_host, |db| async move {
    let test = TestApp::start(db).await;
    add_store(&test, "tea", "https://tea.example.test:443", Access::Public).await;
    let mut browser = browser_at(&test, "https://tea.example.test");
    assert_eq!(browser.get("/login").await.status, 200);
    let login = [("email", ADA), ("password", PASSWORD)];
    assert_eq!(browser.post("/login", &login).await.status, 303);
    let link = link_at(&test, &mut browser, "", &[]).await;
    assert!(link.starts_with("https://tea.example.test/reset?token="), "{link}");
    let options = Options::new(db).set("oms_url", "https://OMS.example.test:443/");
    let test = TestApp::with(options).await;
    let mut browser = browser_at(&test, "https://oms.example.test");
    assert_eq!(browser.get("/assets/store.css").await.status, 200);
});
