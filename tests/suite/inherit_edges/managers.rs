//! Inner functions with a cache of their own.

use cache_runtime::{CacheManager, cached, with};
use cache_tests::unique_namespace;

use super::{Data, follows, plain};
use crate::log::Log;
use crate::stores::{Store, TestCache, in_time, on_each_store, on_stores};

#[cached(ttl = "10m", key = "{id}", tags = ["inners"], manager = cache)]
async fn elsewhere(cache: &CacheManager, data: &Data, id: u64) -> u64 {
    _ = id;
    data.source.read().await
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn of_elsewhere(cache: &CacheManager, data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    elsewhere(cache, data, id).await
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn in_scope(cache: &CacheManager, data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    with(cache, plain(data, id)).await
}

fn other(cache: &TestCache) -> CacheManager {
    let config = cache.manager.config().clone().namespace(unique_namespace());
    CacheManager::builder().config(config).clock(cache.clock.clone()).build().unwrap()
}

// An invalidation in the other cache would not reach the outer value.
#[tokio::test]
async fn a_value_that_depends_on_another_cache_is_not_stored() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let (log, _capture) = Log::capture();
        let (data, other) = (Data::new(), other(&cache));
        // The second inner value comes from a store, and in memory from the thread's near cache.
        for _ in 0..3 {
            assert_eq!(of_elsewhere(&other, &data, 1).await, 1);
            assert_eq!(in_scope(&other, &data, 1).await, 1);
        }
        assert_eq!((data.bodies(), data.source.reads()), (6, 2));
        let lines = log.lines("WARN");
        let of = |function: &str| {
            let quoted = format!("::{function}\"");
            lines.iter().filter(|line| line.contains(&quoted)).collect::<Vec<_>>()
        };
        for function in ["of_elsewhere", "in_scope"] {
            let [line] = of(function)[..] else { panic!("once: {lines:#?}") };
            assert!(line.contains("another cache; give both the same manager"), "{line}");
        }
        assert_eq!(lines.len(), 2, "{lines:#?}");
    })
    .await;
}

#[tokio::test]
async fn functions_with_the_same_manager_inherit() {
    on_each_store(async |cache: TestCache| {
        let (data, manager) = (Data::new(), &cache.manager);
        let call = async || in_time(of_elsewhere(manager, &data, 1)).await;
        follows(manager, &data, "elsewhere:1", call).await;
        manager.flush_all().await;
        let call = async || in_time(in_scope(manager, &data, 1)).await;
        follows(manager, &data, "plain:1", call).await;
    })
    .await;
}

// A handle that was cloned is the same cache. Another manager with the same Redis and namespace is not.
#[tokio::test]
async fn a_clone_of_the_manager_is_the_same_cache() {
    on_each_store(async |cache: TestCache| {
        let (data, clone) = (Data::new(), cache.manager.clone());
        let call = async || in_time(of_elsewhere(&clone, &data, 1)).await;
        follows(&cache.manager, &data, "elsewhere:1", call).await;
    })
    .await;
}
