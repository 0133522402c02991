//! The process's own manager, used by several tests at once and one after another: each has a runtime of
//! its own, which ends with it, and none has a scope.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::env;
use std::io::{self, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_runtime::{
    CacheConfig, CacheManager, Error, cache, cache_invalidate, cached, install, with,
};
use cache_tests::{Counter, RedisServer, unique_namespace};
use tracing::subscriber::DefaultGuard;

/// The id that all of these tests share. They run in any order and in parallel.
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

#[cached(ttl = "5m", key_prefix = "named", key = "{id}", manager = cache)]
async fn item_of(cache: &CacheManager, id: u64) -> u64 {
    _ = cache;
    id
}

#[cache_invalidate(prefix = "global:{id}")]
async fn change(id: u64) {
    _ = id;
}

/// Uses the cache with an item of its own in each test, and with the one that all tests share.
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
    // The feed may not be connected yet.
    while cache().health().await.backend != expected {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
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

/// Each in a process of its own: which manager is the process's is settled once.
mod first_use {
    use super::*;

    async fn manager() -> CacheManager {
        CacheManager::connect(CacheConfig::default()).await.unwrap()
    }

    #[tokio::test]
    #[ignore = "run by a test, alone"]
    async fn makes_the_manager_that_install_would_have_been() {
        assert_eq!(item(&Counter::new(), 1).await, 1);
        let error = install(manager().await).unwrap_err();
        assert!(matches!(error, Error::UsedBeforeInstall), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("was used before `cache_runtime::install`"), "{text}");
        assert!(text.contains("at the start of the program"), "{text}");
    }

    #[tokio::test]
    #[ignore = "run by a test, alone"]
    async fn says_once_that_a_connected_manager_is_not_it() {
        let log = Log::begin();
        drop(manager().await);
        assert_eq!(log.count("neither installed nor used"), 0);
        item(&Counter::new(), 1).await;
        item(&Counter::new(), 2).await;
        assert_eq!(log.count("neither installed nor used"), 1);
    }

    #[tokio::test]
    #[ignore = "run by a test, alone"]
    async fn says_once_that_a_manager_is_connected_too_late() {
        let log = Log::begin();
        item(&Counter::new(), 1).await;
        assert_eq!(log.count("after the first use"), 0);
        drop(manager().await);
        drop(manager().await);
        item(&Counter::new(), 2).await;
        assert_eq!(log.count("after the first use"), 1);
        assert_eq!(log.count("call `cache_runtime::install` at the start"), 1);
    }

    #[tokio::test]
    #[ignore = "run by a test, alone"]
    async fn is_silent_of_a_manager_in_a_scope() {
        let log = Log::begin();
        let manager = manager().await;
        with(&manager, item(&Counter::new(), 1)).await;
        item(&Counter::new(), 1).await;
        assert_eq!(log.count("neither installed nor used"), 0);
    }

    #[tokio::test]
    #[ignore = "run by a test, alone"]
    async fn is_silent_of_a_manager_that_an_attribute_names() {
        let log = Log::begin();
        item_of(&manager().await, 1).await;
        item(&Counter::new(), 1).await;
        assert_eq!(log.count("neither installed nor used"), 0);
    }

    #[tokio::test]
    #[ignore = "run by a test, alone"]
    async fn is_silent_of_the_one_installed() {
        let log = Log::begin();
        install(manager().await).unwrap();
        item(&Counter::new(), 1).await;
        assert_eq!(log.count("neither installed nor used"), 0);
        assert!(matches!(install(manager().await), Err(Error::AlreadyInstalled)));
    }
}

#[test]
fn the_first_use_settles_which_manager_it_is() {
    for test in [
        "makes_the_manager_that_install_would_have_been",
        "says_once_that_a_connected_manager_is_not_it",
        "says_once_that_a_manager_is_connected_too_late",
        "is_silent_of_a_manager_in_a_scope",
        "is_silent_of_a_manager_that_an_attribute_names",
        "is_silent_of_the_one_installed",
    ] {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--ignored", "--exact", &format!("first_use::{test}")]);
        let output = command.env_remove("REDIS_URL").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{test}: {said}");
    }
}

/// Collects the log of this thread.
struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
    _collecting: DefaultGuard,
}

impl Log {
    fn begin() -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&lines);
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || Lines(Arc::clone(&writer)))
            .finish();
        Log { lines, _collecting: tracing::subscriber::set_default(subscriber) }
    }

    fn count(&self, text: &str) -> usize {
        String::from_utf8_lossy(&self.lines.lock().unwrap()).matches(text).count()
    }
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same tests in a process whose own manager has Redis.
#[test]
fn the_same_holds_with_redis() {
    let (server, namespace) = (RedisServer::start(), unique_namespace());
    let tests = Command::new(env::current_exe().unwrap())
        .arg("is_used::")
        .env("REDIS_URL", server.url())
        .env("CACHE_NAMESPACE", namespace)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tests.stdout);
    assert!(tests.status.success() && said.contains("4 passed"), "{said}");
}
