//! Name servers that fail, are slow, or lie: what is not known is said so, and nothing is believed.

use doorkey::mail::doctor::{Level, Topic};

use super::{DOMAIN, HOST, Ward, of, says};
use crate::support::app::Database;
use crate::support::dns::Fault;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_answered_is_not_known() {
    let ward = Ward::open(Database::Sqlite).await;
    for (fault, words) in [
        (Fault::ServFail, "SERVFAIL"),
        (Fault::Refused, "REFUSED"),
        (Fault::Silent, "no name server answered in time"),
    ] {
        ward.dns.fault(DOMAIN, fault);
        ward.dns.fault(&format!("_dmarc.{DOMAIN}"), fault);
        let found = ward.examine(DOMAIN).await;
        for topic in [Topic::Spf, Topic::Dmarc, Topic::Mx] {
            says(&of(&found, topic), Level::Unknown, words);
        }
    }
    ward.dns.clear(DOMAIN);
    ward.dns.clear(&format!("_dmarc.{DOMAIN}"));
    ward.dns.healthy(DOMAIN);
    assert_eq!(of(&ward.examine(DOMAIN).await, Topic::Spf).level, Level::Ok);
    // An include that is not answered leaves open whether the host may send.
    ward.dns.clear(DOMAIN);
    ward.dns.txt(DOMAIN, "v=spf1 include:slow.shop.test -all");
    ward.dns.fault("slow.shop.test", Fault::ServFail);
    says(&ward.check(Topic::Spf).await, Level::Unknown, "asking for slow.shop.test");
}

#[tokio::test(flavor = "multi_thread")]
async fn split_and_oversized_records_are_read_whole() {
    let ward = Ward::open(Database::Sqlite).await;
    // In pieces that break a term in the middle.
    let parts = ["v=spf1 ip4:192.", "0.2.10 -a", "ll"].map(str::to_owned);
    ward.dns.txt_parts(DOMAIN, parts.to_vec());
    says(&ward.check(Topic::Spf).await, Level::Ok, "pass by “ip4:192.0.2.10”");
    // More than fits a datagram: the answer comes over TCP.
    ward.dns.clear(DOMAIN);
    let many: String = (0..180).map(|n| format!("ip4:203.0.113.{n} ")).collect();
    ward.dns.txt(DOMAIN, &format!("v=spf1 {many}ip4:{HOST} -all"));
    says(&ward.check(Topic::Spf).await, Level::Ok, "pass by “ip4:192.0.2.10”");
    let asked = ward.dns.asked();
    let again = asked.iter().filter(|q| **q == format!("TXT {DOMAIN}.")).count();
    assert!(again > 2, "asked again over TCP: {asked:?}");
    // A text without end is cut, and is then no record.
    ward.dns.clear(DOMAIN);
    ward.dns.txt(DOMAIN, &format!("v=spf1 {}", "ip4:203.0.113.1 ".repeat(2000)));
    let check = ward.check(Topic::Spf).await;
    says(&check, Level::Fail, "more than 200 terms");
    assert!(check.details.iter().all(|line| line.chars().count() < 700), "{check:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn loops_end() {
    let ward = Ward::open(Database::Sqlite).await;
    ward.dns.txt(DOMAIN, "v=spf1 include:b.shop.test -all");
    ward.dns.txt("b.shop.test", "v=spf1 include:shop.test -all");
    says(&ward.check(Topic::Spf).await, Level::Fail, "include each other");
    ward.dns.clear(DOMAIN);
    ward.dns.txt(DOMAIN, "v=spf1 redirect=shop.test");
    says(&ward.check(Topic::Spf).await, Level::Fail, "include each other");
    // Aliases that lead to each other.
    ward.dns.clear(DOMAIN);
    ward.dns.cname(DOMAIN, "c.shop.test");
    ward.dns.cname("c.shop.test", DOMAIN);
    let found = ward.examine(DOMAIN).await;
    assert!(of(&found, Topic::Spf).level != Level::Ok, "{found:?}");
    // The control: an alias that leads somewhere is followed.
    ward.dns.clear("c.shop.test");
    ward.dns.healthy("c.shop.test");
    says(&ward.check(Topic::Spf).await, Level::Ok, "pass by");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_are_shown_harmless() {
    let ward = Ward::open(Database::Sqlite).await;
    let evil = "v=spf1 <script>alert(1)</script>\r\nSet-Cookie:x \u{202e}\u{0} -all";
    ward.dns.txt(DOMAIN, evil);
    ward.dns.txt(&format!("_dmarc.{DOMAIN}"), "v=DMARC1; p=<img src=x>\u{7}; rua=\u{1b}[31m");
    ward.dns.mx(DOMAIN, 10, "mx.shop.test");
    let found = ward.examine(DOMAIN).await;
    for check in &found.checks {
        let texts = [&check.found].into_iter().chain(&check.details);
        for text in texts.chain(check.publish.iter().map(|record| &record.value)) {
            assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
        }
    }
    says(&of(&found, Topic::Spf), Level::Fail, "a character that must not be there");
    // And on the page as text, never as HTML.
    let mut seat = ward.test.seat(crate::support::desk::AGENT).await;
    let path = format!("/oms/email/doctor/{DOMAIN}");
    assert_eq!(seat.post(&path, &[]).await.status, 303);
    let page = seat.get(&path).await.body;
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
}
