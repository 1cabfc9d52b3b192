//! Making mails, many to a commit: who may go, what each says, and that it is on disk as made.

use std::sync::Arc;

use super::tell::{end, tell_once};
use super::{Context, route};
use crate::address::EmailAddress;
use crate::batch::Step;
use crate::clock::{Micros, SECOND};
use crate::db::{Result, Tx};
use crate::mail::domain::{Domains, Standing};
use crate::mail::message::{self, Draft, Unmade};
use crate::mail::outbox::{self, End, Goes, Kind, Leased};
use crate::recovery;
use crate::reminder::Ready;
use crate::secret::jitter;
use crate::store::Store;
use crate::timeline::{self, Entry, New};
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

/// Makes mails.
pub(super) struct Make(pub Context, pub Arc<Domains>);

/// What becomes of an order before its mail is made.
enum Look {
    /// It is dealt with.
    Over,
    /// Something keeps it.
    Held(Arc<Store>, Hold),
    /// Its mail is made; as the trial of this domain.
    Goes(Arc<Store>, Option<String>),
}

/// An order whose mail is made.
struct Going<'a> {
    place: usize,
    order: &'a Order,
    store: Arc<Store>,
    trial: Option<String>,
}

impl Step for Make {
    type Item = Order;
    type Done = Option<Made>;

    async fn run(&self, tx: &mut Tx, items: &[Order]) -> Result<Vec<Option<Made>>> {
        let now = self.0.clock.now();
        let (mut going, mut held) = (Vec::new(), Vec::new());
        for (place, order) in items.iter().enumerate() {
            match self.look(tx, order, now).await? {
                Look::Over => {}
                Look::Held(store, hold) => held.push((store, &order.mail, hold)),
                Look::Goes(store, trial) => going.push(Going { place, order, store, trial }),
            }
        }
        self.hold_back(tx, &held, now).await?;
        let mut done: Vec<_> = items.iter().map(|_| None).collect();
        self.make(tx, going, &mut done, now).await?;
        self.note(tx, items, &done, now).await?;
        self.keep_to_budget(tx, items, &mut done).await?;
        let ids: Vec<_> = done.iter().flatten().map(|made| &*made.mail_id).collect();
        let practice = tutorial::practised(tx, &ids).await?;
        for made in done.iter_mut().flatten() {
            made.is_practice = practice.contains(&made.mail_id);
        }
        Ok(done)
    }
}

impl Make {
    async fn look(&self, tx: &mut Tx, order: &Order, now: Micros) -> Result<Look> {
        let mail = &order.mail;
        let Some(store) = self.0.stores.by_id(&mail.store_id) else {
            outbox::put_back(tx, mail, "its store is not loaded yet", now + SECOND).await?;
            return Ok(Look::Over);
        };
        if mail.expires_at <= now {
            end(tx, mail, End::Expired, "given up", now).await?;
            return Ok(Look::Over);
        }
        if let Some(hold) = &order.hold {
            return Ok(Look::Held(store, hold.clone()));
        }
        let mut trial = None;
        let hold = self.hold(tx, mail, &mut trial, now).await?;
        Ok(match hold {
            Some(hold) => Look::Held(store, hold),
            None => Look::Goes(store, trial),
        })
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

    /// Puts mails back untried; the timeline tells of it, once for each reason.
    async fn hold_back(
        &self,
        tx: &mut Tx,
        held: &[(Arc<Store>, &Leased, Hold)],
        now: Micros,
    ) -> Result<()> {
        let asked = held.iter().filter(|(_, mail, _)| mail.kind == Kind::Recovery);
        let asked: Vec<_> = asked.map(|(store, mail, _)| (&**store, *mail)).collect();
        let found = recovery::recognise(tx, &self.0.addresses, &asked, now).await?;
        let mut found = found.into_iter();
        for (_, mail, hold) in held {
            if mail.kind == Kind::Recovery && found.next().flatten().is_none() {
                outbox::settle(tx, mail, End::Nobody, None, now).await?;
                continue;
            }
            outbox::put_back(tx, mail, &hold.why, hold.until).await?;
            tell_once(tx, mail, hold, now).await?;
        }
        Ok(())
    }

    async fn make(
        &self,
        tx: &mut Tx,
        going: Vec<Going<'_>>,
        done: &mut [Option<Made>],
        now: Micros,
    ) -> Result<()> {
        let Context { config, addresses, activity, .. } = &self.0;
        let with = message::With { config, addresses, activity };
        let orders: Vec<_> = going
            .iter()
            .map(|Going { order: Order { mail, ready, .. }, store, .. }| message::Order {
                store,
                mail,
                ready,
            })
            .collect();
        let drafts = message::make(tx, &with, &orders, now).await?;
        let mut ended = Vec::new();
        for (Going { place, order, store, trial }, draft) in going.into_iter().zip(drafts) {
            match draft {
                Ok(draft) => {
                    done[place] = Some(Made {
                        mail_id: order.mail.id.clone(),
                        domain: route::domain_of(draft.to()),
                        draft,
                        store,
                        made_at: now,
                        is_trial: trial.is_some(),
                        is_practice: false,
                    });
                    continue;
                }
                Err(Unmade::Ends(end)) => ended.push((&order.mail, end, None)),
                Err(Unmade::Later) => {
                    let why = "the record changed meanwhile";
                    outbox::put_back(tx, &order.mail, why, now).await?;
                }
            }
            if let Some(domain) = trial {
                self.1.untried(tx, &domain).await?;
            }
        }
        outbox::settle_all(tx, &ended, now).await.map(drop)
    }

    /// Notes where the mails go that are made; the timeline tells of each that is new.
    async fn note(
        &self,
        tx: &mut Tx,
        items: &[Order],
        done: &[Option<Made>],
        now: Micros,
    ) -> Result<()> {
        let made = items.iter().zip(done).filter_map(|(order, made)| Some((order, made.as_ref()?)));
        let made: Vec<_> = made
            .map(|(Order { mail, .. }, made)| {
                let to = EmailAddress::parse(made.draft.to());
                let to = to.as_ref().map_or("", EmailAddress::key);
                (mail, &*made.domain, self.0.verp.recipient(&mail.merchant_id, to))
            })
            .collect();
        let goes: Vec<_> =
            made.iter().map(|(mail, domain, recipient)| Goes { mail, domain, recipient }).collect();
        let customers = outbox::goes_to(tx, &goes).await?;
        let entries = made.iter().filter_map(|(mail, ..)| {
            // A reminder was told of when staff clicked the envelope.
            let customer = customers.get(&mail.id)?;
            let is_new = !mail.was_made && mail.kind != Kind::Reminder;
            let entry = Entry::MailQueued { mail: mail.kind.as_str() };
            is_new.then(|| New::of_mail(mail, customer, entry))
        });
        timeline::write_all(tx, &entries.collect::<Vec<_>>(), now).await
    }
}
