//! The direct API in the scope of a transaction.

use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Mode, SetOptions, deferred};

use crate::source::Source;
use crate::stores::{TestCache, on_each_store};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn direct_removals_wait_and_their_names_are_not_read() {
    on_each_store(async |cache: TestCache| {
        let manager = &cache.manager;
        let tagged = || SetOptions::ttl(MINUTE).tag("team");
        for name in ["a:1", "a:2", "b:1", "c:1"] {
            manager.set(name, &1, tagged()).await.unwrap();
        }
        manager.set("d:1", &1, MINUTE).await.unwrap();
        let read = async |name: &str| manager.get::<i32>(name).await.unwrap();
        let ((), pending) = deferred(async {
            assert_eq!(manager.delete("a:1").await.unwrap(), None);
            assert_eq!((read("a:1").await, read("a:2").await), (None, Some(1)));
            assert_eq!(manager.ttl("a:1").await.unwrap(), None);
            assert!(!manager.exists("a:1").await.unwrap());
            manager.invalidate_prefix("b").await.unwrap();
            assert_eq!(
                manager.get_many::<i32>(&["b:1", "a:2", "a:1"]).await.unwrap(),
                [None, Some(1), None]
            );
            manager.invalidate_tag("team").await.unwrap();
            assert_eq!((read("c:1").await, read("d:1").await), (None, Some(1)));
        })
        .await;
        assert_eq!(
            (read("a:1").await, read("b:1").await, read("c:1").await),
            (Some(1), Some(1), Some(1))
        );
        pending.apply().await;
        assert_eq!((read("a:1").await, read("b:1").await, read("c:1").await), (None, None, None));
        assert_eq!(read("d:1").await, Some(1));
    })
    .await;
}

#[tokio::test]
async fn direct_loads_follow_the_rules_of_calls() {
    on_each_store(async |cache: TestCache| {
        let (manager, source) = (&cache.manager, Source::new(1));
        let load = async |name: &str| {
            manager
                .get_or_load(name, MINUTE, async || Ok::<_, ()>(source.read().await))
                .await
                .unwrap()
        };
        let many = async || {
            let load = async |names: Vec<String>| {
                let value = source.read().await;
                Ok::<_, ()>(names.into_iter().map(|name| (name, value)).collect())
            };
            let all = manager.get_or_load_many(["a:1", "a:2"], MINUTE, load).await.unwrap();
            (all["a:1"], all["a:2"])
        };
        assert_eq!(many().await, (1, 1));
        let ((), pending) = deferred(async {
            manager.delete("a:1").await.unwrap();
            source.set(2);
            assert_eq!((load("a:1").await, load("a:2").await), (2, 1));
            assert_eq!(many().await, (2, 1));
            assert_eq!(load("a:3").await, 2, "it is loaded for the caller alone");
        })
        .await;
        source.set(1);
        pending.discard();
        assert_eq!((many().await, load("a:3").await), ((1, 1), 1));
    })
    .await;
}

#[tokio::test]
async fn a_value_that_is_set_beside_a_pending_invalidation_is_not_stored() {
    on_each_store(async |cache: TestCache| {
        let manager = &cache.manager;
        let read = async |name: &str| manager.get::<i32>(name).await.unwrap();
        manager.set("a:1", &1, MINUTE).await.unwrap();
        manager.set("a:2", &1, MINUTE).await.unwrap();
        let ((), pending) = deferred(async {
            manager.set("b:1", &1, MINUTE).await.unwrap();
            manager.invalidate_tag("any").await.unwrap();
            manager.set("a:1", &2, MINUTE).await.unwrap();
            let written = manager.set_many([("a:2", &2), ("a:3", &2)], MINUTE).await.unwrap();
            assert_eq!((written.stored, written.overtaken), (0, 2));
        })
        .await;
        assert_eq!(read("b:1").await, Some(1), "nothing was pending yet");
        assert_eq!(
            (read("a:1").await, read("a:2").await, read("a:3").await),
            (Some(1), Some(1), None)
        );
        pending.apply().await;
        assert_eq!((read("a:1").await, read("a:2").await), (None, None));
    })
    .await;
}

#[tokio::test]
async fn a_cache_that_is_off_removes_after_the_commit() {
    let config = CacheConfig::default().mode(Mode::Off);
    let manager = CacheManager::builder().config(config).build().unwrap();
    let ((), pending) = deferred(async {
        manager.set("a:1", &1, MINUTE).await.unwrap();
        manager.set_many([("a:2", &2)], MINUTE).await.unwrap();
    })
    .await;
    assert_eq!((pending.len(), manager.stats().invalidations), (2, 0));
    pending.apply().await;
    assert_eq!(manager.stats().invalidations, 1);
}
