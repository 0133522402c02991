//! Copies in memory: which values are copied, which requests a read sends to Redis, and the lifetime of
//! a copy.

use std::time::Duration;

use cache_runtime::{SetOptions, Ttl, cached, with};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::{From, fetch, own_tiered, until_received};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_store, on_stores, until};
use crate::video::{NAME, Way, call, receives, video};

const SECOND: Duration = Duration::from_secs(1);
const TIERED: [Store; 1] = [Store::Tiered];

#[tokio::test]
async fn a_value_is_in_memory_once_it_was_loaded_or_read() {
    on_stores(&TIERED, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        assert_eq!(fetch(&cache.manager, &source).await, (1, From::Load));
        assert_eq!(fetch(&cache.manager, &source).await, (1, From::Memory));
        assert_eq!(fetch(&peer, &source).await, (1, From::Redis));
        assert_eq!(fetch(&peer, &source).await, (1, From::Memory));
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_read_is_one_get_once_the_tokens_are_known() {
    let cache = own_tiered(|config| config).await;
    let (peer, manager) = (cache.peer().await, &cache.manager);
    let names: Vec<String> = (0..10).map(|i| format!("user:{i}")).collect();
    for name in &names {
        peer.set(name, &1_u64, SetOptions::forever()).await.unwrap();
    }
    assert_eq!(manager.get(&names[0]).await.unwrap(), Some(1_u64));
    cache.server().cli::<()>(&["CONFIG", "RESETSTAT"]);
    for name in &names[1..] {
        assert_eq!(manager.get(name).await.unwrap(), Some(1_u64));
    }
    let stats: String = cache.server().cli(&["INFO", "commandstats"]);
    assert!(stats.contains("cmdstat_get:calls=9,"), "{stats}");
    assert!(!stats.contains("cmdstat_mget"), "{stats}");
    for name in &names {
        assert_eq!(manager.get(name).await.unwrap(), Some(1_u64));
    }
    assert_eq!(manager.stats().total.memory_hits, 10);
}

#[tokio::test]
async fn callers_at_once_share_one_read() {
    let cache = own_tiered(|config| config).await;
    let (source, peer) = (Source::new(1), cache.peer().await);
    assert_eq!(fetch(&peer, &source).await, (1, From::Load));
    cache.server().cli::<()>(&["CONFIG", "RESETSTAT"]);
    let calls: Vec<_> = (0..256).map(|_| call(&cache.manager, &source)).collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 1);
    }
    let stats: String = cache.server().cli(&["INFO", "commandstats"]);
    // With the tokens, none of which it has seen before.
    assert!(stats.contains("cmdstat_mget:calls=1,"), "{stats}");
    assert_eq!(source.reads(), 1);
}

#[tokio::test]
async fn a_copy_ends_with_its_entry() {
    on_stores(&TIERED, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        assert_eq!(video(&source).await, 1);
        cache.clock.advance(30 * SECOND);
        // It has been there for half of its minute; the server's time goes on by itself.
        assert_eq!(fetch(&peer, &source).await, (1, From::Redis));
        cache.clock.advance(20 * SECOND);
        assert_eq!(fetch(&peer, &source).await, (1, From::Memory));
        source.set(2);
        // Two managers are of one opinion about the server's time to a few milliseconds.
        cache.clock.advance(10 * SECOND + SECOND / 20);
        assert_eq!(fetch(&peer, &source).await, (2, From::Load));
    })
    .await;
}

#[tokio::test]
async fn a_copy_ends_with_the_memory_ttl() {
    let settings = |config: cache_runtime::CacheConfig| config.memory_ttl(5 * SECOND);
    on_store(Store::Tiered, settings, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(video(&source).await, 1);
        // Nobody is told of this.
        cache.server().cli::<()>(&["DEL", &cache.redis_key(NAME)]);
        source.set(2);
        cache.clock.advance(4 * SECOND);
        assert_eq!(fetch(&cache.manager, &source).await, (1, From::Memory));
        cache.clock.advance(SECOND);
        assert_eq!(fetch(&cache.manager, &source).await, (2, From::Load));
    })
    .await;
}

