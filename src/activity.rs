//! Activity: who did what to which customer, when and from where. Append-only, and chained per
//! merchant: each entry's tag covers the entry and the tag before it, so that a changed, removed or
//! inserted entry is found. The tags are keyed (HMAC-SHA-256): whoever can write to the database
//! alone cannot make a new chain. [`verify`] checks one, [`read`] shows it.

pub mod read;
pub mod verify;

use serde_json::Value;

use crate::args;
use crate::clock::Micros;
use crate::db::{self, Result, Tx};
use crate::secret::Key;
use crate::staff::Staff;

/// What was done. A new action is a new line here and in [`Action::words`].
macro_rules! actions {
    ($($name:ident = $stored:literal, $words:literal;)*) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $(#[doc = $words] $name,)* }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As stored and exported.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $stored,)* }
            }

            /// In words, for people.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// Reads [`Action::as_str`].
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.as_str() == text)
            }
        }
    };
}

actions! {
    StaffLoggedIn = "staff.logged_in", "Logged in";
    StaffLoggedOut = "staff.logged_out", "Logged out";
    StaffLoginThrottled = "staff.login_throttled", "Too many failed log-ins";
    StaffInvited = "staff.invited", "Invited a colleague";
    StaffEnrolled = "staff.enrolled", "Chose a password";
    StaffDisabled = "staff.disabled", "Disabled a colleague";
    StaffEnabled = "staff.enabled", "Enabled a colleague";
    StaffRoleChanged = "staff.role_changed", "Changed a colleague's role";
    StaffReset = "staff.reset", "Reset a colleague's access";
    StaffPasswordRequested = "staff.password_requested", "Asked for a new staff password";
    StaffPasswordChanged = "staff.password_changed", "Changed the own password";
    StaffFactorAdded = "staff.factor_added", "Set up a second factor";
    StaffFactorRemoved = "staff.factor_removed", "Removed a second factor";
    StaffRecoveryCodeUsed = "staff.recovery_code_used", "Logged in with a recovery code";
    StaffCodesRenewed = "staff.codes_renewed", "Made new recovery codes";
    StaffSessionsEnded = "staff.sessions_ended", "Ended own sessions";
    CustomerAdded = "customer.added", "Added a customer";
    CustomerChanged = "customer.changed", "Changed contact data";
    CustomerAddressRequested = "customer.address_requested", "Asked for a change of address";
    CustomerBlocked = "customer.blocked", "Blocked a customer";
    CustomerUnblocked = "customer.unblocked", "Unblocked a customer";
    CustomerSessionsEnded = "customer.sessions_ended", "Ended a customer's sessions";
    ReminderSent = "reminder.sent", "Sent a reminder";
    ReminderRefused = "reminder.refused", "A reminder was refused";
    ReminderLimit = "reminder.limit", "The limit of reminders was hit";
    ReminderUnusual = "reminder.unusual", "An unusual number of reminders";
    SealRefused = "seal.refused", "A sealed password was refused";
    SealDestroyed = "seal.destroyed", "Destroyed all sealed passwords";
    StoreAdded = "store.added", "Added a store";
    StoreChanged = "store.changed", "Changed a store";
    MailWordingChanged = "mail.wording_changed", "Changed the wording of a mail";
    MailRetried = "mail.retried", "Had a mail sent again";
    MailCancelled = "mail.cancelled", "Took back a mail";
    MailWordingReset = "mail.wording_reset", "Put back the wording of a mail";
    DomainChecked = "mail.domain_checked", "Checked a sender domain";
    DomainWorse = "mail.domain_worse", "A sender domain got worse";
    TestMailSent = "mail.test_sent", "Sent a test mail";
    ProbeSwitched = "mail.probe_switched", "Switched the recovery probe";
    ProbeFailed = "mail.probe_failed", "The recovery probe failed";
    MailComplained = "mail.complained", "A customer marked a mail as spam";
    SuppressionLifted = "mail.suppression_lifted", "Let mail go to an address again";
    SettingsChanged = "settings.changed", "Changed settings";
    ReminderModeChanged = "settings.reminder_mode", "Changed what the reminder contains";
    DkimKeysMade = "dkim.keys_made", "Made keys that sign mail";
    DkimKeysActivated = "dkim.keys_activated", "Put keys that sign mail to use";
    ForeignId = "access.foreign", "Asked for a record that is not this merchant's";
    ActivityExported = "activity.exported", "Exported the activity";
    AlertsRead = "activity.alerts_read", "Read the alerts";
}

/// Who did it.
#[derive(Clone, Copy, Debug)]
pub enum Actor<'a> {
    /// A member of staff.
    Staff(&'a Staff),
    /// Somebody at the command line.
    Operator,
    /// The program itself.
    Doorkey,
}

