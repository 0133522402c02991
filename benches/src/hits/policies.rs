//! Caches that are to choose well what they keep.

use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_runtime::{CacheConfig, CacheManager, cached, with};

use crate::ready;

static LOADS: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = "forever")]
async fn value(key: u64) -> u64 {
    LOADS.fetch_add(1, Ordering::Relaxed);
    key
}

/// Returns the number of misses in our cache, with the bytes for this number of entries, and the number
/// of entries at the end.
pub(super) fn ours(trace: &[u64], entries: usize) -> (usize, usize) {
    let manager = manager(entries * *BYTES_OF_AN_ENTRY);
    let misses = ours_in(&manager, trace);
    (misses, manager.stats().entries as usize)
}

fn ours_in(manager: &CacheManager, trace: &[u64]) -> usize {
    let before = LOADS.load(Ordering::Relaxed);
    ready(with(manager, async {
        for &key in trace {
            value(key).await;
        }
    }));
    LOADS.load(Ordering::Relaxed) - before
}

static BYTES_OF_AN_ENTRY: LazyLock<usize> = LazyLock::new(|| {
    let manager = manager(1 << 20);
    ours_in(&manager, &(0..100).collect::<Vec<_>>());
    let stats = manager.stats();
    stats.bytes.div_ceil(stats.entries.max(1)) as usize
});

fn manager(bytes: usize) -> CacheManager {
    let config = CacheConfig::default().memory_capacity(bytes);
    CacheManager::builder().config(config).build().expect("a usable configuration")
}

pub(super) fn quick_cache(trace: &[u64], entries: usize) -> usize {
    let cache = quick_cache::sync::Cache::new(entries);
    count(trace, |key| cache.get(&key).is_some(), |key| cache.insert(key, key))
}

pub(super) fn moka(trace: &[u64], entries: usize) -> usize {
    let cache = moka::future::Cache::new(entries as u64);
    let find = |key| ready(cache.get(&key)).is_some();
    count(trace, find, |key| ready(cache.insert(key, key)))
}

pub(super) fn lru(trace: &[u64], entries: usize) -> usize {
    let size = NonZeroUsize::new(entries).unwrap_or(NonZeroUsize::MIN);
    let cache = std::cell::RefCell::new(lru::LruCache::new(size));
    let find = |key| cache.borrow_mut().get(&key).is_some();
    count(trace, find, |key| _ = cache.borrow_mut().put(key, key))
}

/// Returns the number of requests that find nothing and store a value.
fn count(trace: &[u64], find: impl Fn(u64) -> bool, store: impl Fn(u64)) -> usize {
    let missing = trace.iter().filter(|&&key| !find(key));
    missing.map(|&key| store(key)).count()
}
