//! Each verdict, beside the one where all is well.

use doorkey::mail::dkim;
use doorkey::mail::doctor::{Level, Topic};

use super::{DOMAIN, HOST, Ward, of, says};
use crate::support::Options;
use crate::support::app::Database;

async fn ward() -> Ward {
    Ward::open(Database::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_domain_is_all_green_but_for_what_is_not_signed() {
    let ward = ward().await;
    ward.dns.healthy(DOMAIN);
    let found = ward.examine(DOMAIN).await;
    for topic in [Topic::Name, Topic::Spf, Topic::Dmarc, Topic::Mx, Topic::Ptr, Topic::Relay] {
        assert_eq!(of(&found, topic).level, Level::Ok, "{found:?}");
    }
    says(&of(&found, Topic::Spf), Level::Ok, "192.0.2.10: pass by “ip4:192.0.2.10” of shop.test");
    says(&of(&found, Topic::Ptr), Level::Ok, "out.sender.test");
    says(&of(&found, Topic::Dkim), Level::Warn, "does not sign");
    assert_eq!(found.level(), Level::Warn);
}

#[tokio::test(flavor = "multi_thread")]
async fn spf_says_which_term_decided_and_what_to_publish() {
    let ward = ward().await;
    let spf = async |text: &str| {
        ward.dns.clear(DOMAIN);
        ward.dns.txt(DOMAIN, text);
        ward.check(Topic::Spf).await
    };
    ward.dns.txt("_spf.relay.test", "v=spf1 ip4:192.0.2.0/24 -all");
    ward.dns.txt("half.relay.test", "v=spf1 ip4:203.0.113.0/24 -all");
    ward.dns.address("out.relay.test", HOST);
    ward.dns.mx("mail.relay.test", 5, "out.relay.test");
    ward.dns.address("10.2.0.192.in-addr.shop.test", "127.0.0.2");
    ward.dns.ptr(HOST, "out.relay.test");
    for text in [
        "v=spf1 include:_spf.relay.test -all",
        "v=spf1 redirect=_spf.relay.test",
        "v=spf1 a:out.relay.test -all",
        "v=spf1 mx:mail.relay.test -all",
        "v=spf1 exists:%{ir}.%{v}.%{d} -all",
        "v=spf1 include:half.relay.test ip4:192.0.2.10 -all",
        "v=spf1 ptr:relay.test -all",
    ] {
        says(&spf(text).await, Level::Ok, "pass by");
    }
    says(&spf("v=spf1 ptr:relay.test -all").await, Level::Ok, "uses ptr");
    let refused = spf("v=spf1 include:half.relay.test -all").await;
    says(&refused, Level::Fail, "fail by “-all” of shop.test");
    let record = &refused.publish[0];
    assert_eq!(record.value, "v=spf1 ip4:192.0.2.10 include:half.relay.test -all");
    says(&spf(&record.value).await, Level::Ok, "pass by “ip4:192.0.2.10”");
    says(&spf("v=spf1 ~all").await, Level::Fail, "softfail by “~all”");
    says(&spf("v=spf1 ip4:203.0.113.1").await, Level::Fail, "nothing in the record");
    says(&spf("v=spf1 +all").await, Level::Warn, "lets everybody send");
    says(&spf("v=spf1 ip4:192.0.2.10 ?all").await, Level::Ok, "?all");
    says(&spf("v=spf1 ip4:1.2.3 -all").await, Level::Fail, "is no IPv4 address");
    says(
        &spf("v=spf1 include:nothing.relay.test -all").await,
        Level::Fail,
        "which has no SPF record",
    );
    ward.dns.clear(DOMAIN);
    let none = ward.check(Topic::Spf).await;
    says(&none, Level::Fail, "has no SPF record");
    assert_eq!(none.publish[0].value, "v=spf1 ip4:192.0.2.10 ~all");
    ward.dns.txt(DOMAIN, "v=spf1 -all");
    ward.dns.txt(DOMAIN, "v=spf1 +all");
    says(&ward.check(Topic::Spf).await, Level::Fail, "has 2 SPF records");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_for_bounces_is_where_spf_counts_and_mail_comes_back() {
    let options = Options::new(Database::Sqlite)
        .set("doctor.sending_hosts", format!("[\"{HOST}\"]"))
        .set("bounce.address", "returns@back.shop.test");
    let ward = Ward::with(options).await;
    ward.dns.healthy(DOMAIN);
    says(&ward.check(Topic::Spf).await, Level::Fail, "back.shop.test has no SPF record");
    assert_eq!(ward.check(Topic::Mx).await.level, Level::Fail);
    ward.dns.txt("back.shop.test", &format!("v=spf1 ip4:{HOST} -all"));
    ward.dns.mx("back.shop.test", 5, "out.sender.test");
    says(&ward.check(Topic::Spf).await, Level::Ok, "of back.shop.test");
    assert_eq!(ward.check(Topic::Mx).await.level, Level::Ok);
    says(&ward.check(Topic::Dmarc).await, Level::Ok, "SPF passes and is aligned with From");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_lookups_are_allowed_and_the_eleventh_breaks_the_record() {
    let ward = ward().await;
    for n in 0..12 {
        ward.dns.txt(&format!("s{n}.shop.test"), "v=spf1 ip4:203.0.113.1 -all");
        ward.dns.address(&format!("a{n}.shop.test"), "203.0.113.2");
    }
    let includes = |n| (0..n).map(|n| format!("include:s{n}.shop.test ")).collect::<String>();
    ward.dns.txt(DOMAIN, &format!("v=spf1 {}ip4:{HOST} -all", includes(10)));
    says(&ward.check(Topic::Spf).await, Level::Ok, "Lookups: 10 of at most 10");
    ward.dns.clear(DOMAIN);
    ward.dns.txt(DOMAIN, &format!("v=spf1 {}ip4:{HOST} -all", includes(11)));
    says(&ward.check(Topic::Spf).await, Level::Fail, "more than the 10 lookups");
    // Names that lead nowhere: two are allowed.
    let voids = |n| (0..n).map(|n| format!("a:void{n}.shop.test ")).collect::<String>();
    ward.dns.clear(DOMAIN);
    ward.dns.txt(DOMAIN, &format!("v=spf1 {}ip4:{HOST} -all", voids(2)));
    says(&ward.check(Topic::Spf).await, Level::Ok, "pass by");
    ward.dns.clear(DOMAIN);
    ward.dns.txt(DOMAIN, &format!("v=spf1 {}ip4:{HOST} -all", voids(3)));
    says(&ward.check(Topic::Spf).await, Level::Fail, "lead nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_in_use_are_compared_with_the_dns() {
    let ward = ward().await;
    ward.dns.healthy(DOMAIN);
    let (app, merchant) = (&ward.test.app, ward.merchant());
    let now = ward.test.clock.now();
    let pair = ward.sign(now).await;
    let records: Vec<_> = dkim::of_domain(&app.db, &merchant, DOMAIN).await.unwrap();
    let records: Vec<_> = records.iter().map(|key| key.record()).collect();
    assert_eq!(records.len(), 2, "RSA and Ed25519 of {pair}");
    let missing = ward.check(Topic::Dkim).await;
    says(&missing, Level::Fail, "the record is missing");
    assert!(missing.publish.iter().any(|p| p.value == records[0].value), "{missing:?}");
    // Published in strings of 255 bytes, as it must be.
    for record in &records {
        ward.dns.txt(&record.name, &record.value);
    }
    says(&ward.check(Topic::Dkim).await, Level::Ok, "the record fits the key");
    let found = ward.examine(DOMAIN).await;
    assert_eq!(found.level(), Level::Ok, "all green: {found:?}");
    let at = &records[0].name;
    for (text, level, words) in [
        ("v=DKIM1; k=rsa; p=".to_owned(), Level::Fail, "revoked"),
        ("v=DKIM1; k=rsa; p=AAAA".to_owned(), Level::Fail, "another k"),
        (format!("{}; t=y", records[0].value), Level::Warn, "only a test"),
    ] {
        ward.dns.clear(at);
        ward.dns.txt(at, &text);
        says(&ward.check(Topic::Dkim).await, level, words);
    }
    ward.dns.txt(at, &records[0].value);
    says(&ward.check(Topic::Dkim).await, Level::Fail, "2 records where one must be");
}

#[tokio::test(flavor = "multi_thread")]
async fn dmarc_is_found_at_the_domain_or_above_it() {
    let ward = ward().await;
    ward.dns.healthy(DOMAIN);
    let at = format!("_dmarc.{DOMAIN}");
    let dmarc = async |text: &str| {
        ward.dns.clear(&at);
        ward.dns.txt(&at, text);
        ward.check(Topic::Dmarc).await
    };
    says(&dmarc("v=DMARC1; p=quarantine; rua=mailto:a@x.test").await, Level::Ok, "is quarantine");
    says(&dmarc("v=DMARC1; p=reject").await, Level::Ok, "no rua=");
    let none = dmarc("v=DMARC1; p=none; rua=mailto:a@x.test").await;
    says(&none, Level::Warn, "forgeries in the name of");
    assert_eq!(none.publish[0].value, "v=DMARC1; p=quarantine; rua=mailto:a@x.test");
    says(&dmarc(&none.publish[0].value).await, Level::Ok, "is quarantine");
    says(&dmarc("v=DMARC1; p=sometimes").await, Level::Fail, "cannot be used");
    ward.dns.clear(&at);
    says(&ward.check(Topic::Dmarc).await, Level::Warn, "has no DMARC record");
    // A subdomain takes the organisation's, and its sp= first.
    ward.dns.txt(&at, "v=DMARC1; p=reject; sp=quarantine; rua=mailto:a@x.test");
    ward.dns.txt("mail.shop.test", "v=spf1 ip4:192.0.2.10 -all");
    let below = of(&ward.examine("mail.shop.test").await, Topic::Dmarc);
    says(&below, Level::Ok, "The policy is quarantine");
    says(&below, Level::Ok, "The one of shop.test record");
    // A policy that nothing of ours passes.
    ward.dns.clear(DOMAIN);
    ward.dns.txt(DOMAIN, "v=spf1 -all");
    says(&ward.check(Topic::Dmarc).await, Level::Fail, "neither SPF nor DKIM is in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn bounces_need_somewhere_to_go() {
    let ward = ward().await;
    ward.dns.healthy(DOMAIN);
    says(&ward.check(Topic::Mx).await, Level::Ok, "10 mx.shop.test");
    let mx = async |records: &[(u16, &str)]| {
        ward.dns.clear(DOMAIN);
        for (preference, host) in records {
            ward.dns.mx(DOMAIN, *preference, host);
        }
        ward.check(Topic::Mx).await
    };
    says(&mx(&[(0, ".")]).await, Level::Fail, "null MX");
    says(&mx(&[(0, "."), (10, "mx.shop.test")]).await, Level::Fail, "contradict");
    says(&mx(&[(10, "gone.shop.test")]).await, Level::Fail, "has an address");
    says(&mx(&[(5, "gone.shop.test"), (10, "mx.shop.test")]).await, Level::Warn, "gone.shop.test");
    ward.dns.clear(DOMAIN);
    ward.dns.address(DOMAIN, "192.0.2.30");
    says(&ward.check(Topic::Mx).await, Level::Warn, "address of the domain itself");
    says(&of(&ward.examine("nowhere.else").await, Topic::Mx), Level::Fail, "does not exist");
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_addresses_need_a_name_that_leads_back() {
    let ward = ward().await;
    ward.dns.healthy(DOMAIN);
    ward.dns.clear("out.sender.test");
    says(&ward.check(Topic::Ptr).await, Level::Fail, "does not lead back");
    ward.dns.address("out.sender.test", "203.0.113.9");
    says(&ward.check(Topic::Ptr).await, Level::Fail, "does not lead back");
    ward.dns.clear("10.2.0.192.in-addr.arpa");
    says(&ward.check(Topic::Ptr).await, Level::Fail, "has no name");
    // Without hosts of one's own, reverse DNS is the relay's matter, and SPF has nothing to aim at.
    let other = Ward::with(Options::new(Database::Sqlite)).await;
    other.dns.healthy(DOMAIN);
    let found = other.examine(DOMAIN).await;
    assert!(found.checks.iter().all(|check| check.topic != Topic::Ptr), "{found:?}");
    says(&of(&found, Topic::Spf), Level::Warn, "doctor.sending_hosts");
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_at_other_peoples_domains_are_named() {
    let ward = ward().await;
    ward.dns.txt("_dmarc.yahoo.com", "v=DMARC1; p=reject; rua=mailto:a@x.test");
    ward.dns.txt("_dmarc.gmx.net", "v=DMARC1; p=none");
    let name = async |domain: &str| of(&ward.examine(domain).await, Topic::Name);
    says(&name("yahoo.com").await, Level::Fail, "refuse mail that it did not send");
    says(&name("gmx.net").await, Level::Warn, "looks forged");
    says(&name("gmial.com").await, Level::Fail, "looks like gmail.com");
    says(&name("shop.test").await, Level::Ok, "looks typed right");
}
