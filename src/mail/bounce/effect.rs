//! What follows from a report, in one transaction: the mail's outcome, the timeline with what to tell
//! the caller, and for a dead address or a complaint no further mail to it.
//!
//! A report counts only while it can be true of the address as it is now: not when the record has
//! another address since, when the customer has done something that needs a later mail, when staff
//! have lifted a suppression since, or when the mail is two weeks old.

use serde_json::json;

use super::{Notice, Tools, Verdict};
use crate::activity::{self, Act, Action, Actor};
use crate::args;
use crate::clock::{DAY, Micros};
use crate::customer::{self, Customer};
use crate::db::{Result, Row, Tx};
use crate::mail::outbox::{Kind, returned};
use crate::suppression::{self, New, Reason};
use crate::timeline::{self, Entry};

/// How late a report may be. Servers try for five days at most.
const LATE: Micros = 14 * DAY;
/// Most characters of a server's words that are kept.
const REPLY: usize = 300;
/// Characters from which on a word behind a link may be the rest of it.
const REST: usize = 12;

/// What came of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The mail's outcome or its timeline say so.
    Noted,
    /// And the address gets no further mail.
    Suppressed,
    /// Nothing, and why.
    ToNothing(&'static str),
}

/// A mail as its row says.
struct Mail {
    id: String,
    kind: String,
    merchant_id: String,
    store_id: String,
    customer_id: Option<String>,
    recipient: Option<String>,
    minted_at: Option<Micros>,
    created_at: Micros,
    outcome: Option<String>,
}

impl Mail {
    fn read(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            kind: row.get("kind"),
            merchant_id: row.get("merchant_id"),
            store_id: row.get("store_id"),
            customer_id: row.get("customer_id"),
            recipient: row.get("recipient"),
            minted_at: row.get("minted_at"),
            created_at: row.get("created_at"),
            outcome: row.get("outcome"),
        }
    }

    fn word(&self) -> &'static str {
        Kind::parse(&self.kind).map_or("other", Kind::as_str)
    }
}

/// Does what follows from a report about the mail `id`.
///
/// # Errors
/// What the database says.
pub async fn take(tx: &mut Tx, tools: &Tools<'_>, id: &str, notice: &Notice) -> Result<Came> {
    let nothing = |why| Ok(Came::ToNothing(why));
    if notice.verdict == Verdict::Nothing {
        return nothing("it says nothing that matters");
    }
    // Held until the end, so that two reports about one mail take turns.
    let sql = "UPDATE outbox SET reply = reply WHERE id = $1
               RETURNING id, kind, merchant_id, store_id, customer_id, recipient, minted_at,
                  created_at, outcome";
    let Some(row) = tx.row(sql, args![id]).await? else { return nothing("the mail is forgotten") };
    let mail = Mail::read(&row);
    let Some(minted_at) = mail.minted_at else { return nothing("the mail was never sent") };
    if tools.now - mail.created_at > LATE {
        return nothing("the mail is too old");
    }
    if !matches!(mail.outcome.as_deref(), None | Some("sent" | "bounced")) {
        return nothing("the mail has ended otherwise");
    }
    let reply = words(notice, &mail.kind);
    let customer = match &mail.customer_id {
        Some(id) => customer::by_id(tx, &mail.merchant_id, id).await?,
        None => None,
    };
    let current = customer.as_ref().filter(|c| {
        mail.recipient.as_ref() == Some(&tools.verp.recipient(&c.merchant_id, &c.email_key))
    });
    let stands = match current {
        Some(customer) => !is_refuted(tx, customer, minted_at).await?,
        // A record that has another address by now; a mail to nobody's record.
        None => false,
    };
    if customer.is_some() && current.is_none() && mail.kind != Kind::AddressConfirm.as_str() {
        return nothing("the record has another address by now");
    }
    if current.is_some() && !stands {
        return nothing("the customer has had mail since");
    }
    let told = Told { mail: &mail, customer: customer.as_ref(), reply: &reply };
    match notice.verdict {
        Verdict::Nothing => nothing("it says nothing that matters"),
        Verdict::Delayed => told.delayed(tx, tools.now).await,
        Verdict::Lost => told.bounced(tx, None, tools.now).await,
        Verdict::Dead => told.bounced(tx, current, tools.now).await,
        Verdict::Complaint => match current {
            Some(customer) => told.complained(tx, tools, customer).await,
            None => nothing("it is about nobody's address"),
        },
    }
}

/// Whether something happened since a mail was made that a dead address would not have let happen.
async fn is_refuted(tx: &mut Tx, customer: &Customer, minted_at: Micros) -> Result<bool> {
    if suppression::was_lifted(tx, customer, minted_at).await? {
        return Ok(true);
    }
    let sql = "SELECT kind, detail FROM timeline WHERE customer_id = $1 AND merchant_id = $2
               AND at >= $3 AND kind IN ('link_opened', 'logged_in', 'temporary_password_used')
               ORDER BY at DESC LIMIT 200";
    let args = args![&customer.id, &customer.merchant_id, minted_at];
    Ok(tx.rows(sql, args).await?.iter().any(|row| {
        let proof = |entry| {
            matches!(
                entry,
                Entry::LinkOpened { scanner: false, dead: false }
                    | Entry::LoggedIn { by: "recovery" }
                    | Entry::TemporaryPasswordUsed
            )
        };
        proof(timeline::entry(&row.get::<String>("kind"), &row.get::<String>("detail")))
    }))
}

/// A report about a mail, ready to be written down.
struct Told<'a> {
    mail: &'a Mail,
    customer: Option<&'a Customer>,
    reply: &'a str,
}

