//! `coalesce = "fleet"`: one load for all processes that share a Redis.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheConfig, CacheManager, cache_put, cached};
use cache_tests::{RedisServer, Worker};
use tokio::task::JoinHandle;

use crate::source::Source;
use crate::stores::{Store, TestCache, in_time, on_store, on_stores, spawn_with, until};
use crate::two_processes::{wait_for_a_mark, workers};

type Loaded = Result<u64, String>;

#[cached(ttl = "1m", coalesce = "fleet", key_prefix = "shared", key = "{id}")]
async fn shared(source: &Source, id: u64) -> Loaded {
    match source.read().await {
        0 => Err("no data".into()),
        value => Ok(id * 100 + value),
    }
}

#[cached(
    ttl = "1m",
    stale_while_revalidate = "1m",
    coalesce = "fleet",
    key_prefix = "shared_stale",
    key = "{id}"
)]
async fn shared_stale(source: &Source, id: u64) -> u64 {
    id * 100 + source.read().await
}

fn call(manager: &CacheManager, source: &Source) -> JoinHandle<Loaded> {
    let source = source.clone();
    spawn_with(manager, async move { shared(&source, 1).await })
}

#[tokio::test]
async fn managers_of_one_redis_share_one_load() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let source = Source::new(1);
        let peers = [cache.manager.clone(), cache.peer().await, cache.peer().await];
        let hold = source.hold();
        let first = call(&peers[0], &source);
        hold.reached().await;
        let others: Vec<_> = (0..300).map(|i| call(&peers[i % peers.len()], &source)).collect();
        // Longer than the lease: it is renewed.
        tokio::time::sleep(Duration::from_millis(2_300)).await;
        hold.release();
        assert_eq!(first.await.unwrap(), Ok(101));
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(101));
        }
        assert_eq!(source.reads(), 1);
    })
    .await;
}

/// Those who waited for a load that failed do not stand in a queue for the next ones.
#[tokio::test]
async fn after_a_failure_the_others_load_at_once() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let source = Source::new(0);
        let mut peers = Vec::new();
        for _ in 0..6 {
            peers.push(cache.peer().await);
        }
        let hold = source.hold();
        let first = call(&cache.manager, &source);
        hold.reached().await;
        let others: Vec<_> = peers.iter().map(|peer| call(peer, &source)).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        // The next load takes its time, too: the others do not wait for that one.
        let next = source.hold();
        hold.release();
        assert_eq!(first.await.unwrap(), Err("no data".into()));
        next.reached().await;
        until(async || source.reads() == 7).await;
        next.release();
        for other in others {
            assert_eq!(other.await.unwrap(), Err("no data".into()));
        }
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_ends_the_wait() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let source = Source::new(1);
        let peer = cache.peer().await;
        let hold = source.hold();
        let first = call(&cache.manager, &source);
        hold.reached().await;
        let second = call(&peer, &source);
        tokio::time::sleep(Duration::from_millis(50)).await;
        source.set(2);
        peer.invalidate_prefix("shared:1").await.unwrap();
        assert_eq!(second.await.unwrap(), Ok(102));
        hold.release();
        // It called before the invalidation, and no later caller gets this value.
        assert_eq!(first.await.unwrap(), Ok(101));
        assert_eq!(call(&cache.manager, &source).await.unwrap(), Ok(102));
    })
    .await;
}

#[tokio::test]
async fn who_has_waited_for_long_enough_loads() {
    let settings = |config: CacheConfig| config.wait_limit(Duration::from_millis(100));
    on_store(Store::Redis, settings, async |cache: TestCache| {
        let source = Source::new(1);
        let peer = cache.peer().await;
        let hold = source.hold();
        let first = call(&cache.manager, &source);
        hold.reached().await;
        source.set(2);
        assert_eq!(call(&peer, &source).await.unwrap(), Ok(102));
        hold.release();
        assert_eq!(first.await.unwrap(), Ok(101));
        assert_eq!(call(&peer, &source).await.unwrap(), Ok(102));
    })
    .await;
}

#[tokio::test]
async fn one_process_refreshes_what_all_serve() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let source = Source::new(1);
        let peer = cache.peer().await;
        let call = async |manager: &CacheManager| {
            let source = source.clone();
            spawn_with(manager, async move { shared_stale(&source, 1).await }).await.unwrap()
        };
        assert_eq!(call(&cache.manager).await, 101);
        cache.clock.advance(Duration::from_secs(61));
        source.set(2);
        let hold = source.hold();
        assert_eq!(call(&cache.manager).await, 101);
        hold.reached().await;
        for _ in 0..10 {
            assert_eq!(call(&peer).await, 101);
        }
        until(async || peer.stats().background_loads == 0).await;
        assert_eq!(source.reads(), 2);
        hold.release();
        until(async || call(&peer).await == 102).await;
        assert_eq!(source.reads(), 2);
    })
    .await;
}

