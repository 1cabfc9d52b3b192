//! The kinds of mail: what each is stored as, who waits for it, and for how long it is tried.

use crate::clock::{Micros, SECOND};
use crate::config::MailConfig;

/// The priority of a mail that a person waits for.
pub(super) const AWAITED: i64 = 0;
/// The priority of a mail that tells of what happened.
pub(super) const NOTICE: i64 = 1;

/// A kind of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The recovery link. Subject: the recovery.
    Recovery,
    /// "Your password was changed". Subject: the customer.
    PasswordChanged,
    /// To a new address: please confirm. Subject: the address change.
    AddressConfirm,
    /// To the old address: a change was asked for, and can be undone. Subject: the address change.
    AddressNotice,
    /// To whoever registers. Subject: the registration.
    Registration,
    /// What staff send with the envelope. Subject: the reminder.
    Reminder,
    /// To a new member of staff: choose a password. Subject of this and the others to staff: the
    /// member.
    StaffInvitation,
    /// A colleague took the password away: choose another.
    StaffReset,
    /// A member of staff forgot the password.
    StaffRecovery,
    /// "Your staff password was changed".
    StaffPasswordChanged,
    /// To see how mail arrives. Subject: the test mail.
    TestMail,
    /// A second factor was set up, or another in its place.
    StaffFactorAdded,
    /// The second factor was taken away.
    StaffFactorRemoved,
    /// New recovery codes were made.
    StaffCodesRenewed,
    /// A recovery code was used.
    StaffCodeUsed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Recovery,
        Self::PasswordChanged,
        Self::AddressConfirm,
        Self::AddressNotice,
        Self::Registration,
        Self::Reminder,
        Self::StaffInvitation,
        Self::StaffReset,
        Self::StaffRecovery,
        Self::StaffPasswordChanged,
        Self::TestMail,
        Self::StaffFactorAdded,
        Self::StaffFactorRemoved,
        Self::StaffCodesRenewed,
        Self::StaffCodeUsed,
    ];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recovery => "recovery",
            Self::PasswordChanged => "password_changed",
            Self::AddressConfirm => "address_confirm",
            Self::AddressNotice => "address_notice",
            Self::Registration => "registration",
            Self::Reminder => "reminder",
            Self::StaffInvitation => "staff_invitation",
            Self::StaffReset => "staff_reset",
            Self::StaffRecovery => "staff_recovery",
            Self::StaffPasswordChanged => "staff_password_changed",
            Self::TestMail => "test_mail",
            Self::StaffFactorAdded => "staff_factor_added",
            Self::StaffFactorRemoved => "staff_factor_removed",
            Self::StaffCodesRenewed => "staff_codes_renewed",
            Self::StaffCodeUsed => "staff_code_used",
        }
    }

    /// Reads [`Kind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether anybody can trigger it, so that the limits on mails to a customer count it. Notices
    /// tell of what really happened and are always sent.
    pub fn is_limited(self) -> bool {
        matches!(self, Self::Recovery | Self::Registration | Self::StaffRecovery)
    }

    /// Whether it tells of what happened to an account. Nobody waits for it, and nobody can take it
    /// back: whoever did it could.
    pub fn is_notice(self) -> bool {
        self.priority() == NOTICE
    }

    /// Whether a person sits and waits for it: such mails leave before notices.
    pub(super) fn priority(self) -> i64 {
        match self {
            Self::PasswordChanged
            | Self::AddressNotice
            | Self::StaffPasswordChanged
            | Self::StaffFactorAdded
            | Self::StaffFactorRemoved
            | Self::StaffCodesRenewed
            | Self::StaffCodeUsed => NOTICE,
            Self::Recovery
            | Self::AddressConfirm
            | Self::Registration
            | Self::Reminder
            | Self::StaffInvitation
            | Self::StaffReset
            | Self::StaffRecovery
            | Self::TestMail => AWAITED,
        }
    }

    pub(super) fn give_up(self, config: &MailConfig) -> Micros {
        SECOND * if self.priority() == AWAITED { config.give_up } else { config.notice_give_up }
    }
}
