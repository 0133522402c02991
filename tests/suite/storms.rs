//! Much at once: what must not grow with the number of callers or of invalidations.

use std::time::Duration;

use cache_runtime::{CacheManager, Status, cached, with};
use cache_tests::Counter;
use tokio::time::{sleep, timeout};

use crate::stores::{TestCache, in_time, on_each_store, own_server, spawn_with, until};

#[cached(skip(runs))]
async fn slow(runs: &Counter, seconds: u64) -> u64 {
    runs.hit();
    sleep(Duration::from_secs(seconds)).await;
    seconds
}

#[tokio::test(start_paused = true)]
async fn a_load_longer_than_the_wait_limit_gets_one_more_load_each_time_and_no_herd() {
    let manager = CacheManager::builder().build().unwrap();
    let runs = Counter::new();
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let runs = runs.clone();
            spawn_with(&manager, async move { slow(&runs, 60).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 60);
    }
    // The first, and one for each ten seconds of waiting.
    assert!((2..=7).contains(&runs.count()), "{} loads", runs.count());
}

#[tokio::test]
async fn redis_is_used_again_although_invalidations_keep_coming() {
    let cache = own_server(|config| config.redis_timeout(Duration::from_millis(50))).await;
    let manager = cache.manager.clone();
    let storm = tokio::spawn(async move {
        // 2 ms apart from each of four: more than one for each round trip of a replay.
        let one = || async {
            loop {
                manager.invalidate_tag("storm").await.unwrap();
                sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::join!(one(), one(), one(), one())
    });
    cache.server().pause();
    until(async || cache.manager.health().await.pending_invalidations > 0).await;
    cache.server().resume();
    until(async || cache.manager.health().await.status == Status::Healthy).await;
    storm.abort();
}

#[tokio::test]
async fn what_is_disconnected_while_the_server_is_silent_stays_so() {
    let cache = own_server(|config| config.redis_timeout(Duration::from_millis(100))).await;
    cache.server().pause();
    assert_eq!(cache.manager.get::<u8>("any").await.unwrap(), None);
    // A probe of the server is under way now.
    _ = cache.manager.disconnect().await;
    cache.server().resume();
    // Longer than the answer and a first attempt to connect would take.
    sleep(Duration::from_millis(400)).await;
    let health = cache.manager.health().await;
    assert_eq!(health.reason.as_deref(), Some("disconnected"));
    let clients: String = cache.server().cli(&["CLIENT", "LIST", "TYPE", "NORMAL"]);
    assert_eq!(clients.lines().count(), 1, "only the one that asks:\n{clients}");
}

#[tokio::test]
async fn every_caller_of_a_key_that_is_always_being_invalidated_is_served() {
    let cache = own_server(|config| config).await;
    let peer = cache.peer().await;
    let invalidator = tokio::spawn(async move {
        loop {
            peer.invalidate_prefix("hot").await.unwrap();
            sleep(Duration::from_millis(5)).await;
        }
    });
    let runs = Counter::new();
    let callers: Vec<_> = (0..300)
        .map(|_| {
            let runs = runs.clone();
            spawn_with(&cache.manager, async move { hot(&runs).await })
        })
        .collect();
    in_time(async {
        for caller in callers {
            caller.await.unwrap();
        }
    })
    .await;
    invalidator.abort();
    // Each waits for the load that was under way and for one more.
    assert!(runs.count() <= 6, "{} loads", runs.count());
}

#[cached(key_prefix = "hot", skip(runs))]
async fn hot(runs: &Counter) -> u64 {
    runs.hit();
    sleep(Duration::from_millis(50)).await;
    1
}

#[tokio::test]
async fn the_last_of_two_processes_to_store_or_delete_is_right() {
    let cache = own_server(|config| config).await;
    let peer = cache.peer().await;
    for round in 0..200_u64 {
        let (mine, other) = (round * 2, round * 2 + 1);
        let minute = Duration::from_secs(60);
        let (first, second) = tokio::join!(
            cache.manager.set("raced", &mine, minute),
            peer.set("raced", &other, minute)
        );
        first.and(second).unwrap();
        let left: Option<u64> = peer.get("raced").await.unwrap();
        assert!(left.is_none_or(|left| left == mine || left == other), "{left:?} in {round}");
        cache.manager.delete("raced").await.unwrap();
        assert_eq!(peer.get::<u64>("raced").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_name_that_ends_like_a_functions_is_a_name_like_any() {
    on_each_store(async |cache: TestCache| {
        let name = "commit:da39a3ee5e6b4b0d3255bfef95601890afd80709";
        let manager = &cache.manager;
        manager.set(name, &1_u8, Duration::from_secs(60)).await.unwrap();
        assert_eq!(manager.get::<u8>(name).await.unwrap(), Some(1));
        let was_there = manager.delete(name).await.unwrap();
        assert!(was_there == Some(true) || cache.manager.stats().redis_errors > 0);
        assert_eq!(manager.get::<u8>(name).await.unwrap(), None);
    })
    .await;
}

#[test]
fn a_call_on_a_runtime_that_has_been_shut_down_does_not_hang() {
    let (done, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let manager = CacheManager::builder()
            .config(cache_runtime::CacheConfig::default().redis_url("redis://127.0.0.1:1"))
            .build()
            .unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let handle = runtime.handle().clone();
        runtime.shutdown_background();
        let call = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            handle.block_on(async {
                let call = with(&manager, square(4));
                timeout(Duration::from_secs(60), call).await
            })
        }));
        // Tokio may refuse timers there by a panic of its own; what must not be is to wait for ever.
        let _ = done.send(call.is_ok());
    });
    answer.recv_timeout(Duration::from_secs(120)).unwrap();
}

#[cached]
async fn square(x: u64) -> u64 {
    x * x
}
