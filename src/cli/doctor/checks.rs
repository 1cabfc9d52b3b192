//! What the doctor looks at, from the configuration outwards to the network.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Report, domains, seal};
use crate::address::EmailAddress;
use crate::app;
use crate::cli::{admin, secret, secret_file};
use crate::clock::{MINUTE, Micros, SECOND};
use crate::config::{Config, SmtpConfig};
use crate::db::{self, Db};
use crate::mail::outbox;
use crate::store::is_safe_url;
use crate::store::{self, Store};

/// How long a resolver or a listener may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the mail server may take for the whole conversation.
const MAIL_PATIENCE: Duration = Duration::from_secs(20);

/// Looks at everything.
pub(super) async fn everything(report: &mut Report, config: &Config, now: Micros) {
    installation_secret(report, config);
    let db = database(report, config).await;
    let stores = match &db {
        Some(db) => stores(report, db).await,
        None => Vec::new(),
    };
    configuration(report, config, &stores);
    mail(report, config).await;
    dns(report, config, &stores).await;
    if let Some(db) = &db {
        domains::look(report, config, db, &stores, now).await;
        seal::reminders(report, config, db).await;
        queue(report, db, now).await;
        super::pulse::senders(report, db, now).await;
        db.close().await;
    }
    worker(report, config.ops_listen).await;
}

fn configuration(report: &mut Report, config: &Config, stores: &[Store]) {
    report.ok("configuration: every key is known and within its bounds");
    match config.oms_url.as_deref() {
        Some(url) if !is_safe_url(url) => {
            report.fail(format!("oms_url {url} is not https"), "put TLS in front and use https://");
        }
        None if !config.listen.ip().is_loopback() => {
            let listen = config.listen;
            report.warn(format!("oms_url is not set, listen is {listen}"), "set oms_url");
        }
        _ => {}
    }
    if config.ops_listen.ip().is_unspecified() {
        report.warn(
            format!("ops_listen {}: health and metrics on every network", config.ops_listen),
            "set ops_listen to a private address",
        );
    }
    // Doorkey itself speaks plain HTTP, so https means a proxy in front.
    if config.trusted_proxies.is_empty() && stores.iter().any(Store::is_https) {
        report.warn(
            "trusted_proxies is empty: behind a proxy, all visitors share one visitor's limits",
            "set trusted_proxies to the proxy's network, like [\"127.0.0.1\"]",
        );
    }
}

fn installation_secret(report: &mut Report, config: &Config) {
    match secret_file(config).filter(|_| config.secret.is_none()) {
        Some(file) if !file.exists() => {
            let what = format!("secret: no file {}", file.display());
            report.warn(what, "`doorkey serve` creates it on its first start");
            return;
        }
        Some(file) => private(report, "secret", &file),
        None => {}
    }
    match secret(config, false) {
        Ok(_) => report.ok("secret: present, 32 bytes"),
        Err(failure) => report.fail("secret: not usable", failure.0),
    }
}

/// Only the owner may read or write it.
pub(super) fn private(report: &mut Report, what: &str, file: &Path) {
    let shown = file.display();
    match file.metadata().map(|m| m.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o077 == 0 => {
            report.ok(format!("{what}: {shown} is readable by its owner alone"));
        }
        Ok(mode) => report
            .fail(format!("{what}: {shown} has mode {mode:04o}"), format!("chmod 600 {shown}")),
        Err(e) => report.fail(format!("{what}: {shown}: {e}"), "make it readable for doorkey"),
    }
}

