//! The configuration: one struct from one TOML file, every key overridable by environment.
//!
//! `DOORKEY_` plus the key in capitals, `.` as `__`: `smtp.url` is `DOORKEY_SMTP__URL`. A secret may
//! be given as `<key>_file`. Unknown keys are refused by name: a setting that silently does nothing
//! is a setting lost.

mod doctor;
mod keys;
mod value;

use std::path::Path;

use crate::address::EmailAddress;
use crate::secret::Secret;

pub use doctor::{DnsConfig, DoctorConfig, ProbeConfig};
pub use keys::*;
pub use value::{Hidden, Network};

impl Config {
    /// Reads the file, if one is named, and lays the environment over it.
    ///
    /// # Errors
    /// One line that names the key and says what to do.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|e| format!("cannot read the configuration {}: {e}", path.display()))?
                .parse()
                .map_err(|e: toml::de::Error| {
                    format!("{} is not valid TOML: {}", path.display(), one_line(e.message()))
                })?,
        };
        for (name, value) in environment {
            if let Some(key) = name.strip_prefix("DOORKEY_") {
                put(&mut table, &key.to_lowercase().replace("__", "."), literal(&value))?;
            }
        }
        read_secret_files(&mut table)?;
        let config: Self = table.try_into().map_err(|e: toml::de::Error| {
            format!("configuration: {}; see docs/operating.md", one_line(&e.to_string()))
        })?;
        config.check()?;
        Ok(config)
    }

    /// The installation's secret, if the configuration gives one.
    ///
    /// # Errors
    /// When it is not 32 bytes of base64.
    pub fn secret(&self) -> Result<Option<Secret>, String> {
        let Some(text) = &self.secret else { return Ok(None) };
        Secret::parse(text.reveal())
            .map(Some)
            .ok_or_else(|| "secret must be 32 bytes in base64: openssl rand -base64 32".into())
    }

    fn check(&self) -> Result<(), String> {
        if !(1..=LINK_TTL_CEILING).contains(&self.link.ttl) {
            return Err(format!(
                "link.ttl is {} seconds; it must be between 1 and {LINK_TTL_CEILING} (24 hours)",
                self.link.ttl
            ));
        }
        let database = self.database_url.reveal();
        if !database.starts_with("sqlite:") && !is_postgres(database) {
            return Err("database_url must start with sqlite: or postgres://".into());
        }
        self.smtp.check("smtp")?;
        if let Some(backup) = &self.smtp.backup {
            backup.check("smtp.backup")?;
        }
        self.probe.check()?;
        self.check_bounce()?;
        let l = &self.limits;
        for (key, value) in [
            ("limits.mail_interval", l.mail_interval),
            ("limits.mail_per_hour", l.mail_per_hour),
            ("limits.mail_per_day", l.mail_per_day),
            ("limits.source_requests", l.source_requests),
            ("limits.source_window", l.source_window),
            ("limits.address_requests", l.address_requests),
            ("limits.address_window", l.address_window),
            ("limits.login_failures", l.login_failures),
            ("limits.login_backoff", l.login_backoff),
            ("limits.login_backoff_max", l.login_backoff_max),
            ("limits.login_source_failures", l.login_source_failures),
            ("limits.login_source_window", l.login_source_window),
            ("limits.store_mails_per_hour", l.store_mails_per_hour),
            ("limits.queue", l.queue),
            ("link.hold", self.link.hold),
            ("link.confirm_ttl", self.link.confirm_ttl),
            ("session.idle", self.session.idle),
            ("session.absolute", self.session.absolute),
            ("staff.idle", self.staff.idle),
            ("staff.absolute", self.staff.absolute),
            ("staff.invitation", self.staff.invitation),
            ("reminder.ttl", self.reminder.ttl),
            ("reminder.repeat", self.reminder.repeat),
            ("reminder.staff_per_hour", self.reminder.staff_per_hour),
            ("reminder.merchant_per_hour", self.reminder.merchant_per_hour),
            ("reminder.address_hold", self.reminder.address_hold),
            ("captcha.difficulty", i64::from(self.captcha.difficulty)),
            ("mail.retry_first", self.mail.retry_first),
            ("mail.retry_max", self.mail.retry_max),
            ("mail.give_up", self.mail.give_up),
            ("mail.notice_give_up", self.mail.notice_give_up),
            ("mail.lease", self.mail.lease),
            ("dns.timeout", i64::try_from(self.dns.timeout).unwrap_or(0)),
            ("doctor.every", self.doctor.every),
            ("probe.slow", self.probe.slow),
            ("probe.give_up", self.probe.give_up),
        ] {
            if !(1..=1_000_000_000).contains(&value) {
                return Err(format!("{key} is {value}; it must be between 1 and 1000000000"));
            }
        }
        Ok(())
    }
}

