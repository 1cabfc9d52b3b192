//! Stores: seen by everybody, changed by administrators, by the same rules as the command line's.

use axum::http::Method;
use doorkey::store::Access;
use serde_json::{Value, json};

use crate::support::app::PASSWORD;
use crate::support::desk::{ADMIN, Seat, VIEWER};
use crate::support::{Answer, TestApp, both};

/// The fields of a store's form as its page shows them, with some of them changed.
fn fields<'a>(test: &TestApp, key: &str, changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
    let store = test.store(key);
    let mut all = vec![
        ("name", store.name.clone()),
        ("base_url", store.base_url.clone()),
        ("access", store.access.as_str().to_owned()),
        ("language", store.language.code().to_owned()),
        ("accent", store.accent.clone()),
        ("prompt", store.prompt.clone().unwrap_or_default()),
        ("sender", store.sender.clone()),
        ("sender_name", store.sender_name.clone().unwrap_or_default()),
        ("link_minutes", store.link_ttl.map(|ttl| (ttl / 60).to_string()).unwrap_or_default()),
        ("password_min", store.password_min.map(|n| n.to_string()).unwrap_or_default()),
        ("cart_cookie", store.cart_cookie.clone().unwrap_or_default()),
    ];
    for (code, name) in
        [("en", "speaks_en"), ("de", "speaks_de"), ("es", "speaks_es"), ("fr", "speaks_fr")]
    {
        if store.languages.iter().any(|l| l.code() == code) {
            all.push((name, "1".to_owned()));
        }
    }
    for (name, value) in changed {
        all.retain(|(other, _)| other != name);
        if !value.is_empty() || !name.starts_with("speaks_") {
            all.push((name, (*value).to_owned()));
        }
    }
    all
}

async fn save(test: &TestApp, seat: &mut Seat, key: &str, changed: &[(&str, &str)]) -> Answer {
    let fields = fields(test, key, changed);
    let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    seat.post(&format!("/oms/stores/{}", test.store(key).id), &fields).await
}

/// Details of the entries of activity with this action, oldest first.
async fn noted(test: &TestApp, action: &str) -> Vec<Value> {
    let sql = "SELECT detail FROM activity WHERE action = $1 ORDER BY seq";
    let rows = test.app.db.rows(sql, doorkey::args![action]).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.get::<String>("detail")).unwrap()).collect()
}

both!(an_administrator_changes_a_store_and_its_pages_follow, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    let page = seat.get("/oms/stores").await;
    assert!(page.body.contains("Harbor Coffee") && page.body.contains("Harbor Trade"));
    assert!(!page.body.contains("Northwind"), "another merchant's");
    let changes = [
        ("name", "Hafen <Kaffee>"),
        ("access", "protected"),
        ("language", "de"),
        ("speaks_es", ""),
        ("speaks_fr", ""),
        ("accent", "#AA3300"),
        ("prompt", "Lost?"),
        ("sender", "post@harbor.test"),
        ("sender_name", "Hafen"),
        ("link_minutes", "45"),
        ("password_min", "12"),
    ];
    let answer = save(&test, &mut seat, "harbor", &changes).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let page = seat.get(answer.location()).await;
    assert!(page.body.contains("Saved."), "{}", page.body);
    assert!(page.body.contains("Hafen &#60;Kaffee&#62;"), "escaped");
    let store = test.store("harbor");
    assert_eq!(
        (store.access, store.link_ttl, store.password_min),
        (Access::Protected, Some(2700), Some(12))
    );
    assert_eq!((&*store.accent, store.languages.len()), ("#aa3300", 2));
    let fields = json!({"fields":["name","access","language","languages","accent","prompt","sender","sender_name","link_minutes","password_min"]});
    assert_eq!(noted(&test, "store.changed").await, [fields]);

    // Customers see it at once.
    let mut browser = test.browser().with_header("accept-language", "fr, de;q=0.5, en;q=0.1");
    let login = browser.get("/s/harbor/login").await;
    assert!(login.body.contains("lang=\"de\"") && login.body.contains("Lost?"), "{}", login.body);
    assert!(test.browser().get("/s/harbor/login?lang=en").await.body.contains("lang=\"en\""));
    assert_eq!(test.browser().get("/s/harbor/").await.status, 303, "protected");
    let link = test.link("harbor", "ada@example.test").await;
    let mut browser = test.browser();
    let page = browser.open_link(&link).await;
    assert!(page.body.contains("Mindestens 12 Zeichen"), "{}", page.body);
    let short = "fog-umbra-9";
    assert_eq!(browser.set_password(&link, short).await.status, 422);
    assert_eq!(browser.set_password(&link, "fog-umbra-97").await.status, 303);
});

