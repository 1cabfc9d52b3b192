//! Where mail to the sender domain goes: replies of customers, and bounces, whose envelope address
//! lies there (RFC 5321, 5.1; RFC 7505).

use super::{Check, Level, Publish, Topic};
use crate::mail::bounce::verp;
use crate::mail::dns::{Dns, Exchanger, Trouble};

/// Exchangers that are looked at.
const MOST: usize = 10;

/// Looks at both domains that mail comes back to, and gives the worse finding.
pub(super) async fn check_both(dns: &Dns, domain: &str, returns: &str) -> Check {
    let own = check(dns, domain).await;
    if returns == domain {
        return own;
    }
    let other = check(dns, returns).await;
    if other.level.rank() > own.level.rank() { other } else { own }
}

/// Notes, where nothing is worse, that what comes back to an address will not all find its mail: no
/// mark fits into it.
pub(super) fn room(check: Check, address: &str) -> Check {
    if verp::has_room(address) || check.level.rank() > 0 {
        return check;
    }
    let room = verp::ROOM;
    let found = format!(
        "{address} has more than {room} letters before the @: no mark can be added to it, and a bounce that does not quote the Message-ID finds no customer."
    );
    let todo = "Give the store a shorter sender, or set bounce.address to a short address of the same organisation.";
    let details = std::iter::once(check.found).chain(check.details).collect();
    Check { details, ..Check::new(Topic::Mx, Level::Warn, found).todo(todo) }
}

/// Looks whether mail to the domain has somewhere to go.
async fn check(dns: &Dns, domain: &str) -> Check {
    match dns.mx(domain).await {
        Ok(found) => exchangers(dns, domain, &found).await,
        Err(Trouble::NoRecord) => without(dns, domain).await,
        Err(Trouble::NoName) => {
            Check::new(Topic::Mx, Level::Fail, format!("{domain} does not exist.")).todo(
                "Correct the store's sender: mail from a domain that does not exist is refused.",
            )
        }
        Err(trouble) => Check::unknown(Topic::Mx, &format!("the MX of {domain}"), &trouble),
    }
}

async fn exchangers(dns: &Dns, domain: &str, found: &[Exchanger]) -> Check {
    let null = found.iter().any(|exchanger| exchanger.host.is_empty());
    if null && found.len() == 1 {
        return Check::new(
            Topic::Mx,
            Level::Fail,
            format!("{domain} says that it takes no mail (null MX)."),
        )
        .todo("Name a mail server, or give the stores a sender at a domain that takes mail: bounces and replies have nowhere to go, and many servers refuse such senders.")
        .publish(wanted(domain));
    }
    if null {
        return Check::new(
            Topic::Mx,
            Level::Fail,
            format!("{domain} has a null MX beside others, which contradict each other."),
        )
        .todo("Delete the MX record that is a single dot.");
    }
    let (mut reached, mut lost, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for exchanger in found.iter().take(MOST) {
        match dns.addresses(&exchanger.host).await {
            Ok(_) => reached.push(exchanger.host.clone()),
            Err(trouble) if trouble.is_void() => lost.push(exchanger.host.clone()),
            Err(_) => open.push(exchanger.host.clone()),
        }
    }
    let list = found.iter().take(MOST).map(|e| format!("{} {}", e.preference, e.host));
    let list = list.collect::<Vec<_>>().join(", ");
    let check = if reached.is_empty() && open.is_empty() {
        Check::new(
            Topic::Mx,
            Level::Fail,
            format!("No mail server of {domain} has an address: {}.", lost.join(", ")),
        )
        .todo("Correct the MX records, or publish addresses for those names.")
    } else if !lost.is_empty() {
        Check::new(
            Topic::Mx,
            Level::Warn,
            format!("A mail server of {domain} has no address: {}.", lost.join(", ")),
        )
        .todo("Delete its MX record, or publish an address for it.")
    } else if reached.is_empty() {
        let found = format!("The addresses of {domain}'s mail servers could not be asked for.");
        Check::new(Topic::Mx, Level::Unknown, found).todo("Check again later.")
    } else {
        Check::ok(Topic::Mx, format!("Replies and bounces to {domain} have somewhere to go."))
    };
    check.detail(format!("The records: {list}"))
}

/// Without an MX, mail goes to the domain's own address.
async fn without(dns: &Dns, domain: &str) -> Check {
    let missing = |found: String, level| {
        Check::new(Topic::Mx, level, found)
            .todo("Publish an MX record, so that bounces and replies can come back.")
            .publish(wanted(domain))
    };
    match dns.addresses(domain).await {
        Ok(_) => missing(
            format!(
                "{domain} has no MX record; mail to it goes to the address of the domain itself."
            ),
            Level::Warn,
        ),
        Err(trouble) if trouble.is_void() => {
            missing(format!("{domain} takes no mail: it has neither MX nor address."), Level::Fail)
        }
        Err(trouble) => Check::unknown(Topic::Mx, &format!("the addresses of {domain}"), &trouble),
    }
}

fn wanted(domain: &str) -> Publish {
    Publish { name: domain.into(), kind: "MX".into(), value: format!("10 mail.{domain}.") }
}
