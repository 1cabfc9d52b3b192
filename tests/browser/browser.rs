//! A browser with a profile of its own, and what a person does with it.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use thirtyfour::common::command::{Command, ExtensionCommand};
use thirtyfour::extensions::cdp::ChromeDevTools;
use thirtyfour::prelude::*;

use crate::chromedriver;
use crate::demo::{Folder, PASSWORD};

/// How long anything may take. Generous, for a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// Logical pixels of a window.
pub const DESKTOP: (u32, u32) = (1280, 800);
pub const PHONE: (u32, u32) = (390, 844);
pub const TABLET: (u32, u32) = (820, 1180);

/// One window of one profile.
pub struct Browser {
    pub driver: WebDriver,
    origin: String,
    /// Console messages that the story expects, by a part of each.
    expected: Mutex<Vec<&'static str>>,
    profile: Folder,
}

/// Whatever the browser asked the network for, in order.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub url: String,
    /// Headers and body as they came over the wire.
    pub bytes: u64,
}

impl Browser {
    pub async fn start(origin: &str, scripts: bool) -> Self {
        let profile = Folder::new();
        let capabilities = chromedriver::capabilities(&profile.0, scripts);
        let driver = WebDriver::new(chromedriver::url(), capabilities).await.unwrap();
        let expected = Mutex::default();
        let browser = Self { driver, origin: origin.to_owned(), expected, profile };
        browser.size(DESKTOP).await;
        // Chromium opens a page of its own first, which does as it likes.
        browser.open("about:blank").await;
        browser.fetched().await;
        browser
    }

    // ---- Going places ----

    /// Opens a path of the program, or a whole URL.
    pub async fn open(&self, address: &str) {
        let url = match address.strip_prefix('/') {
            Some(_) => format!("{}{address}", self.origin),
            None => address.to_owned(),
        };
        self.driver.goto(url).await.unwrap();
    }

