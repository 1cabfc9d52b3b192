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

    fn matches(&self, password: &Password, memory: &mut Memory) -> bool {
        let mut hash = [0; 64];
        let Some(hash) = hash.get_mut(..self.hash.len()) else { return false };
        let blocks = memory.blocks(self.argon2.params().block_count());
        let bytes = password.reveal().as_bytes();
        let made = self.argon2.hash_password_into_with_memory(bytes, &self.salt, hash, blocks);
        // `Output` compares in constant time.
        made.is_ok() && Output::new(hash).is_ok_and(|h| h == self.hash)
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

pub(super) fn hash(params: &Params, password: &Password, memory: &mut Memory) -> String {
    let salt: [u8; 16] = random();
    let hash = compute(params, password, &salt, memory);
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    let [salt, hash] = [&salt[..], &hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}")
}

pub(super) fn verify(
    params: &Params,
    password: &Password,
    stored: Option<&str>,
    memory: &mut Memory,
) -> Verdict {
    let stored = stored.and_then(Stored::read);
    let right = stored.as_ref().is_some_and(|stored| stored.matches(password, memory));
    if stored.as_ref().is_none_or(|s| work(s.argon2.params()) < work(params)) {
        std::hint::black_box(compute(params, password, &random(), memory));
    }
    match (right, stored) {
        (true, Some(stored)) if stored.is_current(params) => Verdict::Right,
        (true, _) => Verdict::RightButStale,
        (false, _) => Verdict::Wrong,
    }
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
