//! When nothing may be sent, and why: the same rules at the click and, for what can change until
//! then, in the mail worker.

use std::fmt::Write as _;

use serde_json::json;

use super::Mode;
use crate::activity::{self, Act, Action, Actor};
use crate::address::EmailAddress;
use crate::args;
use crate::clock::{DAY, HOUR, MINUTE, Micros, SECOND};
use crate::config::Config;
use crate::customer::Customer;
use crate::db::{Arg, Result, Row, Tx};
use crate::locale::Language;
use crate::secret::Key;
use crate::staff::{Role, Staff};
use crate::suppression::{Reason, Standing};

/// For how long a bounce speaks against an address. A later mail that arrives clears it at once.
const BOUNCE: Micros = 7 * DAY;

/// Why a reminder is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The member of staff only reads.
    Viewer,
    /// The account is closed.
    Blocked,
    /// There is no address that mail can be sent to.
    NoAddress,
    /// The last mail to the address came back.
    Bounced {
        /// When.
        at: Micros,
        /// The mail server's answer.
        reply: String,
    },
    /// The address gets no mail any more.
    Suppressed {
        /// Since when.
        at: Micros,
        /// Why.
        reason: Reason,
        /// What the other side said.
        reply: String,
    },
    /// Staff changed the address.
    AddressChanged {
        /// Until when nothing is sent.
        until: Micros,
    },
    /// The customer answered "this wasn't me" to a reminder.
    Objected {
        /// Until when nothing is sent.
        until: Micros,
    },
    /// This member of staff has sent as many as one may in an hour.
    StaffLimit {
        /// How many.
        most: i64,
        /// When the next one may be sent.
        until: Micros,
    },
    /// All staff together have.
    MerchantLimit {
        /// How many.
        most: i64,
        /// When the next one may be sent.
        until: Micros,
    },
}

impl Refusal {
    /// As stored with the activity.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Blocked => "blocked",
            Self::NoAddress => "no_address",
            Self::Bounced { .. } => "bounced",
            Self::Suppressed { reason, .. } => reason.as_str(),
            Self::AddressChanged { .. } => "address_changed",
            Self::Objected { .. } => "objected",
            Self::StaffLimit { .. } => "staff_limit",
            Self::MerchantLimit { .. } => "merchant_limit",
        }
    }

    /// In plain words, for staff: why, and what to do. Holds no address.
    pub fn text(&self) -> String {
        let moment = |at: &Micros| Language::En.moment(*at, &jiff::tz::TimeZone::UTC);
        match self {
            Self::Viewer => "Your role can look at customers, but not send reminders. \
                Ask an agent or an administrator."
                .into(),
            Self::Blocked => "This customer is blocked. Unblock the account first, \
                if the customer may have access again."
                .into(),
            Self::NoAddress => "There is no email address on file that mail can be sent to. \
                Ask the customer for one and change the record."
                .into(),
            Self::Bounced { at, reply } => {
                let mut text = format!(
                    "The last mail to this address came back ({}). \
                     Check the address with the customer.",
                    moment(at)
                );
                if let Some(code) = reply.get(..3) {
                    let _ = write!(text, " The mail server's code was {code}.");
                }
                text
            }
            Self::Suppressed { at, reason: Reason::Bounced, reply } => {
                let mut text = format!(
                    "Mail to this address came back ({}). Ask the customer for another address \
                     and change the record, or lift the block under Email delivery if the mailbox \
                     is in order again.",
                    moment(at)
                );
                // Some write "smtp;" before it, some nothing but words.
                let is_code = |word: &&str| {
                    word.len() >= 3 && word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                };
                if let Some(code) = reply.split([' ', ';', '-']).find(is_code) {
                    let _ = write!(text, " The other server's code was {code}.");
                }
                text
            }
            Self::Suppressed { at, reason: Reason::Complained, .. } => format!(
                "The customer marked a mail of this store as spam ({}). Ask for another address, \
                 or lift the block under Email delivery once the customer wants our mail.",
                moment(at)
            ),
            Self::AddressChanged { until } => format!(
                "Staff changed the email address of this customer. To protect the customer, \
                 no reminder is sent until {}.",
                moment(until)
            ),
            Self::Objected { until } => format!(
                "The customer answered \"This wasn't me\" to a reminder. No further one is sent \
                 until {}. Make sure who is calling.",
                moment(until)
            ),
            Self::StaffLimit { most, until } => format!(
                "You have sent {most} reminders within an hour, which is the most allowed. \
                 You can send the next one from {}.",
                moment(until)
            ),
            Self::MerchantLimit { most, until } => format!(
                "Your colleagues and you have sent {most} reminders within an hour, which is the \
                 most allowed. The next one can be sent from {}.",
                moment(until)
            ),
        }
    }

    pub(super) fn is_limit(&self) -> bool {
        matches!(self, Self::StaffLimit { .. } | Self::MerchantLimit { .. })
    }
}

