//! Chromium's driver, one for the whole test process, on a free port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{OnceLock, mpsc};

use serde_json::{Map, Value, json};

/// The driver's URL; the first caller starts it.
pub fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || run(&sender));
        let port: u16 = receiver.recv().expect("chromedriver tells its port: run ./test once");
        format!("http://127.0.0.1:{port}")
    })
}

/// The driver gets SIGTERM when the thread that started it ends, which is when this process does,
/// however it does. Hence a thread of its own, which reads to the driver's end.
fn run(port: &mpsc::Sender<u16>) {
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "chromedriver", "--port=0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver starts");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let said = line.split_once("successfully on port ");
        if let Some(number) = said.and_then(|(_, rest)| rest.trim_end_matches('.').parse().ok()) {
            let _ = port.send(number);
        }
    }
    let _ = child.wait();
}

/// What a new session is to be: headless, with a profile in `folder`, silent towards the world.
pub fn capabilities(folder: &Path, scripts: bool) -> Map<String, Value> {
    let profile = format!("--user-data-dir={}", folder.display());
    let mut options = json!({
        "args": [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--force-color-profile=srgb",
            "--hide-scrollbars",
            // A browser without its driver ends by itself.
            "--remote-debugging-pipe",
            "--lang=en",
            profile,
        ],
        "prefs": { "intl.accept_languages": "en" },
    });
    if !scripts {
        options["prefs"]["profile.managed_default_content_settings.javascript"] = json!(2);
    }
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
    });
    let Value::Object(capabilities) = capabilities else { unreachable!() };
    capabilities
}
