//! Mails to staff: the invitation, a reset by a colleague, a forgotten password, and the notice that
//! a password was changed. In English, as the back office is; in the merchant's name, through the
//! sender of one of its stores.

use askama::Template;
use jiff::tz::TimeZone;

use super::{Frame, write};
use crate::args;
use crate::clock::Micros;
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
    /// When the password was changed, for the notice.
    at: Micros,
    has_factor: bool,
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
    let purpose = match mail.kind {
        Kind::StaffInvitation | Kind::StaffReset => Some(Purpose::Enrol),
        Kind::StaffRecovery => Some(Purpose::Reset),
        _ => None,
    };
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
    let sql = "SELECT set_at FROM staff_credential WHERE staff_id = $1";
    let at = tx.row(sql, args![&staff.id]).await?.map_or(now, |row| row.get("set_at"));
    Ok(Some(StaffMail {
        to: staff.email.clone(),
        kind: mail.kind,
        name: staff.name.clone(),
        link,
        at,
        has_factor: found.factor.is_some(),
        origin: crate::store::main_origin(config),
    }))
}

/// What the templates read.
struct View<'a> {
    lang: &'static str,
    dir: &'static str,
    /// Stands where a store's name does in other mails.
    store_name: &'a str,
    accent: String,
    accent_ink: String,
    name: &'a str,
    link: &'a str,
    expires: String,
    at: String,
    has_factor: bool,
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
        }
    };
}

pair!(InvitationText = "mail/staff_invitation.txt", InvitationHtml = "mail/staff_invitation.html");
pair!(ResetText = "mail/staff_reset.txt", ResetHtml = "mail/staff_reset.html");
pair!(RecoveryText = "mail/staff_recovery.txt", RecoveryHtml = "mail/staff_recovery.html");
pair!(ChangedText = "mail/staff_changed.txt", ChangedHtml = "mail/staff_changed.html");

/// Writes a mail to a member of staff out in words.
pub fn render(mail: &StaffMail, store: &Store) -> Rendered {
    let moment = |at| Language::En.moment(at, &TimeZone::UTC);
    let Frame { lang, dir, accent, accent_ink, .. } = Frame::new(store, Language::En);
    let m = &View {
        lang,
        dir,
        store_name: &store.merchant_name,
        accent,
        accent_ink,
        name: &mail.name,
        link: mail.link.as_ref().map_or("", |link| &link.url),
        expires: moment(mail.link.as_ref().map_or(0, |link| link.expires_at)),
        at: moment(mail.at),
        has_factor: mail.has_factor,
        forgot: format!("{}/oms/forgot", mail.origin),
    };
    let (subject, text, html) = match mail.kind {
        Kind::StaffInvitation => (
            "You are invited to the back office",
            write(&InvitationText { m }),
            write(&InvitationHtml { m }),
        ),
        Kind::StaffReset => {
            ("Choose a new staff password", write(&ResetText { m }), write(&ResetHtml { m }))
        }
        Kind::StaffRecovery => {
            ("Choose a new staff password", write(&RecoveryText { m }), write(&RecoveryHtml { m }))
        }
        _ => (
            "Your staff password was changed",
            write(&ChangedText { m }),
            write(&ChangedHtml { m }),
        ),
    };
    Rendered { subject: subject.into(), text, html }
}
