use std::collections::HashMap;

use cache_runtime::cached;

const LIMIT: u64 = 0;

#[cached(each(id in ids), max_batch = LIMIT)]
async fn titles(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
