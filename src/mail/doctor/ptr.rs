//! Reverse DNS of the machines that send, and that it leads back (FCrDNS): many servers refuse mail
//! from an address without. Only where the operator named the machines; a relay's are its own matter.

use super::{Check, Level, Publish, Sending, Topic};
use crate::mail::dns::{Dns, Trouble};

/// Looks at every address that mail is sent from.
pub(super) async fn check(dns: &Dns, sending: &Sending) -> Option<Check> {
    if !sending.named {
        return None;
    }
    let mut worst =
        Check::ok(Topic::Ptr, "Every sending address has a name that leads back to it.");
    let mut details = Vec::new();
    if sending.addresses.is_empty() {
        let lost = sending.lost.join(", ");
        let found = format!("doctor.sending_hosts leads to no address: {lost}.");
        return Some(
            Check::new(Topic::Ptr, Level::Warn, found).todo("Correct doctor.sending_hosts."),
        );
    }
    for ip in &sending.addresses {
        let (level, said) = match dns.names(*ip).await {
            Ok(names) => match confirmed(dns, *ip, &names).await {
                Ok(Some(name)) => (Level::Ok, format!("{ip} is {name}, which leads back")),
                Ok(None) => {
                    (Level::Fail, format!("{ip} is {}, which does not lead back", names.join(", ")))
                }
                Err(trouble) => {
                    (Level::Unknown, format!("{ip} is {}; {trouble}", names.join(", ")))
                }
            },
            Err(trouble) if trouble.is_void() => (Level::Fail, format!("{ip} has no name")),
            Err(trouble) => (Level::Unknown, format!("{ip}: {trouble}")),
        };
        if (level.rank(), level == Level::Unknown)
            > (worst.level.rank(), worst.level == Level::Unknown)
        {
            worst = Check::new(Topic::Ptr, level, format!("{said}."));
        }
        if level == Level::Fail {
            let value = "the name that the machine greets with, like mail.example.com.".to_owned();
            worst.publish.push(Publish { name: ip.to_string(), kind: "PTR".into(), value });
        }
        details.push(format!("{said}."));
    }
    worst.todo = match worst.level {
        Level::Ok => None,
        Level::Unknown => Some("Check again later.".into()),
        _ => Some("Ask whoever gave you the address, usually the hosting provider, to set its reverse name, and publish the address at that name.".into()),
    };
    worst.details = details;
    Some(worst)
}

/// A name whose addresses hold this one.
async fn confirmed(
    dns: &Dns,
    ip: std::net::IpAddr,
    names: &[String],
) -> Result<Option<String>, Trouble> {
    let mut open = None;
    for name in names.iter().take(10) {
        match dns.addresses(name).await {
            Ok(all) if all.contains(&ip) => return Ok(Some(name.clone())),
            Err(trouble) if !trouble.is_void() => open = Some(trouble),
            _ => {}
        }
    }
    open.map_or(Ok(None), Err)
}
