//! Random numbers: ids of entries and placeholders, tokens, hash seeds, jitter.
//!
//! They must be unlikely to repeat, but need not be secret. The standard library's random hash keys of the
//! process, mixed with a counter, achieve this without another dependency.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use once_cell::sync::Lazy;

use crate::support::process::Process;

static KEYS: Lazy<(RandomState, RandomState)> =
    Lazy::new(|| (RandomState::new(), RandomState::new()));
static COUNTER: AtomicU64 = AtomicU64::new(0);
static PROCESS: Lazy<Process> = Lazy::new(Process::default);
/// The time at which this process was found to be a fork of another; 0 otherwise. A process id may be reused.
static FORKED: AtomicU64 = AtomicU64::new(0);

/// Returns a random 64-bit number, never zero.
pub(crate) fn word() -> u64 {
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    if PROCESS.has_changed() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        FORKED.store(now.as_nanos() as u64, Ordering::Release);
    }
    word_of(count, (std::process::id(), FORKED.load(Ordering::Acquire)))
}

/// Returns the random number for this count in this process. Forked processes share the keys and the counter,
/// so the process is part of the input.
fn word_of(count: u64, id: (u32, u64)) -> u64 {
    let (first, second) = &*KEYS;
    let word = first.hash_one((count, id)) ^ second.hash_one((id, count)).rotate_left(32);
    word.max(1)
}

thread_local! {
    static CHEAP: Cell<u64> = const { Cell::new(0) };
}

/// Returns a random number from a generator of this thread, without a system call. It is for decisions such
/// as jitter, because a forked process gets the same numbers.
pub(crate) fn cheap() -> u64 {
    // Marsaglia's xorshift64, with a multiplication for the low bits.
    let mut word = CHEAP.get();
    if word == 0 {
        word = self::word();
    }
    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    CHEAP.set(word);
    word.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// Returns a random number in `0.0 .. 1.0`.
pub(crate) fn fraction() -> f64 {
    (word() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_share_a_memory_draw_other_words() {
        let siblings = [(7, 0), (8, 1), (9, 1), (9, 2)];
        let words = (0..1_000).flat_map(|count| siblings.map(|id| word_of(count, id)));
        let words: std::collections::HashSet<u64> = words.collect();
        assert_eq!(words.len(), 4_000);
    }

    #[test]
    fn words_do_not_repeat_and_fractions_stay_in_range() {
        let words: std::collections::HashSet<u64> = (0..10_000).map(|_| word()).collect();
        assert_eq!(words.len(), 10_000);
        let cheap: std::collections::HashSet<u64> = (0..10_000).map(|_| cheap()).collect();
        assert_eq!(cheap.len(), 10_000);
        assert!((0..1_000).map(|_| fraction()).all(|f| (0.0..1.0).contains(&f)));
    }
}
