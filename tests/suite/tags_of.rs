//! Tags that a value brings: they are known only after the body, and every invalidation by them counts from the
//! beginning of the body (R1).

use std::collections::HashMap;

use cache_runtime::{CacheCall as _, CacheManager, cache_put, cached};
use tokio::task::JoinHandle;

use crate::source::{Hold, Source};
use crate::stores::{
    Store, TestCache, in_time, on_each_store, on_own_servers, on_stores, spawn_with, until,
};

/// A post, which is the number of its author.
#[cached(ttl = "1m", key_prefix = "post", key = "{id}", tags_of = |author: &u64| [author_tag(*author)])]
async fn post(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

/// Something with a tag of its arguments, which posts may have as well.
#[cached(ttl = "1m", key_prefix = "profile", key = "{author}", tags = ["author:{author}"])]
async fn profile(source: &Source, author: u64) -> u64 {
    _ = author;
    source.read().await
}

fn author_tag(author: u64) -> String {
    format!("author:{author}")
}

/// A load of a post that has read its author and has not returned.
struct Held {
    hold: Hold,
    caller: JoinHandle<u64>,
}

impl Held {
    async fn begin(cache: &CacheManager, source: &Source) -> Self {
        let hold = source.hold();
        let caller = caller(cache, source);
        hold.reached().await;
        Held { hold, caller }
    }

    async fn end(self) -> u64 {
        self.hold.release();
        self.caller.await.unwrap()
    }
}

fn caller(cache: &CacheManager, source: &Source) -> JoinHandle<u64> {
    let source = source.clone();
    spawn_with(cache, async move { post(&source, 1).await })
}

async fn invalidate(cache: &CacheManager, author: u64) {
    cache.invalidate_tag(&author_tag(author)).await.unwrap();
}

#[tokio::test]
async fn the_first_value_is_stored_and_its_tag_invalidates_it() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(7);
        assert_eq!([post(&source, 1).await, post(&source, 1).await], [7, 7]);
        assert_eq!(source.reads(), 1);
        invalidate(&cache.manager, 8).await;
        assert_eq!(post(&source, 1).await, 7, "the tag of another value");
        assert_eq!(source.reads(), 1);
        source.set(8);
        invalidate(&cache.manager, 7).await;
        assert_eq!([post(&source, 1).await, post(&source, 1).await], [8, 8]);
        assert_eq!(source.reads(), 2);
        invalidate(&cache.manager, 7).await;
        assert_eq!(post(&source, 1).await, 8, "the tag of the previous value");
        assert_eq!(source.reads(), 2);
    })
    .await;
}

// R1: the value is from before the invalidation, though its tag was not known then.
#[tokio::test]
async fn a_value_whose_tag_was_invalidated_during_its_load_is_not_kept() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(7);
        for is_known in [false, true] {
            if is_known {
                source.set(7);
                assert_eq!(post(&source, 1).await, 7);
                cache.manager.delete("post:1").await.unwrap();
            }
            let before = source.reads();
            let load = Held::begin(&cache.manager, &source).await;
            source.set(8);
            invalidate(&cache.manager, 7).await;
            assert_eq!(load.end().await, 7, "its own value");
            assert_eq!([post(&source, 1).await, post(&source, 1).await], [8, 8]);
            assert_eq!(source.reads() - before, 2);
            cache.manager.delete("post:1").await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_caller_after_the_invalidation_does_not_get_the_value_of_the_older_load() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(7);
        let load = Held::begin(&cache.manager, &source).await;
        source.set(8);
        invalidate(&cache.manager, 7).await;
        let late = caller(&cache.manager, &source);
        tokio::task::yield_now().await;
        assert_eq!(load.end().await, 7);
        assert_eq!(late.await.unwrap(), 8);
    })
    .await;
}

