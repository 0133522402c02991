//! Shows how often a thousand callers reach one slow source, and what they see when it fails.
//!
//! ```text
//! cargo run --release -p cache-examples --bin stampede
//! REDIS_URL=redis://localhost:6379 cargo run --release -p cache-examples --bin stampede
//! ```
//!
//! With Redis it also starts a second process of itself, and both share one load.

use std::error::Error;
use std::future::Future;
use std::io;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cache_examples::{introduce, part};
use cache_runtime::{CacheConfig, CacheManager, cached, install};
use tokio::task::JoinSet;
use tokio::time::sleep;

const CALLERS: u64 = 1_000;
const OUTAGE: Duration = Duration::from_secs(10);

/// The number of requests to the source.
static ASKED: AtomicU64 = AtomicU64::new(0);
static TAKES_MS: AtomicU64 = AtomicU64::new(200);
static DOWN: AtomicBool = AtomicBool::new(false);

/// The slow source: a query, a paid API, a model.
async fn ask(id: u64) -> Result<u64, io::ErrorKind> {
    ASKED.fetch_add(1, Ordering::Relaxed);
    sleep(Duration::from_millis(TAKES_MS.load(Ordering::Relaxed))).await;
    if DOWN.load(Ordering::Relaxed) { Err(io::ErrorKind::ConnectionRefused) } else { Ok(id * 2) }
}

#[cached(ttl = "1m")]
async fn shared_here(id: u64) -> Result<u64, io::ErrorKind> {
    ask(id).await
}

#[cached(ttl = "1m", coalesce = "fleet")]
async fn shared_by_all(id: u64) -> Result<u64, io::ErrorKind> {
    ask(id).await
}

#[cached(ttl = "1s")]
async fn plain(id: u64) -> Result<u64, io::ErrorKind> {
    ask(id).await
}

#[cached(ttl = "1s", stale_if_error = "1h")]
async fn patient(id: u64) -> Result<u64, io::ErrorKind> {
    ask(id).await
}

#[cached(ttl = "1s", stale_while_revalidate = "1s", stale_if_error = "1h", load_timeout = "50ms")]
async fn never_slow(id: u64) -> Result<u64, io::ErrorKind> {
    ask(id).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::ERROR).init();
    let config = CacheConfig::from_env()?.namespace("stampede");
    let manager = CacheManager::connect(config).await?;
    install(manager.clone())?;
    if let [_, id, start] = &std::env::args().collect::<Vec<_>>()[..] {
        println!("{}", half_a_crowd(id.parse()?, start.parse()?).await);
        return Ok(());
    }
    introduce(&manager).await;
    // Nothing is left from an earlier run.
    let id = u64::from(std::process::id());

    part("A thousand callers of a source that takes 200 ms.");
    crowd("without the cache", || ask(id)).await;
    crowd("with it", || shared_here(id)).await;
    crowd("once more", || shared_here(id)).await;

    part("A thousand callers of a source that takes 20 ms, five times.");
    TAKES_MS.store(20, Ordering::Relaxed);
    for round in 1..=5 {
        crowd("with it", || shared_here(id + round)).await;
    }
    TAKES_MS.store(200, Ordering::Relaxed);

    part("Five hundred each in two processes.");
    if manager.health().await.backend == "redis" {
        two_processes(id).await?;
    } else {
        println!("  Left out: set REDIS_URL, and two processes share one load.");
    }

    part("The source fails for ten seconds; a call every 50 ms, with a TTL of one second.");
    println!("  {:<28} {:>5} {:>7} {:>9} {:>8}", "", "asked", "errors", "slowest", "oldest");
    outage("TTL alone", || plain(id)).await;
    outage("stale_if_error", || patient(id)).await;
    outage("with load_timeout = 50 ms", || never_slow(id)).await;
    let unconfirmed = manager.disconnect().await;
    println!("  Invalidations that Redis has not confirmed: {unconfirmed}");
    Ok(())
}

/// All callers at once.
async fn crowd<F>(what: &str, call: impl Fn() -> F)
where
    F: Future<Output = Result<u64, io::ErrorKind>> + Send + 'static,
{
    let (asked, began) = (ASKED.load(Ordering::Relaxed), Instant::now());
    let mut callers: JoinSet<_> = (0..CALLERS).map(|_| call()).collect();
    while callers.join_next().await.is_some() {}
    let asked = ASKED.load(Ordering::Relaxed) - asked;
    println!("  {what:<28} the source is asked {asked:>5} times, {:.1?} for all", began.elapsed());
}

/// Starts this program once more, and both call at the same moment.
async fn two_processes(id: u64) -> Result<(), Box<dyn Error>> {
    let start = now_ms() + 1_000;
    let other = Command::new(std::env::current_exe()?)
        .args([id.to_string(), start.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let here = half_a_crowd(id, start).await;
    let other = tokio::task::spawn_blocking(|| other.wait_with_output()).await??;
    println!("  this process: {here}");
    println!("  the other:    {}", String::from_utf8_lossy(&other.stdout).trim());
    Ok(())
}

async fn half_a_crowd(id: u64, start: u64) -> String {
    sleep(Duration::from_millis(start.saturating_sub(now_ms()))).await;
    let (asked, began) = (ASKED.load(Ordering::Relaxed), Instant::now());
    let mut callers: JoinSet<_> = (0..CALLERS / 2).map(|_| shared_by_all(id)).collect();
    while callers.join_next().await.is_some() {}
    let asked = ASKED.load(Ordering::Relaxed) - asked;
    format!("the source is asked {asked} times, {:.0?} for all", began.elapsed())
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Shows what callers see while the source is down.
async fn outage<F>(what: &str, call: impl Fn() -> F)
where
    F: Future<Output = Result<u64, io::ErrorKind>>,
{
    // It has worked until now.
    let _ = call().await;
    let (asked, began) = (ASKED.load(Ordering::Relaxed), Instant::now());
    DOWN.store(true, Ordering::Relaxed);
    let (mut errors, mut slowest, mut oldest) = (0, Duration::ZERO, Duration::ZERO);
    while began.elapsed() < OUTAGE {
        let called = Instant::now();
        match call().await {
            Ok(_) => oldest = began.elapsed(),
            Err(_) => errors += 1,
        }
        slowest = slowest.max(called.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    DOWN.store(false, Ordering::Relaxed);
    let asked = ASKED.load(Ordering::Relaxed) - asked;
    println!("  {what:<28} {asked:>5} {errors:>7} {slowest:>9.0?} {oldest:>8.1?}");
}
