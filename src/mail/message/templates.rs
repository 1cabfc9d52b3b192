//! The templates of mails to customers, and what every mail's templates know. The macro stands in the
//! same folder as all that use it: built for another workspace, such as that of the fuzz targets,
//! askama looks for templates from where the macro is, and the compiler from where it is used.

use std::fmt::Display;

use askama::Template;

use crate::color;
use crate::locale::Language;
use crate::mail::mime::Rendered;
use crate::store::Store;

/// What every mail's templates know.
pub(super) struct Frame<'a> {
    pub(super) store: &'a Store,
    pub(super) language: Language,
    pub(super) lang: &'static str,
    pub(super) dir: &'static str,
    /// Written so that it can stand in any sentence.
    pub(super) store_name: String,
    pub(super) accent: String,
    pub(super) accent_ink: String,
}

impl<'a> Frame<'a> {
    pub(super) fn new(store: &'a Store, language: Language) -> Self {
        let (accent, accent_ink) = color::button(&store.accent);
        let (lang, dir) = (language.code(), language.dir());
        let store_name = language.isolate(&store.name);
        Self { store, language, lang, dir, store_name, accent, accent_ink }
    }
}

/// Declares the fields of a kind of mail, and its text and HTML templates over them.
macro_rules! mail {
    ($name:ident, $text:ident = $text_path:literal, $html:ident = $html_path:literal { $($field:ident: $type:ty),* }) => {
        pub(super) struct $name<'a> { pub(super) frame: Frame<'a>, $(pub(super) $field: $type),* }

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
            pub(super) fn rendered(&self, subject: &str) -> Rendered {
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
pub(super) use mail;

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
pub(super) fn write(template: &impl Template) -> String {
    template.render().expect("writing to a string does not fail")
}
