//! `ttl = |value| ..`: the value decides for how long it is fresh.

use std::time::Duration;

use cache_runtime::{CacheCall as _, Error, Ttl, cache_put, cached, with};

use crate::log::Log;
use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores, until};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// The number of seconds for which it is fresh is the value; 13 is one too many.
fn seconds(value: u64) -> Duration {
    if value == 13 { panic!("a `ttl`") } else { Duration::from_secs(value) }
}

#[cached(ttl = |value: &u64| seconds(*value), key_prefix = "token", key = "{id}", tags = ["t:{id}"])]
async fn token(source: &Source, id: u64) -> Result<u64, String> {
    _ = id;
    Ok(source.read().await)
}

#[cached(
    ttl = |value: &Option<u64>| value.map_or(3 * SECOND, seconds),
    key_prefix = "maybe",
    key = "{id}"
)]
async fn maybe(source: &Source, id: u64) -> Option<u64> {
    _ = id;
    Some(source.read().await).filter(|value| *value > 0)
}

#[cached(
    ttl = |value: &Option<u64>| value.map_or(100 * SECOND, seconds),
    negative_ttl = 2,
    key_prefix = "negative",
    key = "{id}"
)]
async fn negative(source: &Source, id: u64) -> Option<u64> {
    _ = id;
    Some(source.read().await).filter(|value| *value > 0)
}

#[cached(
    ttl = |value: &u64| seconds(*value),
    stale_while_revalidate = "1h",
    key_prefix = "refreshed",
    key = "{id}"
)]
async fn refreshed(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = |value: &u64| seconds(*value), key_prefix = "many", key = "{id}", each(id in ids))]
async fn many(source: &Source, ids: &[u64]) -> Vec<u64> {
    source.read().await;
    ids.to_vec()
}

#[cached(ttl = |days: &u64| match days {
    0 => Ttl::Forever,
    days => Ttl::For(DAY.saturating_mul(u32::try_from(*days).unwrap_or(u32::MAX))),
}, key_prefix = "days", key = "{id}", tags = ["d:{id}"])]
async fn days(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = |days: &u64| DAY * *days as u32, key_prefix = "each_days", key = "{id}", tags = ["e:{id}", "e"], each(id in ids))]
async fn days_of_each(ids: &[u64]) -> Vec<u64> {
    ids.to_vec()
}

#[cached(ttl = |value: &u64| seconds(*value), key_prefix = "blocking_ttl", key = "{value}")]
fn blocking(value: u64) -> u64 {
    value
}

#[cache_put(entry = token(source, id))]
async fn put(source: &Source, id: u64, value: u64) -> u64 {
    _ = (source, id);
    value
}

#[cache_put(entry = days(source, id))]
async fn put_days(source: &Source, id: u64, value: u64) -> u64 {
    _ = (source, id);
    value
}

#[tokio::test]
async fn a_value_is_fresh_for_the_time_that_it_gives() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(10);
        assert_eq!(token(&source, 1).await, Ok(10));
        source.set(20);
        assert_eq!(token(&source, 2).await, Ok(20));
        cache.clock.advance(9 * SECOND);
        assert_eq!((token(&source, 1).await, source.reads()), (Ok(10), 2));
        cache.clock.advance(2 * SECOND);
        assert_eq!((token(&source, 1).await, source.reads()), (Ok(20), 3));
        assert_eq!((token(&source, 2).await, source.reads()), (Ok(20), 3));
        cache.clock.advance(10 * SECOND);
        assert_eq!((token(&source, 2).await, source.reads()), (Ok(20), 4));
    })
    .await;
}

#[tokio::test]
async fn another_process_sees_the_time_of_the_entry() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let source = Source::new(10);
        assert_eq!(token(&source, 1).await, Ok(10));
        let peer = cache.peer().await;
        with(&peer, async {
            cache.clock.advance(9 * SECOND);
            assert_eq!((token(&source, 1).await, source.reads()), (Ok(10), 1));
            cache.clock.advance(2 * SECOND);
            assert_eq!((token(&source, 1).await, source.reads()), (Ok(10), 2));
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_value_without_a_time_is_not_stored() {
    let (log, _guard) = Log::capture();
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        assert_eq!(token(&source, 1).await, Ok(0));
        assert_eq!(token(&source, 1).await, Ok(0));
        let counts = cache.manager.stats().total;
        assert_eq!((source.reads(), counts.stores, counts.not_stored), (2, 0, 0));
        assert_eq!(token(&source, 1).cache_entry().peek().await.unwrap(), None);
    })
    .await;
    assert!(log.lines("ERROR").is_empty(), "it is no mistake");
}

#[tokio::test]
async fn a_time_over_the_maximum_is_the_maximum() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        cache.leaves_endless_keys();
        let source = Source::new(u64::from(u32::MAX));
        days(&source, 1).await;
        cache.clock.advance(36_499 * DAY);
        days(&source, 1).await;
        assert_eq!(source.reads(), 1);
        cache.clock.advance(2 * DAY);
        days(&source, 1).await;
        assert_eq!(source.reads(), 2);
    })
    .await;
}

// R3
#[tokio::test]
async fn a_value_whose_ttl_panics_is_returned_and_not_stored() {
    let (log, _guard) = Log::capture();
    on_each_store(async |cache: TestCache| {
        let source = Source::new(13);
        assert_eq!(token(&source, 1).await, Ok(13));
        assert_eq!(token(&source, 1).await, Ok(13));
        let counts = cache.manager.stats().total;
        assert_eq!((source.reads(), counts.stores, counts.not_stored), (2, 0, 2));
        let put = token(&source, 1).cache_entry().put(13).await;
        let Err(Error::NotStored { reason, .. }) = put else { panic!("{put:?}") };
        assert!(reason.contains("`ttl` panics"), "{reason}");
    })
    .await;
    let said = log.lines("ERROR");
    assert_eq!(said.len(), Store::ALL.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("`ttl` panics")), "{said:#?}");
}

