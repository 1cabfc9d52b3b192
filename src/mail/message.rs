//! What mails say: one arm a kind. Making a mail reads the rows that it is about and mints its
//! links, in the worker's transaction; rendering it touches nothing.

mod changed;
mod custom;
mod envelope;
mod make;
mod sample;
mod secrets;
mod staff;
mod templates;
mod test;
#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;

use crate::address::{EmailAddress, mask};
use crate::clock::{self, Micros};
use crate::config::Config;
use crate::locale::Language;
use crate::mail::mime::Rendered;
use crate::recovery::RecoveryMail;
use crate::reminder::{Carries, Mode};
use crate::secret::Token;
use crate::store::Store;

pub use make::{Order, Unmade, With, make};
pub use sample::{Sample, all as all_samples, is_english, sample, sample_title};
use templates::{
    AddressConfirm, AddressNotice, Frame, PasswordChanged, Recovery, Registration,
    RegistrationExists,
};
pub use test::render as render_test;

/// A mail that is made but not yet written.
#[derive(Debug)]
pub struct Draft {
    to: String,
    language: Language,
    content: Content,
}

impl Draft {
    /// The one recipient: an address out of the database.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// In whose name it is written: the store's; to staff, the merchant's.
    pub fn sender_name<'a>(&self, store: &'a Store) -> &'a str {
        match self.content {
            Content::Staff(_) => &store.merchant_name,
            _ => store.sender_name(),
        }
    }

    /// The language that it is written in: the reader's, if the store speaks it.
    pub fn language(&self, store: &Store) -> Language {
        match self.content {
            Content::Staff(_) | Content::Test(_) => self.language,
            _ => store.spoken(Some(self.language)),
        }
    }
}

#[derive(Debug)]
enum Content {
    Recovery(Box<RecoveryMail>),
    PasswordChanged {
        at: Micros,
        device: String,
        freeze: Token,
    },
    AddressConfirm {
        link: Token,
        expires_at: Micros,
        by_staff: bool,
    },
    AddressNotice {
        new: EmailAddress,
        undo: Token,
        by_staff: bool,
    },
    Registration {
        link: Token,
        expires_at: Micros,
    },
    RegistrationExists,
    /// `of`: the customer, and which of their passwords it is.
    Reminder {
        carries: Carries,
        stop: Token,
        of: (String, i64),
    },
    Staff(Box<staff::StaffMail>),
    /// The mark that it carries.
    Test(String),
}

/// What a reminder to a customer of this store looks like, with made-up contents.
pub fn sample_reminder(config: &Config, store: &Store, mode: Mode, now: Micros) -> Rendered {
    envelope::sample(Frame::new(store, store.language), config, store, mode, now)
}

/// Writes a mail out in words.
pub fn render(draft: &Draft, store: &Store) -> Rendered {
    let language = draft.language(store);
    let frame = Frame::new(store, language);
    let link = |path: &str, token: &Token| format!("{}?token={}", store.url(path), token.reveal());
    let moment = |at| language.moment(at, &TimeZone::UTC);
    match &draft.content {
        Content::Recovery(mail) => Recovery {
            frame,
            link: link("/reset", &mail.link),
            minutes: clock::minutes(mail.ttl),
            expires: moment(mail.expires_at),
            not_me: link("/not-me", &mail.stop),
            reference: mail.reference.clone(),
        }
        .rendered("recovery-subject"),
        Content::PasswordChanged { at, device, freeze } => PasswordChanged {
            frame,
            at: moment(*at),
            device: language.isolate(device),
            freeze: link("/not-me", freeze),
        }
        .rendered("password-changed-subject"),
        Content::AddressConfirm { link: token, expires_at, by_staff } => AddressConfirm {
            frame,
            link: link("/account/email/confirm", token),
            expires: moment(*expires_at),
            by_staff: *by_staff,
        }
        .rendered("address-confirm-subject"),
        Content::AddressNotice { new, undo, by_staff } => AddressNotice {
            frame,
            new_address: mask(new.as_str()),
            undo: link("/not-me", undo),
            by_staff: *by_staff,
        }
        .rendered("address-notice-subject"),
        Content::Registration { link: token, expires_at } => Registration {
            frame,
            link: link("/register/confirm", token),
            expires: moment(*expires_at),
        }
        .rendered("registration-subject"),
        Content::RegistrationExists => {
            RegistrationExists { frame, login: store.url("/login"), forgot: store.url("/forgot") }
                .rendered("registration-exists-subject")
        }
        Content::Reminder { carries, stop, .. } => {
            envelope::render(frame, store, carries, link("/not-me", stop))
        }
        Content::Staff(mail) => staff::render(mail, store),
        Content::Test(mark) => test::render(store, mark),
    }
}
