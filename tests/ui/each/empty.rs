use std::collections::HashMap;

use cache_runtime::cached;

#[cached(each())]
async fn titles(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
