//! Where a mail can stand, and what may follow: one machine, under the same names in the database, in
//! the code and on the page.
//!
//! ```text
//! queued ──→ leased ──→ sent ──→ bounced
//!    ↑        │ ↑ └───→ failed, expired, suppressed, absorbed, nobody
//!    └────────┤ └── deferred ──→ cancelled, absorbed, expired
//!             └──────→ deferred
//! ```
//!
//! A mail that ended stays as it is: a retry by staff is a new mail.

use crate::clock::Micros;
use crate::db::Row;

/// How a mail ended: the column `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The mail server took it.
    Sent,
    /// The mail server refused it for good.
    Failed,
    /// The mail server took it, and later it came back.
    Bounced,
    /// It was tried for as long as it would have been of use.
    Expired,
    /// Its address is one that mail is not sent to any more.
    Suppressed,
    /// Staff took it back.
    Cancelled,
    /// A mail of the same kind is on its way already, was just sent, or is no longer needed.
    Absorbed,
    /// Nobody to send it to, or nobody who may have it.
    Nobody,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Sent,
        Self::Failed,
        Self::Bounced,
        Self::Expired,
        Self::Suppressed,
        Self::Cancelled,
        Self::Absorbed,
        Self::Nobody,
    ];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Bounced => "bounced",
            Self::Expired => "expired",
            Self::Suppressed => "suppressed",
            Self::Cancelled => "cancelled",
            Self::Absorbed => "absorbed",
            Self::Nobody => "nobody",
        }
    }

    /// Reads [`End::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == text)
    }
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its first try.
    Queued,
    /// A worker holds it.
    Leased,
    /// It was tried, or held back with its whole domain, and waits for the next try.
    Deferred,
    /// It is over.
    Ended(End),
}

impl State {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let waiting = [Self::Queued, Self::Leased, Self::Deferred];
        waiting.into_iter().chain(End::ALL.into_iter().map(Self::Ended))
    }

    /// What it is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Deferred => "deferred",
            Self::Ended(end) => end.as_str(),
        }
    }

    /// Reads [`State::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|state| state.as_str() == text)
    }

    /// Reads it off the columns `outcome`, `leased_until` and `reply`: what waits has a reply as soon
    /// as something kept it from leaving. `None` for an end that only a newer program knows.
    pub fn read(row: &Row, now: Micros) -> Option<Self> {
        if let Some(outcome) = row.get::<Option<String>>("outcome") {
            return End::parse(&outcome).map(Self::Ended);
        }
        Some(if row.get::<Option<i64>>("leased_until").is_some_and(|until| until > now) {
            Self::Leased
        } else if row.get::<Option<String>>("reply").is_some() {
            Self::Deferred
        } else {
            Self::Queued
        })
    }

    /// Whether this may follow: what the statements in `outbox` do, and nothing else. A lease that
    /// runs out, or that is given back untried, leads back to where the mail was.
    pub fn may_become(self, next: Self) -> bool {
        use End::{Absorbed, Bounced, Cancelled, Sent};
        match (self, next) {
            (Self::Queued | Self::Deferred, Self::Leased)
            | (Self::Queued | Self::Deferred, Self::Ended(Cancelled | Absorbed))
            | (Self::Leased, Self::Queued | Self::Deferred | Self::Leased)
            | (Self::Ended(Sent), Self::Ended(Bounced)) => true,
            (Self::Leased, Self::Ended(end)) => !matches!(end, Bounced | Cancelled),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_name_of_its_own() {
        for state in State::all() {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::parse("lost"), None);
    }

    #[test]
    fn what_ended_stays_ended_and_what_waits_can_end() {
        let ended = |state: &State| matches!(state, State::Ended(_));
        for from in State::all() {
            let to: Vec<_> = State::all().filter(|next| from.may_become(*next)).collect();
            match from {
                State::Ended(End::Sent) => assert_eq!(to, [State::Ended(End::Bounced)]),
                State::Ended(_) => assert!(to.is_empty(), "{from:?}"),
                _ => assert!(to.iter().any(ended) && to.contains(&State::Leased), "{from:?}"),
            }
        }
        // Only what is under way can be sent, and nothing bounces that was not.
        let before = |end| State::all().filter(move |s| s.may_become(State::Ended(end)));
        assert_eq!(before(End::Sent).collect::<Vec<_>>(), [State::Leased]);
        assert_eq!(before(End::Bounced).collect::<Vec<_>>(), [State::Ended(End::Sent)]);
    }
}
