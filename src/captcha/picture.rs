//! A code to read or to hear, for visitors without JavaScript.
//!
//! The id of a picture is the sealed code itself with its place and time, so that asking for one
//! leaves nothing behind; everything that is drawn or spoken follows from the id.

use std::f32::consts::TAU;
use std::io::Cursor;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use captcha::filters::{Dots, Noise, Wave};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use super::{Action, LIFETIME, Proof, Refusal};
use crate::clock::Micros;
use crate::secret::{Digest, Key, Secret, random, sha256};

/// Characters that are told apart by eye (no O/0, I/1/L, S/5, Z/2, B/8, G/6) and by ear (of M and
/// N, and of the letters that rhyme with B, only one each).
const ALPHABET: &[u8] = b"AFHKMRTUWXY34679";
const CODE_LENGTH: usize = 5;
/// Longest id that is looked at; a real one has about 130 characters.
const MAX_ID: usize = 1024;
/// Longest typed code that is looked at.
const MAX_CODE: usize = 64;
const SAMPLE_RATE: u32 = 22_050;

/// Draws and speaks codes.
pub(super) struct Pictures {
    key: Key,
    /// The voice of each character of [`ALPHABET`]: decoded at the first use, 0.5 MB.
    voice: OnceLock<Vec<Vec<i16>>>,
}

/// What an id says once it is opened.
struct Sealed {
    code: [u8; CODE_LENGTH],
    action: u8,
    proof: Proof,
}

impl Pictures {
    pub(super) fn new(secret: &Secret) -> Self {
        Self { key: secret.derive("captcha picture"), voice: OnceLock::new() }
    }

    pub(super) fn id(&self, store: &str, action: Action, now: Micros) -> String {
        let mut plain = Vec::with_capacity(64);
        plain.extend(random::<CODE_LENGTH>().map(|r| ALPHABET[usize::from(r) % ALPHABET.len()]));
        plain.push(action as u8);
        plain.extend((now + LIFETIME).to_be_bytes());
        plain.extend(random::<16>());
        plain.extend(store.as_bytes());
        B64.encode(self.key.seal("", &plain))
    }

    pub(super) fn check(
        &self,
        store: &str,
        action: Action,
        id: &str,
        code: &str,
        now: Micros,
    ) -> Result<Proof, Refusal> {
        if id.is_empty() || code.trim().is_empty() {
            return Err(Refusal::Missing);
        }
        let sealed = self.open(store, id, now)?;
        if sealed.action != action as u8 {
            return Err(Refusal::WrongPlace);
        }
        let typed = code.bytes().take(MAX_CODE).filter(|c| !c.is_ascii_whitespace());
        match typed.map(|c| c.to_ascii_uppercase()).eq(sealed.code) {
            true => Ok(sealed.proof),
            false => Err(Refusal::WrongCode(sealed.proof)),
        }
    }

    pub(super) fn png(&self, store: &str, id: &str, now: Micros) -> Option<Vec<u8>> {
        let code = self.open(store, id, now).ok()?.code;
        let [slow, fast, high] = random::<3>().map(|r| f64::from(r) / 255.0);
        draft(&code)
            .apply_filter(Noise::new(0.08))
            .apply_filter(Wave::new(1.5 + slow, 4.0 + 4.0 * high).horizontal())
            .apply_filter(Wave::new(1.5 + fast, 4.0 + 4.0 * high).vertical())
            .view(280, 100)
            .apply_filter(Dots::new(12).min_radius(2).max_radius(4))
            .as_png()
    }

    pub(super) fn wav(&self, store: &str, id: &str, now: Micros) -> Option<Vec<u8>> {
        let code = self.open(store, id, now).ok()?.code;
        let mut spoken = speak(&code, self.voice.get_or_init(record), &mut Chance::new());
        blur(&mut spoken, &mut Chance::new());
        write_wav(&spoken)
    }

    /// Opens an id that is ours, in time, and of this store.
    fn open(&self, store: &str, id: &str, now: Micros) -> Result<Sealed, Refusal> {
        if id.len() > MAX_ID {
            return Err(Refusal::Malformed);
        }
        let sealed = B64.decode(id).map_err(|_| Refusal::Malformed)?;
        let plain = self.key.open("", &sealed).ok_or(Refusal::Malformed)?;
        let (sealed, place) = Sealed::read(&plain).ok_or(Refusal::Malformed)?;
        if place != store.as_bytes() {
            return Err(Refusal::WrongPlace);
        }
        match sealed.proof.expires_at > now {
            true => Ok(sealed),
            false => Err(Refusal::Expired),
        }
    }
}

