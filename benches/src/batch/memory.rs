//! Ids whose values are in memory.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_runtime::cached;

use crate::ready;

/// Requests the values of these ids; loads those that are not there.
pub type Ask = fn(&[u64]);

/// The ways to get a `HashMap`, the one that the others are compared with first.
pub const MAPS: [(&str, Ask); 3] = [
    ("100 single hits", |ids| {
        let each = ids.iter().map(|id| (*id, ready(single(*id))));
        black_box(each.collect::<HashMap<_, _>>());
    }),
    ("cache-runtime", |ids| _ = black_box(ready(many(ids)))),
    ("cache-runtime, entry", |ids| _ = black_box(ready(many_of_single(ids)))),
];

/// The ways to get a `Vec`.
pub const LISTS: [(&str, Ask); 3] = [
    ("100 single hits", |ids| {
        let each = ids.iter().map(|id| ready(single(*id)));
        black_box(each.collect::<Vec<_>>());
    }),
    ("cache-runtime", |ids| _ = black_box(ready(list(ids)))),
    ("cache-runtime, entry", |ids| _ = black_box(ready(list_of_single(ids)))),
];

/// The number of ids that were loaded. Between fills it must not change, or the measured calls were not hits.
static LOADS: AtomicUsize = AtomicUsize::new(0);

/// Returns the number of ids that were loaded by any function of this module.
pub fn loads() -> usize {
    LOADS.load(Ordering::Relaxed)
}

/// The body of the functions.
pub(super) fn value(id: u64) -> u64 {
    LOADS.fetch_add(1, Ordering::Relaxed);
    id * 10
}

#[cached(ttl = "1h", key_prefix = "in_memory:single", key = "{id}")]
async fn single(id: u64) -> u64 {
    value(id)
}

#[cached(ttl = "1h", key_prefix = "in_memory:many", key = "{id}", each(id in ids))]
async fn many(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, value(*id))).collect()
}

#[cached(entry = single(id), each(id in ids))]
async fn many_of_single(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, value(*id))).collect()
}

#[cached(ttl = "1h", key_prefix = "in_memory:list", key = "{id}", each(id in ids))]
async fn list(ids: &[u64]) -> Vec<u64> {
    ids.iter().map(|id| value(*id)).collect()
}

#[cached(entry = single(id), each(id in ids))]
async fn list_of_single(ids: &[u64]) -> Vec<u64> {
    ids.iter().map(|id| value(*id)).collect()
}
