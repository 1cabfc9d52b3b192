//! The doctor's look at the sender domains of all merchants: the same as in the back office, which
//! also remembers it.

use std::collections::BTreeMap;

use serde_json::json;
use tokio::task::JoinSet;

use super::Report;
use crate::clock::Micros;
use crate::config::Config;
use crate::db::Db;
use crate::mail::dns::Dns;
use crate::mail::doctor::{self, Findings, Installation, Level};
use crate::store::Store;

/// Domains that are looked at in one run: more takes longer than anybody waits for a command.
const MOST: usize = 50;

/// Looks at every sender domain.
pub(super) async fn look(
    report: &mut Report,
    config: &Config,
    db: &Db,
    stores: &[Store],
    now: Micros,
) {
    let mut wanted = BTreeMap::new();
    let all: Vec<&Store> = stores.iter().collect();
    for store in stores {
        for (domain, sender) in doctor::domains(&all, &store.merchant_id) {
            wanted.insert((store.merchant_id.clone(), domain), sender);
        }
    }
    if wanted.is_empty() {
        return;
    }
    let left_out = wanted.len().saturating_sub(MOST);
    let dns = Dns::new(&config.dns);
    let installation = Installation::look(config, &dns, now).await;
    let mut under_way = JoinSet::new();
    for ((merchant, domain), sender) in wanted.into_iter().take(MOST) {
        let (db, dns, installation) = (db.clone(), dns.clone(), installation.clone());
        under_way.spawn(async move {
            let asked = (&db, &dns);
            doctor::examine(asked, &installation, &merchant, &domain, &sender.address).await
        });
    }
    let mut found = under_way.join_all().await;
    found.sort_by_key(|found| found.as_ref().map(|f| f.domain.clone()).unwrap_or_default());
    for found in found {
        match found {
            Ok(findings) => say(report, &findings),
            Err(e) => report.fail(format!("domains: cannot be read: {e}"), "run `doorkey migrate`"),
        }
    }
    if left_out > 0 {
        report.warn(
            format!("domains: {left_out} were left out"),
            "see Email delivery, Doctor in the back office for all of them",
        );
    }
}

fn say(report: &mut Report, findings: &Findings) {
    let domain = &findings.domain;
    for check in &findings.checks {
        let what = format!("{} {domain}: {}", check.topic.as_str(), check.found);
        let publish = check.publish.iter().map(|p| format!(" {} {} {}", p.name, p.kind, p.value));
        let publish = publish.collect::<Vec<_>>().join(";");
        let publish = if publish.is_empty() { publish } else { format!(" Publish:{publish}") };
        let todo = format!("{}{publish}", check.todo.as_deref().unwrap_or("check again later"));
        match check.level {
            Level::Ok => report.ok(what),
            Level::Warn | Level::Unknown => report.warn(what, todo),
            Level::Fail => report.fail(what, todo),
        }
    }
    report.1.push(json!({
        "domain": domain,
        "level": findings.level().as_str(),
        "checks": findings.checks,
    }));
}