#[tokio::test]
async fn a_caller_before_the_invalidation_shares_the_load_that_it_joined() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(7);
        let load = Held::begin(&cache.manager, &source).await;
        let joined = caller(&cache.manager, &source);
        tokio::task::yield_now().await;
        assert_eq!(load.end().await, 7);
        assert_eq!(joined.await.unwrap(), 7);
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_elsewhere_during_the_load_counts() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (source, peer) = (Source::new(7), cache.peer().await);
        let load = Held::begin(&cache.manager, &source).await;
        source.set(8);
        invalidate(&peer, 7).await;
        assert_eq!(load.end().await, 7);
        assert_eq!(post(&source, 1).await, 8);
        assert_eq!(cache.manager.stats().total.refused, 1);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_elsewhere_reaches_the_stored_value() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (source, peer) = (Source::new(7), cache.peer().await);
        assert_eq!(post(&source, 1).await, 7);
        assert_eq!(caller(&peer, &source).await.unwrap(), 7, "the peer reads what was stored");
        assert_eq!(source.reads(), 1);
        source.set(8);
        invalidate(&cache.manager, 7).await;
        assert_eq!(post(&source, 1).await, 8);
        until(async || caller(&peer, &source).await.unwrap() == 8).await;
        assert_eq!(source.reads(), 2);
    })
    .await;
}

/// Invalidates tags of other values until each removal counter was raised.
async fn raise_all(cache: &CacheManager) {
    for other in 100..400 {
        invalidate(cache, other).await;
    }
}

#[tokio::test]
async fn other_invalidations_refuse_at_most_the_first_value_with_a_tag() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(7);
        let mut loads = 0;
        for _ in 0..3 {
            let load = Held::begin(&cache.manager, &source).await;
            raise_all(&cache.manager).await;
            assert_eq!(load.end().await, 7);
            loads += 1;
            assert_eq!(post(&source, 1).await, 7);
            if source.reads() > loads {
                assert_eq!(loads, 1, "the tag was not known before");
                loads += 1;
            }
            assert_eq!(source.reads(), loads);
            cache.manager.delete("post:1").await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_tag_that_arguments_of_another_function_have_is_the_same_tag() {
    on_each_store(async |cache: TestCache| {
        let (posts, profiles) = (Source::new(7), Source::new(1));
        for round in 1..4 {
            profile(&profiles, 7).await;
            post(&posts, 1).await;
            assert_eq!([post(&posts, 1).await, profile(&profiles, 7).await], [7, 1]);
            assert_eq!([posts.reads(), profiles.reads()], [round, round]);
            invalidate(&cache.manager, 7).await;
        }
    })
    .await;
}

// The token or the counter may be evicted at any time. That costs a load, and nothing stale is kept.
#[tokio::test]
async fn a_lost_token_or_counter_costs_a_load_and_keeps_nothing_stale() {
    on_own_servers(
        |config| config,
        async |cache: TestCache| {
            let source = Source::new(7);
            assert_eq!(post(&source, 1).await, 7);
            for lost in ["#t:author:*", "#removals:*"] {
                for is_invalidated in [false, true] {
                    source.set(7);
                    cache.manager.delete("post:1").await.unwrap();
                    let load = Held::begin(&cache.manager, &source).await;
                    if is_invalidated {
                        source.set(8);
                        invalidate(&cache.manager, 7).await;
                    }
                    assert!(remove_keys(&cache, lost) > 0 || is_invalidated, "{lost}");
                    load.end().await;
                    let now = if is_invalidated { 8 } else { 7 };
                    assert_eq!(
                        [post(&source, 1).await, post(&source, 1).await],
                        [now, now],
                        "{lost}"
                    );
                    let before = source.reads();
                    cache.manager.delete("post:1").await.unwrap();
                    assert_eq!(
                        [post(&source, 1).await, post(&source, 1).await],
                        [now, now],
                        "{lost}"
                    );
                    assert_eq!(source.reads(), before + 1, "{lost}: stored again");
                }
            }
        },
    )
    .await;
}

fn remove_keys(cache: &TestCache, pattern: &str) -> usize {
    let keys: Vec<String> = cache.server().cli(&["KEYS", &cache.redis_key(pattern)]);
    for key in &keys {
        cache.server().cli::<u64>(&["DEL", key]);
    }
    keys.len()
}

#[cache_put(entry = post(source, id))]
async fn write(source: &Source, id: u64, author: u64) -> u64 {
    _ = id;
    source.set(author);
    source.read().await;
    author
}

#[tokio::test]
async fn a_put_value_brings_its_tags() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(7);
        post(&source, 1).await;
        write(&source, 1, 8).await;
        let before = source.reads();
        assert_eq!(post(&source, 1).await, 8);
        invalidate(&cache.manager, 7).await;
        assert_eq!(post(&source, 1).await, 8, "the tag of the previous value");
        assert_eq!(source.reads(), before);
        invalidate(&cache.manager, 8).await;
        post(&source, 1).await;
        assert_eq!(source.reads(), before + 1);

        post(&source, 1).cache_entry().put(9).await.unwrap();
        assert_eq!(post(&source, 1).await, 9);
        invalidate(&cache.manager, 9).await;
        assert_eq!(post(&source, 1).await, 8);
        assert_eq!(source.reads(), before + 2);
    })
    .await;
}

