//! Loads that go on although their callers have given up (`detached`).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheConfig, SharedError, Source as From, cached};
use cache_tests::Counter;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, timeout};

use crate::log::Log;
use crate::source::{Hold, Source};
use crate::stores::{Store, TestCache, in_time, on_store, on_stores, until};
use crate::video::Way;

const MINUTE: Duration = Duration::from_secs(60);
type Loaded = Result<u64, String>;

/// The data are in order unless they are 0. With 13, the body panics.
async fn read(source: &Source, id: u64) -> Loaded {
    match source.read().await {
        0 => Err("no data".into()),
        13 => panic!("a panic of a detached body"),
        value => Ok(id * 100 + value),
    }
}

#[cached(
    ttl = "1m",
    detached = true,
    key_prefix = "video:meta",
    key = "{id}",
    tags = ["team:{team}"]
)]
async fn detached(source: &Source, id: u64, team: &str) -> Loaded {
    _ = team;
    read(source, id).await
}

/// Begins a call in a task.
fn begin(cache: &TestCache, source: &Source) -> JoinHandle<Loaded> {
    let source = source.clone();
    cache.spawn(async move { detached(&source, 7, "red").await })
}

/// Begins a call, and drops it when its body has begun.
async fn begin_and_drop(cache: &TestCache, source: &Source) -> Hold {
    let hold = source.hold();
    let call = begin(cache, source);
    hold.reached().await;
    give_up(call).await;
    hold
}

async fn give_up<T: std::fmt::Debug>(call: JoinHandle<T>) {
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
}

/// Waits until no load runs in a task.
async fn until_ended(cache: &TestCache) {
    until(async || cache.manager.stats().background_loads == 0).await;
}

/// The bodies that have begun, and those that have ended.
#[derive(Clone, Debug, Default)]
struct Bodies(Counter, Counter);

impl Bodies {
    async fn run(&self) -> u64 {
        self.0.hit();
        sleep(Duration::from_millis(300)).await;
        self.1.hit();
        7
    }

    fn counts(&self) -> (usize, usize) {
        (self.0.count(), self.1.count())
    }
}

#[cached(ttl = "1h", key = "slow:{id}")]
async fn slow(bodies: &Bodies, id: u64) -> u64 {
    _ = id;
    bodies.run().await
}

#[cached(ttl = "1h", detached = true, key = "slow:{id}")]
async fn slow_detached(bodies: &Bodies, id: u64) -> u64 {
    _ = id;
    bodies.run().await
}

/// Makes 20 calls one after the other, each of which waits for 100 ms at most.
async fn impatient<F: Future<Output = u64>>(call: impl Fn() -> F) -> Vec<Option<u64>> {
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(timeout(Duration::from_millis(100), call()).await.ok());
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn a_load_that_takes_longer_than_its_callers_wait_ends_once() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let bodies = Bodies::default();
        let answers = impatient(|| slow(&bodies, 1)).await;
        assert_eq!((answers, bodies.counts()), (vec![None; 20], (20, 0)));

        let bodies = Bodies::default();
        let answers = impatient(|| slow_detached(&bodies, 1)).await;
        assert_eq!(answers[..2], [None; 2]);
        assert_eq!(answers[3..], [Some(7); 17], "the fourth has the value");
        assert_eq!(bodies.counts(), (1, 1));
        let stats = cache.manager.stats();
        assert_eq!((stats.flights, stats.background_loads), (0, 0), "{stats}");
    })
    .await;
}

#[tokio::test]
async fn a_value_is_stored_after_its_caller_has_given_up() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(1);
        let hold = begin_and_drop(&cache, &source).await;
        assert_eq!(cache.manager.stats().background_loads, 1);
        hold.release();
        until_ended(&cache).await;
        assert_eq!(detached(&source, 7, "red").await, Ok(701));
        let stats = cache.manager.stats();
        assert_eq!((source.reads(), stats.total.loads, stats.total.load_errors), (1, 1, 0));
        assert_eq!((stats.total.misses, stats.total.hits(), stats.flights), (1, 1, 0), "{stats}");
    })
    .await;
}

// R4
#[tokio::test]
async fn callers_share_the_load_of_one_that_has_given_up() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let first = begin(&cache, &source);
        hold.reached().await;
        let others: Vec<_> = (0..5).map(|_| begin(&cache, &source)).collect();
        give_up(first).await;
        let later = begin(&cache, &source);
        for _ in 0..10 {
            yield_now().await;
        }
        hold.release();
        for call in others.into_iter().chain([later]) {
            assert_eq!(call.await.unwrap(), Ok(701));
        }
        assert_eq!(source.reads(), 1);
    })
    .await;
}

