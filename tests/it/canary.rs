//! A long story over everything a customer can do, logged at trace level. Afterwards every secret
//! that the customer's browser or mailbox has seen is looked for where none may ever be.

pub mod heaps;
mod mail;
pub mod search;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorkey::secret::{Secret, Token};

use self::heaps::Log;
use self::search::Secrets;
use crate::support::app::{Database, PASSWORD, text_of};
use crate::support::smtp_sink::{Fault, Plan, Received, Step};
use crate::support::{Answer, Browser, TestApp};

const ADA: &str = "ada@example.test";
const CART: &str = "canary-cart.31337";
/// Put where secrets must not be, to show that looking there finds something.
const PLANTED: &str = "planted canary 8d1f";

/// Ada, who has secrets; Mallory, who wants them; and what was gathered.
struct Story {
    test: TestApp,
    ada: Browser,
    mallory: Browser,
    secrets: Secrets,
    databases: Vec<u8>,
    mallory_saw: Vec<u8>,
    ada_saw: Vec<u8>,
}

impl Story {
    async fn new(database: Database) -> Self {
        let test = TestApp::start(database).await;
        let mut ada = test.browser();
        ada.set_cookie("cart", CART, "/s/harbor");
        let mallory = test.browser().from_address([203, 0, 113, 66]);
        let mut secrets = Secrets::default();
        secrets.add("cart", CART);
        let (databases, mallory_saw, ada_saw) = (Vec::new(), Vec::new(), Vec::new());
        Self { test, ada, mallory, secrets, databases, mallory_saw, ada_saw }
    }

    /// Ada posts a form; all values in `secret` are hers alone.
    async fn post(&mut self, page: &str, open: &[(&str, &str)], secret: &[(&str, &str)]) -> Answer {
        for (name, value) in secret {
            self.secrets.add(&format!("{name} at {page}"), value);
        }
        let answer = self.ada.post(&format!("/s/harbor/{page}"), &[open, secret].concat()).await;
        self.keep(&answer);
        answer
    }

    async fn get(&mut self, url: &str) -> Answer {
        let answer = self.ada.get(url).await;
        self.keep(&answer);
        answer
    }

    /// What Ada's browser has now.
    fn keep(&mut self, answer: &Answer) {
        self.ada_saw.extend(heaps::answer(answer));
        for name in ["doorkey", "doorkey-reset"] {
            if let Some(value) = self.ada.cookie(name) {
                self.secrets.add(&format!("cookie {name}"), value);
            }
        }
    }

    async fn captcha(&mut self, url: &str) -> String {
        let altcha = self.ada.solve_at(url).await;
        let json = STANDARD.decode(&altcha).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        self.secrets.add("captcha", json["solution"]["derivedKey"].as_str().unwrap());
        self.secrets.add("captcha payload", &altcha);
        altcha
    }

    /// Lets the worker work; every token in every mail is a secret.
    async fn deliver(&mut self) -> Vec<Received> {
        let mails = self.test.deliver().await;
        for mail in &mails {
            for link in text_of(mail).lines().filter_map(|line| line.split_once("token=")) {
                assert!(Token::parse(link.1).is_some());
                self.secrets.add("mailed token", link.1);
            }
        }
        self.databases.extend(heaps::database(&self.test).await);
        mails
    }

    async fn forgot(&mut self, email: &str) {
        let altcha = self.captcha("/s/harbor/captcha").await;
        let answer = self.post("forgot", &[("email", email)], &[("altcha", &altcha)]).await;
        assert_eq!(answer.status, 202);
    }

    /// Mallory asks every page about Ada.
    async fn snoop(&mut self) {
        let token = Token::new().reveal();
        let mut answers = Vec::new();
        for page in ["login", "forgot", "register", "session", "account", "captcha", "cart", "auth"]
        {
            answers.push(self.mallory.get(&format!("/s/harbor/{page}")).await);
        }
        for page in ["reset", "not-me", "register/confirm", "account/email/confirm"] {
            answers.push(self.mallory.get(&format!("/s/harbor/{page}?token={token}")).await);
        }
        answers.push(self.mallory.forgot("harbor", ADA).await);
        answers.push(self.mallory.login("harbor", ADA, "a guess by mallory").await);
        let fields = [("token", &*token), ("password", "x"), ("password_repeat", "x")];
        answers.push(self.mallory.post("/s/harbor/reset", &fields).await);
        answers.iter().for_each(|answer| self.mallory_saw.extend(heaps::answer(answer)));
        self.deliver().await;
    }
}

