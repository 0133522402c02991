//! A hasher for keys that are already hashes, or carry their hash.

use std::hash::{BuildHasherDefault, Hasher};

use crate::key::hash_bytes;

/// Returns the last number that was written to it as the hash.
#[derive(Clone, Default)]
pub(crate) struct Prehashed(u64);

pub(crate) type BuildPrehashed = BuildHasherDefault<Prehashed>;

impl Hasher for Prehashed {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash_bytes(bytes, self.0);
    }
}
