//! The probe: for stores that switched it on, a practice customer goes through a whole recovery every
//! few minutes: asks, gets the mail over the real way, opens the link, chooses a password. What fails
//! or is slow is seen before a customer sees it.
//!
//! The mail comes home to our own listener, in whatever process that is; the row of the store says
//! how far the run has come. The customer is nobody's: in no search, no number, no list of mails; its
//! traces go with the next run.

use serde::{Deserialize, Serialize};

use crate::activity::{self, Act, Action, Actor};
use crate::address::EmailAddress;
use crate::args;
use crate::clock::{MINUTE, Micros, SECOND};
use crate::config::Config;
use crate::customer::{self, NewCustomer};
use crate::db::{self, Db, Result, Row, Tx};
use crate::mail::inbound::Homeless;
use crate::mail::parse::parse;
use crate::password::seal::NewPassword;
use crate::password::{Password, PasswordHasher};
use crate::recovery;
use crate::secret::{Key, Token};
use crate::session::Browser;
use crate::store::{Store, Stores};

/// What a run took, in milliseconds from when it was asked for; or where it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// The mail was home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<i64>,
    /// The link was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<i64>,
    /// The password was changed and the customer logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<i64>,
    /// Why it went no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The probe of a store.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Which store.
    pub store_id: String,
    /// Whose.
    pub merchant_id: String,
    /// Who practises.
    pub customer_id: String,
    /// When the last run was asked for.
    pub asked_at: Option<Micros>,
    /// When it ended; none while it is under way.
    pub ended_at: Option<Micros>,
    /// What it took.
    pub steps: Steps,
    /// Since when it fails.
    pub failed_at: Option<Micros>,
}

fn read(row: &Row) -> Probe {
    Probe {
        store_id: row.get("store_id"),
        merchant_id: row.get("merchant_id"),
        customer_id: row.get("customer_id"),
        asked_at: row.get("asked_at"),
        ended_at: row.get("ended_at"),
        steps: serde_json::from_str(&row.get::<String>("steps")).unwrap_or_default(),
        failed_at: row.get("failed_at"),
    }
}

/// Reads probes: the columns of [`read`] and what follows.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT store_id, merchant_id, customer_id, asked_at, ended_at, steps, failed_at
             FROM probe ",
            $rest
        )
    };
}

/// The probes of a merchant's stores.
///
/// # Errors
/// What the database says.
pub async fn of_merchant(db: &Db, merchant_id: &str) -> Result<Vec<Probe>> {
    let sql = select!("WHERE merchant_id = $1 ORDER BY store_id");
    Ok(db.rows(sql, args![merchant_id]).await?.iter().map(read).collect())
}

/// Switches the probe of a store on: its customer is made. `home` is where mail comes home to. On
/// already, it stays so.
///
/// # Errors
/// What the database says.
pub async fn switch_on(tx: &mut Tx, store: &Store, home: &EmailAddress, now: Micros) -> Result<()> {
    let sql = "SELECT store_id FROM probe WHERE store_id = $1";
    if tx.row(sql, args![&store.id]).await?.is_some() {
        return Ok(());
    }
    let number = format!("PROBE-{}", crate::reference());
    let new = NewCustomer {
        number: Some(&number),
        email: home,
        first_name: "Probe",
        last_name: "Probe",
        company: "",
        phone: "",
        language: None,
        home_store_id: &store.id,
        password_hash: None,
    };
    let customer = match known(tx, store, home).await? {
        Some(known) => known,
        None => customer::add(tx, &store.merchant_id, &new, now).await?,
    };
    tx.exec("UPDATE customer SET probe_at = $1 WHERE id = $2", args![now, &customer]).await?;
    tx.exec(
        "INSERT INTO probe (store_id, merchant_id, customer_id, since_at, steps)
         VALUES ($1, $2, $3, $4, '{}')",
        args![&store.id, &store.merchant_id, &customer, now],
    )
    .await?;
    Ok(())
}