impl SmtpConfig {
    /// The relay and the one behind it, each with what its keys begin with.
    pub fn relays(&self) -> impl Iterator<Item = (&'static str, &Self)> {
        let backup = self.backup.as_deref().map(|backup| ("smtp.backup", backup));
        std::iter::once(("smtp", self)).chain(backup)
    }

    fn check(&self, key: &str) -> Result<(), String> {
        if let Some(tls) = self.tls.as_deref()
            && !["required", "opportunistic", "none"].contains(&tls)
        {
            return Err(format!("{key}.tls is {tls:?}; use required, opportunistic or none"));
        }
        if let Some(auth) = self.auth.as_deref()
            && !["auto", "plain", "login", "xoauth2"].contains(&auth)
        {
            return Err(format!("{key}.auth is {auth:?}; use auto, plain, login or xoauth2"));
        }
        if self.token.is_some() && self.token_file.is_some() {
            return Err(format!("{key}.token and {key}.token_file are both set; keep one"));
        }
        let per_second = self.per_second.unwrap_or(1);
        for (name, value) in [("connections", self.connections), ("per_second", per_second)] {
            if !(1..=1_000_000).contains(&value) {
                return Err(format!("{key}.{name} is {value}; it must be between 1 and 1000000"));
            }
        }
        if key != "smtp" && self.url.is_none() {
            return Err(format!("{key}.url is not set: the backup needs a server of its own"));
        }
        if key != "smtp" && self.backup.is_some() {
            return Err(format!("{key}.backup: there are two relays at most; remove it"));
        }
        Ok(())
    }
}

impl Config {
    fn check_bounce(&self) -> Result<(), String> {
        let bounce = &self.bounce;
        if let Some(address) = &bounce.address
            && EmailAddress::parse(address).is_none()
        {
            return Err(format!("bounce.address is {address:?}; it must be one email address"));
        }
        if let Some(topic) = &bounce.ses_topic
            && !topic.starts_with("arn:aws")
        {
            return Err(format!("bounce.ses_topic is {topic:?}; it must be like arn:aws:sns:…"));
        }
        if let Some(login) = &bounce.postmark
            && login.reveal().split_once(':').is_none_or(|(_, password)| password.len() < 16)
        {
            return Err("bounce.postmark must be user:password, the password of 16 characters or \
                        more: openssl rand -hex 16"
                .into());
        }
        Ok(())
    }
}

/// Whether a database URL names PostgreSQL.
pub fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// An environment value is TOML where it parses as a number, a truth value or a list; else text.
fn literal(text: &str) -> toml::Value {
    match format!("x = {text}").parse::<toml::Table>().map(|mut t| t.remove("x")) {
        Ok(Some(
            value @ (toml::Value::Integer(_) | toml::Value::Boolean(_) | toml::Value::Array(_)),
        )) => value,
        _ => toml::Value::String(text.to_owned()),
    }
}

fn put(table: &mut toml::Table, key: &str, value: toml::Value) -> Result<(), String> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((section, rest)) => table
            .entry(section)
            .or_insert_with(|| toml::Table::new().into())
            .as_table_mut()
            .ok_or_else(|| format!("{section} is a single value, so {key} cannot be set"))
            .and_then(|inner| put(inner, rest, value)),
    }
}

/// What may be given as `<key>_file`.
const SECRETS: [&str; 6] = [
    "secret",
    "smtp.url",
    "smtp.backup.url",
    "database_url",
    "bounce.postmark",
    "bounce.mailgun_key",
];