// R2
#[tokio::test]
async fn a_detached_load_that_an_invalidation_overtook_is_not_kept() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        for way in Way::ALL {
            for ends_first in [false, true] {
                let source = Source::new(1);
                let hold = begin_and_drop(&cache, &source).await;
                source.set(3);
                way.invalidate(&cache.manager).await;
                if !ends_first {
                    assert_eq!(detached(&source, 7, "red").await, Ok(703), "{way:?}");
                }
                hold.release();
                until_ended(&cache).await;
                assert_eq!(detached(&source, 7, "red").await, Ok(703), "{way:?}");
                assert_eq!(source.reads(), 2, "{way:?}");
                way.invalidate(&cache.manager).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_that_was_put_meanwhile_stays() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(1);
        let hold = begin_and_drop(&cache, &source).await;
        detached(&source, 7, "red").cache_entry().put(9).await.unwrap();
        hold.release();
        until_ended(&cache).await;
        assert_eq!(detached(&source, 7, "red").await, Ok(9));
    })
    .await;
}

/// An error that cannot be cloned.
#[derive(Debug, PartialEq)]
struct Unshared(u64);

#[cached(ttl = "1m", detached = true, key = "unshared:{id}")]
async fn unshared(source: &Source, id: u64) -> Result<u64, Unshared> {
    _ = id;
    Err(Unshared(source.read().await))
}

#[cached(ttl = "1m", detached = true, share_errors = true, key = "wrapped:{id}")]
async fn wrapped(
    source: &Source,
    id: u64,
) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    _ = id;
    let number = source.read().await;
    Err(std::io::Error::other(number.to_string()).into())
}

#[tokio::test]
async fn a_caller_that_waits_has_the_error_itself() {
    let (log, _guard) = Log::capture();
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(0);
        assert_eq!(detached(&source, 7, "red").await, Err("no data".into()));
        assert_eq!(unshared(&source, 1).await, Err(Unshared(0)));
        let alone = wrapped(&source, 1).await.unwrap_err();
        assert!(alone.is::<std::io::Error>(), "nobody shares it");
        assert_eq!(cache.manager.stats().total.load_errors, 3);

        let hold = source.hold();
        let call = || {
            let source = source.clone();
            cache.spawn(async move { wrapped(&source, 1).await.unwrap_err() })
        };
        let first = call();
        hold.reached().await;
        let second = call();
        until(async || cache.manager.stats().total.misses >= 4).await;
        for _ in 0..100 {
            yield_now().await;
        }
        hold.release();
        assert!(first.await.unwrap().is::<SharedError>());
        assert!(second.await.unwrap().is::<SharedError>());
        assert_eq!(source.reads(), 4);
    })
    .await;
    assert!(!log.text().contains("a detached load failed"), "{}", log.text());
}

#[tokio::test]
async fn an_error_that_no_caller_waits_for_is_logged_and_counted() {
    let (log, _guard) = Log::capture();
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(0);
        let hold = begin_and_drop(&cache, &source).await;
        hold.release();
        until_ended(&cache).await;
        let counts = cache.manager.stats().total;
        assert_eq!((counts.loads, counts.load_errors), (1, 1));
        source.set(1);
        assert_eq!(detached(&source, 7, "red").await, Ok(701), "nothing is left of the failure");
    })
    .await;
    let said = log.lines("WARN");
    let said: Vec<_> = said.iter().filter(|line| line.contains("a detached load failed")).collect();
    assert_eq!(said.len(), Store::ALL.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("no data")), "{said:#?}");
}

#[tokio::test]
async fn a_panic_of_the_body_is_resumed_in_the_caller() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(13);
        let panic = begin(&cache, &source).await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"a panic of a detached body"));
        let stats = cache.manager.stats();
        assert_eq!((stats.total.loads, stats.total.load_errors, stats.flights), (1, 1, 0));
        source.set(1);
        assert_eq!(detached(&source, 7, "red").await, Ok(701));
    })
    .await;
}

