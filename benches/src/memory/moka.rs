//! `moka`, its asynchronous cache with a bound and a TTL: `get_with`, after a `get` by a borrowed
//! key, so that a hit allocates no key.

use std::sync::{Arc, LazyLock};

use moka::future::Cache;

use super::key::{Borrowed, Key};
use super::value::{Large, Record, Value, load};
use super::{Ask, ROOM, TTL, Values, each};
use crate::{Arguments, ready};

static NUMBERS: LazyLock<Cache<Key, u64>> = LazyLock::new(cache);
static RECORDS: LazyLock<Cache<Key, Record>> = LazyLock::new(cache);
static SHARED: LazyLock<Cache<Key, Arc<Large>>> = LazyLock::new(cache);
static BYTES: LazyLock<Cache<Key, Vec<u8>>> = LazyLock::new(cache);

pub(super) fn ask(values: Values) -> Option<Ask> {
    Some(match values {
        Values::Number => |calls| ask_in(&NUMBERS, calls),
        Values::Record => |calls| ask_in(&RECORDS, calls),
        Values::Shared => |calls| ask_in(&SHARED, calls),
        Values::Bytes => |calls| ask_in(&BYTES, calls),
    })
}

fn cache<V: Value>() -> Cache<Key, V> {
    Cache::builder().max_capacity(ROOM as u64).time_to_live(TTL).build()
}

fn ask_in<V: Value>(cache: &Cache<Key, V>, calls: &[Arguments]) {
    each(calls, |id, text| ready(get(cache, id, text)));
}

async fn get<V: Value>(cache: &Cache<Key, V>, id: u64, text: &str) -> V {
    match cache.get(&Borrowed(id, text)).await {
        Some(value) => value,
        None => cache.get_with((id, text.to_owned()), async { load(id, text) }).await,
    }
}
