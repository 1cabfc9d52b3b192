//! Passwords: reading them, and hashing them on a bounded pool of threads.
//!
//! Argon2id (RFC 9106) is meant to be slow and large: 19 MiB and tens of milliseconds of a core for
//! each. Here that is confined to a few threads of lower priority with a short queue, so that a
//! flood of log-ins neither starves the pages nor fills the memory; beyond the queue callers are
//! told [`Busy`]. Which passwords are acceptable is decided in [`policy`].

mod argon;
pub mod policy;
pub mod seal;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use argon::{Memory, Stored, hash, verify};

pub use argon2::Params;

/// Longest password in bytes, as it is typed. Everything is hashed; nothing is ever cut off.
pub const MAX_BYTES: usize = 1024;

/// How long a thread keeps its memory without work.
const PAUSE: Duration = Duration::from_millis(250);

/// Jobs that may wait for a thread. At 25 ms each and two threads, the last one waits 3 s.
const MAX_WAITING: usize = 256;

/// A password as it was typed, in Unicode normalisation form C: the same characters typed on
/// another system are the same password. Wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// The password has more than [`MAX_BYTES`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Password {
    /// Takes a typed password.
    ///
    /// # Errors
    /// [`TooLong`], before anything is computed.
    pub fn read(typed: &str) -> Result<Self, TooLong> {
        if typed.len() > MAX_BYTES {
            return Err(TooLong);
        }
        // NFC grows UTF-8 threefold at most: the buffer never moves, so no copy is left behind.
        let mut normal = Zeroizing::new(String::with_capacity(3 * typed.len()));
        normal.extend(typed.nfc());
        Ok(Self(normal))
    }

    /// The text, for the policy, for verifying imported hashes and for sealing.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The outcome of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Right,
    /// The password is right, and its hash was made with other parameters than today's: hash anew.
    RightButStale,
    /// The password is wrong, or there is none to compare with.
    Wrong,
}

/// The pool is working to capacity; answer 503 and let the caller come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// A pool of threads that hash and verify passwords. Dropping it ends the threads.
pub struct PasswordHasher(Arc<Pool>);

struct Pool {
    params: Params,
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

enum Job {
    Hash(Password, Vec<String>, oneshot::Sender<String>),
    Verify(Password, Option<String>, Vec<String>, oneshot::Sender<(Verdict, Option<usize>)>),
}

impl Job {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Hash(_, _, reply) => reply.is_closed(),
            Self::Verify(_, _, _, reply) => reply.is_closed(),
        }
    }
}

impl PasswordHasher {
    /// Starts `threads` threads (one per core is the most that helps). `Params::DEFAULT` is 19 MiB,
    /// two passes, one lane: the least that OWASP recommends for Argon2id.
    ///
    /// # Panics
    /// When the operating system refuses to start a thread.
    pub fn new(threads: usize, params: Params) -> Self {
        // The length of the hash is ours to choose: 32 bytes.
        let params = Params::new(params.m_cost(), params.t_cost(), params.p_cost(), None)
            .expect("the costs of valid parameters are valid");
        let queue = Mutex::default();
        let pool = Arc::new(Pool { params, queue, arrived: Condvar::new() });
        for _ in 0..threads.max(1) {
            let pool = Arc::clone(&pool);
            std::thread::Builder::new()
                .name("password".to_owned())
                .spawn(move || pool.work())
                .expect("the operating system starts a thread");
        }
        Self(pool)
    }

    /// Hashes a password with a fresh salt; the PHC string `$argon2id$v=19$…`.
    ///
    /// # Errors
    /// [`Busy`] when too many are waiting.
    pub async fn hash(&self, password: Password) -> Result<String, Busy> {
        self.hash_beside(password, Vec::new()).await
    }

