//! The password policy on pages: reasons in the customer's language, and the meter.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::customer::Customer;
use crate::password::policy::{self, Judgement, Reason};
use crate::password::{MAX_BYTES, Password};
use crate::recovery;
use crate::reminder;
use crate::secret::Token;
use crate::web::error::Failure;
use crate::web::extract::{Here, Name};
use crate::web::form::Form;

/// What the meter posts while somebody types.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    password: String,
}

#[derive(Serialize)]
struct Verdict {
    score: u8,
    accepted: bool,
    reasons: Vec<String>,
}

/// POST /password/check: what the policy would say. It is the policy itself that answers, not a
/// second one written in JavaScript. Nothing is stored.
pub async fn check(here: Here, Form(form): Form<Check>) -> Result<Response, Failure> {
    let customer = known(&here).await?;
    let judgement = judge(&here, &form.password, &own_words(customer.as_ref()));
    let (score, reasons) = match judgement {
        Ok((_, judgement)) => (judgement.score, judgement.reasons),
        Err(too_long) => (0, vec![too_long]),
    };
    let verdict = Verdict {
        score,
        accepted: reasons.is_empty(),
        reasons: reasons.iter().map(|reason| say(&here, *reason)).collect(),
    };
    Ok(Json(verdict).into_response())
}

/// Whose password is being typed: the owner of the link that was opened, or who is logged in.
async fn known(here: &Here) -> Result<Option<Customer>, Failure> {
    if let Some(token) = here.cookie(Name::Reset).and_then(|value| Token::parse(&value)) {
        let ticket = recovery::peek(&here.app.db, &here.store, &token, here.now).await?;
        return Ok(ticket.map(|ticket| ticket.customer));
    }
    Ok(here.session().await?.map(|session| session.customer))
}

/// Reads a new password and says why it is refused, if it is. The one way to a new password for
/// every page.
pub fn reasons(
    here: &Here,
    typed: &str,
    customer: Option<&Customer>,
) -> (Option<Password>, Vec<String>) {
    reasons_with(here, typed, &own_words(customer))
}

/// The same with the customer's own words given, where there is no record yet.
pub fn reasons_with(here: &Here, typed: &str, own: &[&str]) -> (Option<Password>, Vec<String>) {
    match judge(here, typed, own) {
        Ok((password, judgement)) => {
            let reasons = judgement.reasons.iter().map(|reason| say(here, *reason)).collect();
            (Some(password), reasons)
        }
        Err(too_long) => (None, vec![say(here, too_long)]),
    }
}

/// Whether it is a temporary password that staff sent to this customer lately: mailed, and known to
/// whoever read the mail, it must not become the customer's own. Costs one computation where there
/// is one to compare with.
pub async fn is_temporary(
    here: &Here,
    customer: &Customer,
    password: &Password,
) -> Result<bool, Failure> {
    let mut left = reminder::hashes(&here.app.db, &customer.id).await?;
    let salt = |hash: &str| hash.split('$').nth(4).unwrap_or_default().to_owned();
    while let Some(first) = left.first().map(|first| salt(first)) {
        let (same, others) = left.into_iter().partition(|hash| salt(hash) == first);
        let found = here.app.hasher.verify_among(password.clone(), None, same).await?;
        if found.1.is_some() {
            return Ok(true);
        }
        left = others;
    }
    Ok(false)
}

fn judge(here: &Here, typed: &str, own: &[&str]) -> Result<(Password, Judgement), Reason> {
    let password = Password::read(typed).map_err(|_| Reason::TooLong { max: MAX_BYTES })?;
    let judgement = policy::judge(&password, &here.store.words(), own)
        .asking(&password, here.store.password_min.unwrap_or_default());
    Ok((password, judgement))
}

fn own_words(customer: Option<&Customer>) -> Vec<&str> {
    customer.map(Customer::words).unwrap_or_default()
}

fn say(here: &Here, reason: Reason) -> String {
    match reason {
        Reason::TooShort { min } => here.language.format(reason.key(), &[("min", &min)]),
        Reason::TooLong { max } => here.language.format(reason.key(), &[("max", &max)]),
        _ => here.language.text(reason.key()).to_owned(),
    }
}
