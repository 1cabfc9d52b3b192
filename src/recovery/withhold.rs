//! Whether a customer gets a recovery mail now. What is known against it is read for many customers
//! at once: the mail worker makes its mails many to a transaction.

use std::collections::HashMap;

use crate::clock::{DAY, HOUR, Micros, SECOND};
use crate::config::Config;
use crate::customer::Customer;
use crate::db::{Result, Tx};
use crate::mail::outbox::{self, End, Leased, Past};
use crate::suppression;

/// What is known of customers who are about to be mailed.
#[derive(Debug)]
pub(crate) struct Eligibility {
    /// Why nothing is sent to the address, by customer.
    suppressed: HashMap<String, suppression::Standing>,
    /// What was made for the customer lately, by customer.
    past: HashMap<String, Vec<Past>>,
}

impl Eligibility {
    /// Of these customers.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of(
        tx: &mut Tx,
        config: &Config,
        customers: &[&Customer],
        now: Micros,
    ) -> Result<Self> {
        let ids: Vec<_> = customers.iter().map(|customer| &*customer.id).collect();
        let since = now - DAY.max(config.mail.give_up * SECOND);
        Ok(Self {
            suppressed: suppression::standings(tx, customers).await?,
            past: outbox::past(tx, &ids, since, now).await?,
        })
    }

    /// Why a customer gets no mail now, if so: a closed account, a hold by "This wasn't me", an
    /// address that takes no mail, or too many mails. The caps count what was made for the customer,
    /// over all stores and kinds, but for what never left: a request right after a mail was given up
    /// must not be absorbed by it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn withhold(
        &self,
        tx: &mut Tx,
        config: &Config,
        customer: &Customer,
        mail: &Leased,
        now: Micros,
    ) -> Result<Option<(End, &'static str)>> {
        if customer.blocked_at.is_some() {
            return Ok(Some((End::Nobody, "blocked")));
        }
        if customer.hold_until.is_some_and(|until| until > now) {
            return Ok(Some((End::Nobody, "held")));
        }
        if let Some(found) = self.suppressed.get(&customer.id) {
            return Ok(Some((End::Suppressed, found.reason.as_str())));
        }
        let past = self.past.get(&customer.id).map_or(&[][..], Vec::as_slice);
        for other in past.iter().filter(|other| other.is_such_as(mail)) {
            if outbox::hasten(tx, &other.id, now).await? {
                return Ok(Some((End::Absorbed, "interval")));
            }
        }
        Ok(reached(config, past, &mail.id, now).map(|cap| (End::Absorbed, cap)))
    }

    /// A mail is being made: it counts for the next one of the same customer.
    pub fn count(&mut self, customer: &Customer, mail: &Leased, now: Micros) {
        let past = self.past.entry(customer.id.clone()).or_default();
        past.retain(|other| other.id != mail.id);
        past.push(Past::of(mail, now));
    }
}

/// Which cap on the mails to a customer is reached, not counting the mail `except`.
///
/// # Errors
/// What the database says.
pub(crate) async fn too_many(
    tx: &mut Tx,
    config: &Config,
    customer_id: &str,
    except: &str,
    now: Micros,
) -> Result<Option<&'static str>> {
    let past = outbox::past(tx, &[customer_id], now - DAY, now).await?;
    let past = past.get(customer_id).map_or(&[][..], Vec::as_slice);
    Ok(reached(config, past, except, now))
}

fn reached(config: &Config, past: &[Past], except: &str, now: Micros) -> Option<&'static str> {
    let limits = &config.limits;
    let since = |span: Micros| {
        let counts =
            |other: &&Past| other.id != except && other.was_of_use && other.minted_at > now - span;
        i64::try_from(past.iter().filter(counts).count()).unwrap_or(i64::MAX)
    };
    if since(limits.mail_interval * SECOND) > 0 {
        Some("interval")
    } else if since(HOUR) >= limits.mail_per_hour {
        Some("hour")
    } else if since(DAY) >= limits.mail_per_day {
        Some("day")
    } else {
        None
    }
}
