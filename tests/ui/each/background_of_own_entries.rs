use std::collections::HashMap;

use cache_runtime::cached;

#[cached(each(id in ids), background = true)]
async fn titles(ids: Vec<u64>) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
