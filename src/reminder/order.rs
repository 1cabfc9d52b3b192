//! The mail worker's half: an order is checked once more, as if nobody had looked at it before, and
//! made into a mail. Whoever can write to the queue alone gets nothing out of it that a click would
//! not have given.

use serde_json::json;

use super::Mode;
use super::current::{self, Opened};
use super::rules::{self, Against, Deed, Refusal};
use super::temporary::{self, Fresh};
use crate::activity::Action;
use crate::args;
use crate::clock::{DAY, HOUR, MINUTE, Micros, SECOND};
use crate::config::Config;
use crate::customer::{self, Customer};
use crate::db::{Db, Result, Row, Tx};
use crate::locale::Language;
use crate::mail::outbox::{self, End, Leased};
use crate::password::seal::{self, Refused, SealKeys};
use crate::password::{Busy, Password, PasswordHasher};
use crate::secret::{Key, Token};
use crate::staff::{self, Role, Staff};
use crate::store::Store;
use crate::suppression;
use crate::timeline::{self, Entry};
use crate::token::{self, NewToken, Purpose};

/// What the mail worker prepares an order with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// The database.
    pub db: &'a Db,
    /// Argon2id on a bounded pool.
    pub hasher: &'a PasswordHasher,
    /// Opens sealed copies.
    pub seals: &'a SealKeys,
}

/// What an order needs before its transaction. Holds a password in clear, for the length of one try.
#[derive(Debug, Default)]
pub struct Ready(Step);

#[derive(Debug, Default)]
enum Step {
    /// Nothing takes time.
    #[default]
    Link,
    Temporary(Box<Fresh>),
    Current(Password, i64),
    Refused(Refused),
}

/// Does what takes time, before the transaction that makes the mail: hashing a temporary password,
/// or opening a sealed copy and comparing it. For kinds other than reminders, nothing.
///
/// # Errors
/// What the database says, or that there is too much to hash just now.
pub async fn prepare(
    tools: &Tools<'_>,
    store: &Store,
    mail: &Leased,
    now: Micros,
) -> Result<std::result::Result<Ready, Busy>> {
    let nothing = Ok(Ok(Ready::default()));
    if mail.kind != outbox::Kind::Reminder {
        return nothing;
    }
    let sql = "SELECT r.mode, c.id, c.language FROM reminder r
               JOIN customer c ON c.id = r.customer_id AND c.merchant_id = r.merchant_id
               WHERE r.id = $1 AND r.merchant_id = $2";
    let row = tools.db.row(sql, args![&mail.subject_id, &store.merchant_id]).await?;
    let Some(row) = row else { return nothing };
    let id: String = row.get("id");
    match Mode::parse(&row.get::<String>("mode")) {
        Some(Mode::Link) => return nothing,
        Some(Mode::Current) => match current::open(tools, &store.merchant_id, &id).await? {
            Ok(Opened::Password(password, version)) => {
                return Ok(Ok(Ready(Step::Current(password, version))));
            }
            Ok(Opened::Refused(refused)) => return Ok(Ok(Ready(Step::Refused(refused)))),
            Ok(Opened::NoCopy) => {}
            Err(busy) => return Ok(Err(busy)),
        },
        Some(Mode::Temporary) | None => {}
    }
    let language = row.get::<Option<String>>("language").and_then(|l| Language::parse(&l));
    let language = language.unwrap_or(store.language);
    let made = temporary::make(tools.db, tools.hasher, &id, language, now).await?;
    Ok(made.map(|fresh| Ready(Step::Temporary(Box::new(fresh)))))
}

/// What the mail worker may do with an order.
#[derive(Debug)]
pub enum Minted {
    /// Send this.
    Mail(Box<ReminderMail>),
    /// Send nothing; why stands in the timeline.
    Withheld(End),
    /// The credential changed while this was prepared: prepare anew.
    Later,
}

/// What a reminder says. What it carries exists here and in the mail, nowhere else.
#[derive(Debug)]
pub struct ReminderMail {
    /// To whom: the confirmed address of the record.
    pub customer: Customer,
    /// What gets the customer in.
    pub carries: Carries,
    /// "This wasn't me".
    pub stop: Token,
    /// The customer's language, else that of the store.
    pub language: Language,
}

/// What gets the customer in, until when, and for how many seconds from now.
#[derive(Debug)]
pub enum Carries {
    /// A password for one use.
    Temporary(Password, Micros, i64),
    /// A link that opens the reset page.
    Link(Token, Micros, i64),
    /// The customer's own password.
    Current(Password),
}

