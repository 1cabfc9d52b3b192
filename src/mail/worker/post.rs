//! One mail that is made, on its way out: written and signed, through the gate, to the mail server.

use std::time::Duration;

use zeroize::Zeroizing;

use super::Worker;
use super::gate::{self, Ticket};
use super::make::{Hold, Made};
use super::relay::Admission;
use super::settle::Came;
use crate::clock::{Micros, SECOND};
use crate::mail::message;
use crate::mail::mime;
use crate::mail::outbox::Leased;
use crate::mail::scrub::scrub;
use crate::mail::smtp::{Blame, Outcome};
use crate::tutorial;

impl Worker {
    /// Through the gate and to the mail server, if it is still of use by then.
    pub(super) async fn pass(&self, mail: &Leased, made: &Made, admission: &Admission) -> Came {
        let clock = &self.context.clock;
        if made.is_practice {
            return Came::Answer(Outcome::Accepted { reply: tutorial::REPLY.into() }, false);
        }
        let raw = match self.write(made).await {
            Ok(raw) => raw,
            Err(outcome) => return Came::Answer(outcome, false),
        };
        let ticket = Ticket {
            notice: mail.kind.is_notice(),
            merchant: mail.merchant_id.clone(),
            domain: made.domain.clone(),
        };
        let Some(_pass) = self.gate.enter(ticket).await else {
            return Came::Held(Hold::slow(clock.now()));
        };
        let began_at = clock.now();
        if *admission == Admission::Open
            && let Some(why) = self.relay.trouble()
        {
            // It went down while this one stood in line.
            return Came::Held(Hold { until: began_at + SECOND, why });
        }
        let dies_at = made.draft.dies_at().unwrap_or(Micros::MAX).min(mail.expires_at);
        let left = u64::try_from(dies_at - began_at).map(Duration::from_micros);
        let left = left.unwrap_or_default();
        if left.is_zero() {
            return Came::Held(Hold { until: began_at, why: "it came too late".into() });
        }
        // What is handed over later than it is of use only confuses.
        let outcome =
            tokio::time::timeout(left, self.send(made, &raw)).await.unwrap_or_else(|_| {
                let reply = "the mail server took too long".to_owned();
                Outcome::Deferred { reply, perhaps: true, blame: Blame::Mail }
            });
        let outcome = without(outcome, &made.draft.secrets());
        let now = clock.now();
        self.relay.learn(&outcome, began_at, now);
        match outcome {
            // The pause is that of all mail, and this was no try of the mail's.
            Outcome::Deferred { reply, blame: Blame::Relay, .. } => {
                Came::Held(Hold { until: self.relay.resumes_at(now), why: reply })
            }
            outcome => Came::Answer(outcome, now - began_at >= gate::SLOW),
        }
    }

    /// Writes a mail out and signs it, which takes a moment: before it has a connection.
    async fn write(&self, made: &Made) -> std::result::Result<Vec<u8>, Outcome> {
        let (store, verp) = (&made.store, &self.context.verp);
        let rendered = message::render(&made.draft, store);
        let domain = store.sender.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let raw = mime::compose(
            made.draft.sender_name(store),
            &store.sender,
            made.draft.to(),
            made.draft.language(store).code(),
            &rendered,
            &mime::Marks {
                message_id: verp.message_id(&made.mail_id, domain),
                headers: verp.headers(&made.mail_id),
            },
            made.made_at,
        );
        let raw = raw.map_err(|error| Outcome::Refused {
            reply: format!("the mail cannot be written: {error}"),
        })?;
        let domain = domain.to_lowercase();
        let signed = self.context.keyring.sign(&store.merchant_id, &domain, raw).await;
        signed.map_err(|error| Outcome::Deferred {
            reply: format!("the mail cannot be signed: {error}"),
            perhaps: false,
            blame: Blame::Mail,
        })
    }

    async fn send(&self, made: &Made, raw: &[u8]) -> Outcome {
        match &self.context.smtp {
            Some(smtp) => {
                let from = self.context.verp.envelope(&made.store.sender, &made.mail_id);
                smtp.send(&from, made.draft.to(), raw).await
            }
            None => {
                let reply = "no mail server is set".into();
                Outcome::Deferred { reply, perhaps: false, blame: Blame::Relay }
            }
        }
    }
}

/// An outcome whose reply holds nothing of what was secret in the mail.
fn without(mut outcome: Outcome, secrets: &[Zeroizing<String>]) -> Outcome {
    let (Outcome::Accepted { reply }
    | Outcome::Deferred { reply, .. }
    | Outcome::Refused { reply }) = &mut outcome;
    *reply = scrub(reply, secrets);
    outcome
}
