//! Redis with copies in memory: a hit sends no request, and invalidations by other processes are received.

mod copies;
mod feed;
mod grace;
mod lapse;
mod notices;
mod received;

use cache_runtime::{CacheConfig, CacheManager, Mode, with};

use crate::source::Source;
use crate::stores::{TestCache, own_server, until};
use crate::video::video;

/// The source of a call's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Memory,
    Redis,
    Load,
}

/// Returns the value of a call of [`video`], and its source.
async fn fetch(manager: &CacheManager, source: &Source) -> (u64, From) {
    let before = manager.stats().total;
    let value = with(manager, video(source)).await;
    let after = manager.stats().total;
    let from = match (after.memory_hits - before.memory_hits, after.redis_hits - before.redis_hits)
    {
        (1, 0) => From::Memory,
        (0, 1) => From::Redis,
        _ => From::Load,
    };
    (value, from)
}

/// Waits until the feed is connected.
async fn until_received(manager: &CacheManager) {
    until(async || manager.health().await.backend == "tiered").await;
}

/// A tiered cache on a server of its own.
async fn own_tiered(settings: impl FnOnce(CacheConfig) -> CacheConfig) -> TestCache {
    own_server(|config| settings(config.mode(Mode::Tiered))).await
}
