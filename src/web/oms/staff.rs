//! Staff of the merchant: the list, and what administrators do there. Nobody sees or sets another's
//! password: whoever is to choose one gets a link by mail.

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::desk::Desk;
use super::frame::{Frame, Section, moment};
use crate::activity::{self, Act, Action, Actor};
use crate::address::EmailAddress;
use crate::db;
use crate::mail::outbox::Kind;
use crate::staff::team::{self, Colleague, Refused};
use crate::staff::{Role, Staff, access};
use crate::store::read_name;
use crate::web::error::Failure;
use crate::web::extract::see_other;
use crate::web::form::Form;
use crate::web::page::html;

#[derive(Template)]
#[template(path = "oms/staff.html")]
struct StaffPage {
    frame: Frame,
    own_id: String,
    colleagues: Vec<Line>,
    roles: [(&'static str, &'static str); 3],
    done: Option<&'static str>,
    error: Option<&'static str>,
    invite: InviteForm,
}

/// A colleague with words for the table.
struct Line {
    of: Colleague,
    role: &'static str,
    status: (&'static str, &'static str),
    seen: String,
}

/// The invitation as it was typed, with what is wrong with it.
#[derive(Default)]
struct InviteForm {
    name: String,
    email: String,
    role: String,
    name_error: Option<&'static str>,
    email_error: Option<&'static str>,
    role_error: Option<&'static str>,
}

const ROLES: [(&str, &str); 3] = [
    ("administrator", "Administrator: everything, staff and settings included"),
    ("agent", "Agent: may change customers and send reminders"),
    ("viewer", "Viewer: reads only"),
];

async fn page(desk: &Desk) -> Result<StaffPage, Failure> {
    let line = |of: Colleague| Line {
        role: of.role.as_str(),
        status: match (of.disabled, of.enrolled) {
            (true, _) => ("bad", "Disabled"),
            (false, false) => ("warn", "Invited"),
            (false, true) => ("good", "Active"),
        },
        seen: of.seen_at.map_or_else(|| "never".to_owned(), moment),
        of,
    };
    let listed = team::list(&desk.app.db, desk.merchant_id()).await?;
    Ok(StaffPage {
        frame: Frame::new(desk, Section::Staff),
        own_id: desk.staff().id.clone(),
        colleagues: listed.into_iter().map(line).collect(),
        roles: ROLES,
        done: None,
        error: None,
        invite: InviteForm { role: Role::Agent.as_str().into(), ..InviteForm::default() },
    })
}

/// What just happened, by name.
#[derive(Debug, Default, Deserialize)]
pub struct Done {
    #[serde(default)]
    done: String,
}

/// GET /oms/staff: everybody sees who works here; administrators see more to do.
pub async fn list(desk: Desk, Query(Done { done }): Query<Done>) -> Result<Response, Failure> {
    let done = match done.as_str() {
        "invited" => Some("The invitation is on its way. It can be taken up once."),
        "role" => Some("The role is changed. The person has to log in again."),
        "disabled" => Some("Disabled: the person is logged out and cannot log in any more."),
        "enabled" => Some("Enabled: the person can log in again, with the password from before."),
        "reset" => Some("Reset: a link to choose a new password is on its way to the person."),
        _ => None,
    };
    Ok(html(&StaffPage { done, ..page(&desk).await? }))
}

/// The page with the reason of a refusal, 422.
async fn refuse(desk: &Desk, error: &'static str) -> Result<Response, Failure> {
    let page = StaffPage { error: Some(error), ..page(desk).await? };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response())
}

fn why(refused: Refused) -> &'static str {
    match refused {
        Refused::LastAdministrator => {
            "Not done: nobody else could manage staff then. Make another active member of staff an \
             administrator first."
        }
        Refused::Taken => "A colleague has this address already.",
        Refused::NoStore => {
            "Not done: invitations are mailed in the name of a store, and there is none yet. Add a \
             store first."
        }
    }
}

/// Whether it could be an id: not everything else can be asked of a database.
fn is_id(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The colleague with this id. Any other id is not found, and asking for another merchant's is
/// an alert.
async fn colleague(desk: &Desk, id: &str) -> Result<Staff, Failure> {
    if !is_id(id) {
        return Err(Failure::NotFound);
    }
    if let Some(found) = access::by_id(&desk.app.db, desk.merchant_id(), id).await? {
        return Ok(found.staff);
    }
    let sql = "SELECT id FROM staff WHERE id = $1";
    if desk.app.db.row(sql, crate::args![id]).await?.is_some() {
        let act = Act {
            merchant_id: desk.merchant_id(),
            actor: Actor::Staff(desk.staff()),
            action: Action::ForeignId,
            customer_id: None,
            store_id: None,
            source: &desk.source,
            alert: true,
            detail: json!({ "asked_for": id }),
        };
        let mut tx = desk.app.db.begin().await?;
        activity::write(&mut tx, &desk.app.keys.activity, &act, desk.now).await?;
        tx.commit().await?;
    }
    Err(Failure::NotFound)
}

/// What the invitation posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    #[serde(default)]
    form_secret: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
}

