//! `cache-runtime`, in its process's own manager. All settings but the capacity are the defaults.

use std::sync::{Arc, LazyLock};

use cache_runtime::{CacheConfig, CacheManager, cached};

use super::value::{Large, Record, load};
use super::{Ask, ROOM, Values, each};
use crate::ready;

/// The maximum weight of an entry with a small value.
const BYTES_OF_AN_ENTRY: usize = 320;

/// The manager has room for as many small entries as the other caches, and for fewer large ones;
/// these are not requested in such numbers.
static INSTALLED: LazyLock<()> = LazyLock::new(|| {
    let config = CacheConfig::default().memory_capacity(ROOM * BYTES_OF_AN_ENTRY);
    let manager = CacheManager::builder().config(config).build().expect("a usable configuration");
    cache_runtime::install(manager).expect("no other manager");
});

pub(super) fn ask(values: Values) -> Option<Ask> {
    LazyLock::force(&INSTALLED);
    Some(match values {
        Values::Number => |calls| each(calls, |id, text| ready(number(id, text))),
        Values::Record => |calls| each(calls, |id, text| ready(record(id, text))),
        Values::Shared => |calls| each(calls, |id, text| ready(shared(id, text))),
        Values::Bytes => |calls| each(calls, |id, text| ready(bytes(id, text))),
    })
}

/// Does the same for a function that is not async.
pub(super) fn ask_without_async(values: Values) -> Option<Ask> {
    LazyLock::force(&INSTALLED);
    match values {
        Values::Number => Some(|calls| each(calls, blocking_number)),
        _ => None,
    }
}

#[cached(ttl = "5m")]
fn blocking_number(id: u64, text: &str) -> u64 {
    load(id, text)
}

#[cached(ttl = "5m")]
async fn number(id: u64, text: &str) -> u64 {
    load(id, text)
}

#[cached(ttl = "5m")]
async fn record(id: u64, text: &str) -> Record {
    load(id, text)
}

#[cached(ttl = "5m")]
async fn shared(id: u64, text: &str) -> Arc<Large> {
    load(id, text)
}

#[cached(ttl = "5m")]
async fn bytes(id: u64, text: &str) -> Vec<u8> {
    load(id, text)
}
