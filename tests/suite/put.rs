//! Values that are put over whatever is there, and loads that began before.

use std::time::Duration;

use cache_runtime::{CacheManager, SetOptions};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};
use crate::video::{Load, NAME, Way, call, video};

const TTL: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_put_wins_over_an_older_load() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let older = Load::begin(&cache.manager, &source).await;
        put(&cache.manager, 5).await;
        assert_eq!(older.end().await, 1);
        assert_eq!(video(&source).await, 5);
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_put_elsewhere_wins_over_an_older_load_here() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let peer = cache.peer().await;
        let source = Source::new(1);
        let older = Load::begin(&cache.manager, &source).await;
        put(&peer, 5).await;
        let late = call(&cache.manager, &source);
        tokio::task::yield_now().await;
        assert_eq!(older.end().await, 1);
        assert_eq!(late.await.unwrap(), 5);
        assert_eq!(video(&source).await, 5);
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_put_is_invalidated_like_a_load() {
    on_each_store(async |cache: TestCache| {
        for way in Way::ALL {
            let source = Source::new(1);
            put(&cache.manager, 5).await;
            assert_eq!(video(&source).await, 5, "{way:?}");
            way.invalidate(&cache.manager).await;
            assert_eq!(video(&source).await, 1, "{way:?}");
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_put_without_the_functions_tags_is_not_served_past_an_invalidation_by_them() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        cache.manager.set(NAME, &5_u64, TTL).await.unwrap();
        _ = video(&source).await;
        Way::Tag.invalidate(&cache.manager).await;
        assert_eq!(video(&source).await, 1);
    })
    .await;
}

async fn put(cache: &CacheManager, value: u64) {
    let options = SetOptions::ttl(TTL).tag("team:red");
    cache.set(NAME, &value, options).await.unwrap();
}

#[test]
fn a_put_during_scans_is_stored_or_nothing_is() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let cache = CacheManager::builder().build().unwrap();
    let scanner = cache.clone();
    let scanning = runtime.spawn(async move {
        loop {
            scanner.clear("other:*").await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    runtime.block_on(async {
        for value in 0..50_000_u64 {
            cache.set("name", &value, TTL).await.unwrap();
            let there = cache.get::<u64>("name").await.unwrap();
            assert!(there.is_none_or(|there| there == value), "{there:?} after {value} was put");
        }
    });
    scanning.abort();
}
