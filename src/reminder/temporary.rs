//! Temporary passwords: made by the mail worker for each try, stored as Argon2id beside the
//! customer's own, typed once at a store's login page, where they open nothing but *Choose a new
//! password*.

use std::sync::LazyLock;

use crate::args;
use crate::clock::{DAY, Micros, SECOND};
use crate::config::Config;
use crate::customer::{self, Customer};
use crate::db::{Db, Result, Tx};
use crate::locale::Language;
use crate::mail::outbox::Leased;
use crate::password::{Busy, Password, PasswordHasher};
use crate::secret::{Token, random};
use crate::store::Store;
use crate::timeline::{self, Entry};
use crate::token::{self, NewToken, Purpose};

/// 2048 short English words, no two with the same first four letters: those of BIP 39 (MIT License),
/// less the unfriendly ones, with others in their place.
static WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("words.txt").split_ascii_whitespace().collect());

/// Digits and letters without look-alikes, 32 of them.
const LETTERS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";

/// A fresh one: six words (66 bits) where English is read, else 16 characters (80 bits). Each has
/// exactly one spelling.
fn generate(language: Language) -> Password {
    let text = zeroize::Zeroizing::new(if language == Language::En {
        let words = random::<12>();
        let word =
            |pair: &[u8]| WORDS[usize::from(u16::from_be_bytes([pair[0], pair[1]])) % WORDS.len()];
        words.chunks_exact(2).map(word).collect::<Vec<_>>().join("-")
    } else {
        let letter = |b: u8| char::from(LETTERS[usize::from(b) % LETTERS.len()]);
        random::<16>().into_iter().map(letter).collect()
    });
    Password::read(&text).expect("it is far below the longest password")
}

/// What the hash of a temporary password stands beside: it is found at the login page only as long
/// as these are what a typed password is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Beside {
    stored: Option<String>,
    newest: Option<String>,
}

impl Beside {
    const SQL: &str = "SELECT p.password_hash, t.password_hash AS newest FROM credential p
        LEFT JOIN temporary_password t ON t.customer_id = p.customer_id
            AND t.credential_version = p.version AND t.expires_at > $2
            AND t.used_at IS NULL AND t.voided_at IS NULL
        WHERE p.customer_id = $1 ORDER BY t.created_at DESC LIMIT 1";

    fn read(row: &crate::db::Row) -> Self {
        Self { stored: row.get("password_hash"), newest: row.get("newest") }
    }
}

/// A temporary password that is hashed but not stored yet.
#[derive(Clone, Debug)]
pub struct Fresh {
    password: Password,
    hash: String,
    beside: Beside,
}

/// Makes and hashes one. This takes time, so it runs before the transaction that stores it.
///
/// # Errors
/// What the database says, or that there is too much to hash just now.
pub(super) async fn make(
    db: &Db,
    hasher: &PasswordHasher,
    customer_id: &str,
    language: Language,
    now: Micros,
) -> Result<std::result::Result<Fresh, Busy>> {
    let row = db.row(Beside::SQL, args![customer_id, now]).await?;
    let beside = row.ok_or(crate::db::Error::RowNotFound)?;
    let beside = Beside::read(&beside);
    let password = generate(language);
    let among = [beside.stored.clone(), beside.newest.clone()].into_iter().flatten().collect();
    let hash = hasher.hash_beside(password.clone(), among).await;
    Ok(hash.map(|hash| Fresh { password, hash, beside }))
}

/// Stores it, and gives it for the mail with the moment at which it expires. `None` when what it
/// stands beside has changed meanwhile: then another has to be made.
///
/// # Errors
/// What the database says.
pub(super) async fn store(
    tx: &mut Tx,
    config: &Config,
    fresh: &Fresh,
    customer: &Customer,
    mail: &Leased,
    now: Micros,
) -> Result<Option<(Password, Micros)>> {
    if !customer::hold(tx, customer).await? {
        return Ok(None);
    }
    let beside = tx.row(Beside::SQL, args![&customer.id, now]).await?;
    if beside.as_ref().map(Beside::read).as_ref() != Some(&fresh.beside) {
        return Ok(None);
    }
    let expires_at = now + config.reminder.ttl * SECOND;
    tx.exec(
        "INSERT INTO temporary_password (id, merchant_id, customer_id, reminder_id, outbox_id,
            password_hash, credential_version, email_key, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        args![
            crate::new_id(),
            &customer.merchant_id,
            &customer.id,
            &mail.subject_id,
            &mail.id,
            &fresh.hash,
            customer.credential_version,
            &customer.email_key,
            now,
            expires_at
        ],
    )
    .await?;
    Ok(Some((fresh.password.clone(), expires_at)))
}

