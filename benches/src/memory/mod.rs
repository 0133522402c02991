//! The contenders of a memory hit: each keeps the `u64` of a `(u64, &str)`.

mod ours;
mod peer;
mod raw;

use std::thread;

use crate::{Arguments, Contender};

/// A cache of one process.
#[derive(Clone, Copy, Debug)]
pub struct MemoryCache {
    /// What it is called in a table, and by [`by_name`].
    pub name: &'static str,
    /// Asks for all of these, one after the other; loads what is not there.
    pub ask: fn(&[Arguments]),
}

/// All of them, the one that the others are compared with first.
pub const CACHES: [MemoryCache; 3] = [
    MemoryCache { name: "raw quick_cache", ask: raw::ask },
    MemoryCache { name: "cache-runtime", ask: ours::ask },
    MemoryCache { name: "cached, concurrent_cached", ask: peer::ask },
];

/// How many entries each of them has room for.
const ROOM: usize = 20_000;

/// The cache of which `part` is part of the name.
pub fn by_name(part: &str) -> Option<MemoryCache> {
    CACHES.into_iter().find(|cache| cache.name.contains(part))
}

impl MemoryCache {
    /// Asks for `calls` on so many threads at a time.
    pub fn contender(self, threads: usize, calls: &[Arguments]) -> Contender<'_> {
        Contender::new(self.name, move || match threads {
            1 => (self.ask)(calls),
            _ => thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| (self.ask)(calls));
                }
            }),
        })
    }
}

/// What the caches keep.
fn load(id: u64, text: &str) -> u64 {
    id.wrapping_mul(31) ^ text.len() as u64
}