/// Gives the database if its records can be read.
async fn database(report: &mut Report, config: &Config) -> Option<Db> {
    if let Some(file) = db::sqlite_file(config.database_url.reveal()).filter(|file| file.exists()) {
        private(report, "database", &file);
    }
    let db = match admin::connect(config).await {
        Ok(db) => db,
        Err(failure) => {
            report.fail("database: cannot be opened", failure.0);
            return None;
        }
    };
    match db.schema_version().await {
        Ok(found) => match admin::schema_trouble(found) {
            None => report.ok(format!("database: reachable, schema at step {found}")),
            Some((what, todo)) => {
                report.fail(format!("database: {what}"), todo);
                return None;
            }
        },
        Err(e) => {
            report.fail(format!("database: cannot be read: {e}"), "check the database's own log");
            return None;
        }
    }
    match writable(&db).await {
        Ok(()) => report.ok("database: writable"),
        Err(e) => report.fail(
            format!("database: cannot be written: {e}"),
            "check the rights of its user, and the space on its disk",
        ),
    }
    Some(db)
}

/// A write that is taken back.
async fn writable(db: &Db) -> db::Result<()> {
    let mut tx = db.begin().await?;
    tx.exec("UPDATE revision SET value = value WHERE name = 'store'", vec![]).await.map(drop)
}

async fn stores(report: &mut Report, db: &Db) -> Vec<Store> {
    let all = match store::all(db).await {
        Ok(all) => all,
        Err(e) => {
            report.fail(format!("stores: cannot be read: {e}"), "run `doorkey migrate`");
            return Vec::new();
        }
    };
    if all.is_empty() {
        let todo = "run `doorkey merchant add`, then `doorkey store add`";
        report.fail("stores: there is none", todo);
    }
    for store in &all {
        let Store { key, base_url, sender, .. } = store;
        let url_ok = store::read_base_url(base_url).is_some() && is_safe_url(base_url);
        if !url_ok {
            report.fail(
                format!("store {key}: its base URL {base_url} is not https"),
                format!("doorkey store set {key} --base-url https://…"),
            );
        }
        if EmailAddress::parse(sender).is_none() {
            report.fail(
                format!("store {key}: its sender {sender} is no address"),
                format!("doorkey store set {key} --sender ADDRESS"),
            );
        } else if url_ok {
            report.ok(format!("store {key}: {base_url}, mail from {sender}"));
        }
    }
    all
}

async fn mail(report: &mut Report, config: &Config) {
    let smtp = match app::smtp(config) {
        Ok(Some(smtp)) => smtp,
        Ok(None) => {
            let what = "mail: no mail server is set, all mail waits";
            return report.fail(what, "set smtp.url, like smtps://user:password@mail.example.com");
        }
        Err(trouble) => return report.fail("mail: the settings cannot be used", trouble),
    };
    for (key, relay) in config.smtp.relays() {
        let policy = relay.tls.as_deref().unwrap_or("required");
        let near = smtp_host(relay).is_none_or(|host| is_safe_url(&format!("http://{host}")));
        if !near && policy != "required" {
            report.warn(
                format!(
                    "mail: {key}.tls is {policy}: recovery links may cross the network in clear"
                ),
                format!("set {key}.tls to required"),
            );
        }
    }
    let slow = || Err("the mail server takes too long to answer".to_owned());
    let (first, backup) = tokio::join!(
        timeout(MAIL_PATIENCE, smtp.check()),
        timeout(MAIL_PATIENCE, smtp.check_backup())
    );
    match first.unwrap_or_else(|_| slow()) {
        Ok(found) => report.ok(format!("mail: {found}")),
        Err(trouble) if matches!(backup, Ok(Some(Ok(_)))) => report.warn(
            format!("mail: {trouble}"),
            "check smtp.url, smtp.tls and the mail server: until then the backup takes all mail",
        ),
        Err(trouble) => report.fail(
            format!("mail: {trouble}"),
            "check smtp.url, smtp.tls and the mail server: until then all mail waits",
        ),
    }
    match backup.unwrap_or_else(|_| Some(slow())) {
        None => {}
        Some(Ok(found)) => report.ok(format!("mail: backup relay {found}")),
        Some(Err(trouble)) => report.warn(
            format!("mail: backup relay {trouble}"),
            "check smtp.backup.url, smtp.backup.tls and that mail server",
        ),
    }
}

