//! Callers in two processes who go on while something happens to Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use super::*;

/// The number of things.
const THINGS: u64 = 30;
/// The time that an operation may take.
const DEADLINE: Duration = Duration::from_millis(300);

/// The truth: a number for each thing.
#[derive(Clone, Debug, Default)]
struct Ledger(Arc<State>);

#[derive(Debug, Default)]
struct State {
    things: [AtomicU64; THINGS as usize],
    is_over: AtomicBool,
}

impl Ledger {
    fn at(&self, id: u64) -> &AtomicU64 {
        &self.0.things[id as usize]
    }
}

#[cached(ttl = "5m", key_prefix = "thing", key = "{id}", tags = ["kind:{kind}"])]
async fn thing(ledger: &Ledger, id: u64, kind: u64) -> u64 {
    _ = kind;
    let value = ledger.at(id).load(Ordering::Acquire);
    sleep(Duration::from_millis(2)).await;
    value
}

/// The ways in which a thing is changed.
async fn change(manager: &CacheManager, ledger: &Ledger, id: u64, turn: u64) {
    ledger.at(id).fetch_add(1, Ordering::AcqRel);
    match turn % 3 {
        0 => _ = manager.delete(&format!("thing:{id}")).await.unwrap(),
        1 => manager.invalidate_prefix(&format!("thing:{id}")).await.unwrap(),
        _ => manager.invalidate_tag(&format!("kind:{}", id % 4)).await.unwrap(),
    }
}

/// [`goes_on`] in each mode, each time with a Redis of its own.
pub(super) async fn goes_on_in_each_mode<T: Send + 'static>(
    start: impl Fn() -> T,
    url: impl Fn(&T) -> String,
    happens: impl Fn(&mut T) + Copy + Send + 'static,
) {
    for mode in MODES {
        let mut redis = start();
        goes_on(&url(&redis), mode, move || {
            happens(&mut redis);
            redis
        })
        .await;
    }
}

/// Reads and changes things in two processes, has something happen to Redis, and goes on until both have
/// found back to it. No call fails; what a process has changed itself it sees at once; and
/// afterwards all see what is true.
async fn goes_on<T: Send + 'static>(
    url: &str,
    mode: Mode,
    happens: impl FnOnce() -> T + Send + 'static,
) {
    let namespace = unique_namespace();
    let config = CacheConfig::default()
        .namespace(&*namespace)
        .mode(mode)
        .redis_url(url)
        .redis_timeout(DEADLINE)
        .redis_health_check_interval(Duration::from_millis(250));
    let mut managers = Vec::new();
    for _ in 0..2 {
        managers.push(CacheManager::connect(config.clone()).await.unwrap());
    }
    let ledger = Ledger::default();
    let mut tasks = JoinSet::new();
    for (number, manager) in managers.iter().enumerate() {
        // Each process changes things of its own, and reads all.
        for caller in 0..4_u64 {
            let (manager, ledger) = (manager.clone(), ledger.clone());
            tasks.spawn(async move {
                for turn in 0_u64.. {
                    if ledger.0.is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let id = (turn * 7 + caller) % THINGS;
                    let is_own = id % 2 == number as u64;
                    if is_own && caller == 0 && turn % 5 == 0 {
                        change(&manager, &ledger, id, turn).await;
                    }
                    let least = ledger.at(id).load(Ordering::Acquire);
                    let value = with(&manager, thing(&ledger, id, id % 4)).await;
                    // Only the caller that makes the changes knows that they have returned.
                    assert!(!is_own || caller > 0 || value >= least, "{id}: {value} < {least}");
                    sleep(Duration::from_millis(3)).await;
                }
            });
        }
    }
    sleep(Duration::from_millis(300)).await;
    // It may keep servers alive.
    let _kept = spawn_blocking(happens).await.unwrap();
    for manager in &managers {
        until(async || manager.ping().await.is_some()).await;
    }
    // And for some more, with Redis.
    sleep(Duration::from_millis(500)).await;
    ledger.0.is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    for manager in &managers {
        until(async || manager.health().await.pending_invalidations == 0).await;
    }
    // The copies of changes by the other process may be as old as the feed is behind.
    for id in 0..THINGS {
        for manager in &managers {
            let truth = ledger.at(id).load(Ordering::Acquire);
            until(async || with(manager, thing(&ledger, id, id % 4)).await == truth).await;
        }
    }
    // It was not the way out that was taken all the while.
    let redis_hits: u64 = managers.iter().map(|manager| manager.stats().total.redis_hits).sum();
    assert!(redis_hits > 0, "{:?}", managers[0].stats().total);
}
