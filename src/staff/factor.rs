//! The second factor: codes of an authenticator app (TOTP, RFC 6238: SHA-1, six digits, 30 seconds,
//! what every app can), and the recovery codes that stand in for a lost one. Whatever happens to
//! either is told to the person by mail, in the same transaction.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use super::Staff;
use super::access::{self, Credential};
use crate::args;
use crate::clock::{HOUR, Micros, SECOND};
use crate::config::Config;
use crate::db::{Db, Result, Tx};
use crate::limit::{self, Window};
use crate::mail::outbox::Kind;
use crate::secret::{self, Digest, sha256};

/// Recovery codes that a person has at first.
pub const CODES: usize = 10;

/// Codes that may be tried for one person in an hour by somebody who has the password or the mailed
/// link already. A million codes, three of them right at a time: at this rate a guess is decades
/// away, and a stranger without the password cannot use the limit to lock its owner out.
const GUESSES: Window = Window { most: 10, window: HOUR };

/// The key that server and app share: 160 bits, as RFC 4226 recommends.
pub struct FactorKey(Zeroizing<[u8; 20]>);

impl FactorKey {
    /// A fresh one.
    pub fn new() -> Self {
        Self(Zeroizing::new(secret::random()))
    }

    /// One that exists already, as an app has it.
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Opens a sealed one. `context` is what it was sealed for: the id of its owner, or the session
    /// in which it is being set up.
    pub fn open(key: &secret::Key, context: &str, sealed: &[u8]) -> Option<Self> {
        let bytes = key.open(context, sealed)?;
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// The form in which it is kept.
    pub fn seal(&self, key: &secret::Key, context: &str) -> Vec<u8> {
        key.seal(context, self.0.as_slice())
    }

    /// In base 32 (RFC 4648, 6), for those who type it into their app.
    pub fn text(&self) -> String {
        totp_rs::Secret::new_stack(*self.0).to_base32()
    }

    /// The address that a QR code carries to the app (Key URI format): `account` of `issuer`.
    pub fn url(&self, issuer: &str, account: &str) -> String {
        let [issuer, account] = [issuer, account].map(|s| utf8_percent_encode(s, NON_ALPHANUMERIC));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", self.text())
    }

    /// The time step that a code belongs to: this one or a neighbour, for clocks differ. `None` for
    /// a wrong code.
    pub fn step(&self, code: &str, now: Micros) -> Option<i64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let seconds = u64::try_from(now / SECOND).unwrap_or(0);
        let step = self.totp().check(&code, seconds)?;
        i64::try_from(step).ok()
    }

    /// The code that an app shows at `now`.
    pub fn code(&self, now: Micros) -> String {
        self.totp().generate(u64::try_from(now / SECOND).unwrap_or(0)).to_string()
    }

    fn totp(&self) -> Totp {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(1)
            .with_step_duration(30)
            .with_secret(totp_rs::Secret::new_stack(*self.0))
            .build_noncompliant()
    }
}

impl Default for FactorKey {
    fn default() -> Self {
        Self::new()
    }
}

/// A code that fits, not yet used up.
#[derive(Clone, Copy, Debug)]
pub enum Given {
    /// From the app, of this time step.
    Step(i64),
    /// A recovery code.
    Recovery(Digest),
}

/// What came of a typed code.
#[derive(Clone, Copy, Debug)]
pub enum Checked {
    /// The person has no second factor: whatever was typed does not matter.
    NotNeeded,
    /// It fits; [`spend`] uses it up.
    Fits(Given),
    /// It does not.
    Wrong,
    /// Too many were tried for this person, so that not even the right one is taken.
    TooMany,
}

