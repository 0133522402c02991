//! `early_refresh`: values are refreshed before their TTL is over.

use std::time::Duration;

use cache_runtime::{CacheCall as _, Source as From, cached};
use cache_tests::Counter;

use crate::source::Source;
use crate::stores::{Store, TestCache, on_stores, until};

const MINUTE: Duration = Duration::from_secs(60);

type Loaded = Result<u64, String>;

/// It takes 20 ms or more, so that near its end a hundred times that is likely to be too long.
#[cached(ttl = "1m", early_refresh = 100.0, key_prefix = "early", key = "{id}")]
async fn early(source: &Source, id: u64) -> Loaded {
    tokio::time::sleep(Duration::from_millis(20)).await;
    read(source, id).await
}

#[cached(
    ttl = "1m",
    early_refresh = 100.0,
    background = false,
    key_prefix = "early",
    key = "by-caller:{id}"
)]
async fn by_the_caller(source: &Source, id: u64) -> Loaded {
    tokio::time::sleep(Duration::from_millis(20)).await;
    read(source, id).await
}

#[cached(ttl = "1m", early_refresh = 1.0, skip(runs))]
async fn instant(runs: &Counter) -> usize {
    runs.hit()
}

async fn read(source: &Source, id: u64) -> Loaded {
    match source.read().await {
        0 => Err("no data".into()),
        value => Ok(id * 100 + value),
    }
}

/// Prepares a cache in which a call has stored 101, which is fresh for another second, of the mock clock as of the server's.
async fn near_its_end<F: Future<Output = Loaded>>(
    cache: &TestCache,
    source: &Source,
    call: impl Fn() -> F,
) {
    source.set(1);
    assert_eq!(call().await, Ok(101));
    cache.clock.advance(MINUTE - Duration::from_secs(1));
    source.set(2);
}

#[tokio::test]
async fn a_value_near_its_end_is_refreshed_in_the_background() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        near_its_end(&cache, &source, || early(&source, 1)).await;
        until(async || {
            let fetched = early(&source, 1).cache_entry().fetch().await.unwrap();
            // Nobody waits for the load.
            assert!(fetched.source != From::Load && !fetched.stale);
            fetched.value == Ok(102)
        })
        .await;
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_caller_loads_by_itself_where_there_is_no_background() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        near_its_end(&cache, &source, || by_the_caller(&source, 1)).await;
        until(async || by_the_caller(&source, 1).await == Ok(102)).await;
        assert_eq!((source.reads(), cache.manager.stats().background_loads), (2, 0));
        assert_eq!(cache.manager.stats().total.refreshes, 1);
    })
    .await;
}

#[tokio::test]
async fn a_load_that_fails_before_the_end_fails_no_caller() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        near_its_end(&cache, &source, || by_the_caller(&source, 1)).await;
        source.set(0);
        until(async || {
            assert_eq!(by_the_caller(&source, 1).await, Ok(101));
            source.reads() == 2
        })
        .await;
        for _ in 0..10 {
            assert_eq!(by_the_caller(&source, 1).await, Ok(101));
        }
        assert_eq!(source.reads(), 2, "the next load waits");
    })
    .await;
}

#[tokio::test]
async fn a_value_far_from_its_end_is_left_alone() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let runs = Counter::new();
        for _ in 0..1_000 {
            assert_eq!(instant(&runs).await, 1);
        }
        assert_eq!(cache.manager.stats().total.refreshes, 0);
    })
    .await;
}
