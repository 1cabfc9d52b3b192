//! Mails to staff: the invitation, a reset by a colleague, a forgotten password, and the notices that
//! a password was changed or something happened to the second factor. In English, as the back office
//! is; in the merchant's name, through the sender of one of its stores.

use askama::Template;
use jiff::tz::TimeZone;

use super::templates::{Frame, write};
use crate::args;
use crate::clock::{Micros, SECOND};
use crate::config::Config;
use crate::db::{Result, Tx};
use crate::locale::Language;
use crate::mail::mime::Rendered;
use crate::mail::outbox::{self, Kind, Leased};
use crate::staff::access;
use crate::staff::link::{self, Minted, Purpose};
use crate::store::Store;

/// A mail to a member of staff that is made but not yet written.
#[derive(Debug)]
pub struct StaffMail {
    /// To whom.
    pub to: String,
    kind: Kind,
    name: String,
    /// What the person opens; a notice has none.
    link: Option<Minted>,
    /// When that happened which a notice tells of.
    at: Micros,
    has_factor: bool,
    codes_left: i64,
    /// Where the person logs in, now and later.
    login: String,
    origin: String,
}

impl StaffMail {
    /// The token of its link.
    pub(super) fn secret(&self) -> Option<zeroize::Zeroizing<String>> {
        let (_, token) = self.link.as_ref()?.url.split_once("token=")?;
        Some(zeroize::Zeroizing::new(token.to_owned()))
    }
}

/// Makes a mail to a member of staff; `None` when there is nobody to have it any more.
///
/// # Errors
/// What the database says.
pub async fn make(
    tx: &mut Tx,
    config: &Config,
    mail: &Leased,
    now: Micros,
) -> Result<Option<StaffMail>> {
    let Some(found) = access::hold(tx, &mail.subject_id).await? else { return Ok(None) };
    let staff = &found.staff;
    if staff.disabled_at.is_some() || staff.merchant_id != mail.merchant_id {
        return Ok(None);
    }
    let purpose = purpose(mail.kind);
    // Whoever has taken up an invitation needs no second one.
    if purpose == Some(Purpose::Enrol) && found.password_hash.is_some() {
        return Ok(None);
    }
    let link = match purpose {
        Some(purpose) => {
            Some(link::mint(tx, config, purpose, (&staff.id, &staff.email_key), now).await?)
        }
        None => None,
    };
    outbox::minted(tx, mail, None, now).await?;
    // A notice is queued with what it tells of.
    let sql = "SELECT o.created_at, (SELECT COUNT(*) FROM staff_recovery_code c
                  WHERE c.staff_id = $2 AND c.used_at IS NULL) AS codes_left
               FROM outbox o WHERE o.id = $1";
    let row = tx.row(sql, args![&mail.id, &staff.id]).await?;
    let (at, codes_left) =
        row.map_or((now, 0), |row| (row.get("created_at"), row.get("codes_left")));
    let origin = crate::store::main_origin(config);
    Ok(Some(StaffMail {
        to: staff.email.clone(),
        kind: mail.kind,
        name: staff.name.clone(),
        link,
        at,
        has_factor: found.factor.is_some(),
        codes_left,
        login: login_page(&origin, &staff.merchant_key),
        origin,
    }))
}

/// A mail with made-up facts, to look at: its link opens nothing.
pub fn sample(kind: Kind, config: &Config, merchant_key: &str, now: Micros) -> StaffMail {
    let origin = crate::store::main_origin(config);
    let link = |purpose: Purpose| Minted {
        url: format!("{origin}{}?token=made-up", purpose.path()),
        expires_at: now + purpose.life(config) * SECOND,
    };
    StaffMail {
        to: String::new(),
        kind,
        name: "Robin Sample".to_owned(),
        link: purpose(kind).map(link),
        at: now,
        has_factor: true,
        codes_left: 9,
        login: login_page(&origin, merchant_key),
        origin,
    }
}

/// Where staff of a merchant log in.
fn login_page(origin: &str, merchant_key: &str) -> String {
    format!("{origin}/oms/login?merchant={merchant_key}")
}

/// What the link in a mail of this kind is for; none for a notice.
fn purpose(kind: Kind) -> Option<Purpose> {
    match kind {
        Kind::StaffInvitation | Kind::StaffReset => Some(Purpose::Enrol),
        Kind::StaffRecovery => Some(Purpose::Reset),
        _ => None,
    }
}

