//! Invalidates everything below a prefix in the peers, which look at each entry.

use std::time::{Duration, Instant};

use crate::ready;

/// Returns the time in which `moka` removes this number of entries.
pub fn moka(entries: u64) -> Duration {
    let builder = moka::future::Cache::builder().max_capacity(2 * entries);
    let cache = builder.support_invalidation_closures().build();
    (0..entries).for_each(|key| ready(cache.insert(key, key)));
    ready(cache.run_pending_tasks());
    let began = Instant::now();
    cache.invalidate_entries_if(|_, _| true).expect("closures are supported");
    // Each run removes some, until none is left to remove; now and then a few stay, and are never served.
    let mut left = u64::MAX;
    while cache.entry_count() < left {
        left = cache.entry_count();
        ready(cache.run_pending_tasks());
    }
    began.elapsed()
}

/// Returns the time in which `quick_cache` removes this number of entries.
pub fn quick_cache(entries: u64) -> Duration {
    let cache = quick_cache::sync::Cache::new(2 * entries as usize);
    (0..entries).for_each(|key| cache.insert(key, key));
    let began = Instant::now();
    cache.retain(|_, _| false);
    began.elapsed()
}