/// Checks a typed code. `proved` is whose password (or mailed link) was right; `None` for everybody
/// else, who gets the same amount of work done, counted under `stranger`: time must not tell a
/// wrong code from a wrong password.
///
/// # Errors
/// What the database says.
pub async fn check(
    db: &Db,
    (counters, factors): (&secret::Key, &secret::Key),
    proved: Option<&Credential>,
    stranger: &str,
    typed: &str,
    now: Micros,
) -> Result<Checked> {
    let sealed = proved.and_then(|p| Some((p, p.factor.as_deref()?)));
    let bucket = match sealed {
        Some((owner, _)) => limit::bucket(counters, "staff-code", &owner.staff.id),
        None => limit::bucket(counters, "staff-stranger", stranger),
    };
    let mut tx = db.begin().await?;
    let standings = limit::hit(&mut tx, &[(bucket, 1, GUESSES)], now).await?;
    tx.commit().await?;
    let over = standings.first().is_some_and(|s| s.over(GUESSES, now).is_some());
    let recovery = code_digest(typed);
    let stored = match &recovery {
        Some(digest) => {
            let id = sealed.map_or("", |(owner, _)| &owner.staff.id);
            has_code(db, id, digest).await?
        }
        None => false,
    };
    let Some((owner, sealed)) = sealed else {
        return Ok(if proved.is_some() { Checked::NotNeeded } else { Checked::Wrong });
    };
    if over {
        return Ok(Checked::TooMany);
    }
    if let Some(digest) = recovery.filter(|_| stored) {
        return Ok(Checked::Fits(Given::Recovery(digest)));
    }
    let step = FactorKey::open(factors, &owner.staff.id, sealed).and_then(|k| k.step(typed, now));
    Ok(step.map_or(Checked::Wrong, |step| Checked::Fits(Given::Step(step))))
}

/// Uses a code up, in the transaction of what it opens; false when it was used meanwhile. The
/// guesses counted so far are forgotten. A recovery code is rarely used: the person hears of it.
///
/// # Errors
/// What the database says.
pub async fn spend(
    tx: &mut Tx,
    config: &Config,
    counters: &secret::Key,
    staff: &Staff,
    given: Given,
    now: Micros,
) -> Result<bool> {
    let staff_id = &staff.id;
    let touched = match given {
        Given::Step(step) => {
            let sql = "UPDATE staff SET totp_step = $1
                       WHERE id = $2 AND (totp_step IS NULL OR totp_step < $1)";
            tx.exec(sql, args![step, staff_id]).await?
        }
        Given::Recovery(digest) => {
            let sql = "UPDATE staff_recovery_code SET used_at = $1
                       WHERE digest = $2 AND staff_id = $3 AND used_at IS NULL";
            tx.exec(sql, args![now, digest, staff_id]).await?
        }
    };
    if touched == 1 {
        let bucket = limit::bucket(counters, "staff-code", staff_id);
        tx.exec("UPDATE counter SET hits = 0 WHERE bucket = $1", args![bucket]).await?;
        if matches!(given, Given::Recovery(_)) {
            access::notify(tx, config, Kind::StaffCodeUsed, staff, now).await?;
        }
    }
    Ok(touched == 1)
}

/// Gives a person this second factor, with `step` used already, and new recovery codes: the result
/// is their only copy.
///
/// # Errors
/// What the database says.
pub async fn confirm(
    tx: &mut Tx,
    config: &Config,
    factors: &secret::Key,
    staff: &Staff,
    (key, step): (&FactorKey, i64),
    now: Micros,
) -> Result<Vec<String>> {
    let sql = "UPDATE staff SET totp_sealed = $1, totp_confirmed_at = $2, totp_step = $3
               WHERE id = $4";
    tx.exec(sql, args![key.seal(factors, &staff.id), now, step, &staff.id]).await?;
    access::notify(tx, config, Kind::StaffFactorAdded, staff, now).await?;
    replace_codes(tx, &staff.id, now).await
}

/// Takes a person's second factor away, and its recovery codes.
///
/// # Errors
/// What the database says.
pub async fn remove(tx: &mut Tx, config: &Config, staff: &Staff, now: Micros) -> Result<()> {
    let sql = "UPDATE staff SET totp_sealed = NULL, totp_confirmed_at = NULL, totp_step = NULL
               WHERE id = $1 AND totp_confirmed_at IS NOT NULL";
    let removed = tx.exec(sql, args![&staff.id]).await?;
    tx.exec("DELETE FROM staff_recovery_code WHERE staff_id = $1", args![&staff.id]).await?;
    if removed == 1 {
        access::notify(tx, config, Kind::StaffFactorRemoved, staff, now).await?;
    }
    Ok(())
}

/// Replaces a person's recovery codes; the result is the only copy of the new ones.
///
/// # Errors
/// What the database says.
pub async fn new_codes(
    tx: &mut Tx,
    config: &Config,
    staff: &Staff,
    now: Micros,
) -> Result<Vec<String>> {
    access::notify(tx, config, Kind::StaffCodesRenewed, staff, now).await?;
    replace_codes(tx, &staff.id, now).await
}

