//! The doctor: whether mail of a sender domain can arrive, asked of the DNS and of the relay, with
//! what to do about it. It changes nothing; [`kept`] remembers what it found, [`round`] sends it out
//! once a day.
//!
//! One check a topic, each a verdict in words. Whatever a stranger's name server says is data: cut,
//! cleaned and never believed.

mod dkim;
mod dmarc;
pub mod kept;
mod mx;
mod names;
mod ptr;
mod relay;
pub mod round;
mod sending;
pub mod spf;
pub mod tags;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::EmailAddress;
use crate::config::Config;
use crate::db::{self, Db};
use crate::mail::dkim::DomainKey;
use crate::mail::dns::{Dns, Trouble};
use crate::secret::Key;
use crate::store::{Store, Stores};

pub use sending::Sending;

/// How long one topic may take: ten lookups of a slow name server. What takes longer is not known.
const PATIENCE: Duration = Duration::from_secs(20);

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Works, but look at it.
    Warn,
    /// Mail is lost or treated as spam because of it.
    Fail,
    /// It could not be found out.
    Unknown,
}

impl Level {
    /// From good to bad. What could not be found out is no reason to be alarmed.
    pub fn rank(self) -> u8 {
        match self {
            Self::Ok | Self::Unknown => 0,
            Self::Warn => 1,
            Self::Fail => 2,
        }
    }

    /// As stored and as programs read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }

    /// In a word, for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "fine",
            Self::Warn => "look",
            Self::Fail => "wrong",
            Self::Unknown => "not known",
        }
    }

    /// How it is drawn: a class of the stylesheet.
    pub fn tone(self) -> &'static str {
        match self {
            Self::Ok => "good",
            Self::Warn => "warn",
            Self::Fail => "bad",
            Self::Unknown => "idle",
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// The domain itself: typed right, and ours to send from.
    Name,
    /// Who may send for it.
    Spf,
    /// Signatures.
    Dkim,
    /// What others do with mail that passes neither.
    Dmarc,
    /// Where replies and bounces go.
    Mx,
    /// Names of the addresses that mail is sent from.
    Ptr,
    /// The way to the mail server.
    Relay,
}

impl Topic {
    /// A heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Name => "The domain",
            Self::Spf => "SPF: who may send",
            Self::Dkim => "DKIM: signatures",
            Self::Dmarc => "DMARC: what others do with forgeries",
            Self::Mx => "MX: where replies and bounces go",
            Self::Ptr => "Reverse DNS of the sending addresses",
            Self::Relay => "TLS on the way to the mail server",
        }
    }

    /// As stored and as programs read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Spf => "spf",
            Self::Dkim => "dkim",
            Self::Dmarc => "dmarc",
            Self::Mx => "mx",
            Self::Ptr => "ptr",
            Self::Relay => "relay",
        }
    }
}

/// A DNS record to be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// At which name.
    pub name: String,
    /// `TXT`, `MX`, `PTR`.
    pub kind: String,
    /// What it says.
    pub value: String,
}

impl Publish {
    fn txt(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), kind: "TXT".into(), value: value.into() }
    }
}

/// What was found about a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at.
    pub topic: Topic,
    /// How bad it is.
    pub level: Level,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do; none where there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
    /// Records ready to be copied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<Publish>,
    /// What else is worth knowing, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

impl Check {
    fn new(topic: Topic, level: Level, found: impl Into<String>) -> Self {
        let found = found.into();
        Self { topic, level, found, todo: None, publish: Vec::new(), details: Vec::new() }
    }

    fn ok(topic: Topic, found: impl Into<String>) -> Self {
        Self::new(topic, Level::Ok, found)
    }

    fn unknown(topic: Topic, asked: &str, trouble: &Trouble) -> Self {
        Self::new(topic, Level::Unknown, format!("Asking for {asked}: {trouble}."))
            .todo("Nothing is known to be wrong. Check again later; if it stays, whoever runs the domain's name servers has to look.")
    }

    fn todo(mut self, todo: impl Into<String>) -> Self {
        self.todo = Some(todo.into());
        self
    }

    fn publish(mut self, record: Publish) -> Self {
        self.publish.push(record);
        self
    }

    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }
}

/// What was found about a sender domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The domain.
    pub domain: String,
    /// One a topic.
    pub checks: Vec<Check>,
}

impl Findings {
    /// The worst level; what is not known is worse than fine.
    pub fn level(&self) -> Level {
        let worst = |c: &&Check| (c.level.rank(), c.level == Level::Unknown);
        self.checks.iter().max_by_key(worst).map_or(Level::Unknown, |check| check.level)
    }

    /// The one thing to look at first.
    pub fn worst(&self) -> Option<&Check> {
        let open = self.checks.iter().filter(|check| check.level != Level::Ok);
        let worst = |c: &&Check| (c.level.rank(), std::cmp::Reverse(c.topic));
        open.max_by_key(worst)
    }
}

/// What the doctor works with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Settings.
    pub config: &'a Config,
    /// The database: keys in use, and what was found before.
    pub db: &'a Db,
    /// Whom to ask.
    pub dns: &'a Dns,
    /// Whose domains.
    pub stores: &'a Stores,
    /// Ties the activity's chains.
    pub activity: &'a Key,
}

