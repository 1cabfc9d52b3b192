//! Mails to look at: as they would go out, with made-up facts and links that open nothing.

use jiff::tz::TimeZone;

use super::{
    AddressConfirm, AddressNotice, Frame, PasswordChanged, Recovery, Registration,
    RegistrationExists, envelope,
};
use crate::clock::{Micros, SECOND};
use crate::config::Config;
use crate::locale::Language;
use crate::mail::mime::Rendered;
use crate::merchant::Mode;
use crate::store::Store;
use crate::wording::Mail;

/// A mail of this kind with made-up facts. No token is made: what stands in the links is a word.
pub fn sample(
    mail: &Mail,
    config: &Config,
    store: &Store,
    language: Language,
    now: Micros,
) -> Option<Rendered> {
    let frame = Frame::new(store, language);
    let link = |path: &str| format!("{}?token=made-up", store.url(path));
    let moment = |at| language.moment(at, &TimeZone::UTC);
    let (reference, device) = ("K7QF-2M".to_owned(), "Firefox, Windows".to_owned());
    let confirm_until = moment(now + config.link.confirm_ttl * SECOND);
    Some(match mail.key {
        "recovery" => {
            let ttl = store.link_ttl.unwrap_or(config.link.ttl);
            let (minutes, expires) = ((ttl + 59) / 60, moment(now + ttl * SECOND));
            let (link, not_me) = (link("/reset"), link("/not-me"));
            Recovery { frame, link, minutes, expires, not_me, reference }.rendered(mail.subject)
        }
        "password_changed" => {
            let (at, freeze) = (moment(now), link("/not-me"));
            PasswordChanged { frame, at, device, freeze }.rendered(mail.subject)
        }
        "address_confirm" => {
            let (link, expires) = (link("/account/email/confirm"), confirm_until);
            AddressConfirm { frame, link, expires, by_staff: false }.rendered(mail.subject)
        }
        "address_notice" => {
            let (new_address, undo) = ("n•••@e•••.com".to_owned(), link("/not-me"));
            AddressNotice { frame, new_address, undo, by_staff: false }.rendered(mail.subject)
        }
        "registration" => {
            let (link, expires) = (link("/register/confirm"), confirm_until);
            Registration { frame, link, expires }.rendered(mail.subject)
        }
        "registration_exists" => {
            let (login, forgot) = (store.url("/login"), store.url("/forgot"));
            RegistrationExists { frame, login, forgot }.rendered(mail.subject)
        }
        key => {
            let mode = Mode::parse(key.strip_prefix("reminder_")?)?;
            envelope::sample(frame, config, store, mode, now)
        }
    })
}
