//! Doorkey gets an online store's customers back in: login and password recovery on the storefront,
//! and reminders sent by staff who can never read what they send.
//!
//! The map, from the ground up; arrows never point back (docs/architecture.md):

pub mod activity; //     who did what: append-only, chained
pub mod address; //      one email address, one parser
pub mod address_change; // a new address, pending until confirmed
pub mod app; //          everything above, built once
pub mod batch; //        callers that arrive together share a commit
pub mod captcha; //      proof of work; picture and sound
pub mod cli; //          one file a command
pub mod clock; //        time as a parameter
pub mod color; //        a store's accent, made readable
pub mod config; //       every setting
pub mod customer; //     the customer file
pub mod db; //           both databases behind one text
pub mod demo; //         sample data, shop and mailbox; cannot be reached from serve
pub mod fold; //         search keys without case and accents
pub mod limit; //        counters in the database
pub mod locale; //       languages and their texts
pub mod mail; //         outbox, messages, worker, SMTP
pub mod merchant; //     the business
pub mod numbers; //      how often what happened, by day
pub mod password; //     policy, hashing, sealed copies
pub mod recovery; //     THE feature: start, mint, peek, finish
pub mod registration; // a new customer, until the address is confirmed
pub mod reminder; //     what the envelope sends
pub mod secret; //       tokens, digests, keys, sealing
pub mod session; //      a logged-in browser
pub mod staff; //        people in the back office
pub mod store; //        a storefront and its look
pub mod suppression; //  addresses that get no mail any more
pub mod timeline; //     what happened to a customer's access
pub mod token; //        mailed links: minted, looked at, used once
pub mod tutorial; //     guided tutorials and the customer to practise on
pub mod web; //          pages and routes
pub mod wording; //      texts of mails that stores change 
/// A new id: UUIDv7 (RFC 9562) as text. Ids name rows in URLs and logs; they are no secrets.
#[expect(clippy::disallowed_methods, reason = "the order of ids is a convenience, never logic")]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A short reference to be read out on the phone: 6 characters of Crockford's base 32, which has no
/// I, L, O or U, as `K7QF-2M`. It names a request, it opens nothing.
pub fn reference() -> String {
    spell(u64::from_le_bytes(secret::random()))
}

/// A reference that names nothing, for mails and pages to look at.
pub const SAMPLE_REFERENCE: &str = "K7QF-2M";

/// The last 30 bits of a number as such a reference.
pub fn spell(number: u64) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let letter =
        |i: u32| char::from(LETTERS[usize::try_from((number >> (5 * i)) & 31).unwrap_or(0)]);
    let mut text: String = (0..6).map(letter).collect();
    text.insert(4, '-');
    text
}
