use std::collections::HashMap;

use cache_runtime::cache_put;

#[cache_put(each(id in ids))]
async fn rename(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
