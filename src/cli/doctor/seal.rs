//! What the doctor looks at where reminders may carry the customer's own password.

use super::Report;
use super::checks::private;
use crate::config::Config;
use crate::db::Db;
use crate::password::seal::{self, Kept};

/// Looks at the key, at who can read it, and at the way the mail takes.
pub(super) async fn reminders(report: &mut Report, config: &Config, db: &Db) {
    let path = config.reminder.seal_key_path.as_deref();
    let kept = match seal::key(db, path).await {
        Ok(kept) => kept,
        Err(error) => {
            return report.fail(format!("reminders: {error}"), "run `doorkey migrate`");
        }
    };
    if !config.reminder.allow_current {
        return not_allowed(report, kept);
    }
    if !seal::is_mail_verified(config) {
        report.fail(
            "reminders: mail may leave without verified TLS, so no current password is sent",
            "set smtp.tls to required",
        );
    }
    let Some(kept) = kept else {
        return report.warn(
            "reminders: current passwords are allowed, and there is no key",
            "run `doorkey key create` where mail is sent",
        );
    };
    let Some(path) = path.filter(|path| path.exists()) else {
        return report.ok(format!(
            "reminders: key {}, whose private half is not here: right for pages, not for mail",
            kept.id
        ));
    };
    private(report, "reminders", path);
    match kept.in_file {
        Ok(true) => report.warn(
            format!(
                "reminders: whoever runs here can read {}: with `serve --role all`, so can the \
                 pages",
                path.display()
            ),
            "run `serve --role web` as another user, and `serve --role mail` as the one who owns \
             this file",
        ),
        Ok(false) => report.fail(
            "reminders: the file holds another key than the database",
            "restore the file from a backup, or run `doorkey key rotate`",
        ),
        Err(why) => report.fail(
            format!("reminders: the private key cannot be read: {why}"),
            "restore the file from a backup, or run `doorkey key rotate`",
        ),
    }
}

fn not_allowed(report: &mut Report, kept: Option<Kept>) {
    match kept {
        None => report.ok("reminders: no current passwords, and no key for them"),
        Some(kept) => report.warn(
            format!(
                "reminders: current passwords are not allowed, but a key and {} sealed copies \
                 are kept",
                kept.copies
            ),
            "run `doorkey key remove`, or set reminder.allow_current",
        ),
    }
}