/// The customer of an earlier probe of this store: its address is made of the store's id alone.
async fn known(tx: &mut Tx, store: &Store, home: &EmailAddress) -> Result<Option<String>> {
    let sql = "SELECT id FROM customer
               WHERE merchant_id = $1 AND email_key = $2 AND probe_at IS NOT NULL";
    let row = tx.row(sql, args![&store.merchant_id, home.key()]).await?;
    Ok(row.map(|row| row.get("id")))
}

/// Switches the probe of a store off. The customer stays, unseen, for when it is switched on again.
///
/// # Errors
/// What the database says.
pub async fn switch_off(tx: &mut Tx, store: &Store, now: Micros) -> Result<()> {
    let sql = "DELETE FROM probe WHERE store_id = $1 AND merchant_id = $2 RETURNING customer_id";
    let rows = tx.rows(sql, args![&store.id, &store.merchant_id]).await?;
    for row in &rows {
        tidy(tx, &row.get::<String>("customer_id"), now).await?;
    }
    Ok(())
}

/// Takes away what a run leaves behind, so that nothing of it is counted or in the way of the next.
async fn tidy(tx: &mut Tx, customer_id: &str, now: Micros) -> Result<()> {
    customer::end_access(tx, customer_id, now).await?;
    let sql = "UPDATE customer SET blocked_at = NULL, frozen_at = NULL, hold_until = NULL
               WHERE id = $1 AND probe_at IS NOT NULL";
    tx.exec(sql, args![customer_id]).await?;
    for sql in [
        "DELETE FROM outbox WHERE customer_id = $1",
        "DELETE FROM token WHERE customer_id = $1",
        "DELETE FROM timeline WHERE customer_id = $1",
    ] {
        tx.exec(sql, args![customer_id]).await?;
    }
    Ok(())
}

/// Where mail about the row `id` comes home to, in a store's name, or why it cannot. A probe's row is
/// named by its store.
pub type HomeOf<'a> =
    &'a (dyn Fn(&Store, &str) -> std::result::Result<EmailAddress, Homeless> + Sync);

/// What the probe works with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Settings.
    pub config: &'a Config,
    /// The database.
    pub db: &'a Db,
    /// The stores.
    pub stores: &'a Stores,
    /// Seals typed addresses.
    pub addresses: &'a Key,
    /// Ties the activity's chains.
    pub activity: &'a Key,
}

/// Starts the runs that are due, and ends those whose mail did not come home in time. Gives the
/// number of runs started. Any number of processes may do so at once.
///
/// # Errors
/// What the database says.
pub async fn round(tools: &Tools<'_>, home: HomeOf<'_>, now: Micros) -> Result<usize> {
    let config = &tools.config.probe;
    if config.every == 0 {
        return Ok(0);
    }
    let mut started = 0;
    for probe in tools.db.rows(select!(""), args![]).await?.iter().map(read) {
        let under_way = probe.asked_at.filter(|_| probe.ended_at.is_none());
        if let Some(asked_at) = under_way {
            if now - asked_at > config.give_up * SECOND {
                lost(tools, &probe, now).await?;
            }
        } else if probe.asked_at.is_none_or(|at| now - at >= config.every * MINUTE) {
            started += usize::from(start(tools, home, &probe, now).await?);
        }
    }
    Ok(started)
}