/// Everything that the rules ask of the database, in one statement, so that the record's page and
/// the click ask the same. $1 merchant, $2 customer, $3 staff, $4 an hour ago, $5 a week ago, $6 ten
/// minutes ago.
pub(super) const FACTS: &str = "SELECT m.reminder_mode, m.current_consent_at,
    (SELECT COUNT(*) FROM sealed_password s JOIN credential p ON p.customer_id = s.customer_id
        WHERE s.customer_id = $2 AND s.credential_version = p.version) AS copies,
    (SELECT COUNT(*) FROM reminder WHERE staff_id = $3 AND created_at > $4) AS staff_sent,
    (SELECT MIN(created_at) FROM reminder WHERE staff_id = $3 AND created_at > $4) AS staff_first,
    (SELECT COUNT(*) FROM reminder WHERE staff_id = $3 AND created_at > $6) AS staff_lately,
    (SELECT COUNT(*) FROM reminder WHERE merchant_id = $1 AND created_at > $4) AS merchant_sent,
    (SELECT MIN(created_at) FROM reminder WHERE merchant_id = $1 AND created_at > $4)
        AS merchant_first,
    (SELECT MAX(stopped_at) FROM reminder WHERE customer_id = $2) AS stopped_at,
    x.reason AS suppressed_reason, x.since AS suppressed_since, x.reply AS suppressed_reply,
    b.outcome AS mail_outcome, b.settled_at AS mail_at, b.reply AS mail_reply
    FROM merchant m LEFT JOIN suppression x ON x.merchant_id = m.id AND x.ended_at IS NULL
        AND x.email_key = (SELECT email_key FROM customer WHERE id = $2 AND merchant_id = $1)
    LEFT JOIN (
        SELECT outcome, settled_at, reply FROM outbox
        WHERE customer_id = $2 AND minted_at > $5 AND outcome IN ('sent', 'failed')
          AND kind NOT IN ('address_confirm', 'address_notice')
          AND minted_at > COALESCE((SELECT MAX(confirmed_at) FROM address_change
                WHERE customer_id = $2), 0)
        ORDER BY minted_at DESC LIMIT 1) b ON 1 = 1
    WHERE m.id = $1";

/// The parameters of [`FACTS`].
pub(super) fn args(customer: &Customer, staff: &Staff, now: Micros) -> Vec<Arg> {
    args![
        &customer.merchant_id,
        &customer.id,
        &staff.id,
        now - HOUR,
        now - BOUNCE,
        now - 10 * MINUTE
    ]
}

/// What [`FACTS`] found.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub mode: Mode,
    pub staff_lately: i64,
    consented: bool,
    copies: i64,
    staff: (i64, Option<Micros>),
    merchant: (i64, Option<Micros>),
    against: Against,
    mail: Option<(String, Micros, String)>,
}

impl Facts {
    pub fn read(row: &Row) -> Self {
        let mail = row.get::<Option<String>>("mail_outcome");
        let reply: Option<String> = row.get("mail_reply");
        Self {
            mode: Mode::parse(&row.get::<String>("reminder_mode")).unwrap_or(Mode::Temporary),
            staff_lately: row.get("staff_lately"),
            consented: row.get::<Option<i64>>("current_consent_at").is_some(),
            copies: row.get("copies"),
            staff: (row.get("staff_sent"), row.get("staff_first")),
            merchant: (row.get("merchant_sent"), row.get("merchant_first")),
            against: Against::read(row),
            mail: mail.zip(row.get("mail_at")).map(|(o, at)| (o, at, reply.unwrap_or_default())),
        }
    }

    /// What would go out.
    pub fn will_send(&self, config: &Config) -> Mode {
        let can = config.reminder.allow_current && self.consented && self.copies > 0;
        if self.mode == Mode::Current && !can { Mode::Temporary } else { self.mode }
    }
}

/// Why nothing would be sent now, if so: the reason that says most first.
pub(super) fn refusal(
    config: &Config,
    facts: &Facts,
    customer: &Customer,
    staff: &Staff,
    now: Micros,
) -> Option<Refusal> {
    if !staff.role.may(Role::Agent) {
        return Some(Refusal::Viewer);
    }
    if let Some(refusal) = of_customer(config, &facts.against, customer, now) {
        return Some(refusal);
    }
    if let Some((outcome, at, reply)) = &facts.mail
        && outcome == "failed"
        && says_no_mailbox(reply)
    {
        return Some(Refusal::Bounced { at: *at, reply: reply.clone() });
    }
    let limit = |(sent, first): (i64, Option<Micros>), most: i64| {
        (sent >= most).then(|| (most, first.unwrap_or(now) + HOUR))
    };
    let limits = &config.reminder;
    if let Some((most, until)) = limit(facts.staff, limits.staff_per_hour) {
        return Some(Refusal::StaffLimit { most, until });
    }
    let (most, until) = limit(facts.merchant, limits.merchant_per_hour)?;
    Some(Refusal::MerchantLimit { most, until })
}

