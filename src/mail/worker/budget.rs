//! A store's budget for mails that anyone can trigger, counted per try: what is over it waits.

use std::collections::BTreeMap;

use super::make::{Made, Make, Order};
use crate::clock::{HOUR, MINUTE};
use crate::db::{Result, Tx};
use crate::limit::{self, Window};
use crate::mail::outbox;
use crate::token;

impl Make {
    /// Counts a batch's mails against the budgets of their stores, and puts back those that are over.
    ///
    /// Last in the transaction: the counter is one row for a whole store, and a batch that takes it
    /// with its first mail keeps every other mail process waiting until its commit.
    pub(super) async fn keep_to_budget(
        &self,
        tx: &mut Tx,
        items: &[Order],
        done: &mut [Option<Made>],
    ) -> Result<()> {
        let now = self.0.clock.now();
        let limit = Window { most: self.0.config.limits.store_mails_per_hour, window: HOUR };
        // Sorted, so that two processes lock the rows in the same order.
        let mut stores: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, (order, made)) in items.iter().zip(&*done).enumerate() {
            if let Some(made) = made.as_ref().filter(|_| order.mail.kind.is_limited()) {
                let name = limit::bucket(&self.0.counters, "store-mails", &made.store.id);
                stores.entry(name).or_default().push(i);
            }
        }
        let buckets: Vec<_> =
            stores.iter().map(|(name, mails)| (name.clone(), mails.len() as i64, limit)).collect();
        if buckets.is_empty() {
            return Ok(());
        }
        let standings = limit::hit(tx, &buckets, now).await?;
        for (mails, standing) in stores.values().zip(standings) {
            let over = usize::try_from(standing.hits - limit.most).unwrap_or(0).min(mails.len());
            for &i in &mails[mails.len() - over..] {
                let mail = &items[i].mail;
                token::void_try(tx, &mail.id, now, now).await?;
                let reply = "the store's mails for this hour are used up";
                outbox::put_back(tx, mail, reply, now + MINUTE).await?;
                if let Some(made) = done[i].take().filter(|made| made.is_trial) {
                    self.1.untried(tx, &made.domain).await?;
                }
            }
        }
        Ok(())
    }
}
