//! The mails themselves: those that wait, and page by page those that have ended.

use super::filter::{Cursor, Filter};
use crate::address::mask;
use crate::args;
use crate::clock::{DAY, Micros};
use crate::db::{Db, Result, Row};
use crate::mail::outbox::{End, Kind, State};
use crate::web::oms::frame::{short_moment, time_of_day};

/// Mails on a page.
const PAGE: usize = 50;

/// A mail, as the page shows it.
pub(super) struct Mail {
    pub id: String,
    pub at: String,
    pub iso: String,
    pub kind: String,
    pub store: String,
    pub customer_id: Option<String>,
    pub customer: String,
    /// Masked; none where there is no customer (yet): then the domain alone.
    pub recipient: String,
    pub badge: &'static str,
    pub words: &'static str,
    /// What comes next, or came of it.
    pub then: String,
    pub reply: String,
    pub can_retry: bool,
    pub can_cancel: bool,
}

/// What a page lists.
#[derive(Default)]
pub(super) struct Listed {
    pub waiting: Vec<Mail>,
    pub ended: Vec<Mail>,
    pub older: Option<Cursor>,
}

/// Ended mails, newest first, found in an index alone; what else is shown of them is looked up for
/// one page. The scope is the merchant, written so that the index for the rarest thing asked for is
/// the one that fits (see migration 0014).
macro_rules! ended {
    ($scope:literal) => {
        concat!(
            "SELECT o.id, o.kind, o.settled_at AS at, o.due_at, o.outcome, o.leased_until, o.reply,
                o.customer_id, o.domain, o.retried_as, s.name AS store, c.last_name, c.email
             FROM (
                SELECT id, settled_at FROM outbox
                WHERE ",
            $scope,
            "       AND settled_at IS NOT NULL AND settled_at <= $2
                    AND (settled_at < $2 OR id < $3) AND settled_at >= $4
                    AND (($5 = '' AND outcome NOT IN ('absorbed', 'nobody')) OR outcome = $5)
                    AND ($6 = '' OR kind = $6) AND ($7 = '' OR store_id = $7)
                    AND ($8 = '' OR domain = $8)
                ORDER BY settled_at DESC, id DESC LIMIT $9
             ) AS found JOIN outbox o ON o.id = found.id
             JOIN store s ON s.id = o.store_id
             LEFT JOIN customer c ON c.id = o.customer_id AND c.merchant_id = o.merchant_id
             WHERE c.practice_at IS NULL
             ORDER BY found.settled_at DESC, found.id DESC"
        )
    };
}

/// Waiting mails, those that are due next first.
const WAITING: &str = "SELECT o.id, o.kind, o.created_at AS at, o.due_at, o.outcome,
        o.leased_until, o.reply, o.customer_id, o.domain, o.retried_as, s.name AS store,
        c.last_name, c.email
     FROM outbox o JOIN store s ON s.id = o.store_id
     LEFT JOIN customer c ON c.id = o.customer_id AND c.merchant_id = o.merchant_id
     WHERE o.merchant_id = $1 AND o.settled_at IS NULL AND c.practice_at IS NULL
        AND o.created_at >= $2 AND o.created_at < $3
        AND ($4 = '' OR o.kind = $4) AND ($5 = '' OR o.store_id = $5)
        AND ($6 = '' OR o.domain = $6) AND ($7 = '' OR o.customer_id = $7)
        AND ($8 = '' OR $8 = CASE WHEN o.leased_until > $9 THEN 'leased'
            WHEN o.reply IS NOT NULL THEN 'deferred' ELSE 'queued' END)
        AND (o.due_at > $10 OR (o.due_at = $10 AND o.id > $11))
     ORDER BY o.due_at, o.id LIMIT $12";

