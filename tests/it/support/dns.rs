//! A real name server on loopback, over UDP and TCP, that can misbehave by name.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{HeaderCounts, MessageType, Metadata, OpCode, ResponseCode};
use hickory_server::proto::rr::rdata::{A, AAAA, CNAME, MX, PTR, TXT};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

/// How a name misbehaves.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    ServFail,
    Refused,
    /// No answer at all.
    Silent,
}

#[derive(Default)]
struct Zone {
    records: HashMap<(String, RecordType), Vec<RData>>,
    faults: HashMap<String, Fault>,
    asked: Vec<String>,
}

/// The running server; stops when dropped.
pub struct NameServer {
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    _server: Server<Answers>,
}

struct Answers(Arc<Mutex<Zone>>);

fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

impl NameServer {
    /// Starts on a free loopback port; the same for both transports.
    pub async fn start() -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let zone = Arc::new(Mutex::new(Zone::default()));
        let mut server = Server::new(Answers(zone.clone()));
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 4096);
        Self { address, zone, _server: server }
    }

    /// The value of `dns.servers` that asks this one.
    pub fn setting(&self) -> String {
        format!("[\"{}\"]", self.address)
    }

    fn add(&self, at: &str, data: RData) {
        let mut zone = self.zone.lock().unwrap();
        zone.records.entry((key(at), data.record_type())).or_default().push(data);
    }

    /// A TXT record, as one string of at most 255 bytes each.
    pub fn txt(&self, at: &str, text: &str) {
        let parts = text.as_bytes().chunks(255).map(|part| String::from_utf8_lossy(part).into());
        self.txt_parts(at, parts.collect());
    }

    /// A TXT record of these strings.
    pub fn txt_parts(&self, at: &str, parts: Vec<String>) {
        self.add(at, RData::TXT(TXT::new(parts)));
    }

    /// The addresses of a name.
    pub fn address(&self, at: &str, ip: &str) {
        match ip.parse().unwrap() {
            IpAddr::V4(ip) => self.add(at, RData::A(A(ip))),
            IpAddr::V6(ip) => self.add(at, RData::AAAA(AAAA(ip))),
        }
    }

    /// A mail exchanger; `.` for none.
    pub fn mx(&self, at: &str, preference: u16, host: &str) {
        self.add(at, RData::MX(MX::new(preference, name(host))));
    }

    /// The name of an IPv4 address.
    pub fn ptr(&self, ip: &str, host: &str) {
        let mut octets: Vec<&str> = ip.split('.').collect();
        octets.reverse();
        self.add(&format!("{}.in-addr.arpa", octets.join(".")), RData::PTR(PTR(name(host))));
    }

    /// Another name for a name.
    pub fn cname(&self, at: &str, to: &str) {
        self.add(at, RData::CNAME(CNAME(name(to))));
    }

    /// Takes away everything that a name has.
    pub fn clear(&self, at: &str) {
        let mut zone = self.zone.lock().unwrap();
        zone.records.retain(|(name, _), _| *name != key(at));
        zone.faults.remove(&key(at));
    }

    /// A name misbehaves.
    pub fn fault(&self, at: &str, fault: Fault) {
        self.zone.lock().unwrap().faults.insert(key(at), fault);
    }

    /// A domain whose mail is in order, sent from 192.0.2.10.
    pub fn healthy(&self, domain: &str) {
        self.txt(domain, "v=spf1 ip4:192.0.2.10 -all");
        self.txt(&format!("_dmarc.{domain}"), "v=DMARC1; p=reject; rua=mailto:dmarc@x.test");
        self.mx(domain, 10, &format!("mx.{domain}"));
        self.address(&format!("mx.{domain}"), "192.0.2.20");
        self.ptr("192.0.2.10", "out.sender.test");
        self.address("out.sender.test", "192.0.2.10");
    }

    /// What was asked for, as `TXT name`.
    pub fn asked(&self) -> Vec<String> {
        self.zone.lock().unwrap().asked.clone()
    }
}

impl Answers {
    /// Code and records for a question; none for silence. Aliases are followed like a resolver does.
    fn answer(&self, at: &str, kind: RecordType) -> Option<(ResponseCode, Vec<Record>)> {
        let mut zone = self.0.lock().unwrap();
        zone.asked.push(format!("{kind} {at}"));
        let (mut at, mut found) = (key(at), Vec::new());
        for _ in 0..8 {
            match zone.faults.get(&at) {
                Some(Fault::ServFail) => return Some((ResponseCode::ServFail, Vec::new())),
                Some(Fault::Refused) => return Some((ResponseCode::Refused, Vec::new())),
                Some(Fault::Silent) => return None,
                None => {}
            }
            let of = |kind| zone.records.get(&(at.clone(), kind));
            if let Some(data) = of(kind) {
                let records = data.iter().map(|d| Record::from_rdata(name(&at), 60, d.clone()));
                found.extend(records);
                return Some((ResponseCode::NoError, found));
            }
            let Some(RData::CNAME(to)) = of(RecordType::CNAME).and_then(|c| c.first()) else {
                break;
            };
            found.push(Record::from_rdata(name(&at), 60, RData::CNAME(to.clone())));
            at = key(&to.0.to_ascii());
        }
        let exists = |suffix: &String| *suffix == at || suffix.ends_with(&format!(".{at}"));
        let known = zone.records.keys().any(|(name, _)| exists(name));
        let code = if known { ResponseCode::NoError } else { ResponseCode::NXDomain };
        Some((code, found))
    }
}

#[async_trait::async_trait]
impl RequestHandler for Answers {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut handle: R,
    ) -> ResponseInfo {
        let info = request.request_info().unwrap();
        let (at, kind) = (info.query.name().to_string(), info.query.query_type());
        let mut metadata = Metadata::response_from_request(info.metadata);
        let Some((code, records)) = self.answer(&at, kind) else {
            let metadata = Metadata::new(0, MessageType::Response, OpCode::Query);
            let counts = HeaderCounts::default();
            return hickory_server::proto::op::Header { metadata, counts }.into();
        };
        metadata.response_code = code;
        metadata.recursion_available = true;
        let response = MessageResponseBuilder::from_message_request(request).build(
            metadata,
            records.iter(),
            [].iter(),
            [].iter(),
            [].iter(),
        );
        handle.send_response(response).await.unwrap()
    }
}
