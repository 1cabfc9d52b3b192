//! The outbox: mail to be sent, as rows that say what kind and about which row; never a secret,
//! never a body. A row is written in the transaction of the act that it tells of, leased by a
//! worker, and settled with the mail server's answer. A worker that dies leaves its lease to expire.

use crate::args;
use crate::clock::{Micros, SECOND};
use crate::config::MailConfig;
use crate::db::{Db, Result, Row, Tx};

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
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
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

    /// Whether a person sits and waits for it: such mails leave before notices.
    fn priority(self) -> i64 {
        match self {
            Self::PasswordChanged | Self::AddressNotice | Self::StaffPasswordChanged => 1,
            Self::Recovery
            | Self::AddressConfirm
            | Self::Registration
            | Self::Reminder
            | Self::StaffInvitation
            | Self::StaffReset
            | Self::StaffRecovery
            | Self::TestMail => 0,
        }
    }

    fn give_up(self, config: &MailConfig) -> Micros {
        SECOND * if self.priority() == 0 { config.give_up } else { config.notice_give_up }
    }
}

/// A mail to be queued.
#[derive(Clone, Debug)]
pub struct NewMail<'a> {
    /// What kind.
    pub kind: Kind,
    /// About which row.
    pub subject_id: &'a str,
    /// Of which merchant.
    pub merchant_id: &'a str,
    /// In which store's name.
    pub store_id: &'a str,
    /// To whom, if that is known already.
    pub customer_id: Option<&'a str>,
}

/// Queues mails in the transaction of the act.
///
/// # Errors
/// What the database says.
pub async fn enqueue(
    tx: &mut Tx,
    config: &MailConfig,
    mails: &[NewMail<'_>],
    now: Micros,
) -> Result<()> {
    let rows = mails
        .iter()
        .map(|mail| {
            args![
                crate::new_id(),
                mail.kind.as_str(),
                mail.subject_id,
                mail.merchant_id,
                mail.store_id,
                mail.customer_id,
                mail.kind.priority(),
                now,
                now,
                now + mail.kind.give_up(config),
                0i64
            ]
        })
        .collect();
    tx.many(
        "INSERT INTO outbox (id, kind, subject_id, merchant_id, store_id, customer_id, priority,
            created_at, due_at, expires_at, attempts) VALUES",
        rows,
        "",
    )
    .await?;
    Ok(())
}

/// A mail that this worker holds.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The row.
    pub id: String,
    /// What kind.
    pub kind: Kind,
    /// About which row.
    pub subject_id: String,
    /// Of which merchant.
    pub merchant_id: String,
    /// In which store's name.
    pub store_id: String,
    /// To whom, once that is known.
    pub customer_id: Option<String>,
    /// Tries before this one.
    pub attempts: i64,
    /// When it is given up.
    pub expires_at: Micros,
    /// Proof that the row is still ours: another worker that takes it up writes its own.
    pub lease: String,
}

/// Takes up to `most` due mails for the worker of this name: those that a person waits for first.
///
/// # Errors
/// What the database says.
pub async fn claim(
    db: &Db,
    config: &MailConfig,
    worker: &str,
    most: i64,
    now: Micros,
) -> Result<Vec<Leased>> {
    let lease = format!("{worker}/{}", crate::new_id());
    let sql = format!(
        "UPDATE outbox SET lease = $1, leased_until = $2, attempts = attempts + 1
         WHERE id IN (
            SELECT id FROM outbox
            WHERE settled_at IS NULL AND due_at <= $3
              AND (leased_until IS NULL OR leased_until <= $3)
            ORDER BY priority, due_at LIMIT $4{})
         RETURNING id, kind, subject_id, merchant_id, store_id, customer_id, attempts, expires_at",
        db.skip_locked()
    );
    let mut tx = db.begin().await?;
    let rows = tx
        .rows(sqlx::AssertSqlSafe(sql), args![&lease, now + config.lease * SECOND, now, most])
        .await?;
    tx.commit().await?;
    Ok(rows.iter().filter_map(|row| read(row, &lease)).collect())
}

fn read(row: &Row, lease: &str) -> Option<Leased> {
    let kind: String = row.get("kind");
    let Some(kind) = Kind::parse(&kind) else {
        tracing::error!(kind, "a mail of an unknown kind waits; this program is too old for it");
        return None;
    };
    Some(Leased {
        id: row.get("id"),
        kind,
        subject_id: row.get("subject_id"),
        merchant_id: row.get("merchant_id"),
        store_id: row.get("store_id"),
        customer_id: row.get("customer_id"),
        attempts: row.get::<i64>("attempts") - 1,
        expires_at: row.get("expires_at"),
        lease: lease.to_owned(),
    })
}