/// The token behind `page?token=` in a mail.
fn token(mails: &[Received], page: &str) -> String {
    let links: Vec<String> = mails
        .iter()
        .flat_map(|mail| text_of(mail).lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.starts_with("http"))
        .collect();
    let wanted = format!("{page}?token=");
    let link = links.iter().find(|link| link.contains(&wanted));
    link.unwrap_or_else(|| panic!("no {page} in {links:?}")).split_once("token=").unwrap().1.into()
}

async fn logs_in(story: &mut Story) {
    for (password, status) in [("wrong horse battery 1", 401), (PASSWORD, 303)] {
        let secret = [("password", password)];
        assert_eq!(story.post("login", &[("email", ADA)], &secret).await.status, status);
    }
    story.snoop().await;
}

async fn recovers(story: &mut Story) {
    // What Mallory asked for must not absorb it.
    story.test.wait(3700);
    story.forgot(ADA).await;
    let refused = Fault::ReplyRecorded("451 4.3.0 later");
    story.test.sink.set(Plan::accept().at(Step::Content, refused)).await;
    assert_eq!(story.deliver().await.len(), 1);
    story.snoop().await;
    story.test.sink.set(Plan::accept()).await;
    story.test.wait(30);
    let mails = story.deliver().await;
    let link = token(&mails, "/reset");
    story.get(&format!("/s/harbor/reset?token={link}")).await;
    assert_eq!(story.get("/s/harbor/reset").await.hidden("token"), link);
    let weak =
        [("token", &*link), ("password", "teapot of ada 1"), ("password_repeat", "teapot of eve")];
    assert_eq!(story.post("reset", &[], &weak).await.status, 422);
    story.snoop().await;
    let good = [
        ("token", &*link),
        ("password", "teapot of ada 2"),
        ("password_repeat", "teapot of ada 2"),
    ];
    assert_eq!(story.post("reset", &[], &good).await.status, 303);
    story.snoop().await;
}

async fn changes_password_and_address(story: &mut Story) {
    let form = story.get("/s/harbor/account/password").await.hidden("form_secret");
    story.secrets.add("form secret", &form);
    for (current, status) in [("wrong horse battery 2", 422), ("teapot of ada 2", 200)] {
        let secret = [
            ("form_secret", &*form),
            ("current_password", current),
            ("password", "teapot of ada 3"),
            ("password_repeat", "teapot of ada 3"),
        ];
        let answer = story.post("account/password", &[], &secret).await;
        assert!(answer.status == status || answer.status == 303, "{}", answer.status);
    }
    let form = story.get("/s/harbor/account/email").await.hidden("form_secret");
    let secret = [("form_secret", &*form), ("current_password", "teapot of ada 3")];
    let open = [("email", "ada.new@example.test")];
    assert_eq!(story.post("account/email", &open, &secret).await.status, 200);
    let mails = story.deliver().await;
    let confirm = token(&mails, "/account/email/confirm");
    story.get(&format!("/s/harbor/account/email/confirm?token={confirm}")).await;
    let done = story.post("account/email/confirm", &[], &[("token", &confirm)]).await;
    assert_eq!(done.status, 200);
    story.snoop().await;
}

async fn registers(story: &mut Story) {
    let altcha = story.captcha("/s/harbor/captcha?for=registration").await;
    let open = [("email", "new@example.test"), ("first_name", "New"), ("last_name", "Person")];
    let secret = [("password", "kettle of the new one"), ("altcha", &*altcha)];
    assert_eq!(story.post("register", &open, &secret).await.status, 202);
    let mails = story.deliver().await;
    let confirm = token(&mails, "/register/confirm");
    assert_eq!(story.post("register/confirm", &[], &[("token", &confirm)]).await.status, 303);
    story.snoop().await;
}

