//! `quick_cache` by hand: the least that a bounded concurrent cache can cost.

use std::sync::{Arc, LazyLock};

use quick_cache::sync::Cache;

use super::key::{Borrowed, Key};
use super::value::{Large, Record, Value, load};
use super::{Ask, ROOM, Values, each};
use crate::Arguments;

type Table<V> = Cache<Key, V>;

static NUMBERS: LazyLock<Table<u64>> = LazyLock::new(|| Cache::new(ROOM));
static RECORDS: LazyLock<Table<Record>> = LazyLock::new(|| Cache::new(ROOM));
static SHARED: LazyLock<Table<Arc<Large>>> = LazyLock::new(|| Cache::new(ROOM));
static BYTES: LazyLock<Table<Vec<u8>>> = LazyLock::new(|| Cache::new(ROOM));

pub(super) fn ask(values: Values) -> Option<Ask> {
    Some(match values {
        Values::Number => |calls| ask_in(&NUMBERS, calls),
        Values::Record => |calls| ask_in(&RECORDS, calls),
        Values::Shared => |calls| ask_in(&SHARED, calls),
        Values::Bytes => |calls| ask_in(&BYTES, calls),
    })
}

fn ask_in<V: Value>(table: &Table<V>, calls: &[Arguments]) {
    each(calls, |id, text| get(table, id, text));
}

#[inline]
fn get<V: Value>(table: &Table<V>, id: u64, text: &str) -> V {
    table.get(&Borrowed(id, text)).unwrap_or_else(|| {
        let value: V = load(id, text);
        table.insert((id, text.to_owned()), value.clone());
        value
    })
}