impl Actor<'_> {
    fn id(self) -> Option<String> {
        match self {
            Self::Staff(staff) => Some(staff.id.clone()),
            Self::Operator | Self::Doorkey => None,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Staff(staff) => format!("{} ({})", staff.name, staff.role.as_str()),
            Self::Operator => "operator".into(),
            Self::Doorkey => "Doorkey".into(),
        }
    }
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct Act<'a> {
    /// In whose chain.
    pub merchant_id: &'a str,
    /// Who did it.
    pub actor: Actor<'a>,
    /// What.
    pub action: Action,
    /// To which customer.
    pub customer_id: Option<&'a str>,
    /// At or to which store.
    pub store_id: Option<&'a str>,
    /// From which network address; empty where there is none.
    pub source: &'a str,
    /// Whether administrators should look at it.
    pub alert: bool,
    /// A small object; no secret, no address.
    pub detail: Value,
}

/// An entry as it stands in the chain.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Place in the merchant's chain, from 1.
    pub seq: i64,
    /// When.
    pub at: Micros,
    /// Which member of staff.
    pub staff_id: Option<String>,
    /// Name and role then.
    pub actor: String,
    /// What, as stored.
    pub action: String,
    /// To which customer.
    pub customer_id: Option<String>,
    /// At or to which store.
    pub store_id: Option<String>,
    /// From which network address.
    pub source: String,
    /// Whether it is an alert.
    pub alert: bool,
    /// JSON.
    pub detail: String,
}

impl Recorded {
    /// The tag of this entry after the one tagged `previous`.
    pub fn tag(&self, key: &Key, merchant_id: &str, previous: &[u8]) -> [u8; 32] {
        mac(
            key,
            &[
                Some(b"entry 1"),
                Some(previous),
                Some(merchant_id.as_bytes()),
                Some(&self.seq.to_be_bytes()),
                Some(&self.at.to_be_bytes()),
                self.staff_id.as_deref().map(str::as_bytes),
                Some(self.actor.as_bytes()),
                Some(self.action.as_bytes()),
                self.customer_id.as_deref().map(str::as_bytes),
                self.store_id.as_deref().map(str::as_bytes),
                Some(self.source.as_bytes()),
                Some(&[u8::from(self.alert)]),
                Some(self.detail.as_bytes()),
            ],
        )
    }
}

/// Seals the end of a chain: the last entry's number and tag, and how far alerts have been read.
/// The tags stand in the entries for everybody to copy; without a seal of its own, an end could be
/// put back to an earlier entry and the later ones taken away.
fn seal(key: &Key, merchant_id: &str, seq: i64, tag: &[u8], read_seq: i64) -> [u8; 32] {
    let (seq, read_seq) = (seq.to_be_bytes(), read_seq.to_be_bytes());
    let fields: [&[u8]; 5] = [b"head 1", merchant_id.as_bytes(), &seq, tag, &read_seq];
    mac(key, &fields.map(Some))
}

/// Every field goes in with its length, so that no two lists spell the same bytes; an absent field
/// and an empty one are two things. The first says what is tagged, and in which form.
fn mac(key: &Key, fields: &[Option<&[u8]>]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(512);
    for field in fields {
        let length = field.map_or(u64::MAX, |field| field.len() as u64);
        bytes.extend(length.to_be_bytes());
        bytes.extend(field.unwrap_or_default());
    }
    key.mac(&bytes)
}

/// Appends an entry in the transaction of the act; gives its place in the chain. The end of the
/// chain is held until that transaction ends, so entries of one merchant queue up: write it last,
/// after the rows that the act changes, or two acts may wait for each other.
///
/// # Errors
/// What the database says.
pub async fn write(tx: &mut Tx, key: &Key, act: &Act<'_>, now: Micros) -> Result<i64> {
    let head = tx
        .row(
            "INSERT INTO activity_head (merchant_id, seq, hash, seal, read_seq)
             VALUES ($1, 1, $2, $2, 0)
             ON CONFLICT (merchant_id) DO UPDATE SET seq = activity_head.seq + 1
             RETURNING seq, hash, read_seq",
            args![act.merchant_id, Vec::<u8>::new()],
        )
        .await?
        .ok_or(db::Error::RowNotFound)?;
    let entry = Recorded {
        seq: head.get("seq"),
        at: now,
        staff_id: act.actor.id(),
        actor: act.actor.name(),
        action: act.action.as_str().into(),
        customer_id: act.customer_id.map(str::to_owned),
        store_id: act.store_id.map(str::to_owned),
        source: act.source.into(),
        alert: act.alert,
        detail: act.detail.to_string(),
    };
    let tag = entry.tag(key, act.merchant_id, &head.get::<Vec<u8>>("hash"));
    tx.exec(
        "INSERT INTO activity (merchant_id, seq, at, staff_id, actor, action, customer_id,
            store_id, source, alert, detail, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        args![
            act.merchant_id,
            entry.seq,
            now,
            entry.staff_id,
            entry.actor,
            entry.action,
            entry.customer_id,
            entry.store_id,
            entry.source,
            i64::from(entry.alert),
            entry.detail,
            tag.to_vec()
        ],
    )
    .await?;
    let seal = seal(key, act.merchant_id, entry.seq, &tag, head.get("read_seq"));
    let sql = "UPDATE activity_head SET hash = $1, seal = $2 WHERE merchant_id = $3";
    tx.exec(sql, args![tag.to_vec(), seal.to_vec(), act.merchant_id]).await?;
    Ok(entry.seq)
}
