//! From where mail leaves: the addresses that other mail servers see.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::config::{Config, SmtpConfig};
use crate::mail::dns::Dns;

/// Addresses that are looked at: a provider's relay may have many.
const MOST: usize = 16;

/// From where mail leaves.
#[derive(Clone, Debug, Default)]
pub struct Sending {
    /// The addresses, sorted.
    pub addresses: Vec<IpAddr>,
    /// Whether the operator named them: then they are known, and their reverse DNS is ours.
    pub named: bool,
    /// The relay's name, where it is another machine and has one.
    pub relay: Option<String>,
    /// Names that led to no address.
    pub lost: Vec<String>,
}

impl Sending {
    /// Takes what the configuration names, else the relay's addresses. A relay on this machine tells
    /// nothing about the address that the world sees.
    pub async fn find(config: &Config, dns: &Dns) -> Self {
        let relay = relay_host(&config.smtp);
        let backup = config.smtp.backup.as_deref().and_then(relay_host);
        let named = !config.doctor.sending_hosts.is_empty();
        let hosts = if named {
            config.doctor.sending_hosts.clone()
        } else {
            let relays = relay.iter().chain(&backup);
            relays.filter(|host| !is_near(host)).cloned().collect()
        };
        let (mut found, mut lost) = (BTreeSet::new(), Vec::new());
        for host in hosts {
            match host.parse::<IpAddr>() {
                Ok(address) => drop(found.insert(address.to_canonical())),
                Err(_) => match dns.addresses(&host).await {
                    Ok(all) => found.extend(all.iter().map(IpAddr::to_canonical)),
                    Err(_) => lost.push(host),
                },
            }
        }
        Self {
            addresses: found.into_iter().take(MOST).collect(),
            named,
            relay: relay.filter(|host| !is_near(host) && host.parse::<IpAddr>().is_err()),
            lost,
        }
    }

    /// Terms that allow these addresses in an SPF record.
    pub fn terms(&self, addresses: &[IpAddr]) -> Vec<String> {
        match &self.relay {
            Some(relay) if !self.named => vec![format!("a:{relay}")],
            _ => addresses
                .iter()
                .map(|ip| match ip {
                    IpAddr::V4(ip) => format!("ip4:{ip}"),
                    IpAddr::V6(ip) => format!("ip6:{ip}"),
                })
                .collect(),
        }
    }
}

/// The host of the relay's URL.
pub(super) fn relay_host(smtp: &SmtpConfig) -> Option<String> {
    let url = url::Url::parse(smtp.url.as_ref()?.reveal().trim()).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

/// Whether a host is this machine.
pub(super) fn is_near(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost",
    }
}
