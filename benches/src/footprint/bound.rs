//! Checks that our cache stays within its bound, regardless of the number of insertions.

use cache_runtime::{CacheConfig, CacheManager, cached, with};

use crate::process::resident_bytes;
use crate::ready;

/// The size of all insertions, as a multiple of the bound.
const TIMES: usize = 4;

#[cached(ttl = "5m")]
async fn value(key: usize, size: usize) -> Vec<u8> {
    vec![key as u8 | 1; size]
}

/// By how many bytes the memory of this process grows, at the most, while much more than `capacity`
/// of values of this size is put into a cache with that bound: `None` if that cannot be known.
pub fn growth(capacity: usize, size: usize) -> Option<u64> {
    let config = CacheConfig::default().memory_capacity(capacity);
    let manager = CacheManager::builder().config(config).build().ok()?;
    let before = resident_bytes()?;
    let mut most = before;
    // A look at the process's memory now and then: a hundred times while the bound is reached once.
    let keys = TIMES * capacity / size;
    let pace = keys.div_ceil(100 * TIMES);
    ready(with(&manager, async {
        for key in 0..keys {
            value(key, size).await;
            if key % pace == 0 {
                most = most.max(resident_bytes().unwrap_or_default());
            }
        }
    }));
    most.checked_sub(before)
}
