//! The computing itself: Argon2 (RFC 9106) over memory that the caller keeps between hashes, and
//! hashes in the PHC string format.

use argon2::password_hash::phc::Output;
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Password, Verdict};
use crate::secret::random;

/// Most memory, in KiB, and most memory times passes of a stored hash that is still verified: an
/// imported record must not decide how much of the machine one log-in takes. These are the costs of
/// libsodium's MODERATE, the most expensive in common use.
const MAX_STORED_MEMORY: u32 = 256 << 10;
const MAX_STORED_WORK: u64 = 3 * (256 << 10);

/// The blocks that one thread hashes in.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// glibc keeps freed blocks for itself up to a threshold that adapts to what is freed, but
    /// never beyond 32 MiB (mallopt(3), `M_MMAP_THRESHOLD`): what is larger is mapped, and unmapped when
    /// freed. So that much is reserved, and only what is used ever becomes resident.
    const RESERVED: usize = 33 << 20;

    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0.clear();
            self.0.reserve_exact(count.max(Self::RESERVED / Block::SIZE));
            self.0.resize(count, Block::new());
        }
        &mut self.0[..count]
    }

    pub(super) fn is_held(&self) -> bool {
        self.0.capacity() > 0
    }
}

/// A stored Argon2 hash, taken apart.
pub(super) struct Stored {
    argon2: Argon2<'static>,
    is_argon2id: bool,
    salt: Vec<u8>,
    hash: Output,
}

impl Stored {
    pub(super) fn read(phc: &str) -> Option<Self> {
        let phc = PasswordHash::new(phc).ok()?;
        let algorithm = Algorithm::try_from(phc.algorithm.as_str()).ok()?;
        let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?;
        let params = Params::try_from(&phc).ok()?;
        if params.m_cost() > MAX_STORED_MEMORY || work(&params) > MAX_STORED_WORK {
            return None;
        }
        Some(Self {
            is_argon2id: algorithm == Algorithm::Argon2id && version == Version::V0x13,
            argon2: Argon2::new(algorithm, version, params),
            salt: phc.salt?.to_vec(),
            hash: phc.hash?,
        })
    }

    /// What a password comes to with this hash's salt and costs. `Output` compares in constant time.
    fn compute(&self, password: &Password, memory: &mut Memory) -> Option<Output> {
        let mut hash = [0; 64];
        let hash = hash.get_mut(..self.hash.len())?;
        let blocks = memory.blocks(self.argon2.params().block_count());
        let bytes = password.reveal().as_bytes();
        self.argon2.hash_password_into_with_memory(bytes, &self.salt, hash, blocks).ok()?;
        Output::new(hash).ok()
    }

    /// Whether one computation for this hash is as good as one of today's, so that a temporary
    /// password may be hashed with its salt and found by the same computation.
    fn carries(&self, params: &Params) -> bool {
        self.is_argon2id && self.hash.len() >= 16 && work(self.argon2.params()) >= work(params)
    }

    /// Whether both are made from a password by the same computation.
    fn is_beside(&self, other: &Self) -> bool {
        let cost = |s: &Self| {
            let p = s.argon2.params();
            (p.m_cost(), p.t_cost(), p.p_cost(), s.is_argon2id, s.hash.len())
        };
        self.salt == other.salt && cost(self) == cost(other)
    }

    fn phc(&self, hash: &[u8]) -> String {
        phc(self.argon2.params(), &self.salt, hash)
    }

    fn is_current(&self, params: &Params) -> bool {
        let cost = |p: &Params| (p.m_cost(), p.t_cost(), p.p_cost());
        self.is_argon2id && cost(self.argon2.params()) == cost(params) && self.hash.len() == 32
    }
}

/// KiB filled over all passes, to which the time taken is proportional.
fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

fn phc(params: &Params, salt: &[u8], hash: &[u8]) -> String {
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    let [salt, hash] = [salt, hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}")
}

/// Hashes with the salt and costs of the first of `beside` that carries others, else with a fresh
/// salt at today's costs.
pub(super) fn hash(
    params: &Params,
    password: &Password,
    beside: &[String],
    memory: &mut Memory,
) -> String {
    let beside = beside.iter().filter_map(|b| Stored::read(b)).find(|b| b.carries(params));
    let made = beside.as_ref().and_then(|beside| beside.compute(password, memory));
    if let (Some(beside), Some(made)) = (beside, made) {
        return beside.phc(made.as_bytes());
    }
    let salt: [u8; 16] = random();
    let hash = compute(params, password, &salt, memory);
    phc(params, &salt, &hash)
}

/// Compares with the stored hash and with the temporary ones, of which it gives the one that fits.
/// Those that share the stored hash's salt are found by the same computation; where the stored hash
/// carries none, they are found by the computation at today's costs that is made then anyway.
pub(super) fn verify(
    params: &Params,
    password: &Password,
    stored: Option<&str>,
    temporary: &[String],
    memory: &mut Memory,
) -> (Verdict, Option<usize>) {
    let stored = stored.and_then(Stored::read);
    let temporary: Vec<_> = temporary.iter().map(|t| Stored::read(t)).collect();
    let made = stored.as_ref().and_then(|stored| stored.compute(password, memory));
    let right = stored.as_ref().zip(made).is_some_and(|(stored, made)| made == stored.hash);
    let mut fits = stored.as_ref().zip(made).and_then(|(s, made)| among(&temporary, s, &made));
    if stored.as_ref().is_none_or(|s| !s.carries(params)) {
        match temporary.iter().flatten().find(|t| t.carries(params)) {
            Some(first) => {
                let made = first.compute(password, memory);
                fits = fits.or(made.and_then(|made| among(&temporary, first, &made)));
            }
            None => drop(std::hint::black_box(compute(params, password, &random(), memory))),
        }
    }
    let verdict = match (right, stored) {
        (true, Some(stored)) if stored.is_current(params) => Verdict::Right,
        (true, _) => Verdict::RightButStale,
        (false, _) => Verdict::Wrong,
    };
    (verdict, fits)
}

/// Which of those beside `carrier` equals what was computed; all are looked at, so that time does
/// not tell which.
fn among(all: &[Option<Stored>], carrier: &Stored, made: &Output) -> Option<usize> {
    let mut found = None;
    for (i, one) in all.iter().enumerate() {
        let Some(one) = one.as_ref().filter(|one| one.is_beside(carrier)) else { continue };
        if one.hash == *made {
            found = Some(i);
        }
    }
    found
}

/// One Argon2id computation at today's cost.
fn compute(params: &Params, password: &Password, salt: &[u8; 16], memory: &mut Memory) -> [u8; 32] {
    let mut hash = [0; 32];
    let blocks = memory.blocks(params.block_count());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password.reveal().as_bytes(), salt, &mut hash, blocks)
        .expect("salt, password and output have lengths that Argon2 takes");
    hash
}