both!(mail_comes_in_the_senders_name, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    let changes = [("sender_name", "Harbor Service"), ("sender", "help@harbor.test")];
    assert_eq!(save(&test, &mut seat, "harbor", &changes).await.status, 303);
    test.browser().forgot("harbor", "ada@example.test").await;
    let mail = test.deliver().await.remove(0);
    let raw = String::from_utf8_lossy(&mail.raw);
    assert!(raw.contains("From: \"Harbor Service\" <help@harbor.test>"), "{raw}");
});

both!(what_is_wrong_is_said_beside_the_field_and_kept, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    for (field, typed, says) in [
        ("name", "", "Use 1 to 80 characters"),
        ("base_url", "http://shop.test", "It must begin with https://"),
        ("base_url", "https://u@shop.test", "Write it like"),
        ("base_url", "http://127.0.0.1:8080/s/harbor-trade", "On this host use"),
        ("base_url", "http://127.0.0.1:8080", "On this host use"),
        ("base_url", "http://127.0.0.1:8080/oms", "On this host use"),
        ("access", "secret", "Use public or protected"),
        ("language", "xx", "Use one of"),
        ("accent", "red;}", "Write it like #1f5c57"),
        ("sender", "a@b@c", "Write one address"),
        ("link_minutes", "1441", "Use 1 to 1440 minutes"),
        ("password_min", "7", "Use 8 to 32 characters"),
        ("cart_cookie", "__Host-x", "are taken"),
    ] {
        let answer = save(&test, &mut seat, "harbor", &[(field, typed), ("prompt", "Kept?")]).await;
        assert_eq!(answer.status, 422, "{field}={typed}");
        assert!(answer.body.contains(says), "{field}={typed}: {}", answer.body);
        assert!(answer.body.contains("value=\"Kept?\""), "{field}={typed}");
        assert!(answer.body.contains(&format!("id=\"{field}-error\"")), "{field}={typed}");
        assert_eq!(test.store("harbor").prompt, None);
    }
    assert_eq!(noted(&test, "store.changed").await, Vec::<Value>::new());
    assert_eq!(save(&test, &mut seat, "harbor", &[("prompt", "Kept?")]).await.status, 303);
});

both!(a_base_url_takes_nothing_over, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    test.exec("UPDATE store SET base_url = 'https://tea.test' WHERE key = 'northwind'").await;
    for foreign in ["https://tea.test/login", "https://tea.test", "https://TEA.test:443/x"] {
        let answer = save(&test, &mut seat, "harbor", &[("base_url", foreign)]).await;
        assert_eq!(answer.status, 422, "{foreign}");
        assert!(answer.body.contains("another merchant"), "{foreign}: {}", answer.body);
    }
    let own = [("base_url", "https://coffee.test")];
    assert_eq!(save(&test, &mut seat, "harbor", &own).await.status, 303);
    let twice = save(&test, &mut seat, "harbor-trade", &own).await;
    assert_eq!(twice.status, 422);
    assert!(twice.body.contains("Another store has this base URL"), "{}", twice.body);
    let below = [("base_url", "https://coffee.test/trade")];
    assert_eq!(save(&test, &mut seat, "harbor-trade", &below).await.status, 303);
});

both!(a_store_is_added, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    assert!(seat.get("/oms/stores/new").await.body.contains("Short name"));
    let wanted = [
        ("key", "outlet"),
        ("name", "Harbor Outlet"),
        ("base_url", "http://127.0.0.1:8080/s/outlet"),
        ("access", "public"),
        ("language", "en"),
        ("speaks_de", "1"),
        ("accent", "#224466"),
        ("sender", "outlet@harbor.test"),
        ("link_minutes", "20"),
    ];
    let with = |name: &'static str, value: &'static str| {
        let change = move |(n, v)| (n, if n == name { value } else { v });
        wanted.map(change)
    };
    for (fields, says) in [
        (with("key", "Outlet!"), "Use 1 to 40 lower-case letters"),
        (with("key", "harbor"), "On this host use"),
        (with("sender", ""), "Write one address"),
    ] {
        let answer = seat.post("/oms/stores/new", &fields).await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains(says) && answer.body.contains("Harbor Outlet"), "{says}");
    }
    let mut taken = with("key", "northwind");
    taken[2].1 = "https://outlet.test";
    let answer = seat.post("/oms/stores/new", &taken).await;
    assert!(answer.status == 422 && answer.body.contains("is in use"), "{}", answer.body);
    let answer = seat.post("/oms/stores/new", &wanted).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(seat.get(answer.location()).await.status, 200);
    let store = test.store("outlet");
    assert_eq!((store.link_ttl, store.languages.len()), (Some(1200), 2));
    assert_eq!(noted(&test, "store.added").await, [json!({ "access": "public", "key": "outlet" })]);
    let login = test.browser().login("outlet", "ada@example.test", PASSWORD).await;
    assert_eq!(login.status, 303, "one customer file, one password");
});

