//! Invalidations that wait for the end of a transaction.

mod direct;
mod ends;
mod loads;
mod queues;
mod reads;
mod within;
mod written;

use cache_runtime::{cache_invalidate, cache_put, cached};

use crate::source::Source;

/// The row of an item. `source` is what the transaction sees.
#[cached(ttl = 60, key_prefix = "defer:item", key = "{id}", tags = ["defer-shelf:{shelf}"])]
async fn item(source: &Source, id: u64, shelf: u64) -> u64 {
    _ = (id, shelf);
    source.read().await
}

#[cached(ttl = 60, key_prefix = "defer:other", key = "{id}")]
async fn other(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = 60, key_prefix = "defer:derived", key = "{id}", tags_of = |value| [format!("defer-of:{value}")])]
async fn derived(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(ttl = 60, key_prefix = "defer:page", key = "{id}", inherit)]
async fn page(source: &Source, id: u64) -> u64 {
    item(source, id, 1).await * 10
}

#[cached(ttl = 60, key_prefix = "defer:title", key = "{id}", each(id in ids))]
async fn titles(source: &Source, ids: &[u64]) -> Vec<u64> {
    let value = source.read().await;
    ids.iter().map(|_| value).collect()
}

#[cache_invalidate(prefix = "defer:item:{id}")]
async fn change(source: &Source, id: u64, value: u64) {
    _ = id;
    source.set(value);
}

#[cache_invalidate(entry = item(source, id, 1))]
async fn change_entry(source: &Source, id: u64, value: u64) {
    _ = id;
    source.set(value);
}

#[cache_invalidate(tags = ["defer-shelf:{shelf}"])]
async fn change_shelf(source: &Source, shelf: u64, value: u64) {
    _ = shelf;
    source.set(value);
}

#[cache_put(entry = item(source, id, 1))]
async fn put_item(source: &Source, id: u64, value: u64) -> u64 {
    _ = id;
    source.set(value);
    value
}

/// A put whose entry is named by its value.
#[cache_put(entry = item(source, *result, 1), entry = other(source, id))]
async fn put_named(source: &Source, id: u64, value: u64) -> u64 {
    _ = id;
    source.set(value);
    value
}