/// False when another process was faster, the store is gone, or its mail cannot come home, which is
/// a failed run.
async fn start(tools: &Tools<'_>, home: HomeOf<'_>, probe: &Probe, now: Micros) -> Result<bool> {
    let Some(store) = tools.stores.by_id(&probe.store_id) else { return Ok(false) };
    let mut tx = tools.db.begin().await?;
    let sql = "UPDATE probe SET asked_at = $1, ended_at = NULL, steps = '{}'
               WHERE store_id = $2 AND (asked_at IS NULL OR asked_at = $3)";
    if tx.exec(sql, args![now, &store.id, probe.asked_at]).await? == 0 {
        return Ok(false);
    }
    let home = match home(&store, &store.id) {
        Ok(home) => home,
        Err(why) => {
            tx.commit().await?;
            let steps = Steps { trouble: Some(why.advice()), ..Steps::default() };
            end(tools, &Probe { asked_at: Some(now), ..probe.clone() }, &steps, true, now).await?;
            return Ok(false);
        }
    };
    tidy(&mut tx, &probe.customer_id, now).await?;
    follow(&mut tx, &store, &home, now).await?;
    let (config, customer) = (tools.config, &probe.customer_id);
    let asked =
        recovery::ask_for_probe(&mut tx, config, tools.addresses, &store, customer, now).await?;
    let sql = "UPDATE probe SET recovery_id = $1 WHERE store_id = $2";
    tx.exec(sql, args![asked, &store.id]).await?;
    tx.commit().await?;
    Ok(true)
}

/// The mail did not come home: says how far it got.
async fn lost(tools: &Tools<'_>, probe: &Probe, now: Micros) -> Result<()> {
    let sql = "SELECT o.outcome, o.reply FROM outbox o JOIN probe p ON p.recovery_id = o.subject_id
               WHERE p.store_id = $1 AND o.kind = 'recovery'";
    let row = tools.db.row(sql, args![&probe.store_id]).await?;
    let (outcome, reply) = row.map_or((None, None), |row| {
        (row.get::<Option<String>>("outcome"), row.get::<Option<String>>("reply"))
    });
    let reply: String = reply.unwrap_or_default().chars().take(3).collect();
    let trouble = match outcome.as_deref() {
        Some("sent") => "the mail server took the mail, but it did not come home".to_owned(),
        Some(_) => format!("the mail was not delivered ({reply})"),
        None if reply.is_empty() => "the mail did not leave the queue".to_owned(),
        None => format!("the mail server puts the mail off ({reply})"),
    };
    let steps = Steps { trouble: Some(trouble), ..Steps::default() };
    end(tools, probe, &steps, true, now).await
}

/// Notes how a run ended; what begins to fail is an alert.
async fn end(
    tools: &Tools<'_>,
    probe: &Probe,
    steps: &Steps,
    failed: bool,
    now: Micros,
) -> Result<()> {
    let mut tx = tools.db.begin().await?;
    let sql = "UPDATE probe SET ended_at = $1, steps = $2,
                  failed_at = CASE WHEN $3 = 1 THEN COALESCE(failed_at, $1) END
               WHERE store_id = $4 AND asked_at = $5 AND ended_at IS NULL";
    let text = serde_json::to_string(steps).unwrap_or_default();
    let values = args![now, text, i64::from(failed), &probe.store_id, probe.asked_at];
    if tx.exec(sql, values).await? == 0 {
        return Ok(());
    }
    if failed && probe.failed_at.is_none() {
        let act = Act {
            merchant_id: &probe.merchant_id,
            actor: Actor::Doorkey,
            action: Action::ProbeFailed,
            customer_id: None,
            store_id: Some(&probe.store_id),
            source: "",
            alert: true,
            detail: serde_json::json!({ "trouble": steps.trouble }),
        };
        activity::write(&mut tx, tools.activity, &act, now).await?;
    }
    tx.commit().await?;
    let store = tools.stores.by_id(&probe.store_id).map_or(String::new(), |s| s.key.clone());
    metrics::gauge!("doorkey_probe_ok", "store" => store.clone()).set(f64::from(u8::from(!failed)));
    if let Some(took) = steps.finished {
        metrics::gauge!("doorkey_probe_seconds", "store" => store).set(took as f64 / 1000.0);
    }
    Ok(())
}

