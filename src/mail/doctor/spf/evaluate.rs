//! Whether a machine may send for a domain (RFC 7208, 4 to 6), and why: the evaluation names the term
//! that decided. mail-auth evaluates SPF too, but says neither which term matched nor what is wrong
//! with a record, and that is what a person needs to mend it.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use super::macros::Facts;
use super::record::{Hosts, Mechanism, Qualifier, Record, Term, is_spf};
use crate::config::Network;
use crate::mail::dns::{Dns, Trouble};

/// Terms that ask the DNS, over all records (4.6.4).
pub const MOST_LOOKUPS: usize = 10;
/// Of them, those that find nothing.
const MOST_VOIDS: usize = 2;
/// Addresses of mail exchangers, and names of an address, that are looked at for one term.
const MOST_NAMES: usize = 10;

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may send.
    Pass,
    /// It may not.
    Fail,
    /// It probably may not.
    SoftFail,
    /// The domain does not say.
    Neutral,
    /// There is no record.
    None,
    /// The record is broken: many servers treat it as if there were none, some refuse the mail.
    Broken,
    /// The DNS did not answer.
    Unknown,
}

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What comes of it.
    pub verdict: Verdict,
    /// Which term decided, or what is wrong, in words.
    pub why: String,
    /// Terms that asked the DNS until then.
    pub lookups: usize,
}

/// An evaluation under way.
struct Check<'a> {
    dns: &'a Dns,
    sender: &'a str,
    ip: IpAddr,
    lookups: usize,
    voids: usize,
    /// The domains whose records are being read, the outermost first.
    path: Vec<String>,
}

/// Why an evaluation ends before a term matches.
enum Stop {
    Broken(String),
    Unknown(String),
}

type Step<'s, T> = Pin<Box<dyn Future<Output = Result<T, Stop>> + Send + 's>>;

/// Whether `ip` may send mail whose envelope names `sender`.
pub async fn check(dns: &Dns, sender: &str, ip: IpAddr) -> Outcome {
    let domain = sender.rsplit_once('@').map_or(sender, |(_, domain)| domain).to_owned();
    let ip = ip.to_canonical();
    let mut check = Check { dns, sender, ip, lookups: 0, voids: 0, path: Vec::new() };
    let (verdict, why) = match check.host(domain).await {
        Ok(decided) => decided,
        Err(Stop::Broken(why)) => (Verdict::Broken, why),
        Err(Stop::Unknown(why)) => (Verdict::Unknown, why),
    };
    Outcome { verdict, why, lookups: check.lookups }
}

/// All SPF records of a domain, as they stand there.
///
/// # Errors
/// When the DNS did not answer; that there is none is an empty list.
pub async fn records(dns: &Dns, domain: &str) -> Result<Vec<String>, Trouble> {
    match dns.txt(domain).await {
        Ok(texts) => Ok(texts.into_iter().map(|t| t.text).filter(|text| is_spf(text)).collect()),
        Err(trouble) if trouble.is_void() => Ok(Vec::new()),
        Err(trouble) => Err(trouble),
    }
}

