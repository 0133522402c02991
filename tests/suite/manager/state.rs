//! `ping`, `health`, `disconnect`, and what a manager says of itself.

use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Status, cached, with};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn health_names_the_store_in_use() {
    on_each_store(async |cache: TestCache| {
        let health = cache.manager.health().await;
        let expected = match cache.store {
            Store::Memory => (Status::Healthy, "memory", false, false),
            Store::Redis | Store::Cluster => (Status::Healthy, "redis", true, false),
            Store::Tiered | Store::TieredCluster => (Status::Healthy, "tiered", true, false),
            Store::Outage => (Status::Degraded, "memory", false, true),
        };
        let found =
            (health.status, health.backend, health.latency.is_some(), health.reason.is_some());
        assert_eq!(found, expected);
        assert_eq!(cache.manager.ping().await.is_some(), cache.store.has_redis());
    })
    .await;
}

#[tokio::test]
async fn health_can_be_published() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let json = serde_json::to_value(cache.manager.health().await).unwrap();
        assert_eq!((&json["status"], &json["backend"]), (&"healthy".into(), &"memory".into()));
    })
    .await;
}

#[cached(key_prefix = "state", key = "{id}")]
async fn item(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[tokio::test]
async fn after_a_disconnect_functions_go_on_in_memory() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(item(&source, 1).await, 1);
        let pending = cache.manager.disconnect().await;
        assert_eq!(pending, 0);
        source.set(2);
        item(&source, 2).await;
        assert_eq!((item(&source, 2).await, source.reads()), (2, 2));
        assert_eq!(cache.manager.ping().await, None);
        assert_eq!(cache.manager.health().await.backend, "memory");
    })
    .await;
}

#[tokio::test]
async fn disconnect_says_how_many_invalidations_redis_still_lacks() {
    on_stores(&[Store::Outage], async |cache: TestCache| {
        cache.manager.delete("a").await.unwrap();
        cache.manager.delete("b").await.unwrap();
        assert_eq!(cache.manager.disconnect().await, 2);
    })
    .await;
}

#[tokio::test]
async fn clones_share_the_cache_and_peers_share_redis() {
    on_each_store(async |cache: TestCache| {
        cache.manager.set("a", &1, MINUTE).await.unwrap();
        assert_eq!(cache.manager.clone().get("a").await.unwrap(), Some(1));
        let shared = cache.peer().await.get("a").await.unwrap();
        assert_eq!(shared, Some(1).filter(|_| cache.store.has_redis()));
    })
    .await;
}

#[tokio::test]
async fn a_manager_shows_its_configuration_without_secrets() {
    let config = CacheConfig::default().namespace("shop").redis_url("redis://:hunter2@127.0.0.1:1");
    let manager = CacheManager::builder().config(config.clone()).build().unwrap();
    assert_eq!(*manager.config(), config);
    let text = format!("{manager:?}");
    assert!(text.contains("shop") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_manager_may_be_dropped_while_it_is_used() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let load = {
            let peer = cache.peer().await;
            let source = source.clone();
            tokio::spawn(async move { with(&peer, item(&source, 1)).await })
        };
        hold.reached().await;
        hold.release();
        assert_eq!(load.await.unwrap(), 1);
    })
    .await;
}
