use std::collections::HashMap;

use cache_runtime::cached;

#[cached(key = "{id}", each = id in ids)]
async fn titles(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