/// A mail of a probe came to our own listener: opens its link and goes through to the end. False when
/// no run waits for it, or it is another mail, such as the notice that follows.
///
/// # Errors
/// What the database says; then the mail is to be handed over again.
pub async fn came_home(
    tools: &Tools<'_>,
    (hasher, carts): (&PasswordHasher, &Key),
    store_id: &str,
    raw: &[u8],
    now: Micros,
) -> Result<bool> {
    let sql = select!("WHERE store_id = $1 AND asked_at IS NOT NULL AND ended_at IS NULL");
    let Some(probe) = tools.db.row(sql, args![store_id]).await?.as_ref().map(read) else {
        return Ok(false);
    };
    let Some(store) = tools.stores.by_id(store_id) else { return Ok(false) };
    let Some(link) = link(&store, raw) else { return Ok(false) };
    let since = |at: Micros| (at - probe.asked_at.unwrap_or(at)) / 1000;
    let started = tokio::time::Instant::now();
    let spent = || now + i64::try_from(started.elapsed().as_micros()).unwrap_or(0);
    let mut steps = Steps { home: Some(since(now)), ..Steps::default() };
    match recovery::peek(tools.db, &store, &link, now).await? {
        Some(ticket) if ticket.customer.id == probe.customer_id => {}
        _ => {
            steps.trouble = Some("the link in the mail is not good".into());
            end(tools, &probe, &steps, true, now).await?;
            return Ok(true);
        }
    }
    steps.opened = Some(since(spent()));
    steps.trouble = finish(tools, (hasher, carts), &store, &link, now).await?;
    let failed = steps.trouble.is_some();
    if !failed {
        steps.finished = Some(since(spent()));
    }
    let slow = now - probe.asked_at.unwrap_or(now) > tools.config.probe.slow * SECOND;
    if slow && !failed {
        steps.trouble = Some(format!("the mail took {} seconds", since(now) / 1000));
    }
    end(tools, &probe, &steps, failed || slow, now).await?;
    let mut tx = tools.db.begin().await?;
    tidy(&mut tx, &probe.customer_id, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Sets a password that nobody knows, as the page does; says what went wrong, if anything.
async fn finish(
    tools: &Tools<'_>,
    (hasher, carts): (&PasswordHasher, &Key),
    store: &Store,
    link: &Token,
    now: Micros,
) -> Result<Option<String>> {
    let Ok(password) = Password::read(&Token::new().reveal()) else {
        return Ok(Some("no password could be made".into()));
    };
    let Ok(hash) = hasher.hash(password.clone()).await else {
        return Ok(Some("too many passwords are being hashed".into()));
    };
    let new = NewPassword::new(hash, password, None);
    let browser = Browser { device: "Probe", replaces: None };
    let config = tools.config;
    let done = recovery::finish(tools.db, config, carts, store, link, &new, &browser, now).await?;
    Ok(done.is_none().then(|| "the password could not be set".to_owned()))
}

/// The recovery link of this store in a mail's plain text, where it stands on a line of its own.
fn link(store: &Store, raw: &[u8]) -> Option<Token> {
    let message = parse(raw)?;
    let text = message.body_text(0)?;
    let wanted = format!("{}?token=", store.url("/reset"));
    text.lines().find_map(|line| Token::parse(line.trim().strip_prefix(&wanted)?))
}

/// Keeps the customer's address where mail comes home to, after the store's sender was changed.
///
/// # Errors
/// What the database says.
pub async fn follow(tx: &mut Tx, store: &Store, home: &EmailAddress, now: Micros) -> Result<()> {
    let sql = "SELECT customer_id FROM probe WHERE store_id = $1";
    let Some(row) = tx.row(sql, args![&store.id]).await? else { return Ok(()) };
    let id: String = row.get("customer_id");
    let Some(customer) = customer::by_id(tx, &store.merchant_id, &id).await? else { return Ok(()) };
    if customer.email_key == home.key() {
        return Ok(());
    }
    match customer::set_address(tx, &customer, home, now).await {
        Err(error) if db::is_taken(&error) => Ok(()),
        done => done,
    }
}
