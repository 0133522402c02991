//! Invalidations that Redis does not confirm, or forgets.

use std::convert::identity;
use std::time::Duration;

use cache_runtime::{CacheConfig, SetOptions, cache_invalidate};

use crate::source::Source;
use crate::stores::{TestCache, on_own_servers, until_up};
use crate::video::{Way, call, receives, video};

/// Long enough for a busy machine, short enough to be waited for.
const DEADLINE: Duration = Duration::from_millis(200);

/// An entry that depends on the same tokens as the video.
const BESIDE: &str = "video:meta:8";

fn impatient(config: CacheConfig) -> CacheConfig {
    config.redis_timeout(DEADLINE)
}

fn trusting(config: CacheConfig) -> CacheConfig {
    config.trust_restart(true)
}

// R6: a key with a pending removal is not read.
#[tokio::test]
async fn after_an_unconfirmed_invalidation_nothing_is_read_from_redis() {
    on_own_servers(impatient, async |cache: TestCache| {
        for way in [Way::Key, Way::Prefix, Way::Tag, Way::Clear, Way::FlushAll] {
            let source = Source::new(1);
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 1, "{way:?}");
            source.set(2);
            // Reads are answered, with the old value; no write is.
            cache.server().cli::<()>(&["CLIENT", "PAUSE", "60000", "WRITE"]);
            way.invalidate(&cache.manager).await;
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 2, "{way:?}");
            cache.server().cli::<()>(&["CLIENT", "UNPAUSE"]);
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 2, "{way:?}");
            until_up(&cache.manager).await;
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 2, "{way:?}");
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn after_a_dropped_mutation_nothing_is_read_from_redis_until_it_is_told() {
    on_own_servers(impatient, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(video(&source).await, 1);
        source.set(2);
        cache.server().cli::<()>(&["CLIENT", "PAUSE", "60000", "WRITE"]);
        drop_mutation().await;
        assert_eq!(video(&source).await, 2);
        cache.server().cli::<()>(&["CLIENT", "UNPAUSE"]);
        until_up(&cache.manager).await;
        assert_eq!(video(&source).await, 2);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_while_redis_hangs_reaches_everybody_when_it_goes_on() {
    on_own_servers(impatient, async |cache: TestCache| {
        let peer = cache.peer().await;
        for way in [Way::Key, Way::Prefix, Way::Tag, Way::Clear, Way::FlushAll] {
            let source = Source::new(1);
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 1, "{way:?}");
            receives(&peer, &source, 1).await;
            source.set(2);
            cache.server().pause();
            way.invalidate(&cache.manager).await;
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 2, "{way:?}");
            cache.server().resume();
            until_up(&cache.manager).await;
            receives(&peer, &source, 2).await;
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 2, "{way:?}");
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_while_redis_is_gone_holds_in_a_redis_that_is_trusted() {
    on_own_servers(
        |config| trusting(impatient(config)),
        async |cache: TestCache| {
            let peer = cache.peer().await;
            for way in [Way::Key, Way::Prefix, Way::Tag, Way::Clear, Way::FlushAll] {
                let source = Source::new(1);
                assert_eq!(call(&cache.manager, &source).await.unwrap(), 1, "{way:?}");
                receives(&peer, &source, 1).await;
                cache.server().cli::<()>(&["SAVE"]);
                cache.server().kill();
                source.set(2);
                way.invalidate(&cache.manager).await;
                assert_eq!(call(&cache.manager, &source).await.unwrap(), 2, "{way:?}");
                cache.server().restart();
                until_up(&cache.manager).await;
                until_up(&peer).await;
                receives(&peer, &source, 2).await;
                assert_eq!(call(&cache.manager, &source).await.unwrap(), 2, "{way:?}");
                way.invalidate(&cache.manager).await;
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_trusted_redis_comes_back_warm() {
    on_own_servers(trusting, async |cache: TestCache| {
        let source = Source::new(1);
        call(&cache.manager, &source).await.unwrap();
        cache.server().cli::<()>(&["SAVE"]);
        cache.server().restart();
        until_up(&cache.manager).await;
        call(&cache.manager, &source).await.unwrap();
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_comes_back_with_older_data_serves_none_of_them() {
    on_own_servers(identity, async |cache: TestCache| {
        let peer = cache.peer().await;
        let options = SetOptions::ttl(Duration::from_secs(60)).tag("team:red");
        for way in Way::ALL {
            let source = Source::new(1);
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 1, "{way:?}");
            receives(&peer, &source, 1).await;
            // It knows the tokens, and has the value neither in memory nor known to be stale.
            let knowing = cache.peer().await;
            cache.manager.set(BESIDE, &0_u64, options.clone()).await.unwrap();
            assert_eq!(knowing.get(BESIDE).await.unwrap(), Some(0_u64));
            cache.server().cli::<()>(&["SAVE"]);
            source.set(2);
            way.invalidate(&cache.manager).await;
            cache.server().restart();
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 2, "{way:?}");
            for process in [&cache.manager, &peer, &knowing] {
                until_up(process).await;
                receives(process, &source, 2).await;
            }
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn older_data_are_not_served_when_the_invalidator_is_gone_too() {
    on_own_servers(identity, async |cache: TestCache| {
        for way in Way::ALL {
            let source = Source::new(1);
            receives(&cache.manager, &source, 1).await;
            cache.server().cli::<()>(&["SAVE"]);
            source.set(2);
            way.invalidate(&cache.peer().await).await;
            cache.server().restart();
            // Nobody has identified this server yet, not even one who was there before.
            let newcomer = cache.peer().await;
            assert_eq!(call(&newcomer, &source).await.unwrap(), 2, "{way:?}");
            until_up(&cache.manager).await;
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 2, "{way:?}");
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_loaded_while_an_invalidation_was_pending_is_not_served_in_a_later_outage() {
    on_own_servers(impatient, async |cache: TestCache| {
        let peer = cache.peer().await;
        let source = Source::new(1);
        drop_mutation().await;
        assert_eq!(video(&source).await, 1);
        until_up(&cache.manager).await;
        source.set(2);
        Way::Prefix.invalidate(&peer).await;
        receives(&cache.manager, &source, 2).await;
        cache.server().kill();
        assert_eq!(video(&source).await, 2);
    })
    .await;
}

#[tokio::test]
async fn what_memory_kept_in_one_outage_is_not_served_in_the_next() {
    on_own_servers(impatient, async |cache: TestCache| {
        let peer = cache.peer().await;
        let source = Source::new(1);
        cache.server().kill();
        assert_eq!(call(&cache.manager, &source).await.unwrap(), 1);
        assert_eq!(call(&cache.manager, &source).await.unwrap(), 1);
        assert_eq!(source.reads(), 1, "kept in memory");
        cache.server().restart();
        until_up(&cache.manager).await;
        until_up(&peer).await;
        source.set(2);
        Way::Prefix.invalidate(&peer).await;
        cache.server().kill();
        assert_eq!(call(&cache.manager, &source).await.unwrap(), 2);
    })
    .await;
}

/// Begins a mutation of videos and drops it. Its invalidation is pending then, for as long as this
/// task does not wait.
async fn drop_mutation() {
    #[cache_invalidate(prefix = "video")]
    async fn never() {
        std::future::pending::<()>().await;
    }
    tokio::select! {
        biased;
        () = never() => {}
        () = std::future::ready(()) => {}
    }
    assert_eq!(cache_runtime::cache().stats().pending_invalidations, 2);
}
