//! Mails to look at: as they would go out, with made-up facts and links that open nothing.

use jiff::tz::TimeZone;

use super::{
    AddressConfirm, AddressNotice, Frame, PasswordChanged, Recovery, Registration,
    RegistrationExists, envelope, staff, test,
};
use crate::clock::{self, Micros, SECOND};
use crate::config::Config;
use crate::locale::Language;
use crate::mail::mime::Rendered;
use crate::mail::outbox::Kind;
use crate::merchant::Mode;
use crate::store::Store;
use crate::wording;

/// What a mail to look at is made for.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    /// Settings: how long links live.
    pub config: &'a Config,
    /// In whose name.
    pub store: &'a Store,
    /// The merchant's short name, for mails to staff.
    pub merchant_key: &'a str,
    /// Mails to staff are in English all the same.
    pub language: Language,
    /// When it seems to be sent.
    pub now: Micros,
}

/// Whether the mail with this key is in English, whatever the store speaks.
pub fn is_english(key: &str) -> bool {
    key.starts_with("staff_") || key == "test_mail"
}

/// All mails, by key: kinds in the order of [`Kind::ALL`], each in all its forms.
pub fn all() -> impl Iterator<Item = &'static str> {
    Kind::ALL.iter().flat_map(|kind| forms(*kind)).copied()
}

/// What staff call the mail with this key.
pub fn sample_title(key: &str) -> Option<&'static str> {
    if let Some(mail) = wording::mail(key) {
        return Some(mail.title);
    }
    all().any(|known| known == key).then_some(match key {
        "address_confirm_by_staff" => "Confirm a new address that staff typed",
        "address_notice_by_staff" => "Address about to change, by staff",
        "staff_invitation" => "Staff: invitation",
        "staff_reset" => "Staff: access reset",
        "staff_recovery" => "Staff: forgotten password",
        "staff_password_changed" => "Staff: password changed",
        "staff_factor_added" => "Staff: second factor set up",
        "staff_factor_removed" => "Staff: second factor removed",
        "staff_codes_renewed" => "Staff: new recovery codes",
        "staff_code_used" => "Staff: recovery code used",
        "test_mail" => "Test mail",
        _ => "Another mail",
    })
}

/// The forms in which mails of a kind go out. What is missing here can neither be looked at nor is
/// it tested: the compiler asks for every kind.
fn forms(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Recovery => &["recovery"],
        Kind::PasswordChanged => &["password_changed"],
        Kind::AddressConfirm => &["address_confirm", "address_confirm_by_staff"],
        Kind::AddressNotice => &["address_notice", "address_notice_by_staff"],
        Kind::Registration => &["registration", "registration_exists"],
        Kind::Reminder => &["reminder_temporary", "reminder_link", "reminder_current"],
        Kind::StaffInvitation => &["staff_invitation"],
        Kind::StaffReset => &["staff_reset"],
        Kind::StaffRecovery => &["staff_recovery"],
        Kind::StaffPasswordChanged => &["staff_password_changed"],
        Kind::StaffFactorAdded => &["staff_factor_added"],
        Kind::StaffFactorRemoved => &["staff_factor_removed"],
        Kind::StaffCodesRenewed => &["staff_codes_renewed"],
        Kind::StaffCodeUsed => &["staff_code_used"],
        Kind::TestMail => &["test_mail"],
    }
}

/// The mail with this key, with made-up facts. No token is made: what stands in the links is a word.
pub fn sample(key: &str, of: &Sample<'_>) -> Option<Rendered> {
    let kind = *Kind::ALL.iter().find(|kind| forms(**kind).contains(&key))?;
    let by_staff = key.ends_with("_by_staff");
    Some(match kind {
        Kind::Recovery => recovery(of),
        Kind::PasswordChanged => password_changed(of),
        Kind::AddressConfirm => address_confirm(of, by_staff),
        Kind::AddressNotice => address_notice(of, by_staff),
        Kind::Registration if key == "registration" => registration(of),
        Kind::Registration => {
            let (login, forgot) = (of.store.url("/login"), of.store.url("/forgot"));
            RegistrationExists { frame: of.frame(), login, forgot }
                .rendered("registration-exists-subject")
        }
        Kind::Reminder => {
            let mode = Mode::parse(key.strip_prefix("reminder_")?)?;
            envelope::sample(of.frame(), of.config, of.store, mode, of.now)
        }
        Kind::TestMail => test::render(of.store, crate::SAMPLE_REFERENCE),
        Kind::StaffInvitation
        | Kind::StaffReset
        | Kind::StaffRecovery
        | Kind::StaffPasswordChanged
        | Kind::StaffFactorAdded
        | Kind::StaffFactorRemoved
        | Kind::StaffCodesRenewed
        | Kind::StaffCodeUsed => {
            staff::render(&staff::sample(kind, of.config, of.merchant_key, of.now), of.store)
        }
    })
}

impl<'a> Sample<'a> {
    fn frame(&self) -> Frame<'a> {
        Frame::new(self.store, self.language)
    }

    fn link(&self, path: &str) -> String {
        format!("{}?token=made-up", self.store.url(path))
    }

    fn moment(&self, seconds: i64) -> String {
        self.language.moment(self.now + seconds * SECOND, &TimeZone::UTC)
    }
}

fn recovery(of: &Sample<'_>) -> Rendered {
    let ttl = of.store.link_ttl.unwrap_or(of.config.link.ttl);
    Recovery {
        frame: of.frame(),
        link: of.link("/reset"),
        minutes: clock::minutes(ttl),
        expires: of.moment(ttl),
        not_me: of.link("/not-me"),
        reference: crate::SAMPLE_REFERENCE.to_owned(),
    }
    .rendered("recovery-subject")
}

fn password_changed(of: &Sample<'_>) -> Rendered {
    PasswordChanged {
        frame: of.frame(),
        at: of.moment(0),
        device: of.language.isolate("Firefox, Windows"),
        freeze: of.link("/not-me"),
    }
    .rendered("password-changed-subject")
}

fn address_confirm(of: &Sample<'_>, by_staff: bool) -> Rendered {
    let (link, expires) =
        (of.link("/account/email/confirm"), of.moment(of.config.link.confirm_ttl));
    AddressConfirm { frame: of.frame(), link, expires, by_staff }
        .rendered("address-confirm-subject")
}

fn address_notice(of: &Sample<'_>, by_staff: bool) -> Rendered {
    let (new_address, undo) = ("n•••@e•••.com".to_owned(), of.link("/not-me"));
    AddressNotice { frame: of.frame(), new_address, undo, by_staff }
        .rendered("address-notice-subject")
}

fn registration(of: &Sample<'_>) -> Rendered {
    let (link, expires) = (of.link("/register/confirm"), of.moment(of.config.link.confirm_ttl));
    Registration { frame: of.frame(), link, expires }.rendered("registration-subject")
}
