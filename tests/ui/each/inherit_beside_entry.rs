use std::collections::HashMap;

use cache_runtime::cached;

#[cached]
async fn title(id: u64) -> String {
    id.to_string()
}

#[cached(entry = title(id), each(id in ids), inherit)]
async fn titles(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
