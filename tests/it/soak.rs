//! Twenty thousand mails through real mail processes that are killed at random, into a server that
//! defers, refuses, hangs up over the content, stalls and restarts. Each is delivered once, or once
//! more for each time that nobody could know; none is lost, none comes too late, and every history
//! is one that the states allow.

mod sink;

use std::collections::HashMap;
use std::time::Duration;

use doorkey::args;
use doorkey::clock::{Clock, HOUR, Micros, SECOND};
use doorkey::db::{Arg, Db};
use doorkey::locale::Language;
use doorkey::mail::outbox::{End, State};
use doorkey::secret::Secret;
use doorkey::store::{Access, NewStore};

use crate::support::app::Database;
use crate::support::ground::Ground;
use crate::support::process::{Running, free_port};
use sink::{BAD, Sink, draw};

const MAILS: usize = 20_000;
const SECRET: &str = "ZG9vcmtleS1kb29ya2V5LWRvb3JrZXktZG9vcmtleTE=";
const SEED: u64 = 20_261_126;
/// What a busy machine may add to the clock of a mail that was handed over in time.
const LATE: Micros = 2 * SECOND;

struct Soak {
    ground: Ground,
    sink: Sink,
    workers: Vec<(Running, String)>,
}

impl Soak {
    async fn new(database: Database) -> Self {
        let ground = Ground::new(database).await;
        let now = Clock::System.now();
        fill(&ground.db, now).await;
        let sink = Sink::start(SEED, now + 15 * SECOND).await;
        Self { ground, sink, workers: Vec::new() }
    }

