//! The doctor's round: once a day one process of many looks at every sender domain, remembers what it
//! found, and raises an alert about what got worse.

use std::collections::BTreeSet;

use super::{Findings, Installation, Tools, domains, examine, kept};
use crate::activity::{self, Act, Action, Actor};
use crate::args;
use crate::clock::{MINUTE, Micros, SECOND};
use crate::db::{Db, Result};

/// How long a process may take for a round before another one takes it over.
const HOLD: Micros = 30 * MINUTE;

/// Takes work that is due for the process of this name. Of many that try, one gets it.
///
/// # Errors
/// What the database says.
pub async fn take(db: &Db, chore: &str, holder: &str, every: Micros, now: Micros) -> Result<bool> {
    let sql = "INSERT INTO chore (name, holder, held_until, done_at) VALUES ($1, $2, $3, 0)
               ON CONFLICT (name) DO UPDATE SET holder = $2, held_until = $3
               WHERE chore.held_until <= $4 AND chore.done_at <= $5
               RETURNING name";
    let rows = db.exec_rows(sql, args![chore, holder, now + HOLD, now, now - every]).await?;
    Ok(!rows.is_empty())
}

/// Notes that the work is done, unless another process took it over meanwhile.
///
/// # Errors
/// What the database says.
pub async fn done(db: &Db, chore: &str, holder: &str, now: Micros) -> Result<()> {
    let sql = "UPDATE chore SET held_until = $1, done_at = $1 WHERE name = $2 AND holder = $3";
    db.exec(sql, args![now, chore, holder]).await?;
    Ok(())
}

/// Goes round, if it is time and nobody else does. Gives the number of domains looked at.
///
/// # Errors
/// What the database says; then another process takes the round over in a while.
pub async fn go(tools: &Tools<'_>, holder: &str, now: Micros) -> Result<usize> {
    let every = tools.config.doctor.every * SECOND;
    if !take(tools.db, "doctor", holder, every, now).await? {
        return Ok(0);
    }
    let installation = Installation::look(tools.config, tools.dns, now).await;
    let stores = tools.stores.list();
    let merchants: BTreeSet<String> =
        stores.iter().map(|store| store.merchant_id.clone()).collect();
    let asked = (tools.db, tools.dns);
    let mut looked_at = 0;
    for merchant in merchants {
        for (domain, sender) in domains(&stores, &merchant) {
            let found = examine(asked, &installation, &merchant, &domain, &sender.address).await?;
            note(tools, &merchant, &found, now).await?;
            looked_at += 1;
        }
    }
    done(tools.db, "doctor", holder, now).await?;
    Ok(looked_at)
}

/// Remembers findings; what got worse becomes an alert in Activity and a count.
///
/// # Errors
/// What the database says.
pub async fn note(
    tools: &Tools<'_>,
    merchant_id: &str,
    findings: &Findings,
    now: Micros,
) -> Result<()> {
    let mut tx = tools.db.begin().await?;
    let worse = kept::keep(&mut tx, merchant_id, findings, now).await?;
    if !worse.is_empty() {
        let checks: Vec<_> = worse.iter().map(|check| check.topic.as_str()).collect();
        tracing::warn!(domain = findings.domain, ?checks, "a sender domain got worse");
        let act = Act {
            merchant_id,
            actor: Actor::Doorkey,
            action: Action::DomainWorse,
            customer_id: None,
            store_id: None,
            source: "",
            alert: true,
            detail: serde_json::json!({ "domain": findings.domain, "checks": checks }),
        };
        activity::write(&mut tx, tools.activity, &act, now).await?;
    }
    tx.commit().await?;
    for check in &worse {
        metrics::counter!("doorkey_domain_worse", "check" => check.topic.as_str()).increment(1);
    }
    for check in &findings.checks {
        let domain = findings.domain.clone();
        metrics::gauge!("doorkey_domain_trouble", "domain" => domain, "check" => check.topic.as_str())
            .set(f64::from(check.level.rank()));
    }
    Ok(())
}
