//! Remembers the fingerprints of one function, and reports those that differ.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::site::Declared;
use crate::support::lock::Mutex;

/// So many keys are remembered where hits in memory are checked.
const REMEMBERED: usize = 16_384;

/// It is 0 before it has been tried.
const STEADY: u8 = 1;
const UNSTEADY: u8 = 2;

/// Of one function.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    /// True if the same arguments give the same fingerprint twice.
    steadiness: AtomicU8,
    told: AtomicBool,
    /// The fingerprint that was seen with the hash of a key: in debug builds.
    seen: Mutex<HashMap<u64, u64>>,
}

impl Alarm {
    /// The fingerprint of a call's arguments; 0 if the function's are not to be relied upon.
    pub(crate) fn fingerprint(&self, of: &Declared, make: impl Fn() -> u64) -> u64 {
        match self.steadiness.load(Ordering::Relaxed) {
            UNSTEADY => return 0,
            STEADY => return make(),
            _ => {}
        }
        let (first, again) = (make(), make());
        let steadiness = if first == again { STEADY } else { UNSTEADY };
        self.steadiness.store(steadiness, Ordering::Relaxed);
        if first == again {
            return first;
        }
        tracing::warn!(
            function = of.function,
            file = of.file,
            line = of.line,
            "the `Hash` or `Debug` of an argument differs between two calls for one value, so arguments of \
             this function that serialise alike cannot be distinguished; fix it, or write a `key`"
        );
        0
    }

    /// Returns true if other arguments had the key of this hash.
    pub(crate) fn is_alike(&self, key_hash: u64, fingerprint: u64) -> bool {
        if fingerprint == 0 {
            return false;
        }
        let mut seen = self.seen.lock();
        if seen.len() >= REMEMBERED && !seen.contains_key(&key_hash) {
            seen.clear();
        }
        *seen.entry(key_hash).or_insert(fingerprint) != fingerprint
    }

    /// Says, once for a function, that two calls with different arguments have one key.
    pub(crate) fn tell(&self, of: &Declared) {
        if self.told.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::error!(
            function = of.function,
            file = of.file,
            line = of.line,
            "two calls with different arguments have the same key, because the arguments serialise alike (an \
             untagged enum, or a skipped field): the later call is not cached. Write a `key` that distinguishes \
             them, `skip` the argument, or leave the irrelevant parts out of the type's `Hash`"
        );
    }
}