/// What holds for all domains of the installation, found out once for many of them.
#[derive(Clone, Debug)]
pub struct Installation {
    sending: Sending,
    relay: Check,
    /// The address that takes what comes back, where it is not the sender's own.
    bounce: Option<EmailAddress>,
    /// Whether mails are marked in their envelope sender.
    marks: bool,
}

impl Installation {
    /// Looks at the relay and from where mail leaves.
    pub async fn look(config: &Config, dns: &Dns, now: crate::clock::Micros) -> Self {
        let (sending, relay) = tokio::join!(
            Sending::find(config, dns),
            bounded(Topic::Relay, relay::check(config, now))
        );
        let bounce = config.bounce.address.as_deref().and_then(EmailAddress::parse);
        Self { sending, relay, bounce, marks: config.bounce.verp }
    }
}

/// The sender domains of a merchant, each with the address of a store that sends from it and the
/// names of those stores. An address that is none is left out: `doorkey doctor` names it.
pub fn domains<S: std::ops::Deref<Target = Store>>(
    stores: &[S],
    merchant_id: &str,
) -> BTreeMap<String, Sender> {
    let mut found: BTreeMap<String, Sender> = BTreeMap::new();
    let mut own: Vec<&Store> = stores.iter().map(|store| &**store).collect();
    own.retain(|store| store.merchant_id == merchant_id);
    own.sort_by(|a, b| a.name.cmp(&b.name));
    for store in own {
        let Some(address) = EmailAddress::parse(&store.sender) else { continue };
        let sender = found
            .entry(address.domain().to_owned())
            .or_insert_with(|| Sender { address: address.as_str().to_owned(), stores: Vec::new() });
        sender.stores.push(store.name.clone());
    }
    found
}

/// Who sends from a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// One of the addresses.
    pub address: String,
    /// The stores' names.
    pub stores: Vec<String>,
}

/// Whether it is a name that no public name server knows, and none of one's own was named.
fn exists_nowhere(dns: &Dns, domain: &str) -> bool {
    let reserved = ["test", "example", "invalid", "localhost", "local", "internal"];
    let top = domain.rsplit('.').next().unwrap_or_default();
    reserved.contains(&top) && !dns.knows_reserved()
}

/// What keeps a domain's keys from being put to use: the DNS answers, and the record of one is not
/// there or is another. Nothing when it does not answer: then nobody knows.
pub async fn unpublished(dns: &Dns, domain: &str, keys: &[DomainKey]) -> Option<String> {
    if exists_nowhere(dns, domain) {
        return None;
    }
    for key in keys {
        if let Some(why) = dkim::wrong(dns, key).await {
            return Some(format!("{}: {why}", key.record().name));
        }
    }
    None
}

/// Looks at one sender domain of a merchant.
///
/// # Errors
/// What the database says about the keys in use.
pub async fn examine(
    (db, dns): (&Db, &Dns),
    installation: &Installation,
    merchant_id: &str,
    domain: &str,
    sender: &str,
) -> db::Result<Findings> {
    let sending = &installation.sending;
    if exists_nowhere(dns, domain) {
        let found = format!("{domain} is a reserved name that exists nowhere: nothing to look up.");
        let todo = "Give the store a sender at a domain of your own before mail is to arrive.";
        let check = Check::new(Topic::Name, Level::Unknown, found).todo(todo);
        return Ok(Findings { domain: domain.into(), checks: vec![check] });
    }
    let keys = dkim::keys(db, merchant_id, domain).await?;
    // SPF is looked up for the envelope sender, and that is also where what comes back goes.
    let envelope = installation.bounce.as_ref().map_or(sender, EmailAddress::as_str);
    let returns = installation.bounce.as_ref().map_or(domain, EmailAddress::domain);
    let (spf, dkim, dmarc, mx, ptr) = tokio::join!(
        bounded(Topic::Spf, spf::check(dns, sending, returns, envelope)),
        bounded(Topic::Dkim, dkim::check(dns, domain, &keys)),
        tokio::time::timeout(PATIENCE, dmarc::find(dns, domain)),
        bounded(Topic::Mx, mx::check_both(dns, domain, returns)),
        ptr::check(dns, sending),
    );
    let policy = dmarc.unwrap_or(Err(Trouble::NoAnswer("it took too long")));
    let name = names::check(domain, &policy);
    let dmarc = dmarc::check((domain, returns), &policy, spf.level, dkim.level);
    let mx = if installation.marks { mx::room(mx, envelope) } else { mx };
    let mut checks = vec![name, spf, dkim, dmarc, mx];
    checks.extend(ptr);
    checks.push(installation.relay.clone());
    Ok(Findings { domain: domain.into(), checks })
}

/// A topic that takes too long is not known.
async fn bounded(topic: Topic, check: impl Future<Output = Check>) -> Check {
    let found = tokio::time::timeout(PATIENCE, check).await;
    found.unwrap_or_else(|_| {
        Check::unknown(topic, "it", &Trouble::NoAnswer("the answers took too long"))
    })
}
