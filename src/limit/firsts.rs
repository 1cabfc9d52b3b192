//! First hits, kept in memory. Of nearly every address that is typed there is one request in a window,
//! and a row for it in a table of counters is a page of its own to write, for it lies wherever its
//! keyed digest says: with a crowd at the door, half of all that is written. So a counter comes into
//! the database with its second hit.
//!
//! Each process knows its own first hits only, and forgets them when it ends: with several processes,
//! or after a start, a counter lets one hit more pass for each.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use super::{Standing, Window, hit};
use crate::clock::Micros;
use crate::db::{Result, Tx};

/// First hits that are remembered: some megabytes. Beyond, all hits go to the database.
const MOST: usize = 100_000;

/// Looks in a window, at most, at what can be forgotten: each reads all that is remembered, and while
/// it is full every hit would have one.
const SWEEPS: Micros = 64;

/// What this process has seen for the first time.
#[derive(Debug, Default)]
pub struct Firsts {
    names: RandomState,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    seen: HashMap<u64, Seen>,
    /// Not looked through again before.
    sweep_at: Micros,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    until: Micros,
    /// Whether the first hit is in the database by now.
    is_counted: bool,
}

impl Firsts {
    /// The same as [`hit`], but for first hits.
    ///
    /// # Errors
    /// What the database says.
    pub async fn hit(
        &self,
        tx: &mut Tx,
        buckets: &[(String, i64, Window)],
        now: Micros,
    ) -> Result<Vec<Standing>> {
        let due = |(name, count, window): &(String, i64, Window)| {
            let (count, left) = self.count(name, *count, *window, now);
            let window = Window { window: left, ..*window };
            (count > 0).then(|| (name.clone(), count, window))
        };
        let due: Vec<_> = buckets.iter().map(due).collect();
        let later: Vec<_> = due.iter().flatten().cloned().collect();
        let mut standings = hit(tx, &later, now).await?.into_iter();
        let standing = |due: &Option<_>| {
            let first = Standing { hits: 1, started_at: now };
            due.as_ref().and_then(|_| standings.next()).unwrap_or(first)
        };
        Ok(due.iter().map(standing).collect())
    }

    /// How many hits the database is to count, none of a first one, and with the second that one, too;
    /// and how long the window still is.
    fn count(&self, bucket: &str, count: i64, window: Window, now: Micros) -> (i64, Micros) {
        let name = self.names.hash_one(bucket);
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Memory { seen, sweep_at } = &mut *memory;
        if let Some(first) = seen.get_mut(&name).filter(|first| first.until > now) {
            let pending = i64::from(!first.is_counted);
            first.is_counted = true;
            return (count + pending, first.until - now);
        }
        if seen.len() >= MOST && *sweep_at <= now {
            seen.retain(|_, first| first.until > now);
            *sweep_at = now + window.window / SWEEPS;
        }
        if seen.len() < MOST {
            let is_counted = count > 1;
            seen.insert(name, Seen { until: now + window.window, is_counted });
            return (if is_counted { count } else { 0 }, window.window);
        }
        (count, window.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { most: 5, window: 100 };

    #[test]
    fn the_second_hit_brings_the_first_along() {
        let firsts = Firsts::default();
        let count = |name, hits, now| firsts.count(name, hits, WINDOW, now).0;
        assert_eq!([count("a", 1, 0), count("a", 1, 1), count("a", 1, 2)], [0, 2, 1]);
        // Two at once are no first hit, and another name has nothing to do with it.
        assert_eq!([count("b", 2, 0), count("b", 1, 1), count("c", 1, 1)], [2, 1, 0]);
        // With the window, it is over.
        assert_eq!([count("c", 1, 100), count("a", 1, 100), count("a", 1, 101)], [2, 0, 2]);
        // And it is as long as if the first had been counted at once.
        assert_eq!(firsts.count("d", 1, WINDOW, 0), (0, 100));
        assert_eq!(firsts.count("d", 1, WINDOW, 30), (2, 70));
    }

    #[test]
    fn what_does_not_fit_is_counted_at_once() {
        let firsts = Firsts::default();
        for n in 0..MOST {
            assert_eq!(firsts.count(&n.to_string(), 1, WINDOW, 0).0, 0);
        }
        assert_eq!(firsts.count("more", 1, WINDOW, 0).0, 1);
        assert_eq!(firsts.count("7", 1, WINDOW, 0).0, 2);
        assert_eq!(firsts.count("more", 1, WINDOW, 100).0, 0, "there is room again");
    }
}