impl<'a> Check<'a> {
    /// `check_host` of the standard.
    fn host(&mut self, domain: String) -> Step<'_, (Verdict, String)> {
        Box::pin(async move {
            if let Some(at) = self.path.iter().position(|seen| *seen == domain) {
                let way = [&self.path[at..], &[domain]].concat().join(" → ");
                return Err(Stop::Broken(format!("the records include each other: {way}")));
            }
            let found = records(self.dns, &domain)
                .await
                .map_err(|trouble| Stop::Unknown(format!("asking for {domain}: {trouble}")))?;
            let text = match &found[..] {
                [] => return Ok((Verdict::None, format!("{domain} has no SPF record"))),
                [text] => text,
                more => {
                    let many =
                        format!("{domain} has {} SPF records; there must be one", more.len());
                    return Err(Stop::Broken(many));
                }
            };
            let record = Record::parse(text).map_err(|why| {
                Stop::Broken(format!("the record of {domain} cannot be used: {why}"))
            })?;
            self.path.push(domain.clone());
            let decided = self.decide(&record, &domain).await;
            self.path.pop();
            decided
        })
    }

    async fn decide(&mut self, record: &Record, domain: &str) -> Result<(Verdict, String), Stop> {
        for term in &record.terms {
            if self.matches(term, domain).await? {
                let verdict = match term.qualifier {
                    Qualifier::Pass => Verdict::Pass,
                    Qualifier::Fail => Verdict::Fail,
                    Qualifier::SoftFail => Verdict::SoftFail,
                    Qualifier::Neutral => Verdict::Neutral,
                };
                return Ok((verdict, format!("“{}” of {domain}", term.text)));
            }
        }
        let Some(redirect) = &record.redirect else {
            return Ok((Verdict::Neutral, format!("nothing in the record of {domain} matches")));
        };
        self.count(&format!("redirect of {domain}"))?;
        let target = redirect.expand(&self.facts(domain));
        match self.host(target.clone()).await? {
            (Verdict::None, _) => {
                Err(Stop::Broken(format!("{domain} redirects to {target}, which has no record")))
            }
            decided => Ok(decided),
        }
    }

    fn facts<'f>(&'f self, domain: &'f str) -> Facts<'f> {
        Facts { sender: self.sender, domain, ip: self.ip }
    }

    /// Counts a term that asks the DNS.
    fn count(&mut self, term: &str) -> Result<(), Stop> {
        self.lookups += 1;
        if self.lookups <= MOST_LOOKUPS {
            return Ok(());
        }
        Err(Stop::Broken(format!(
            "the record takes more than the {MOST_LOOKUPS} lookups that are allowed (at {term})"
        )))
    }

    /// Makes an answer of what was found; nothing found is counted.
    fn found<T>(&mut self, name: &str, answer: Result<Vec<T>, Trouble>) -> Result<Vec<T>, Stop> {
        match answer {
            Ok(found) => Ok(found),
            Err(trouble) if trouble.is_void() => {
                self.voids += 1;
                if self.voids <= MOST_VOIDS {
                    return Ok(Vec::new());
                }
                Err(Stop::Broken(format!(
                    "more than {MOST_VOIDS} of its names lead nowhere, the last being {name}"
                )))
            }
            Err(trouble) => Err(Stop::Unknown(format!("asking for {name}: {trouble}"))),
        }
    }

    async fn matches(&mut self, term: &Term, domain: &str) -> Result<bool, Stop> {
        if !matches!(term.mechanism, Mechanism::All | Mechanism::V4(..) | Mechanism::V6(..)) {
            self.count(&format!("“{}” of {domain}", term.text))?;
        }
        match &term.mechanism {
            Mechanism::All => Ok(true),
            Mechanism::V4(net, bits) => Ok(lies_in(self.ip, IpAddr::V4(*net), *bits)),
            Mechanism::V6(net, bits) => Ok(lies_in(self.ip, IpAddr::V6(*net), *bits)),
            Mechanism::Include(name) => {
                let name = name.expand(&self.facts(domain));
                match self.host(name.clone()).await?.0 {
                    Verdict::Pass => Ok(true),
                    Verdict::None => Err(Stop::Broken(format!(
                        "{domain} includes {name}, which has no SPF record"
                    ))),
                    _ => Ok(false),
                }
            }
            Mechanism::A(hosts) => {
                let name = self.name(hosts, domain);
                self.is_at(&name, hosts).await
            }
            Mechanism::Mx(hosts) => self.is_exchanger(hosts, domain).await,
            Mechanism::Ptr(name) => {
                let facts = self.facts(domain);
                let name = name.as_ref().map_or(domain.to_owned(), |name| name.expand(&facts));
                self.is_named(&name).await
            }
            Mechanism::Exists(name) => {
                let name = name.expand(&self.facts(domain));
                let answer = self.dns.v4(&name).await;
                Ok(!self.found(&name, answer)?.is_empty())
            }
        }
    }

    fn name(&self, hosts: &Hosts, domain: &str) -> String {
        let facts = self.facts(domain);
        hosts.domain.as_ref().map_or(domain.to_owned(), |name| name.expand(&facts))
    }

    /// Whether the address is one of a name's, of the family that it belongs to.
    async fn is_at(&mut self, name: &str, hosts: &Hosts) -> Result<bool, Stop> {
        let found: Vec<IpAddr> = if self.ip.is_ipv4() {
            let answer = self.dns.v4(name).await;
            self.found(name, answer)?.into_iter().map(IpAddr::from).collect()
        } else {
            let answer = self.dns.v6(name).await;
            self.found(name, answer)?.into_iter().map(IpAddr::from).collect()
        };
        let bits = if self.ip.is_ipv4() { hosts.v4 } else { hosts.v6 };
        Ok(found.into_iter().any(|net| lies_in(self.ip, net, bits)))
    }

    async fn is_exchanger(&mut self, hosts: &Hosts, domain: &str) -> Result<bool, Stop> {
        let name = self.name(hosts, domain);
        let answer = self.dns.mx(&name).await;
        let exchangers = self.found(&name, answer)?;
        if exchangers.len() > MOST_NAMES {
            let many = format!("{name} has more than {MOST_NAMES} mail exchangers");
            return Err(Stop::Broken(many));
        }
        for exchanger in exchangers.iter().filter(|exchanger| !exchanger.host.is_empty()) {
            if self.is_at(&exchanger.host, hosts).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a name of the address, that leads back to it, lies in a domain (5.5). What cannot be
    /// found out is no match here.
    async fn is_named(&mut self, domain: &str) -> Result<bool, Stop> {
        let names = self.dns.names(self.ip).await.unwrap_or_default();
        for name in names.into_iter().take(MOST_NAMES) {
            let inside = name == domain || name.ends_with(&format!(".{domain}"));
            if inside && self.dns.addresses(&name).await.is_ok_and(|all| all.contains(&self.ip)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn lies_in(ip: IpAddr, net: IpAddr, bits: u8) -> bool {
    ip.is_ipv4() == net.is_ipv4()
        && Network::parse(&format!("{net}/{bits}")).is_some_and(|net| net.contains(ip))
}

#[cfg(test)]
mod tests {
    use super::lies_in;

    #[test]
    fn an_address_lies_in_networks_of_its_own_family() {
        let is =
            |ip: &str, net: &str, bits| lies_in(ip.parse().unwrap(), net.parse().unwrap(), bits);
        assert!(is("192.0.2.77", "192.0.2.0", 24) && is("192.0.2.77", "10.0.0.0", 0));
        assert!(!is("192.0.2.77", "192.0.2.0", 32) && !is("192.0.2.77", "::", 0));
        assert!(is("2001:db8::1", "2001:db8::", 32) && !is("2001:db9::1", "2001:db8::", 32));
    }
}
