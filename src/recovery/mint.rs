//! Where the mail worker finds out who asked, and makes the links: many requests by the same few
//! statements, because one statement after the other for each mail would take longer than sending.

use std::collections::HashMap;

use super::withhold::Eligibility;
use crate::args;
use crate::clock::{DAY, Micros, SECOND};
use crate::config::Config;
use crate::customer::{self, Customer};
use crate::db::{Result, Row, Tx};
use crate::locale::Language;
use crate::mail::outbox::{self, End, Leased};
use crate::secret::{Key, Token};
use crate::store::Store;
use crate::timeline::{self, Entry, New};
use crate::token::{self, NewToken, Purpose};

/// What the mail worker may do with a request.
#[derive(Debug)]
pub enum Minted {
    /// Send this.
    Mail(Box<RecoveryMail>),
    /// Send nothing, tell nobody outside.
    Withheld(End),
}

/// What a recovery mail says. The links' tokens exist here and in the mail, nowhere else.
#[derive(Debug)]
pub struct RecoveryMail {
    /// To whom: the confirmed address of the record, never what was typed.
    pub customer: Customer,
    /// Opens the reset page.
    pub link: Token,
    /// "This wasn't me".
    pub stop: Token,
    /// When the link dies.
    pub expires_at: Micros,
    /// How long it lives, in seconds.
    pub ttl: i64,
    /// What the page showed.
    pub reference: String,
    /// The customer's language, else that of the page.
    pub language: Language,
}

/// Who asked, and how.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// Whose the typed address is.
    pub customer: Customer,
    /// What the page showed.
    reference: String,
    /// The language of the page.
    language: String,
}

/// Finds out who asked, for each of these mails; with the first look the typed address is forgotten,
/// and the timeline tells of the request. `None` where there is nobody.
///
/// # Errors
/// What the database says.
pub async fn recognise(
    tx: &mut Tx,
    addresses: &Key,
    mails: &[(&Store, &Leased)],
    now: Micros,
) -> Result<Vec<Option<Recognised>>> {
    let requests = requests(tx, mails).await?;
    let typed: Vec<_> = mails.iter().map(|(_, mail)| typed(addresses, mail, &requests)).collect();
    let keys: Vec<_> = mails
        .iter()
        .zip(&typed)
        .filter_map(|((store, _), typed)| Some((&*store.merchant_id, typed.as_deref()?)))
        .collect();
    let by_address = customer::by_addresses(tx, &keys).await?;
    let mut found = Vec::with_capacity(mails.len());
    for ((store, mail), typed) in mails.iter().zip(typed) {
        let customer = match (&mail.customer_id, typed) {
            // An earlier try found the customer and forgot what was typed.
            (Some(id), _) => customer::by_id(tx, &store.merchant_id, id).await?,
            (None, Some(typed)) => by_address.get(&(store.merchant_id.clone(), typed)).cloned(),
            (None, None) => None,
        };
        let recognised = requests.get(&mail.subject_id).zip(customer).map(|(row, customer)| {
            Recognised { customer, reference: row.get("reference"), language: row.get("language") }
        });
        found.push(recognised);
    }
    handled(tx, mails, &requests, &found, now).await?;
    Ok(found)
}

/// Forgets what was typed; the timeline tells of the requests that nobody has looked at before.
async fn handled(
    tx: &mut Tx,
    mails: &[(&Store, &Leased)],
    requests: &HashMap<String, Row>,
    found: &[Option<Recognised>],
    now: Micros,
) -> Result<()> {
    let handled = requests.keys().map(|id| args![id, now]).collect();
    let sql = "UPDATE recovery SET handled_at = v.column2, address_sealed = NULL FROM (VALUES";
    tx.many(sql, handled, ") AS v WHERE recovery.id = v.column1").await?;
    let fresh: Vec<_> = mails
        .iter()
        .zip(found)
        .filter(|((_, mail), _)| mail.customer_id.is_none())
        .filter_map(|((store, mail), found)| Some((*store, *mail, found.as_ref()?)))
        .collect();
    let of: Vec<_> = fresh.iter().map(|(_, mail, found)| (*mail, &*found.customer.id)).collect();
    outbox::is_for(tx, &of).await?;
    let entries = fresh.iter().map(|(store, _, found)| {
        let entry = Entry::RecoveryRequested { reference: found.reference.clone() };
        New::at_store(store, &found.customer.id, entry)
    });
    timeline::write_all(tx, &entries.collect::<Vec<_>>(), now).await
}

