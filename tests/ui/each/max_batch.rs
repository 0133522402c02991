use std::collections::HashMap;

use cache_runtime::cached;

#[cached(each(id in ids), max_batch = 0)]
async fn none(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

#[cached(each(id in ids), max_batch = "100")]
async fn text(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

#[cached(max_batch = 100)]
async fn alone(ids: Vec<u64>) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
