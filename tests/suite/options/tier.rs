//! `tier`: where the values of one function are kept.

use cache_runtime::{cached, with};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

#[cached(tier = "memory", key_prefix = "tier_option:memory", key = "{id}")]
async fn in_memory(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(tier = "redis", key_prefix = "tier_option:redis", key = "{id}")]
async fn in_redis(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[tokio::test]
async fn a_function_may_keep_its_values_in_its_process() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(in_memory(&source, 1).await, 1);
        assert_eq!(in_redis(&source, 1).await, 1);
        let exists = |name| cache.server().cli::<bool>(&["EXISTS", &cache.redis_key(name)]);
        assert!(!exists("tier_option:memory:1"));
        assert!(exists("tier_option:redis:1"));
        source.set(2);
        assert_eq!(in_memory(&source, 1).await, 1);
        assert_eq!(cache.manager.stats().total.memory_hits, 1);

        let peer = cache.peer().await;
        with(&peer, async {
            assert_eq!(in_memory(&source, 1).await, 2, "each process has its own");
            assert_eq!(in_redis(&source, 1).await, 1);
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn values_are_kept_and_invalidated_in_either_tier() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let both = async || (in_memory(&source, 1).await, in_redis(&source, 1).await);
        assert_eq!(both().await, (1, 1));
        source.set(2);
        assert_eq!(both().await, (1, 1));
        cache.manager.invalidate_prefix("tier_option").await.unwrap();
        assert_eq!(both().await, (2, 2));
        source.set(3);
        cache.manager.clear("tier_option:*:1").await.unwrap();
        assert_eq!(both().await, (3, 3));
        source.set(4);
        cache.manager.flush_all().await;
        assert_eq!(both().await, (4, 4));
    })
    .await;
}
