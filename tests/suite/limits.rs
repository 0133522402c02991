//! Limits that the documentation of the crate names: they are as it says.

use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, cached, with};
use cache_tests::{Proxy, RedisServer, unique_namespace};
use tokio::task_local;

use crate::source::Source;
use crate::stores::{Store, TestCache, on_redis, on_stores, until};

task_local! {
    static REQUEST: u64;
}

#[cached(key_prefix = "limits_local", ttl = 60, stale_while_revalidate = "1h")]
async fn of_task_local() -> Option<u64> {
    REQUEST.try_with(|request| *request).ok()
}

#[tokio::test]
async fn a_load_in_the_background_has_no_task_local_of_its_caller() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let call = || REQUEST.scope(7, of_task_local());
        assert_eq!(call().await, Some(7), "the caller runs the body itself");
        cache.clock.advance(Duration::from_secs(120));
        until(async || call().await.is_none()).await;
        assert_eq!(cache.manager.stats().total.refreshes, 1);
    })
    .await;
}

#[cached(key_prefix = "limits_paused", key = "{id}")]
async fn item(source: &Source, id: u64) -> u64 {
    id + source.read().await
}

#[tokio::test(start_paused = true)]
async fn with_a_paused_clock_redis_is_not_used_and_calls_are_served_from_memory() {
    let server = RedisServer::start();
    let proxy = Proxy::before(server.port());
    // An answer that is on its way when the runtime has nothing else to do.
    proxy.slow(Duration::from_millis(50));
    let config = CacheConfig::default().namespace(unique_namespace());
    let config = on_redis(config, &format!("redis://127.0.0.1:{}", proxy.port()));
    let manager = CacheManager::builder().config(config).build().unwrap();
    let source = Source::new(0);
    with(&manager, async {
        for id in [1, 2, 1, 2] {
            assert_eq!(item(&source, id).await, id);
        }
    })
    .await;
    assert_eq!(source.reads(), 2, "the later calls are hits");
    assert_eq!(manager.backend(), "tiered");
    assert_eq!(manager.health().await.backend, "memory");
}
