//! The process's own manager, used by several tests at once and one after another: each has a runtime of
//! its own, which ends with it, and none has a scope.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::env;
use std::process::Command;
use std::time::Duration;

use cache_runtime::{cache, cache_invalidate, cached};
use cache_tests::{Counter, RedisServer, unique_namespace};

/// What all of these tests have in common: they run in any order, and side by side.
const SHARED: u64 = 0;

#[cached(ttl = "5m", key_prefix = "global", key = "{id}")]
async fn item(runs: &Counter, id: u64) -> u64 {
    runs.hit();
    tokio::task::yield_now().await;
    id
}

#[cached(ttl = "50ms", key_prefix = "short", key = "{id}")]
async fn short(runs: &Counter, id: u64) -> usize {
    _ = id;
    runs.hit()
}

#[cache_invalidate(prefix = "global:{id}")]
async fn change(id: u64) {
    _ = id;
}

/// What each test does with an item of its own, and with the one of all of them.
async fn uses_the_cache(id: u64) {
    let runs = Counter::new();
    for round in 1..=3 {
        for _ in 0..10 {
            assert_eq!(item(&runs, id).await, id);
            assert_eq!(item(&Counter::new(), SHARED).await, SHARED);
        }
        assert_eq!(runs.count(), round);
        change(id).await;
    }
    let tasks: Vec<_> = (0..10).map(|_| tokio::spawn(item_of_a_task(runs.clone(), id))).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), id);
    }
    assert_eq!(runs.count(), 4, "its tasks use the same manager");
    let expected = if env::var_os("REDIS_URL").is_some() { "tiered" } else { "memory" };
    assert_eq!(cache().health().await.backend, expected);
}

async fn item_of_a_task(runs: Counter, id: u64) -> u64 {
    item(&runs, id).await
}

mod is_used {
    use super::*;

    #[tokio::test]
    async fn by_one_test() {
        uses_the_cache(1).await;
    }

    #[tokio::test]
    async fn by_another_test() {
        uses_the_cache(2).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn by_a_test_with_several_threads() {
        uses_the_cache(3).await;
    }

    #[tokio::test]
    async fn as_time_goes_on() {
        let runs = Counter::new();
        let first = short(&runs, 1).await;
        // As long as the value lives, and the grain of the clock.
        tokio::time::sleep(Duration::from_millis(70)).await;
        assert_eq!(short(&runs, 1).await, first + 1);
    }
}

/// The same tests in a process whose own manager has Redis.
#[test]
fn the_same_holds_with_redis() {
    let server = RedisServer::start();
    let tests = Command::new(env::current_exe().unwrap())
        .arg("is_used::")
        .env("REDIS_URL", server.url())
        .env("CACHE_NAMESPACE", unique_namespace())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tests.stdout);
    assert!(tests.status.success() && said.contains("4 passed"), "{said}");
}
