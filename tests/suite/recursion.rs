//! Cached functions that call each other, and themselves.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{CacheConfig, cached};
use cache_tests::Counter;
use tokio::sync::Barrier;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::stores::{Store, TestCache, in_time, on_each_store, on_store, on_stores};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[cached(ttl = "1m", key_prefix = "recursion", key = "fibonacci:{n}")]
async fn fibonacci(runs: &Counter, n: u64) -> u64 {
    runs.hit();
    if n < 2 {
        return n;
    }
    Box::pin(fibonacci(runs, n - 1)).await + Box::pin(fibonacci(runs, n - 2)).await
}

#[tokio::test]
async fn a_recursive_function_is_cached_at_each_depth() {
    on_each_store(async |_cache: TestCache| {
        let runs = Counter::new();
        assert_eq!(in_time(fibonacci(&runs, 30)).await, 832_040);
        assert_eq!(runs.count(), 31);
    })
    .await;
}

#[cached(ttl = "1m", skip(runs, depth))]
async fn same_key(runs: &Counter, depth: u64) -> u64 {
    runs.hit();
    if depth == 0 { 1 } else { Box::pin(same_key(runs, depth - 1)).await + 1 }
}

#[tokio::test]
async fn a_function_that_calls_itself_with_its_own_key_runs_its_body() {
    on_each_store(async |_cache: TestCache| {
        let runs = Counter::new();
        assert_eq!(in_time(same_key(&runs, 3)).await, 4);
        assert_eq!(runs.count(), 4);
        assert_eq!(same_key(&runs, 3).await, 4);
        assert_eq!(runs.count(), 4, "the outer value has been stored");
    })
    .await;
}

#[cached(ttl = "1m", skip(depth))]
async fn f(depth: u64) -> u64 {
    if depth == 0 { 1 } else { Box::pin(g(depth - 1)).await + 1 }
}

#[cached(ttl = "1m", skip(depth))]
async fn g(depth: u64) -> u64 {
    if depth == 0 { 1 } else { Box::pin(f(depth - 1)).await + 1 }
}

#[tokio::test]
async fn two_functions_may_call_each_other() {
    on_each_store(async |_cache: TestCache| {
        assert_eq!(in_time(f(4)).await, 5);
        assert_eq!(g(0).await, 4, "the inner value has been stored");
    })
    .await;
}

#[cached(ttl = "1m", skip(both, outer))]
async fn left(both: &Barrier, outer: bool) -> u64 {
    if outer {
        both.wait().await;
        Box::pin(right(both, false)).await
    } else {
        1
    }
}

#[cached(ttl = "1m", skip(both, outer))]
async fn right(both: &Barrier, outer: bool) -> u64 {
    if outer {
        both.wait().await;
        Box::pin(left(both, false)).await
    } else {
        1
    }
}

/// Each of two tasks leads a load that waits for the other's.
async fn crossed(cache: &TestCache) {
    let both = Arc::new(Barrier::new(2));
    let (one, other) = (Arc::clone(&both), both);
    let one = cache.spawn(async move { left(&one, true).await });
    let other = cache.spawn(async move { right(&other, true).await });
    assert_eq!(in_time(one).await.unwrap(), 1);
    assert_eq!(in_time(other).await.unwrap(), 1);
    assert_eq!(cache.manager.stats().flights, 0);
}

/// Time is tokio's, which jumps ahead when all tasks wait.
#[tokio::test(start_paused = true)]
async fn two_tasks_that_wait_for_each_others_loads_come_free() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        crossed(&cache).await;
    })
    .await;
}

#[tokio::test]
async fn two_tasks_that_wait_for_each_other_come_free_in_each_store() {
    for store in Store::ALL {
        let impatient = |config: CacheConfig| config.wait_limit(Duration::from_millis(100));
        on_store(store, impatient, async |cache: TestCache| crossed(&cache).await).await;
    }
}

/// This many callers of each of two names whose loads load the other name, in tasks of their own or not.
async fn crossed_directly(cache: &TestCache, in_tasks: bool) {
    const CALLERS: usize = 50;
    let both = Arc::new(Barrier::new(2 * CALLERS));
    let call = |here: &'static str, there: &'static str| {
        let (manager, both) = (cache.manager.clone(), Arc::clone(&both));
        tokio::spawn(async move {
            both.wait().await;
            let inner = {
                let manager = manager.clone();
                async move { manager.get_or_load(there, MINUTE, async || Ok::<u64, ()>(1)).await }
            };
            let load = async || {
                // The other load has begun by then.
                yield_now().await;
                if in_tasks { tokio::spawn(inner).await.unwrap() } else { inner.await }
            };
            manager.get_or_load(here, MINUTE, load).await
        })
    };
    let calls: Vec<_> = (0..CALLERS)
        .flat_map(|_| [call("cross:x", "cross:y"), call("cross:y", "cross:x")])
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(1));
    }
}

/// Time is tokio's, which jumps ahead when all tasks wait.
#[tokio::test(start_paused = true)]
async fn fifty_callers_each_of_two_loads_that_wait_for_each_other_do_not_wait() {
    let limited = |config: CacheConfig| config.wait_limit(SECOND);
    on_store(Store::Memory, limited, async |cache: TestCache| {
        let began = Instant::now();
        crossed_directly(&cache, false).await;
        assert!(began.elapsed() < SECOND, "{:?}: a circle is found at once", began.elapsed());
    })
    .await;
}

/// A body that waits for a task of its own is not seen to wait: the limit frees one caller after the other.
#[tokio::test(start_paused = true)]
async fn loads_that_wait_for_each_other_out_of_sight_come_free() {
    let limited = |config: CacheConfig| config.wait_limit(SECOND);
    on_store(Store::Memory, limited, async |cache: TestCache| {
        crossed_directly(&cache, true).await;
        assert_eq!(cache.manager.stats().flights, 0);
    })
    .await;
}

/// The time that a load waits for others is not part of its own time, by which the next wait is
/// measured.
#[tokio::test(start_paused = true)]
async fn the_time_that_a_load_waits_makes_no_later_wait_longer() {
    let limited = |config: CacheConfig| config.wait_limit(SECOND);
    on_store(Store::Memory, limited, async |cache: TestCache| {
        let manager = &cache.manager;
        let slow = async || {
            sleep(SECOND * 9 / 10).await;
            Ok::<u64, ()>(1)
        };
        // `cross:outer` waits for a load of `slow:inner` that another one leads.
        let outer = async || manager.get_or_load("slow:inner", MINUTE, slow).await;
        let (inner, outer) = tokio::join!(
            manager.get_or_load("slow:inner", MINUTE, slow),
            manager.get_or_load("cross:outer", MINUTE, outer),
        );
        assert_eq!((inner, outer), (Ok(1), Ok(1)));
        let began = Instant::now();
        let for_ever = async || std::future::pending::<Result<u64, ()>>().await;
        let waits = async {
            yield_now().await;
            manager.get_or_load("cross:stuck", MINUTE, async || Ok::<u64, ()>(2)).await
        };
        tokio::select! {
            biased;
            _ = manager.get_or_load("cross:stuck", MINUTE, for_ever) => unreachable!(),
            loaded = waits => assert_eq!(loaded, Ok(2)),
        }
        let waited = began.elapsed();
        assert!(waited < 2 * SECOND, "{waited:?}: the limit is a second");
    })
    .await;
}