/// Uploads a file as the page does.
async fn upload(test: &TestApp, seat: &mut Seat, file: &[u8], secret: &str) -> Answer {
    let path = format!("/oms/stores/{}/logo", test.store("harbor").id);
    let head = |name: &str| format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"");
    let mut body = format!("{}\r\n\r\n{secret}\r\n", head("form_secret")).into_bytes();
    body.extend(format!("{}; filename=\"x.png\"\r\n\r\n", head("logo")).into_bytes());
    body.extend(file);
    body.extend(b"\r\n--cut--\r\n");
    let headers = [
        ("content-type", "multipart/form-data; boundary=cut"),
        ("origin", crate::support::app::ORIGIN),
    ];
    seat.browser.request(Method::POST, &path, Some(body), &headers).await
}

fn png(side: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let picture = image::DynamicImage::new_rgb8(side, side);
    picture.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

both!(a_logo_is_written_anew_and_never_a_document, |db| async move {
    let test = TestApp::start(db).await;
    let mut seat = test.seat(ADMIN).await;
    let secret = seat.secret.clone();
    for (file, says) in [
        (&b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"[..], "no PNG, JPEG"),
        (b"", "Choose a file"),
        (b"\x89PNG\r\n\x1a\nnonsense", "damaged"),
        (&png(5000), "too many pixels"),
        (&[0xff; 600 * 1024], "larger than 512 KiB"),
    ] {
        let answer = upload(&test, &mut seat, file, &secret).await;
        assert_eq!(answer.status, 422, "{says}");
        assert!(answer.body.contains(says), "{says}: {}", answer.body);
    }
    assert_eq!(upload(&test, &mut seat, &[0xff; 2 * 1024 * 1024], &secret).await.status, 413);
    assert_eq!(upload(&test, &mut seat, &png(300), "guess").await.status, 403);
    let mut viewer = test.seat(VIEWER).await;
    let own = viewer.secret.clone();
    assert_eq!(upload(&test, &mut viewer, &png(300), &own).await.status, 403);
    assert_eq!(test.browser().get("/s/harbor/logo").await.status, 404);

    let mut file = png(300);
    file.extend(b"<script>alert(1)</script>");
    assert_eq!(upload(&test, &mut seat, &file, &secret).await.status, 303);
    let version = test.store("harbor").logo.clone().unwrap();
    let page = test.browser().get("/s/harbor/login").await;
    assert!(page.body.contains(&format!("/s/harbor/logo?v={version}")), "{}", page.body);
    let logo = test.browser().get("/s/harbor/logo").await;
    assert_eq!(logo.headers["content-type"], "image/png");
    assert!(!logo.body.contains("script") && logo.bytes.starts_with(b"\x89PNG"));
    let shown = seat.get(&format!("/oms/stores/{}/logo", test.store("harbor").id)).await;
    assert_eq!(shown.bytes, logo.bytes);

    assert_eq!(upload(&test, &mut seat, &png(200), &secret).await.status, 303);
    assert_ne!(test.store("harbor").logo.as_ref(), Some(&version), "caches let go of it");
    let remove = format!("/oms/stores/{}/logo/remove", test.store("harbor").id);
    assert_eq!(seat.post(&remove, &[]).await.status, 303);
    assert_eq!(test.browser().get("/s/harbor/logo").await.status, 404);
    assert_eq!(noted(&test, "store.changed").await.len(), 3);
});

both!(who_may_only_look_sees_no_buttons, |db| async move {
    let test = TestApp::start(db).await;
    let path = format!("/oms/stores/{}", test.store("harbor").id);
    let mut viewer = test.seat(VIEWER).await;
    let page = viewer.get(&path).await;
    assert!(page.body.contains("disabled") && !page.body.contains("Upload"), "{}", page.body);
    let mut admin = test.seat(ADMIN).await;
    let page = admin.get(&path).await;
    assert!(page.body.contains(">Save<") && page.body.contains("Upload"));
});
