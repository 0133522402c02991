//! Errors for which no stale value stands in (`serve_stale_if`).

use std::error::Error;
use std::fmt;
use std::time::Duration;

use cache_runtime::cached;
use tokio::task::yield_now;

use crate::log::Log;
use crate::source::Source;
use crate::stores::{Store, TestCache, in_time, on_stores, until};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
type Loaded = Result<u64, Failure>;

#[derive(Clone, Debug, PartialEq)]
enum Failure {
    Down,
    Gone,
    Panics,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Error for Failure {}

impl Failure {
    fn passes(&self) -> bool {
        match self {
            Failure::Down => true,
            Failure::Gone => false,
            Failure::Panics => panic!("an expression of an attribute"),
        }
    }
}

const DOWN: u64 = 0;
const GONE: u64 = 404;
const PANICS: u64 = 13;

async fn read(source: &Source, id: u64) -> Loaded {
    match source.read().await {
        DOWN => Err(Failure::Down),
        GONE => Err(Failure::Gone),
        PANICS => Err(Failure::Panics),
        value => Ok(id * 100 + value),
    }
}

#[cached(
    ttl = "1m",
    stale_if_error = "10m",
    serve_stale_if = |error| error.passes(),
    key_prefix = "serve_stale_if",
    key = "{id}"
)]
async fn selective(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

/// Stores 101, whose TTL is over then.
async fn gone_stale<E, F>(cache: &TestCache, source: &Source, call: impl Fn() -> F)
where
    E: PartialEq + fmt::Debug,
    F: Future<Output = Result<u64, E>>,
{
    source.set(1);
    assert_eq!(call().await, Ok(101));
    cache.clock.advance(MINUTE + SECOND);
}

#[tokio::test]
async fn the_closure_decides_for_which_errors_the_stale_value_stands_in() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || selective(&source, 1)).await;
        source.set(GONE);
        for reads in 2..5 {
            assert_eq!(selective(&source, 1).await, Err(Failure::Gone));
            assert_eq!(source.reads(), reads, "the next call asks the source again");
        }
        assert_eq!(cache.manager.stats().total.stale_served, 0);
        source.set(DOWN);
        for _ in 0..5 {
            assert_eq!(selective(&source, 1).await, Ok(101), "the entry has stayed");
        }
        assert_eq!((source.reads(), cache.manager.stats().total.stale_served), (5, 5));
        cache.clock.advance(SECOND);
        source.set(GONE);
        assert_eq!(selective(&source, 1).await, Err(Failure::Gone));
        source.set(2);
        assert_eq!(selective(&source, 1).await, Ok(102));
        let stats = cache.manager.stats();
        assert_eq!((stats.total.load_errors, stats.flights), (5, 0), "{stats}");
    })
    .await;
}

#[tokio::test]
async fn callers_share_an_error_for_which_nothing_stands_in() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || selective(&source, 1)).await;
        source.set(GONE);
        let hold = source.hold();
        let callers: Vec<_> = (0..10)
            .map(|_| {
                let source = source.clone();
                cache.spawn(async move { selective(&source, 1).await })
            })
            .collect();
        hold.reached().await;
        until(async || cache.manager.stats().flights > 0).await;
        for _ in 0..100 {
            yield_now().await;
        }
        hold.release();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Err(Failure::Gone));
        }
        assert_eq!(source.reads(), 2);
    })
    .await;
}

/// An error that cannot be cloned.
#[derive(Debug, PartialEq)]
struct Unshared(Failure);

fn passes(error: &Unshared) -> bool {
    error.0.passes()
}

#[cached(
    ttl = "1m",
    stale_if_error = "10m",
    serve_stale_if = passes,
    load_timeout = "60s",
    key_prefix = "serve_stale_if_unshared",
    key = "{id}"
)]
async fn unshared(source: &Source, id: u64) -> Result<u64, Unshared> {
    read(source, id).await.map_err(Unshared)
}

type Dynamic = Box<dyn Error + Send + Sync>;

#[cached(
    ttl = "1m",
    stale_if_error = "10m",
    error_ttl = "1s",
    share_errors = true,
    serve_stale_if = |error| !error.is::<Failure>(),
    key_prefix = "serve_stale_if_dynamic",
    key = "{id}"
)]
async fn dynamic(source: &Source, id: u64) -> Result<u64, Dynamic> {
    Ok(read(source, id).await?)
}

