//! Annotated functions that are not async.

mod calls;
mod changes;
mod entry;
mod processes;
mod refresh;
mod threads;

use cache_runtime::cached;

use crate::stores::{TestCache, on_each_store, until};

#[cached(ttl = "1m")]
fn in_memory() {}

/// Runs `body` on each store, once the feed is connected that functions in memory need: its connection makes earlier
/// values stale.
async fn on_each_store_with_a_feed(body: impl AsyncFn(TestCache)) {
    on_each_store(async |cache: TestCache| {
        in_memory();
        if cache.store.has_redis() {
            until(async || cache.manager.health().await.feed_lag.is_some()).await;
        }
        body(cache).await;
    })
    .await;
}
