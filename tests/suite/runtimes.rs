//! One manager under several tokio runtimes, under dropped ones, and under none.

use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, cache_invalidate, cached, with};
use cache_tests::{RedisServer, unique_namespace};
use tokio::runtime::{Builder, Runtime};

use crate::source::Source;
use crate::stores::{on_server, shared_server, until_up};

#[cached(key_prefix = "runtimes", key = "{id}")]
async fn item(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cache_invalidate(prefix = "runtimes:{id}")]
async fn change(id: u64) {
    _ = id;
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The same for a manager without Redis and for one with.
fn with_each_manager(test: impl Fn(&CacheManager)) {
    let server = shared_server();
    let config = CacheConfig::default().namespace(unique_namespace());
    for config in [config.clone(), on_server(config, &server)] {
        test(&CacheManager::builder().config(config).build().unwrap());
    }
}

#[test]
fn each_of_several_runtimes_in_turn_finds_what_the_others_have_stored() {
    with_each_manager(|manager| {
        let source = Source::new(1);
        for runtime in [current_thread(), multi_thread(), current_thread()] {
            assert_eq!(runtime.block_on(with(manager, item(&source, 1))), 1);
            drop(runtime);
        }
        assert_eq!(source.reads(), 1);
        current_thread().block_on(with(manager, change(1)));
        source.set(2);
        assert_eq!(multi_thread().block_on(with(manager, item(&source, 1))), 2);
    });
}

#[cached(ttl = "50ms", key_prefix = "runtimes:short", key = "{id}")]
async fn short(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[test]
fn time_goes_on_when_a_runtime_has_ended() {
    with_each_manager(|manager| {
        let source = Source::new(0);
        for round in 1..=3 {
            source.set(round);
            let runtime = current_thread();
            assert_eq!(runtime.block_on(with(manager, short(&source, 1))), round);
            drop(runtime);
            // As long as the value lives, and the grain of the clock; nobody requests the time meanwhile.
            thread::sleep(Duration::from_millis(70));
        }
    });
}

#[test]
fn one_runtime_may_be_entered_again_and_again() {
    with_each_manager(|manager| {
        let (source, runtime) = (Source::new(1), current_thread());
        for _ in 0..5 {
            assert_eq!(runtime.block_on(with(manager, item(&source, 1))), 1);
            // Meanwhile nothing drives the connection.
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(source.reads(), 1);
        assert_eq!(manager.stats().redis_outages, 0);
    });
}

#[test]
fn several_runtimes_at_once_share_the_cache() {
    with_each_manager(|manager| {
        let source = Source::new(1);
        current_thread().block_on(with(manager, item(&source, 1)));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let runtime = current_thread();
                    for id in [1, 2, 1, 3] {
                        let value = runtime.block_on(with(manager, item(&source, id)));
                        assert_eq!(value, 1);
                    }
                });
            }
        });
        assert!((3..=9).contains(&source.reads()), "{} loads", source.reads());
        assert_eq!(manager.stats().flights, 0);
    });
}

/// Returns the number of notices that are published while the links of eight runtimes begin at the same
/// moment.
fn published_by_eight_links(server: &RedisServer, config: &CacheConfig) -> u64 {
    let published = || -> u64 {
        let stats: String = server.cli(&["INFO", "commandstats"]);
        let calls = stats.split_once("cmdstat_publish:calls=").map(|(_, rest)| rest);
        calls.and_then(|calls| calls.split_once(',')).map_or(0, |(calls, _)| calls.parse().unwrap())
    };
    let before = published();
    let manager = CacheManager::builder().config(config.clone()).build().unwrap();
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let runtime = current_thread();
                barrier.wait();
                runtime.block_on(until_up(&manager));
            });
        }
    });
    published() - before
}

// R6: the root's token goes before anybody reads, and only once for all links of a process.
#[test]
fn links_that_meet_a_new_server_at_the_same_moment_make_what_it_holds_stale_once() {
    let (server, namespace) = (RedisServer::start(), unique_namespace());
    let config = on_server(CacheConfig::default().namespace(&namespace), &server);
    for _ in 0..3 {
        let new = published_by_eight_links(&server, &config);
        let known = published_by_eight_links(&server, &config);
        assert_eq!(new, known + 1);
        let runs: Vec<String> = server.cli(&["KEYS", &format!("{namespace}:#run:*")]);
        assert_eq!(runs.len(), 1);
        server.cli::<u64>(&["DEL", &runs[0]]);
    }
}

#[test]
fn a_runtime_that_ends_in_mid_load_leaves_the_key_usable() {
    with_each_manager(|manager| {
        let source = Source::new(1);
        let hold = source.hold();
        let runtime = multi_thread();
        let load = {
            let (manager, source) = (manager.clone(), source.clone());
            async move { with(&manager, item(&source, 1)).await }
        };
        runtime.spawn(load);
        runtime.block_on(hold.reached());
        runtime.shutdown_timeout(Duration::from_secs(5));
        assert_eq!(current_thread().block_on(with(manager, item(&source, 1))), 1);
        assert_eq!((source.reads(), manager.stats().flights), (2, 0));
    });
}

#[test]
fn a_manager_made_outside_of_any_runtime_connects_on_first_use() {
    with_each_manager(|manager| {
        let backend = current_thread().block_on(manager.health()).backend;
        let configured = manager.config().redis_url.is_some();
        assert_eq!(backend, if configured { "tiered" } else { "memory" });
    });
}

#[test]
fn a_runtime_without_timers_is_served_from_memory() {
    with_each_manager(|manager| {
        let source = Source::new(1);
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(with(manager, async {
            assert_eq!(item(&source, 1).await, 1);
            assert_eq!(item(&source, 1).await, 1);
            assert_eq!(source.reads(), 1);
            change(1).await;
            source.set(2);
            assert_eq!(item(&source, 1).await, 2);
        }));
    });
}

#[test]
fn without_a_runtime_calls_are_served_from_memory() {
    with_each_manager(|manager| {
        let source = Source::new(1);
        let calls = with(manager, async {
            assert_eq!(item(&source, 1).await, 1);
            assert_eq!(item(&source, 1).await, 1);
            assert_eq!(source.reads(), 1);
            change(1).await;
            source.set(2);
            assert_eq!(item(&source, 1).await, 2);
        });
        // Nothing in it waits for anything, so one poll is all there is.
        let poll = pin!(calls).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(poll, Poll::Ready(())));
    });
}