impl Carries {
    fn mode(&self) -> Mode {
        match self {
            Self::Temporary(..) => Mode::Temporary,
            Self::Link(..) => Mode::Link,
            Self::Current(_) => Mode::Current,
        }
    }
}

/// An order as it stands in the database.
struct Order {
    id: String,
    email_key: String,
    created_at: Micros,
    stopped_at: Option<Micros>,
    staff: Staff,
}

impl Order {
    fn read(row: &Row, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            email_key: row.get("ordered_for"),
            created_at: row.get("ordered_at"),
            stopped_at: row.get("stopped_at"),
            staff: staff::read(row),
        }
    }
}

/// An order and its customer, by merchant, store and id.
async fn find(
    tx: &mut Tx,
    (merchant_id, store_id, id): (&str, &str, &str),
) -> Result<Option<(Order, Customer)>> {
    let sql = concat!(
        "SELECT r.customer_id, r.email_key AS ordered_for, r.created_at AS ordered_at,
            (SELECT MAX(stopped_at) FROM reminder s WHERE s.customer_id = r.customer_id)
                AS stopped_at, ",
        staff::columns!(),
        " FROM reminder r JOIN staff a ON a.id = r.staff_id AND a.merchant_id = r.merchant_id
          JOIN merchant m ON m.id = r.merchant_id
          WHERE r.id = $1 AND r.merchant_id = $2 AND r.store_id = $3"
    );
    let Some(row) = tx.row(sql, args![id, merchant_id, store_id]).await? else { return Ok(None) };
    let customer = customer::by_id(tx, merchant_id, &row.get::<String>("customer_id")).await?;
    Ok(customer.map(|customer| (Order::read(&row, id), customer)))
}

/// Why an order, by merchant, store and id, would not be made into a mail any more, in plain words.
///
/// # Errors
/// What the database says.
pub async fn is_over(
    tx: &mut Tx,
    config: &Config,
    subject: (&str, &str, &str),
    now: Micros,
) -> Result<Option<String>> {
    let Some((order, customer)) = find(tx, subject).await? else {
        return Ok(Some("There is nothing left of this reminder. Send another one.".into()));
    };
    stale(tx, config, &order, &customer, now).await
}

/// Checks an order once more and makes what it carries. Runs in the mail worker, in the transaction
/// that also notes the mail as made; the mail is rendered and sent only after its commit.
///
/// # Errors
/// What the database says.
pub async fn mint(
    tx: &mut Tx,
    config: &Config,
    key: &Key,
    store: &Store,
    (mail, ready): (&Leased, &Ready),
    now: Micros,
) -> Result<Minted> {
    let subject = (&*store.merchant_id, &*store.id, &*mail.subject_id);
    let Some((order, customer)) = find(tx, subject).await? else {
        return Ok(Minted::Withheld(End::Nobody));
    };
    if let Some(reason) = why_not(tx, config, key, &order, &customer, now).await? {
        return refuse(tx, &order, &customer, reason, now).await;
    }
    let carries = match &ready.0 {
        Step::Link => Some(link(tx, config, store, mail, &customer, now).await?),
        Step::Temporary(fresh) => temporary::store(tx, config, fresh, &customer, mail, now)
            .await?
            .map(|(password, until)| Carries::Temporary(password, until, config.reminder.ttl)),
        Step::Current(password, version) => {
            current::take(tx, password, *version, &customer).await?.map(Carries::Current)
        }
        Step::Refused(refused) => {
            seal::refuse(tx, key, &customer, &store.id, *refused, now).await?;
            let reason = format!("The sealed password was not used: {}.", refused.words());
            return refuse(tx, &order, &customer, reason, now).await;
        }
    };
    let Some(carries) = carries else { return Ok(Minted::Later) };
    let until = match &carries {
        Carries::Temporary(_, until, _) | Carries::Link(_, until, _) => *until,
        Carries::Current(_) => now + config.reminder.ttl * SECOND,
    };
    let stop =
        NewToken { purpose: Purpose::Stop, ..token_for(store, mail, &customer, until + DAY) };
    let stop = token::mint(tx, &stop, now).await?;
    outbox::minted(tx, mail, Some(&customer.id), now).await?;
    let sql = "UPDATE reminder SET sent_mode = $1 WHERE id = $2";
    tx.exec(sql, args![carries.mode().as_str(), &order.id]).await?;
    let language = customer.language.unwrap_or(store.language);
    Ok(Minted::Mail(Box::new(ReminderMail { customer, carries, stop, language })))
}

