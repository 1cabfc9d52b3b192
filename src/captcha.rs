//! Telling people from floods: a proof of work for browsers, and a picture code with a spoken
//! alternative for visitors without JavaScript ([`picture`](self::picture)).
//!
//! The proof of work speaks the ALTCHA protocol, version 2, in its deterministic mode: we pick a
//! random counter, hash `salt || nonce || counter` (SHA-256) and publish the first half of the
//! result; the browser counts up until it finds the whole. Checking an answer costs two HMACs, no
//! hashing of the work and no look-up, so a flood of wrong answers is cheap to refuse.
//!
//! Nothing is kept between challenge and answer: a challenge carries store, action and expiry under
//! our signature. Single use is the caller's part: every accepted answer comes with the digest of
//! the challenge's own random identity (never of the text that was posted, which has many
//! spellings), to be recorded as used until it expires.

mod picture;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use altcha::{ChallengeParameters, CreateChallengeOptions, HmacAlgorithm, Payload};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::clock::{MINUTE, Micros, SECOND};
use crate::secret::{Digest, Secret, random, sha256};

/// How long a challenge or a picture can be answered.
pub const LIFETIME: Micros = 10 * MINUTE;

/// Longest answer that is looked at; a real one has about 900 bytes.
const MAX_PAYLOAD: usize = 4096;

/// What an answer is good for. Bound into the challenge: one made for a recovery request does not
/// open the registration form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A recovery request.
    Recovery,
    /// A registration.
    Registration,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Recovery => "recovery",
            Self::Registration => "registration",
        }
    }
}

/// A right answer. The caller records `digest` as used, until `expires_at`, and refuses one that is
/// already recorded: that makes the answer single use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Identity of the challenge, the same however the answer was spelled.
    pub digest: Digest,
    /// When the challenge ends and the record may be forgotten.
    pub expires_at: Micros,
}

/// Why an answer was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No answer was given.
    Missing,
    /// Not an answer at all.
    Malformed,
    /// A genuine answer, for another store or another action.
    WrongPlace,
    /// A genuine answer, too late.
    Expired,
    /// Not signed by us, changed, or not solved.
    Wrong,
    /// A genuine picture with the wrong code. The caller records the proof as used all the same:
    /// a picture is worth one guess.
    WrongCode(Proof),
}

/// Makes and checks challenges. Holds keys and a counter, nothing per visitor.
pub struct Captcha {
    difficulty: u32,
    signature_key: String,
    solution_key: String,
    pictures: picture::Pictures,
    /// Challenges issued in one minute: the minute in the upper, the count in the lower 32 bits.
    issued: AtomicU64,
}

impl Captcha {
    /// `difficulty` is the expected number of hashes for an answer while demand is low.
    pub fn new(secret: &Secret, difficulty: u32) -> Self {
        let key = secret.derive("captcha proof of work");
        Self {
            difficulty: difficulty.max(1),
            signature_key: key.tag("signature"),
            solution_key: key.tag("solution"),
            pictures: picture::Pictures::new(secret),
            issued: AtomicU64::new(0),
        }
    }

    /// A fresh challenge as JSON, as the ALTCHA widget and ours read it.
    pub fn challenge(&self, store: &str, action: Action, now: Micros) -> String {
        let work = self.difficulty.saturating_mul(self.demand(now));
        // The counter is uniform below `most`, so that `work` hashes are what it takes on average.
        let most = work.saturating_mul(2);
        let counter = u64::from_le_bytes(random()) % u64::from(most);
        let expires_at = now + LIFETIME;
        let challenge = altcha::create_challenge(CreateChallengeOptions {
            algorithm: "SHA-256".to_owned(),
            cost: 1,
            counter: Some(u32::try_from(counter).expect("it is below a u32")),
            data: Some(BTreeMap::from([
                ("store".to_owned(), store.into()),
                ("action".to_owned(), action.name().into()),
                ("expires".to_owned(), expires_at.into()),
                // Only for the progress bar.
                ("most".to_owned(), most.into()),
            ])),
            // For the stock widget, which asks for a new challenge in time. We judge by `expires`.
            expires_at: Some(expires_at / SECOND),
            hmac_signature_secret: Some(self.signature_key.clone()),
            hmac_key_signature_secret: Some(self.solution_key.clone()),
            ..CreateChallengeOptions::default()
        });
        serde_json::to_string(&challenge.expect("the parameters are fixed and valid"))
            .expect("a challenge is plain JSON")
    }

    /// Checks the posted field `altcha`: base64 (RFC 4648, 4, padded) of the JSON
    /// `{"challenge":…,"solution":…}`.
    ///
    /// # Errors
    /// The [`Refusal`]; never [`Refusal::WrongCode`].
    pub fn check(
        &self,
        store: &str,
        action: Action,
        payload: &str,
        now: Micros,
    ) -> Result<Proof, Refusal> {
        if payload.is_empty() {
            return Err(Refusal::Missing);
        }
        let answer = read(payload).ok_or(Refusal::Malformed)?;
        if !self.is_genuine_and_solved(&answer)? {
            return Err(Refusal::Wrong);
        }
        judge(&answer.challenge.parameters, store, action, now)
    }

