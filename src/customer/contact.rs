//! Contact data that staff may change at once. The address is not part of it: that takes the
//! customer's own confirmation.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

use super::Customer;
use crate::args;
use crate::db::{Db, Result, Tx};
use crate::fold::{fold, fold_number};
use crate::locale::Language;
use crate::secret::sha256;

/// What staff may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The merchant's own number for the customer.
    pub number: String,
    /// First name, may be empty.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Company, may be empty.
    pub company: String,
    /// Phone, may be empty.
    pub phone: String,
    /// Spoken to in; none: the store's language.
    pub language: Option<Language>,
    /// The store that a reminder leads to.
    pub home_store_id: String,
}

impl Contact {
    /// As the record has it.
    pub fn of(customer: &Customer) -> Self {
        Self {
            number: customer.number.clone(),
            first_name: customer.first_name.clone(),
            last_name: customer.last_name.clone(),
            company: customer.company.clone(),
            phone: customer.phone.clone(),
            language: customer.language,
            home_store_id: customer.home_store_id.clone(),
        }
    }

    fn fields(&self) -> [(&'static str, &str); 7] {
        [
            ("number", &self.number),
            ("first name", &self.first_name),
            ("last name", &self.last_name),
            ("company", &self.company),
            ("phone", &self.phone),
            ("language", self.language.map_or("", Language::code)),
            ("home store", &self.home_store_id),
        ]
    }

    /// The fields in which another is different: their names, and what they are here.
    pub fn differences<'a>(&'a self, other: &Self) -> Vec<(&'static str, &'a str)> {
        let pairs = self.fields().into_iter().zip(other.fields());
        pairs.filter(|(own, other)| own.1 != other.1).map(|(own, _)| own).collect()
    }

    /// Stands for this state of the record in a form, so that a change made meanwhile is noticed.
    pub fn state(&self) -> String {
        let text = self.fields().map(|(_, value)| value).join("\n");
        B64.encode(&sha256(text.as_bytes())[..12])
    }
}

/// A number never looks like an address, so that neither can be taken for the other.
pub fn read_number(text: &str) -> Option<String> {
    let fits =
        (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'@');
    fits.then(|| text.to_owned())
}

/// The customer, held until the transaction ends: of two who act on one record, the second sees what
/// the first has done. It is the credential's row that is locked, as everywhere.
///
/// # Errors
/// What the database says.
pub async fn lock(tx: &mut Tx, merchant_id: &str, id: &str) -> Result<Option<Customer>> {
    let sql = "UPDATE credential SET version = version WHERE customer_id =
               (SELECT id FROM customer WHERE merchant_id = $1 AND id = $2)";
    tx.exec(sql, args![merchant_id, id]).await?;
    super::by_id(tx, merchant_id, id).await
}

/// Writes new contact data, and what the customer is found by. Gives the names of what changed.
///
/// # Errors
/// [`crate::db::is_taken`] when the number is another customer's.
pub async fn change(tx: &mut Tx, customer: &Customer, new: &Contact) -> Result<Vec<&'static str>> {
    let old = Contact::of(customer);
    let changed: Vec<_> = old.differences(new).into_iter().map(|(field, _)| field).collect();
    if changed.is_empty() {
        return Ok(changed);
    }
    tx.exec(
        "UPDATE customer SET number = $1, first_name = $2, last_name = $3, company = $4,
            phone = $5, language = $6, home_store_id = $7, last_key = $8, first_key = $9,
            company_key = $10, number_key = $11
         WHERE id = $12",
        args![
            &new.number,
            &new.first_name,
            &new.last_name,
            &new.company,
            &new.phone,
            new.language.map(Language::code),
            &new.home_store_id,
            fold(&new.last_name),
            fold(&new.first_name),
            fold(&new.company),
            fold_number(&new.number),
            &customer.id
        ],
    )
    .await?;
    Ok(changed)
}

/// The id of the customer who has this number.
///
/// # Errors
/// What the database says.
pub async fn with_number(db: &Db, merchant_id: &str, number: &str) -> Result<Option<String>> {
    let sql = "SELECT id FROM customer WHERE merchant_id = $1 AND number = $2";
    Ok(db.row(sql, args![merchant_id, number]).await?.map(|row| row.get("id")))
}
