//! `cache-runtime`, with a memory that has no room for what is asked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Counts, Error, Mode, cache, cached, with};

use super::Failure;
use super::ids::{Cursor, Ids};
use super::size::{SIZES, SMALL, Size};
use super::spread::spread;

/// The capacity of memory. The table keeps entries that come first or are used twice, and passes the others through a
/// small part of it. So it is filled with values that are not requested again, and the requested ones are never in
/// it. A value of 64 KiB does not fit, because the table reserves a thirty-second for new entries.
const MEMORY: usize = 64 * 1_024;
const FILLING: Size = Size { bytes: 0, keys: 4_000 };
/// The number of values that are loaded at once.
const LOADS: usize = 64;
/// A profiler, or a machine with other things to do, is no outage.
const PATIENCE: Duration = Duration::from_secs(10);

static ASKED: AtomicU64 = AtomicU64::new(0);

/// A value that is in Redis, and would be in memory if there were room.
#[cached(ttl = "1h", key_prefix = "tiered")]
async fn tiered(_id: u64, size: Size) -> String {
    size.value()
}

/// A value that is in Redis alone, as in mode `redis`.
#[cached(ttl = "1h", key_prefix = "redis", tier = "redis")]
async fn redis(_id: u64) -> String {
    SMALL.value()
}

/// Makes the cache of this process, and loads all values.
///
/// # Errors
///
/// If Redis cannot be used.
pub async fn start(url: &str) -> Result<(), Error> {
    cache_runtime::install(connect(url, &SIZES).await?)?;
    ASKED.store(0, Ordering::Relaxed);
    Ok(())
}

/// Returns a cache with all values of these sizes loaded, and nothing counted yet.
///
/// # Errors
///
/// If Redis cannot be used.
pub async fn connect(url: &str, sizes: &[Size]) -> Result<CacheManager, Error> {
    let config = CacheConfig::default()
        .mode(Mode::Tiered)
        .redis_url(url)
        .require_redis(true)
        .redis_timeout(PATIENCE)
        .memory_capacity(MEMORY);
    let manager = CacheManager::connect(config).await?;
    for &size in [FILLING].iter().chain(sizes) {
        load(&manager, size, move |ids| ask_tiered(size, ids)).await;
    }
    load(&manager, SMALL, ask_redis).await;
    manager.reset_stats();
    Ok(manager)
}

async fn load<F>(manager: &CacheManager, size: Size, ask: impl Fn(Ids) -> F + Copy + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let ask = |ids| {
        let manager = manager.clone();
        async move { with(&manager, ask(ids)).await }
    };
    spread(LOADS, size.keys as usize, &Cursor::new(size.keys), None, ask).await;
}

/// Requests values that are in Redis, and would be in memory if there were room.
pub async fn ask_tiered(size: Size, ids: Ids) {
    ASKED.fetch_add(ids.left() as u64, Ordering::Relaxed);
    for id in ids {
        assert_eq!(tiered(id, size).await.len(), size.bytes);
    }
}

/// Requests values that are in Redis alone.
pub async fn ask_redis(ids: Ids) {
    ASKED.fetch_add(ids.left() as u64, Ordering::Relaxed);
    for id in ids {
        assert_eq!(redis(id).await.len(), SMALL.bytes);
    }
}

/// Returns the counts since the last call, if all calls were answered by Redis.
///
/// # Errors
///
/// If not all of them were answered by Redis, also by an answer that several calls have shared.
pub fn answered_by_redis() -> Result<Counts, Failure> {
    let (stats, asked) = (cache().stats(), ASKED.load(Ordering::Relaxed));
    let counts = stats.total;
    if counts.redis_hits + counts.coalesced != asked || counts.memory_hits + counts.loads != 0 {
        return Err(format!("not all of {asked} calls were answered by Redis:\n{stats}").into());
    }
    forget_counts();
    Ok(counts)
}

fn forget_counts() {
    cache().reset_stats();
    ASKED.store(0, Ordering::Relaxed);
}
