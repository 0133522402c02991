use std::collections::HashMap;

use cache_runtime::cached;

#[cached(key = "{id}:{lang}", each(id in idz))]
async fn titles(ids: &[u64], lang: &str) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, format!("{lang} {id}"))).collect()
}

fn main() {}
