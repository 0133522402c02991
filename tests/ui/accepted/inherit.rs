//! Functions that inherit from others, in each of the forms.

#![deny(warnings)]

use std::collections::HashMap;

use cache_runtime::cached;

#[cached]
async fn inner(id: u64) -> u64 {
    id
}

#[cached(inherit)]
async fn outer(id: u64) -> u64 {
    inner(id).await
}

#[cached(inherit = "tags", ttl = "1d", tags = ["id:{id}"], tags_of = |value: &u64| [*value])]
async fn with_tags(id: u64) -> u64 {
    outer(id).await
}

#[cached(key = "{id}", each(id in ids), inherit)]
async fn many(ids: &[u64]) -> HashMap<u64, u64> {
    inner(1).await;
    ids.iter().map(|id| (*id, *id)).collect()
}

#[cached]
fn local(id: u64) -> u64 {
    id
}

#[cached(inherit)]
fn of_local(id: u64) -> u64 {
    local(id)
}

fn main() {
    _ = (with_tags(1), many(&[1]), of_local(1));
}
