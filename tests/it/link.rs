//! How links, redirects and cookies are built: from the store's configured base URL, and from
//! nothing that a request says.

mod contents;
mod forwarded;
mod hosts;
mod https;
mod origin;
mod redirects;

use axum::Router;
use doorkey::locale::Language;
use doorkey::store::{self, Access, NewStore};
use doorkey::{args, web};

use crate::support::app::{ORIGIN, PASSWORD};
use crate::support::{Browser, Options, TestApp, both};

const ADA: &str = "ada@example.test";
const NEW: &str = "a brand new teapot";

/// Adds a store of Harbor Goods at a base URL, as `doorkey store add` does.
async fn add_store(test: &TestApp, key: &str, base_url: &str, access: Access) {
    let base_url = store::read_base_url(base_url).unwrap();
    let new = NewStore {
        key: key.into(),
        name: format!("Store {key}"),
        base_url,
        access,
        language: Language::En,
        accent: "#1f5c57".into(),
        sender: format!("service@{key}.test"),
    };
    let sql = "SELECT id FROM merchant WHERE key = 'harbor-goods'";
    let merchant: String = test.app.db.row(sql, args![]).await.unwrap().unwrap().get("id");
    let mut tx = test.app.db.begin().await.unwrap();
    store::add(&mut tx, &merchant, &new, test.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    test.app.stores.refresh(&test.app.db).await.unwrap();
}

/// A browser at an origin, in front of Doorkey alone, as `serve` runs it.
fn browser_at(test: &TestApp, origin: &str) -> Browser {
    let mut browser = Browser::new(web::entrance(&test.app, None, Router::new()).into());
    browser.origin = origin.to_owned();
    browser
}

/// Asks for a link at a store whose pages begin with `base`, and gives the mailed one.
async fn link_at(
    test: &TestApp,
    browser: &mut Browser,
    base: &str,
    more: &[(&str, &str)],
) -> String {
    let altcha = browser.solve_at(&format!("{base}/captcha")).await;
    let mut fields = vec![("email", ADA), ("altcha", &*altcha)];
    fields.extend(more);
    let answer = browser.post(&format!("{base}/forgot"), &fields).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let mails = test.deliver().await;
    assert_eq!(mails.len(), 1);
    crate::support::app::reset_link(&mails[0])
}

/// Limits out of the way: some of these stories ask often.
fn unlimited(options: Options) -> Options {
    options
        .set("limits.mail_interval", 1)
        .set("limits.mail_per_hour", 10_000)
        .set("limits.mail_per_day", 10_000)
        .set("limits.address_requests", 10_000)
        .set("limits.source_requests", 10_000)
}
