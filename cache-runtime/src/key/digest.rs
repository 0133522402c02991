//! Digests of keys: the one in a readable name, the one that identifies the origin of an entry, and a plain
//! hash.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::Xxh3Default;

/// Makes the part of a name that stands for function, version and arguments: the first 160 bits of a SHA-256.
///
/// It holds the hash of the common beginning of a function's names. The beginning is padded to a whole block,
/// so that arguments of up to 47 bytes take one more block.
#[derive(Clone)]
pub(crate) struct NameHasher(Sha256);

const BLOCK: usize = 64;

impl NameHasher {
    pub(crate) fn new(identity: &str, version: u64) -> Self {
        let mut beginning = version.to_le_bytes().to_vec();
        beginning.extend(length(identity.as_bytes()));
        beginning.extend(identity.as_bytes());
        beginning.resize(beginning.len().next_multiple_of(BLOCK), 0);
        let mut hash = Sha256::new();
        hash.update(beginning);
        NameHasher(hash)
    }

    pub(crate) fn hash(&self, args: &[u8]) -> [u8; 20] {
        let mut hash = self.0.clone();
        hash.update(length(args));
        hash.update(args);
        let whole = hash.finalize();
        let mut first = [0; 20];
        first.copy_from_slice(&whole[..20]);
        first
    }
}

fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_le_bytes()
}

/// Returns a number for the function (with its type parameters and version) that a stored value belongs to.
/// It is never 0, which stands for values stored directly.
pub(crate) fn origin(identity: &str, version: u64) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(&version.to_le_bytes());
    hash.update(identity.as_bytes());
    hash.digest().max(1)
}

/// Returns a hash of bytes that are already a key, such as a rendered template. It differs from the hash of
/// the same bytes as arguments.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8], seed: u64) -> u64 {
    let mut hasher = FixedState::with_seed(seed).build_hasher();
    hasher.write(bytes);
    hasher.finish()
}
