//! Functions that invalidate and are dropped, as by clients that disconnect: the cost for reads of other
//! keys.

use std::future::{Future, pending, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Mode, cache_invalidate, cached, with};
use cache_tests::{RedisServer, unique_namespace};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

const KEYS: u64 = 1_000;
const TASKS: u64 = 16;
/// Repeated invalidations go to Redis in rounds, which are at least this far apart.
const ROUND: Duration = Duration::from_millis(50);

static BODIES: AtomicU64 = AtomicU64::new(0);

#[cached(ttl = "1h", key_prefix = "read", key = "{id}", tier = "redis")]
async fn read(id: u64) -> u64 {
    BODIES.fetch_add(1, Ordering::Relaxed);
    id
}

#[cache_invalidate(prefix = "changed:{id}")]
async fn change(id: u64, body: impl Future<Output = ()>) {
    let _ = id;
    body.await;
}

/// Work beside the reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// Functions that invalidate, each of which is dropped.
    Dropped,
    /// Functions that invalidate, each of which comes to its end.
    Ended,
}

const ALL: [Beside; 3] = [Beside::Nothing, Beside::Dropped, Beside::Ended];

/// Runs a future in the scope of a manager, for a task.
fn scoped<F: Future>(
    manager: &CacheManager,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    let manager = manager.clone();
    async move { with(&manager, future).await }
}

/// Reads from several tasks until the time is over, and returns the number of reads.
async fn reads(manager: &CacheManager, length: Duration) -> u64 {
    let until = Instant::now() + length;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let reader = scoped(manager, async move {
            let mut done = 0;
            while Instant::now() < until {
                let id = (done * 7 + task) % KEYS;
                assert_eq!(read(id).await, id);
                done += 1;
            }
            done
        });
        tasks.spawn(reader);
    }
    tasks.join_all().await.into_iter().sum()
}

/// Calls functions that invalidate at this rate, until it is dropped itself. Counts them.
async fn invalidate(beside: Beside, a_second: u64, begun: &'static AtomicU64) {
    if beside == Beside::Nothing {
        return;
    }
    let mut ticks = interval(Duration::from_micros(1_000_000 / a_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for id in 0.. {
        ticks.tick().await;
        begun.fetch_add(1, Ordering::Relaxed);
        if beside == Beside::Ended {
            change(id % 100, ready(())).await;
            continue;
        }
        tokio::select! {
            biased;
            () = change(id % 100, pending()) => {}
            () = ready(()) => {}
        }
    }
}

fn median(mut all: Vec<u64>) -> u64 {
    all.sort_unstable();
    all[all.len() / 2]
}

/// Returns the number of notices of removals that the server has published.
fn published(server: &RedisServer) -> u64 {
    let stats: String = server.cli(&["INFO", "commandstats"]);
    let calls = stats.split_once("cmdstat_publish:calls=").map(|(_, rest)| rest);
    calls.and_then(|calls| calls.split_once(',')).map_or(0, |(calls, _)| calls.parse().unwrap())
}

/// Reads beside each kind of work in turn, several times, and prints the medians.
async fn at_rate(manager: &CacheManager, a_second: u64, begun: &'static AtomicU64) {
    let length = Duration::from_millis(super::setting("DROPPED_MILLIS", 200));
    let mut counts = [const { Vec::new() }; ALL.len()];
    for _ in 0..super::setting("DROPPED_ROUNDS", 1) {
        for (beside, counts) in ALL.into_iter().zip(&mut counts) {
            let invalidating = tokio::spawn(scoped(manager, invalidate(beside, a_second, begun)));
            counts.push(reads(manager, length).await);
            invalidating.abort();
        }
    }
    let [undisturbed, dropped, ended] = counts.map(median);
    let part = |reads| 100 * reads / undisturbed.max(1);
    println!(
        "{a_second} a second: {undisturbed} reads undisturbed, {} % of them beside dropped invalidations, {} % \
         beside ended ones",
        part(dropped),
        part(ended),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_of_other_keys_run_no_body_while_invalidations_are_dropped() {
    let _alone = super::ALONE.lock().await;
    static BEGUN: AtomicU64 = AtomicU64::new(0);
    for mode in [Mode::Redis, Mode::Tiered] {
        let server = RedisServer::start();
        let config = CacheConfig::default().mode(mode).namespace(unique_namespace());
        let manager = CacheManager::connect(config.redis_url(server.url())).await.unwrap();
        with(&manager, async {
            for id in 0..KEYS {
                read(id).await;
            }
        })
        .await;
        let (bodies, began) = (BODIES.load(Ordering::Relaxed), Instant::now());
        let (begun, before) = (BEGUN.load(Ordering::Relaxed), published(&server));
        println!("{mode:?}");
        for a_second in [100, 300, 1_000] {
            at_rate(&manager, a_second, &BEGUN).await;
        }
        assert_eq!(BODIES.load(Ordering::Relaxed), bodies, "{mode:?}: each read was a hit");
        let stats = manager.stats();
        assert_eq!((stats.redis_errors, stats.total.misses), (0, KEYS), "{stats}");
        assert_eq!(manager.disconnect().await, 0);

        // Each is sent once, alone or with others; those that are repeated go together, round by round.
        let begun = BEGUN.load(Ordering::Relaxed) - begun;
        let rounds = began.elapsed().as_millis() / ROUND.as_millis() + 2;
        let commands = published(&server) - before;
        println!("{begun} invalidations, {rounds} rounds at most, {commands} commands");
        assert!(u128::from(commands) <= u128::from(begun) + rounds, "{commands} commands");
    }
}
