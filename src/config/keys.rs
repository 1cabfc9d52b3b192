//! The keys: every setting with what it means and its default.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::doctor::{DnsConfig, DoctorConfig, ProbeConfig};
use super::value::{Hidden, Network, networks};

/// Everything an operator can set. Durations are whole seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `sqlite:FILE` or `postgres://…`, which may hold a password.
    pub database_url: Hidden,
    /// Where pages are served.
    pub listen: SocketAddr,
    /// Where health and metrics are served: keep it private.
    pub ops_listen: SocketAddr,
    /// The public URL of the back office and of stores that live under `/s/{store}`.
    pub oms_url: Option<String>,
    /// The installation's secret, 32 bytes in base64.
    pub secret: Option<Hidden>,
    /// Where log-in pages, mails and workers find the mail server.
    pub smtp: SmtpConfig,
    /// Networks whose forwarded headers are believed.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<Network>,
    /// How often things may be tried.
    pub limits: Limits,
    /// Recovery links.
    pub link: LinkConfig,
    /// Sessions of customers.
    pub session: SessionConfig,
    /// Sessions of staff.
    pub staff: StaffConfig,
    /// Proof of work.
    pub captcha: CaptchaConfig,
    /// Password hashing.
    pub password: PasswordConfig,
    /// The mail queue.
    pub mail: MailConfig,
    /// The reminder that staff send.
    pub reminder: ReminderConfig,
    /// Name servers.
    pub dns: DnsConfig,
    /// What looks at sender domains.
    pub doctor: DoctorConfig,
    /// What tries the whole way of a mail.
    pub probe: ProbeConfig,
    /// Mail that comes back.
    pub bounce: BounceConfig,
}

/// `smtp.*`, and `smtp.backup.*` within it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmtpConfig {
    /// `smtps://user:pass@host`, `smtp://host:port`. Without one, mail waits in the queue.
    pub url: Option<Hidden>,
    /// `required`, `opportunistic` or `none`; unset: `required`, except on loopback.
    pub tls: Option<String>,
    /// A PEM file with a further certificate authority, for a relay with a private one.
    pub ca_file: Option<PathBuf>,
    /// Connections kept to the mail server, and mails under way at once.
    pub connections: u32,
    /// How long one step of the conversation may take.
    pub timeout: u64,
    /// `auto`, `plain`, `login` or `xoauth2`: how to log in.
    pub auth: Option<String>,
    /// What XOAUTH2 logs in with, instead of a password.
    pub token: Option<Hidden>,
    /// A file with that token, read for every new connection: tokens expire.
    pub token_file: Option<PathBuf>,
    /// At most so many mails a second; unset: as many as go.
    pub per_second: Option<u32>,
    /// A second relay, for when the first is down or says "not now".
    pub backup: Option<Box<SmtpConfig>>,
}

/// `limits.*`: the defaults are generous for people and tight for scripts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Seconds between two mails that anyone can trigger to one customer.
    pub mail_interval: i64,
    /// Such mails to one customer in an hour.
    pub mail_per_hour: i64,
    /// Such mails to one customer in a day.
    pub mail_per_day: i64,
    /// Requests from one source in `source_window`.
    pub source_requests: i64,
    /// Seconds.
    pub source_window: i64,
    /// Requests for one typed address in `address_window`; more are answered alike and dropped.
    pub address_requests: i64,
    /// Seconds.
    pub address_window: i64,
    /// Failed logins from one source for one address before waiting begins.
    pub login_failures: i64,
    /// Seconds to wait after the first failure too many; doubles with each further one.
    pub login_backoff: i64,
    /// Seconds: the longest wait, and how long failures are remembered at least.
    pub login_backoff_max: i64,
    /// Failed logins from one source, whatever the address, in `login_source_window`.
    pub login_source_failures: i64,
    /// Seconds.
    pub login_source_window: i64,
    /// Mails one store may send in an hour: a runaway script must not burn the sender's name.
    pub store_mails_per_hour: i64,
    /// Requests waiting in the queue; beyond it the door answers 503 rather than lose one.
    pub queue: i64,
}

/// `link.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkConfig {
    /// Seconds a recovery link lives, counted from sending; a store may set its own.
    pub ttl: i64,
    /// Seconds that "This wasn't me" holds back further mails.
    pub hold: i64,
    /// Seconds that links confirming an address live.
    pub confirm_ttl: i64,
}

/// `session.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// Seconds after which an unused session ends.
    pub idle: i64,
    /// Seconds after which every session ends.
    pub absolute: i64,
}

/// `staff.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StaffConfig {
    /// Seconds after which an unused session of staff ends.
    pub idle: i64,
    /// Seconds after which every session of staff ends.
    pub absolute: i64,
    /// Seconds for which an invitation can be taken up.
    pub invitation: i64,
}

/// `captcha.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaptchaConfig {
    /// Expected hash attempts of a proof of work while there is little traffic. The default takes our
    /// own widget a fifth of a second on a laptop, the stock one or an old phone a second or two.
    pub difficulty: u32,
}

/// `password.*`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordConfig {
    /// Threads that hash; unset: one a core.
    pub threads: Option<usize>,
}

