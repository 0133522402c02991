//! Caches full of small entries, each of 32 bytes for a `u64`.

use std::any::Any;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, cached, with};
use cached::ShardedLruTtlCache;

use crate::ready;

/// A cache, and how to fill one.
#[derive(Clone, Copy, Debug)]
pub struct Keeper {
    /// The name in a table.
    pub name: &'static str,
    /// Makes a cache of this many entries.
    pub fill: fn(u64) -> Filled,
}

/// A cache that keeps its entries until this is dropped.
#[derive(Debug)]
pub struct Filled {
    /// The number of entries.
    pub entries: u64,
    _cache: Box<dyn Any>,
}

/// All of them.
pub const KEEPERS: [Keeper; 4] = [
    Keeper { name: "raw quick_cache", fill: quick_cache },
    Keeper { name: "cache-runtime", fill: ours },
    Keeper { name: "cached", fill: cached_store },
    Keeper { name: "moka", fill: moka },
];

type Value = [u8; 32];

const TTL: Duration = Duration::from_secs(300);

fn value_of(key: u64) -> Value {
    [key as u8; 32]
}

/// So much that none of the parts into which a cache divides its room is too small.
fn room(entries: u64) -> u64 {
    entries + entries / 10
}

fn filled(entries: u64, cache: impl Any) -> Filled {
    Filled { entries, _cache: Box::new(cache) }
}

fn quick_cache(entries: u64) -> Filled {
    let cache = quick_cache::sync::Cache::new(room(entries) as usize);
    (0..entries).for_each(|key| cache.insert(key, value_of(key)));
    filled(cache.len() as u64, cache)
}

fn moka(entries: u64) -> Filled {
    let builder = moka::future::Cache::builder();
    let cache = builder.max_capacity(room(entries)).time_to_live(TTL).build();
    (0..entries).for_each(|key| ready(cache.insert(key, value_of(key))));
    ready(cache.run_pending_tasks());
    filled(cache.entry_count(), cache)
}

/// The store that the macro chooses where it is given a bound and a TTL.
fn cached_store(entries: u64) -> Filled {
    let cache = ShardedLruTtlCache::new(room(entries) as usize, TTL);
    (0..entries).for_each(|key| _ = cache.set(key, value_of(key)));
    filled(cache.len() as u64, cache)
}

#[cached(ttl = "5m")]
async fn value(key: u64) -> Value {
    value_of(key)
}

fn ours(entries: u64) -> Filled {
    let few = ours_in(1 << 20, 100).stats();
    let bytes_of_an_entry = few.bytes.div_ceil(few.entries.max(1));
    let manager = ours_in(room(entries * bytes_of_an_entry) as usize, entries);
    filled(manager.stats().entries, manager)
}

fn ours_in(capacity: usize, entries: u64) -> CacheManager {
    let config = CacheConfig::default().memory_capacity(capacity);
    let manager = CacheManager::builder().config(config).build().expect("a usable configuration");
    ready(with(&manager, async {
        for key in 0..entries {
            value(key).await;
        }
    }));
    manager
}