// R4
#[tokio::test]
async fn a_panic_that_no_caller_waits_for_is_counted_and_its_followers_go_on() {
    on_stores(&Store::ALL, async |cache: TestCache| {
        let source = Source::new(13);
        let hold = source.hold();
        let first = begin(&cache, &source);
        hold.reached().await;
        let second = begin(&cache, &source);
        for _ in 0..10 {
            yield_now().await;
        }
        give_up(first).await;
        source.set(1);
        hold.release();
        assert_eq!(second.await.unwrap(), Ok(701));
        until_ended(&cache).await;
        let counts = cache.manager.stats().total;
        assert_eq!((counts.loads, counts.load_errors, source.reads()), (2, 1, 2));
    })
    .await;
}

/// Counts the bodies that are under way.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        UnderWay(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cached(ttl = "1m", detached = true, key = "counted:{id}")]
async fn counted(source: &Source, running: &Arc<AtomicUsize>, id: u64) -> u64 {
    let _running = UnderWay::begin(running);
    id + source.read().await
}

// R7
#[tokio::test]
async fn without_a_free_place_a_load_ends_with_its_caller() {
    for limit in [0, 1] {
        let settings = |config: CacheConfig| config.max_background_loads(limit);
        for store in Store::INTENDED {
            on_store(store, settings, async |cache: TestCache| {
                let (source, running) = (Source::new(1), Arc::default());
                let call = |id| {
                    let (source, running) = (source.clone(), Arc::clone(&running));
                    cache.spawn(async move { counted(&source, &running, id).await })
                };
                // They take the free places.
                let mut holds = Vec::new();
                for id in 0..u64::from(limit) {
                    let hold = source.hold();
                    let call = call(id);
                    hold.reached().await;
                    give_up(call).await;
                    holds.push(hold);
                }
                let (taken, hold) = (usize::from(limit), source.hold());
                let last = call(100);
                hold.reached().await;
                assert_eq!(running.load(Ordering::SeqCst), taken + 1);
                assert_eq!(cache.manager.stats().background_loads, u64::from(limit));
                give_up(last).await;
                assert_eq!(running.load(Ordering::SeqCst), taken, "it has ended with its caller");
                assert_eq!(in_time(counted(&source, &running, 100)).await, 101);
                holds.into_iter().for_each(Hold::release);
                until_ended(&cache).await;
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_load_that_no_caller_waits_for_has_a_limit() {
    let (log, _guard) = Log::capture();
    let settings = |config: CacheConfig| config.max_load(Duration::from_secs(5));
    on_store(Store::Memory, settings, async |cache: TestCache| {
        let (source, running) = (Source::new(1), Arc::default());
        let call = |id| {
            let (source, running) = (source.clone(), Arc::clone(&running));
            cache.spawn(async move { counted(&source, &running, id).await })
        };
        let hold = source.hold();
        let waiting = call(1);
        hold.reached().await;
        sleep(MINUTE).await;
        assert_eq!(running.load(Ordering::SeqCst), 1);
        hold.release();
        assert_eq!(waiting.await.unwrap(), 2);

        let hold = source.hold();
        let dropped = call(2);
        hold.reached().await;
        sleep(Duration::from_secs(3)).await;
        give_up(dropped).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(running.load(Ordering::SeqCst), 1, "its time is not over");
        sleep(Duration::from_secs(2)).await;
        assert_eq!(running.load(Ordering::SeqCst), 0);
        let stats = cache.manager.stats();
        assert_eq!((stats.total.load_errors, stats.background_loads, stats.flights), (1, 0, 0));
    })
    .await;
    let said = log.lines("WARN");
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said.iter().all(|line| line.contains("a detached load was cancelled")), "{said:#?}");
}

#[tokio::test]
async fn the_end_of_the_manager_ends_only_loads_that_no_caller_waits_for() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        let running = Arc::default();
        let call = |id| {
            let (source, running) = (source.clone(), Arc::clone(&running));
            cache.spawn(async move { counted(&source, &running, id).await })
        };
        let first = source.hold();
        let dropped = call(1);
        first.reached().await;
        let second = source.hold();
        let waiting = call(2);
        second.reached().await;
        give_up(dropped).await;
        _ = cache.manager.disconnect().await;
        until(async || cache.manager.stats().background_loads == 1).await;
        assert_eq!(running.load(Ordering::SeqCst), 1);
        second.release();
        assert_eq!(waiting.await.unwrap(), 3);
    })
    .await;
}

#[cached(ttl = "1m", detached = true, key = "twice:{id}")]
fn twice(source: &Source, id: u64) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
    Box::pin(async move {
        let value = source.read().await;
        if value > 1 {
            return value;
        }
        source.set(2);
        10 + twice(source, id).await
    })
}