#[tokio::test]
async fn the_closure_sees_a_none_unless_negative_ttl_decides() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        assert_eq!((maybe(&source, 1).await, negative(&source, 1).await), (None, None));
        cache.clock.advance(2 * SECOND + SECOND / 2);
        assert_eq!((maybe(&source, 1).await, source.reads()), (None, 2));
        assert_eq!((negative(&source, 1).await, source.reads()), (None, 3));
        cache.clock.advance(SECOND);
        assert_eq!((maybe(&source, 1).await, source.reads()), (None, 4));
    })
    .await;
}

#[tokio::test]
async fn a_refresh_gives_the_entry_the_time_of_the_new_value() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(10);
        assert_eq!(refreshed(&source, 1).await, 10);
        cache.clock.advance(11 * SECOND);
        source.set(1000);
        assert_eq!(refreshed(&source, 1).await, 10, "it is served while it is refreshed");
        until(async || refreshed(&source, 1).await == 1000).await;
        let reads = source.reads();
        cache.clock.advance(900 * SECOND);
        assert_eq!((refreshed(&source, 1).await, source.reads()), (1000, reads));
    })
    .await;
}

#[tokio::test]
async fn each_value_of_many_has_a_time_of_its_own() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        assert_eq!(many(&source, &[0, 5, 50]).await, [0, 5, 50]);
        cache.clock.advance(10 * SECOND);
        assert_eq!((many(&source, &[50]).await, source.reads()), (vec![50], 1));
        assert_eq!((many(&source, &[5]).await, source.reads()), (vec![5], 2));
        assert_eq!((many(&source, &[0]).await, source.reads()), (vec![0], 3));
        assert_eq!((many(&source, &[0]).await, source.reads()), (vec![0], 4));
    })
    .await;
}

#[tokio::test]
async fn a_put_has_the_time_of_its_value() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(500);
        put(&source, 1, 10).await;
        token(&source, 2).cache_entry().put(20).await.unwrap();
        cache.clock.advance(9 * SECOND);
        assert_eq!((token(&source, 1).await, source.reads()), (Ok(10), 0));
        cache.clock.advance(2 * SECOND);
        assert_eq!((token(&source, 2).await, source.reads()), (Ok(20), 0));
        assert_eq!((token(&source, 1).await, source.reads()), (Ok(500), 1));
        let put = token(&source, 1).cache_entry().put(0).await;
        let Err(Error::NotStored { reason, .. }) = put else { panic!("{put:?}") };
        assert!(reason.contains("a `ttl` of zero"), "{reason}");
        assert_eq!(token(&source, 1).cache_entry().peek().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_function_that_is_not_async_has_it_too() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        assert_eq!((blocking(5), blocking(0)), (5, 0));
        assert_eq!(cache.manager.stats().total.stores, 1);
        cache.clock.advance(4 * SECOND);
        assert_eq!((blocking(5), cache.manager.stats().total.loads), (5, 2));
        cache.clock.advance(2 * SECOND);
        assert_eq!((blocking(5), cache.manager.stats().total.loads), (5, 3));
    })
    .await;
}

// R1, R7: an entry is fresh only while its tokens live.
#[tokio::test]
async fn tokens_outlive_an_entry_whose_life_was_not_known_before() {
    on_stores(&Store::ONE_SERVER, async |cache: TestCache| {
        cache.leaves_endless_keys();
        let left = |name: &str| cache.server().cli::<i64>(&["PTTL", &cache.redis_key(name)]);
        let lives = |names: [&str; 3]| names.map(|name| (left(name) + DAY_MS / 2) / DAY_MS);
        let source = Source::new(1);
        token(&source, 1).await.unwrap();
        assert_eq!(lives(["#root", "#t:token", "#t:t:1"]), [1, 1, 1]);
        source.set(10);
        days(&source, 2).await;
        assert_eq!(lives(["#root", "#t:days", "#t:d:2"]), [20, 20, 20]);
        assert_eq!(lives(["days:2", "#t:token", "#t:t:1"]), [10, 1, 1]);
        put_days(&source, 3, 20).await;
        assert_eq!(lives(["#root", "#t:days", "#t:d:3"]), [40, 40, 40]);
        days_of_each(&[1, 30, 50]).await;
        assert_eq!(lives(["#t:e:1", "#t:e:30", "#t:e:50"]), [2, 60, 100]);
        assert_eq!(lives(["#root", "#t:each_days", "#t:e"]), [100, 100, 100]);
        source.set(0);
        days(&source, 4).await;
        assert_eq!([left("days:4"), left("#root"), left("#t:d:4")], [-1; 3]);
    })
    .await;
}

// R2: the tokens are raised between the body and the fill, and stay those that were noted.
#[tokio::test]
async fn a_load_that_an_invalidation_overtook_is_not_kept_by_raised_tokens() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let source = Source::new(10);
        let hold = source.hold();
        let load = {
            let source = source.clone();
            cache.spawn(async move { days(&source, 1).await })
        };
        hold.reached().await;
        cache.manager.invalidate_tag("d:1").await.unwrap();
        hold.release();
        assert_eq!(load.await.unwrap(), 10);
        assert_eq!(days(&source, 1).cache_entry().peek().await.unwrap(), None);
        days(&source, 1).await;
        assert_eq!(days(&source, 1).cache_entry().peek().await.unwrap(), Some(10));
    })
    .await;
}