fn read_secret_files(table: &mut toml::Table) -> Result<(), String> {
    for key in SECRETS {
        let mut holder = Some(&mut *table);
        let mut path = key.split('.').peekable();
        let mut name = key;
        while let Some(part) = path.next() {
            name = part;
            if path.peek().is_some() {
                holder = holder.and_then(|table| table.get_mut(part)?.as_table_mut());
            }
        }
        let Some(holder) = holder else { continue };
        let Some(value) = holder.remove(&format!("{name}_file")) else { continue };
        let path = value.as_str().ok_or_else(|| format!("{key}_file must be a path"))?;
        let text = std::fs::read_to_string(path)
            .map_err(|e| format!("{key}_file: cannot read {path}: {e}"))?;
        holder.insert(name.to_owned(), text.trim().into());
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Result<Config, String> {
        Config::load(None, pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_environment_reaches_every_kind_of_key() {
        let config = env(&[
            ("DOORKEY_LISTEN", "0.0.0.0:80"),
            ("DOORKEY_SMTP__URL", "smtp://127.0.0.1:25"),
            ("DOORKEY_LIMITS__MAIL_INTERVAL", "1"),
            ("DOORKEY_TRUSTED_PROXIES", r#"["10.0.0.0/8"]"#),
            ("HOME", "/root"),
        ])
        .unwrap();
        assert_eq!(config.listen.port(), 80);
        assert_eq!(config.smtp.url.unwrap().reveal(), "smtp://127.0.0.1:25");
        assert_eq!(config.limits.mail_interval, 1);
        assert!(config.trusted_proxies[0].contains("10.9.8.7".parse().unwrap()));
        assert!(!config.trusted_proxies[0].contains("11.9.8.7".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (pairs, says) in [
            (vec![("DOORKEY_LISTN", "1")], "listn"),
            (vec![("DOORKEY_LIMITS__MIAL", "1")], "mial"),
            (vec![("DOORKEY_LINK__TTL", "86401")], "link.ttl"),
            (vec![("DOORKEY_LINK__TTL", "0")], "link.ttl"),
            (vec![("DOORKEY_SMTP__TLS", "maybe")], "smtp.tls"),
            (vec![("DOORKEY_SMTP__AUTH", "maybe")], "smtp.auth"),
            (vec![("DOORKEY_SMTP__CONNECTIONS", "0")], "smtp.connections"),
            (vec![("DOORKEY_SMTP__PER_SECOND", "0")], "smtp.per_second"),
            (
                vec![("DOORKEY_SMTP__TOKEN", "t"), ("DOORKEY_SMTP__TOKEN_FILE", "f")],
                "smtp.token_file",
            ),
            (vec![("DOORKEY_SMTP__BACKUP__TLS", "required")], "smtp.backup.url"),
            (vec![("DOORKEY_SMTP__BACKUP__UROL", "smtp://h")], "urol"),
            (
                vec![
                    ("DOORKEY_SMTP__BACKUP__URL", "smtp://h"),
                    ("DOORKEY_SMTP__BACKUP__BACKUP__URL", "smtp://h"),
                ],
                "two relays at most",
            ),
            (vec![("DOORKEY_DATABASE_URL", "mysql://x")], "database_url"),
            (vec![("DOORKEY_TRUSTED_PROXIES", r#"["ten"]"#)], "trusted_proxies"),
            (vec![("DOORKEY_LIMITS__QUEUE", "0")], "limits.queue"),
            (vec![("DOORKEY_BOUNCE__ADDRESS", "nobody")], "bounce.address"),
            (vec![("DOORKEY_BOUNCE__SES_TOPIC", "topic")], "bounce.ses_topic"),
            (vec![("DOORKEY_BOUNCE__POSTMARK", "short")], "bounce.postmark"),
        ] {
            let error = env(&pairs).unwrap_err();
            assert!(error.contains(says), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
        assert!(env(&[("DOORKEY_LINK__TTL", "86400")]).is_ok());
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = env(&[
            ("DOORKEY_SMTP__URL", "smtp://u:hunter2@h"),
            ("DOORKEY_SMTP__TOKEN", "hunter3"),
            ("DOORKEY_SMTP__BACKUP__URL", "smtp://u:hunter4@h"),
        ])
        .unwrap();
        assert!(!format!("{config:?}").contains("hunter"));
    }

    #[test]
    fn a_secret_of_the_backup_comes_out_of_a_file_too() {
        let file = std::env::temp_dir().join(format!("doorkey-url-{}", crate::new_id()));
        std::fs::write(&file, "smtps://u:p@backup.test\n").unwrap();
        let path = file.to_str().unwrap();
        let config = env(&[("DOORKEY_SMTP__BACKUP__URL_FILE", path)]).unwrap();
        std::fs::remove_file(&file).unwrap();
        let relays: Vec<_> = config.smtp.relays().map(|(key, relay)| (key, &relay.url)).collect();
        assert_eq!((relays[0].0, relays[1].0), ("smtp", "smtp.backup"));
        assert_eq!(relays[1].1.as_ref().unwrap().reveal(), "smtps://u:p@backup.test");
    }
}