/// What the customer or the customer's mailbox has answered.
#[derive(Clone, Debug)]
pub(super) struct Against {
    pub stopped_at: Option<Micros>,
    pub suppressed: Option<Standing>,
}

impl Against {
    fn read(row: &Row) -> Self {
        Self { stopped_at: row.get("stopped_at"), suppressed: Standing::read(row) }
    }
}

/// What speaks against a reminder to this customer, whoever clicks.
pub(super) fn of_customer(
    config: &Config,
    against: &Against,
    customer: &Customer,
    now: Micros,
) -> Option<Refusal> {
    if customer.blocked_at.is_some() {
        return Some(Refusal::Blocked);
    }
    if EmailAddress::parse(&customer.email).is_none() {
        return Some(Refusal::NoAddress);
    }
    if let Some(Standing { reason, since, reply }) = &against.suppressed {
        let (at, reason, reply) = (*since, *reason, reply.clone());
        return Some(Refusal::Suppressed { at, reason, reply });
    }
    if let Some(until) = customer.reminder_hold_until.filter(|until| *until > now) {
        return Some(Refusal::AddressChanged { until });
    }
    // A new password lifts the hold: then it was the customer after all.
    let objected =
        against.stopped_at.filter(|_| customer.hold_until.is_some_and(|until| until > now));
    let until = objected? + config.link.hold * SECOND;
    (until > now).then_some(Refusal::Objected { until })
}

/// Whether a refusal for good is about the mailbox, not about what the mail says or who sends it: by
/// the enhanced code (RFC 3463: 5.1.x, 5.2.1), else by the code alone (RFC 5321, 4.2.3).
fn says_no_mailbox(reply: &str) -> bool {
    let mut words = reply.split([' ', '-']);
    let code = words.next().unwrap_or_default();
    match words.next().filter(|word| word.starts_with("5.") && word.matches('.').count() == 2) {
        Some(enhanced) => enhanced.starts_with("5.1.") || enhanced == "5.2.1",
        None => matches!(code, "550" | "551" | "553"),
    }
}

/// What a member of staff did, or tried to do, with an envelope.
pub(super) struct Deed<'a> {
    pub key: &'a Key,
    pub customer: &'a Customer,
    pub staff: &'a Staff,
    pub source: &'a str,
}

impl Deed<'_> {
    /// Writes it into the activity.
    pub async fn note(
        &self,
        tx: &mut Tx,
        action: Action,
        alert: bool,
        detail: serde_json::Value,
        now: Micros,
    ) -> Result<()> {
        let act = Act {
            merchant_id: &self.customer.merchant_id,
            actor: Actor::Staff(self.staff),
            action,
            customer_id: Some(&self.customer.id),
            store_id: Some(&self.customer.home_store_id),
            source: self.source,
            alert,
            detail,
        };
        activity::write(tx, self.key, &act, now).await?;
        Ok(())
    }

    /// An alert, at most once an hour for each member of staff: a thousand clicks must not bury the
    /// other alerts.
    pub async fn alert(
        &self,
        tx: &mut Tx,
        action: Action,
        detail: serde_json::Value,
        now: Micros,
    ) -> Result<()> {
        let sql = "SELECT COUNT(*) AS n FROM activity
                   WHERE merchant_id = $1 AND staff_id = $2 AND action = $3 AND at > $4";
        let merchant = &self.customer.merchant_id;
        let args = args![merchant, &self.staff.id, action.as_str(), now - HOUR];
        if tx.row(sql, args).await?.is_some_and(|row| row.get::<i64>("n") > 0) {
            return Ok(());
        }
        self.note(tx, action, true, detail, now).await
    }

    /// An alert when one member of staff sends more than half an hour's limit within ten minutes.
    pub async fn watch(
        &self,
        tx: &mut Tx,
        config: &Config,
        lately: i64,
        now: Micros,
    ) -> Result<()> {
        if lately * 2 <= config.reminder.staff_per_hour {
            return Ok(());
        }
        let detail = json!({ "reminders": lately, "minutes": 10 });
        self.alert(tx, Action::ReminderUnusual, detail, now).await
    }
}
