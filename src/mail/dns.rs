//! The one way to ask name servers, with time-outs and bounded answers; what goes wrong is a value.
//!
//! What comes back was written by strangers: texts are cut, cleaned of control characters and never
//! believed. Nothing is kept between two questions: whoever has just published a record wants to see
//! it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::time::timeout;

use crate::config::DnsConfig;

/// Records of one answer that are looked at.
const MOST_RECORDS: usize = 64;
/// Longest text of a record that is looked at, in bytes: no policy or key is a tenth as long.
const LONGEST_TEXT: usize = 8 * 1024;

/// Why there is no answer to work with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The name does not exist (NXDOMAIN).
    NoName,
    /// The name exists and has no record of this type.
    NoRecord,
    /// The answer's signatures are wrong (DNSSEC).
    Bogus,
    /// It is not known: no name server answered, or it answered that it failed.
    NoAnswer(&'static str),
}

impl Trouble {
    /// Whether this is an answer: there is nothing. Otherwise asking again may help.
    pub fn is_void(&self) -> bool {
        matches!(self, Self::NoName | Self::NoRecord)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoName => "the name does not exist",
            Self::NoRecord => "there is no such record",
            Self::Bogus => "the answer's DNSSEC signatures are wrong",
            Self::NoAnswer(why) => why,
        })
    }
}

/// What a question comes to.
pub type Answer<T> = Result<T, Trouble>;

/// A TXT record, its strings joined (RFC 7208, 3.3; RFC 6376, 3.6.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Cut at 8 KiB. May hold control characters: [`printable`] shows it.
    pub text: String,
    /// Whether something was cut off.
    pub cut: bool,
}

/// A mail exchanger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanger {
    /// The smaller, the earlier it is tried.
    pub preference: u16,
    /// Its name in lower case, without the dot at the end; empty for a null MX (RFC 7505).
    pub host: String,
}

/// Asks name servers.
#[derive(Clone)]
pub struct Dns {
    resolver: Option<TokioResolver>,
    patience: Duration,
    /// Whether the operator said whom to ask: then names that are reserved may exist there.
    own_servers: bool,
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Dns {
    /// Asks whom the configuration names, else whom the system does. A system without name servers
    /// is no error: then no question has an answer.
    pub fn new(config: &DnsConfig) -> Self {
        let patience = Duration::from_secs(config.timeout.max(1));
        let resolver = if config.servers.is_empty() {
            TokioResolver::builder_tokio().ok()
        } else {
            let servers = config.servers.iter().map(|at| {
                let mut server = NameServerConfig::udp_and_tcp(at.ip());
                server.connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
                server.connections.iter_mut().for_each(|c| c.port = at.port());
                server
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            let provider = TokioRuntimeProvider::default();
            Some(TokioResolver::builder_with_config(config, provider))
        };
        let resolver = resolver.and_then(|mut builder| {
            set(builder.options_mut(), patience);
            builder.build().ok()
        });
        Self { resolver, patience, own_servers: !config.servers.is_empty() }
    }

    /// Whether to ask about names that no public name server knows (RFC 6761).
    pub fn knows_reserved(&self) -> bool {
        self.own_servers
    }

    /// The library's resolver, for other libraries.
    pub fn resolver(&self) -> Option<TokioResolver> {
        self.resolver.clone()
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Answer<Vec<RData>> {
        let name = full_name(name).ok_or(Trouble::NoName)?;
        let Some(resolver) = &self.resolver else {
            return Err(Trouble::NoAnswer("this machine has no name server"));
        };
        let lookup = timeout(self.patience, resolver.lookup(name, kind)).await;
        let found = match lookup {
            Err(_) | Ok(Err(NetError::Timeout)) => {
                return Err(Trouble::NoAnswer("no name server answered in time"));
            }
            Ok(Err(error)) => return Err(trouble(&error)),
            Ok(Ok(found)) => found,
        };
        let of_kind = found.answers().iter().filter(|record| record.record_type() == kind);
        let data: Vec<_> = of_kind.take(MOST_RECORDS).map(|record| record.data.clone()).collect();
        if data.is_empty() { Err(Trouble::NoRecord) } else { Ok(data) }
    }

    /// The TXT records of a name.
    ///
    /// # Errors
    /// See [`Trouble`]; likewise for the other questions.
    pub async fn txt(&self, name: &str) -> Answer<Vec<Text>> {
        let found = self.ask(name, RecordType::TXT).await?;
        let text = |data: RData| match data {
            RData::TXT(txt) => {
                let bytes = txt.txt_data.concat();
                let kept = &bytes[..bytes.len().min(LONGEST_TEXT)];
                let text = String::from_utf8_lossy(kept).into_owned();
                Some(Text { text, cut: kept.len() < bytes.len() })
            }
            _ => None,
        };
        Ok(found.into_iter().filter_map(text).collect())
    }

    /// The mail exchangers of a domain, in the order in which they are tried.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn mx(&self, name: &str) -> Answer<Vec<Exchanger>> {
        let found = self.ask(name, RecordType::MX).await?;
        let exchanger = |data: RData| match data {
            RData::MX(mx) => {
                Some(Exchanger { preference: mx.preference, host: host(&mx.exchange) })
            }
            _ => None,
        };
        let mut found: Vec<_> = found.into_iter().filter_map(exchanger).collect();
        found.sort_by(|a, b| (a.preference, &a.host).cmp(&(b.preference, &b.host)));
        Ok(found)
    }

    /// The IPv4 addresses of a name.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn v4(&self, name: &str) -> Answer<Vec<Ipv4Addr>> {
        let found = self.ask(name, RecordType::A).await?;
        let address = |data: RData| if let RData::A(a) = data { Some(a.0) } else { None };
        Ok(found.into_iter().filter_map(address).collect())
    }

    /// The IPv6 addresses of a name.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn v6(&self, name: &str) -> Answer<Vec<Ipv6Addr>> {
        let found = self.ask(name, RecordType::AAAA).await?;
        let address = |data: RData| if let RData::AAAA(a) = data { Some(a.0) } else { None };
        Ok(found.into_iter().filter_map(address).collect())
    }

    /// All addresses of a name. Where one family is not known, the other one counts.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn addresses(&self, name: &str) -> Answer<Vec<IpAddr>> {
        let (v4, v6) = tokio::join!(self.v4(name), self.v6(name));
        let mut all: Vec<IpAddr> = v4.iter().flatten().copied().map(IpAddr::from).collect();
        all.extend(v6.iter().flatten().copied().map(IpAddr::from));
        match (v4, v6) {
            _ if !all.is_empty() => Ok(all),
            (Err(one), Err(_)) if !one.is_void() => Err(one),
            (Err(_), Err(other)) => Err(other),
            _ => Err(Trouble::NoRecord),
        }
    }

