//! A hasher for keys that are hashes already, or carry theirs.

use std::hash::{BuildHasherDefault, Hasher};

use crate::key::hash_bytes;

/// Hands on the last number it was given.
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
