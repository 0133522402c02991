//! Options whose value is an expression, and results that are stored as they are.

use std::sync::LazyLock;
use std::time::Duration;

use cache_runtime::{CacheManager, cache_invalidate, cache_put, cached};
use serde::{Deserialize, Serialize};

static TTL: LazyLock<Duration> = LazyLock::new(|| Duration::from_secs(60));
static CACHE: LazyLock<CacheManager> = LazyLock::new(CacheManager::off);
const VERSION: u64 = 3;
const JITTER: f64 = 0.1;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Failure;

fn ttl() -> Duration {
    *TTL
}

#[cached(ttl = *TTL, stale_while_revalidate = ttl() * 2, stale_if_error = (*TTL), load_timeout = { *TTL })]
async fn durations(id: u64) -> Result<Option<u64>, Failure> {
    Ok(Some(id))
}

#[cached(version = VERSION, jitter = JITTER / 2.0, cost = 0.1 * 2.0, early_refresh = 1.0 + JITTER)]
async fn numbers(id: u64) -> u64 {
    id
}

#[cached(output = "plain")]
async fn whole(id: u64) -> Result<u64, Failure> {
    if id > 0 { Ok(id) } else { Err(Failure) }
}

#[cached(manager = &CACHE)]
async fn in_a_static(id: u64) -> u64 {
    id
}

#[cache_invalidate(prefix = "in_a_static", manager = (&CACHE))]
#[cache_put(entry = in_a_static(id), manager = { &*CACHE })]
async fn changed_in_a_static(id: u64) -> u64 {
    id
}

#[cached(skip(_cache), manager = _cache)]
async fn in_an_argument(_cache: &CacheManager, id: u64) -> u64 {
    id
}

#[cached(skip(cache), manager = &cache, stale_while_revalidate = "1m")]
async fn in_the_background(cache: CacheManager, id: u64) -> u64 {
    drop(cache);
    id
}

fn main() {}
