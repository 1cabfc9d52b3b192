//! Finding a customer during a call: by the beginning of the last name, company, address or number,
//! or by first and last name together. Case, accents and punctuation do not count.
//!
//! Each way to match is a range of keys in one index, read in the order of that index and only as far
//! as a page needs: the time does not grow with the number of customers. The keys are bytes, which
//! both databases sort alike.

use crate::address::EmailAddress;
use crate::args;
use crate::clock::Micros;
use crate::db::{Db, Result, Row};
use crate::fold::{fold, fold_number};

/// Customers on a page.
pub const PAGE: usize = 25;

/// What one query reads: a page, and whether there is more.
const FETCH: usize = PAGE + 1;

/// Longest search, in characters: as long as anything that is searched.
const LONGEST: usize = 254;

/// Words that are tried as first and last name; more is a company.
const NAME_WORDS: usize = 4;

/// By what a customer is found, in the order of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Number,
    Email,
    LastName,
    /// The last name, among those whose first name fits too.
    Names,
    Company,
}

/// Keys from `low` up to, but without, `high`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    low: Vec<u8>,
    high: Vec<u8>,
}

impl Range {
    /// All keys that begin with `key`. They are UTF-8, where no byte is 0xff.
    fn prefix(key: &[u8]) -> Self {
        Self { low: key.to_vec(), high: [key, &[0xff]].concat() }
    }

    /// `key` alone: nothing sorts between it and itself with a zero behind.
    fn exactly(key: &[u8]) -> Self {
        Self { low: key.to_vec(), high: [key, &[0]].concat() }
    }

    fn holds(&self, key: &[u8]) -> bool {
        *self.low <= *key && *key < *self.high
    }
}

/// One way to match.
#[derive(Clone, Debug)]
struct Arm {
    by: By,
    range: Range,
    /// For [`By::Names`].
    first: Range,
}

/// What staff typed, as the ways to match it: the likeliest first.
#[derive(Clone, Debug)]
pub struct Search {
    typed: String,
    arms: Vec<Arm>,
}

impl Search {
    /// Reads what was typed. Nothing typed finds everybody, by last name.
    pub fn read(typed: &str) -> Self {
        let typed: String = typed.trim().chars().take(LONGEST).collect();
        let arms = if typed.is_empty() {
            vec![arm(By::LastName, Range::prefix(&[]))]
        } else if typed.contains('@') {
            by_address(&typed)
        } else {
            by_words(&typed)
        };
        Self { typed, arms }
    }

    /// What was typed, less the spaces around it.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Where a page begins: behind the customer that `cursor` names, or at the beginning if it does
    /// not name one whom this search finds.
    async fn start(&self, db: &Db, merchant_id: &str, cursor: &str) -> Result<Place> {
        let beginning = Place { arm: 0, behind: None };
        let Some((arm, id)) = cursor.split_once('.') else { return Ok(beginning) };
        let Some((at, arm)) = arm.parse().ok().and_then(|n: usize| Some((n, self.arms.get(n)?)))
        else {
            return Ok(beginning);
        };
        let sql = "SELECT id, last_key, first_key, company_key, email_search, number_key
                   FROM customer WHERE merchant_id = $1 AND id = $2";
        let row = db.row(sql, args![merchant_id, id]).await?;
        let behind = row.as_ref().map(Keys::read).filter(|keys| arm.matches(keys));
        Ok(if behind.is_some() { Place { arm: at, behind } } else { beginning })
    }
}

fn arm(by: By, range: Range) -> Arm {
    Arm { by, range, first: Range::prefix(&[]) }
}

fn by_address(typed: &str) -> Vec<Arm> {
    let mut arms = Vec::new();
    if let Some(address) = EmailAddress::parse(typed) {
        arms.push(arm(By::Email, Range::exactly(address.key().as_bytes())));
    }
    arms.push(arm(By::Email, Range::prefix(typed.to_ascii_lowercase().as_bytes())));
    let company = fold(typed);
    if !company.is_empty() {
        arms.push(arm(By::Company, Range::prefix(&company)));
    }
    arms
}