/// A page of mails: of those that have ended, and before the first page those that wait; or only of
/// the latter, where that is asked for.
pub(super) async fn list(
    db: &Db,
    merchant_id: &str,
    filter: &Filter,
    now: Micros,
) -> Result<Listed> {
    let mut listed = Listed::default();
    let only_waiting = matches!(filter.state, Some(state) if !matches!(state, State::Ended(_)));
    let only_ended = matches!(filter.state, Some(State::Ended(_)));
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX) + 1;
    if only_waiting || (filter.before.is_none() && !only_ended) {
        let from = filter.before.as_ref().filter(|_| only_waiting);
        let state = filter.state.map_or("", State::as_str);
        let args = args![
            merchant_id,
            filter.from,
            filter.to,
            &filter.kind,
            &filter.store,
            &filter.domain,
            filter.customer.clone().unwrap_or_default(),
            state,
            now,
            from.map_or(-1, |from| from.at),
            from.map_or("", |from| &from.id),
            limit
        ];
        let rows = db.rows(WAITING, args).await?;
        listed.older = next(&rows, "due_at").filter(|_| only_waiting);
        listed.waiting = rows.iter().take(PAGE).filter_map(|row| read(row, now)).collect();
    }
    if only_waiting {
        return Ok(listed);
    }
    // One upper bound: of two, SQLite may begin at the one that is further away.
    let before = filter.before.as_ref().filter(|before| before.at < filter.to);
    let mut args = args![
        merchant_id,
        before.map_or(filter.to, |before| before.at),
        before.map_or("", |before| &before.id),
        filter.from,
        filter.state.map_or("", State::as_str),
        &filter.kind,
        &filter.store,
        &filter.domain,
        limit
    ];
    let statement = if let Some(customer) = &filter.customer {
        args.extend(args![customer]);
        ended!("merchant_id || '' = $1 AND customer_id = $10 ")
    } else {
        statement(filter)
    };
    let rows = db.rows(statement, args).await?;
    listed.older = next(&rows, "at");
    listed.ended = rows.iter().take(PAGE).filter_map(|row| read(row, now)).collect();
    Ok(listed)
}

/// How the mails are found that no customer was named for.
fn statement(filter: &Filter) -> &'static str {
    let is_common = |state: &State| {
        use End::{Absorbed, Nobody, Sent};
        matches!(state, State::Ended(Sent | Absorbed | Nobody))
    };
    if filter.state.as_ref().is_some_and(|state| !is_common(state)) {
        ended!(
            "merchant_id || ' ' || outcome = $1 || ' ' || $5
                AND outcome NOT IN ('sent', 'absorbed', 'nobody') "
        )
    } else if !matches!(&*filter.kind, "" | "recovery" | "password_changed") {
        ended!(
            "merchant_id || ' ' || kind = $1 || ' ' || $6
                AND kind NOT IN ('recovery', 'password_changed') "
        )
    } else if !filter.domain.is_empty() {
        ended!("merchant_id || ' ' || domain = $1 || ' ' || $8 ")
    } else {
        ended!("merchant_id = $1 ")
    }
}

/// Where the next page begins, if there is one.
fn next(rows: &[Row], at: &str) -> Option<Cursor> {
    let last = rows.get(PAGE - 1).filter(|_| rows.len() > PAGE)?;
    Some(Cursor { at: last.get(at), id: last.get("id") })
}

fn read(row: &Row, now: Micros) -> Option<Mail> {
    let at: Micros = row.get("at");
    let state = State::read(row, now)?;
    let stored: String = row.get("kind");
    let kind = Kind::parse(&stored);
    let email: Option<String> = row.get("email");
    let domain: Option<String> = row.get("domain");
    let again = row.get::<Option<String>>("retried_as").is_some();
    let failed = matches!(state, State::Ended(End::Failed | End::Expired | End::Bounced));
    let waits = matches!(state, State::Queued | State::Deferred);
    Some(Mail {
        id: row.get("id"),
        at: short_moment(at),
        iso: jiff::Timestamp::from_microsecond(at).map(|at| at.to_string()).unwrap_or_default(),
        kind: kind_words(&stored),
        store: row.get("store"),
        customer_id: row.get::<Option<String>>("last_name").and(row.get("customer_id")),
        customer: row.get::<Option<String>>("last_name").unwrap_or_default(),
        recipient: match (email, domain) {
            (Some(email), _) => mask(&email),
            (None, Some(domain)) => domain,
            (None, None) => String::new(),
        },
        badge: badge(state),
        words: state_words(state),
        then: then(state, row.get("due_at"), again, now),
        reply: without_addresses(&row.get::<Option<String>>("reply").unwrap_or_default()),
        can_retry: (failed && !again) || state == State::Deferred,
        can_cancel: waits && kind.is_some_and(|kind| !kind.is_notice()),
    })
}