impl Sealed {
    /// Code, action, expiry, 16 random bytes that are the picture's identity, and the store.
    fn read(plain: &[u8]) -> Option<(Self, &[u8])> {
        let (code, rest) = plain.split_first_chunk()?;
        let (action, rest) = rest.split_first()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let (identity, store) = rest.split_first_chunk::<16>()?;
        let digest = Digest(sha256(&[b"picture:".as_slice(), identity].concat()));
        let proof = Proof { digest, expires_at: Micros::from_be_bytes(*expires_at) };
        Some((Self { code: *code, action: *action, proof }, store))
    }
}

/// The library chooses characters at random: from a set of one, once for each.
fn draft(code: &[u8]) -> captcha::Captcha {
    let mut drawing = captcha::Captcha::new();
    for letter in code {
        drawing.set_chars(&[char::from(*letter)]).add_char();
    }
    drawing
}

/// The library's recordings of the whole alphabet, without the noise before and after each.
fn record() -> Vec<Vec<i16>> {
    const QUIET: u16 = 3_500; // just above the noise that the library lays under everything
    let letters = draft(ALPHABET).as_wav().into_iter();
    let read = |wav: Option<Vec<u8>>| -> Option<Vec<i16>> {
        let samples = WavReader::new(Cursor::new(wav?)).ok()?.into_samples::<i16>();
        let samples: Vec<i16> = samples.collect::<Result<_, _>>().ok()?;
        let loud = |s: &i16| s.unsigned_abs() > QUIET;
        let (from, to) = (samples.iter().position(loud)?, samples.iter().rposition(loud)?);
        Some(samples[from..=to].to_vec())
    };
    letters.map(|wav| read(wav).unwrap_or_default()).collect()
}

/// One character after the other, each at a speed and pitch, a loudness and after a pause of its
/// own: the recordings are public, and equal sounds would be found by comparing.
fn speak(code: &[u8], voice: &[Vec<i16>], chance: &mut Chance) -> Vec<f32> {
    let mut spoken = Vec::with_capacity(SAMPLE_RATE as usize * 8);
    let pause = |spoken: &mut Vec<f32>, seconds: f32| {
        spoken.resize(spoken.len() + (seconds * SAMPLE_RATE as f32) as usize, 0.0);
    };
    for letter in code {
        pause(&mut spoken, chance.between(0.35, 0.8));
        let samples = ALPHABET.iter().position(|c| c == letter).and_then(|at| voice.get(at));
        let samples = samples.map_or(&[][..], Vec::as_slice);
        let (speed, loudness) = (chance.between(0.8, 1.15), chance.between(0.6, 0.85));
        let length = (samples.len().saturating_sub(1) as f32 / speed) as usize;
        spoken.extend((0..length).map(|n| {
            let at = n as f32 * speed;
            let (whole, part) = (at as usize, at.fract());
            let (a, b) = (f32::from(samples[whole]), f32::from(samples[whole + 1]));
            loudness * (a + (b - a) * part)
        }));
    }
    pause(&mut spoken, chance.between(0.3, 0.6));
    spoken
}

/// Lays rumble, hiss and a wandering hum under everything.
fn blur(spoken: &mut [f32], chance: &mut Chance) {
    let (hiss, rumble) = (chance.between(700.0, 1300.0), chance.between(150.0, 300.0));
    let (hum, mut pitch, mut phase) = (chance.between(500.0, 1000.0), 250.0, 0.0_f32);
    let mut low = 0.0;
    for sample in spoken {
        let noise = chance.between(-1.0, 1.0);
        low = 0.98 * low + rumble * noise;
        pitch = f32::clamp(pitch + 2.0 * chance.between(-1.0, 1.0), 150.0, 600.0);
        phase = (phase + TAU * pitch / SAMPLE_RATE as f32).rem_euclid(TAU);
        *sample += low + hiss * noise + hum * phase.sin();
    }
}

fn write_wav(samples: &[f32]) -> Option<Vec<u8>> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::with_capacity(44 + 2 * samples.len()));
    let mut writer = WavWriter::new(&mut file, spec).ok()?;
    for sample in samples {
        writer.write_sample(*sample as i16).ok()?;
    }
    writer.finalize().ok()?;
    Some(file.into_inner())
}