fn by_words(typed: &str) -> Vec<Arm> {
    let mut arms = Vec::new();
    let (text, number) = (fold(typed), fold_number(typed));
    if !text.is_empty() {
        arms.push(arm(By::Number, Range::exactly(&number)));
        arms.push(arm(By::LastName, Range::prefix(&text)));
        arms.extend(by_names(&text));
        arms.push(arm(By::Company, Range::prefix(&text)));
    }
    if !typed.contains(char::is_whitespace) {
        arms.push(arm(By::Email, Range::prefix(typed.to_ascii_lowercase().as_bytes())));
    }
    if !text.is_empty() {
        arms.push(arm(By::Number, Range::prefix(&number)));
    }
    arms
}

/// "ada marsh" and "marsh ada", wherever the one name ends and the other begins.
fn by_names(text: &[u8]) -> Vec<Arm> {
    let gaps: Vec<_> = (0..text.len()).filter(|at| text[*at] == b' ').collect();
    if gaps.len() >= NAME_WORDS {
        return Vec::new();
    }
    let split = |at: &usize| {
        let (one, other) = (Range::prefix(&text[..*at]), Range::prefix(&text[at + 1..]));
        [
            Arm { by: By::Names, range: other.clone(), first: one.clone() },
            Arm { by: By::Names, range: one, first: other },
        ]
    };
    gaps.iter().flat_map(split).collect()
}

/// How far a search has come.
struct Place {
    arm: usize,
    /// The last customer that was read.
    behind: Option<Keys>,
}

/// What a customer is found by, and told apart from others with the same.
struct Keys {
    last: Vec<u8>,
    first: Vec<u8>,
    company: Vec<u8>,
    email: Vec<u8>,
    number: Vec<u8>,
    id: String,
}

impl Keys {
    fn read(row: &Row) -> Self {
        Self {
            last: row.get("last_key"),
            first: row.get("first_key"),
            company: row.get("company_key"),
            email: row.get("email_search"),
            number: row.get("number_key"),
            id: row.get("id"),
        }
    }
}

const _: () = assert!(FETCH == 26, "the limit in the text");

/// A query that finds ids in one index and reads their records. The limit stands in the text, for a
/// planner that does not know it may prefer to sort the whole range. The customers of probes are nobody.
macro_rules! query {
    ($order:literal, $condition:literal, $outer:literal) => {
        concat!(
            "SELECT c.id, c.number, c.email, c.first_name, c.last_name, c.company, c.home_store_id,
                c.blocked_at, c.frozen_at, c.last_key, c.first_key, c.company_key, c.email_search,
                c.number_key, p.set_at,
                (SELECT MAX(a.created_at) FROM address_change a WHERE a.customer_id = c.id
                 AND a.confirmed_at IS NULL AND a.ended_at IS NULL) AS asked_at
             FROM (SELECT id FROM customer WHERE merchant_id = $1 AND probe_at IS NULL AND ",
            $condition,
            " ORDER BY ",
            $order,
            " LIMIT 26) f JOIN customer c ON c.id = f.id
             JOIN credential p ON p.customer_id = c.id ORDER BY ",
            $outer
        )
    };
}

impl Arm {
    fn key<'k>(&self, keys: &'k Keys) -> &'k [u8] {
        match self.by {
            By::Number => &keys.number,
            By::Email => &keys.email,
            By::LastName | By::Names => &keys.last,
            By::Company => &keys.company,
        }
    }

    fn matches(&self, keys: &Keys) -> bool {
        self.range.holds(self.key(keys)) && self.first.holds(&keys.first)
    }

    /// The next customers in this arm. Ids are compared with ids alone, so it does not matter how a
    /// database sorts them; the empty one comes before all.
    async fn fetch(&self, db: &Db, merchant_id: &str, behind: Option<&Keys>) -> Result<Vec<Row>> {
        let key = behind.map_or(&*self.range.low, |keys| self.key(keys)).to_vec();
        let id = behind.map_or("", |keys| &keys.id);
        let mut args = args![merchant_id, key, id, self.range.high.clone()];
        let sql = match self.by {
            By::Number => query!(
                "number_key, id",
                "(number_key, id) > ($2, $3) AND number_key < $4",
                "c.number_key, c.id"
            ),
            By::Email => query!(
                "email_search, id",
                "(email_search, id) > ($2, $3) AND email_search < $4",
                "c.email_search, c.id"
            ),
            By::Company => query!(
                "company_key, id",
                "(company_key, id) > ($2, $3) AND company_key < $4",
                "c.company_key, c.id"
            ),
            By::LastName => query!(
                "last_key, first_key, id",
                "(last_key, first_key, id) > ($2, $5, $3) AND last_key < $4",
                "c.last_key, c.first_key, c.id"
            ),
            By::Names => query!(
                "last_key, first_key, id",
                "(last_key, first_key, id) > ($2, $5, $3) AND last_key < $4
                 AND first_key >= $6 AND first_key < $7",
                "c.last_key, c.first_key, c.id"
            ),
        };
        if matches!(self.by, By::LastName | By::Names) {
            args.push(behind.map(|keys| keys.first.clone()).unwrap_or_default().into());
        }
        if self.by == By::Names {
            args.extend(args![self.first.low.clone(), self.first.high.clone()]);
        }
        db.rows(sql, args).await
    }
}

