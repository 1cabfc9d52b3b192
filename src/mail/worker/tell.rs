//! What the timeline hears of a mail that does not leave.

use super::make::Hold;
use crate::clock::Micros;
use crate::db::{Result, Tx};
use crate::mail::outbox::{self, End, Leased};
use crate::timeline::{self, Entry, New};

/// Tells in the timeline that a mail waits, unless this very reason was told of before.
pub(super) async fn tell_once(tx: &mut Tx, mail: &Leased, hold: &Hold, now: Micros) -> Result<()> {
    if mail.reply.as_ref() == Some(&hold.why) {
        return Ok(());
    }
    let kind = mail.kind.as_str();
    metrics::counter!("doorkey_mails", "kind" => kind, "outcome" => "held").increment(1);
    let (reply, next_at) = (hold.why.clone(), hold.until);
    tell(tx, mail, now, Entry::MailDeferred { mail: kind, reply, next_at }).await
}

/// Settles a mail that will not arrive, and says so in the timeline.
pub(super) async fn end(
    tx: &mut Tx,
    mail: &Leased,
    end: End,
    reply: &str,
    now: Micros,
) -> Result<()> {
    let kind = mail.kind.as_str();
    let settled = outbox::settle_all(tx, &[(mail, end, Some(reply))], now).await?;
    let Some(customer) = settled.get(&mail.id) else { return Ok(()) };
    metrics::counter!("doorkey_mails", "kind" => kind, "outcome" => "failed").increment(1);
    let Some(customer) = customer else { return Ok(()) };
    let entry = Entry::MailFailed { mail: kind, reply: reply.to_owned() };
    timeline::write_all(tx, &[New::of_mail(mail, customer, entry)], now).await
}

/// Writes an entry about a mail. Its customer is known to its row once the mail has been made.
pub(super) async fn tell(tx: &mut Tx, mail: &Leased, now: Micros, entry: Entry) -> Result<()> {
    let sql = "SELECT customer_id FROM outbox WHERE id = $1 AND customer_id IS NOT NULL";
    let Some(row) = tx.row(sql, crate::args![&mail.id]).await? else { return Ok(()) };
    let customer: String = row.get("customer_id");
    let (merchant, store) = (&mail.merchant_id, Some(&*mail.store_id));
    timeline::write_for(tx, merchant, &customer, store, now, entry).await
}