/// Renews the leases of a worker's mails that are under way.
///
/// # Errors
/// What the database says.
pub async fn renew(db: &Db, worker: &str, until: Micros) -> Result<()> {
    let sql = "UPDATE outbox SET leased_until = $1 WHERE settled_at IS NULL AND lease LIKE $2";
    db.exec(sql, args![until, format!("{worker}/%")]).await?;
    Ok(())
}

/// Notes that a mail was made, and for whom: what the limits count.
///
/// # Errors
/// What the database says.
pub async fn minted(
    tx: &mut Tx,
    mail: &Leased,
    customer_id: Option<&str>,
    now: Micros,
) -> Result<()> {
    tx.exec(
        "UPDATE outbox SET minted_at = $1, customer_id = $2 WHERE id = $3 AND lease = $4",
        args![now, customer_id, &mail.id, &mail.lease],
    )
    .await?;
    Ok(())
}

/// How a mail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The mail server took it.
    Sent,
    /// A mail of the same kind is on its way already, or was just sent.
    Absorbed,
    /// Nobody to send it to, or nobody who may have it.
    Nobody,
    /// The mail server refused it for good.
    Failed,
    /// It was tried for as long as it would have been of use.
    Expired,
}

impl End {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Absorbed => "absorbed",
            Self::Nobody => "nobody",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

/// Settles a mail for good. False when another worker holds it by now.
///
/// # Errors
/// What the database says.
pub async fn settle(
    tx: &mut Tx,
    mail: &Leased,
    end: End,
    reply: Option<&str>,
    now: Micros,
) -> Result<bool> {
    let touched = tx
        .exec(
            "UPDATE outbox SET settled_at = $1, outcome = $2, reply = $3, lease = NULL,
                leased_until = NULL
             WHERE id = $4 AND lease = $5 AND settled_at IS NULL",
            args![now, end.as_str(), reply, &mail.id, &mail.lease],
        )
        .await?;
    Ok(touched == 1)
}

/// Puts a mail back, to be tried again at `due_at`.
///
/// # Errors
/// What the database says.
pub async fn defer(tx: &mut Tx, mail: &Leased, reply: &str, due_at: Micros) -> Result<()> {
    tx.exec(
        "UPDATE outbox SET due_at = $1, reply = $2, lease = NULL, leased_until = NULL
         WHERE id = $3 AND lease = $4 AND settled_at IS NULL",
        args![due_at, reply, &mail.id, &mail.lease],
    )
    .await?;
    Ok(())
}

/// Another mail of this kind that is under way to the customer already. It is made due at once:
/// whoever asks again while the mail server is down must not wait out the back-off.
///
/// # Errors
/// What the database says.
pub async fn hasten(tx: &mut Tx, mail: &Leased, customer_id: &str, now: Micros) -> Result<bool> {
    let touched = tx
        .exec(
            "UPDATE outbox SET due_at = CASE WHEN due_at > $1 THEN $1 ELSE due_at END
             WHERE customer_id = $2 AND kind = $3 AND store_id = $4 AND id <> $5
               AND minted_at IS NOT NULL AND settled_at IS NULL AND expires_at > $1",
            args![now, customer_id, mail.kind.as_str(), &mail.store_id, &mail.id],
        )
        .await?;
    Ok(touched > 0)
}

/// Withdraws links and reminders that still wait to be mailed to a customer: after a change of
/// password they would only confuse.
///
/// # Errors
/// What the database says.
pub async fn withdraw(tx: &mut Tx, customer_id: &str, now: Micros) -> Result<()> {
    tx.exec(
        "UPDATE outbox SET settled_at = $1, outcome = 'absorbed', lease = NULL, leased_until = NULL
         WHERE customer_id = $2 AND kind IN ('recovery', 'reminder') AND settled_at IS NULL",
        args![now, customer_id],
    )
    .await?;
    Ok(())
}

/// How the queue stands.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Mails not settled.
    pub count: i64,
    /// When the oldest mail that is due became so.
    pub oldest_due_at: Option<Micros>,
}

/// Looks at the queue.
///
/// # Errors
/// What the database says.
pub async fn waiting(db: &Db, now: Micros) -> Result<Waiting> {
    let row = db
        .row(
            "SELECT COUNT(*) AS waiting, MIN(CASE WHEN due_at <= $1 THEN due_at END) AS oldest
             FROM outbox WHERE settled_at IS NULL",
            args![now],
        )
        .await?;
    Ok(row.map_or(Waiting { count: 0, oldest_due_at: None }, |row| Waiting {
        count: row.get("waiting"),
        oldest_due_at: row.get("oldest"),
    }))
}

/// Deletes what was settled a month ago.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    let month = now - 30 * crate::clock::DAY;
    db.exec("DELETE FROM outbox WHERE settled_at < $1", args![month]).await?;
    Ok(())
}
