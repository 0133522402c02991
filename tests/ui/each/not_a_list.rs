use std::collections::HashMap;

use cache_runtime::cached;

#[cached(each(id in ids))]
async fn one(ids: u64) -> HashMap<u64, String> {
    HashMap::from([(ids, ids.to_string())])
}

#[cached(each(id in ids))]
async fn text(ids: &str) -> HashMap<char, String> {
    ids.chars().map(|id| (id, id.to_string())).collect()
}

fn main() {}
