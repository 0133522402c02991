//! 100,000 callers at once of as many cold keys, whose source bears 32 loads: how long until all are answered, with the limit of
//! the cache and with a semaphore in the body; the longest wait of a caller, and the most loads that ran at once.

use std::cell::Cell;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cache_benches::{Contender, Effort, Figure, measure, publish, record};
use cache_runtime::{CacheConfig, CacheManager, SourceLimit, cached, install};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const KEYS: u64 = 100_000;
const LIMIT: u32 = 32;
const ROUNDS: usize = 5;
const LIMITED: &str = "cache-runtime, `source` with a limit";
const BY_SEMAPHORE: &str = "cache-runtime, a semaphore in the body";

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
static PERMITS: Semaphore = Semaphore::const_new(LIMIT as usize);

/// Takes a millisecond, as the timer measures it.
async fn load(key: u64) -> u64 {
    MOST.fetch_max(NOW.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(1)).await;
    NOW.fetch_sub(1, Ordering::Relaxed);
    key
}

#[cached(ttl = "5m", key_prefix = "limited", source = "database")]
async fn limited(key: u64) -> u64 {
    load(key).await
}

#[cached(ttl = "5m", key_prefix = "semaphore")]
async fn by_semaphore(key: u64) -> u64 {
    let _permit = PERMITS.acquire().await;
    load(key).await
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config =
        CacheConfig::default().memory_capacity(1 << 30).source("database", SourceLimit::new(LIMIT));
    install(CacheManager::builder().config(config).build()?)?;
    let runtime = Runtime::new()?;
    let fresh = Cell::new(0);
    let figures = [const { Cell::new((Duration::ZERO, 0)) }; 2];
    let start = |of: usize, run: fn(u64) -> Call| {
        let (fresh, runtime, figure) = (&fresh, &runtime, &figures[of]);
        move || {
            MOST.store(0, Ordering::Relaxed);
            let first = fresh.replace(fresh.get() + KEYS);
            let (took, longest) = runtime.block_on(start_cold(first, run));
            let (longest_before, most) = figure.get();
            figure.set((longest_before.max(longest), most.max(MOST.load(Ordering::Relaxed))));
            took
        }
    };
    let contenders = vec![
        Contender::timed(BY_SEMAPHORE, start(0, |key| Box::pin(by_semaphore(key)))),
        Contender::timed(LIMITED, start(1, |key| Box::pin(limited(key)))),
    ];
    let effort = Effort { calls: 1, ..Effort::full(ROUNDS, 1) };
    publish("cold_start", "cold start, 100,000 keys", &measure(effort, contenders));
    for (name, figure) in [BY_SEMAPHORE, LIMITED].into_iter().zip(&figures) {
        let (longest, most) = figure.get();
        println!("  {name:40} longest wait {longest:>9.1?}, most at once {most}");
        let waits =
            Figure::new("cold start, longest wait", name, longest.as_secs_f64() * 1e9, "ns");
        let at_once = Figure::new("cold start, most at once", name, most as f64, "loads");
        record("cold_start", &[waits, at_once]);
    }
    Ok(())
}

type Call = std::pin::Pin<Box<dyn Future<Output = u64> + Send>>;

/// Returns the time until all are answered, and the longest wait of a caller.
async fn start_cold(first: u64, run: fn(u64) -> Call) -> (Duration, Duration) {
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for key in first..first + KEYS {
        callers.spawn(async move {
            assert_eq!(run(key).await, key);
            began.elapsed()
        });
    }
    let longest = callers.join_all().await.into_iter().max().unwrap_or_default();
    (began.elapsed(), longest)
}
