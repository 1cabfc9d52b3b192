//! `doorkey staff`: the people who work in the back office.

use serde_json::json;

use super::Failure;
use super::admin::{self, PasswordSource, note};
use crate::activity::Action;
use crate::address::EmailAddress;
use crate::app::Keys;
use crate::args;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, Row};
use crate::locale::Language;
use crate::staff::link::{self, Minted, Purpose};
use crate::staff::{self, Role, access, team};

/// What to do with staff.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Staff {
    /// Add a member of staff; without --password-stdin an enrolment link is shown, once.
    Add(Add),
    /// List the staff of one merchant, or of all.
    List {
        /// Key of the merchant.
        #[arg(value_parser = admin::key)]
        merchant: Option<String>,
        /// Write JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a member's password and sessions, and show a link to choose a new password, once.
    Reset {
        /// Address to log in with.
        #[arg(value_parser = admin::email)]
        email: EmailAddress,
        /// Key of the merchant, where staff of several have this address.
        #[arg(long, value_parser = admin::key)]
        merchant: Option<String>,
        /// The second factor is lost too: remove it and its recovery codes.
        #[arg(long)]
        remove_factor: bool,
    },
}

/// `doorkey staff add`
#[derive(clap::Args, Clone, Debug)]
pub struct Add {
    /// Key of the merchant.
    #[arg(value_parser = admin::key)]
    merchant: String,
    /// Address to log in with.
    #[arg(value_parser = admin::email)]
    email: EmailAddress,
    /// Name, as colleagues read it.
    #[arg(value_parser = admin::name)]
    name: String,
    /// What the person may do.
    #[arg(long)]
    role: Role,
    /// Read the password from standard input, one line.
    #[arg(long)]
    password_stdin: bool,
}

/// Runs `doorkey staff …`.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub async fn run(command: Staff, config: &Config) -> Result<(), Failure> {
    let db = admin::open(config).await?;
    let done = match command {
        Staff::Add(new) => add(&db, config, &new).await,
        Staff::List { merchant, json } => list(&db, merchant.as_deref(), json).await,
        Staff::Reset { email, merchant, remove_factor } => {
            let of = (&email, merchant.as_deref());
            reset(&db, config, of, remove_factor).await
        }
    };
    db.close().await;
    done
}

async fn add(db: &Db, config: &Config, new: &Add) -> Result<(), Failure> {
    let merchant = admin::merchant(db, &new.merchant).await?;
    let (email, role, now) = (&new.email, new.role, Clock::System.now());
    let hash = if new.password_stdin {
        let local = email.key().split('@').next().unwrap_or_default();
        let own = [email.key(), local, &new.name];
        let words = [merchant.name.as_str(), &merchant.key];
        Some(admin::new_password(PasswordSource::Stdin, &words, &own).await?.hash)
    } else {
        None
    };
    let keys = Keys::derive(&super::secret(config, true)?);
    let mut tx = db.begin().await?;
    let added =
        staff::add(&mut tx, &merchant.id, email, &new.name, role, hash.as_deref(), now).await;
    let id = match added {
        Err(error) if admin::collision(&error).is_some() => {
            let email = email.as_str();
            return Err(format!(
                "{email} is the address of another member of this staff; choose another"
            )
            .into());
        }
        other => other?,
    };
    let link = match hash {
        Some(_) => None,
        None => Some(link::mint(&mut tx, config, Purpose::Enrol, (&id, email.key()), now).await?),
    };
    let detail = json!({ "staff": id, "name": new.name, "role": role.as_str() });
    note(&mut tx, &keys, &merchant.id, Action::StaffInvited, detail, now).await?;
    tx.commit().await?;
    let done =
        format!("{} added to merchant {} as {}", email.as_str(), merchant.key, role.as_str());
    admin::say(&done)?;
    say_link(link.as_ref())
}

async fn reset(
    db: &Db,
    config: &Config,
    (email, merchant): (&EmailAddress, Option<&str>),
    without_factor: bool,
) -> Result<(), Failure> {
    let merchants = access::merchants_of(db, email.key()).await?;
    if merchant.is_none() && merchants.len() > 1 {
        let (email, all) = (email.as_str(), merchants.join(", "));
        return Err(format!("{email} works for {all}: name one with --merchant").into());
    }
    let found = access::by_address(db, email.key(), merchant.unwrap_or_default()).await?;
    let staff = found.map(|found| found.staff).ok_or_else(|| {
        let hint = "look at `doorkey staff list`";
        Failure(format!("there is no member of staff with the address {}: {hint}", email.as_str()))
    })?;
    let keys = Keys::derive(&super::secret(config, true)?);
    let now = Clock::System.now();
    let mut tx = db.begin().await?;
    if team::reset(&mut tx, config, &staff, without_factor, now).await?.is_none() {
        let hint = "an administrator can enable them in the back office";
        return Err(format!("{} is disabled: {hint}", email.as_str()).into());
    }
    let of = (&*staff.id, &*staff.email_key);
    let link = link::mint(&mut tx, config, Purpose::Enrol, of, now).await?;
    let detail = json!({ "staff": staff.id, "name": staff.name, "factor": without_factor });
    note(&mut tx, &keys, &staff.merchant_id, Action::StaffReset, detail, now).await?;
    tx.commit().await?;
    admin::say(&format!("{} is logged out; the old password has ended", email.as_str()))?;
    say_link(Some(&link))
}

/// Shows a link, this once: only its digest is kept.
fn say_link(link: Option<&Minted>) -> Result<(), Failure> {
    let Some(link) = link else { return Ok(()) };
    let until = Language::En.moment(link.expires_at, &jiff::tz::TimeZone::UTC);
    admin::say(&format!("link to choose a password, shown only now, good once until {until}:"))?;
    admin::say(&link.url)
}

async fn list(db: &Db, merchant: Option<&str>, json: bool) -> Result<(), Failure> {
    let merchant = match merchant {
        Some(key) => Some(admin::merchant(db, key).await?),
        None => None,
    };
    let rows = db
        .rows(
            "SELECT m.key AS merchant, s.email, s.name, s.role, s.disabled_at, p.set_at
             FROM staff s JOIN merchant m ON m.id = s.merchant_id
             LEFT JOIN staff_credential p ON p.staff_id = s.id
             WHERE $1 = '' OR m.id = $1 ORDER BY m.key, s.email_key",
            args![merchant.map(|m| m.id).unwrap_or_default()],
        )
        .await?;
    let is = |row: &Row, column: &str| row.get::<Option<i64>>(column).is_some();
    let status = |row: &Row| match (is(row, "disabled_at"), is(row, "set_at")) {
        (true, _) => "disabled",
        (false, true) => "active",
        (false, false) => "invited",
    };
    if json {
        let object = |row: &Row| {
            json!({
                "merchant": row.get::<String>("merchant"),
                "email": row.get::<String>("email"),
                "name": row.get::<String>("name"),
                "role": row.get::<String>("role"),
                "status": status(row),
            })
        };
        return admin::say_json(&rows.iter().map(object).collect::<Vec<_>>());
    }
    let line = |row: &Row| {
        let [merchant, email, name, role] =
            ["merchant", "email", "name", "role"].map(|column| row.get::<String>(column));
        [email, name, role, merchant, status(row).to_owned()]
    };
    let head = ["email", "name", "role", "merchant", "status"];
    admin::say(&admin::table(head, &rows.iter().map(line).collect::<Vec<_>>()))
}
