//! A load at full speed: reads, puts, invalidations and values that expire, all at once. At the end
//! nothing is left over, and memory has stayed within its bound.
//!
//! `LOAD_SECONDS` says how long it is in each mode, 3 if nothing does, and `LOAD_KEYS` how many different
//! keys are requested after that, 20,000 if nothing does; `make soak` takes two minutes and a million keys
//! for each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod dropped;
mod resident;
mod traffic;
mod watch;

use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Mode, Stats, with};
use cache_tests::{RedisServer, unique_namespace};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use traffic::Traffic;
use watch::Watch;

/// The memory for values: a fraction of the size of all of them.
const CAPACITY: usize = 32 << 20;
const TASKS: u64 = 16;

/// Held by the test that runs: the memory of the process is that of all its tests.
static ALONE: Mutex<()> = Mutex::const_new(());

// R7: memory, flights, background loads and tasks are bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_over_after_a_load_and_memory_is_bounded() {
    let _alone = ALONE.lock().await;
    let length = Duration::from_secs(setting("LOAD_SECONDS", 3));
    let keys = setting("LOAD_KEYS", 20_000);
    for mode in [Mode::Memory, Mode::Tiered] {
        in_mode(mode, length, keys).await;
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

async fn in_mode(mode: Mode, length: Duration, keys: u64) {
    let server = (mode != Mode::Memory).then(RedisServer::start);
    let config =
        CacheConfig::default().mode(mode).namespace(unique_namespace()).memory_capacity(CAPACITY);
    let config = match &server {
        Some(server) => config.redis_url(server.url()),
        None => config,
    };
    let manager = CacheManager::connect(config).await.unwrap();
    with(&manager, traffic::one_of_each()).await;
    let tasks_before = Handle::current().metrics().num_alive_tasks();

    let watch = Watch::begin(CAPACITY, length);
    let traffic = Traffic::begin(&manager, TASKS, Instant::now() + length);
    let done = traffic.end().await;
    traffic::each_once(&manager, TASKS, keys).await;
    let memory = watch.end();
    let stats = manager.stats();
    println!("{mode:?}: {done} calls in {length:?} and {keys} keys, {memory}\n{stats}");

    assert!(memory.is_bounded(), "{memory}");
    assert!(stats.bytes <= stats.capacity, "{} of {} bytes", stats.bytes, stats.capacity);
    assert_hit_rate(&stats);
    until_nothing_runs(&manager, tasks_before).await;
}

/// Checks the hit rate. The most popular tenth of the values fits, which a good half of the calls request; the load
/// itself removes some of them.
fn assert_hit_rate(stats: &Stats) {
    let articles = stats.sites.iter().find(|site| site.name.ends_with("article")).unwrap();
    let rate = articles.counts.hit_rate();
    assert!((0.5..0.98).contains(&rate), "{rate} of the calls were hits");
}

async fn until_nothing_runs(manager: &CacheManager, tasks_before: usize) {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let stats = manager.stats();
        let tasks = Handle::current().metrics().num_alive_tasks();
        let left = (stats.flights, stats.background_loads, tasks.saturating_sub(tasks_before));
        if left == (0, 0, 0) {
            return;
        }
        assert!(Instant::now() < patience, "flights, loads and tasks that are left: {left:?}");
        sleep(Duration::from_millis(20)).await;
    }
}
