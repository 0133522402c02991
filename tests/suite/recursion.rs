//! Cached functions that call each other, and themselves.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{CacheConfig, cached};
use cache_tests::Counter;
use tokio::sync::Barrier;

use crate::stores::{Store, TestCache, in_time, on_each_store, on_store, on_stores};

/// Far below the ten seconds for which a caller waits for another's load.

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
