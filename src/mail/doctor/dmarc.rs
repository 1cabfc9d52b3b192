//! The DMARC policy of a sender domain, its own or the organisation's (RFC 9989, 4.10; RFC 7489
//! before it), and whether Doorkey's mail passes it.

use super::tags::Tags;
use super::{Check, Level, Publish, Topic};
use crate::mail::dns::{Answer, Dns, Trouble, printable};

/// What others are asked to do with mail that does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    None,
    Quarantine,
    Reject,
}

impl Wish {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "quarantine" => Self::Quarantine,
            "reject" => Self::Reject,
            _ => return None,
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

/// What a domain's policy comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Neither the domain nor one above it has a record.
    Missing,
    /// There is something that is no usable record.
    Broken { at: String, why: String },
    /// A policy.
    Found(Found),
}

/// A policy and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The domain whose record it is.
    pub at: String,
    /// What holds for the domain that was asked for.
    pub wish: Wish,
    /// Whether anybody gets reports.
    pub reports: bool,
    /// Only tried out: others are asked not to follow it yet.
    pub testing: bool,
    /// Whether the envelope sender's domain must be the very one of From (`aspf=s`).
    pub strict: bool,
    /// The record, printable.
    pub text: String,
}

impl Found {
    /// Whether the envelope's domain is aligned with that of From (RFC 9989, 4.4): the same one, or,
    /// unless the policy is strict, one of the same organisation.
    fn aligns(&self, from: &str, envelope: &str) -> bool {
        let is_in = |name: &str, parent: &str| {
            name.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let related = is_in(envelope, from) || is_in(from, envelope) || is_in(envelope, &self.at);
        envelope == from || (!self.strict && related)
    }
}

/// Walks from the domain to the top until a policy is found (RFC 9989, 4.10): the domain's own
/// counts, else the one of the organisation.
pub(super) async fn find(dns: &Dns, domain: &str) -> Answer<Policy> {
    let labels: Vec<&str> = domain.split('.').collect();
    // Long names are walked in their last seven labels, so that nobody can make us ask forever.
    let first = if labels.len() > 8 { labels.len() - 7 } else { 1 };
    let mut above: Option<Policy> = None;
    for from in std::iter::once(0).chain(first..labels.len()) {
        let at = labels[from..].join(".");
        let policy = match dns.txt(&format!("_dmarc.{at}")).await {
            Ok(texts) => read(&at, from > 0, texts.into_iter().map(|text| text.text).collect()),
            Err(trouble) if trouble.is_void() => continue,
            Err(trouble) => return Err(trouble),
        };
        match policy {
            (Policy::Missing, _) => {}
            (policy, _) if from == 0 => return Ok(policy),
            // psd=n says that the organisation ends here.
            (policy, Some(false)) => return Ok(policy),
            // psd=y is a registry's word, which holds only where the organisation has none.
            (policy, Some(true)) => return Ok(above.unwrap_or(policy)),
            (policy, None) => above = Some(policy),
        }
    }
    Ok(above.unwrap_or(Policy::Missing))
}

/// Reads the records of one name; the second value is the record's `psd`.
fn read(at: &str, inherited: bool, texts: Vec<String>) -> (Policy, Option<bool>) {
    let meant: Vec<&String> = texts
        .iter()
        .filter(|text| {
            text.trim_start().get(..8).is_some_and(|v| v.eq_ignore_ascii_case("v=dmarc1"))
        })
        .collect();
    let broken = |why: String| (Policy::Broken { at: at.to_owned(), why }, None);
    let text = match &meant[..] {
        [] => return (Policy::Missing, None),
        [text] => text,
        more => return broken(format!("there are {} records; there must be one", more.len())),
    };
    let tags = match Tags::parse(text) {
        Ok(tags) => tags,
        Err(why) => return broken(format!("it cannot be read: {why}")),
    };
    if tags.first() != Some("v") || tags.get("v") != Some("DMARC1") {
        return broken("it does not begin with v=DMARC1".into());
    }
    let reports = tags.get("rua").is_some_and(|rua| !rua.is_empty());
    let own = tags.get("p");
    let wish = inherited.then(|| tags.get("sp")).flatten().or(own).map(Wish::parse);
    let wish = match wish {
        Some(Some(wish)) => wish,
        // Without a usable policy, one that asks for reports is taken as p=none.
        _ if reports => Wish::None,
        Some(None) => return broken("its p= is none of none, quarantine and reject".into()),
        None => return broken("it has no p=".into()),
    };
    let testing = tags.get("t").is_some_and(|t| t.eq_ignore_ascii_case("y"));
    let strict = tags.get("aspf").is_some_and(|aspf| aspf.eq_ignore_ascii_case("s"));
    let psd = tags.get("psd").and_then(|psd| match psd {
        "y" => Some(true),
        "n" => Some(false),
        _ => None,
    });
    let (at, text) = (at.to_owned(), printable(text));
    (Policy::Found(Found { at, wish, reports, testing, strict, text }), psd)
}

/// Says what the policy is, and whether Doorkey's mail passes it. The signature carries the domain of
/// From and is aligned where it passes at all; the envelope's may be another one, to which mail
/// `returns`.
pub(super) fn check(
    (domain, returns): (&str, &str),
    policy: &Answer<Policy>,
    spf: Level,
    dkim: Level,
) -> Check {
    let start = || {
        let value = format!("v=DMARC1; p=none; rua=mailto:postmaster@{domain}");
        Publish::txt(format!("_dmarc.{domain}"), value)
    };
    let found = match policy {
        Err(trouble) => {
            return Check::unknown(Topic::Dmarc, &format!("_dmarc.{domain}"), trouble);
        }
        Ok(Policy::Missing) => {
            return Check::new(Topic::Dmarc, Level::Warn, format!("{domain} has no DMARC record."))
                .todo("Publish one. The large mailbox providers want it, and its reports tell who sends in your name. Read them for two weeks, then ask for quarantine.")
                .publish(start());
        }
        Ok(Policy::Broken { at, why }) => {
            return Check::new(
                Topic::Dmarc,
                Level::Fail,
                format!("The DMARC record of {at} cannot be used: {why}."),
            )
            .todo("Replace it by one record that is right.")
            .publish(start());
        }
        Ok(Policy::Found(found)) => found,
    };
    let whose =
        if found.at == domain { "Its own".into() } else { format!("The one of {}", found.at) };
    let is_aligned = found.aligns(domain, returns);
    let spf = if is_aligned { spf } else { Level::Fail };
    let about_spf = if is_aligned {
        alignment("SPF", spf)
    } else {
        format!("SPF counts for {returns}, which is not aligned with From: see bounce.address.")
    };
    let mut check = judge(domain, found, spf, dkim)
        .detail(format!("{whose} record: {}", found.text))
        .detail(about_spf)
        .detail(alignment("DKIM", dkim));
    if !found.reports {
        check = check
            .detail("It has no rua=: nobody gets the reports that show forgeries and mistakes.");
    }
    if found.testing {
        check = check.detail("t=y: others are asked not to follow the policy yet.");
    }
    check
}

fn judge(domain: &str, found: &Found, spf: Level, dkim: Level) -> Check {
    let wish = found.wish.as_str();
    let passes = spf == Level::Ok || dkim == Level::Ok;
    let surely_not = spf.rank() > 0 && dkim.rank() > 0;
    if !passes && surely_not {
        let level = if found.wish == Wish::None { Level::Warn } else { Level::Fail };
        let said = format!(
            "The policy is {wish}, and it is not sure that your mail passes it: neither SPF nor DKIM is in order."
        );
        return Check::new(Topic::Dmarc, level, said)
            .todo("Put SPF or, better, DKIM in order first.");
    }
    if found.wish == Wish::None {
        let said =
            format!("The policy is {wish}: forgeries in the name of {domain} are delivered.");
        let rua = if found.reports { "" } else { "; rua=mailto:postmaster@" };
        let tail = if rua.is_empty() { String::new() } else { format!("{rua}{domain}") };
        return Check::new(Topic::Dmarc, Level::Warn, said)
            .todo("When the reports show that all of your own mail passes, ask for quarantine.")
            .publish(Publish::txt(
                format!("_dmarc.{domain}"),
                format!(
                    "v=DMARC1; p=quarantine{}",
                    if found.reports { kept_rua(&found.text) } else { tail }
                ),
            ));
    }
    if !passes {
        let said = format!("The policy is {wish}; whether your mail passes it is not known.");
        return Check::new(Topic::Dmarc, Level::Unknown, said).todo("Check again later.");
    }
    Check::ok(Topic::Dmarc, format!("The policy is {wish}, and your mail passes it."))
}

/// The reports' address of the present record, to be taken over.
fn kept_rua(text: &str) -> String {
    let rua = Tags::parse(text).ok().and_then(|tags| tags.get("rua").map(str::to_owned));
    rua.map(|rua| format!("; rua={rua}")).unwrap_or_default()
}

fn alignment(what: &str, level: Level) -> String {
    match level {
        Level::Ok => format!("{what} passes and is aligned with From."),
        Level::Unknown => format!("Whether {what} passes is not known."),
        Level::Warn | Level::Fail => format!("{what} is not in order: see there."),
    }
}

/// What is said where the policy could not be found out.
pub(super) fn forbids(policy: &Answer<Policy>) -> Option<Wish> {
    match policy {
        Ok(Policy::Found(found)) if found.wish != Wish::None => Some(found.wish),
        _ => None,
    }
}

/// Whether the answer is known at all.
pub(super) fn is_known(policy: &Answer<Policy>) -> bool {
    !matches!(policy, Err(Trouble::NoAnswer(_) | Trouble::Bogus))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(texts: &[&str]) -> Policy {
        read("example.test", false, texts.iter().map(|t| (*t).to_owned()).collect()).0
    }

    #[test]
    fn policies_are_read_and_broken_ones_named() {
        let Policy::Found(found) = texts(&["v=DMARC1; p=reject; rua=mailto:a@x.test", "other"])
        else {
            panic!("found")
        };
        assert!(found.wish == Wish::Reject && found.reports && !found.testing);
        assert_eq!(texts(&["v=spf1 -all"]), Policy::Missing);
        for (text, says) in [
            ("v=DMARC1", "no p="),
            ("v=DMARC1; p=maybe", "none of"),
            ("v=DMARC1; p=none; p=none", "twice"),
            ("V=dmarc1; p=none", "begin"),
        ] {
            let Policy::Broken { why, .. } = texts(&[text]) else { panic!("{text}") };
            assert!(why.contains(says), "{text}: {why}");
        }
        let two = texts(&["v=DMARC1; p=none", "v=DMARC1; p=none"]);
        assert!(matches!(two, Policy::Broken { .. }));
        let (below, psd) = read("x.test", true, vec!["v=DMARC1; p=reject; sp=none; psd=n".into()]);
        let Policy::Found(below) = below else { panic!("found") };
        assert_eq!((below.wish, psd), (Wish::None, Some(false)));
    }

    #[test]
    fn alignment_decides_with_the_policy() {
        let policy = Ok(texts(&["v=DMARC1; p=reject; rua=mailto:a@x.test"]));
        let own = ("example.test", "example.test");
        let level = |spf, dkim| check(own, &policy, spf, dkim).level;
        assert_eq!(level(Level::Ok, Level::Fail), Level::Ok);
        assert_eq!(level(Level::Fail, Level::Ok), Level::Ok);
        assert_eq!(level(Level::Fail, Level::Warn), Level::Fail);
        let none = Ok(texts(&["v=DMARC1; p=none"]));
        assert_eq!(check(own, &none, Level::Ok, Level::Ok).level, Level::Warn);
        assert_eq!(forbids(&policy), Some(Wish::Reject));
        assert_eq!(forbids(&none), None);
    }

    #[test]
    fn an_envelope_of_the_same_organisation_is_aligned_unless_the_policy_is_strict() {
        let relaxed = Ok(texts(&["v=DMARC1; p=reject; rua=mailto:a@x.test"]));
        let strict = Ok(texts(&["v=DMARC1; p=reject; aspf=s; rua=mailto:a@x.test"]));
        for (returns, policy, level) in [
            ("x.test", &strict, Level::Ok),
            ("bounces.x.test", &relaxed, Level::Ok),
            ("bounces.x.test", &strict, Level::Fail),
            ("notx.test", &relaxed, Level::Fail),
            ("elsewhere.test", &relaxed, Level::Fail),
        ] {
            let found = check(("x.test", returns), policy, Level::Ok, Level::Warn);
            assert_eq!(found.level, level, "{returns}: {found:?}");
        }
    }

    proptest! {
        /// Whatever stands in the DNS comes to a policy, to none, or to a reason that can be shown.
        #[test]
        fn no_record_breaks_the_reader(text in ".{0,300}", tail in ".{0,200}") {
            for text in [text.clone(), format!("v=DMARC1; {text}"), format!("v=DMARC1; p=none; {tail}")] {
                let (policy, _) = read("x.test", true, vec![text]);
                let shown = match policy {
                    Policy::Missing => String::new(),
                    Policy::Broken { why, .. } => why,
                    Policy::Found(found) => found.text,
                };
                prop_assert!(!shown.contains(['\n', '\r', '\0']), "{shown:?}");
            }
        }
    }
}