#[tokio::test]
async fn a_put_whose_tag_was_invalidated_during_its_body_leaves_nothing() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(7);
        let hold = source.hold();
        let (of_put, manager) = (source.clone(), cache.manager.clone());
        let put = spawn_with(&manager, async move { write(&of_put, 1, 8).await });
        hold.reached().await;
        invalidate(&cache.manager, 8).await;
        source.set(9);
        hold.release();
        put.await.unwrap();
        let before = source.reads();
        assert_eq!(post(&source, 1).await, 9);
        assert_eq!(source.reads(), before + 1);
    })
    .await;
}

#[cached(
    ttl = "1m",
    key_prefix = "stale_post",
    key = "{id}",
    stale_while_revalidate = "10m",
    tags_of = |author: &u64| [author_tag(*author)]
)]
async fn stale_post(source: Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[tokio::test]
async fn a_refreshed_value_brings_its_tags() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(7);
        stale_post(source.clone(), 1).await;
        source.set(8);
        cache.clock.advance(std::time::Duration::from_secs(61));
        assert_eq!(stale_post(source.clone(), 1).await, 7, "stale");
        until(async || stale_post(source.clone(), 1).await == 8).await;
        assert_eq!(source.reads(), 2);
        source.set(9);
        invalidate(&cache.manager, 8).await;
        assert_eq!(stale_post(source.clone(), 1).await, 9);
    })
    .await;
}

#[cached(
    ttl = "1m",
    key_prefix = "many_posts",
    key = "{id}",
    each(id in ids),
    tags_of = |author: &u64| [author_tag(*author)]
)]
async fn posts(source: &Source, ids: &[u64]) -> HashMap<u64, u64> {
    let add = source.read().await;
    ids.iter().map(|id| (*id, id + add)).collect()
}

#[tokio::test]
async fn each_value_of_many_brings_its_own_tags() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        posts(&source, &[1, 2, 3]).await;
        invalidate(&cache.manager, 2).await;
        source.set(10);
        let all = posts(&source, &[1, 2, 3]).await;
        assert_eq!(all, HashMap::from([(1, 1), (2, 12), (3, 3)]));
        assert_eq!(posts(&source, &[1, 2, 3]).await, all);
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn one_value_of_many_whose_tag_was_invalidated_is_not_kept() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        posts(&source, &[1, 2]).await;
        cache.manager.invalidate_prefix("many_posts").await.unwrap();
        let hold = source.hold();
        let of_load = source.clone();
        let load = cache.spawn(async move { posts(&of_load, &[1, 2]).await });
        hold.reached().await;
        source.set(10);
        invalidate(&cache.manager, 2).await;
        hold.release();
        assert_eq!(load.await.unwrap(), HashMap::from([(1, 1), (2, 2)]));
        let now = in_time(posts(&source, &[1, 2])).await;
        assert_eq!(now, HashMap::from([(1, 1), (2, 12)]));
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "tag_panics", key = "{id}", tags_of = |_: &u64| -> [String; 1] { panic!("no tag") })]
async fn panics(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

// R3: the caller has its value. Nothing is stored, because it could not be invalidated.
#[tokio::test]
async fn a_panic_in_the_tags_stores_nothing_and_fails_nobody() {
    on_each_store(async |_| {
        let source = Source::new(7);
        assert_eq!([panics(&source, 1).await, panics(&source, 1).await], [7, 7]);
        assert_eq!(source.reads(), 2);
    })
    .await;
}
