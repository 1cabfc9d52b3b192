//! What staff do about a single mail: have it sent again, or take it back. Sent again means made
//! again: nothing of a mail is kept that could be sent twice. So what cannot be made any more is
//! refused here, with the reason, and not found out by a worker that tells nobody.

use crate::args;
use crate::clock::{MINUTE, Micros, SECOND};
use crate::config::Config;
use crate::customer::{self, Customer};
use crate::db::{Result, Row, Tx};
use crate::mail::outbox::{self, End, Kind, NewMail, State};
use crate::recovery;
use crate::reminder;
use crate::staff::{Role, Staff, access};
use crate::timeline::{self, Entry};

/// Why staff cannot have their wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Where the mail stands, there is nothing to be done about it.
    Stands(State),
    /// A colleague was faster.
    Again,
    /// It is being sent at this moment.
    UnderWay,
    /// It tells of what happened to an account.
    Notice,
    /// It is about colleagues, and they are an administrator's business.
    Administrator,
    /// The kind of mail, the customer or what it is about does not allow it any more: in words.
    Over(String),
}

impl Refusal {
    /// In plain words: why, and what to do.
    pub fn text(&self) -> String {
        match self {
            Self::Stands(State::Ended(End::Sent)) => {
                "This email was accepted by the mail server. If the customer does not find it, \
                 send a reminder from the customer’s record."
            }
            Self::Stands(State::Ended(_)) => "Nothing waits to be sent here any more.",
            Self::Stands(_) => "This email has not failed: it is still on its way.",
            Self::Again => "It was sent again already.",
            Self::UnderWay => {
                "This email is being sent at this moment. Look again in a minute what came of it."
            }
            Self::Notice => {
                "This email tells the customer what happened to the account. It cannot be taken \
                 back, whoever asks for it."
            }
            Self::Administrator => "Emails to colleagues are an administrator’s business.",
            Self::Over(text) => return text.clone(),
        }
        .to_owned()
    }
}

/// A mail as it stands in the queue.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The row.
    pub id: String,
    /// What kind.
    pub kind: Kind,
    /// To whom, where that is known.
    pub customer_id: Option<String>,
    /// In which store's name.
    pub store_id: String,
    merchant_id: String,
    subject_id: String,
    created_at: Micros,
    state: State,
}

impl Stored {
    fn read(row: &Row, now: Micros) -> Option<Self> {
        Some(Self {
            id: row.get("id"),
            kind: Kind::parse(&row.get::<String>("kind"))?,
            customer_id: row.get("customer_id"),
            store_id: row.get("store_id"),
            merchant_id: row.get("merchant_id"),
            subject_id: row.get("subject_id"),
            created_at: row.get("created_at"),
            state: State::read(row, now)?,
        })
    }

    fn is_for_staff(&self) -> bool {
        self.kind.as_str().starts_with("staff_")
    }

    fn is_of_customer(&self) -> bool {
        matches!(self.kind, Kind::Recovery | Kind::Registration | Kind::Reminder)
    }
}

/// The mail with this id, if it is this merchant's. Holds its row.
///
/// # Errors
/// What the database says.
pub async fn find(tx: &mut Tx, merchant_id: &str, id: &str, now: Micros) -> Result<Option<Stored>> {
    let sql = "UPDATE outbox SET kind = kind WHERE id = $1 AND merchant_id = $2
               RETURNING id, kind, customer_id, store_id, merchant_id, subject_id, created_at,
                  outcome, leased_until, reply";
    Ok(tx.row(sql, args![id, merchant_id]).await?.and_then(|row| Stored::read(&row, now)))
}