#[cached(ttl = "1m", detached = true, key = "there:{id}")]
fn there(source: &Source, id: u64) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
    Box::pin(async move {
        let value = source.read().await;
        source.set(value + 1);
        if value < 3 { value * 10 + back(source, id).await } else { value }
    })
}

#[cached(ttl = "1m", detached = true, key = "back:{id}")]
fn back(source: &Source, id: u64) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
    Box::pin(async move { there(source, id).await })
}

#[tokio::test]
async fn a_detached_body_that_calls_itself_does_not_wait_for_itself() {
    // No wait ends by its limit within the time of the test.
    let settings = |config: CacheConfig| config.wait_limit(60 * MINUTE);
    for store in Store::INTENDED {
        on_store(store, settings, async |cache: TestCache| {
            let source = Source::new(1);
            assert_eq!(in_time(twice(&source, 1)).await, 12);
            let source = Source::new(1);
            assert_eq!(in_time(there(&source, 1)).await, 33);
            until_ended(&cache).await;
            assert_eq!(cache.manager.stats().flights, 0);
        })
        .await;
    }
}

/// An argument that cannot be copied for a task.
struct Handle(u64);

impl Clone for Handle {
    fn clone(&self) -> Self {
        panic!("the `Clone` of an argument, {}", self.0)
    }
}

#[cached(ttl = "1m", detached = true, key_prefix = "detached_handle", skip(source, handle))]
async fn of_handle(source: &Source, handle: &Handle) -> u64 {
    handle.0 + source.read().await
}

// R3
#[tokio::test]
async fn a_load_whose_arguments_cannot_be_copied_runs_in_its_caller() {
    let (log, _guard) = Log::capture();
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        for _ in 0..2 {
            assert_eq!(of_handle(&source, &Handle(1)).await, 2);
        }
        let stats = cache.manager.stats();
        assert_eq!((source.reads(), stats.total.stores, stats.background_loads), (1, 1, 0));
    })
    .await;
    let said = log.lines("ERROR");
    assert_eq!(said.len(), Store::INTENDED.len(), "{said:#?}");
    assert!(said.iter().all(|line| line.contains("which runs in its caller")), "{said:#?}");
}

#[tokio::test]
async fn a_fetch_and_a_refresh_of_a_detached_function_say_what_they_did() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        let fetched = detached(&source, 7, "red").cache_entry().fetch().await.unwrap();
        assert_eq!((fetched.value, fetched.source), (Ok(701), From::Load));
        source.set(2);
        let refreshed = detached(&source, 7, "red").cache_entry().refresh().await.unwrap();
        assert_eq!(refreshed, Ok(702));
        assert_eq!(cache.manager.stats().total.refreshes, 1);
        assert_eq!(detached(&source, 7, "red").await, Ok(702));
    })
    .await;
}

#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    stale_if_error = "10m",
    detached = true,
    key = "fallback:{id}"
)]
async fn with_fallback(source: &Source, id: u64) -> Loaded {
    read(source, id).await
}

#[tokio::test]
async fn a_detached_function_serves_stale_values_as_any_other() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(with_fallback(&source, 1).await, Ok(101));
        cache.clock.advance(MINUTE + MINUTE / 2);
        source.set(2);
        assert_eq!(with_fallback(&source, 1).await, Ok(101), "refreshed in the background");
        until(async || with_fallback(&source, 1).await == Ok(102)).await;
        until_ended(&cache).await;
        cache.clock.advance(3 * MINUTE);
        source.set(0);
        assert_eq!(with_fallback(&source, 1).await, Ok(102), "instead of the error");
        assert_eq!(cache.manager.stats().total.load_errors, 1);
    })
    .await;
}

/// A cached function that a detached body calls uses the same cache.
#[tokio::test]
async fn a_detached_load_is_in_the_scope_of_its_call() {
    #[cached(ttl = "1h", key = "{id}")]
    async fn inner(source: &Source, id: u64) -> u64 {
        id + source.read().await
    }

    #[cached(ttl = "1m", detached = true, key = "{id}")]
    async fn outer(source: &Source, id: u64) -> u64 {
        inner(source, id).await
    }

    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(inner(&source, 1).await, 2);
        assert_eq!(outer(&source, 1).await, 2);
        assert_eq!((source.reads(), cache.manager.stats().total.loads), (1, 2));
    })
    .await;
}