async fn replace_codes(tx: &mut Tx, staff_id: &str, now: Micros) -> Result<Vec<String>> {
    tx.exec("DELETE FROM staff_recovery_code WHERE staff_id = $1", args![staff_id]).await?;
    let codes: Vec<String> = (0..CODES).map(|_| make_code()).collect();
    let digests = codes.iter().filter_map(|code| code_digest(code));
    let rows = digests.map(|digest| args![digest, staff_id, now]).collect();
    let head = "INSERT INTO staff_recovery_code (digest, staff_id, created_at) VALUES";
    tx.many(head, rows, "").await?;
    Ok(codes)
}

/// Recovery codes that a person has left.
///
/// # Errors
/// What the database says.
pub async fn codes_left(db: &Db, staff_id: &str) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM staff_recovery_code
               WHERE staff_id = $1 AND used_at IS NULL";
    Ok(db.row(sql, args![staff_id]).await?.map_or(0, |row| row.get("n")))
}

async fn has_code(db: &Db, staff_id: &str, digest: &Digest) -> Result<bool> {
    let sql = "SELECT staff_id FROM staff_recovery_code
               WHERE digest = $1 AND staff_id = $2 AND used_at IS NULL";
    Ok(db.row(sql, args![digest, staff_id]).await?.is_some())
}

/// Crockford's base 32 has no i, l, o and u, which paper and eyes mix up.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Letters of a recovery code: 80 random bits, so that a plain digest of it cannot be searched.
const CODE_LENGTH: usize = 16;

fn make_code() -> String {
    let bytes = Zeroizing::new(secret::random::<CODE_LENGTH>());
    let letters: Vec<u8> = bytes.iter().map(|b| LETTERS[usize::from(b & 31)]).collect();
    let groups = letters.chunks(4).map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join("-")
}

/// What is stored of a recovery code; `None` for what cannot be one. Case, spaces and hyphens do not
/// matter.
fn code_digest(typed: &str) -> Option<Digest> {
    let plain: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let plain = Zeroizing::new(plain.to_ascii_lowercase());
    let fits = plain.len() == CODE_LENGTH && plain.bytes().all(|b| LETTERS.contains(&b));
    fits.then(|| Digest(sha256(plain.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the key "12345678901234567890", SHA-1, the last six of eight digits.
    #[test]
    fn codes_are_those_of_the_standard_and_live_for_three_steps() {
        let key = FactorKey(Zeroizing::new(*b"12345678901234567890"));
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")]
        {
            let at = seconds * SECOND;
            assert_eq!(key.code(at), code);
            for late in [-30, 0, 30] {
                assert_eq!(key.step(code, at + late * SECOND), Some(seconds / 30), "{seconds}");
            }
            for late in [-61, 61].into_iter().filter(|late| seconds + late >= 0) {
                assert_eq!(key.step(code, at + late * SECOND), None, "{seconds}");
            }
        }
        assert_eq!(key.step("287 082", 59 * SECOND), Some(1), "as apps show it");
        for wrong in ["", "287083", "28708", "2870822", "２８７０８２", "abcdef"] {
            assert_eq!(key.step(wrong, 59 * SECOND), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_opens_only_for_its_owner_and_its_address_is_well_formed() {
        let sealing = secret::Secret::new([1; 32]).derive("factors");
        let key = FactorKey(Zeroizing::new(*b"12345678901234567890"));
        let sealed = key.seal(&sealing, "ada");
        assert_eq!(FactorKey::open(&sealing, "ada", &sealed).unwrap().text(), key.text());
        assert!(FactorKey::open(&sealing, "ben", &sealed).is_none());
        assert_eq!(
            key.url("Harbor & Sons", "a+b@c.test"),
            "otpauth://totp/Harbor%20%26%20Sons:a%2Bb%40c%2Etest\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Harbor%20%26%20Sons"
        );
    }

    #[test]
    fn a_recovery_code_is_read_however_it_is_written() {
        let code = make_code();
        assert_eq!(code.len(), 19);
        assert_ne!(code, make_code());
        let digest = code_digest(&code).unwrap();
        for same in [code.to_uppercase(), code.replace('-', ""), code.replace('-', " ")] {
            assert!(code_digest(&same).is_some_and(|d| d == digest), "{same}");
        }
        for wrong in ["", "123456", "0000-0000-0000-000u", &code[1..]] {
            assert!(code_digest(wrong).is_none(), "{wrong}");
        }
    }
}