    /// Starts a mail process and waits until it says in the database that it is there.
    async fn start(&mut self) {
        let (smtp, ops) = (format!("smtp://{}", self.sink.address), free_port());
        let ops = format!("127.0.0.1:{ops}");
        let environment = [
            ("DOORKEY_DATABASE_URL", self.ground.url.as_str()),
            ("DOORKEY_SMTP__URL", &smtp),
            ("DOORKEY_SMTP__TIMEOUT", "2"),
            ("DOORKEY_OPS_LISTEN", &ops),
            ("DOORKEY_SECRET", SECRET),
            ("DOORKEY_MAIL__LEASE", "6"),
            ("DOORKEY_MAIL__RETRY_FIRST", "1"),
            ("DOORKEY_MAIL__RETRY_MAX", "4"),
            ("DOORKEY_LIMITS__STORE_MAILS_PER_HOUR", "1000000"),
        ];
        let known = self.senders().await;
        let mut running =
            Running::start(&["--log-level", "warn", "serve", "--role", "mail"], &environment);
        let name = loop {
            assert!(!running.has_ended(), "it ended: {}", running.said());
            let fresh = self.senders().await.into_iter().find(|id| !known.contains(id));
            if let Some(name) = fresh {
                break name;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        self.workers.push((running, name));
    }

    async fn senders(&self) -> Vec<String> {
        let rows = self.ground.db.rows("SELECT id FROM mail_process", args![]).await.unwrap();
        rows.iter().map(|row| row.get("id")).collect()
    }

    /// Kills one of the processes. What the server had taken from it and it had not written down yet
    /// is found in its leases.
    async fn kill(&mut self, which: usize) {
        let (mut running, name) = self.workers.remove(which);
        running.kill();
        let sql = "SELECT c.email_key FROM outbox o JOIN customer c ON c.id = o.subject_id
                   WHERE o.settled_at IS NULL AND o.lease LIKE $1";
        for row in self.ground.db.rows(sql, args![format!("{name}/%")]).await.unwrap() {
            self.sink.died_with(&row.get::<String>("email_key"));
        }
    }

    async fn left(&self) -> i64 {
        let sql = "SELECT COUNT(*) AS n FROM outbox WHERE settled_at IS NULL";
        self.ground.db.row(sql, args![]).await.unwrap().unwrap().get("n")
    }

    /// Lets it all happen until nothing is left, killing and restarting by the seed.
    async fn rage(&mut self, processes: usize) -> usize {
        for _ in 0..processes {
            self.start().await;
        }
        let (mut round, mut kills) = (0, 0);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(420);
        loop {
            let left = self.left().await;
            if left == 0 {
                return kills;
            }
            assert!(tokio::time::Instant::now() < deadline, "{left} mails are left over");
            round += 1;
            tokio::time::sleep(Duration::from_millis(1500 + draw(SEED, "nap", round) % 2500)).await;
            // The last ones are left in peace, or it would take for ever.
            match draw(SEED, "deed", round) % 5 {
                0 => self.sink.restart(Duration::from_millis(700)).await,
                1..=3 if left > 300 => {
                    let which = draw(SEED, "whom", round) as usize % self.workers.len();
                    self.kill(which).await;
                    kills += 1;
                    self.start().await;
                }
                _ => {}
            }
        }
    }
}

/// The customers, and a mail for each: notices, and for every fourth the link that it asked for.
/// Every fiftieth is of use for a few seconds only.
async fn fill(db: &Db, now: Micros) {
    let mut tx = db.begin().await.unwrap();
    let merchant = doorkey::merchant::add(&mut tx, "shop", "Shop", now).await.unwrap();
    let mut stores = Vec::new();
    for key in ["one", "two"] {
        let store = NewStore {
            key: key.into(),
            name: "Shop".into(),
            base_url: format!("http://127.0.0.1:9/s/{key}"),
            access: Access::Public,
            language: Language::En,
            accent: "#1f5c57".into(),
            sender: "service@shop.test".into(),
        };
        stores.push(doorkey::store::add(&mut tx, &merchant.id, &store, now).await.unwrap());
    }
    let addresses = Secret::parse(SECRET).unwrap().derive("addresses");
    let (mut customers, mut credentials) = (Vec::new(), Vec::new());
    let (mut recoveries, mut mails) = (Vec::new(), Vec::new());
    for n in 0..MAILS {
        let (id, store) = (doorkey::new_id(), &stores[n % 2]);
        let domain = if n % 25 == 0 { BAD.to_owned() } else { format!("d{}.test", n % 20) };
        let email = format!("c{n}@{domain}");
        customers.push(customer(&id, &merchant.id, &format!("N-{n}"), &email, store, now));
        credentials.push(args![&id, 1i64]);
        let asks = n % 4 == 0;
        if asks {
            // Under the customer's own id, by which its mail is found again.
            let sealed = addresses.seal(&id, email.as_bytes());
            recoveries.push(args![&id, &merchant.id, store, "K7QF-2M", sealed, "", "en", now]);
        }
        let lives = if n % 50 == 7 { 8 * SECOND } else { HOUR };
        mails.push(args![
            doorkey::new_id(),
            if asks { "recovery" } else { "password_changed" },
            &id,
            &merchant.id,
            store,
            (!asks).then_some(&*id),
            i64::from(!asks),
            now,
            now,
            now + lives,
            0i64
        ]);
    }
    let head = "INSERT INTO customer (id, merchant_id, number, email, email_key, first_name,
        last_name, company, phone, home_store_id, created_at, last_key, first_key, company_key,
        number_key, email_search) VALUES";
    tx.many(head, customers, "").await.unwrap();
    let head = "INSERT INTO credential (customer_id, version) VALUES";
    tx.many(head, credentials, "").await.unwrap();
    let head = "INSERT INTO recovery (id, merchant_id, store_id, reference, address_sealed,
        return_to, language, created_at) VALUES";
    tx.many(head, recoveries, "").await.unwrap();
    let head = "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, customer_id,
        priority, created_at, due_at, expires_at, attempts) VALUES";
    tx.many(head, mails, "").await.unwrap();
    tx.commit().await.unwrap();
}

fn customer(
    id: &str,
    merchant: &str,
    number: &str,
    email: &str,
    store: &str,
    now: Micros,
) -> Vec<Arg> {
    let key = |text: &str| text.as_bytes().to_vec();
    let (last, first, none) = (key("person"), key("test"), key(""));
    let (by_number, search) = (key(number), key(email));
    args![
        id, merchant, number, email, email, "Test", "Person", "", "", store, now, last, first,
        none, by_number, search
    ]
}

