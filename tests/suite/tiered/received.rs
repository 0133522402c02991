//! Invalidations of one process that another one receives.

use cache_runtime::{CacheCall as _, SetOptions, cache_put, cached, with};

use super::{From, fetch};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_stores, until};
use crate::video::{Load, Way, call, receives, video};

const TIERED: [Store; 1] = [Store::Tiered];

#[tokio::test]
async fn an_invalidation_reaches_the_memory_of_other_processes() {
    on_stores(&TIERED, async |cache: TestCache| {
        let peer = cache.peer().await;
        for way in Way::ALL {
            let source = Source::new(1);
            assert_eq!(video(&source).await, 1, "{way:?}");
            assert_eq!(fetch(&peer, &source).await.0, 1);
            assert_eq!(fetch(&peer, &source).await, (1, From::Memory));
            source.set(2);
            way.invalidate(&cache.manager).await;
            assert_eq!(video(&source).await, 2, "{way:?}: here it is known at once");
            receives(&peer, &source, 2).await;
            way.invalidate(&cache.manager).await;
            until_missing(&peer).await;
        }
    })
    .await;
}

/// Waits until the peer has received that the video is gone.
async fn until_missing(peer: &cache_runtime::CacheManager) {
    until(async || peer.get::<u64>(crate::video::NAME).await.unwrap().is_none()).await;
}

#[tokio::test]
async fn what_is_put_here_is_seen_there() {
    on_stores(&TIERED, async |cache: TestCache| {
        cache.leaves_endless_keys();
        let peer = cache.peer().await;
        let set = async |value: u64| {
            cache.manager.set("a:b", &value, SetOptions::forever().tag("t")).await.unwrap();
            let got = async || peer.get::<u64>("a:b").await.unwrap() == Some(value);
            until(got).await;
            assert!(got().await);
        };
        for value in 1..=5 {
            set(value).await;
        }
        // The copy over there depends on the tag that only the entry tells of.
        cache.manager.invalidate_tag("t").await.unwrap();
        until(async || peer.get::<u64>("a:b").await.unwrap().is_none()).await;
        set(6).await;
        assert_eq!(cache.manager.delete("a:b").await.unwrap(), Some(true));
        until(async || peer.get::<u64>("a:b").await.unwrap().is_none()).await;
    })
    .await;
}

#[cached(ttl = "5m", key_prefix = "heard", key = "{id}")]
async fn item(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cache_put(entry = item(source, id))]
async fn replace(source: &Source, id: u64, value: u64) -> u64 {
    _ = id;
    source.set(value);
    value
}

#[tokio::test]
async fn puts_and_refreshes_of_a_function_are_seen_there() {
    on_stores(&TIERED, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        let there = async || with(&peer, item(&source, 1)).await;
        assert_eq!(item(&source, 1).await, 1);
        assert_eq!(there().await, 1);
        replace(&source, 1, 2).await;
        until(async || there().await == 2).await;
        source.set(3);
        assert_eq!(item(&source, 1).cache_entry().refresh().await.unwrap(), 3);
        until(async || there().await == 3).await;
        assert_eq!(source.reads(), 2, "the rest was read from Redis");
    })
    .await;
}

#[tokio::test]
async fn a_load_that_was_overtaken_elsewhere_is_not_kept() {
    on_stores(&TIERED, async |cache: TestCache| {
        let peer = cache.peer().await;
        for way in Way::ALL {
            let source = Source::new(1);
            let load = Load::begin(&peer, &source).await;
            source.set(2);
            way.invalidate(&cache.manager).await;
            assert_eq!(load.end().await, 1);
            // Not in Redis, and if this process has not received it yet, not in memory: its fill was
            // refused.
            assert_eq!(fetch(&peer, &source).await, (2, From::Load), "{way:?}");
            way.invalidate(&peer).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_own_notice_takes_nothing_from_memory() {
    on_stores(&TIERED, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        Way::Prefix.invalidate(&cache.manager).await;
        assert_eq!(video(&source).await, 1);
        // By now the notice is back, too.
        until(async || peer.stats().notices == 1).await;
        for _ in 0..3 {
            assert_eq!(fetch(&cache.manager, &source).await, (1, From::Memory));
        }
        assert_eq!(cache.manager.stats().notices, 0);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_takes_nothing_else_from_memory_elsewhere() {
    on_stores(&TIERED, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        assert_eq!(fetch(&peer, &source).await, (1, From::Load));
        cache.manager.invalidate_prefix("video:met").await.unwrap();
        cache.manager.invalidate_tag("team:blue").await.unwrap();
        cache.manager.delete("video:meta:8").await.unwrap();
        // It publishes its pattern before its scan, and after it.
        cache.manager.clear("video:*:8").await.unwrap();
        until(async || peer.stats().notices == 5).await;
        assert_eq!(fetch(&peer, &source).await, (1, From::Memory));
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_reaches_what_another_process_keeps_in_memory_alone() {
    #[cached(ttl = "5m", tier = "memory", key_prefix = "alone", key = "{id}")]
    async fn alone(source: &Source, id: u64) -> u64 {
        _ = id;
        source.read().await
    }
    on_stores(&TIERED, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        let there = async || with(&peer, alone(&source, 1)).await;
        assert_eq!(there().await, 1);
        source.set(2);
        assert_eq!(there().await, 1);
        cache.manager.invalidate_prefix("alone").await.unwrap();
        until(async || there().await == 2).await;
    })
    .await;
}

#[tokio::test]
async fn many_callers_while_everything_changes_see_nothing_old_for_long() {
    on_stores(&TIERED, async |cache: TestCache| {
        let (source, peer) = (Source::new(0), cache.peer().await);
        for round in 1..=50 {
            source.set(round);
            Way::ALL[round as usize % Way::ALL.len()].invalidate(&cache.manager).await;
            let calls: Vec<_> = (0..8).map(|_| call(&cache.manager, &source)).collect();
            let there: Vec<_> = (0..8).map(|_| call(&peer, &source)).collect();
            for call in calls {
                assert_eq!(call.await.unwrap(), round);
            }
            // A value whose invalidation has not been received yet may be from the round before.
            for call in there {
                let value = call.await.unwrap();
                assert!((round - 1..=round).contains(&value), "{value} in {round}");
            }
            receives(&peer, &source, round).await;
        }
    })
    .await;
}

/// Redis may evict a placeholder. What is put then is not stored, and what it was to replace is gone.
#[tokio::test]
async fn a_put_that_redis_refuses_leaves_nothing_older() {
    on_stores(&Store::ONE_SERVER, async |cache: TestCache| {
        cache.leaves_endless_keys();
        let peer = cache.peer().await;
        let set = async |by: &cache_runtime::CacheManager, value: u64| {
            by.set("a", &value, SetOptions::forever()).await.unwrap();
        };
        let key = cache.redis_key("a");
        for value in 1..=100 {
            set(&cache.manager, value * 2).await;
            until(async || peer.get::<u64>("a").await.unwrap().is_none_or(|it| it == value * 2))
                .await;
            // While it is between its two steps, more often than not.
            let server = cache.server();
            tokio::join!(set(&cache.manager, value * 2 + 1), async {
                tokio::task::yield_now().await;
                server.cli::<u64>(&["DEL", &key]);
            });
            let here = cache.manager.get::<u64>("a").await.unwrap();
            assert!(here.is_none_or(|here| here == value * 2 + 1), "{here:?} after {value}");
            until(async || {
                peer.get::<u64>("a").await.unwrap().is_none_or(|it| it == value * 2 + 1)
            })
            .await;
        }
    })
    .await;
}
