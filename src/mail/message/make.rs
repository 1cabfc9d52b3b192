//! Making mails: reading the rows that they are about and minting their links, in the worker's
//! transaction.

use super::{Content, Draft, changed, staff};
use crate::address_change::{self, ChangeMail};
use crate::clock::Micros;
use crate::config::Config;
use crate::customer;
use crate::db::{Result, Tx};
use crate::locale::Language;
use crate::mail::outbox::{End, Kind, Leased};
use crate::mail::test_mail;
use crate::recovery;
use crate::registration;
use crate::reminder::{self, Ready};
use crate::secret::Key;
use crate::store::Store;
use crate::suppression;

/// What mails are made with.
#[derive(Clone, Copy)]
pub struct With<'a> {
    /// Settings.
    pub config: &'a Config,
    /// Opens typed addresses.
    pub addresses: &'a Key,
    /// Ties the activity's chains.
    pub activity: &'a Key,
}

/// A mail that is to be made.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// In whose name.
    pub store: &'a Store,
    /// Its row.
    pub mail: &'a Leased,
    /// What a reminder needs.
    pub ready: &'a Ready,
}

/// Why no mail was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmade {
    /// There will be none: this is how it ends.
    Ends(End),
    /// The record changed while it was prepared: prepare anew.
    Later,
}

/// Makes mails, or says why there is none: those of recoveries first, for they are many and made
/// together.
///
/// # Errors
/// What the database says.
pub async fn make(
    tx: &mut Tx,
    with: &With<'_>,
    orders: &[Order<'_>],
    now: Micros,
) -> Result<Vec<std::result::Result<Draft, Unmade>>> {
    let recoveries = orders.iter().filter(|order| order.mail.kind == Kind::Recovery);
    let recoveries: Vec<_> = recoveries.map(|order| (order.store, order.mail)).collect();
    let minted = recovery::mint(tx, with.config, with.addresses, &recoveries, now).await?;
    let mut minted = minted.into_iter();
    let mut made = Vec::with_capacity(orders.len());
    for order in orders {
        made.push(match order.mail.kind {
            Kind::Recovery => minted.next().map_or(Err(Unmade::Later), of_recovery),
            Kind::Reminder => of_reminder(tx, with, order, now).await?,
            _ => make_plain(tx, with, order, now).await?.map_err(Unmade::Ends),
        });
    }
    Ok(made)
}

fn of_recovery(minted: recovery::Minted) -> std::result::Result<Draft, Unmade> {
    match minted {
        recovery::Minted::Mail(made) => Ok(Draft {
            to: made.customer.email.clone(),
            language: made.language,
            content: Content::Recovery(made),
        }),
        recovery::Minted::Withheld(end) => Err(Unmade::Ends(end)),
    }
}

async fn of_reminder(
    tx: &mut Tx,
    with: &With<'_>,
    Order { store, mail, ready }: &Order<'_>,
    now: Micros,
) -> Result<std::result::Result<Draft, Unmade>> {
    let order = (*mail, *ready);
    Ok(match reminder::mint(tx, with.config, with.activity, store, order, now).await? {
        reminder::Minted::Mail(made) => Ok(Draft {
            to: made.customer.email,
            language: made.language,
            content: Content::Reminder {
                carries: made.carries,
                stop: made.stop,
                of: (made.customer.id, made.customer.credential_version),
            },
        }),
        reminder::Minted::Withheld(end) => Err(Unmade::Ends(end)),
        reminder::Minted::Later => Err(Unmade::Later),
    })
}

/// Mails that need nothing prepared.
async fn make_plain(
    tx: &mut Tx,
    &With { config, addresses, .. }: &With<'_>,
    &Order { store, mail, .. }: &Order<'_>,
    now: Micros,
) -> Result<std::result::Result<Draft, End>> {
    if matches!(mail.kind, Kind::PasswordChanged | Kind::AddressNotice)
        && let Some(end) = suppression::withhold_notice(tx, mail, now).await?
    {
        return Ok(Err(end));
    }
    Ok(match mail.kind {
        // Made above.
        Kind::Recovery | Kind::Reminder => Err(End::Nobody),
        Kind::PasswordChanged => {
            match customer::by_id(tx, &store.merchant_id, &mail.subject_id).await? {
                Some(customer) => {
                    Ok(changed::password_changed(tx, store, &customer, mail, now).await?)
                }
                None => Err(End::Nobody),
            }
        }
        Kind::AddressConfirm | Kind::AddressNotice => {
            match address_change::mint(tx, config, store, mail, now).await? {
                Some(made) => Ok(change_of_address(mail.kind, made)),
                None => Err(End::Nobody),
            }
        }
        Kind::Registration => {
            match registration::mint(tx, config, addresses, store, mail, now).await? {
                registration::Minted::Confirm { to, link, expires_at, language } => {
                    Ok(Draft { to, language, content: Content::Registration { link, expires_at } })
                }
                registration::Minted::Exists(customer) => Ok(Draft {
                    to: customer.email.clone(),
                    language: customer.language.unwrap_or(store.language),
                    content: Content::RegistrationExists,
                }),
                registration::Minted::Withheld(end) => Err(end),
            }
        }
        Kind::TestMail => match test_mail::make(tx, addresses, mail, now).await? {
            Some(test_mail::Made { to, mark }) => {
                Ok(Draft { to, language: Language::En, content: Content::Test(mark) })
            }
            None => Err(End::Nobody),
        },
        Kind::StaffInvitation
        | Kind::StaffReset
        | Kind::StaffRecovery
        | Kind::StaffPasswordChanged
        | Kind::StaffFactorAdded
        | Kind::StaffFactorRemoved
        | Kind::StaffCodesRenewed
        | Kind::StaffCodeUsed => match staff::make(tx, config, mail, now).await? {
            Some(made) => Ok(Draft {
                to: made.to.clone(),
                language: Language::En,
                content: Content::Staff(Box::new(made)),
            }),
            None => Err(End::Nobody),
        },
    })
}

fn change_of_address(kind: Kind, made: ChangeMail) -> Draft {
    let by_staff = made.by_staff;
    let content = if kind == Kind::AddressConfirm {
        Content::AddressConfirm { link: made.link, expires_at: made.expires_at, by_staff }
    } else {
        Content::AddressNotice { new: made.new_email, undo: made.link, by_staff }
    };
    Draft { to: made.to, language: made.language, content }
}