impl Told<'_> {
    async fn write(&self, tx: &mut Tx, now: Micros, entry: Entry) -> Result<()> {
        let Some(customer) = self.customer else { return Ok(()) };
        timeline::write(tx, customer, Some(&self.mail.store_id), now, entry).await
    }

    /// One entry a mail: a server may write every few hours, and so may whoever knows the mark.
    async fn delayed(&self, tx: &mut Tx, now: Micros) -> Result<Came> {
        if self.mail.outcome.as_deref() == Some("bounced") {
            return Ok(Came::ToNothing("the mail has come back"));
        }
        let Some(customer) = self.customer else { return Ok(Came::Noted) };
        let entry = Entry::MailDelayed { mail: self.mail.word(), reply: self.reply.to_owned() };
        let id = format!("delayed-{}", self.mail.id);
        let store = Some(&*self.mail.store_id);
        let is_new = timeline::write_named(tx, &id, customer, store, now, &entry).await?;
        Ok(if is_new { Came::Noted } else { Came::ToNothing("that was told before") })
    }

    /// The mail came back; with `dead`, its address takes no mail at all.
    async fn bounced(&self, tx: &mut Tx, dead: Option<&Customer>, now: Micros) -> Result<Came> {
        if !returned::bounced(tx, &self.mail.id, self.reply, now).await? {
            return Ok(Came::ToNothing("that was told before"));
        }
        metrics::counter!("doorkey_mails", "kind" => self.mail.word(), "outcome" => "bounced")
            .increment(1);
        let (mail, reply) = (self.mail.word(), self.reply.to_owned());
        self.write(tx, now, Entry::MailBounced { mail, reply, dead: dead.is_some() }).await?;
        let Some(customer) = dead else { return Ok(Came::Noted) };
        let new =
            New { customer, outbox_id: &self.mail.id, reason: Reason::Bounced, reply: self.reply };
        suppression::begin(tx, &new, now).await?;
        Ok(Came::Suppressed)
    }

    async fn complained(
        &self,
        tx: &mut Tx,
        tools: &Tools<'_>,
        customer: &Customer,
    ) -> Result<Came> {
        let new = New {
            customer,
            outbox_id: &self.mail.id,
            reason: Reason::Complained,
            reply: self.reply,
        };
        if !suppression::begin(tx, &new, tools.now).await? {
            return Ok(Came::ToNothing("that was told before"));
        }
        self.write(tx, tools.now, Entry::MailComplained { mail: self.mail.word() }).await?;
        let act = Act {
            merchant_id: &self.mail.merchant_id,
            actor: Actor::Doorkey,
            action: Action::MailComplained,
            customer_id: Some(&customer.id),
            store_id: Some(&self.mail.store_id),
            source: "",
            alert: true,
            detail: json!({ "mail": self.mail.word(), "reply": self.reply }),
        };
        activity::write(tx, tools.activity, &act, tools.now).await?;
        Ok(Came::Suppressed)
    }
}

/// A server's words, fit to be stored: one line, no address, and nothing that may have stood in the
/// mail. A mail with a password in it may come back with the password in the server's words, in any
/// shape, so of such a mail the code alone is kept.
fn words(notice: &Notice, kind: &str) -> String {
    let status: String = clean(&notice.status).chars().take(12).collect();
    let carries_password = kind == Kind::Reminder.as_str();
    if carries_password {
        return status;
    }
    let said = clean(&notice.diagnostic);
    let whole = if said.contains(&status) { said } else { format!("{status} {said}") };
    whole.trim().chars().take(REPLY).collect()
}

fn clean(text: &str) -> String {
    let plain = |c: char| if c.is_control() || is_direction(c) { ' ' } else { c };
    let text: String = text.chars().take(4 * REPLY).map(plain).collect();
    let is_link = |word: &str| word.contains("://") || word.contains("token=");
    let mut words = Vec::new();
    let mut follows_link = false;
    for word in text.split_whitespace() {
        // A line that was folded in the middle of a link leaves its end as a word.
        let is_rest = follows_link && word.len() >= REST;
        follows_link = is_link(word) || is_rest;
        if follows_link || timeline::is_like_a_token(word) {
            words.push("[…]");
        } else if word.contains('@') {
            words.push("<address>");
        } else {
            words.push(word);
        }
    }
    words.join(" ")
}

/// Invisible characters that turn the direction of text.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(diagnostic: &str, kind: &str) -> String {
        let status = "5.1.1".to_owned();
        let notice = Notice { status, diagnostic: diagnostic.into(), ..Notice::nothing() };
        words(&notice, kind)
    }

    #[test]
    fn words_of_strangers_are_one_line_without_addresses_and_secrets() {
        for (given, kept) in [
            ("550 5.1.1 <ada@example.test>: unknown", "550 5.1.1 <address> unknown"),
            ("unknown\r\nBcc: x@evil.test\u{202e}", "5.1.1 unknown Bcc: <address>"),
            ("see https://shop.test/reset?token=AAAA now", "5.1.1 see […] now"),
            (&format!("x ({}) y", "A".repeat(43)), "5.1.1 x […] y"),
            ("https://x.test/r?token=AAAA\r\n BBBBBBBBBBBB\r\n no user", "5.1.1 […] […] no user"),
            ("", "5.1.1"),
        ] {
            assert_eq!(said(given, "recovery"), kept);
        }
        assert_eq!(said("550 correct horse battery", "reminder"), "5.1.1");
        assert!(said(&"word ".repeat(1000), "recovery").chars().count() <= REPLY);
    }
}