fn together(workers: &mut [Worker], item: &str) {
    for worker in workers {
        worker.send(&format!("together {item} 500"));
    }
}

#[test]
fn two_processes_of_five_hundred_callers_share_one_load() {
    let (_server, mut workers) = workers::<2>();
    workers.iter_mut().for_each(|worker| drop(worker.call("delay 200")));
    together(&mut workers, "a");
    let items = workers.each_mut().map(Worker::receive);
    assert_eq!(items[0], items[1]);
    let loads = workers.each_mut().map(|worker| worker.call("loads"));
    assert!(loads == ["0", "1"] || loads == ["1", "0"], "{loads:?}");
}

/// Two processes of which the first is loading, for this many milliseconds.
fn while_one_loads(ms: u64) -> (Arc<RedisServer>, Worker, Worker) {
    let (server, [mut slow, mut other]) = workers();
    slow.call(&format!("delay {ms}"));
    slow.send("together a 1");
    wait_for_a_mark(&server, &mut other, "shared");
    (server, slow, other)
}

#[test]
fn the_others_go_on_when_the_process_that_loads_is_killed() {
    let (_server, mut slow, mut other) = while_one_loads(60_000);
    slow.kill();
    assert_eq!(other.call("together a 20"), "a=of-1");
    assert_eq!(other.call("loads"), "1");
}

/// A process that was suspended beyond its lease has lost it, and does not remove the lease of its
/// successor.
#[test]
fn a_process_that_wakes_up_after_its_lease_leaves_its_successors_alone() {
    let (_server, mut slow, mut other) = while_one_loads(500);
    slow.pause();
    other.call("delay 3000");
    other.send("together a 1");
    // The lease of the sleeper ends, and the other one sets its own placeholder.
    std::thread::sleep(Duration::from_millis(3_000));
    slow.resume();
    assert_eq!(slow.receive(), "a=of-0", "it has loaded for its own caller");
    assert_eq!(other.receive(), "a=of-1");
    assert_eq!(slow.call("together a 1"), "a=of-1", "what was stored is the successor's");
    assert_eq!((slow.call("loads"), other.call("loads")), ("1".into(), "1".into()));
}

/// Returns the output of a call, and asserts that it did not wait for another load: a waiting call polls Redis.
async fn at_once<T>(by: &CacheManager, call: impl Future<Output = T>) -> T {
    let answers = || by.stats().redis_times.count();
    let before = answers();
    let output = in_time(call).await;
    assert!(answers() - before < 10, "{} operations", answers() - before);
    output
}

#[tokio::test]
async fn nobody_waits_for_a_put_or_a_refresh() {
    #[cache_put(entry = shared(source, 1))]
    async fn replace(source: &Source) -> Loaded {
        shared(source, 1).await.map(|value| value + 1)
    }
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let source = Source::new(1);
        let put = at_once(&cache.manager, replace(&source)).await;
        assert_eq!(put, Ok(102), "its own placeholder is not waited for");

        let (hold, held) = (source.hold(), source.clone());
        let refresh = cache.spawn(async move { shared(&held, 2).cache_entry().refresh().await });
        hold.reached().await;
        refresh.abort();
        assert!(refresh.await.is_err());
        let next = at_once(&cache.manager, shared(&source, 2)).await;
        assert_eq!(next, Ok(201));
    })
    .await;
}

#[tokio::test]
async fn a_load_that_is_dropped_is_not_waited_for() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        for by in [&cache.manager, &peer] {
            let hold = source.hold();
            let dropped = call(&cache.manager, &source);
            hold.reached().await;
            dropped.abort();
            assert!(dropped.await.is_err());
            let next = at_once(by, call(by, &source)).await;
            assert_eq!(next.unwrap(), Ok(101));
            cache.manager.invalidate_prefix("shared").await.unwrap();
            until(async || peer.get::<u64>("shared:1").await.unwrap().is_none()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_call_that_waited_for_another_process_is_a_miss() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        let hold = source.hold();
        let first = call(&cache.manager, &source);
        hold.reached().await;
        let second = call(&peer, &source);
        until(async || peer.stats().total.misses == 1).await;
        hold.release();
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
        let total = peer.stats().total;
        assert_eq!((total.hits(), total.misses, total.coalesced, total.loads), (0, 1, 1, 0));
    })
    .await;
}