/// Noise (xorshift64): hundreds of thousands of numbers that need be no secret, from a seed that
/// is one.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        Self(u64::from_le_bytes(random()) | 1)
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + (high - low) * (self.0 >> 40) as f32 / (1 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 1_600_000_000_000_000;

    fn pictures() -> Pictures {
        Pictures::new(&Secret::new([7; 32]))
    }

    fn code_of(pictures: &Pictures, id: &str) -> String {
        let code = pictures.open("harbor", id, NOW).ok().unwrap().code;
        String::from_utf8(code.to_vec()).unwrap()
    }

    #[test]
    fn the_code_is_accepted_as_people_type_it() {
        let pictures = pictures();
        let id = pictures.id("harbor", Action::Recovery, NOW);
        let code = code_of(&pictures, &id);
        let check = |code: &str| pictures.check("harbor", Action::Recovery, &id, code, NOW);
        let proof = check(&code).unwrap();
        assert_eq!(proof.expires_at, NOW + LIFETIME);
        let spaced = format!(" {} {}\n", &code[..2], &code[2..]);
        for typed in [&code.to_lowercase(), &spaced] {
            assert_eq!(check(typed), Ok(proof), "{typed:?}");
        }
        for wrong in [&code[1..], "OOOOO", &format!("{code}A"), &"A".repeat(10_000), "é"] {
            assert_eq!(check(wrong), Err(Refusal::WrongCode(proof)), "{} bytes", wrong.len());
        }
        assert_eq!(check("  "), Err(Refusal::Missing));
    }

    #[test]
    fn a_picture_is_good_in_its_place_and_time_only() {
        let pictures = pictures();
        let id = pictures.id("harbor", Action::Recovery, NOW);
        let code = code_of(&pictures, &id);
        let at = |store, action, now| pictures.check(store, action, &id, &code, now);
        assert!(at("harbor", Action::Recovery, NOW + LIFETIME - 1).is_ok());
        assert_eq!(at("harbor", Action::Recovery, NOW + LIFETIME), Err(Refusal::Expired));
        assert_eq!(at("harbor-trade", Action::Recovery, NOW), Err(Refusal::WrongPlace));
        assert_eq!(at("harbor", Action::Registration, NOW), Err(Refusal::WrongPlace));
        assert!(pictures.png("harbor-trade", &id, NOW).is_none());
        assert!(pictures.wav("harbor", &id, NOW + LIFETIME).is_none());
    }

    #[test]
    fn an_id_cannot_be_made_or_changed() {
        let pictures = pictures();
        let id = pictures.id("harbor", Action::Recovery, NOW);
        let check = |id: &str| pictures.check("harbor", Action::Recovery, id, "AAAAA", NOW);
        assert_eq!(check(""), Err(Refusal::Missing));
        let foreign = Pictures::new(&Secret::new([8; 32])).id("harbor", Action::Recovery, NOW);
        let flipped = format!("{}{}", if id.starts_with('A') { 'B' } else { 'A' }, &id[1..]);
        let long = id.repeat(10);
        for wrong in [&id[1..], &id[..id.len() - 1], &foreign, &flipped, &long, "x", "=", "💥"] {
            assert_eq!(check(wrong), Err(Refusal::Malformed), "{wrong}");
        }
    }

    #[test]
    fn every_character_can_be_seen_and_heard() {
        assert_eq!(draft(ALPHABET).chars_as_string().as_bytes(), ALPHABET);
        let voice = record();
        assert!(voice.iter().all(|samples| samples.len() > SAMPLE_RATE as usize / 10));
        assert_eq!(voice.len(), ALPHABET.len());
    }

    #[test]
    fn the_same_id_gives_the_same_code_but_never_the_same_file() {
        let pictures = pictures();
        let id = pictures.id("harbor", Action::Recovery, NOW);
        let draw = || pictures.png("harbor", &id, NOW).unwrap();
        assert!(draw().starts_with(b"\x89PNG"));
        assert_ne!(draw(), draw());
        let hear = || pictures.wav("harbor", &id, NOW).unwrap();
        assert!(hear().starts_with(b"RIFF"));
        assert_ne!(hear(), hear());
        assert_eq!(code_of(&pictures, &id), code_of(&pictures, &id));
    }
}
