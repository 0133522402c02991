//! Our invalidations, of everything that is in a manager of their own.

use std::time::{Duration, Instant};

use cache_runtime::{CacheConfig, CacheManager, cache_invalidate, cached, with};

use crate::ready;

/// This many entries are fresh at each invalidation; the others are outdated, and take up room.
const FRESH: u64 = 16;

#[cached(ttl = "forever", key_prefix = "value", tags = ["all"])]
async fn value(key: u64) -> u64 {
    key
}

#[cache_invalidate(prefix = "value")]
async fn change_prefix() {}

#[cache_invalidate(tags = ["all"])]
async fn change_tag() {}

/// The form of an invalidation.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// `CacheManager::invalidate_prefix`.
    Prefix,
    /// `CacheManager::invalidate_tag`.
    Tag,
    /// `#[cache_invalidate(prefix = "..")]`.
    PrefixOfFunction,
    /// `#[cache_invalidate(tags = [".."])]`.
    TagOfFunction,
}

/// A manager with this many entries.
pub fn filled(entries: u64) -> CacheManager {
    let capacity = entries as usize * 512 + (1 << 20);
    let config = CacheConfig::default().memory_capacity(capacity);
    let manager = CacheManager::builder().config(config).build().expect("a usable configuration");
    ready(with(&manager, load(entries)));
    assert_eq!(manager.stats().entries, entries, "some have been evicted");
    manager
}

async fn load(entries: u64) {
    for key in 0..entries {
        value(key).await;
    }
}

/// Returns the duration of one invalidation.
///
/// # Panics
///
/// If it has no effect.
pub fn time(manager: &CacheManager, by: By) -> Duration {
    ready(with(manager, async {
        load(FRESH).await;
        let began = Instant::now();
        match by {
            By::Prefix => manager.invalidate_prefix("value").await.expect("a prefix"),
            By::Tag => manager.invalidate_tag("all").await.expect("a tag"),
            By::PrefixOfFunction => change_prefix().await,
            By::TagOfFunction => change_tag().await,
        }
        let took = began.elapsed();
        let before = manager.stats().total.loads;
        load(FRESH).await;
        assert_eq!(manager.stats().total.loads, before + FRESH, "not everything is outdated");
        took
    }))
}
