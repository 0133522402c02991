//! The old value of a load that waits for a permit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::cached;

use super::{Bodies, wait_in_queue};
use crate::stores::{Store, TestCache, in_time, on_store};

#[cached(ttl = "1m", source = "db", key = "{id}")]
async fn occupies(bodies: Bodies, id: u64) -> u64 {
    bodies.run(id).await;
    id
}

#[cached(
    ttl = "1m",
    keep = "1h",
    source = "db",
    key = "{id}",
    still_current = |_: &u64| async move { asked.fetch_add(1, Ordering::SeqCst); true }
)]
async fn confirmed(asked: Arc<AtomicU64>, id: u64) -> u64 {
    id
}

/// Returns the numbers of questions about the old value and of loads, if `meanwhile` happens while a load waits.
async fn answers(cache: &TestCache, meanwhile: impl AsyncFnOnce()) -> (u64, u64) {
    let (bodies, asked) = (Bodies::default(), Arc::<AtomicU64>::default());
    confirmed(Arc::clone(&asked), 1).await;
    cache.clock.advance(Duration::from_secs(61));
    let first = cache.spawn(occupies(bodies.clone(), 1));
    bodies.have_begun(1).await;
    let waits = cache.spawn(confirmed(Arc::clone(&asked), 1));
    wait_in_queue(&cache.manager, "db", 1).await;
    meanwhile().await;
    bodies.release(1);
    assert_eq!(in_time(waits).await.ok(), Some(1));
    in_time(first).await.unwrap();
    let loads = cache.manager.stats().total.loads - 2;
    (asked.load(Ordering::SeqCst), loads)
}

#[tokio::test]
async fn the_source_is_asked_about_it_after_the_wait() {
    for store in Store::INTENDED {
        on_store(
            store,
            |config| config.source("db", cache_runtime::SourceLimit::new(1)),
            async |cache: TestCache| assert_eq!(answers(&cache, async || ()).await, (1, 0)),
        )
        .await;
    }
}

#[tokio::test]
async fn a_value_from_before_a_flush_during_the_wait_is_not_used() {
    for store in Store::INTENDED {
        on_store(
            store,
            |config| config.source("db", cache_runtime::SourceLimit::new(1)),
            async |cache: TestCache| {
                let flush = async || {
                    cache.manager.flush_all().await;
                };
                assert_eq!(answers(&cache, flush).await, (0, 1));
            },
        )
        .await;
    }
}
