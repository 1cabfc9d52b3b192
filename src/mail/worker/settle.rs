//! Settling mails with the mail server's answer, many to a commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Context;
use super::make::{Hold, Made};
use super::tell::{end, tell, tell_once};
use crate::batch::Step;
use crate::clock::{Micros, SECOND};
use crate::db::{Result, Tx};
use crate::mail::domain::{Domains, Verdict};
use crate::mail::outbox::{self, End, Leased};
use crate::mail::smtp::{Blame, Outcome};
use crate::password::seal;
use crate::secret::jitter;
use crate::timeline::{self, Entry, New};
use crate::token;

/// What came of a mail that was made.
pub(super) enum Came {
    /// The mail server's answer, and whether it took long.
    Answer(Outcome, bool),
    /// It was not handed over.
    Held(Hold),
}

/// What came of sending.
pub(super) struct Sent {
    mail: Leased,
    made_at: Micros,
    domain: String,
    is_trial: bool,
    /// Whose own password it carries, and which.
    password_of: Option<(String, i64)>,
    came: Came,
}

impl Sent {
    pub fn new(mail: &Leased, made: &Made, came: Came) -> Self {
        let password_of = made.draft.password_of().map(|(id, version)| (id.to_owned(), version));
        Self {
            mail: mail.clone(),
            made_at: made.made_at,
            domain: made.domain.clone(),
            is_trial: made.is_trial,
            password_of: password_of.filter(|_| !made.is_practice),
            came,
        }
    }

    /// What it says about its domain.
    fn verdict(&self) -> Option<Verdict> {
        match &self.came {
            Came::Answer(Outcome::Accepted { .. } | Outcome::Refused { .. }, _) => {
                Some(Verdict::Answers)
            }
            // A mail that hangs says as much as one that is put off.
            Came::Answer(Outcome::Deferred { blame: Blame::Domain, .. }, _)
            | Came::Answer(Outcome::Deferred { blame: Blame::Mail, .. }, true) => {
                Some(Verdict::Defers(self.mail.id.clone()))
            }
            Came::Answer(Outcome::Deferred { .. }, _) | Came::Held(_) => None,
        }
    }
}

/// Settles mails, many to a commit.
pub(super) struct Settle(pub Context, pub Arc<Domains>);

impl Step for Settle {
    type Item = Sent;
    type Done = ();

    async fn run(&self, tx: &mut Tx, items: &[Sent]) -> Result<Vec<()>> {
        let now = self.0.clock.now();
        let mut verdicts: BTreeMap<String, Vec<Verdict>> = BTreeMap::new();
        let mut accepted = Vec::new();
        for sent in items {
            self.one(tx, sent, &mut accepted, now).await?;
            match sent.verdict() {
                Some(verdict) => verdicts.entry(sent.domain.clone()).or_default().push(verdict),
                None if sent.is_trial => self.1.untried(tx, &sent.domain).await?,
                None => {}
            }
        }
        self.accepted(tx, &accepted, now).await?;
        self.1.judge(tx, &verdicts, now).await?;
        Ok(vec![(); items.len()])
    }
}

impl Settle {
    /// Settles a mail; one that was accepted, which is nearly every one, goes with all such.
    async fn one<'a>(
        &self,
        tx: &mut Tx,
        sent: &'a Sent,
        accepted: &mut Vec<(&'a Leased, &'a str)>,
        now: Micros,
    ) -> Result<()> {
        let Sent { mail, made_at, password_of, .. } = sent;
        let outcome = match &sent.came {
            Came::Answer(outcome, _) => outcome,
            Came::Held(hold) => {
                token::void_try(tx, &mail.id, *made_at, now).await?;
                outbox::put_back(tx, mail, &hold.why, hold.until).await?;
                return tell_once(tx, mail, hold, now).await;
            }
        };
        let perhaps =
            matches!(outcome, Outcome::Accepted { .. } | Outcome::Deferred { perhaps: true, .. });
        if let Some((customer, version)) = password_of.as_ref().filter(|_| perhaps) {
            seal::mailed(tx, customer, *version, now).await?;
        }
        match outcome {
            Outcome::Accepted { reply } => accepted.push((mail, reply)),
            Outcome::Refused { reply } => {
                token::void_try(tx, &mail.id, *made_at, now).await?;
                end(tx, mail, End::Failed, reply, now).await?;
            }
            Outcome::Deferred { reply, perhaps, .. } => {
                if !perhaps {
                    token::void_try(tx, &mail.id, *made_at, now).await?;
                }
                self.defer(tx, mail, reply, now).await?;
            }
        }
        Ok(())
    }

    async fn accepted(&self, tx: &mut Tx, accepted: &[(&Leased, &str)], now: Micros) -> Result<()> {
        let of = |(mail, reply): &(_, _)| (*mail, End::Sent, Some(*reply));
        let ended: Vec<_> = accepted.iter().map(of).collect();
        let settled = outbox::settle_all(tx, &ended, now).await?;
        let mut entries = Vec::with_capacity(accepted.len());
        for (mail, reply) in accepted {
            let kind = mail.kind.as_str();
            metrics::counter!("doorkey_mails", "kind" => kind, "outcome" => "accepted")
                .increment(1);
            if let Some(Some(customer)) = settled.get(&mail.id) {
                let entry = Entry::MailAccepted { mail: kind, reply: (*reply).to_owned() };
                entries.push(New::of_mail(mail, customer, entry));
            }
        }
        timeline::write_all(tx, &entries, now).await
    }

    /// Puts a mail off that was tried.
    async fn defer(&self, tx: &mut Tx, mail: &Leased, reply: &str, now: Micros) -> Result<()> {
        let kind = mail.kind.as_str();
        let next_at = now + self.back_off(mail.attempts);
        if next_at >= mail.expires_at {
            return end(tx, mail, End::Expired, reply, now).await;
        }
        metrics::counter!("doorkey_mails", "kind" => kind, "outcome" => "deferred").increment(1);
        if outbox::defer(tx, mail, reply, next_at).await? {
            let reply = reply.to_owned();
            tell(tx, mail, now, Entry::MailDeferred { mail: kind, reply, next_at }).await?;
        }
        Ok(())
    }

    /// Doubles from try to try, up to the longest wait; jittered, so that what was put off together
    /// does not come back together.
    fn back_off(&self, attempts: i64) -> Micros {
        let config = &self.0.config.mail;
        let doublings = u32::try_from(attempts).unwrap_or(0).min(30);
        let longest = (config.retry_first * SECOND).saturating_mul(1 << doublings);
        jitter(longest.min(config.retry_max * SECOND))
    }
}