/// POST /oms/staff: adds a colleague without a password, and mails the link to choose one.
pub async fn invite(desk: Desk, Form(form): Form<Invite>) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let (name, email) = (read_name(form.name.trim()), EmailAddress::parse(&form.email));
    let role = Role::parse(&form.role);
    let (Some(name), Some(email), Some(role)) = (&name, &email, role) else {
        let errors = InviteForm {
            name_error: name.is_none().then_some("Please enter a name, up to 80 characters."),
            email_error: email
                .is_none()
                .then_some("Please enter one address, like robin@example.com."),
            role_error: role.is_none().then_some("Please choose a role."),
            ..InviteForm::default()
        };
        return again(&desk, &form, errors).await;
    };
    let (config, merchant, now) = (&desk.app.config, desk.merchant_id(), desk.now);
    let mut tx = desk.app.db.begin().await?;
    let invited = team::invite(&mut tx, config, merchant, email, name, role, now).await;
    // Two administrators at the same moment: one of them has the address.
    let invited = match invited {
        Err(error) if db::is_taken(&error) => Err(Refused::Taken),
        other => other?,
    };
    let id = match invited {
        Ok(id) => id,
        Err(refused) => {
            drop(tx);
            let errors = InviteForm { email_error: Some(why(refused)), ..InviteForm::default() };
            return again(&desk, &form, errors).await;
        }
    };
    let detail = json!({ "staff": id, "name": name, "role": role.as_str() });
    desk.note(&mut tx, Action::StaffInvited, None, None, detail).await?;
    tx.commit().await?;
    desk.app.wake.notify_one();
    Ok(see_other("/oms/staff?done=invited", []))
}

/// The page with what was typed and what is wrong with it, 422.
async fn again(desk: &Desk, form: &Invite, errors: InviteForm) -> Result<Response, Failure> {
    let cut = |text: &str| text.chars().take(254).collect();
    let invite = InviteForm {
        name: cut(&form.name),
        email: cut(&form.email),
        role: cut(&form.role),
        ..errors
    };
    let page = StaffPage { invite, ..page(desk).await? };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response())
}

/// What the form of the role posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRole {
    #[serde(default)]
    form_secret: String,
    #[serde(default)]
    role: String,
}

/// POST /oms/staff/{staff}/role
pub async fn set_role(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<SetRole>,
) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let staff = colleague(&desk, &id).await?;
    let Some(role) = Role::parse(&form.role) else {
        return refuse(&desk, "Please choose a role.").await;
    };
    if role == staff.role {
        return Ok(see_other("/oms/staff", []));
    }
    let mut tx = desk.app.db.begin().await?;
    if let Err(refused) = team::set_role(&mut tx, &staff, role, desk.now).await? {
        drop(tx);
        return refuse(&desk, why(refused)).await;
    }
    let detail = json!({ "staff": &staff.id, "name": &staff.name, "from": staff.role.as_str(),
        "to": role.as_str() });
    desk.note(&mut tx, Action::StaffRoleChanged, None, None, detail).await?;
    tx.commit().await?;
    Ok(see_other("/oms/staff?done=role", []))
}

/// What a button alone posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Press {
    #[serde(default)]
    form_secret: String,
}

/// POST /oms/staff/{staff}/disable
pub async fn disable(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<Press>,
) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let staff = colleague(&desk, &id).await?;
    let mut tx = desk.app.db.begin().await?;
    if let Err(refused) = team::disable(&mut tx, &staff, desk.now).await? {
        drop(tx);
        return refuse(&desk, why(refused)).await;
    }
    let detail = json!({ "staff": &staff.id, "name": &staff.name });
    desk.note(&mut tx, Action::StaffDisabled, None, None, detail).await?;
    tx.commit().await?;
    Ok(see_other("/oms/staff?done=disabled", []))
}

/// POST /oms/staff/{staff}/enable
pub async fn enable(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<Press>,
) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let staff = colleague(&desk, &id).await?;
    let mut tx = desk.app.db.begin().await?;
    team::enable(&mut tx, &staff).await?;
    let detail = json!({ "staff": &staff.id, "name": &staff.name });
    desk.note(&mut tx, Action::StaffEnabled, None, None, detail).await?;
    tx.commit().await?;
    Ok(see_other("/oms/staff?done=enabled", []))
}

/// What the form of a reset posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    #[serde(default)]
    form_secret: String,
    /// `1`: the second factor is lost too.
    #[serde(default)]
    remove_factor: String,
}

/// POST /oms/staff/{staff}/reset: the colleague is logged out, the password does not work any more,
/// and a link to choose a new one is mailed.
pub async fn reset(
    desk: Desk,
    Path(id): Path<String>,
    Form(form): Form<Reset>,
) -> Result<Response, Failure> {
    desk.check(Role::Administrator, &form.form_secret)?;
    let staff = colleague(&desk, &id).await?;
    if staff.id == desk.staff().id {
        return refuse(&desk, "Not done: change your own password on your account.").await;
    }
    let (without_factor, now) = (form.remove_factor == "1", desk.now);
    let mut tx = desk.app.db.begin().await?;
    let Some(held) = team::reset(&mut tx, &desk.app.config, &staff, without_factor, now).await?
    else {
        drop(tx);
        return refuse(&desk, "Not done: this person is disabled. Enable them first.").await;
    };
    let kind = if held.password_hash.is_some() { Kind::StaffReset } else { Kind::StaffInvitation };
    if !access::notify(&mut tx, &desk.app.config, kind, &staff, now).await? {
        drop(tx);
        return refuse(&desk, why(Refused::NoStore)).await;
    }
    let detail = json!({ "staff": &staff.id, "name": &staff.name, "factor": without_factor });
    desk.note(&mut tx, Action::StaffReset, None, None, detail).await?;
    tx.commit().await?;
    desk.app.wake.notify_one();
    Ok(see_other("/oms/staff?done=reset", []))
}
