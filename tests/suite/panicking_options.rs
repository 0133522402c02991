//! Expressions of an attribute that panic: where the cache evaluates them on an output, the caller has that output
//! all the same (R3).

use std::time::Duration;

use cache_runtime::{CacheCall as _, Error, cache_invalidate, cache_put, cached};
use tokio::task::yield_now;

use crate::log::Log;
use crate::source::Source;
use crate::stores::{Store, TestCache, in_time, on_each_store, on_stores, until};

const MINUTE: Duration = Duration::from_secs(60);

fn panics<T: ?Sized, R>(_: &T) -> R {
    panic!("an expression of an attribute")
}

fn panics_too() -> Duration {
    panic!("an expression of an attribute")
}

#[cached(key_prefix = "panicking_cache_if", cache_if = panics, skip(source))]
async fn refused(source: &Source, id: u64) -> u64 {
    id + source.read().await
}

#[cached(key_prefix = "panicking_ttl", ttl = panics_too(), skip(source))]
async fn of_no_ttl(source: &Source, id: u64) -> u64 {
    id + source.read().await
}

#[cached(
    key_prefix = "panicking_refresh",
    ttl = 60,
    stale_while_revalidate = "1h",
    cache_if = |value| if *value == 7 { true } else { panics(value) },
    skip(source)
)]
async fn refreshed(source: &Source) -> u64 {
    source.read().await
}

#[cached(key_prefix = "panicking_target", ttl = 60)]
async fn target(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "panicking_target", if = panics)]
async fn change(id: u64) -> u64 {
    id
}

#[cache_put(entry = target(id), if = panics)]
async fn put(id: u64, value: u64) -> u64 {
    _ = id;
    value
}

// R3, R4: after a panic of `cache_if`, no entry is stored, and every caller has its output.
#[tokio::test]
async fn a_value_whose_cache_if_panics_is_returned_and_not_stored() {
    let (log, _guard) = Log::capture();
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        let hold = source.hold();
        let release = async {
            hold.reached().await;
            yield_now().await;
            hold.release();
        };
        let call = || refused(&source, 7);
        let (a, b, c, ()) = in_time(async { tokio::join!(call(), call(), call(), release) }).await;
        assert_eq!(([a, b, c], source.reads()), ([7; 3], 1), "they share the load");
        assert_eq!(refused(&source, 7).await, 7);
        let stats = cache.manager.stats();
        let counts = stats.total;
        assert_eq!((counts.loads, counts.load_errors, counts.stores), (2, 0, 0), "{stats}");
        assert_eq!((counts.not_stored, counts.coalesced, stats.flights), (2, 2, 0), "{stats}");
    })
    .await;
    let said = log.lines("ERROR");
    assert_eq!(said.len(), Store::ALL.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("`cache_if` panics")), "{said:#?}");
}

#[tokio::test]
async fn a_put_whose_cache_if_panics_is_refused() {
    on_each_store(async |_| {
        let source = Source::new(0);
        let put = refused(&source, 7).cache_entry().put(7).await;
        let Err(Error::NotStored { reason, .. }) = put else { panic!("{put:?}") };
        assert!(reason.contains("`cache_if` panics"), "{reason}");
    })
    .await;
}

#[tokio::test]
async fn a_call_whose_ttl_panics_is_not_cached() {
    let (log, _guard) = Log::capture();
    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        for calls in 1..=2 {
            assert_eq!(of_no_ttl(&source, 7).await, 7);
            assert_eq!(cache.manager.stats().total.not_stored, calls);
        }
        assert_eq!(source.reads(), 2);
    })
    .await;
    let said = log.lines("ERROR");
    assert_eq!(said.len(), Store::ALL.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("`ttl` expression panics")), "{said:#?}");
}

#[tokio::test]
async fn a_refresh_whose_cache_if_panics_leaves_nothing_that_is_older() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(7);
        assert_eq!(refreshed(&source).await, 7);
        cache.clock.advance(2 * MINUTE);
        source.set(8);
        assert_eq!(refreshed(&source).await, 7, "served while it is refreshed");
        until(async || refreshed(&source).await == 8).await;
        assert_eq!(refreshed(&source).cache_entry().peek().await.unwrap(), None);
        assert_eq!(cache.manager.stats().total.load_errors, 0);
    })
    .await;
}

/// An argument that cannot be copied for a task.
struct Handle<'a>(&'a str);

impl Clone for Handle<'_> {
    fn clone(&self) -> Self {
        panic!("the `Clone` of an argument, {}", self.0)
    }
}

#[cached(
    key_prefix = "panicking_argument",
    ttl = 60,
    stale_while_revalidate = "1h",
    skip(source, handle)
)]
async fn of_handle(source: &Source, handle: &Handle<'static>) -> u64 {
    _ = handle.0;
    source.read().await
}

#[tokio::test]
async fn a_stale_value_is_served_though_the_clone_of_an_argument_panics() {
    let (log, _guard) = Log::capture();
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let (source, handle) = (Source::new(1), Handle("a handle"));
        assert_eq!(of_handle(&source, &handle).await, 1);
        cache.clock.advance(2 * MINUTE);
        source.set(2);
        for _ in 0..2 {
            assert_eq!(of_handle(&source, &handle).await, 1);
        }
        assert_eq!((source.reads(), cache.manager.stats().flights), (1, 0));
        cache.clock.advance(60 * MINUTE);
        assert_eq!(of_handle(&source, &handle).await, 2, "loaded by its caller");
        assert_eq!(source.reads(), 2);
    })
    .await;
    let said = log.lines("ERROR");
    assert_eq!(said.len(), Store::INTENDED.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("`Clone` of an argument panics")), "{said:#?}");
}

#[tokio::test]
async fn an_invalidation_whose_condition_panics_is_made() {
    let (log, _guard) = Log::capture();
    on_each_store(async |cache: TestCache| {
        target(1).await;
        assert_eq!(change(1).await, 1);
        assert_eq!(target(1).cache_entry().peek().await.unwrap(), None);
        assert_eq!(cache.manager.stats().invalidations, 1, "no write may be under way any more");
    })
    .await;
    let said = log.lines("ERROR");
    assert_eq!(said.len(), Store::ALL.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("`if`") && line.contains("change")), "{said:#?}");
}

#[tokio::test]
async fn a_put_whose_condition_panics_leaves_nothing_that_is_older() {
    let (log, _guard) = Log::capture();
    on_each_store(async |_| {
        target(1).await;
        assert_eq!(put(1, 2).await, 2);
        assert_eq!(target(1).cache_entry().peek().await.unwrap(), None);
    })
    .await;
    let said = log.lines("ERROR");
    assert_eq!(said.len(), Store::ALL.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("`if`") && line.contains("put")), "{said:#?}");
}