    /// Path and query of where it is.
    pub async fn path(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.origin).unwrap_or(url.as_str()).to_owned()
    }

    /// Waits until it is at `path`.
    pub async fn at(&self, path: &str) {
        self.until(&format!("location.pathname + location.search === '{path}'")).await;
    }

    // ---- Looking ----

    /// The first element that `css` selects; waits for it.
    pub async fn find(&self, css: &str) -> WebElement {
        self.until(&format!("document.querySelector({})", Value::from(css))).await;
        self.driver.find(By::Css(css)).await.unwrap()
    }

    /// The text that a person sees of it.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    /// What stands in a field.
    pub async fn value(&self, css: &str) -> String {
        self.find(css).await.prop("value").await.unwrap().unwrap_or_default()
    }

    /// What an expression is, in the page.
    pub async fn eval(&self, expression: &str) -> Value {
        let script = format!("return ({expression})");
        self.driver.execute(script, vec![]).await.unwrap().json().clone()
    }

    /// Waits until an expression holds, on whatever page is there by then.
    pub async fn until(&self, expression: &str) {
        let script = format!("return !!({expression})");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < deadline {
            // On the way to another page there is none to ask.
            let told = self.driver.execute(script.as_str(), vec![]).await;
            if told.is_ok_and(|told| told.json() == &Value::Bool(true)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let page = self.eval("document.body.innerText").await;
        panic!("never came true: {expression}\nat {} with {page:#}", self.path().await);
    }

    /// Waits until the page shows `text`.
    pub async fn reads(&self, text: &str) {
        let text = Value::from(text);
        self.until(&format!("document.body.innerText.includes({text})")).await;
    }

    /// What has the focus: its id, else its tag and class.
    pub async fn focus(&self) -> String {
        let focus = "(e => e.id || (e.tagName.toLowerCase() + (e.className && '.' + e.className)))\
                     (document.activeElement)";
        self.eval(focus).await.as_str().unwrap().to_owned()
    }

    // ---- Doing ----

    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Clicks what leads away from this page, and waits for the next one.
    pub async fn follow(&self, css: &str) {
        self.eval("window.before = true").await;
        self.click(css).await;
        self.until("!window.before && document.readyState === 'complete'").await;
    }

    /// Types into a field, over what is there.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses keys, wherever the focus is.
    pub async fn press(&self, keys: impl Into<TypingData>) {
        let keys = keys.into();
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    // ---- What every story does ----

    /// What was logged since it was asked last: "browser" is the console.
    pub async fn log_in(&self, store: &str, email: &str) {
        self.open(&format!("/s/{store}/login")).await;
        self.fill("#email", email).await;
        self.fill("#password", PASSWORD).await;
        self.follow("#login .primary").await;
        assert!(!self.path().await.contains("/login"), "{email} is not logged in");
    }

    /// Who the store says is logged in.
    pub async fn who(&self, store: &str) -> Option<String> {
        let script = format!(
            "const done = arguments[0]; fetch('/s/{store}/session').then(r => r.json())\
             .then(s => done(s.customer?.email ?? null))"
        );
        self.expect("/session");
        let told = self.driver.execute_async(script, vec![]).await.unwrap();
        told.json().as_str().map(str::to_owned)
    }

    /// From the login page: opens the popup, asks for `email` and waits for the answer.
    pub async fn ask_in_popup(&self, email: &str) {
        self.click("#forgot-prompt").await;
        self.fill("#forgot-email", email).await;
        self.click("#forgot .captcha-box").await;
        self.click("#forgot .primary").await;
        self.until("document.querySelector('dialog[open] #answer')").await;
    }

    /// On the reset page: types it twice and saves.
    pub async fn save_password(&self, password: &str) {
        self.fill("#password", password).await;
        self.fill("#password-repeat", password).await;
        self.follow("main .primary").await;
    }

    // ---- The window ----

    pub async fn size(&self, (width, height): (u32, u32)) {
        let phone = width < 600;
        let metrics = json!({
            "width": width, "height": height, "mobile": phone,
            "deviceScaleFactor": if phone { 2 } else { 1 },
        });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    pub async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
    }

    pub async fn cdp(&self, command: &str, parameters: Value) -> Value {
        let tools = ChromeDevTools::new(self.driver.handle.clone());
        tools.execute_cdp_with_params(command, parameters).await.unwrap()
    }

    pub async fn picture(&self, file: &Path) {
        self.driver.screenshot(file).await.unwrap();
    }

    // ---- What it must not have seen ----

    /// The console's message with `part` in it is part of the story: an answer of 401, say.
    pub fn expect(&self, part: &'static str) {
        self.expected.lock().unwrap().push(part);
    }

    /// What was fetched since it was asked last.
    pub async fn fetched(&self) -> Vec<Fetched> {
        let events = self.log("performance").await.into_iter().map(|entry| {
            let text = entry["message"].as_str().unwrap();
            serde_json::from_str::<Value>(text).unwrap()["message"].take()
        });
        let mut fetched: Vec<(Value, Fetched)> = Vec::new();
        for event in events {
            let parameters = &event["params"];
            let of = |f: &&mut (Value, Fetched)| f.0 == parameters["requestId"];
            match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => {
                    let url = parameters["request"]["url"].as_str().unwrap().to_owned();
                    fetched.push((parameters["requestId"].clone(), Fetched { url, bytes: 0 }));
                }
                "Network.loadingFinished" => {
                    if let Some((_, last)) = fetched.iter_mut().rev().find(of) {
                        last.bytes = parameters["encodedDataLength"].as_f64().unwrap() as u64;
                    }
                }
                _ => {}
            }
        }
        fetched.into_iter().map(|(_, fetched)| fetched).collect()
    }

    /// What was logged since it was asked last: "browser" is the console.
    pub async fn log(&self, kind: &'static str) -> Vec<Value> {
        let reply = self.driver.cmd(Command::ExtensionCommand(Box::new(Log(kind)))).await.unwrap();
        reply.value::<Vec<Value>>().unwrap()
    }

    /// Fails when a page asked another origin for anything, or the console complained of anything
    /// that the story did not expect.
    pub async fn check(&self) -> Vec<Fetched> {
        let fetched = self.fetched().await;
        let ours = |url: &str| {
            // Chromium's own controls are data; "data:" asks nobody.
            url.starts_with(&format!("{}/", self.origin)) || url.starts_with("data:")
        };
        for Fetched { url, .. } in &fetched {
            assert!(ours(url), "asked elsewhere: {url}");
        }
        let expected = self.expected.lock().unwrap().clone();
        for entry in self.log("browser").await {
            let message = entry["message"].as_str().unwrap_or_default();
            let known = expected.iter().any(|part| message.contains(part));
            assert!(known, "the console says: {entry}");
        }
        fetched
    }

    /// The end of every story.
    pub async fn close(self) {
        self.check().await;
        self.driver.clone().quit().await.unwrap();
        // Chromium writes its profile a little longer, and takes its lock away last.
        let lock = self.profile.0.join("SingletonLock");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while lock.symlink_metadata().is_ok() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Browser {
    /// After a failure there may be no runtime left to say goodbye with: the session then ends with
    /// the driver.
    fn drop(&mut self) {
        let _ = self.driver.clone().leak();
    }
}

/// Chromium's driver keeps logs; the command is older than the standard and not in the client.
#[derive(Debug)]
struct Log(&'static str);

impl ExtensionCommand for Log {
    fn parameters_json(&self) -> Option<Value> {
        Some(json!({ "type": self.0 }))
    }

    fn method(&self) -> Method {
        Method::POST
    }

    fn endpoint(&self) -> std::sync::Arc<str> {
        "/se/log".into()
    }
}