/// Has a mail made and sent again: one that waits at once, one that failed as a new mail.
///
/// # Errors
/// What the database says.
pub async fn retry(
    tx: &mut Tx,
    config: &Config,
    mail: &Stored,
    staff: &Staff,
    now: Micros,
) -> Result<std::result::Result<(), Refusal>> {
    if mail.is_for_staff() && !staff.role.may(Role::Administrator) {
        return Ok(Err(Refusal::Administrator));
    }
    match mail.state {
        State::Deferred | State::Ended(End::Failed | End::Expired | End::Bounced) => {}
        State::Leased => return Ok(Err(Refusal::UnderWay)),
        state => return Ok(Err(Refusal::Stands(state))),
    }
    if let Some(reason) = is_over(tx, config, mail, now).await? {
        return Ok(Err(Refusal::Over(reason)));
    }
    if mail.state == State::Deferred {
        let sql = "UPDATE outbox SET due_at = $1 WHERE id = $2 AND settled_at IS NULL";
        tx.exec(sql, args![now, &mail.id]).await?;
    } else if !send_anew(tx, config, mail, now).await? {
        return Ok(Err(Refusal::Again));
    }
    tell(tx, mail, staff, Entry::MailRetried { mail: mail.kind.as_str() }, now).await?;
    Ok(Ok(()))
}

/// A new mail about the same thing. False when there is one already.
async fn send_anew(tx: &mut Tx, config: &Config, mail: &Stored, now: Micros) -> Result<bool> {
    let new = NewMail {
        kind: mail.kind,
        subject_id: &mail.subject_id,
        merchant_id: &mail.merchant_id,
        store_id: &mail.store_id,
        customer_id: mail.customer_id.as_deref(),
    };
    let id = outbox::enqueue(tx, &config.mail, &[new], now).await?.pop();
    let sql = "UPDATE outbox SET retried_as = $1 WHERE id = $2 AND retried_as IS NULL";
    if tx.exec(sql, args![id.clone(), &mail.id]).await? == 1 {
        return Ok(true);
    }
    tx.exec("DELETE FROM outbox WHERE id = $1", args![id]).await?;
    Ok(false)
}

/// Takes back a mail that waits. Its links, where a try of it may have arrived, stay as they are.
///
/// # Errors
/// What the database says.
pub async fn cancel(
    tx: &mut Tx,
    mail: &Stored,
    staff: &Staff,
    now: Micros,
) -> Result<std::result::Result<(), Refusal>> {
    if mail.kind.is_notice() {
        return Ok(Err(Refusal::Notice));
    }
    if mail.is_for_staff() && !staff.role.may(Role::Administrator) {
        return Ok(Err(Refusal::Administrator));
    }
    match mail.state {
        State::Queued | State::Deferred => {}
        State::Leased => return Ok(Err(Refusal::UnderWay)),
        state @ State::Ended(_) => return Ok(Err(Refusal::Stands(state))),
    }
    let sql = "UPDATE outbox SET settled_at = $1, outcome = 'cancelled', lease = NULL,
                  leased_until = NULL
               WHERE id = $2 AND settled_at IS NULL";
    tx.exec(sql, args![now, &mail.id]).await?;
    // A typed address is kept until it is known whose it is; now nobody will find out.
    let sql = "UPDATE recovery SET handled_at = $1, address_sealed = NULL
               WHERE id = $2 AND merchant_id = $3 AND handled_at IS NULL";
    tx.exec(sql, args![now, &mail.subject_id, &mail.merchant_id]).await?;
    tell(tx, mail, staff, Entry::MailCancelled { mail: mail.kind.as_str() }, now).await?;
    Ok(Ok(()))
}

async fn tell(tx: &mut Tx, mail: &Stored, staff: &Staff, entry: Entry, now: Micros) -> Result<()> {
    let Some(customer) = customer(tx, mail).await? else { return Ok(()) };
    timeline::write_by(tx, &customer, Some(&mail.store_id), now, &staff.name, entry).await
}

async fn customer(tx: &mut Tx, mail: &Stored) -> Result<Option<Customer>> {
    match &mail.customer_id {
        Some(id) => customer::by_id(tx, &mail.merchant_id, id).await,
        None => Ok(None),
    }
}

