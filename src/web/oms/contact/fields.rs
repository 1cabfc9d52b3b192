//! The fields of contact data, as typed, as read and as shown again.

use crate::customer::Customer;
use crate::customer::contact::{Contact, read_number};
use crate::locale::Language;
use crate::store;
use crate::web::error::Failure;
use crate::web::oms::desk::Desk;

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub number: String,
    pub first_name: String,
    pub last_name: String,
    pub company: String,
    pub phone: String,
    /// A code, or nothing for the store's language.
    pub language: String,
    /// The store's id.
    pub home_store: String,
}

impl Typed {
    /// As the record has it.
    pub fn of(customer: &Customer) -> Self {
        let contact = Contact::of(customer);
        Self {
            number: contact.number,
            first_name: contact.first_name,
            last_name: contact.last_name,
            company: contact.company,
            phone: contact.phone,
            language: contact.language.map_or_else(String::new, |l| l.code().to_owned()),
            home_store: contact.home_store_id,
        }
    }
}

/// The fields on a page: what was typed, what is wrong with it, what there is to choose from.
#[derive(Clone, Debug)]
pub struct Fields {
    pub typed: Typed,
    /// By the field's name.
    wrong: Vec<(&'static str, &'static str)>,
    /// Id and name.
    pub stores: Vec<(String, String)>,
    /// Code and name.
    pub languages: [(&'static str, &'static str); 4],
}

impl Fields {
    /// The fields with what was typed; the merchant's stores to choose from.
    pub fn new(desk: &Desk, typed: Typed) -> Self {
        let stores = desk.app.stores.list();
        let own = stores.iter().filter(|store| store.merchant_id == desk.merchant_id());
        Self {
            typed,
            wrong: Vec::new(),
            stores: own.map(|store| (store.id.clone(), store.name.clone())).collect(),
            languages: Language::ALL.map(|language| (language.code(), language.name())),
        }
    }

    /// What is wrong with a field.
    pub fn error(&self, field: &str) -> Option<&'static str> {
        self.wrong.iter().find(|(name, _)| *name == field).map(|(_, text)| *text)
    }

    /// Reads the fields; `None` when some have to be corrected. Without a number one is given, unless
    /// it `must_have_number`.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for a store that is not the merchant's.
    pub fn read(&mut self, must_have_number: bool) -> Result<Option<Contact>, Failure> {
        let typed = self.typed.clone();
        if !self.stores.iter().any(|(id, _)| *id == typed.home_store) {
            return Err(Failure::NotFound);
        }
        let number = typed.number.trim();
        if (must_have_number || !number.is_empty()) && read_number(number).is_none() {
            self.wrong
                .push(("number", "Use 1 to 40 letters, digits and signs, no spaces and no @."));
        }
        let last_name = self.text("last_name", &typed.last_name);
        if last_name.is_empty() && self.error("last_name").is_none() {
            self.wrong.push(("last_name", "Give a last name: it is what the record is opened by."));
        }
        let language = Language::parse(&typed.language);
        if language.is_none() && !typed.language.is_empty() {
            return Err(Failure::BadRequest);
        }
        let contact = Contact {
            number: number.to_owned(),
            first_name: self.text("first_name", &typed.first_name),
            last_name,
            company: self.text("company", &typed.company),
            phone: self.text("phone", &typed.phone),
            language,
            home_store_id: typed.home_store,
        };
        Ok(self.wrong.is_empty().then_some(contact))
    }

    /// A line of text that may be empty, less the spaces around it.
    fn text(&mut self, field: &'static str, typed: &str) -> String {
        let text = typed.trim();
        if !text.is_empty() && store::read_name(text).is_none() {
            self.wrong.push((field, "Use at most 80 characters, on one line."));
        }
        text.to_owned()
    }
}
