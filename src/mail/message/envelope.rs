//! What staff send with the envelope, in each of its forms. It says who sent it and how to object.

use std::fmt::Display;

use askama::Template;
use jiff::tz::TimeZone;

use super::templates::{Frame, mail, write};
use crate::clock::{self, Micros, SECOND};
use crate::config::Config;
use crate::mail::mime::Rendered;
use crate::reminder::{Carries, Mode};
use crate::store::Store;

mail!(ReminderTemporary, ReminderTemporaryText = "mail/reminder_temporary.txt", ReminderTemporaryHtml = "mail/reminder_temporary.html" {
    password: String, login: String, minutes: i64, expires: String, not_me: String
});
mail!(ReminderLink, ReminderLinkText = "mail/reminder_link.txt", ReminderLinkHtml = "mail/reminder_link.html" {
    link: String, minutes: i64, expires: String, not_me: String
});
mail!(ReminderCurrent, ReminderCurrentText = "mail/reminder_current.txt", ReminderCurrentHtml = "mail/reminder_current.html" {
    password: String, login: String, not_me: String
});

/// A reminder of this form with made-up contents, for staff to look at: nothing in it opens anything.
pub fn sample(
    frame: Frame<'_>,
    config: &Config,
    store: &Store,
    mode: Mode,
    now: Micros,
) -> Rendered {
    let made_up = |path| format!("{}?token=made-up", store.url(path));
    let (login, not_me) = (store.url("/login"), made_up("/not-me"));
    let until = |ttl: i64| frame.language.moment(now + ttl * SECOND, &TimeZone::UTC);
    match mode {
        Mode::Temporary => {
            let (minutes, expires) =
                (clock::minutes(config.reminder.ttl), until(config.reminder.ttl));
            let password = "made-up-for-this-sample-only".into();
            ReminderTemporary { frame, password, login, minutes, expires, not_me }
                .rendered("reminder-temporary-subject")
        }
        Mode::Link => {
            let ttl = store.link_ttl.unwrap_or(config.link.ttl);
            let (minutes, expires) = (clock::minutes(ttl), until(ttl));
            ReminderLink { frame, link: made_up("/reset"), minutes, expires, not_me }
                .rendered("recovery-subject")
        }
        Mode::Current => {
            let password = "made-up, not a password".into();
            ReminderCurrent { frame, password, login, not_me }.rendered("reminder-current-subject")
        }
    }
}

/// Writes a reminder out in words. `not_me` is the link by which the customer objects.
pub fn render(frame: Frame<'_>, store: &Store, carries: &Carries, not_me: String) -> Rendered {
    let language = frame.language;
    let moment = |at: &Micros| language.moment(*at, &TimeZone::UTC);
    match carries {
        Carries::Temporary(password, until, ttl) => ReminderTemporary {
            frame,
            password: password.reveal().to_owned(),
            login: store.url("/login"),
            minutes: clock::minutes(*ttl),
            expires: moment(until),
            not_me,
        }
        .rendered("reminder-temporary-subject"),
        Carries::Link(token, until, ttl) => ReminderLink {
            frame,
            link: format!("{}?token={}", store.url("/reset"), token.reveal()),
            minutes: clock::minutes(*ttl),
            expires: moment(until),
            not_me,
        }
        .rendered("recovery-subject"),
        Carries::Current(password) => ReminderCurrent {
            frame,
            password: password.reveal().to_owned(),
            login: store.url("/login"),
            not_me,
        }
        .rendered("reminder-current-subject"),
    }
}
