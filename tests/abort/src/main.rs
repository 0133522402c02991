//! Calls of cached functions on runtimes that lack timers, I/O or both, without Redis and with it
//! (`REDIS_URL`).
//!
//! `tests/abort.rs` builds it with `panic = "abort"` and runs it: a panic anywhere ends it.
#![allow(clippy::expect_used, reason = "a failed expectation ends the program, as it should")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheConfig, CacheManager, cache_invalidate, cached, with};
use tokio::runtime::Builder;
use tokio::sync::Notify;

/// Counts the runs of a body, and holds the body until it may continue.
#[derive(Default)]
struct Source {
    runs: AtomicU64,
    go_on: Notify,
}

#[cached(ttl = "1m", key_prefix = "abort", key = "{id}")]
async fn item(source: &Source, id: u64) -> u64 {
    source.runs.fetch_add(1, Ordering::SeqCst);
    source.go_on.notified().await;
    id
}

#[cached(ttl = "1ms", key_prefix = "stale", key = "{id}", stale_while_revalidate = "1m")]
async fn stale(id: u64) -> u64 {
    id
}

#[cached(
    ttl = "1ms",
    key_prefix = "late",
    key = "{id}",
    stale_if_error = "1m",
    load_timeout = "1ms"
)]
async fn late(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(ttl = "1m", key_prefix = "shared", key = "{id}", coalesce = "fleet")]
async fn shared(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "abort:{id}")]
async fn change(id: u64) {
    _ = id;
}

/// Calls one key twice; the second call waits for the first.
async fn two_callers(id: u64) {
    let source = Arc::new(Source::default());
    let call = |source: Arc<Source>| async move { item(&source, id).await };
    let manager = cache_runtime::cache();
    let spawn = |source| tokio::spawn(with_cloned(manager.clone(), call(source)));
    let (one, other) = (spawn(Arc::clone(&source)), spawn(Arc::clone(&source)));
    while source.runs.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    source.go_on.notify_waiters();
    assert_eq!(one.await.expect("it ends"), id);
    assert_eq!(other.await.expect("it ends"), id);
    assert_eq!(source.runs.load(Ordering::SeqCst), 1, "the second has waited for the first");
}

async fn with_cloned<F: Future>(manager: CacheManager, future: F) -> F::Output {
    with(&manager, future).await
}

/// Everything for which the cache needs timers or I/O.
async fn everything(id: u64) {
    two_callers(id).await;
    change(id).await;
    for _ in 0..3 {
        assert_eq!(stale(id).await, id);
        assert_eq!(late(id).await, Ok(id));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(shared(id).await, id);
    assert_eq!(stale(id).cache_entry().refresh().await.expect("a cached call"), id);
    let cache = cache_runtime::cache();
    cache.set("hand", &id, Duration::from_secs(60)).await.expect("a good name");
    assert_eq!(cache.get::<u64>("hand").await.expect("a good name"), Some(id));
    cache.clear("hand*").await.expect("a good pattern");
    cache.diagnose().await;
    let health = cache.health().await;
    assert_eq!(health.backend == "memory", cache.config().redis_url.is_none(), "{health:?}");
    // Dropped after its body has begun: it happens all the same.
    drop(tokio::spawn(change(id)));
}

fn main() {
    let patient = CacheConfig::from_env().expect("the environment of the test");
    let manager = CacheManager::builder().config(patient).build().expect("a usable configuration");
    cache_runtime::install(manager).expect("the first one");
    let enable: [fn(&mut Builder) -> &mut Builder; 4] =
        [|builder| builder, Builder::enable_time, Builder::enable_io, Builder::enable_all];
    for (id, enable) in (1..).zip(enable) {
        for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
            let runtime = enable(&mut builder).build().expect("a runtime");
            runtime.block_on(everything(id));
            cache_invalidated(&runtime, id);
        }
    }
    println!("all is well");
}

/// The next round begins without a value.
fn cache_invalidated(runtime: &tokio::runtime::Runtime, id: u64) {
    runtime.block_on(change(id));
}