    /// The id of a fresh picture: base64url, sealed. Nothing is stored for it.
    pub fn picture_id(&self, store: &str, action: Action, now: Micros) -> String {
        self.pictures.id(store, action, now)
    }

    /// The picture of an id, as PNG; `None` for an id that is not ours, not this store's, or old.
    /// Takes milliseconds of computing: not for the threads that answer requests.
    pub fn picture(&self, store: &str, id: &str, now: Micros) -> Option<Vec<u8>> {
        self.pictures.png(store, id, now)
    }

    /// The same code read aloud, as WAV; `None` as for [`Captcha::picture`].
    pub fn sound(&self, store: &str, id: &str, now: Micros) -> Option<Vec<u8>> {
        self.pictures.wav(store, id, now)
    }

    /// Checks the code that was read from a picture, in either case, spaces ignored.
    ///
    /// # Errors
    /// The [`Refusal`]; never [`Refusal::Wrong`].
    pub fn check_picture(
        &self,
        store: &str,
        action: Action,
        id: &str,
        code: &str,
        now: Micros,
    ) -> Result<Proof, Refusal> {
        self.pictures.check(store, action, id, code, now)
    }

    /// Signs the challenge afresh with the presented solution and compares: the signature covers
    /// the parameters, and among them the keyed digest of the one right solution. One comparison
    /// judges both. (The crate's own verification reads the system clock, not ours.)
    fn is_genuine_and_solved(&self, answer: &Payload) -> Result<bool, Refusal> {
        let solution = from_hex(&answer.solution.derived_key).ok_or(Refusal::Malformed)?;
        let presented = answer.challenge.signature.as_deref().ok_or(Refusal::Malformed)?;
        let mut parameters = answer.challenge.parameters.clone();
        let expected = altcha::sign_challenge(
            &HmacAlgorithm::Sha256,
            &mut parameters,
            Some(&solution),
            &self.signature_key,
            Some(&self.solution_key),
        )
        .ok()
        .and_then(|challenge| challenge.signature)
        .ok_or(Refusal::Malformed)?;
        // Digests are compared, so that timing tells nothing about how much of it was right.
        Ok(sha256(expected.as_bytes()) == sha256(presented.as_bytes()))
    }

    /// Counts one more challenge in this minute; the factor by which work rises with demand.
    fn demand(&self, now: Micros) -> u32 {
        let minute = u64::from((now / MINUTE) as u32) << 32;
        let next = |seen: u64| if seen & !0xffff_ffff == minute { seen + 1 } else { minute + 1 };
        let seen = self.issued.update(Ordering::Relaxed, Ordering::Relaxed, next);
        match next(seen) - minute {
            0..=60 => 1,
            61..=300 => 2,
            301..=1000 => 4,
            _ => 8,
        }
    }
}

/// Judges what is known to carry our signature.
fn judge(
    parameters: &ChallengeParameters,
    store: &str,
    action: Action,
    now: Micros,
) -> Result<Proof, Refusal> {
    let data = parameters.data.as_ref().ok_or(Refusal::Malformed)?;
    let text = |key| data.get(key).and_then(Value::as_str);
    let expires_at = data.get("expires").and_then(Value::as_i64).ok_or(Refusal::Malformed)?;
    if text("store") != Some(store) || text("action") != Some(action.name()) {
        return Err(Refusal::WrongPlace);
    }
    if expires_at <= now {
        return Err(Refusal::Expired);
    }
    let identity = format!("proof of work:{}:{}", parameters.nonce, parameters.salt);
    Ok(Proof { digest: Digest(sha256(identity.as_bytes())), expires_at })
}