    /// The names of an address (PTR).
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn names(&self, address: IpAddr) -> Answer<Vec<String>> {
        let found = self.ask(&reverse_name(address), RecordType::PTR).await?;
        let name = |data: RData| if let RData::PTR(ptr) = data { Some(host(&ptr.0)) } else { None };
        Ok(found.into_iter().filter_map(name).collect())
    }
}

fn set(options: &mut ResolverOpts, patience: Duration) {
    // Two tries within our patience; a lost packet is not yet a missing record.
    options.timeout = patience / 2;
    options.attempts = 1;
    options.edns0 = true;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.preserve_intermediates = true;
}

fn trouble(error: &NetError) -> Trouble {
    let code = match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => none.response_code,
        NetError::Dns(DnsError::ResponseCode(code)) => *code,
        NetError::Dns(_) => return Trouble::Bogus,
        _ => return Trouble::NoAnswer("no name server could be reached"),
    };
    match code {
        ResponseCode::NXDomain => Trouble::NoName,
        ResponseCode::NoError => Trouble::NoRecord,
        ResponseCode::ServFail => Trouble::NoAnswer("the name server failed (SERVFAIL)"),
        ResponseCode::Refused => Trouble::NoAnswer("the name server refused to answer (REFUSED)"),
        _ => Trouble::NoAnswer("the name server answered with an error"),
    }
}

/// A name as it is asked for: whole, so that no search list of the machine is tried. What cannot be
/// a name in the DNS is none: at most 253 bytes of printable ASCII in labels of at most 63.
fn full_name(name: &str) -> Option<Name> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'"')
    };
    if name.len() > 253 || !name.split('.').all(good) {
        return None;
    }
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}

fn host(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    printable(text.strip_suffix('.').unwrap_or(&text))
}

/// `4.3.2.1.in-addr.arpa`, or the nibbles under `ip6.arpa` (RFC 1035, 3.5; RFC 3596, 2.5).
fn reverse_name(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|b| [b & 15, b >> 4]);
            nibbles.map(|n| format!("{n:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}

/// A stranger's text as one line of at most 600 characters that can be shown: what cannot be seen
/// becomes `\u{fffd}`.
pub fn printable(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let shown: String =
        text.chars().take(600).map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(600).is_some() { shown + "…" } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_for_backwards() {
        assert_eq!(reverse_name("192.0.2.7".parse().unwrap()), "7.2.0.192.in-addr.arpa");
        assert_eq!(reverse_name("::ffff:192.0.2.7".parse().unwrap()), "7.2.0.192.in-addr.arpa");
        let six = reverse_name("2001:db8::1".parse().unwrap());
        assert!(six.starts_with("1.0.0.0.") && six.ends_with("8.b.d.0.1.0.0.2.ip6.arpa"), "{six}");
    }

    #[test]
    fn what_cannot_be_a_name_is_not_asked_for() {
        assert!(full_name("_dmarc.example.test").is_some_and(|name| name.is_fqdn()));
        let long = format!("{}.test", "a".repeat(64));
        for wrong in ["", "a..b", "a b.test", "a\n.test", "ä.test", &long, &"a.".repeat(128)] {
            assert!(full_name(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_strangers_text_is_one_short_line() {
        assert_eq!(printable("v=spf1\r\n\u{202e}x"), "v=spf1\u{fffd}\u{fffd}\u{fffd}x");
        assert_eq!(printable(&"x".repeat(1000)).chars().count(), 601);
    }
}
