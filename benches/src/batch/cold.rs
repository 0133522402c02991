//! Ids that nobody has requested: loads that take no time, and slow ones that callers share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::cached;
use futures_util::future::join_all;

use super::memory::value;

/// The duration of a slow load.
const LOAD: Duration = Duration::from_millis(20);

/// The number of ids that were loaded slowly.
static SLOW_LOADS: AtomicUsize = AtomicUsize::new(0);

/// Returns the number of ids that [`slow`] has loaded so far.
pub fn slow_loads() -> usize {
    SLOW_LOADS.load(Ordering::Relaxed)
}

/// Makes a call for each id, one after another.
pub async fn one_by_one(ids: &[u64]) -> HashMap<u64, u64> {
    let mut values = HashMap::with_capacity(ids.len());
    for id in ids {
        values.insert(*id, in_turn(*id).await);
    }
    values
}

/// Makes a call for each id, all at once.
pub async fn side_by_side(ids: &[u64]) -> HashMap<u64, u64> {
    let each = ids.iter().map(|id| async move { (*id, beside(*id).await) });
    join_all(each).await.into_iter().collect()
}

#[cached(ttl = "1h", key_prefix = "cold:in_turn", key = "{id}")]
async fn in_turn(id: u64) -> u64 {
    value(id)
}

#[cached(ttl = "1h", key_prefix = "cold:beside", key = "{id}")]
async fn beside(id: u64) -> u64 {
    value(id)
}

/// Loads all ids at once.
#[cached(ttl = "1h", key_prefix = "cold:many", key = "{id}", each(id in ids))]
pub async fn many(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, value(*id))).collect()
}

/// Loads all ids at once, in 20 ms.
#[cached(ttl = "1h", key_prefix = "cold:slow", key = "{id}", each(id in ids))]
pub async fn slow(ids: &[u64]) -> HashMap<u64, u64> {
    SLOW_LOADS.fetch_add(ids.len(), Ordering::Relaxed);
    tokio::time::sleep(LOAD).await;
    ids.iter().map(|id| (*id, *id)).collect()
}
