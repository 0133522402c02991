//! Errors that are remembered for a while (`error_ttl`).

use std::error::Error;
use std::io;
use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheManager, SharedError, cache_put, cached, with};
use tokio::task::{JoinHandle, yield_now};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_stores, until};
use crate::video::{NAME, Way};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DOWN: u64 = 0;
const GONE: u64 = 404;
type Loaded = Result<u64, Failure>;

#[derive(Clone, Debug, PartialEq)]
enum Failure {
    Down,
    Gone,
}

async fn read(source: &Source, id: u64) -> Loaded {
    match source.read().await {
        DOWN => Err(Failure::Down),
        GONE => Err(Failure::Gone),
        value => Ok(id * 100 + value),
    }
}

#[cached(
    ttl = "1m",
    error_ttl = "10s",
    key_prefix = "video:meta",
    key = "{id}",
    tags = ["team:{team}"]
)]
async fn remembering(source: &Source, id: u64, team: &str) -> Loaded {
    _ = team;
    read(source, id).await
}

async fn call(source: &Source) -> Loaded {
    remembering(source, 7, "red").await
}

fn begin(cache: &TestCache, source: &Source) -> JoinHandle<Loaded> {
    let source = source.clone();
    cache.spawn(async move { call(&source).await })
}

#[cache_put(entry = remembering(_source, 7, "red"))]
async fn put(_source: &Source, value: u64) -> Loaded {
    Ok(value)
}

/// Calls until an error is remembered. With Redis, that is so once the feed of invalidations is connected.
async fn fails<T, E: std::fmt::Debug, F>(source: &Source, call: impl Fn() -> F)
where
    T: std::fmt::Debug,
    F: Future<Output = Result<T, E>>,
{
    source.set(DOWN);
    until(async || {
        let before = source.reads();
        call().await.unwrap_err();
        source.reads() == before
    })
    .await;
}

async fn is_down(source: &Source) {
    fails(source, || call(source)).await;
}

#[tokio::test]
async fn a_failing_source_is_asked_once_in_each_error_ttl() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(1);
        is_down(&source).await;
        cache.manager.reset_stats();
        for _ in 0..3 {
            cache.clock.advance(10 * SECOND);
            let before = source.reads();
            for _ in 0..10 {
                assert_eq!(call(&source).await, Err(Failure::Down));
            }
            assert_eq!(source.reads(), before + 1);
            cache.clock.advance(9 * SECOND);
            assert_eq!(call(&source).await, Err(Failure::Down));
            assert_eq!(source.reads(), before + 1);
        }
        let stats = cache.manager.stats();
        let counts = stats.total;
        assert_eq!((counts.error_hits, counts.load_errors, counts.misses), (30, 3, 3), "{stats}");
        assert_eq!((counts.hits(), counts.coalesced, stats.flights), (0, 0, 0), "{stats}");
        source.set(2);
        assert_eq!(call(&source).await, Err(Failure::Down));
        assert_eq!(remembering(&source, 8, "red").await, Ok(802), "another key");
        cache.clock.advance(10 * SECOND);
        assert_eq!(call(&source).await, Ok(702));
    })
    .await;
}

// R1
#[tokio::test]
async fn every_invalidation_forgets_the_error() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        for way in Way::ALL {
            let source = Source::new(1);
            is_down(&source).await;
            source.set(3);
            way.invalidate(&cache.manager).await;
            assert_eq!(call(&source).await, Ok(703), "{way:?}");
            way.invalidate(&cache.manager).await;
        }
        let source = Source::new(1);
        is_down(&source).await;
        source.set(3);
        remembering(&source, 7, "red").cache_entry().invalidate().await.unwrap();
        assert_eq!(call(&source).await, Ok(703));
    })
    .await;
}

// R1
#[tokio::test]
async fn every_invalidation_of_another_process_forgets_the_error() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let peer = cache.peer().await;
        for way in Way::ALL {
            let source = Source::new(1);
            is_down(&source).await;
            source.set(3);
            way.invalidate(&peer).await;
            until(async || call(&source).await == Ok(703)).await;
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn every_put_forgets_the_error() {
    async fn by_put(source: &Source, _: &CacheManager) {
        put(source, 9).await.unwrap();
    }
    async fn by_entry(source: &Source, _: &CacheManager) {
        remembering(source, 7, "red").cache_entry().put(9).await.unwrap();
    }
    async fn by_name(_: &Source, manager: &CacheManager) {
        manager.set(NAME, &9_u64, MINUTE).await.unwrap();
        manager.delete(NAME).await.unwrap();
    }
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(1);
        for way in 0..3 {
            is_down(&source).await;
            match way {
                0 => by_put(&source, &cache.manager).await,
                1 => by_entry(&source, &cache.manager).await,
                _ => by_name(&source, &cache.manager).await,
            }
            source.set(2);
            if way < 2 {
                assert_eq!(call(&source).await, Ok(9));
                // The error is not over, but it is older than the value.
                cache.manager.delete(NAME).await.unwrap();
            }
            assert_eq!(call(&source).await, Ok(702), "{way}");
            cache.manager.delete(NAME).await.unwrap();
        }
    })
    .await;
}

