use std::collections::HashMap;

use cache_runtime::{cache_put, cached};

#[cached]
async fn title(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = title(id), each(id in idz))]
async fn rename(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

#[cache_put(entry = title(id), each(id in id))]
async fn renamed(id: u64) -> HashMap<u64, String> {
    [(id, id.to_string())].into()
}

fn main() {}
