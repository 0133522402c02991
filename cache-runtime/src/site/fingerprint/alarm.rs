//! Remembers the fingerprints of one function, and reports keys with two different fingerprints.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::site::Declared;
use crate::support::lock::Mutex;

/// The maximum number of keys that are remembered if hits in memory are checked.
const REMEMBERED: usize = 16_384;

/// The states of [`Alarm::steadiness`]. It is 0 before the first test.
const STEADY: u8 = 1;
const UNSTEADY: u8 = 2;

/// The alarm of one function.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    /// [`STEADY`] if the same arguments gave the same fingerprint twice, otherwise [`UNSTEADY`].
    steadiness: AtomicU8,
    told: AtomicBool,
    /// The fingerprint that was seen with the hash of a key. It is used in debug builds.
    seen: Mutex<HashMap<u64, u64>>,
}

impl Alarm {
    /// Returns the fingerprint of a call's arguments; 0 if the fingerprints of the function are not reliable.
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

    /// Logs, once for a function, that two calls with different arguments have the same key.
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