// R1
#[tokio::test]
async fn an_error_from_before_an_invalidation_is_not_remembered() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        for way in Way::ALL {
            let source = Source::new(1);
            is_down(&source).await;
            cache.clock.advance(10 * SECOND);
            let hold = source.hold();
            let first = begin(&cache, &source);
            hold.reached().await;
            way.invalidate(&cache.manager).await;
            source.set(2);
            hold.release();
            assert_eq!(first.await.unwrap(), Err(Failure::Down), "{way:?}");
            assert_eq!(call(&source).await, Ok(702), "{way:?}");
            way.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_refresh_asks_the_source() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(1);
        is_down(&source).await;
        let before = source.reads();
        let refresh = || remembering(&source, 7, "red").cache_entry().refresh();
        assert_eq!(refresh().await.unwrap(), Err(Failure::Down));
        assert_eq!(source.reads(), before + 1);
        cache.clock.advance(9 * SECOND);
        assert_eq!(call(&source).await, Err(Failure::Down));
        source.set(2);
        assert_eq!(refresh().await.unwrap(), Ok(702));
        assert_eq!(call(&source).await, Ok(702));
        assert_eq!(source.reads(), before + 2);
    })
    .await;
}

#[cached(ttl = "1m", error_ttl = "1h", cache_if = |_| false, key = "unkept:{id}")]
async fn unkept(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[tokio::test]
async fn a_load_that_succeeds_forgets_the_error_though_its_value_is_not_stored() {
    on_stores(&Store::ALL, async |_: TestCache| {
        let source = Source::new(1);
        fails(&source, || unkept(&source, 1)).await;
        source.set(2);
        assert_eq!(unkept(&source, 1).await, Err(Failure::Down));
        let refreshed = unkept(&source, 1).cache_entry().refresh().await.unwrap();
        assert_eq!(refreshed, Ok(102));
        let before = source.reads();
        assert_eq!(unkept(&source, 1).await, Ok(102));
        assert_eq!(source.reads(), before + 1);
    })
    .await;
}

/// A value in Redis is newer than the error.
#[tokio::test]
async fn a_value_of_another_process_is_served_though_the_error_is_remembered() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (peer, source) = (cache.peer().await, Source::new(1));
        is_down(&source).await;
        let theirs = Source::new(5);
        assert_eq!(with(&peer, call(&theirs)).await, Ok(705));
        let before = source.reads();
        assert_eq!(call(&source).await, Ok(705));
        assert_eq!(source.reads(), before);
    })
    .await;
}

#[tokio::test]
async fn callers_at_once_are_answered_by_one_error() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(1);
        is_down(&source).await;
        cache.clock.advance(10 * SECOND);
        cache.manager.reset_stats();
        let (before, hold) = (source.reads(), source.hold());
        let first = begin(&cache, &source);
        hold.reached().await;
        let others: Vec<_> = (0..20).map(|_| begin(&cache, &source)).collect();
        for _ in 0..10 {
            yield_now().await;
        }
        hold.release();
        for caller in others.into_iter().chain([first]) {
            assert_eq!(caller.await.unwrap(), Err(Failure::Down));
        }
        assert_eq!(source.reads(), before + 1);
        let again: Vec<_> = (0..20).map(|_| begin(&cache, &source)).collect();
        for caller in again {
            assert_eq!(caller.await.unwrap(), Err(Failure::Down));
        }
        let counts = cache.manager.stats().total;
        assert_eq!((source.reads(), counts.load_errors), (before + 1, 1));
        assert_eq!(counts.error_hits + counts.coalesced + counts.loads, 41);
        assert!(counts.error_hits >= 20, "{counts:?}");
    })
    .await;
}