/// `mail.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailConfig {
    /// Seconds before the first retry; doubles with each further one.
    pub retry_first: i64,
    /// Seconds: the longest wait between two tries.
    pub retry_max: i64,
    /// Seconds after which an undelivered recovery mail is given up and shown as failed.
    pub give_up: i64,
    /// The same for notices, which stay true for longer.
    pub notice_give_up: i64,
    /// Seconds after which a mail that a stopped worker held is taken up by another.
    pub lease: i64,
}

/// `reminder.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReminderConfig {
    /// Whether an administrator may switch on reminders that carry the current password.
    pub allow_current: bool,
    /// The file with the private key that opens sealed passwords. Only the process that sends mail
    /// may be able to read it.
    pub seal_key_path: Option<PathBuf>,
    /// Seconds for which a temporary password can be used.
    pub ttl: i64,
    /// Seconds within which a second reminder to the same customer has to be confirmed.
    pub repeat: i64,
    /// Reminders that one member of staff may send in an hour.
    pub staff_per_hour: i64,
    /// Reminders that all staff of a merchant may send in an hour.
    pub merchant_per_hour: i64,
    /// Seconds without reminders after staff changed a customer's address.
    pub address_hold: i64,
}

/// `bounce.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BounceConfig {
    /// Whether mails leave with an envelope sender of their own, `shop+b-…@example.com`, so that one
    /// that comes back finds its customer.
    pub verp: bool,
    /// The address that such marks are added to, where it is not the store's sender. Its domain must
    /// be the senders' or one below or above it, or SPF no longer speaks for them.
    pub address: Option<String>,
    /// Where mail that comes back is taken in by LMTP: `127.0.0.1:2424`, `unix:/run/doorkey/lmtp`.
    pub lmtp_listen: Option<String>,
    /// Whether that may be an address that other machines can reach.
    pub lmtp_open: bool,
    /// The topic by which Amazon SES reports: `arn:aws:sns:…`. Others are not believed.
    pub ses_topic: Option<String>,
    /// A PEM file with the certificate that signs these reports, instead of the one fetched from
    /// Amazon.
    pub ses_certificate: Option<PathBuf>,
    /// `user:password` with which Postmark reports.
    pub postmark: Option<Hidden>,
    /// The public key of SendGrid's signed event webhook, in base64.
    pub sendgrid_key: Option<String>,
    /// The HTTP webhook signing key of Mailgun.
    pub mailgun_key: Option<Hidden>,
}

impl Default for BounceConfig {
    fn default() -> Self {
        Self {
            verp: true,
            address: None,
            lmtp_listen: None,
            lmtp_open: false,
            ses_topic: None,
            ses_certificate: None,
            postmark: None,
            sendgrid_key: None,
            mailgun_key: None,
        }
    }
}

impl Default for ReminderConfig {
    fn default() -> Self {
        Self {
            allow_current: false,
            seal_key_path: None,
            ttl: 3600,
            repeat: 600,
            staff_per_hour: 20,
            merchant_per_hour: 500,
            address_hold: 24 * 3600,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: Hidden::new("sqlite:doorkey.db"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            ops_listen: SocketAddr::from(([127, 0, 0, 1], 9090)),
            oms_url: None,
            secret: None,
            smtp: SmtpConfig::default(),
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
            link: LinkConfig::default(),
            session: SessionConfig::default(),
            staff: StaffConfig::default(),
            captcha: CaptchaConfig::default(),
            password: PasswordConfig::default(),
            mail: MailConfig::default(),
            reminder: ReminderConfig::default(),
            dns: DnsConfig::default(),
            doctor: DoctorConfig::default(),
            probe: ProbeConfig::default(),
            bounce: BounceConfig::default(),
        }
    }
}

impl Default for SmtpConfig {
    fn default() -> Self {
        Self {
            url: None,
            tls: None,
            ca_file: None,
            connections: 16,
            timeout: 60,
            auth: None,
            token: None,
            token_file: None,
            per_second: None,
            backup: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mail_interval: 60,
            mail_per_hour: 5,
            mail_per_day: 10,
            source_requests: 10,
            source_window: 600,
            address_requests: 5,
            address_window: 3600,
            login_failures: 5,
            login_backoff: 2,
            login_backoff_max: 900,
            login_source_failures: 50,
            login_source_window: 600,
            store_mails_per_hour: 20_000,
            queue: 200_000,
        }
    }
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self { ttl: 30 * 60, hold: 24 * 3600, confirm_ttl: 24 * 3600 }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { idle: 14 * 24 * 3600, absolute: 60 * 24 * 3600 }
    }
}

impl Default for StaffConfig {
    fn default() -> Self {
        Self { idle: 30 * 60, absolute: 12 * 3600, invitation: 3 * 24 * 3600 }
    }
}

impl Default for CaptchaConfig {
    fn default() -> Self {
        Self { difficulty: 100_000 }
    }
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            retry_first: 5,
            retry_max: 900,
            give_up: 4 * 3600,
            notice_give_up: 3 * 24 * 3600,
            lease: 120,
        }
    }
}

/// The ceiling for `link.ttl` and a store's own link life: 24 hours.
pub const LINK_TTL_CEILING: i64 = 24 * 3600;
