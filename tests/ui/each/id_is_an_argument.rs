use std::collections::HashMap;

use cache_runtime::cached;

#[cached(each(id in ids))]
async fn titles(ids: &[u64], id: u64) -> HashMap<u64, String> {
    ids.iter().map(|other| (*other, id.to_string())).collect()
}

fn main() {}
