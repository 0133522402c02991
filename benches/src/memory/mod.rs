//! The contenders of a memory hit: each keeps the values of a function of `(u64, &str)`.

mod concurrent_cached;
mod hitbox;
mod key;
mod machine;
mod moka;
mod multi_tier;
mod ours;
mod raw;
mod value;

use std::hint::black_box;
use std::time::Duration;

use crate::Arguments;

pub use value::{Values, loads};

/// A cache of one process.
#[derive(Clone, Copy, Debug)]
pub struct MemoryCache {
    /// The name in a table, and for [`by_name`].
    pub name: &'static str,
    /// A turn of it makes this part of the calls: the slow ones get fewer.
    pub pace: usize,
    ask: fn(Values) -> Option<Ask>,
}

/// Asks a cache for all of these, one after the other; loads what is not there.
pub type Ask = fn(&[Arguments]);

/// All of them, the one that the others are compared with first.
pub const CACHES: [MemoryCache; 6] = [
    MemoryCache { name: "raw quick_cache", pace: 1, ask: raw::ask },
    MemoryCache { name: "cache-runtime", pace: 1, ask: ours::ask },
    MemoryCache { name: "cached", pace: 2, ask: concurrent_cached::ask },
    MemoryCache { name: "moka", pace: 5, ask: moka::ask },
    MemoryCache { name: "multi-tier-cache", pace: 20, ask: multi_tier::ask },
    MemoryCache { name: "hitbox", pace: 40, ask: hitbox::ask },
];

/// Ours, of a function that is not async.
const NOT_ASYNC: MemoryCache =
    MemoryCache { name: "ours, not async", pace: 1, ask: ours::ask_without_async };

/// None of them: work that needs nothing but a processor.
pub const NO_CACHE: MemoryCache =
    MemoryCache { name: "no cache, nothing shared", pace: 1, ask: machine::ask };

/// The number of entries that each of them has space for.
const ROOM: usize = 2_000_000;

const TTL: Duration = Duration::from_secs(300);

/// Returns the cache of which `part` is part of the name.
pub fn by_name(part: &str) -> Option<MemoryCache> {
    CACHES.into_iter().chain([NOT_ASYNC]).find(|cache| cache.name.contains(part))
}

impl MemoryCache {
    /// Returns the function that requests values of this type, or `None` if the contender cannot store
    /// them.
    pub fn ask(self, values: Values) -> Option<Ask> {
        (self.ask)(values)
    }
}

/// The loop of all contenders.
#[inline]
fn each<T>(calls: &[Arguments], ask: impl Fn(u64, &'static str) -> T) {
    for &(id, text) in calls {
        black_box(ask(black_box(id), black_box(text)));
    }
}