fn read(payload: &str) -> Option<Payload> {
    if payload.len() > MAX_PAYLOAD {
        return None;
    }
    serde_json::from_slice(&STANDARD.decode(payload).ok()?).ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use altcha::{Challenge, SolveChallengeOptions};
    use serde_json::json;

    const NOW: Micros = 1_600_000_000 * SECOND; // years ago: the system clock must not matter
    const HERE: (&str, Action) = ("harbor", Action::Recovery);

    fn captcha() -> Captcha {
        Captcha::new(&Secret::new([7; 32]), 50)
    }

    /// A solved challenge as the JSON that is posted.
    fn solved(captcha: &Captcha) -> Value {
        let text = captcha.challenge(HERE.0, HERE.1, NOW);
        let challenge: Challenge = serde_json::from_str(&text).unwrap();
        let solution = altcha::solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap();
        json!({"challenge": challenge, "solution": solution})
    }

    fn check(captcha: &Captcha, answer: &Value) -> Result<Proof, Refusal> {
        captcha.check(HERE.0, HERE.1, &STANDARD.encode(answer.to_string()), NOW)
    }

    #[test]
    fn a_solved_challenge_is_accepted_in_its_place_and_time_only() {
        let captcha = captcha();
        let payload = STANDARD.encode(solved(&captcha).to_string());
        let at = |store, action, now| captcha.check(store, action, &payload, now);
        let proof = at("harbor", Action::Recovery, NOW).unwrap();
        assert_eq!(proof.expires_at, NOW + LIFETIME);
        assert_eq!(at("harbor", Action::Recovery, NOW + LIFETIME - 1), Ok(proof));
        assert_eq!(at("harbor", Action::Recovery, NOW + LIFETIME), Err(Refusal::Expired));
        assert_eq!(at("harbor-trade", Action::Recovery, NOW), Err(Refusal::WrongPlace));
        assert_eq!(at("harbor", Action::Registration, NOW), Err(Refusal::WrongPlace));
        let other = Captcha::new(&Secret::new([8; 32]), 50);
        assert_eq!(other.check(HERE.0, HERE.1, &payload, NOW), Err(Refusal::Wrong));
    }

    #[test]
    fn garbage_is_refused_without_work() {
        let captcha = captcha();
        let check = |payload: &str| captcha.check(HERE.0, HERE.1, payload, NOW);
        assert_eq!(check(""), Err(Refusal::Missing));
        let long = STANDARD.encode("x".repeat(MAX_PAYLOAD));
        for garbage in ["x", "null", "bnVsbA==", "e30=", "\0", "💥", &long] {
            assert_eq!(check(garbage), Err(Refusal::Malformed), "{garbage}");
        }
    }

    #[test]
    fn nothing_in_an_answer_can_be_changed() {
        let captcha = captcha();
        let genuine = solved(&captcha);
        assert!(check(&captcha, &genuine).is_ok());
        for (field, value) in [
            ("/challenge/parameters/data/expires", json!(NOW + 2 * LIFETIME)),
            ("/challenge/parameters/data/store", json!("harbor-trade")),
            ("/challenge/parameters/data/action", json!("registration")),
            ("/challenge/parameters/expiresAt", json!(i64::MAX)),
            ("/challenge/parameters/keyPrefix", json!("00")),
            ("/challenge/parameters/keySignature", json!("00".repeat(32))),
            ("/challenge/parameters/nonce", json!("00".repeat(16))),
            ("/challenge/parameters/salt", json!("")),
            ("/challenge/signature", json!("00".repeat(32))),
            ("/challenge/signature", json!("")),
            ("/solution/derivedKey", json!("00".repeat(32))),
            ("/solution/derivedKey", json!("")),
        ] {
            let mut spliced = genuine.clone();
            let original = spliced.pointer_mut(field).map(|at| std::mem::replace(at, value));
            let expected = match (field, original) {
                // Judged by the presented solution, whatever stands here: nothing was gained.
                ("/challenge/parameters/keySignature", Some(_)) => check(&captcha, &genuine),
                (_, Some(_)) => Err(Refusal::Wrong),
                (_, None) => panic!("{field} does not exist"),
            };
            assert_eq!(check(&captcha, &spliced), expected, "{field}");
        }
        let other = solved(&captcha);
        let mut spliced = genuine.clone();
        spliced["solution"] = other["solution"].clone();
        assert_eq!(check(&captcha, &spliced), Err(Refusal::Wrong));
        spliced["challenge"] = other["challenge"].clone();
        assert_ne!(check(&captcha, &spliced).unwrap(), check(&captcha, &genuine).unwrap());
    }

    #[test]
    fn another_spelling_is_the_same_answer() {
        let captcha = captcha();
        let genuine = solved(&captcha);
        let first = check(&captcha, &genuine).unwrap();
        let mut respelled = genuine.clone();
        respelled["solution"]["time"] = json!(1.5);
        respelled["solution"]["counter"] = json!(0);
        respelled["solution"]["more"] = json!("x");
        respelled["extra"] = json!([1]);
        let key = genuine["solution"]["derivedKey"].as_str().unwrap().to_uppercase();
        respelled["solution"]["derivedKey"] = json!(key);
        assert_eq!(check(&captcha, &respelled), Ok(first));
        let pretty = STANDARD.encode(serde_json::to_string_pretty(&respelled).unwrap() + "\n ");
        assert_eq!(captcha.check(HERE.0, HERE.1, &pretty, NOW), Ok(first));
    }

    #[test]
    fn work_rises_with_demand_and_falls_again() {
        let captcha = captcha();
        let most = |now| {
            let text = captcha.challenge(HERE.0, HERE.1, now);
            serde_json::from_str::<Value>(&text).unwrap()["parameters"]["data"]["most"].clone()
        };
        let busy: Vec<_> = (0..1001).map(|_| most(NOW)).collect();
        let factor = |n: usize| busy[n - 1].as_u64().unwrap() / 100;
        let steps = [1, 60, 61, 300, 301, 1000, 1001].map(factor);
        assert_eq!(steps, [1, 1, 2, 2, 4, 4, 8]);
        assert_eq!(most(NOW + MINUTE), 100);
    }
}
