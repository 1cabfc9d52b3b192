//! What mails say: one arm a kind. Making a mail reads the rows that it is about and mints its
//! links, in the worker's transaction; rendering it touches nothing.

mod changed;
mod custom;
mod envelope;
mod make;
mod sample;
mod secrets;
mod staff;
mod test;
#[cfg(test)]
mod tests;

use std::fmt::Display;

use askama::Template;
use jiff::tz::TimeZone;

use crate::address::{EmailAddress, mask};
use crate::clock::{self, Micros};
use crate::color;
use crate::config::Config;
use crate::locale::Language;
use crate::mail::mime::Rendered;
use crate::recovery::RecoveryMail;
use crate::reminder::{Carries, Mode};
use crate::secret::Token;
use crate::store::Store;

pub use make::{Order, Unmade, With, make};
pub use sample::{Sample, all as all_samples, is_english, sample, sample_title};
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

/// What every mail's templates know.
struct Frame<'a> {
    store: &'a Store,
    language: Language,
    lang: &'static str,
    dir: &'static str,
    /// Written so that it can stand in any sentence.
    store_name: String,
    accent: String,
    accent_ink: String,
}

impl<'a> Frame<'a> {
    fn new(store: &'a Store, language: Language) -> Self {
        let (accent, accent_ink) = color::button(&store.accent);
        let (lang, dir) = (language.code(), language.dir());
        let store_name = language.isolate(&store.name);
        Self { store, language, lang, dir, store_name, accent, accent_ink }
    }
}

/// Declares the fields of a kind of mail, and its text and HTML templates over them.
macro_rules! mail {
    ($name:ident, $text:ident = $text_path:literal, $html:ident = $html_path:literal { $($field:ident: $type:ty),* }) => {
        struct $name<'a> { frame: Frame<'a>, $($field: $type),* }

        impl<'a> std::ops::Deref for $name<'a> {
            type Target = Frame<'a>;
            fn deref(&self) -> &Frame<'a> { &self.frame }
        }

        impl $name<'_> {
            fn t(&self, key: &str) -> &'static str { self.language.text(key) }
            fn t1(&self, key: &str, name: &str, value: impl Display) -> String {
                self.language.format(key, &[(name, &value)])
            }
        }

        #[derive(Template)]
        #[template(path = $text_path)]
        struct $text<'a> { m: &'a $name<'a> }

        #[derive(Template)]
        #[template(path = $html_path)]
        struct $html<'a> { m: &'a $name<'a>, subject: &'a str }

        impl $name<'_> {
            fn rendered(&self, subject: &str) -> Rendered {
                let fields = || vec![$((stringify!($field), self.$field.to_string())),*];
                let templates = stringify!($name);
                let own =
                    $crate::mail::message::custom::render(&self.frame, templates, fields);
                let subject = self.t(subject);
                own.unwrap_or_else(|| Rendered {
                    subject: subject.to_owned(),
                    text: write(&$text { m: self }),
                    html: write(&$html { m: self, subject }),
                })
            }
        }
    };
}
use mail;

mail!(Recovery, RecoveryText = "mail/recovery.txt", RecoveryHtml = "mail/recovery.html" {
    link: String, minutes: i64, expires: String, not_me: String, reference: String
});
mail!(PasswordChanged, PasswordChangedText = "mail/password_changed.txt", PasswordChangedHtml = "mail/password_changed.html" {
    at: String, device: String, freeze: String
});
mail!(AddressConfirm, AddressConfirmText = "mail/address_confirm.txt", AddressConfirmHtml = "mail/address_confirm.html" {
    link: String, expires: String, by_staff: bool
});
mail!(AddressNotice, AddressNoticeText = "mail/address_notice.txt", AddressNoticeHtml = "mail/address_notice.html" {
    new_address: String, undo: String, by_staff: bool
});
mail!(Registration, RegistrationText = "mail/registration.txt", RegistrationHtml = "mail/registration.html" {
    link: String, expires: String
});
mail!(RegistrationExists, RegistrationExistsText = "mail/registration_exists.txt", RegistrationExistsHtml = "mail/registration_exists.html" {
    login: String, forgot: String
});
/// Writes a template to a string. Strings take whatever is written to them, and the templates call
/// nothing else that fails.
fn write(template: &impl Template) -> String {
    template.render().expect("writing to a string does not fail")
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
