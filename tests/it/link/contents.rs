//! What a mail and its link consist of.

use doorkey::store::{self, Setting};
use mail_parser::MessageParser;

use super::{ADA, NEW, ORIGIN, Options, TestApp, both, unlimited};
use crate::support::app::{link_of, reset_link, text_of, token_of, without_chance};
use crate::support::smtp_sink::Received;

fn html_of(mail: &Received) -> String {
    let message = MessageParser::default().parse(&mail.raw[..]).unwrap();
    message.body_html(0).unwrap().into_owned()
}

/// The values of every attribute that could load or lead anywhere.
fn addresses_in(html: &str) -> Vec<String> {
    ["href", "src", "action", "background", "data", "formaction"]
        .iter()
        .flat_map(|name| html.match_indices(name).map(|(at, name)| &html[at + name.len()..]))
        .filter_map(|rest| rest.strip_prefix("=\"")?.split('"').next())
        .map(str::to_owned)
        .collect()
}

both!(a_link_carries_one_opaque_token_and_nothing_else, |db| async move {
    let test = TestApp::start(db).await;
    let back = [("return_to", "/s/harbor/checkout")];
    assert_eq!(test.browser().forgot_with("harbor", ADA, &back).await.status, 202);
    let mail = test.deliver().await.remove(0);
    for page in ["/reset", "/not-me"] {
        let link = url::Url::parse(&link_of(&mail, page)).unwrap();
        assert_eq!(link.origin().ascii_serialization(), ORIGIN);
        assert_eq!(link.path(), format!("/s/harbor{page}"));
        assert_eq!((link.username(), link.fragment()), ("", None));
        let pairs: Vec<_> = link.query_pairs().collect();
        assert_eq!(pairs.len(), 1);
        assert_eq!(pairs[0].0, "token");
        let opaque = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        assert!(pairs[0].1.len() == 43 && pairs[0].1.bytes().all(opaque), "{link}");
    }
    // Every address in the mail is one of these two.
    let html = html_of(&mail);
    let found = addresses_in(&html);
    assert!(found.len() >= 2);
    for address in found {
        let expected = [link_of(&mail, "/reset"), link_of(&mail, "/not-me")];
        assert!(expected.contains(&address), "{address}");
    }
});

both!(further_parameters_of_a_link_have_no_effect, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    let token = token_of(&link);
    let ben = test.hash_of("ben@example.test").await;
    for more in [
        "&return_to=//evil.test",
        "&email=ben@example.test",
        "&customer_id=1&store=northwind",
        "&password=x&password_repeat=x",
        "&redirect=http://evil.test#//evil.test",
        "&Token=other&tokens=x",
    ] {
        let mut browser = test.browser();
        let answer = browser.get(&format!("{link}{more}")).await;
        assert_eq!((answer.status, answer.location()), (303, "/s/harbor/reset"), "{more}");
        let page =
            browser.get("/s/harbor/reset?return_to=//evil.test&email=ben@example.test").await;
        assert_eq!(page.status, 200, "{more}");
        assert_eq!(page.hidden("token"), token);
        assert!(!page.body.contains("evil") && !page.body.contains("b•••"));
    }
    let twice = test.browser().get(&format!("{link}&token={}", "A".repeat(43))).await;
    assert_eq!(twice.status, 400, "which of two is meant is not guessed");
    // The form has no field for a destination or an account either.
    for field in ["email", "customer_id", "return_to", "store", "to"] {
        let fields =
            [("token", &*token), ("password", NEW), ("password_repeat", NEW), (field, "x")];
        assert_eq!(test.browser().post("/s/harbor/reset", &fields).await.status, 400, "{field}");
    }
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303);
    assert_eq!(test.hash_of("ben@example.test").await, ben);
});

both!(a_mail_repeats_nothing_of_the_request, |db| async move {
    let test = TestApp::start(db).await;
    let marker = "zzmarker";
    let mut visitor = test
        .browser()
        .with_header("user-agent", "zzmarker <b>zzmarker</b> http://zzmarker.test")
        .with_header("referer", "http://zzmarker.test/zzmarker")
        .with_header("accept-language", "en-zzmarker, en;q=0.9")
        .with_header("x-zzmarker", marker);
    visitor.set_cookie("cart", "zzmarker.1", "/s/harbor");
    visitor.set_cookie("zzmarker", "zzmarker", "/");
    let more = [("return_to", "/s/harbor/cart?zzmarker=<zzmarker>")];
    assert_eq!(visitor.forgot_with("harbor", "ADA@Example.TEST", &more).await.status, 202);
    let mail = test.deliver().await.remove(0);
    assert!(
        !mail.text().contains(marker) && !without_chance(&mail).contains("ADA"),
        "{}",
        mail.text()
    );
    assert_eq!(visitor.set_password(&reset_link(&mail), NEW).await.status, 303);
    let notice = test.deliver().await.remove(0);
    assert!(!notice.text().contains(marker), "{}", notice.text());
    let fields = [("first_name", marker), ("last_name", "<a href=http://zzmarker.test>")];
    assert_eq!(visitor.register("harbor", "rita@example.test", &fields).await.status, 202);
    let mail = test.deliver().await.remove(0);
    assert!(!mail.text().contains(marker), "{}", mail.text());
});

both!(stored_text_is_escaped_in_mails, |db| async move {
    let test = TestApp::with(unlimited(Options::new(db))).await;
    let id = test.store("harbor").id.clone();
    for name in [
        "<b>Bean</b> & \"Leaf\"",
        "<a href=\"http://evil.test/\">here</a>",
        "Shop <img src='http://evil.test/?",
        "Shop\"><style>@import 'http://evil.test'</style>",
        "Shop --><script>x</script><!--",
    ] {
        let mut tx = test.app.db.begin().await.unwrap();
        store::set(&mut tx, &id, Setting::Name(name.into())).await.unwrap();
        tx.commit().await.unwrap();
        test.app.stores.refresh(&test.app.db).await.unwrap();
        assert_eq!(test.browser().forgot("harbor", ADA).await.status, 202);
        let mail = test.deliver().await.remove(0);
        let html = html_of(&mail);
        assert!(!html.contains(name), "{html}");
        for tag in ["<b>", "<a href=\"http://evil", "<img", "<style>@", "<script", "<!--"] {
            assert!(!html.contains(tag), "{tag} in {html}");
        }
        let ours = format!("{ORIGIN}/s/harbor/");
        assert!(addresses_in(&html).iter().all(|address| address.starts_with(&ours)), "{html}");
        assert!(text_of(&mail).contains(name), "as it stands in the plain text");
        test.wait(2);
    }
});

both!(a_link_works_at_its_own_store_alone, |db| async move {
    let test = TestApp::start(db).await;
    let link = test.link("harbor", ADA).await;
    let token = token_of(&link);
    let hash = test.hash_of(ADA).await;
    for store in ["harbor-trade", "northwind"] {
        let foreign = format!("{ORIGIN}/s/{store}/reset?token={token}");
        assert_eq!(test.browser().open_link(&foreign).await.status, 410, "{store}");
        assert_eq!(test.browser().set_password(&foreign, NEW).await.status, 410, "{store}");
        let mut browser = test.browser();
        // Not by a cookie of the right store, either.
        browser.set_cookie("doorkey-reset", &token, "/");
        assert_eq!(browser.get(&format!("/s/{store}/reset")).await.status, 410, "{store}");
    }
    assert_eq!(test.hash_of(ADA).await, hash);
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303);
});
