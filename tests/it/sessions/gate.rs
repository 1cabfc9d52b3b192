//! Who is let through: what shops and proxies are told, and the door of a protected store.

use axum::http::Method;

use super::{ADA, NEW, logged_in, with_cookie};
use crate::support::app::{ORIGIN, PASSWORD};
use crate::support::{TestApp, both};

both!(shops_and_proxies_are_told_who_is_logged_in, |db| async move {
    let test = TestApp::start(db).await;
    let mut stranger = test.browser();
    let answer = stranger.get("/s/harbor/session").await;
    assert_eq!((answer.status, &*answer.body), (401, "{}"));
    let answer = stranger.get("/s/harbor/auth").await;
    let login = format!("{ORIGIN}/s/harbor/login");
    assert_eq!((answer.status, answer.location()), (401, &*login));
    assert!(answer.headers.get("x-doorkey-customer").is_none());
    let mut browser = logged_in(&test, ADA).await;
    let answer = browser.get("/s/harbor/session").await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let id = said["customer"]["id"].as_str().unwrap().to_owned();
    let wanted = serde_json::json!({
        "customer": {
            "id": id,
            "number": "H-1001",
            "email": ADA,
            "first_name": "Ada",
            "last_name": "Marsh",
        },
        "store": "harbor",
    });
    assert_eq!(said, wanted, "these fields and no others");
    for method in [Method::GET, Method::HEAD] {
        let answer = browser.request(method, "/s/harbor/auth", None, &[]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["x-doorkey-customer"], &*id);
        assert_eq!(answer.headers["x-doorkey-email"], ADA);
    }
    // Whoever claims to be somebody in a request's headers is nobody.
    let mut liar = test.browser().with_header("x-doorkey-customer", &id);
    let answer = liar.get("/s/harbor/auth").await;
    assert_eq!((answer.status, answer.headers.get("x-doorkey-customer")), (401, None));
});

both!(a_session_opens_one_store_alone, |db| async move {
    let test = TestApp::start(db).await;
    let mut browser = logged_in(&test, ADA).await;
    let cookie = browser.cookie("doorkey").unwrap().to_owned();
    // The browser would not even send it elsewhere; a thief would.
    for store in ["harbor-trade", "northwind"] {
        assert_eq!(browser.who(store).await, None);
        let mut thief = test.browser();
        thief.set_cookie("doorkey", &cookie, "/");
        assert_eq!(thief.who("harbor").await.as_deref(), Some(ADA));
        assert_eq!(thief.who(store).await, None, "{store}");
        assert_eq!(thief.get(&format!("/s/{store}/auth")).await.status, 401, "{store}");
        let answer = thief.get(&format!("/s/{store}/account")).await;
        assert_eq!(answer.status, 303, "{store}");
    }
    // The other merchant's customer of the same address is another customer.
    let mut north = test.browser();
    assert_eq!(north.login("northwind", ADA, PASSWORD).await.status, 303);
    let id = |body: &str| -> String {
        let said: serde_json::Value = serde_json::from_str(body).unwrap();
        said["customer"]["id"].as_str().unwrap().to_owned()
    };
    let here = id(&browser.get("/s/harbor/session").await.body);
    assert_ne!(here, id(&north.get("/s/northwind/session").await.body));
    let link = test.link("northwind", ADA).await;
    assert_eq!(test.browser().set_password(&link, NEW).await.status, 303);
    assert_eq!(browser.who("harbor").await.as_deref(), Some(ADA), "nothing crosses");
    assert_eq!(test.browser().login("harbor", ADA, PASSWORD).await.status, 303);
});

const SHOP: [&str; 6] = ["", "cart", "cart/change", "checkout", "thanks", "cart?x=1&y=2"];

both!(a_protected_store_shows_its_shop_to_nobody, |db| async move {
    let test = TestApp::start(db).await;
    let mut stranger = test.browser();
    for page in SHOP {
        let url = format!("/s/harbor-trade/{page}");
        for method in [Method::GET, Method::HEAD] {
            let answer = stranger.request(method, &url, None, &[]).await;
            assert_eq!(answer.status, 303, "{page}");
            assert!(answer.location().starts_with("/s/harbor-trade/login"), "{page}");
            assert!(answer.bytes.is_empty(), "{page}");
        }
        let answer = stranger.post(&url, &[("sku", "tin"), ("quantity", "1")]).await;
        assert_eq!((answer.status, answer.bytes.len()), (303, 0), "{page}");
        assert!(answer.location().starts_with("/s/harbor-trade/login"), "{page}");
        assert_eq!(stranger.cookie("cart"), None);
    }
    for page in ["login", "forgot", "register", "captcha", "look.css"] {
        let answer = stranger.get(&format!("/s/harbor-trade/{page}")).await;
        assert_eq!(answer.status, 200, "{page} is what the door is for");
    }
    // A session of the public store, or somebody else's idea of one, does not open it.
    let cookie = logged_in(&test, ADA).await.cookie("doorkey").unwrap().to_owned();
    let nothing = doorkey::secret::Token::new().reveal();
    for value in [&*cookie, &*nothing, "", "x"] {
        let mut browser = with_cookie(&test, value);
        browser.set_cookie("doorkey", value, "/s/harbor-trade");
        assert_eq!(browser.get("/s/harbor-trade/").await.status, 303, "{value}");
    }
    let mut ben = test.browser();
    assert_eq!(ben.login("harbor-trade", "ben@example.test", PASSWORD).await.status, 303);
    for page in ["", "cart", "checkout", "cart?x=1&y=2"] {
        let answer = ben.get(&format!("/s/harbor-trade/{page}")).await;
        assert!(answer.status == 200 || !answer.location().contains("login"), "{page}");
    }
    let own = ben.cookie("doorkey").unwrap().to_owned();
    ben.post("/s/harbor-trade/logout", &[]).await;
    ben.set_cookie("doorkey", &own, "/s/harbor-trade");
    assert_eq!(ben.get("/s/harbor-trade/").await.status, 303, "and closes behind who leaves");
});

both!(the_way_back_survives_the_login, |db| async move {
    let test = TestApp::start(db).await;
    let mut ben = test.browser();
    let gate = ben.get("/s/harbor-trade/cart?x=1&y=2").await;
    let login = ben.get(gate.location()).await;
    assert_eq!(login.status, 200);
    let back = login.hidden("return_to").replace("&#38;", "&").replace("&amp;", "&");
    assert_eq!(back, "/s/harbor-trade/cart?x=1&y=2");
    let fields = [("email", "ben@example.test"), ("password", PASSWORD), ("return_to", &*back)];
    let answer = ben.post("/s/harbor-trade/login", &fields).await;
    assert_eq!((answer.status, answer.location()), (303, &*back));
    for foreign in ["https://evil.test/", "//evil.test", "/s/northwind/", "/\\evil.test", "x"] {
        let fields = [fields[0], fields[1], ("return_to", foreign)];
        let answer = test.browser().post("/s/harbor-trade/login", &fields).await;
        assert_eq!((answer.status, answer.location()), (303, "/s/harbor-trade/"), "{foreign}");
    }
});