    /// Hashes a temporary password so that [`PasswordHasher::verify_among`] finds it by the
    /// computation that it makes for the first of `beside`: with that one's salt and costs, or with
    /// fresh ones where none is as strong as today's.
    ///
    /// # Errors
    /// [`Busy`] when too many are waiting.
    pub async fn hash_beside(
        &self,
        password: Password,
        beside: Vec<String>,
    ) -> Result<String, Busy> {
        let (reply, answer) = oneshot::channel();
        self.0.push(Job::Hash(password, beside, reply))?;
        answer.await.map_err(|_| Busy)
    }

    /// Compares a password with a stored PHC string of any Argon2 variant.
    ///
    /// Takes one Argon2id computation at today's cost whether there is a hash or not: `None` and
    /// what cannot be read cost the same as a wrong password, so that time does not tell who
    /// exists. A hash of other parameters is computed as it is, and today's on top if it was cheaper
    /// or another variant.
    ///
    /// # Errors
    /// [`Busy`] when too many are waiting.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
    ) -> Result<Verdict, Busy> {
        Ok(self.verify_among(password, stored, Vec::new()).await?.0)
    }

    /// The same, and which of these hashes of temporary passwords fits, at no further cost: those
    /// that [`PasswordHasher::hash_beside`] made beside the stored one are compared with the outcome
    /// of the one computation.
    ///
    /// # Errors
    /// [`Busy`] when too many are waiting.
    pub async fn verify_among(
        &self,
        password: Password,
        stored: Option<String>,
        temporary: Vec<String>,
    ) -> Result<(Verdict, Option<usize>), Busy> {
        let (reply, answer) = oneshot::channel();
        self.0.push(Job::Verify(password, stored, temporary, reply))?;
        answer.await.map_err(|_| Busy)
    }

    /// Whether [`PasswordHasher::verify`] can verify this string; for refusing a row of an import.
    pub fn can_verify(stored: &str) -> bool {
        Stored::read(stored).is_some()
    }
}

impl Drop for PasswordHasher {
    fn drop(&mut self) {
        self.0.queue().closed = true;
        self.0.arrived.notify_all();
    }
}

impl Pool {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> Result<(), Busy> {
        let mut queue = self.queue();
        if queue.jobs.len() >= MAX_WAITING {
            // Whoever hung up need not be served: a flood of broken requests fills nothing.
            queue.jobs.retain(|job| !job.is_abandoned());
        }
        if queue.jobs.len() >= MAX_WAITING {
            return Err(Busy);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.arrived.notify_one();
        Ok(())
    }

    /// One thread's life.
    fn work(&self) {
        // Pages come first: they are answered at once even while log-ins queue. On Linux this is
        // the priority of the calling thread; elsewhere hashing is as urgent as pages.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, 5);
        let mut memory = Memory::default();
        while let Some(job) = self.next(&mut memory) {
            match job {
                job if job.is_abandoned() => {}
                Job::Hash(password, beside, reply) => {
                    let _ = reply.send(hash(&self.params, &password, &beside, &mut memory));
                }
                Job::Verify(password, stored, temporary, reply) => {
                    let (params, stored) = (&self.params, stored.as_deref());
                    let found = verify(params, &password, stored, &temporary, &mut memory);
                    let _ = reply.send(found);
                }
            }
        }
    }

