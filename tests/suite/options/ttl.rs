//! `ttl`, in each of its forms, and `jitter`.

use std::time::Duration;

use cache_runtime::{CacheConfig, SetOptions, Ttl, cached};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_store, on_stores};

const MS: Duration = Duration::from_millis(1);

#[cached(ttl = "1m", skip(source))]
async fn as_text(source: &Source) -> u64 {
    source.read().await
}

#[cached(ttl = "30s500ms", skip(source))]
async fn composed(source: &Source) -> u64 {
    source.read().await
}

#[cached(ttl = 60, skip(source))]
async fn as_number(source: &Source) -> u64 {
    source.read().await
}

#[cached(ttl = Duration::from_secs(30) * 2, skip(source))]
async fn as_expression(source: &Source) -> u64 {
    source.read().await
}

#[cached(ttl = "forever", skip(source))]
async fn forever(source: &Source) -> u64 {
    source.read().await
}

#[cached(skip(source))]
async fn inherited(source: &Source) -> u64 {
    source.read().await
}

#[cached(key_prefix = "ttl_option:short", skip(source))]
async fn by_prefix(source: &Source) -> u64 {
    source.read().await
}

/// The value is the first one until the TTL has gone by, and the second one from then on.
async fn lives(cache: &TestCache, ttl: Duration, call: impl AsyncFn(&Source) -> u64) {
    let source = Source::new(1);
    assert_eq!(call(&source).await, 1);
    source.set(2);
    cache.clock.advance(ttl - TICK);
    assert_eq!(call(&source).await, 1, "fresh for {ttl:?}");
    cache.clock.advance(TICK * 2);
    assert_eq!(call(&source).await, 2, "stale after {ttl:?}");
    assert_eq!(source.reads(), 2);
}

/// On Redis the server's own clock goes on while a test runs.
const TICK: Duration = Duration::from_secs(5);

#[tokio::test]
async fn every_form_of_a_ttl_means_the_time_it_says() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let minute = Duration::from_secs(60);
        lives(&cache, minute, async |source| as_text(source).await).await;
        lives(&cache, minute, async |source| as_number(source).await).await;
        lives(&cache, minute, async |source| as_expression(source).await).await;
        lives(&cache, MS * 30_500, async |source| composed(source).await).await;
    })
    .await;
}

#[tokio::test]
async fn a_ttl_is_exact_in_memory() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(composed(&source).await, 1);
        source.set(2);
        cache.clock.advance(MS * 30_499);
        assert_eq!(composed(&source).await, 1);
        cache.clock.advance(MS);
        assert_eq!(composed(&source).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_value_that_is_kept_forever_does_not_grow_old() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        cache.leaves_endless_keys();
        let source = Source::new(1);
        assert_eq!(forever(&source).await, 1);
        source.set(2);
        cache.clock.advance(Duration::from_secs(100 * 365 * 24 * 3600));
        assert_eq!(forever(&source).await, 1);
        cache.manager.invalidate_prefix("forever").await.unwrap();
        assert_eq!(forever(&source).await, 2, "it can be invalidated all the same");
    })
    .await;
}

#[tokio::test]
async fn without_a_ttl_the_prefix_decides_and_then_the_default() {
    for store in Store::INTENDED {
        let settings = |config: CacheConfig| {
            config
                .default_ttl(Duration::from_secs(100))
                .prefix_ttl("ttl_option", Duration::from_secs(30))
                .prefix_ttl("directly", Ttl::Forever)
        };
        on_store(store, settings, async |cache: TestCache| {
            cache.leaves_endless_keys();
            lives(&cache, Duration::from_secs(100), async |s| inherited(s).await).await;
            lives(&cache, Duration::from_secs(30), async |s| by_prefix(s).await).await;
            cache.manager.set("directly:1", &1, SetOptions::default()).await.unwrap();
            assert_eq!(cache.manager.ttl("directly:1").await.unwrap(), Some(Ttl::Forever));
        })
        .await;
    }
}

fn zero() -> Duration {
    Duration::ZERO
}

#[cached(ttl = zero(), skip(source))]
async fn without_meaning(source: &Source) -> u64 {
    source.read().await
}

#[tokio::test]
async fn a_ttl_expression_without_meaning_leaves_the_call_uncached() {
    on_stores(&Store::INTENDED, async |_: TestCache| {
        let source = Source::new(1);
        assert_eq!(without_meaning(&source).await, 1);
        assert_eq!(without_meaning(&source).await, 1);
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[cached(ttl = 100, jitter = 0.5, key = "{id}")]
async fn jittered(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = 100, key = "{id}")]
async fn punctual(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[tokio::test]
async fn jitter_spreads_the_ends_of_values_over_its_part_of_the_ttl() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        for id in 0..1_000 {
            jittered(&source, id).await;
            punctual(&source, id).await;
        }
        let mut fresh = Vec::new();
        for _ in 0..10 {
            cache.clock.advance(Duration::from_secs(10));
            fresh.push((fresh_of(&cache, "jittered").await, fresh_of(&cache, "punctual").await));
        }
        assert_eq!(fresh[..4], [(1_000, 1_000); 4], "none ends in the first half");
        let ended: Vec<_> = fresh.windows(2).skip(4).map(|pair| pair[0].0 - pair[1].0).collect();
        assert!(ended.iter().all(|ended| (100..300).contains(ended)), "{ended:?}");
        assert_eq!(fresh[8].1, 1_000, "without jitter all end together");
        assert_eq!(fresh[9], (0, 0));
    })
    .await;
}

/// Returns how many of a thousand entries are fresh.
async fn fresh_of(cache: &TestCache, prefix: &str) -> usize {
    let names: Vec<_> = (0..1_000).map(|id| format!("{prefix}:{id}")).collect();
    cache.manager.get_many::<u64>(&names).await.unwrap().into_iter().flatten().count()
}
