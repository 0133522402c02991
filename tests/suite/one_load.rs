//! Concurrent callers of one key share one load, whatever becomes of the caller that leads it.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use cache_runtime::{CacheConfig, Error, cached};
use cache_tests::Counter;
use tokio::task::{JoinHandle, JoinSet, yield_now};

use crate::source::{Hold, Source};
use crate::stores::{Store, TestCache, in_time, on_each_store, on_store, on_stores};

/// Another's load is not waited for for long.
fn impatient(config: CacheConfig) -> CacheConfig {
    config.wait_limit(Duration::from_millis(100))
}

#[cached(ttl = "1m", key_prefix = "one_load", key = "{id}")]
async fn number(source: &Source, id: u64) -> u64 {
    _ = id;
    yield_now().await;
    source.read().await
}

async fn called(source: Source, id: u64) -> u64 {
    number(&source, id).await
}

async fn seven(source: Source) -> u64 {
    called(source, 7).await
}

/// This many callers who wait for a load that is under way.
async fn waiters(
    cache: &TestCache,
    source: &Source,
    id: u64,
    count: usize,
) -> Vec<JoinHandle<u64>> {
    let waiters = (0..count).map(|_| cache.spawn(called(source.clone(), id))).collect();
    // Each has been polled once when these have had their turns.
    for _ in 0..count + 10 {
        yield_now().await;
    }
    waiters
}

async fn values(callers: Vec<JoinHandle<u64>>) -> Vec<u64> {
    let mut values = Vec::with_capacity(callers.len());
    for caller in callers {
        values.push(caller.await.unwrap());
    }
    values
}

// R4: concurrent callers of a key share one load.
#[tokio::test]
async fn a_thousand_tasks_share_one_load() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let leader = cache.spawn(seven(source.clone()));
        hold.reached().await;
        let waiters = waiters(&cache, &source, 7, 999).await;
        hold.release();
        assert_eq!(leader.await.unwrap(), 1);
        assert_eq!(values(waiters).await, [1; 999]);
        assert_eq!(source.reads(), 1);
        assert_eq!(cache.manager.stats().total.coalesced, 999);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_tasks_on_several_threads_share_one_load() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let callers: Vec<_> = (0..1_000).map(|_| cache.spawn(seven(source.clone()))).collect();
        hold.reached().await;
        hold.release();
        assert_eq!(values(callers).await, [1; 1_000]);
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_thousand_calls_joined_in_one_task_share_one_load() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let mut calls: Vec<Pin<Box<dyn Future<Output = u64>>>> = Vec::new();
        for _ in 0..1_000 {
            calls.push(Box::pin(number(&source, 7)));
        }
        assert_eq!(join_all(calls).await, [1; 1_000]);
        assert_eq!(source.reads(), 1);
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

