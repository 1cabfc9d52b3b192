//! `doorkey key dkim`: the life of the keys that sign mail, at the command line.

use super::place::Place;

#[test]
fn keys_that_sign_mail() {
    let place = Place::ready();
    place.does("store set harbor --sender shop@Harbor.test");
    let of = "harbor.test --merchant harbor";
    assert!(place.does("key dkim list --merchant harbor").starts_with("no keys"));
    place.fails(&format!("key dkim rotate {of}"), "create the first");
    place.fails("key dkim create evil.test --merchant harbor", "no store of this merchant");
    place.fails("key dkim create harbor.test --merchant nobody", "there is harbor");
    place.misused("key dkim create harbor.test", "--merchant");
    let said = place.does(&format!("key dkim create {of}"));
    assert_eq!(
        said.matches("._domainkey.harbor.test. IN TXT ( \"v=DKIM1; k=").count(),
        2,
        "{said}"
    );
    place.fails(&format!("key dkim create {of}"), "publish their records");
    let said = place.does(&format!("key dkim activate {of}"));
    assert!(said.contains("sign every mail from harbor.test"), "{said}");
    place.fails(&format!("key dkim activate {of}"), "no keys wait");
    place.does(&format!("key dkim rotate {of}"));
    place.does("key dkim activate HARBOR.test --merchant harbor");
    let list = place.json("key dkim list harbor.test --merchant harbor --json");
    assert_eq!(super::each(&list, "state"), ["signing", "signing", "retired", "retired"]);
    assert_eq!(list[0]["record"]["type"], "TXT");
    assert!(list[0]["keep_until"].is_null() && list[2]["keep_until"].is_string());
    let table = place.does("key dkim list --merchant harbor");
    assert!(table.contains("keep its record until") && table.contains("Ed25519"), "{table}");
    for shown in [table, list.to_string()] {
        assert!(!shown.to_lowercase().contains("private"), "{shown}");
    }
    let verified = place.does("activity verify");
    assert!(verified.contains('4'), "two pairs made and activated: {verified}");
}
