//! Functions that invalidate and are dropped, as by clients that disconnect: what reads of other keys
//! lose by it.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Mode, cache_invalidate, cached, with};
use cache_tests::{RedisServer, unique_namespace};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

const KEYS: u64 = 1_000;
const TASKS: u64 = 16;

static BODIES: AtomicU64 = AtomicU64::new(0);

#[cached(ttl = "1h", key_prefix = "read", key = "{id}", tier = "redis")]
async fn read(id: u64) -> u64 {
    BODIES.fetch_add(1, Ordering::Relaxed);
    id
}

#[cache_invalidate(prefix = "changed:{id}")]
async fn change(id: u64) {
    let _ = id;
    pending::<()>().await;
}

/// The same in the scope of a manager, for a task.
fn scoped<F: Future>(
    manager: &CacheManager,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    let manager = manager.clone();
    async move { with(&manager, future).await }
}

/// Reads for so long, from several tasks, and says how many there were.
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

/// Begins so many invalidations a second and drops each of them, until it is dropped itself.
async fn drop_invalidations(a_second: u64) {
    let mut ticks = interval(Duration::from_micros(1_000_000 / a_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for id in 0.. {
        ticks.tick().await;
        tokio::select! {
            biased;
            () = change(id % 100) => {}
            () = ready(()) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_of_other_keys_run_no_body_while_invalidations_are_dropped() {
    let length = Duration::from_millis(super::setting("DROPPED_MILLIS", 500));
    let server = RedisServer::start();
    for mode in [Mode::Redis, Mode::Tiered] {
        let config = CacheConfig::default().mode(mode).namespace(unique_namespace());
        let manager = CacheManager::connect(config.redis_url(server.url())).await.unwrap();
        with(&manager, async {
            for id in 0..KEYS {
                read(id).await;
            }
        })
        .await;
        let bodies = BODIES.load(Ordering::Relaxed);
        for a_second in [100, 300, 1_000] {
            let before = reads(&manager, length).await;
            let dropping = tokio::spawn(scoped(&manager, drop_invalidations(a_second)));
            let disturbed = reads(&manager, length).await;
            dropping.abort();
            let part = 100 * disturbed / before.max(1);
            println!(
                "{mode:?}, {a_second} dropped a second: {disturbed} of {before} reads, {part} %"
            );
        }
        assert_eq!(BODIES.load(Ordering::Relaxed), bodies, "{mode:?}: each read was a hit");
        assert_eq!(manager.stats().redis_errors, 0);
        assert_eq!(manager.disconnect().await, 0);
    }
}