    /// The next job; waits for one. Memory is kept over short pauses, for getting it anew costs a
    /// fifth of a hash, and given back when a pause gets longer.
    fn next(&self, memory: &mut Memory) -> Option<Job> {
        let mut queue = self.queue();
        while queue.jobs.is_empty() && !queue.closed {
            if !memory.is_held() {
                queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.arrived.wait_timeout(queue, PAUSE);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            if queue.jobs.is_empty() {
                drop(queue);
                *memory = Memory::default();
                queue = self.queue();
            }
        }
        queue.jobs.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{Algorithm, Argon2, Version};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;

    fn cheap() -> PasswordHasher {
        PasswordHasher::new(1, Params::new(8, 1, 1, None).unwrap())
    }

    fn password(text: &str) -> Password {
        Password::read(text).unwrap()
    }

    #[test]
    fn a_password_is_capped_normalised_and_never_printed() {
        assert!(Password::read(&"x".repeat(MAX_BYTES)).is_ok());
        assert_eq!(Password::read(&"x".repeat(MAX_BYTES + 1)).err(), Some(TooLong));
        assert_eq!(password("cafe\u{301}").reveal(), "caf\u{e9}");
        assert_eq!(password(" A b ").reveal(), " A b ");
        assert_eq!(format!("{:?}", password("secret")), "Password(…)");
        // The character that grows most: nothing may be reallocated.
        let grown = password(&"\u{390}".repeat(512));
        assert!(grown.reveal().len() <= 3 * MAX_BYTES);
    }

    #[tokio::test]
    async fn what_was_hashed_is_verified() {
        let hasher = cheap();
        let stored = hasher.hash(password("right")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        assert_ne!(stored, hasher.hash(password("right")).await.unwrap());
        let verify = |text| hasher.verify(password(text), Some(stored.clone()));
        assert_eq!(verify("right").await, Ok(Verdict::Right));
        assert_eq!(verify("wrong").await, Ok(Verdict::Wrong));
        // All of a long password counts.
        let long = "x".repeat(MAX_BYTES);
        let stored = hasher.hash(password(&long)).await.unwrap();
        let shorter = hasher.verify(password(&long[1..]), Some(stored.clone())).await;
        assert_eq!(shorter, Ok(Verdict::Wrong));
        assert_eq!(hasher.verify(password(&long), Some(stored)).await, Ok(Verdict::Right));
    }

    #[tokio::test]
    async fn nobody_and_nonsense_are_wrong() {
        let hasher = cheap();
        assert_eq!(hasher.verify(password("x"), None).await, Ok(Verdict::Wrong));
        let huge = "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA";
        for stored in ["", "x", "$argon2id$", "$2b$12$abc", huge] {
            let verdict = hasher.verify(password("x"), Some(stored.to_owned())).await;
            assert_eq!(verdict, Ok(Verdict::Wrong), "{stored}");
            assert!(!PasswordHasher::can_verify(stored), "{stored}");
        }
    }

    #[tokio::test]
    async fn other_variants_and_costs_are_right_but_stale() {
        let hasher = cheap();
        for (algorithm, version, cost) in [
            (Algorithm::Argon2id, Version::V0x13, 2),
            (Algorithm::Argon2id, Version::V0x10, 1),
            (Algorithm::Argon2i, Version::V0x13, 1),
            (Algorithm::Argon2d, Version::V0x13, 1),
        ] {
            let old = Argon2::new(algorithm, version, Params::new(8, cost, 1, None).unwrap());
            let mut hash = [0; 32];
            old.hash_password_into(b"right", b"somesalt", &mut hash).unwrap();
            let [salt, hash] = [&b"somesalt"[..], &hash].map(|b| STANDARD_NO_PAD.encode(b));
            let v = u32::from(version);
            let stored = format!("${algorithm}$v={v}$m=8,t={cost},p=1${salt}${hash}");
            assert!(PasswordHasher::can_verify(&stored));
            let verify = |text| hasher.verify(password(text), Some(stored.clone()));
            assert_eq!(verify("right").await, Ok(Verdict::RightButStale), "{stored}");
            assert_eq!(verify("wrong").await, Ok(Verdict::Wrong), "{stored}");
        }
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_who_hangs_up_is_skipped() {
        // Slow enough that the queue fills before the first job is done.
        let hasher = PasswordHasher::new(1, Params::new(64 << 10, 2, 1, None).unwrap());
        let mut waiting = Vec::new();
        let busy = loop {
            let mut job = Box::pin(hasher.hash(password("x")));
            match poll_once(job.as_mut()).await {
                Some(answer) => break answer,
                None => waiting.push(job),
            }
        };
        assert_eq!(busy, Err(Busy));
        assert!((MAX_WAITING..=MAX_WAITING + 1).contains(&waiting.len()));
        drop(waiting);
        assert!(hasher.hash(password("x")).await.is_ok());
    }

    /// Polls once: `Some` when the future is ready at once.
    async fn poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