#[cached(
    ttl = "1m",
    stale_if_error = "1h",
    error_ttl = "10s",
    key_prefix = "error_ttl_stale",
    key = "{id}"
)]
async fn with_stale(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[cached(
    ttl = "1m",
    stale_if_error = "1h",
    error_ttl = "200ms",
    key_prefix = "error_ttl_short",
    key = "{id}"
)]
async fn with_stale_for_short(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

/// Makes `call` fail until its error is remembered, and then succeed, and its value stale.
async fn gone_stale<F>(cache: &TestCache, source: &Source, call: impl Fn() -> F)
where
    F: Future<Output = Loaded>,
{
    fails(source, &call).await;
    cache.clock.advance(MINUTE);
    source.set(1);
    assert_eq!(call().await, Ok(101));
    cache.clock.advance(MINUTE + SECOND);
}

#[tokio::test]
async fn a_stale_value_is_served_until_the_error_ttl_has_passed() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || with_stale(&source, 1)).await;
        source.set(DOWN);
        for _ in 0..3 {
            let before = source.reads();
            for _ in 0..5 {
                assert_eq!(with_stale(&source, 1).await, Ok(101));
                cache.clock.advance(2 * SECOND - Duration::from_millis(1));
            }
            assert_eq!(source.reads(), before + 1);
            cache.clock.advance(SECOND);
        }
        assert_eq!(cache.manager.stats().total.stale_served, 15);
        cache.manager.invalidate_prefix("error_ttl_stale").await.unwrap();
        assert_eq!(with_stale(&source, 1).await, Err(Failure::Down));

        gone_stale(&cache, &source, || with_stale_for_short(&source, 1)).await;
        source.set(DOWN);
        for _ in 0..3 {
            let before = source.reads();
            for _ in 0..5 {
                assert_eq!(with_stale_for_short(&source, 1).await, Ok(101));
            }
            assert_eq!(source.reads(), before + 1, "the pause is not longer");
            cache.clock.advance(Duration::from_millis(200));
        }
    })
    .await;
}

#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    stale_if_error = "1h",
    load_timeout = "60s",
    serve_stale_if = |error| *error != Failure::Gone,
    error_ttl = "10s",
    key_prefix = "error_ttl_selective",
    key = "{id}"
)]
async fn selective(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[tokio::test]
async fn an_error_for_which_nothing_stands_in_is_remembered_too() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || selective(&source, 1)).await;
        source.set(GONE);
        let ended = async || until(async || cache.manager.stats().background_loads == 0).await;
        let before = source.reads();
        for _ in 0..5 {
            assert_eq!(selective(&source, 1).await, Ok(101), "while it is refreshed");
            ended().await;
        }
        assert_eq!(source.reads(), before + 1, "the next refresh waits");
        cache.clock.advance(MINUTE);
        for _ in 0..5 {
            assert_eq!(selective(&source, 1).await, Err(Failure::Gone));
            ended().await;
        }
        assert_eq!(source.reads(), before + 2);
        cache.clock.advance(10 * SECOND);
        source.set(DOWN);
        for _ in 0..5 {
            assert_eq!(selective(&source, 1).await, Ok(101));
            ended().await;
        }
        assert_eq!(source.reads(), before + 3);
    })
    .await;
}

#[cached(ttl = "1m", error_ttl = "10s", share_errors = true, key = "wrapped:{id}")]
async fn wrapped(source: &Source, id: u64) -> Result<u64, Box<dyn Error + Send + Sync>> {
    match read(source, id).await {
        Ok(value) => Ok(value),
        Err(_) => Err(io::Error::other("down").into()),
    }
}

#[tokio::test]
async fn an_error_that_is_not_clone_is_remembered_if_it_is_shared() {
    on_stores(&Store::ALL, async |_: TestCache| {
        let source = Source::new(1);
        fails(&source, || wrapped(&source, 1)).await;
        let before = source.reads();
        for _ in 0..3 {
            let error = wrapped(&source, 1).await.unwrap_err();
            let error = error.downcast_ref::<SharedError>().unwrap();
            assert!(error.downcast_ref::<io::Error>().is_some());
        }
        assert_eq!(source.reads(), before);
    })
    .await;
}

#[cached(ttl = "1m", error_ttl = "10s", detached = true, key = "detached:{id}")]
async fn detached(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[tokio::test]
async fn the_error_of_a_detached_load_is_remembered_after_its_caller_has_given_up() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(1);
        fails(&source, || detached(&source, 1)).await;
        cache.clock.advance(10 * SECOND);
        let (before, hold) = (source.reads(), source.hold());
        let call = {
            let source = source.clone();
            cache.spawn(async move { detached(&source, 1).await })
        };
        hold.reached().await;
        call.abort();
        call.await.unwrap_err();
        hold.release();
        until(async || cache.manager.stats().background_loads == 0).await;
        assert_eq!(detached(&source, 1).await, Err(Failure::Down));
        assert_eq!(source.reads(), before + 1);
    })
    .await;
}

/// An error whose `Clone` panics.
#[derive(Debug, PartialEq)]
struct Brittle;

impl Clone for Brittle {
    fn clone(&self) -> Self {
        panic!("the `Clone` of an error")
    }
}

#[cached(ttl = "1m", error_ttl = "10s", key = "brittle:{id}")]
async fn brittle(source: &Source, id: u64) -> Result<u64, Brittle> {
    read(source, id).await.map_err(|_| Brittle)
}

// R3
#[tokio::test]
async fn an_error_whose_clone_panics_is_returned_and_not_remembered() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(DOWN);
        for reads in 1..4 {
            assert_eq!(brittle(&source, 1).await, Err(Brittle));
            assert_eq!(source.reads(), reads);
        }
        assert_eq!(cache.manager.stats().total.error_hits, 0);
    })
    .await;
}
