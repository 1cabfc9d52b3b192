//! What a worker holds, counted: so that a claim knows for whom there is room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mail::outbox::Leased;

/// The counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    notices: usize,
    merchants: HashMap<String, usize>,
}

/// One mail among them; no longer when dropped.
#[derive(Debug)]
pub(super) struct Place {
    held: Held,
    notice: bool,
    merchant: String,
}

impl Held {
    /// Counts a mail.
    pub fn take(&self, mail: &Leased) -> Place {
        let (notice, merchant) = (mail.kind.is_notice(), mail.merchant_id.clone());
        let mut counts = self.lock();
        counts.notices += usize::from(notice);
        *counts.merchants.entry(merchant.clone()).or_default() += 1;
        drop(counts);
        Place { held: self.clone(), notice, merchant }
    }

    /// Notices, and mails by merchant.
    pub fn count(&self) -> (usize, HashMap<String, usize>) {
        let counts = self.lock();
        (counts.notices, counts.merchants.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.held.lock();
        counts.notices -= usize::from(self.notice);
        if let Some(count) = counts.merchants.get_mut(&self.merchant) {
            *count -= 1;
            if *count == 0 {
                counts.merchants.remove(&self.merchant);
            }
        }
    }
}