#[tokio::test]
async fn the_closure_gets_the_error_of_the_body_before_it_is_shared() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(dynamic(&source, 1).await.unwrap(), 101);
        cache.clock.advance(2 * MINUTE);
        source.set(GONE);
        assert!(dynamic(&source, 1).await.is_err());
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    stale_if_error = "10m",
    load_timeout = "60s",
    serve_stale_if = Failure::passes,
    key_prefix = "serve_stale_if_all",
    key = "{id}"
)]
async fn with_all(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[tokio::test]
async fn a_load_in_the_background_that_is_waited_for_returns_such_an_error() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || with_all(&source, 1)).await;
        cache.clock.advance(MINUTE);
        source.set(GONE);
        for reads in 2..4 {
            assert_eq!(in_time(with_all(&source, 1)).await, Err(Failure::Gone));
            until(async || cache.manager.stats().background_loads == 0).await;
            assert_eq!(source.reads(), reads);
        }
        source.set(DOWN);
        assert_eq!(in_time(with_all(&source, 1)).await, Ok(101));
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

/// The error of the task cannot reach the caller, so the caller runs the body itself.
#[tokio::test]
async fn an_error_that_cannot_be_shared_is_that_of_the_caller() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || unshared(&source, 1)).await;
        source.set(GONE);
        assert_eq!(in_time(unshared(&source, 1)).await, Err(Unshared(Failure::Gone)));
        assert_eq!(source.reads(), 3, "the task and the caller");
        until(async || cache.manager.stats().background_loads == 0).await;
        source.set(DOWN);
        assert_eq!(in_time(unshared(&source, 1)).await, Ok(101));
        assert_eq!(source.reads(), 4, "the task alone");
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

/// `stale_while_revalidate` serves the value whatever the refresh returns.
#[tokio::test]
async fn a_refresh_behind_a_value_is_not_asked_about_its_error() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || with_all(&source, 1)).await;
        source.set(GONE);
        assert_eq!(with_all(&source, 1).await, Ok(101));
        until(async || cache.manager.stats().total.load_errors == 1).await;
        until(async || cache.manager.stats().background_loads == 0).await;
        for _ in 0..10 {
            assert_eq!(with_all(&source, 1).await, Ok(101));
        }
        assert_eq!(source.reads(), 2, "the next refresh pauses");
        // The pause is not over, but only `stale_if_error` could serve the value now.
        cache.clock.advance(MINUTE - SECOND - SECOND / 2);
        assert_eq!(with_all(&source, 1).await, Ok(101));
        until(async || source.reads() == 3).await;
        until(async || cache.manager.stats().background_loads == 0).await;
        cache.clock.advance(SECOND / 2);
        assert_eq!(in_time(with_all(&source, 1)).await, Err(Failure::Gone));
        assert_eq!(source.reads(), 4);
    })
    .await;
}

#[cached(
    ttl = "1m",
    early_refresh = 100.0,
    background = false,
    stale_if_error = "10m",
    serve_stale_if = |error| error.passes(),
    key_prefix = "serve_stale_if_early",
    key = "{id}"
)]
async fn early(source: &Source, id: u64) -> Loaded {
    // It takes 20 ms or more, so that near its end, a hundred times that is too long.
    tokio::time::sleep(Duration::from_millis(20)).await;
    read(source, id).await
}

#[tokio::test]
async fn a_fresh_value_stands_in_for_every_error() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(early(&source, 1).await, Ok(101));
        cache.clock.advance(MINUTE - Duration::from_millis(1));
        source.set(GONE);
        until(async || {
            assert_eq!(early(&source, 1).await, Ok(101));
            source.reads() >= 2
        })
        .await;
        assert_eq!(cache.manager.stats().total.load_errors, 1);
    })
    .await;
}

#[cached(
    ttl = "1m",
    detached = true,
    stale_if_error = "10m",
    serve_stale_if = |error| error.passes(),
    key_prefix = "serve_stale_if_detached",
    key = "{id}"
)]
async fn detached(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[tokio::test]
async fn the_closure_decides_in_a_detached_load() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || detached(&source, 1)).await;
        source.set(GONE);
        assert_eq!(detached(&source, 1).await, Err(Failure::Gone));
        source.set(DOWN);
        assert_eq!(detached(&source, 1).await, Ok(101));
    })
    .await;
}

// R3
#[tokio::test]
async fn a_closure_that_panics_costs_nobody_the_stale_value() {
    let (log, _guard) = Log::capture();
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        gone_stale(&cache, &source, || selective(&source, 1)).await;
        source.set(PANICS);
        for _ in 0..3 {
            assert_eq!(selective(&source, 1).await, Ok(101));
        }
        let stats = cache.manager.stats();
        assert_eq!((source.reads(), stats.total.load_errors, stats.flights), (2, 1, 0), "{stats}");

        gone_stale(&cache, &source, || with_all(&source, 1)).await;
        cache.clock.advance(MINUTE);
        source.set(PANICS);
        assert_eq!(in_time(with_all(&source, 1)).await, Ok(101));
        until(async || cache.manager.stats().background_loads == 0).await;
    })
    .await;
    let said = log.lines("ERROR");
    assert_eq!(said.len(), 2 * Store::INTENDED.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("`serve_stale_if` panics")), "{said:#?}");
}
