//! What the worker does in transactions, many mails to a commit: making them, and settling them
//! with the mail server's answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Context, route};
use crate::address::EmailAddress;
use crate::batch::Step;
use crate::clock::{Micros, SECOND};
use crate::db::{Result, Tx};
use crate::mail::domain::{Domains, Standing, Verdict};
use crate::mail::message::{self, Draft, Unmade};
use crate::mail::outbox::{self, End, Kind, Leased};
use crate::mail::smtp::{Blame, Outcome};
use crate::password::seal;
use crate::recovery;
use crate::reminder::Ready;
use crate::secret::jitter;
use crate::store::Store;
use crate::timeline::{self, Entry};
use crate::token;
use crate::tutorial;

/// A mail that is made: its tokens are on disk as digests, and here in clear until it is sent.
pub(super) struct Made {
    pub mail_id: String,
    pub draft: Draft,
    pub store: Arc<Store>,
    pub made_at: Micros,
    /// Where it goes.
    pub domain: String,
    /// Whether its domain is judged by it.
    pub is_trial: bool,
    /// Whether it goes nowhere: staff practise on its customer.
    pub is_practice: bool,
}

/// What keeps a mail from being tried, and until when.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    pub until: Micros,
    pub why: String,
}

impl Hold {
    /// The mails of its domain that are under way take too long.
    pub fn slow(now: Micros) -> Self {
        let why = "its domain takes long to answer the mails before it".to_owned();
        Self { until: now + jitter(20 * SECOND), why }
    }
}

/// A mail to be made, with what had to be prepared for it, or what keeps it from being made.
pub(super) struct Order {
    pub mail: Leased,
    pub ready: Ready,
    pub hold: Option<Hold>,
}

/// Makes mails, many to a commit.
pub(super) struct Make(pub Context, pub Arc<Domains>);

impl Step for Make {
    type Item = Order;
    type Done = Option<Made>;

    async fn run(&self, tx: &mut Tx, items: &[Order]) -> Result<Vec<Option<Made>>> {
        let mut done = Vec::with_capacity(items.len());
        for order in items {
            done.push(self.one(tx, order).await?);
        }
        self.keep_to_budget(tx, items, &mut done).await?;
        let made = items.iter().zip(&done).filter(|(_, made)| made.is_some());
        let ids: Vec<_> = made.map(|(order, _)| order.mail.id.as_str()).collect();
        let practice = tutorial::practised(tx, &ids).await?;
        for (order, made) in items.iter().zip(&mut done) {
            if let Some(made) = made {
                made.is_practice = practice.contains(&order.mail.id);
            }
        }
        Ok(done)
    }
}

impl Make {
    async fn one(&self, tx: &mut Tx, order: &Order) -> Result<Option<Made>> {
        let (context, mail) = (&self.0, &order.mail);
        let now = context.clock.now();
        let Some(store) = context.stores.by_id(&mail.store_id) else {
            outbox::put_back(tx, mail, "its store is not loaded yet", now + SECOND).await?;
            return Ok(None);
        };
        if mail.expires_at <= now {
            end(tx, mail, End::Expired, "given up", now).await?;
            return Ok(None);
        }
        let mut trial = None;
        let hold = match &order.hold {
            Some(hold) => Some(hold.clone()),
            None => self.hold(tx, mail, &mut trial, now).await?,
        };
        if let Some(hold) = hold {
            self.hold_back(tx, &store, mail, &hold, now).await?;
            return Ok(None);
        }
        let made = self.make(tx, order, store, now).await?;
        match (made, trial) {
            (Some(made), trial) => Ok(Some(Made { is_trial: trial.is_some(), ..made })),
            (None, Some(domain)) => self.1.untried(tx, &domain).await.map(|()| None),
            (None, None) => Ok(None),
        }
    }

    /// Whether the mail's domain is paused. Where it is time for a trial, this mail is it.
    async fn hold(
        &self,
        tx: &mut Tx,
        mail: &Leased,
        trial: &mut Option<String>,
        now: Micros,
    ) -> Result<Option<Hold>> {
        if !self.1.any_paused() {
            return Ok(None);
        }
        let Some(domain) = route::destination(tx, &self.0.addresses, mail).await? else {
            return Ok(None);
        };
        match self.1.standing(tx, &domain, now).await? {
            Standing::Open => Ok(None),
            Standing::Trial => {
                *trial = Some(domain);
                Ok(None)
            }
            Standing::Paused(until) => {
                let why = "its domain did not take the mails before it".to_owned();
                Ok(Some(Hold { until, why }))
            }
        }
    }

    /// Puts a mail back untried; the timeline tells of it, once for each reason.
    async fn hold_back(
        &self,
        tx: &mut Tx,
        store: &Store,
        mail: &Leased,
        hold: &Hold,
        now: Micros,
    ) -> Result<()> {
        if mail.kind == Kind::Recovery
            && recovery::recognise(tx, &self.0.addresses, store, mail, now).await?.is_none()
        {
            outbox::settle(tx, mail, End::Nobody, None, now).await?;
            return Ok(());
        }
        outbox::put_back(tx, mail, &hold.why, hold.until).await?;
        tell_once(tx, mail, hold, now).await
    }