fn token_for<'a>(
    store: &'a Store,
    mail: &'a Leased,
    customer: &'a Customer,
    expires_at: Micros,
) -> NewToken<'a> {
    NewToken {
        purpose: Purpose::Recovery,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: Some(&customer.id),
        email_key: &customer.email_key,
        subject_id: &mail.subject_id,
        outbox_id: &mail.id,
        expires_at,
    }
}

async fn link(
    tx: &mut Tx,
    config: &Config,
    store: &Store,
    mail: &Leased,
    customer: &Customer,
    now: Micros,
) -> Result<Carries> {
    let ttl = store.link_ttl.unwrap_or(config.link.ttl);
    let until = now + ttl * SECOND;
    let token = token::mint(tx, &token_for(store, mail, customer, until), now).await?;
    Ok(Carries::Link(token, until, ttl))
}

/// Why this order may not become a mail, whatever the limits say, in plain words.
async fn stale(
    tx: &mut Tx,
    config: &Config,
    order: &Order,
    customer: &Customer,
    now: Micros,
) -> Result<Option<String>> {
    if now - order.created_at > config.reminder.ttl * SECOND {
        let minutes = config.reminder.ttl * SECOND / MINUTE;
        let text = format!("It could not be sent within {minutes} minutes and was withdrawn.");
        return Ok(Some(text));
    }
    if order.staff.disabled_at.is_some() || !order.staff.role.may(Role::Agent) {
        let text = "The member of staff who ordered it may not send reminders any more.";
        return Ok(Some(text.into()));
    }
    let suppressed = suppression::standing(tx, customer).await?;
    let against = Against { stopped_at: order.stopped_at, suppressed };
    if let Some(refusal) = rules::of_customer(config, &against, customer, now) {
        return Ok(Some(refusal.text()));
    }
    let moved = order.email_key != customer.email_key;
    Ok(moved.then(|| "The address changed after it was ordered. Send another one.".into()))
}

/// Why this order may not become a mail, in plain words.
async fn why_not(
    tx: &mut Tx,
    config: &Config,
    key: &Key,
    order: &Order,
    customer: &Customer,
    now: Micros,
) -> Result<Option<String>> {
    if let Some(reason) = stale(tx, config, order, customer, now).await? {
        return Ok(Some(reason));
    }
    let Some(refusal) = over_limit(tx, config, order, now).await? else { return Ok(None) };
    let deed = Deed { key, customer, staff: &order.staff, source: "" };
    let detail = json!({ "reason": refusal.as_str(), "by": "mail worker" });
    deed.alert(tx, Action::ReminderLimit, detail, now).await?;
    Ok(Some(refusal.text()))
}

/// The limits, over what was really made into mails: of orders that came past the click, only as
/// many are served as clicks would have been.
async fn over_limit(
    tx: &mut Tx,
    config: &Config,
    order: &Order,
    now: Micros,
) -> Result<Option<Refusal>> {
    // Workers take turns here, as clicks do.
    let merchant = &order.staff.merchant_id;
    let sql = "UPDATE merchant SET reminder_mode = reminder_mode WHERE id = $1";
    tx.exec(sql, args![merchant]).await?;
    let sql = "SELECT COUNT(*) AS by_merchant,
                  COUNT(CASE WHEN r.staff_id = $4 THEN 1 END) AS by_staff
               FROM reminder r
               WHERE r.merchant_id = $1 AND r.created_at > $2 AND r.created_at <= $3
                 AND r.sent_mode IS NOT NULL AND r.id <> $5";
    let span = (order.created_at - HOUR, order.created_at);
    let args = args![merchant, span.0, span.1, &order.staff.id, &order.id];
    let Some(row) = tx.row(sql, args).await? else { return Ok(None) };
    let (limits, until) = (&config.reminder, now + HOUR);
    let (staff, all) = (limits.staff_per_hour, limits.merchant_per_hour);
    Ok(if row.get::<i64>("by_staff") >= staff {
        Some(Refusal::StaffLimit { most: staff, until })
    } else if row.get::<i64>("by_merchant") >= all {
        Some(Refusal::MerchantLimit { most: all, until })
    } else {
        None
    })
}

/// Nothing is sent, and the timeline says why.
async fn refuse(
    tx: &mut Tx,
    order: &Order,
    customer: &Customer,
    reason: String,
    now: Micros,
) -> Result<Minted> {
    let store = Some(&*customer.home_store_id);
    let entry = Entry::ReminderRefused { reason };
    timeline::write_by(tx, customer, store, now, &order.staff.name, entry).await?;
    Ok(Minted::Withheld(End::Nobody))
}