/// The requests that these mails are about, by id.
async fn requests(tx: &mut Tx, mails: &[(&Store, &Leased)]) -> Result<HashMap<String, Row>> {
    let ids = mails.iter().map(|(s, mail)| args![&mail.subject_id, &s.merchant_id, &s.id]);
    let rows = tx
        .many(
            "SELECT r.id, r.reference, r.address_sealed, r.language FROM (VALUES",
            ids.collect(),
            ") AS v CROSS JOIN recovery r
             WHERE r.id = v.column1 AND r.merchant_id = v.column2 AND r.store_id = v.column3",
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.get("id"), row)).collect())
}

/// What was typed, of a request that nobody has looked at yet.
fn typed(addresses: &Key, mail: &Leased, requests: &HashMap<String, Row>) -> Option<String> {
    if mail.customer_id.is_some() {
        return None;
    }
    let sealed: Vec<u8> = requests.get(&mail.subject_id)?.get::<Option<_>>("address_sealed")?;
    let typed = addresses.open(&mail.subject_id, &sealed)?;
    std::str::from_utf8(&typed).ok().map(str::to_owned)
}

/// Finds out who asked and makes the links, for each of these mails. Runs in the mail worker, in the
/// transaction that also notes the mails as made; they are rendered and sent only after its commit.
///
/// # Errors
/// What the database says.
pub async fn mint(
    tx: &mut Tx,
    config: &Config,
    addresses: &Key,
    mails: &[(&Store, &Leased)],
    now: Micros,
) -> Result<Vec<Minted>> {
    let recognised = recognise(tx, addresses, mails, now).await?;
    let customers: Vec<_> = recognised.iter().flatten().map(|found| &found.customer).collect();
    let mut eligibility = Eligibility::of(tx, config, &customers, now).await?;
    let (mut minted, mut entries, mut granted) = (Vec::new(), Vec::new(), Vec::new());
    for ((store, mail), found) in mails.iter().zip(recognised) {
        let Some(found) = found else {
            minted.push(Some(Minted::Withheld(End::Nobody)));
            continue;
        };
        let withheld = eligibility.withhold(tx, config, &found.customer, mail, now).await?;
        if let Some((end, reason)) = withheld {
            let entry = Entry::MailWithheld { reason };
            entries.push((*store, found.customer.id, entry));
            minted.push(Some(Minted::Withheld(end)));
        } else {
            eligibility.count(&found.customer, mail, now);
            granted.push(Grant { store, mail, found });
            minted.push(None);
        }
    }
    let entries: Vec<_> =
        entries.iter().map(|(store, id, entry)| New::at_store(store, id, entry.clone())).collect();
    timeline::write_all(tx, &entries, now).await?;
    let mut links = links(tx, config, granted, now).await?.into_iter();
    Ok(minted.into_iter().filter_map(|one| one.or_else(|| links.next())).collect())
}

/// A mail that is to be made.
struct Grant<'a> {
    store: &'a Store,
    mail: &'a Leased,
    found: Recognised,
}

impl Grant<'_> {
    /// The link, and "This wasn't me", which outlives it.
    fn tokens(&self, expires_at: Micros) -> [NewToken<'_>; 2] {
        let customer = &self.found.customer;
        let link = NewToken {
            purpose: Purpose::Recovery,
            merchant_id: &self.store.merchant_id,
            store_id: &self.store.id,
            customer_id: Some(&customer.id),
            email_key: &customer.email_key,
            subject_id: &self.mail.subject_id,
            outbox_id: &self.mail.id,
            expires_at,
        };
        let stop = NewToken { purpose: Purpose::Stop, expires_at: expires_at + DAY, ..link };
        [link, stop]
    }
}

/// Makes the links of these mails, and notes the mails as made.
async fn links(
    tx: &mut Tx,
    config: &Config,
    granted: Vec<Grant<'_>>,
    now: Micros,
) -> Result<Vec<Minted>> {
    let ttl = |store: &Store| store.link_ttl.unwrap_or(config.link.ttl);
    let pairs: Vec<_> =
        granted.iter().flat_map(|grant| grant.tokens(now + ttl(grant.store) * SECOND)).collect();
    let mut tokens = token::mint_all(tx, &pairs, now).await?.into_iter();
    let made: Vec<_> =
        granted.iter().map(|grant| (grant.mail, Some(&*grant.found.customer.id))).collect();
    outbox::minted_all(tx, &made, now).await?;
    let mail = |Grant { store, found, .. }: Grant<'_>| {
        let (link, stop) = (tokens.next()?, tokens.next()?);
        let Recognised { customer, reference, language } = found;
        let language = customer.language.or(Language::parse(&language)).unwrap_or(store.language);
        let (ttl, expires_at) = (ttl(store), now + ttl(store) * SECOND);
        let mail = RecoveryMail { customer, link, stop, expires_at, ttl, reference, language };
        Some(Minted::Mail(Box::new(mail)))
    };
    Ok(granted.into_iter().filter_map(mail).collect())
}
