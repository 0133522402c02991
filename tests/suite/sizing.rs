//! The report about the use of memory.

use std::time::Duration;

use cache_runtime::{CacheConfig, SizingFinding, cached};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_store, on_stores};

const PAST_TTL: Duration = Duration::from_secs(61);

#[cached(ttl = "1m", key_prefix = "sizing", key = "{id}")]
async fn item(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = "1m", key_prefix = "large", key = "{id}")]
async fn large(id: u64) -> Vec<u8> {
    vec![id.to_le_bytes()[0]; 10_000]
}

/// A value with neither serde, `PartialEq` nor `Debug`.
#[derive(Clone)]
struct Opaque;

#[cached(ttl = "1m", key_prefix = "opaque", key = "{id}", tier = "memory", weight = |_| 1)]
async fn opaque(id: u64) -> Opaque {
    _ = id;
    Opaque
}

/// Returns the numbers of values that were compared, and that were unchanged.
fn reloads(cache: &TestCache) -> (u64, u64) {
    let total = cache.manager.stats().total;
    (total.reloads_compared, total.reloads_unchanged)
}

#[tokio::test]
async fn one_in_eight_values_is_compared_with_the_one_whose_ttl_is_over() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        for round in 0..32 {
            // The second half of the values is new each time.
            source.set(if round < 16 { 1 } else { round });
            item(&source, 1).await;
            cache.clock.advance(PAST_TTL);
        }
        let expected = if cache.store.asks_redis_each_time() { (0, 0) } else { (4, 2) };
        assert_eq!(reloads(&cache), expected);
    })
    .await;
}

#[tokio::test]
async fn values_that_cannot_be_compared_are_not() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        for _ in 0..16 {
            opaque(1).await;
            cache.clock.advance(PAST_TTL);
        }
        assert_eq!((cache.manager.stats().total.loads, reloads(&cache)), (16, (0, 0)));
    })
    .await;
}

#[tokio::test]
async fn a_value_that_was_invalidated_is_compared_with_none() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        for _ in 0..32 {
            item(&source, 1).await;
            cache.manager.invalidate_prefix("sizing").await.unwrap();
        }
        assert_eq!(cache.manager.stats().total.loads, 32);
        assert_eq!(reloads(&cache), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn loads_that_a_larger_memory_would_have_saved_are_reported() {
    let small = |config: CacheConfig| config.memory_capacity(2 << 20);
    on_store(Store::Memory, small, async |cache: TestCache| {
        // About 200 values fit; twice the memory holds all of them.
        for _ in 0..20 {
            for id in 0..300 {
                large(id).await;
            }
        }
        let sizing = cache.manager.sizing();
        assert_eq!((sizing.lookups, sizing.capacity), (6_000, 2 << 20));
        assert!(sizing.evictions > 0, "{sizing}");
        assert!(sizing.hit_rate_at_2x > sizing.hit_rate + 0.1, "{sizing}");
        assert!(sizing.hit_rate_at_4x >= sizing.hit_rate_at_2x, "{sizing}");
        assert!(matches!(sizing.findings[..], [SizingFinding::MoreMemory { .. }]), "{sizing}");
        assert_eq!(sizing.functions[0].bytes, sizing.bytes);
        cache.manager.reset_stats();
        let sizing = cache.manager.sizing();
        let rates = [sizing.hit_rate, sizing.hit_rate_at_2x, sizing.hit_rate_at_4x];
        assert_eq!((rates, sizing.lookups), ([0.0; 3], 0));
    })
    .await;
}