/// How a customer stands, as far as logging in goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Can log in.
    Active,
    /// Closed by staff.
    Blocked,
    /// Frozen by "This wasn't me"; a recovery link reopens it.
    Frozen,
    /// Has never set a password.
    NoPassword,
}

impl Status {
    /// What follows from the record and from when a password was set.
    pub fn of(
        blocked_at: Option<Micros>,
        frozen_at: Option<Micros>,
        password_set_at: Option<Micros>,
    ) -> Self {
        match (blocked_at, frozen_at, password_set_at) {
            (Some(_), ..) => Self::Blocked,
            (None, Some(_), _) => Self::Frozen,
            (None, None, None) => Self::NoPassword,
            (None, None, Some(_)) => Self::Active,
        }
    }

    /// As staff read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Frozen => "frozen",
            Self::NoPassword => "no password yet",
        }
    }
}

/// A customer in the list.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Names the record.
    pub id: String,
    /// The merchant's own number.
    pub number: String,
    /// The confirmed address, whole.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Company, may be empty.
    pub company: String,
    /// Home store.
    pub home_store_id: String,
    /// How the customer stands.
    pub status: Status,
    /// When a new address was asked for that is neither confirmed nor withdrawn.
    pub address_asked_at: Option<Micros>,
}

/// A page of customers.
#[derive(Clone, Debug)]
pub struct Page {
    /// At most [`PAGE`].
    pub hits: Vec<Hit>,
    /// Gives the next page, if there is one.
    pub next: Option<String>,
}

/// The customers of a merchant whom `search` finds, from behind `after`, the `next` of the page
/// before. Anything else as `after` gives the first page.
///
/// # Errors
/// What the database says.
pub async fn page(db: &Db, merchant_id: &str, search: &Search, after: &str) -> Result<Page> {
    let mut place = search.start(db, merchant_id, after).await?;
    let (mut hits, mut last) = (Vec::new(), String::new());
    while let Some(arm) = search.arms.get(place.arm) {
        let rows = arm.fetch(db, merchant_id, place.behind.as_ref()).await?;
        let ended = rows.len() < FETCH;
        for row in &rows {
            let keys = Keys::read(row);
            // Who was found in one way is not found again in another.
            if !search.arms[..place.arm].iter().any(|earlier| earlier.matches(&keys)) {
                if hits.len() == PAGE {
                    return Ok(Page { hits, next: Some(last) });
                }
                hits.push(hit(row));
                last = format!("{}.{}", place.arm, keys.id);
            }
            place.behind = Some(keys);
        }
        if ended {
            place = Place { arm: place.arm + 1, behind: None };
        }
    }
    Ok(Page { hits, next: None })
}

fn hit(row: &Row) -> Hit {
    Hit {
        id: row.get("id"),
        number: row.get("number"),
        email: row.get("email"),
        first_name: row.get("first_name"),
        last_name: row.get("last_name"),
        company: row.get("company"),
        home_store_id: row.get("home_store_id"),
        status: Status::of(row.get("blocked_at"), row.get("frozen_at"), row.get("set_at")),
        address_asked_at: row.get("asked_at"),
    }
}