#[tokio::test]
async fn a_copy_has_the_age_of_its_entry() {
    on_stores(&TIERED, async |cache: TestCache| {
        let manager = &cache.manager;
        cache.peer().await.set("a", &1_u64, Ttl::For(60 * SECOND)).await.unwrap();
        cache.clock.advance(20 * SECOND);
        assert_eq!(manager.get("a").await.unwrap(), Some(1_u64));
        let left = manager.ttl("a").await.unwrap().unwrap().duration().unwrap();
        // The server's time goes on by itself, and is known but for the time of a round trip.
        assert!(left < 50 * SECOND, "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn many_values_come_from_memory_and_the_rest_in_one_question() {
    let cache = own_tiered(|config| config).await;
    let (peer, manager) = (cache.peer().await, &cache.manager);
    for i in 0..6_u64 {
        peer.set(&format!("n:{i}"), &i, SECOND * 60).await.unwrap();
    }
    let names: Vec<String> = (0..7).map(|i| format!("n:{i}")).collect();
    assert_eq!(manager.get_many::<u64>(&names[..3]).await.unwrap(), [Some(0), Some(1), Some(2)]);
    cache.server().cli::<()>(&["CONFIG", "RESETSTAT"]);
    let all: Vec<Option<u64>> = manager.get_many(&names).await.unwrap();
    assert_eq!(all, [Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), None]);
    let stats: String = cache.server().cli(&["INFO", "commandstats"]);
    assert!(stats.contains("cmdstat_mget:calls=1,"), "{stats}");
    let counts = manager.stats().total;
    assert_eq!((counts.memory_hits, counts.redis_hits, counts.misses), (3, 6, 1));
}

#[cached(tier = "tiered", key_prefix = "tiers:tiered", skip(source))]
async fn tiered(source: &Source) -> u64 {
    source.read().await
}

#[cached(tier = "redis", key_prefix = "tiers:redis", skip(source))]
async fn strict(source: &Source) -> u64 {
    source.read().await
}

#[tokio::test]
async fn a_function_may_choose_another_tier_than_the_configuration() {
    for store in Store::WITH_REDIS {
        on_stores(&[store], async |cache: TestCache| {
            let (source, manager) = (Source::new(1), &cache.manager);
            let hits = || (manager.stats().total.memory_hits, manager.stats().total.redis_hits);
            tiered(&source).await;
            let heard = async || manager.health().await.feed_lag.is_some();
            crate::stores::until(heard).await;
            assert_eq!(tiered(&source).await, 1);
            let (memory, redis) = hits();
            assert_eq!(tiered(&source).await, 1);
            assert_eq!(hits(), (memory + 1, redis), "{store:?}");
            strict(&source).await;
            assert_eq!(strict(&source).await, 1);
            assert_eq!(hits(), (memory + 1, redis + 1), "{store:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_too_large_for_memory_is_read_from_redis() {
    let cache = own_tiered(|config| config.memory_capacity(64 << 10)).await;
    until_received(&cache.manager).await;
    let large = "x".repeat(200_000);
    cache.manager.set("large", &large, SECOND * 60).await.unwrap();
    for _ in 0..2 {
        assert_eq!(cache.manager.get::<String>("large").await.unwrap().as_ref(), Some(&large));
    }
    assert_eq!(cache.manager.stats().total.redis_hits, 2);
}

/// The removal in Redis is held up, and its notice has not been received. A value that is read from Redis meanwhile
/// is copied, and the copy must not stay.
#[tokio::test]
async fn what_is_copied_while_redis_is_told_of_an_invalidation_does_not_stay() {
    let cache = own_tiered(|config| config).await;
    let (peer, manager) = (cache.peer().await, &cache.manager);
    for way in Way::ALL {
        let source = Source::new(1);
        receives(&peer, &source, 1).await;
        // The connection of a runtime of its own, so that it is not this one's that is held up.
        let invalidator = manager.clone();
        let (is_ready, ready) = oneshot::channel();
        let (begin, begins) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                invalidator.health().await;
                is_ready.send(()).unwrap();
                begins.await.unwrap();
                way.invalidate(&invalidator).await;
            });
        });
        ready.await.unwrap();
        cache.server().cli::<()>(&["CLIENT", "PAUSE", "60000", "WRITE"]);
        begin.send(()).unwrap();
        until(async || {
            let clients: String = cache.server().cli(&["INFO", "clients"]);
            !clients.contains("blocked_clients:0")
        })
        .await;
        source.set(2);
        assert_eq!(fetch(manager, &source).await, (1, From::Redis), "{way:?}");
        assert_eq!(with(manager, video(&source)).await, 1, "{way:?}");
        assert!(!thread.is_finished());
        cache.server().cli::<()>(&["CLIENT", "UNPAUSE"]);
        thread.join().unwrap();
        assert_eq!(with(manager, video(&source)).await, 2, "{way:?}");
        // Nobody here has the value of this round in memory at the beginning of the next.
        way.invalidate(manager).await;
        receives(&peer, &Source::new(3), 3).await;
        way.invalidate(manager).await;
    }
}
