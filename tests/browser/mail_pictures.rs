//! The pictures of all mails and the page that lists them, made anew by
//! `cargo test --test browser mail_pictures -- --ignored`, then
//! `pngquant --force --ext .png --speed 1 64 docs/pictures/mails/*.png`.

use std::fmt::Write;
use std::path::Path;

use doorkey::mail::message::{all_samples, sample_title};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::demo::Demo;
use crate::desk::sit_down;

/// The mails that carry what opens an account are pictured in the dark, on a phone and in another
/// language too.
const CLOSER: [&str; 4] = ["recovery", "reminder_temporary", "reminder_link", "reminder_current"];

const WIDE: u32 = 640;
const NARROW: u32 = 360;

const HEAD: &str = "# The mails\n\n\
    Every mail that Doorkey sends, with made-up facts, as the sample store *Harbor Coffee* sends it. \
    The back office shows the same for each store, in each of its languages and as plain text: \
    Stores, the store, *Look at all mails*.\n\n\
    No mail has a picture, a script or anything that is fetched; each has a plain text beside the \
    HTML, says every link as text too, and is smaller than 20 kB. Tests check that for every mail in \
    every language, and that colours can be read in the light, in the dark, and where a mail program \
    turns them over by itself.\n\n\
    The pictures and this page are made by `cargo test --test browser mail_pictures -- --ignored`.\n";

/// Pictures a mail at its full height.
async fn keep(browser: &Browser, html: &Value, width: u32, name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures/mails");
    std::fs::create_dir_all(&folder).unwrap();
    browser.open("about:blank").await;
    browser.eval(&format!("(document.write({html}), document.close())")).await;
    let window = |height: u64| json!({ "width": width, "height": height, "mobile": false, "deviceScaleFactor": 1 });
    browser.cdp("Emulation.setDeviceMetricsOverride", window(200)).await;
    let height = browser.eval("document.documentElement.scrollHeight").await.as_u64().unwrap();
    browser.cdp("Emulation.setDeviceMetricsOverride", window(height)).await;
    browser.picture(&folder.join(format!("{name}.png"))).await;
}

/// The HTML part of a mail, as the back office shows it.
async fn html(browser: &Browser, store: &str, key: &str, lang: &str) -> Value {
    browser.open(store).await;
    let script = format!(
        "const done = arguments[0];\
         fetch('{store}/mails/{key}/html?lang={lang}').then(r => r.text()).then(done)"
    );
    browser.driver.execute_async(script, vec![]).await.unwrap().json().clone()
}

#[tokio::test]
#[ignore = "writes into docs"]
async fn mail_pictures_for_the_documentation() {
    let demo = Demo::start().await;
    let browser = demo.browser().await;
    sit_down(&browser, "viewer@harbor.test").await;
    browser.open("/oms/stores").await;
    browser.follow("table.list tbody a").await;
    let store = browser.path().await;
    let mut page = HEAD.to_owned();
    for key in all_samples() {
        let title = sample_title(key).unwrap();
        let english = html(&browser, &store, key, "en").await;
        keep(&browser, &english, WIDE, key).await;
        write!(page, "\n## {title}\n\n![{title}](pictures/mails/{key}.png)\n").unwrap();
        if !CLOSER.contains(&key) {
            continue;
        }
        browser.dark(true).await;
        keep(&browser, &english, WIDE, &format!("{key}-dark")).await;
        browser.dark(false).await;
        keep(&browser, &english, NARROW, &format!("{key}-phone")).await;
        let german = html(&browser, &store, key, "de").await;
        keep(&browser, &german, WIDE, &format!("{key}-de")).await;
        for (way, words) in [("dark", "in the dark"), ("phone", "on a phone"), ("de", "in German")]
        {
            write!(page, "\n![{title}, {words}](pictures/mails/{key}-{way}.png)\n").unwrap();
        }
    }
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mails.md"), page).unwrap();
    browser.close().await;
}