    async fn make(
        &self,
        tx: &mut Tx,
        Order { mail, ready, .. }: &Order,
        store: Arc<Store>,
        now: Micros,
    ) -> Result<Option<Made>> {
        let context = &self.0;
        let with = message::With {
            config: &context.config,
            addresses: &context.addresses,
            activity: &context.activity,
            ready,
        };
        let made = message::make(tx, &with, &store, mail, now).await?;
        // A reminder was told of when staff clicked the envelope.
        if made.is_ok() && !mail.was_made && mail.kind != Kind::Reminder {
            write(tx, mail, now, Entry::MailQueued { mail: mail.kind.as_str() }).await?;
        }
        match made {
            Ok(draft) => {
                let domain = route::domain_of(draft.to());
                if mail.domain.as_ref() != Some(&domain) {
                    outbox::goes_to(tx, mail, &domain).await?;
                }
                let to = EmailAddress::parse(draft.to());
                let to = to.as_ref().map_or("", EmailAddress::key);
                let recipient = context.verp.recipient(&mail.merchant_id, to);
                outbox::returned::address(tx, mail, &recipient).await?;
                let (is_trial, is_practice) = (false, false);
                let mail_id = mail.id.clone();
                Ok(Some(Made {
                    mail_id,
                    draft,
                    store,
                    made_at: now,
                    domain,
                    is_trial,
                    is_practice,
                }))
            }
            Err(Unmade::Ends(outcome)) => {
                outbox::settle(tx, mail, outcome, None, now).await?;
                Ok(None)
            }
            Err(Unmade::Later) => {
                outbox::put_back(tx, mail, "the record changed meanwhile", now).await?;
                Ok(None)
            }
        }
    }
}

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
        for sent in items {
            self.one(tx, sent, now).await?;
            match sent.verdict() {
                Some(verdict) => verdicts.entry(sent.domain.clone()).or_default().push(verdict),
                None if sent.is_trial => self.1.untried(tx, &sent.domain).await?,
                None => {}
            }
        }
        self.1.judge(tx, &verdicts, now).await?;
        Ok(vec![(); items.len()])
    }
}

impl Settle {
    async fn one(&self, tx: &mut Tx, sent: &Sent, now: Micros) -> Result<()> {
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
        let kind = mail.kind.as_str();
        match outcome {
            Outcome::Accepted { reply } => {
                metrics::counter!("doorkey_mails", "kind" => kind, "outcome" => "accepted")
                    .increment(1);
                if outbox::settle(tx, mail, End::Sent, Some(reply), now).await? {
                    let entry = Entry::MailAccepted { mail: kind, reply: reply.clone() };
                    write(tx, mail, now, entry).await?;
                }
                Ok(())
            }
            Outcome::Refused { reply } => {
                token::void_try(tx, &mail.id, *made_at, now).await?;
                end(tx, mail, End::Failed, reply, now).await
            }
            Outcome::Deferred { reply, perhaps, .. } => {
                if !perhaps {
                    token::void_try(tx, &mail.id, *made_at, now).await?;
                }
                self.defer(tx, mail, reply, now).await
            }
        }
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
            write(tx, mail, now, Entry::MailDeferred { mail: kind, reply, next_at }).await?;
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

/// Tells in the timeline that a mail waits, unless this very reason was told of before.
async fn tell_once(tx: &mut Tx, mail: &Leased, hold: &Hold, now: Micros) -> Result<()> {
    if mail.reply.as_ref() == Some(&hold.why) {
        return Ok(());
    }
    let kind = mail.kind.as_str();
    metrics::counter!("doorkey_mails", "kind" => kind, "outcome" => "held").increment(1);
    let (reply, next_at) = (hold.why.clone(), hold.until);
    write(tx, mail, now, Entry::MailDeferred { mail: kind, reply, next_at }).await
}

/// Settles a mail that will not arrive, and says so in the timeline.
async fn end(tx: &mut Tx, mail: &Leased, end: End, reply: &str, now: Micros) -> Result<()> {
    let kind = mail.kind.as_str();
    if !outbox::settle(tx, mail, end, Some(reply), now).await? {
        return Ok(());
    }
    metrics::counter!("doorkey_mails", "kind" => kind, "outcome" => "failed").increment(1);
    write(tx, mail, now, Entry::MailFailed { mail: kind, reply: reply.to_owned() }).await
}

/// A mail's customer is known to its row once the mail has been made.
async fn write(tx: &mut Tx, mail: &Leased, now: Micros, entry: Entry) -> Result<()> {
    let sql = "SELECT customer_id FROM outbox WHERE id = $1 AND customer_id IS NOT NULL";
    let Some(row) = tx.row(sql, crate::args![&mail.id]).await? else { return Ok(()) };
    let customer: String = row.get("customer_id");
    let (merchant, store) = (&mail.merchant_id, Some(&*mail.store_id));
    timeline::write_for(tx, merchant, &customer, store, now, entry).await
}
