//! How long a mail took, by hop, from the lines that servers put on top of it (RFC 5321, 4.4). Their
//! clocks differ by seconds: less than nothing is nothing.

use mail_parser::{HeaderValue, Host, Message};

use crate::clock::{Micros, SECOND};
use crate::mail::dns::printable;

/// Hops that are looked at.
const MOST: usize = 40;

/// A server on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// What it calls itself.
    pub by: String,
    /// Seconds since the one before it, or since the mail was made.
    pub seconds: i64,
}

/// The way of a message in the order in which it was gone, and the seconds of all of it: until the
/// last server noted it, or until our own listener had it.
pub fn hops(message: &Message<'_>, made_at: Micros, arrived_at: Option<Micros>) -> (Vec<Hop>, i64) {
    let received = message.headers().iter().filter_map(|header| match &header.value {
        HeaderValue::Received(received) => Some(received),
        _ => None,
    });
    let mut stamps: Vec<(String, i64)> = received
        .take(MOST)
        .filter_map(|received| {
            let by = received.by().map(|by| match by {
                Host::Name(name) => printable(name),
                Host::IpAddr(ip) => ip.to_string(),
            });
            Some((
                by.unwrap_or_else(|| "a server without a name".into()),
                received.date()?.to_timestamp(),
            ))
        })
        .collect();
    stamps.reverse();
    let made = made_at / SECOND;
    let (mut before, mut hops) = (made, Vec::new());
    for (by, at) in stamps {
        hops.push(Hop { by, seconds: (at - before).max(0) });
        before = before.max(at);
    }
    let end = arrived_at.map_or(before, |at| at / SECOND);
    (hops, (end - made).max(0))
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    #[test]
    fn each_hop_has_its_share() {
        let raw = "Received: from b.test by c.test; Thu, 26 Nov 2026 10:01:40 +0100\r\n\
                   Received: from a.test by b.test with ESMTPS id x; Thu, 26 Nov 2026 09:00:05 +0000\r\n\
                   Received: nonsense\r\n\
                   Subject: x\r\n\r\nHi\r\n";
        let message = MessageParser::new().parse(raw).unwrap();
        let made: Micros = 1_795_683_600 * SECOND; // 2026-11-26T09:00:00Z
        let (found, total) = hops(&message, made, None);
        let told: Vec<_> = found.iter().map(|hop| (hop.by.as_str(), hop.seconds)).collect();
        assert_eq!(told, [("b.test", 5), ("c.test", 95)]);
        assert_eq!(total, 100);
        assert_eq!(hops(&message, made, Some(made + 7 * SECOND)).1, 7, "our own clock counts");
    }
}
