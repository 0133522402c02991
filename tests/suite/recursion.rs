//! Cached functions that call each other, and themselves.

use std::time::Duration;

use cache_runtime::cached;
use cache_tests::Counter;
use tokio::time::timeout;

use crate::stores::{TestCache, on_each_store};

/// Far below the ten seconds for which a caller waits for another's load.
const SOON: Duration = Duration::from_secs(5);

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
        assert_eq!(timeout(SOON, fibonacci(&runs, 30)).await.unwrap(), 832_040);
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
        assert_eq!(timeout(SOON, same_key(&runs, 3)).await.unwrap(), 4);
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
        assert_eq!(timeout(SOON, f(4)).await.unwrap(), 5);
        assert_eq!(g(0).await, 4, "the inner value has been stored");
    })
    .await;
}
