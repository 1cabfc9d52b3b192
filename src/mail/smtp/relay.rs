//! One mail server to hand mail to: its connections, kept between mails; how fast it may be fed; and
//! whether it is down just now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::reply::{Failure, Step};
use super::session::{Server, Session, setup};
use super::{SmtpSettings, target};

/// How long an unused connection is kept before it is closed with `QUIT`: at least this, at most
/// twice this. Servers hang up after minutes; not leaving first is impolite and costs a retry.
const IDLE: Duration = Duration::from_secs(20);

/// A mail server, with the connections to it.
pub(super) struct Relay {
    server: Server,
    slots: Semaphore,
    pool: Arc<Mutex<Pool>>,
    pace: Option<Pace>,
    down: Mutex<Option<Down>>,
    pass_by: Duration,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Idle>,
    sweeping: bool,
}

struct Idle {
    session: Session,
    /// Whether the sweeper has seen it lie here before.
    stale: bool,
}

/// Mails leave this far apart.
struct Pace {
    every: Duration,
    next: Mutex<Instant>,
}

struct Down {
    why: String,
    /// When the next mail may try.
    retry_at: Instant,
}

impl Relay {
    pub fn new(settings: &SmtpSettings) -> Result<Self, String> {
        let pace = |per_second: u32| Pace {
            every: Duration::from_secs(1) / per_second.max(1),
            next: Mutex::new(Instant::now()),
        };
        Ok(Self {
            server: target::server(settings)?,
            slots: Semaphore::new(settings.connections.max(1) as usize),
            pool: Arc::default(),
            pace: settings.per_second.map(pace),
            down: Mutex::default(),
            pass_by: settings.pass_by,
        })
    }

    /// `host:port`, for people.
    pub fn place(&self) -> String {
        self.server.place()
    }

    /// Whether it is down and another should be asked first. Once in a while the answer is no, to one
    /// caller, whose mail finds out.
    pub fn is_passed_by(&self) -> bool {
        let (mut down, now) = (lock(&self.down), Instant::now());
        match &mut *down {
            None => false,
            Some(down) if now >= down.retry_at => {
                down.retry_at = now + self.pass_by;
                false
            }
            Some(_) => true,
        }
    }

    /// Why it is down, if it is.
    pub fn trouble(&self) -> Option<String> {
        lock(&self.down).as_ref().map(|down| down.why.clone())
    }

    /// Hands over one message, in the form of [`super::reply::wire_form`], as soon as a connection
    /// and the pace allow. Gives the server's answer.
    pub async fn send(&self, from: &str, to: &str, wire: &[u8]) -> Result<String, Failure> {
        let Ok(_slot) = self.slots.acquire().await else {
            return Err(setup("mail is being shut down".to_owned()));
        };
        if let Some(pace) = &self.pace {
            pace.wait().await;
        }
        let result = self.hand_over(from, to, wire).await;
        let is_down = |failure: &Failure| failure.step == Step::Setup || failure.ends_session();
        let why = result.as_ref().err().filter(|failure| is_down(failure));
        let retry_at = Instant::now() + self.pass_by;
        *lock(&self.down) = why.map(|failure| Down { why: failure.text.clone(), retry_at });
        result
    }

    /// See [`super::Smtp::check`].
    pub async fn check(&self) -> Result<String, String> {
        let session = Session::open(&self.server).await.map_err(|failure| failure.text)?;
        let found = format!("{}: {}", self.place(), session.describe());
        session.quit().await;
        Ok(found)
    }

    /// Closes the connections that are not in use.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut lock(&self.pool).idle);
        for Idle { session, .. } in idle {
            session.quit().await;
        }
    }

    /// A kept connection may have been closed by the server meanwhile. That shows at `MAIL`, when
    /// nothing has been handed over yet, and is no reason to defer: a fresh one is tried at once.
    async fn hand_over(&self, from: &str, to: &str, wire: &[u8]) -> Result<String, Failure> {
        let kept = lock(&self.pool).idle.pop();
        if let Some(Idle { mut session, .. }) = kept {
            let result = session.deliver(from, to, wire).await;
            match &result {
                Err(failure) if failure.step == Step::Mail && failure.ends_session() => {}
                _ => return self.settle(session, result).await,
            }
        }
        let mut session = Session::open(&self.server).await?;
        let result = session.deliver(from, to, wire).await;
        self.settle(session, result).await
    }

    /// Keeps the connection for the next mail if it is in a known state, otherwise leaves.
    async fn settle(
        &self,
        mut session: Session,
        result: Result<String, Failure>,
    ) -> Result<String, Failure> {
        let reusable = match &result {
            Ok(_) => true,
            Err(failure) if failure.ends_session() || failure.step == Step::Mail => false,
            Err(_) => session.reset().await.is_ok(),
        };
        if reusable {
            self.keep(session);
        } else {
            session.leave().await;
        }
        result
    }

    fn keep(&self, session: Session) {
        let mut pool = lock(&self.pool);
        pool.idle.push(Idle { session, stale: false });
        if !std::mem::replace(&mut pool.sweeping, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.pool)));
        }
    }
}

impl Pace {
    /// Waits for the caller's turn. A mail that comes after a pause has its turn at once; what was
    /// not used meanwhile is not made up for.
    async fn wait(&self) {
        let turn = {
            let mut next = lock(&self.next);
            let turn = Instant::now().max(*next);
            *next = turn + self.every;
            turn
        };
        sleep_until(turn).await;
    }
}

/// Closes what has not been used for a whole period; ends when nothing is left to watch.
async fn sweep(pool: Weak<Mutex<Pool>>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(pool) = pool.upgrade() else { return };
        let (old, done) = {
            let mut pool = lock(&pool);
            let old: Vec<Idle> = pool.idle.extract_if(.., |idle| idle.stale).collect();
            pool.idle.iter_mut().for_each(|idle| idle.stale = true);
            pool.sweeping = !pool.idle.is_empty();
            (old, !pool.sweeping)
        };
        for Idle { session, .. } in old {
            session.quit().await;
        }
        if done {
            return;
        }
    }
}

/// What it guards stays usable after a panic elsewhere: at worst there is a connection too many.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