/// A mail server's name, if it has one that must be looked up.
fn smtp_host(relay: &SmtpConfig) -> Option<String> {
    let url = url::Url::parse(relay.url.as_ref()?.reveal().trim()).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    host.parse::<IpAddr>().is_err().then_some(host)
}

/// Names that cannot be looked up are no failure of Doorkey's: a domain may have mail and no
/// address, and a machine may leave names to its relay.
async fn dns(report: &mut Report, config: &Config, stores: &[Store]) {
    let senders = stores.iter().filter_map(|s| EmailAddress::parse(&s.sender));
    let names: BTreeSet<(&'static str, String)> = senders
        .map(|sender| ("sender domain", sender.domain().to_owned()))
        .chain(config.smtp.relays().filter_map(|(_, r)| Some(("mail server", smtp_host(r)?))))
        .collect();
    let mut under_way = JoinSet::new();
    for (role, name) in names {
        under_way.spawn(async move {
            let found = timeout(PATIENCE, tokio::net::lookup_host((&*name, 25))).await;
            let trouble = match found.map(|answer| answer.err()) {
                Ok(None) => None,
                Ok(Some(e)) => Some(e.to_string()),
                Err(_) => Some("no answer".to_owned()),
            };
            (role, name, trouble)
        });
    }
    let mut found = under_way.join_all().await;
    found.sort();
    for (role, name, trouble) in found {
        match trouble {
            None => report.ok(format!("dns: {role} {name} is found")),
            Some(why) => report.warn(
                format!("dns: {role} {name} is not found ({why})"),
                format!("check that {name} exists and that this machine has a resolver"),
            ),
        }
    }
}

async fn queue(report: &mut Report, db: &Db, now: Micros) {
    match outbox::waiting(db, now).await {
        Err(e) => report.fail(format!("queue: cannot be read: {e}"), "run `doorkey migrate`"),
        Ok(outbox::Waiting { count, oldest_due_at: Some(due) }) if now - due > MINUTE => {
            let age = (now - due) / SECOND;
            report.fail(
                format!("queue: {count} waiting, the oldest has been due for {age} s"),
                "see that `doorkey serve` runs, that its role includes mail, and what its log says",
            );
        }
        Ok(waiting) => report.ok(format!("queue: {} waiting, none overdue", waiting.count)),
    }
}

/// Asks the running process, which alone knows how its worker does.
async fn worker(report: &mut Report, ops: SocketAddr) {
    let mut at = ops;
    if at.ip().is_unspecified() {
        at.set_ip(if at.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            IpAddr::from([0u16, 0, 0, 0, 0, 0, 0, 1])
        });
    }
    match timeout(PATIENCE, ready(at)).await.unwrap_or_else(|e| Err(e.into())) {
        Ok((200, _)) => report.ok(format!("worker: doorkey serve answers at {at} and is ready")),
        Ok((_, wrong)) if !wrong.is_empty() => {
            let what = format!("worker: doorkey serve answers at {at} and is not ready");
            report.fail(what, wrong.join("; "));
        }
        Ok((status, _)) => report.warn(
            format!("worker: {at} answers {status}, not as doorkey serve does"),
            "check ops_listen",
        ),
        Err(_) => report.warn(
            format!("worker: no doorkey serve answers at {at}"),
            "start `doorkey serve`, or run the doctor where it runs",
        ),
    }
}

/// The status of `/readyz` (RFC 9112, by hand: one request to our own listener needs no client
/// library), and what it says is wrong.
async fn ready(at: SocketAddr) -> std::io::Result<(u16, Vec<String>)> {
    let mut stream = TcpStream::connect(at).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let wrong = body["wrong"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok((status, wrong.iter().filter_map(|w| w.as_str().map(str::to_owned)).collect()))
}
