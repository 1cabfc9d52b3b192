//! News of timelines for pages that stay open. One look a second at the database serves all of a
//! process's listeners, and while nobody listens there is none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::args;
use crate::clock::{Clock, Micros, SECOND};
use crate::db::{Db, Result};

/// Open timelines in one process. Beyond that, pages reload now and then instead.
const MOST_LISTENERS: usize = 1000;
/// Pieces of news that a slow listener may be behind.
const BACKLOG: usize = 256;
/// How often the database is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How far each look reaches back behind the one before it. An entry bears the time at which its
/// act began and is seen when that was committed, which with a busy database is a little later.
const OVERLAP: Micros = 3 * SECOND;
/// Entries taken up by one look.
const MOST_NEWS: i64 = 5000;

/// One new entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Whose timeline.
    pub customer_id: String,
    /// Which entry.
    pub id: String,
}

/// The listeners of one process.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    state: Mutex<State>,
}

enum State {
    /// Nobody listens.
    Idle,
    /// The task that looks is there.
    Looking(broadcast::Sender<Arc<[News]>>),
    /// The process stops.
    Closed,
}

/// Hears of new entries of one customer.
pub struct Listener {
    customer_id: String,
    news: broadcast::Receiver<Arc<[News]>>,
}

impl Live {
    /// Without listeners yet.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self(Arc::new(Inner { db, clock, state: Mutex::new(State::Idle) }))
    }

    /// Listens for new entries of a customer. `None` when there are too many listeners or the
    /// process is about to stop.
    pub fn listen(&self, customer_id: &str) -> Option<Listener> {
        let mut state = self.state();
        let news = match &*state {
            State::Closed => return None,
            State::Looking(sender) if sender.receiver_count() >= MOST_LISTENERS => return None,
            State::Looking(sender) => sender.subscribe(),
            State::Idle => {
                let (sender, news) = broadcast::channel(BACKLOG);
                *state = State::Looking(sender);
                tokio::spawn(self.clone().look());
                news
            }
        };
        Some(Listener { customer_id: customer_id.to_owned(), news })
    }

    /// Ends all listening, so that open pages do not hold up a process that stops.
    pub fn close(&self) {
        *self.state() = State::Closed;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// Looks for new entries until nobody listens any more.
    async fn look(self) {
        let mut seen = Seen::new(self.0.clock.now());
        loop {
            tokio::time::sleep(TICK).await;
            {
                let mut state = self.state();
                match &*state {
                    State::Looking(sender) if sender.receiver_count() > 0 => {}
                    State::Looking(_) => {
                        *state = State::Idle;
                        return;
                    }
                    State::Idle | State::Closed => return,
                }
            }
            match seen.news(&self.0.db).await {
                Ok(news) if news.is_empty() => {}
                Ok(news) => {
                    if let State::Looking(sender) = &*self.state() {
                        // An error means that the last listener has just left.
                        let _ = sender.send(news.into());
                    }
                }
                Err(error) => tracing::warn!(%error, "cannot look for news of timelines"),
            }
        }
    }
}

impl Listener {
    /// Waits for a new entry of the customer; `None` when there will be none. A listener that fell
    /// behind hears of one at once, for it may have missed it.
    pub async fn next(&mut self) -> Option<()> {
        loop {
            match self.news.recv().await {
                Ok(news) if news.iter().any(|n| n.customer_id == self.customer_id) => {
                    return Some(());
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Some(()),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// What has been seen: the newest time, and the entries around it.
struct Seen {
    newest: Micros,
    ids: HashMap<String, Micros>,
    /// Whether the last look took up all that one look may: then the next one goes on from there.
    full: bool,
}

impl Seen {
    fn new(now: Micros) -> Self {
        Self { newest: now, ids: HashMap::new(), full: false }
    }

    /// What is there now and was not before, oldest first.
    async fn news(&mut self, db: &Db) -> Result<Vec<News>> {
        let since = if self.full { self.newest } else { self.newest - OVERLAP };
        let rows = db
            .rows(
                "SELECT id, customer_id, at FROM timeline WHERE at > $1 ORDER BY at LIMIT $2",
                args![since, MOST_NEWS],
            )
            .await?;
        self.full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= MOST_NEWS;
        self.ids.retain(|_, at| *at > since);
        let mut news = Vec::new();
        for row in &rows {
            let (id, at): (String, Micros) = (row.get("id"), row.get("at"));
            self.newest = self.newest.max(at);
            if self.ids.insert(id.clone(), at).is_none() {
                news.push(News { customer_id: row.get("customer_id"), id });
            }
        }
        Ok(news)
    }
}
