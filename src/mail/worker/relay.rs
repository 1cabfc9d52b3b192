//! The mail server that all mail leaves by. When it is down, that is no mail's fault: sending pauses
//! as a whole, for seconds, and one mail is the trial. Nothing that waits is tried, and nothing
//! counts as tried.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::{Micros, SECOND};
use crate::mail::smtp::{Blame, Outcome};
use crate::secret::jitter;

/// The first pause; it doubles with each trial that fails.
const FIRST: Micros = 5 * SECOND;
/// The longest pause.
const LONGEST: Micros = 60 * SECOND;
/// For how long a trial may be under way before another mail may be it.
const TRIAL: Micros = 300 * SECOND;

/// Whether mail may be sent just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Yes.
    Open,
    /// Yes: this mail shows whether the mail server is there again.
    Trial,
    /// Not before this moment, for this reason.
    Shut(Micros, String),
}

/// How one process finds the mail server.
#[derive(Debug, Default)]
pub(super) struct Relay(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    until: Micros,
    why: String,
    trial_until: Option<Micros>,
    /// When it last took or refused a mail.
    well_at: Micros,
}

impl Relay {
    /// Whether a mail may be sent; takes the trial if it is time for one.
    pub fn admit(&self, now: Micros) -> Admission {
        let mut state = self.lock();
        if state.failures == 0 {
            return Admission::Open;
        }
        if state.until > now || state.trial_until.is_some_and(|until| until > now) {
            let at = state.until.max(now + SECOND);
            return Admission::Shut(at, state.why.clone());
        }
        state.trial_until = Some(now + TRIAL);
        Admission::Trial
    }

    /// How many of the waiting mails may be taken up: all, one, or none.
    pub fn most(&self, now: Micros) -> usize {
        let state = self.lock();
        if state.failures == 0 {
            usize::MAX
        } else {
            usize::from(state.until <= now && state.trial_until.is_none_or(|until| until <= now))
        }
    }

    /// Learns from what came of a mail whose sending began at `began_at`.
    pub fn learn(&self, outcome: &Outcome, began_at: Micros, now: Micros) {
        let mut state = self.lock();
        match outcome {
            Outcome::Deferred { reply, blame: Blame::Relay, .. } => {
                state.trial_until = None;
                // Those that were under way fail together; and where others get through, it was
                // this connection only.
                if state.until > now || state.well_at > began_at {
                    return;
                }
                let doublings = state.failures.min(10);
                state.failures += 1;
                state.until = now + jitter((FIRST << doublings).min(LONGEST));
                state.why.clone_from(reply);
                let seconds = (state.until - now) / SECOND;
                tracing::warn!(seconds, "the mail server takes no mail: sending pauses");
            }
            _ => *state = State { well_at: now, ..State::default() },
        }
    }

    /// When the pause is over.
    pub fn resumes_at(&self, now: Micros) -> Micros {
        self.lock().until.max(now + SECOND)
    }

    /// Gives back a trial that came to no connection.
    pub fn untried(&self) {
        self.lock().trial_until = None;
    }

    /// What keeps all mail from leaving.
    pub fn trouble(&self) -> Option<String> {
        let state = self.lock();
        (state.failures > 0).then(|| state.why.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down() -> Outcome {
        let reply = "no connection".to_owned();
        Outcome::Deferred { reply, perhaps: false, blame: Blame::Relay }
    }

    fn until(relay: &Relay, now: Micros) -> Micros {
        match relay.admit(now) {
            Admission::Shut(until, why) if why == "no connection" => until,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_pauses_longer_and_longer_and_one_mail_reopens_it() {
        let (relay, mut now) = (Relay::default(), SECOND);
        assert_eq!((relay.admit(now), relay.trouble()), (Admission::Open, None));
        for longest in [5, 10, 20, 40, 60, 60] {
            relay.learn(&down(), now, now);
            // The others of the same moment do not lengthen it.
            relay.learn(&down(), now, now);
            let over = until(&relay, now);
            assert!((longest * SECOND / 2..=longest * SECOND).contains(&(over - now)), "{longest}");
            assert_eq!(relay.most(now), 0);
            now = over;
            assert_eq!((relay.most(now), relay.admit(now)), (1, Admission::Trial));
            assert_eq!(relay.most(now), 0, "one is enough");
            until(&relay, now);
        }
        assert_eq!(relay.trouble().as_deref(), Some("no connection"));
        relay.untried();
        assert_eq!(relay.admit(now), Admission::Trial);
        relay.learn(&Outcome::Refused { reply: "550 no".into() }, now, now);
        assert_eq!((relay.admit(now), relay.trouble()), (Admission::Open, None));
    }

    #[test]
    fn a_connection_that_fails_while_others_get_through_pauses_nothing() {
        let relay = Relay::default();
        relay.learn(&Outcome::Accepted { reply: "250 ok".into() }, 1, 5);
        relay.learn(&down(), 4, 6);
        assert_eq!(relay.admit(6), Admission::Open);
        relay.learn(&down(), 6, 7);
        assert!(matches!(relay.admit(7), Admission::Shut(..)));
    }
}