/// Why the mail would not be made any more, in plain words.
async fn is_over(
    tx: &mut Tx,
    config: &Config,
    mail: &Stored,
    now: Micros,
) -> Result<Option<String>> {
    let customer = customer(tx, mail).await?;
    if let Some(customer) = customer.as_ref().filter(|_| mail.is_of_customer()) {
        if customer.blocked_at.is_some() {
            return say("This customer is blocked. Unblock the account first.");
        }
        if customer.hold_until.is_some_and(|until| until > now) {
            return say("The customer answered “This wasn’t me”: emails are on hold for a day.");
        }
    }
    match mail.kind {
        Kind::Recovery => of_recovery(tx, config, mail, customer.as_ref(), now).await,
        Kind::Reminder => {
            let subject = (&*mail.merchant_id, &*mail.store_id, &*mail.subject_id);
            reminder::is_over(tx, config, subject, now).await
        }
        Kind::Registration => {
            let sql = "SELECT address_sealed, created_at FROM registration
                       WHERE id = $1 AND merchant_id = $2";
            let row = tx.row(sql, args![&mail.subject_id, &mail.merchant_id]).await?;
            let open = row.is_some_and(|row| {
                row.get::<Option<Vec<u8>>>("address_sealed").is_some()
                    && now - row.get::<i64>("created_at") <= config.link.confirm_ttl * SECOND
            });
            if open { Ok(None) } else { say("This registration is over: they have to begin anew.") }
        }
        Kind::AddressConfirm => {
            let sql = "SELECT id FROM address_change WHERE id = $1 AND merchant_id = $2
                       AND confirmed_at IS NULL AND ended_at IS NULL";
            let row = tx.row(sql, args![&mail.subject_id, &mail.merchant_id]).await?;
            if row.is_some() { Ok(None) } else { say("This change of address is over.") }
        }
        Kind::StaffInvitation | Kind::StaffReset | Kind::StaffRecovery => {
            of_staff(tx, config, mail, now).await
        }
        _ if now - mail.created_at > config.mail.notice_give_up * SECOND => {
            say("What it tells of was too long ago.")
        }
        _ => Ok(None),
    }
}

async fn of_recovery(
    tx: &mut Tx,
    config: &Config,
    mail: &Stored,
    customer: Option<&Customer>,
    now: Micros,
) -> Result<Option<String>> {
    let sql = "SELECT r.created_at, p.set_at FROM recovery r
               LEFT JOIN credential p ON p.customer_id = $3
               WHERE r.id = $1 AND r.merchant_id = $2";
    let id = customer.map(|customer| customer.id.clone());
    let row = tx.row(sql, args![&mail.subject_id, &mail.merchant_id, id]).await?;
    let (Some(row), Some(customer)) = (row, customer) else {
        return say("Nobody is known who asked for this link.");
    };
    let asked_at: Micros = row.get("created_at");
    if now - asked_at > config.mail.give_up * SECOND {
        let minutes = config.mail.give_up * SECOND / MINUTE;
        return Ok(Some(format!(
            "The customer asked for this link more than {minutes} minutes ago. Send a reminder \
             from the customer’s record instead."
        )));
    }
    if row.get::<Option<i64>>("set_at").is_some_and(|at| at > asked_at) {
        return say("The customer has chosen a new password since.");
    }
    // A mail that ended counts beside the new one, as it will when that is made.
    let except = if mail.state == State::Deferred { &*mail.id } else { "" };
    match recovery::too_many(tx, config, &customer.id, except, now).await? {
        Some("interval") => {
            say("A link was made for this customer a moment ago. Try again in a minute.")
        }
        Some(_) => say("This customer was mailed as many links as may be. Try again later."),
        None => Ok(None),
    }
}

async fn of_staff(
    tx: &mut Tx,
    config: &Config,
    mail: &Stored,
    now: Micros,
) -> Result<Option<String>> {
    let found = access::hold(tx, &mail.subject_id).await?;
    let Some(found) = found.filter(|found| found.staff.merchant_id == mail.merchant_id) else {
        return say("There is no such colleague any more.");
    };
    if found.staff.disabled_at.is_some() {
        return say("The colleague is disabled.");
    }
    if mail.kind != Kind::StaffRecovery && found.password_hash.is_some() {
        return say("The colleague has chosen a password since.");
    }
    if now - mail.created_at > config.mail.give_up * SECOND && mail.kind == Kind::StaffRecovery {
        return say("The colleague asked too long ago, and can ask again at the login page.");
    }
    Ok(None)
}

fn say(text: &str) -> Result<Option<String>> {
    Ok(Some(text.to_owned()))
}
