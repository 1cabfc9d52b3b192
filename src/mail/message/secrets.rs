//! What in a mail must not be found anywhere else, and for how long it is of use.

use zeroize::Zeroizing;

use super::{Content, Draft};
use crate::clock::Micros;
use crate::reminder::Carries;
use crate::secret::Token;

impl Draft {
    /// The secrets that this very mail carries: tokens of links, and passwords.
    pub fn secrets(&self) -> Vec<Zeroizing<String>> {
        let token = |token: &Token| Zeroizing::new(token.reveal());
        match &self.content {
            Content::Recovery(mail) => vec![token(&mail.link), token(&mail.stop)],
            Content::PasswordChanged { freeze, .. } => vec![token(freeze)],
            Content::AddressConfirm { link, .. } | Content::Registration { link, .. } => {
                vec![token(link)]
            }
            Content::AddressNotice { undo, .. } => vec![token(undo)],
            // A test mail's mark opens nothing.
            Content::RegistrationExists | Content::Test(_) => Vec::new(),
            Content::Reminder { carries, stop, .. } => {
                let carried = match carries {
                    Carries::Temporary(password, ..) | Carries::Current(password) => {
                        Zeroizing::new(password.reveal().to_owned())
                    }
                    Carries::Link(link, ..) => token(link),
                };
                vec![carried, token(stop)]
            }
            Content::Staff(mail) => mail.secret().into_iter().collect(),
        }
    }

    /// When what it carries stops working: from then on it is not worth sending.
    pub fn dies_at(&self) -> Option<Micros> {
        match &self.content {
            Content::Recovery(mail) => Some(mail.expires_at),
            Content::AddressConfirm { expires_at, .. }
            | Content::Registration { expires_at, .. } => Some(*expires_at),
            Content::Reminder { carries, .. } => match carries {
                Carries::Temporary(_, until, _) | Carries::Link(_, until, _) => Some(*until),
                Carries::Current(_) => None,
            },
            _ => None,
        }
    }

    /// Whose own password it carries, and which: the id of the customer and the version of the
    /// credential.
    pub fn password_of(&self) -> Option<(&str, i64)> {
        match &self.content {
            Content::Reminder { carries: Carries::Current(_), of: (customer, version), .. } => {
                Some((customer, *version))
            }
            _ => None,
        }
    }
}