/// Everything that was promised, read off the server's memory and the database.
async fn check(soak: &Soak) {
    let accounts = soak.sink.accounts();
    let sql = "SELECT c.id, c.email_key, o.outcome, o.leased_until, o.reply, o.expires_at
               FROM outbox o JOIN customer c ON c.id = o.subject_id";
    let rows = soak.ground.db.rows(sql, args![]).await.unwrap();
    assert_eq!(rows.len(), MAILS);
    let mut histories = histories(&soak.ground.db).await;
    let now = Clock::System.now();
    let (mut repeats, mut windows, mut ends) = (0, 0, HashMap::<&str, usize>::new());
    for row in &rows {
        let email: String = row.get("email_key");
        let state = State::read(row, now).unwrap();
        *ends.entry(state.as_str()).or_default() += 1;
        let account = accounts.get(&email).cloned().unwrap_or_default();
        let taken = account.taken.len();
        match state {
            State::Ended(End::Sent) => assert!(taken >= 1, "{email} is lost"),
            State::Ended(End::Failed) => assert!(account.refused, "{email}: {account:?}"),
            State::Ended(End::Expired) => {
                assert!(row.get::<i64>("expires_at") <= now, "{email} was given up too early");
            }
            other => panic!("{email} ended {other:?}"),
        }
        let told = usize::from(state == State::Ended(End::Sent));
        assert!(taken <= told + account.windows, "{email}: {account:?}");
        repeats += taken.saturating_sub(1);
        windows += account.windows;
        let late = account.taken.iter().any(|at| *at > row.get::<i64>("expires_at") + LATE);
        assert!(!late, "{email} was delivered after its time: {account:?}");
        legal(&email, state, &histories.remove(&row.get::<String>("id")).unwrap_or_default());
    }
    println!("soak: {ends:?}, {windows} windows, {repeats} repeats");
    assert!(ends["sent"] > MAILS * 9 / 10 && ends["failed"] > MAILS / 100, "{ends:?}");
    assert!(repeats <= windows && windows > MAILS / 100, "{repeats} of {windows}");
}

/// The timelines, oldest entry first.
async fn histories(db: &Db) -> HashMap<String, Vec<String>> {
    let sql = "SELECT customer_id, kind FROM timeline ORDER BY customer_id, at, id";
    let mut all: HashMap<String, Vec<String>> = HashMap::new();
    for row in db.rows(sql, args![]).await.unwrap() {
        all.entry(row.get("customer_id")).or_default().push(row.get("kind"));
    }
    all
}

/// Walks a timeline through the states.
fn legal(email: &str, last: State, history: &[String]) {
    let mut state = State::Queued;
    let mut queued = 0;
    for kind in history {
        let next = match kind.as_str() {
            "recovery_requested" => continue,
            "mail_queued" => {
                queued += 1;
                State::Leased
            }
            "mail_deferred" => State::Deferred,
            "mail_accepted" => State::Ended(End::Sent),
            "mail_failed" if last == State::Ended(End::Expired) => last,
            "mail_failed" => State::Ended(End::Failed),
            other => panic!("{email}: {other} in {history:?}"),
        };
        let leased = state == State::Leased || state.may_become(State::Leased);
        let arrives = next == State::Leased || State::Leased.may_become(next);
        assert!(leased && arrives, "{email}: {next:?} after {state:?} in {history:?}");
        state = next;
    }
    assert!(queued <= 1, "{email} was told of twice: {history:?}");
    // Of a mail that was never made nobody knows whose it is.
    assert!(state == last || history.is_empty(), "{email}: {last:?} after {history:?}");
}

async fn soak(database: Database, processes: usize) {
    let mut soak = Soak::new(database).await;
    let started = tokio::time::Instant::now();
    let kills = soak.rage(processes).await;
    println!("soak: {MAILS} mails, {kills} kills, {:?}", started.elapsed());
    assert!(kills >= 3, "there was too little rage to prove anything");
    for (worker, _) in &mut soak.workers {
        worker.kill();
    }
    check(&soak).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_postgres() {
    soak(Database::Postgres, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_on_sqlite() {
    soak(Database::Sqlite, 1).await;
}
