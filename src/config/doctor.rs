//! The keys of what looks after mail: name servers, the doctor, the probe.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Deserializer};

/// `dns.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnsConfig {
    /// Name servers to ask, as `192.0.2.53` or `192.0.2.53:5353`; none: those of the system.
    #[serde(deserialize_with = "servers")]
    pub servers: Vec<SocketAddr>,
    /// Seconds that the answer to one question may take.
    pub timeout: u64,
}

/// `doctor.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DoctorConfig {
    /// The addresses or names of the machines whose connections other mail servers see; none: the
    /// relay's. Naming them also says that reverse DNS is ours to look after.
    pub sending_hosts: Vec<String>,
    /// Seconds between two rounds over all sender domains.
    pub every: i64,
}

/// `probe.*`: a practice customer goes through a recovery, for stores that switched it on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProbeConfig {
    /// Minutes between two; 0: never.
    pub every: i64,
    /// Seconds within which the mail should be home.
    pub slow: i64,
    /// Seconds after which it counts as lost.
    pub give_up: i64,
}

impl Default for DnsConfig {
    fn default() -> Self {
        Self { servers: Vec::new(), timeout: 5 }
    }
}

impl Default for DoctorConfig {
    fn default() -> Self {
        Self { sending_hosts: Vec::new(), every: 24 * 3600 }
    }
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self { every: 0, slow: 60, give_up: 600 }
    }
}

impl ProbeConfig {
    /// One line about the first value that cannot be meant.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(0..=7 * 24 * 60).contains(&self.every) {
            return Err(format!("probe.every is {} minutes; use 0 (off) to 10080", self.every));
        }
        Ok(())
    }
}

fn servers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SocketAddr>, D::Error> {
    let read = |text: &String| {
        let bare = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53));
        text.parse().ok().or_else(bare).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "dns.servers: {text:?} is not an address like 192.0.2.53 or 192.0.2.53:5353"
            ))
        })
    };
    Vec::<String>::deserialize(from)?.iter().map(read).collect()
}
