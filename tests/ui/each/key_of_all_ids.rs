use std::collections::HashMap;

use cache_runtime::cached;

#[cached(key = "{ids}", tags = ["of:{ids}"], each(id in ids))]
async fn template(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

#[cached(key = (id, ids.len()), each(id in ids))]
async fn expression(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

#[cached(skip(ids), each(id in ids))]
async fn skipped(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