/// What the templates read.
struct View<'a> {
    lang: &'static str,
    dir: &'static str,
    /// Stands where a store's name does in other mails.
    store_name: String,
    accent: String,
    accent_ink: String,
    name: String,
    link: &'a str,
    expires: String,
    at: String,
    has_factor: bool,
    event: Option<Event>,
    codes_left: i64,
    login: &'a str,
    forgot: String,
}

impl View<'_> {
    fn t(&self, key: &str) -> &'static str {
        Language::En.text(key)
    }

    fn t1(&self, key: &str, name: &str, value: impl std::fmt::Display) -> String {
        Language::En.format(key, &[(name, &value)])
    }
}

macro_rules! pair {
    ($text:ident = $text_path:literal, $html:ident = $html_path:literal) => {
        #[derive(Template)]
        #[template(path = $text_path)]
        struct $text<'a> {
            m: &'a View<'a>,
        }

        #[derive(Template)]
        #[template(path = $html_path)]
        struct $html<'a> {
            m: &'a View<'a>,
            subject: &'a str,
        }
    };
}

pair!(InvitationText = "mail/staff_invitation.txt", InvitationHtml = "mail/staff_invitation.html");
pair!(ResetText = "mail/staff_reset.txt", ResetHtml = "mail/staff_reset.html");
pair!(RecoveryText = "mail/staff_recovery.txt", RecoveryHtml = "mail/staff_recovery.html");
pair!(ChangedText = "mail/staff_changed.txt", ChangedHtml = "mail/staff_changed.html");
pair!(FactorText = "mail/staff_factor.txt", FactorHtml = "mail/staff_factor.html");

/// What happened to a second factor.
#[derive(Clone, Copy, Debug)]
enum Event {
    Added,
    Removed,
    CodesRenewed,
    CodeUsed,
}

impl Event {
    fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::StaffFactorAdded => Self::Added,
            Kind::StaffFactorRemoved => Self::Removed,
            Kind::StaffCodesRenewed => Self::CodesRenewed,
            Kind::StaffCodeUsed => Self::CodeUsed,
            _ => return None,
        })
    }
}

fn subject(kind: Kind) -> &'static str {
    match kind {
        Kind::StaffInvitation => "You are invited to the back office",
        Kind::StaffReset | Kind::StaffRecovery => "Choose a new staff password",
        Kind::StaffFactorAdded => "A second factor was set up",
        Kind::StaffFactorRemoved => "Your second factor was removed",
        Kind::StaffCodesRenewed => "Your recovery codes were replaced",
        Kind::StaffCodeUsed => "A recovery code was used",
        _ => "Your staff password was changed",
    }
}

/// Writes a mail to a member of staff out in words.
pub fn render(mail: &StaffMail, store: &Store) -> Rendered {
    let moment = |at| Language::En.moment(at, &TimeZone::UTC);
    let Frame { lang, dir, accent, accent_ink, .. } = Frame::new(store, Language::En);
    let subject = subject(mail.kind);
    let m = &View {
        lang,
        dir,
        store_name: Language::En.isolate(&store.merchant_name),
        accent,
        accent_ink,
        name: Language::En.isolate(&mail.name),
        link: mail.link.as_ref().map_or("", |link| &link.url),
        expires: moment(mail.link.as_ref().map_or(0, |link| link.expires_at)),
        at: moment(mail.at),
        has_factor: mail.has_factor,
        event: Event::of(mail.kind),
        codes_left: mail.codes_left,
        login: &mail.login,
        forgot: format!("{}/oms/forgot", mail.origin),
    };
    let (text, html) = match mail.kind {
        Kind::StaffInvitation => {
            (write(&InvitationText { m }), write(&InvitationHtml { m, subject }))
        }
        Kind::StaffReset => (write(&ResetText { m }), write(&ResetHtml { m, subject })),
        Kind::StaffRecovery => (write(&RecoveryText { m }), write(&RecoveryHtml { m, subject })),
        _ if m.event.is_some() => (write(&FactorText { m }), write(&FactorHtml { m, subject })),
        _ => (write(&ChangedText { m }), write(&ChangedHtml { m, subject })),
    };
    Rendered { subject: subject.into(), text, html }
}
