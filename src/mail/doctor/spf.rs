//! SPF of a sender domain: evaluated for the machines that send, and said in words.

mod evaluate;
mod macros;
pub mod record;

use std::net::IpAddr;

use super::{Check, Level, Publish, Sending, Topic};
use crate::mail::dns::{Dns, printable};
use evaluate::{MOST_LOOKUPS, Outcome, Verdict};
use record::{Mechanism, Qualifier, Record};

/// Where nothing is known about the machines, one address that nobody sends from finds out whether
/// the record can be used at all (RFC 5737).
const NOBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// Looks at the record, and evaluates it for every machine.
pub(super) async fn check(dns: &Dns, sending: &Sending, domain: &str, sender: &str) -> Check {
    let records = match evaluate::records(dns, domain).await {
        Ok(records) => records,
        Err(trouble) => {
            return Check::unknown(Topic::Spf, &format!("the TXT of {domain}"), &trouble);
        }
    };
    let text = match &records[..] {
        [] => {
            return Check::new(Topic::Spf, Level::Fail, format!("{domain} has no SPF record."))
                .todo("Publish one, so that other mail servers know who may send for you.")
                .publish(proposal(domain, None, sending, &sending.addresses));
        }
        [text] => text,
        more => {
            let found = format!(
                "{domain} has {} SPF records. There must be one: with more, all of them are void.",
                more.len()
            );
            let all = more.iter().map(|text| format!("Found: {}", printable(text)));
            let mut check = Check::new(Topic::Spf, Level::Fail, found)
                .todo("Make one record of them and delete the others.");
            check.details.extend(all);
            return check;
        }
    };
    let mut outcomes = Vec::new();
    for ip in &sending.addresses {
        outcomes.push((*ip, evaluate::check(dns, sender, *ip).await));
    }
    let check = if outcomes.is_empty() {
        unaimed(&evaluate::check(dns, sender, NOBODY).await, sending)
    } else {
        judge(domain, text, sending, &outcomes)
    };
    let check = check.detail(format!("The record: {}", printable(text)));
    warn_of_all(check, text)
}

/// Where it is not known from where mail leaves.
fn unaimed(outcome: &Outcome, sending: &Sending) -> Check {
    if outcome.verdict == Verdict::Broken {
        return broken(outcome);
    }
    let lost = if sending.lost.is_empty() {
        "from which addresses your mail leaves is not known".to_owned()
    } else {
        format!("{} leads to no address", sending.lost.join(", "))
    };
    Check::new(Topic::Spf, Level::Warn, format!("There is an SPF record; but {lost}."))
        .todo("Set doctor.sending_hosts to the addresses or names that your mail leaves from.")
}

fn broken(outcome: &Outcome) -> Check {
    let found = format!("The SPF record cannot be evaluated: {}.", outcome.why);
    Check::new(Topic::Spf, Level::Fail, found)
        .todo("Mend the record: a broken one counts as none, and some servers refuse the mail.")
}

fn judge(domain: &str, text: &str, sending: &Sending, outcomes: &[(IpAddr, Outcome)]) -> Check {
    let with = |verdict| outcomes.iter().find(move |(_, outcome)| outcome.verdict == verdict);
    if let Some((_, outcome)) = with(Verdict::Broken) {
        return broken(outcome);
    }
    let lines = outcomes.iter().map(|(ip, o)| format!("{ip}: {} by {}", word(o.verdict), o.why));
    let most = outcomes.iter().map(|(_, outcome)| outcome.lookups).max().unwrap_or(0);
    let budget = (most > 0).then(|| format!("Lookups: {most} of at most {MOST_LOOKUPS}."));
    let mut check = if let Some((ip, outcome)) = with(Verdict::Unknown) {
        Check::new(
            Topic::Spf,
            Level::Unknown,
            format!("Whether {ip} may send is not known: {}.", outcome.why),
        )
        .todo("Check again later; other mail servers put off mail while they cannot find out.")
    } else {
        let open: Vec<IpAddr> = outcomes
            .iter()
            .filter(|(_, outcome)| outcome.verdict != Verdict::Pass)
            .map(|(ip, _)| *ip)
            .collect();
        if open.is_empty() {
            let who = if sending.named { "Your sending hosts" } else { "The mail server" };
            Check::ok(Topic::Spf, format!("{who} may send for {domain}."))
        } else {
            not_allowed(domain, text, sending, &open)
        }
    };
    check.details.extend(lines);
    check.details.extend(budget);
    check
}

/// Relays often send from other addresses than those that they take mail at: without the operator's
/// word, this is no proof of anything wrong.
fn not_allowed(domain: &str, text: &str, sending: &Sending, open: &[IpAddr]) -> Check {
    let list = open.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    let found = format!("The SPF record of {domain} does not allow {list}.");
    let record = proposal(domain, Some(text), sending, open);
    if sending.named {
        return Check::new(Topic::Spf, Level::Fail, found)
            .todo("Change the record so that it names the hosts that your mail leaves from.")
            .publish(record);
    }
    Check::new(Topic::Spf, Level::Warn, found)
        .todo("Ask the mail server's operator what to include, or, if it sends from other addresses, set doctor.sending_hosts to those.")
        .publish(record)
}

fn warn_of_all(mut check: Check, text: &str) -> Check {
    let Ok(record) = Record::parse(text) else { return check };
    match record.all() {
        Some(Qualifier::Pass) => {
            check.level = if check.level == Level::Fail { Level::Fail } else { Level::Warn };
            check.found.push_str(" It ends in +all, which lets everybody send in your name.");
            check.todo = Some("End the record in ~all or -all.".into());
        }
        Some(Qualifier::Neutral) => {
            check.details.push("It ends in ?all, which says nothing about forgeries.".into());
        }
        None if record.redirect.is_none() => {
            check.details.push("It does not end in all: forgeries are neutral.".into());
        }
        _ => {}
    }
    if record.terms.iter().any(|term| matches!(term.mechanism, Mechanism::Ptr(_))) {
        check.details.push("It uses ptr, which is slow and should not be used.".into());
    }
    check
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::SoftFail => "softfail",
        Verdict::Neutral => "neutral",
        Verdict::None => "none",
        Verdict::Broken => "permerror",
        Verdict::Unknown => "temperror",
    }
}

/// The record that would do: the present one with what is missing in front, so that what it allows
/// already stays allowed.
fn proposal(domain: &str, text: Option<&str>, sending: &Sending, open: &[IpAddr]) -> Publish {
    let mut missing = sending.terms(open);
    if missing.is_empty() {
        missing.push("a".into());
    }
    let value = match text {
        Some(text) => {
            let rest = printable(text.get(6..).unwrap_or_default());
            format!("v=spf1 {} {}", missing.join(" "), rest.trim()).trim().to_owned()
        }
        None => format!("v=spf1 {} ~all", missing.join(" ")),
    };
    Publish::txt(domain, value)
}