/// Polls all of the futures at each turn of one task.
async fn join_all(mut calls: Vec<Pin<Box<dyn Future<Output = u64> + '_>>>) -> Vec<u64> {
    let mut values = Vec::new();
    std::future::poll_fn(|context| {
        calls.retain_mut(|call| match call.as_mut().poll(context) {
            Poll::Ready(value) => {
                values.push(value);
                false
            }
            Poll::Pending => true,
        });
        if calls.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    values
}

// R4: if a leader is dropped, a follower takes over.
#[tokio::test]
async fn an_aborted_leader_is_replaced_by_a_waiter() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let leader = cache.spawn(seven(source.clone()));
        hold.reached().await;
        let waiters = waiters(&cache, &source, 7, 20).await;
        leader.abort();
        assert_eq!(values(waiters).await, [1; 20]);
        assert_eq!(source.reads(), 2);
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

/// The leader is polled so often and then dropped: that is each of its await points in turn.
#[tokio::test]
async fn a_leader_may_be_dropped_at_any_await_point() {
    on_each_store(async |cache: TestCache| {
        for polls in 1.. {
            let source = Source::new(polls);
            let mut leader = Box::pin(number(&source, polls));
            if polled(&mut leader, polls).await {
                assert!(polls > 1, "a call that never waits has no point to be dropped at");
                break;
            }
            let waiters = waiters(&cache, &source, polls, 20).await;
            drop(leader);
            assert_eq!(values(waiters).await, [polls; 20]);
            assert!(source.reads() <= 2, "{} loads after {polls} polls", source.reads());
        }
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

/// Returns whether the future has ended after this number of polls, each of which followed a wake-up.
async fn polled(future: &mut Pin<Box<impl Future>>, mut polls: u64) -> bool {
    std::future::poll_fn(|context| {
        polls -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if polls == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[cached(ttl = "1m", skip(source, runs))]
async fn panics_once(source: &Source, runs: &Counter) -> u64 {
    let first = runs.hit() == 1;
    let value = source.read().await;
    assert!(!first, "the first load fails");
    value
}

// R4: neither does one that panics.
#[tokio::test]
async fn a_panic_reaches_its_own_caller_alone() {
    on_each_store(async |cache: TestCache| {
        let (source, runs) = (Source::new(1), Counter::new());
        let call = || {
            let (source, runs) = (source.clone(), runs.clone());
            cache.spawn(async move { panics_once(&source, &runs).await })
        };
        let hold = source.hold();
        let leader = call();
        hold.reached().await;
        let waiters: Vec<_> = (0..20).map(|_| call()).collect();
        yield_now().await;
        hold.release();
        assert!(leader.await.unwrap_err().is_panic());
        assert_eq!(values(waiters).await, [1; 20]);
        assert_eq!(runs.count(), 2);
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

/// A leader in a select arm that has lost: it is held in its body, and polled no more.
async fn held_leader(source: &Source) -> (Pin<Box<impl Future<Output = u64>>>, Hold) {
    let hold = source.hold();
    let mut held = Box::pin(number(source, 7));
    tokio::select! {
        biased;
        _ = &mut held => panic!("the load is held up"),
        () = hold.reached() => {}
    }
    (held, hold)
}

#[tokio::test]
async fn a_call_that_is_held_unpolled_does_not_block_its_own_task() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let (held, _hold) = held_leader(&source).await;
        let waiter = cache.spawn(seven(source.clone()));
        yield_now().await;
        drop(held);
        assert_eq!(waiter.await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_held_unpolled_does_not_block_the_same_call_in_its_task() {
    for store in Store::ALL {
        on_store(store, impatient, async |cache: TestCache| {
            let source = Source::new(1);
            let (held, hold) = held_leader(&source).await;
            // Nobody can end the load meanwhile, so only the limit ends the wait for it.
            assert_eq!(in_time(number(&source, 7)).await, 1);
            assert_eq!(source.reads(), 2);
            hold.release();
            assert_eq!(held.await, 1);
            assert_eq!(cache.manager.stats().flights, 0);
        })
        .await;
    }
}

#[tokio::test]
async fn different_keys_load_at_the_same_time() {
    on_each_store(async |cache: TestCache| {
        let (slow, quick) = (Source::new(1), Source::new(2));
        let hold = slow.hold();
        let leader = cache.spawn(seven(slow.clone()));
        hold.reached().await;
        assert_eq!(number(&quick, 8).await, 2);
        hold.release();
        assert_eq!(leader.await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_annotated_function_and_get_or_load_of_its_name_share_their_value() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(number(&source, 7).await, 1);
        let other = async || Ok::<_, Error>(2);
        let options = Duration::from_secs(60);
        let value: Result<u64, Error> =
            cache.manager.get_or_load("one_load:7", options, other).await;
        assert_eq!(value.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn no_flight_is_left_after_many_keys() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let mut calls = JoinSet::new();
        for id in 0..5_000 {
            let (source, manager) = (source.clone(), cache.manager.clone());
            calls.spawn(async move {
                cache_runtime::with(&manager, number(&source, id)).await;
            });
        }
        while let Some(call) = calls.join_next().await {
            call.unwrap();
        }
        assert_eq!((source.reads(), cache.manager.stats().flights), (5_000, 0));
    })
    .await;
}

/// Twenty callers of a load that never ends.
async fn stuck(cache: &TestCache) {
    let source = Source::new(1);
    let hold = source.hold();
    let stuck = cache.spawn(seven(source.clone()));
    hold.reached().await;
    let waiters = waiters(cache, &source, 7, 20).await;
    assert_eq!(in_time(values(waiters)).await, [1; 20]);
    assert_eq!(source.reads(), 2, "one of them loads for all");
    assert_eq!(seven(source.clone()).await, 1);
    assert_eq!(source.reads(), 2, "the key is usable");
    assert!(!stuck.is_finished());
    stuck.abort();
}

/// Time is tokio's, which jumps ahead when all tasks wait.
#[tokio::test(start_paused = true)]
async fn a_load_that_never_ends_is_waited_for_no_longer_than_the_limit() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let began = tokio::time::Instant::now();
        stuck(&cache).await;
        let waited = began.elapsed();
        assert!((9..=30).contains(&waited.as_secs()), "{waited:?}");
    })
    .await;
}

#[tokio::test]
async fn the_limit_of_a_wait_holds_in_each_store() {
    for store in Store::ALL {
        on_store(store, impatient, async |cache: TestCache| stuck(&cache).await).await;
    }
}