fn badge(state: State) -> &'static str {
    match state {
        State::Queued | State::Leased => "idle",
        State::Deferred => "warn",
        State::Ended(End::Sent) => "good",
        State::Ended(End::Failed | End::Bounced | End::Expired | End::Suppressed) => "bad",
        State::Ended(End::Cancelled | End::Absorbed | End::Nobody) => "idle",
    }
}

/// A state as the page calls it.
pub(super) fn state_words(state: State) -> &'static str {
    match state {
        State::Queued => "Queued",
        State::Leased => "Being sent",
        State::Deferred => "Deferred",
        State::Ended(End::Sent) => "Accepted",
        State::Ended(End::Failed) => "Refused",
        State::Ended(End::Bounced) => "Came back",
        State::Ended(End::Expired) => "Given up",
        State::Ended(End::Suppressed) => "Suppressed",
        State::Ended(End::Cancelled) => "Taken back",
        State::Ended(End::Absorbed) => "Not needed",
        State::Ended(End::Nobody) => "Nobody",
    }
}

fn then(state: State, due_at: Micros, again: bool, now: Micros) -> String {
    match state {
        // Within a day, the time of day says it.
        State::Deferred if (1..DAY).contains(&(due_at - now)) => {
            format!("next try {}", time_of_day(due_at))
        }
        State::Deferred if due_at > now => format!("next try {}", short_moment(due_at)),
        State::Ended(_) if again => "sent again".to_owned(),
        _ => String::new(),
    }
}

/// A kind of mail in words. One that this page does not know yet is said as it is stored.
pub(super) fn kind_words(kind: &str) -> String {
    match kind {
        "recovery" => "Recovery link",
        "password_changed" => "Notice: password changed",
        "address_confirm" => "Confirm a new address",
        "address_notice" => "Notice: new address asked for",
        "registration" => "Registration",
        "reminder" => "Reminder by staff",
        "staff_invitation" => "Staff: invitation",
        "staff_reset" => "Staff: new access",
        "staff_recovery" => "Staff: forgotten password",
        "test_mail" => "Test mail",
        "staff_password_changed" => "Staff: password changed",
        "staff_factor_added" => "Staff: second factor set up",
        "staff_factor_removed" => "Staff: second factor removed",
        "staff_codes_renewed" => "Staff: new recovery codes",
        "staff_code_used" => "Staff: recovery code used",
        other => return other.replace('_', " "),
    }
    .to_owned()
}

/// A server's answer with the addresses in it masked: it often repeats the recipient's.
pub(in crate::web::oms) fn without_addresses(reply: &str) -> String {
    let is_part = |c: char| !c.is_whitespace() && !"<>()[],;:\"'".contains(c);
    let mut text = String::with_capacity(reply.len());
    let mut rest = reply;
    while let Some(at) = rest.find('@') {
        let start = rest[..at]
            .rfind(|c| !is_part(c))
            .map_or(0, |i| i + rest[i..].chars().next().map_or(1, char::len_utf8));
        let end = rest[at + 1..].find(|c| !is_part(c)).map_or(rest.len(), |i| at + 1 + i);
        text.push_str(&rest[..start]);
        text.push_str(&mask(&rest[start..end]));
        rest = &rest[end..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::without_addresses;

    #[test]
    fn an_answer_never_names_the_recipient() {
        for (reply, shown) in [
            ("250 2.0.0 ok queued as 1A2B", "250 2.0.0 ok queued as 1A2B"),
            ("550 <ada@example.test>: unknown", "550 <a•••@e•••.test>: unknown"),
            (
                "550 ada@example.test unknown, not ben@b.test",
                "550 a•••@e•••.test unknown, not b•••@b•••.test",
            ),
            ("ada@example.test", "a•••@e•••.test"),
            ("451 rcpt=ada@example.test", "451 r•••@e•••.test"),
            ("@", "•••@•••."),
            ("ü@é x", "ü•••@é•••. x"),
        ] {
            assert_eq!(without_addresses(reply), shown);
        }
    }
}
