//! The placeholder that a load leaves in Redis, and the load's value if the placeholder is lost.

use std::convert::identity;
use std::time::Duration;

use cache_runtime::{CacheConfig, SetOptions};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_own_servers, on_store, on_stores};
use crate::video::{Load, NAME, Way, call, video};

// R2: with its placeholder a load loses the right to store.
#[tokio::test]
async fn a_load_whose_mark_is_deleted_is_not_kept() {
    on_stores(&Store::ONE_SERVER, async |cache: TestCache| {
        let source = Source::new(1);
        let load = Load::begin(&cache.manager, &source).await;
        assert_eq!(cache.server().cli::<u64>(&["DEL", &cache.redis_key(NAME)]), 1);
        source.set(2);
        assert_eq!(load.end().await, 1);
        assert_eq!(video(&source).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_load_whose_mark_is_deleted_leaves_the_next_ones_value() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        let older = Load::begin(&cache.manager, &source).await;
        cache.server().cli::<()>(&["DEL", &cache.redis_key(NAME)]);
        source.set(2);
        let younger = Load::begin(&peer, &source).await;
        assert_eq!(older.end().await, 1);
        assert_eq!(younger.end().await, 2);
        assert_eq!(video(&source).await, 2);
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_load_longer_than_its_mark_is_not_kept() {
    let short = Duration::from_millis(50);
    for store in Store::WITH_REDIS {
        let settings = |config: CacheConfig| config.max_load(short);
        on_store(store, settings, async |cache: TestCache| {
            let source = Source::new(1);
            let load = Load::begin(&cache.manager, &source).await;
            source.set(2);
            // Redis ends the placeholder by its own clock.
            tokio::time::sleep(short * 2).await;
            assert_eq!(load.end().await, 1);
            assert_eq!(video(&source).await, 2);
        })
        .await;
    }
}

#[tokio::test]
async fn two_loads_at_once_in_two_processes_keep_one_value() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        let first = Load::begin(&cache.manager, &source).await;
        let second = Load::begin(&peer, &source).await;
        assert_eq!((second.end().await, first.end().await), (1, 1));
        assert_eq!(video(&source).await, 1);
        assert_eq!(source.reads(), 2);
    })
    .await;
}

// R2: absent never equals absent.
#[tokio::test]
async fn a_load_is_not_kept_when_all_of_redis_is_flushed_meanwhile() {
    on_own_servers(identity, async |cache: TestCache| {
        let source = Source::new(1);
        let load = Load::begin(&cache.manager, &source).await;
        cache.server().cli::<()>(&["FLUSHALL"]);
        source.set(2);
        assert_eq!(load.end().await, 1);
        assert_eq!(call(&cache.manager, &source).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn values_of_before_do_not_come_back_when_redis_is_flushed() {
    on_own_servers(identity, async |cache: TestCache| {
        let source = Source::new(1);
        call(&cache.manager, &source).await.unwrap();
        let key = cache.redis_key(NAME);
        let old: Vec<u8> = cache.server().cli(&["GET", &key]);
        cache.server().cli::<()>(&["FLUSHALL"]);
        source.set(2);
        renew_tokens(&cache).await;
        set(&cache, &key, &old);
        // It has nothing in memory, so it is Redis that is asked.
        let peer = cache.peer().await;
        for _ in 0..2 {
            assert_eq!(call(&peer, &source).await.unwrap(), 2);
        }
        assert_eq!(source.reads(), 2);
        if cache.store.asks_redis_each_time() {
            assert_eq!(call(&cache.manager, &source).await.unwrap(), 2);
        }
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_holds_when_its_token_is_lost_and_the_value_comes_back() {
    on_stores(&Store::ONE_SERVER, async |cache: TestCache| {
        for way in [Way::Prefix, Way::ParentPrefix, Way::Tag, Way::FlushAll] {
            let source = Source::new(1);
            assert_eq!(video(&source).await, 1);
            let key = cache.redis_key(NAME);
            let old: Vec<u8> = cache.server().cli(&["GET", &key]);
            source.set(2);
            way.invalidate(&cache.manager).await;
            assert_eq!(video(&source).await, 2);
            for token in tokens(&cache) {
                cache.server().cli::<()>(&["DEL", &token]);
            }
            renew_tokens(&cache).await;
            set(&cache, &key, &old);
            assert_eq!(video(&source).await, 2, "{way:?}");
            // It has nothing in memory, so it is Redis that is asked.
            let peer = cache.peer().await;
            assert_eq!(call(&peer, &source).await.unwrap(), 2, "{way:?}");
            assert_eq!(source.reads(), 3, "{way:?}: what came back is no value");
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

// R1: a token that is gone equals none that was recorded.
#[tokio::test]
async fn a_lost_token_makes_its_values_stale() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        let source = Source::new(1);
        video(&source).await;
        let tokens = tokens(&cache);
        assert_eq!(tokens.len(), 4, "the root, two prefixes, a tag: {tokens:?}");
        for token in tokens {
            let reads = source.reads();
            cache.server().cli::<()>(&["DEL", &token]);
            video(&source).await;
            assert_eq!(source.reads(), reads + 1, "without {token}");
            video(&source).await;
            assert_eq!(source.reads(), reads + 1, "with another {token}");
        }
    })
    .await;
}

/// Makes all tokens that the video depends on, where they are missing.
async fn renew_tokens(cache: &TestCache) {
    let options = SetOptions::ttl(Duration::from_secs(60)).tag("team:red");
    cache.manager.set("video:meta:8", &0_u64, options).await.unwrap();
    assert_eq!(tokens(cache).len(), 4);
}

/// Returns the keys of all tokens of this cache.
fn tokens(cache: &TestCache) -> Vec<String> {
    let mut tokens: Vec<String> = cache.server().cli(&["KEYS", &cache.redis_key("#t:*")]);
    tokens.push(cache.redis_key("#root"));
    tokens
}

fn set(cache: &TestCache, key: &str, bytes: &[u8]) {
    cache.leaves_endless_keys();
    let mut connection = cache.server().connect().unwrap();
    redis::cmd("SET").arg(key).arg(bytes).exec(&mut connection).unwrap();
}