async fn says_it_was_not_her(story: &mut Story) {
    story.test.wait(3700);
    let id = story.get("/s/harbor/forgot").await.hidden("captcha_id");
    let key = Secret::new([42; 32]).derive("captcha picture");
    let code = key.open("", &URL_SAFE_NO_PAD.decode(&id).unwrap()).unwrap()[..5].to_vec();
    let code = String::from_utf8(code).unwrap();
    let open = [("email", "ada.new@example.test")];
    let secret = [("captcha_id", &*id), ("captcha_code", &*code)];
    assert_eq!(story.post("forgot", &open, &secret).await.status, 202);
    let mails = story.deliver().await;
    let (link, stop) = (token(&mails, "/reset"), token(&mails, "/not-me"));
    let last = [
        ("token", &*link),
        ("password", "teapot of ada 4"),
        ("password_repeat", "teapot of ada 4"),
        ("switch", "1"),
    ];
    let done = story.ada.post("/s/harbor/reset", &last).await;
    assert_eq!(done.status, 303);
    story.secrets.add("password", "teapot of ada 4");
    story.keep(&done);
    let mails = story.deliver().await;
    let freeze = token(&mails, "/not-me");
    for token in [&stop, &freeze] {
        story.get(&format!("/s/harbor/not-me?token={token}")).await;
        assert_eq!(story.post("not-me", &[], &[("token", token)]).await.status, 200);
    }
    story.snoop().await;
}

async fn tell(database: Database) -> Story {
    let mut story = Story::new(database).await;
    logs_in(&mut story).await;
    recovers(&mut story).await;
    story.test.wait(61);
    changes_password_and_address(&mut story).await;
    registers(&mut story).await;
    says_it_was_not_her(&mut story).await;
    story
}

/// Puts something that can be found into each place.
async fn plant(story: &mut Story) {
    tracing::info!("{PLANTED}");
    story.test.exec("UPDATE customer SET phone = 'planted canary 8d1f'").await;
    story.databases.extend(heaps::database(&story.test).await);
    let answer = story.mallory.forgot("harbor", PLANTED).await;
    story.mallory_saw.extend(heaps::answer(&answer));
}

/// Tells a story on a runtime that logs everything, and looks at what it came to and at the log.
pub fn told<S: Send + 'static>(
    story: impl Future<Output = S> + Send + 'static,
    look: impl FnOnce(&S, &[u8]),
) {
    let log = Log::default();
    let runtime = log.runtime();
    // On a thread of the runtime, so that all of it is logged.
    let story = runtime.block_on(runtime.spawn(story)).unwrap();
    look(&story, &log.bytes());
    drop(story);
}

/// No secret lies in the database, in the log or on the pages of somebody else, in each of which what
/// was planted is found.
fn assert_clean(secrets: &Secrets, database: &[u8], log: &[u8], (whose, pages): (&str, &[u8])) {
    let (kept, shown) = (secrets.needles(false), secrets.needles(true));
    let none = Vec::<&str>::new();
    assert_eq!(kept.found_in(database), none, "in the database");
    assert_eq!(shown.found_in(log), none, "in the log");
    assert_eq!(shown.found_in(pages), none, "{whose}");
    let mut planted = Secrets::default();
    planted.add("planted", PLANTED);
    let planted = planted.needles(false);
    for (place, heap) in [("database", database), ("log", log), ("pages", pages)] {
        assert!(planted.found_in(heap).contains(&"planted (raw)"), "{place} of {}", heap.len());
    }
}

fn nothing_secret_lies_about(database: Database) {
    let story = async move {
        let mut story = tell(database).await;
        plant(&mut story).await;
        story
    };
    told(story, |story, log| {
        assert!(story.secrets.len() > 30, "{}", story.secrets.len());
        let pages = ("on somebody else's pages", &*story.mallory_saw);
        assert_clean(&story.secrets, &story.databases, log, pages);
        // And the secrets are what they are taken for: Ada's own pages are full of them.
        let kept = story.secrets.needles(false);
        let hers = kept.found_in(&story.ada_saw);
        assert!(hers.contains(&"mailed token (raw)") && hers.contains(&"cookie doorkey (raw)"));
    });
}

#[test]
fn no_secret_lies_about_with_sqlite() {
    nothing_secret_lies_about(Database::Sqlite);
}

#[test]
fn no_secret_lies_about_with_postgres() {
    nothing_secret_lies_about(Database::Postgres);
}