/// Uses one up that was typed at this store's login page: one guarded update, so that of any number
/// of log-ins exactly one wins. Gives the token that opens *Choose a new password* there; `None`
/// when it is not live any more.
///
/// # Errors
/// What the database says.
pub async fn redeem(
    tx: &mut Tx,
    config: &Config,
    store: &Store,
    customer: &Customer,
    id: &str,
    (return_to, language): (&str, Language),
    now: Micros,
) -> Result<Option<Token>> {
    if !customer::hold(tx, customer).await? {
        return Ok(None);
    }
    let sql = "UPDATE temporary_password SET used_at = $1
               WHERE id = $2 AND customer_id = $3 AND credential_version = $4
                 AND used_at IS NULL AND voided_at IS NULL AND expires_at > $1
                 AND EXISTS (SELECT 1 FROM customer c WHERE c.id = $3 AND c.merchant_id = $5
                    AND c.blocked_at IS NULL AND c.email_key = temporary_password.email_key)
               RETURNING outbox_id";
    let args = args![now, id, &customer.id, customer.credential_version, &store.merchant_id];
    let Some(row) = tx.row(sql, args).await? else { return Ok(None) };
    // The return ticket: where the customer wanted to go. The cart is in this browser already.
    let ticket = crate::new_id();
    tx.exec(
        "INSERT INTO recovery (id, merchant_id, store_id, reference, return_to, language,
            created_at, handled_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        args![
            &ticket,
            &store.merchant_id,
            &store.id,
            crate::reference(),
            return_to,
            language.code(),
            now
        ],
    )
    .await?;
    let new = NewToken {
        purpose: Purpose::Recovery,
        merchant_id: &store.merchant_id,
        store_id: &store.id,
        customer_id: Some(&customer.id),
        email_key: &customer.email_key,
        subject_id: &ticket,
        outbox_id: &row.get::<String>("outbox_id"),
        expires_at: now + store.link_ttl.unwrap_or(config.link.ttl) * SECOND,
    };
    let token = token::mint(tx, &new, now).await?;
    timeline::write(tx, customer, Some(&store.id), now, Entry::TemporaryPasswordUsed).await?;
    Ok(Some(token))
}

/// The hashes of temporary passwords that the customer was mailed lately, dead or alive: none of
/// them may be chosen as the new password.
///
/// # Errors
/// What the database says.
pub async fn hashes(db: &Db, customer_id: &str) -> Result<Vec<String>> {
    let sql = "SELECT password_hash FROM temporary_password
               WHERE customer_id = $1 ORDER BY created_at DESC LIMIT 10";
    let rows = db.rows(sql, args![customer_id]).await?;
    Ok(rows.iter().map(|row| row.get("password_hash")).collect())
}

/// Deletes what died a week ago.
///
/// # Errors
/// What the database says.
pub async fn tidy(db: &Db, now: Micros) -> Result<()> {
    let sql = "DELETE FROM temporary_password WHERE expires_at < $1";
    db.exec(sql, args![now - 7 * DAY]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_words_are_short_plain_and_told_apart_by_four_letters() {
        assert_eq!(WORDS.len(), 2048, "11 bits each, six of them 66");
        let starts: HashSet<_> = WORDS.iter().map(|word| &word[..word.len().min(4)]).collect();
        assert_eq!(starts.len(), WORDS.len());
        for word in WORDS.iter() {
            assert!((3..=8).contains(&word.len()), "{word}");
            assert!(word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn each_language_has_its_form_and_no_two_are_alike() {
        let mut seen = HashSet::new();
        for language in Language::ALL {
            for _ in 0..100 {
                let password = generate(language);
                let text = password.reveal();
                if language == Language::En {
                    let words: Vec<_> = text.split('-').collect();
                    assert_eq!(words.len(), 6, "{text}");
                    assert!(words.iter().all(|word| WORDS.contains(word)), "{text}");
                } else {
                    assert_eq!(text.len(), 16, "{text}");
                    assert!(text.bytes().all(|b| LETTERS.contains(&b)), "{text}");
                }
                assert!(seen.insert(text.to_owned()));
            }
        }
    }
}
